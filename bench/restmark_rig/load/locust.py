"""A Locust master on this machine and a worker on each load machine, for as long as a run lasts.

Workers on other machines are started by ssh, and end with its connection. A process here ends when its standard input does, so also when
the rig is killed.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..contestants.cache import Cache
from ..host import input_end, ports, proctree, ssh
from ..host.ssh import SshTarget
from ..host.supervised import tail
from ..model.errors import EnvironmentFault
from . import cluster, far_machine, load_program, locust_program
from .cluster import ClusterEngine
from .host_file import LoadHost
from .master import Master, MasterGone

_LOOPBACK = "127.0.0.1"
_PATIENCE_S = 120.0
_PATIENCE_EACH_S = 2.0
_POLL_S = 0.1
_END_S = ssh.KILL_AFTER_S + 10.0

_NO_ROOM = 73  # EX_CANTCREAT

# Where 'restmark setup distributed' puts it on the far side, behind what is on PATH there. A worker writes the locustfile that it is sent to a
# fixed name in the folder for temporary files, so that each gets a folder of its own: two on one machine would read each other's half. Python falls
# back to /tmp for a folder that takes no bytes, and what Locust wrote would be left there: so some are written first.
_WORKER = (
    'PATH="$PATH:${RESTMARK_CACHE:-$HOME/.cache/restmark}/toolchains/locust/bin"; '
    f'no() {{ printf "there is no room for a folder of the worker\'s own in %s\\n" "${{TMPDIR:-/tmp}}" >&2; exit {_NO_ROOM}; }}; '
    "own=$(mktemp -d) || no; trap 'rm -rf \"$own\"' EXIT; trap 'exit 143' TERM HUP INT; "
    'head -c 1048576 /dev/zero >"$own/room" && rm "$own/room" || no; export TMPDIR="$own"; '
    '"$@" & wait "$!"'
)


@dataclass
class _Process:
    """A program that runs until its standard input ends. target: of one on another machine, which ssh leads to."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    target: SshTarget | None = None

    def ending(self) -> str:
        """How it ended; empty while it runs."""
        code = self.process.poll()
        if code is None:
            return ""
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def require_alive(self) -> None:
        """Raises EnvironmentFault with its last lines if it has ended."""
        if ending := self.ending():
            raise EnvironmentFault(f"{self.name} {ending}; last lines of {self.log}:\n{tail(self.log)}", self._remedy())

    def _remedy(self) -> str:
        if self.process.returncode == _NO_ROOM:
            return "make room in that folder, or set TMPDIR there to another one"
        if self.target is not None and self.process.returncode == ssh.FAILED:
            return f"try: {ssh.by_hand(self.target)}"
        return "mend what they say; the load machines need Locust ('restmark setup distributed' there)"

    def end(self) -> None:
        input_end.close_and_wait(self.process, _END_S)


@contextmanager
def running(hosts: Sequence[LoadHost], address: str, cache: Cache, tell: Callable[[str], None]) -> Iterator[ClusterEngine]:
    """An engine of these machines. address: of this machine, at which they reach the master.

    Raises EnvironmentFault if one does not take part. Whatever ends the block, no master and no worker is left, here and there.
    """
    program = locust_program.path(cache)
    port, page = ports.choose(address), ports.choose(_LOOPBACK)
    argv = [program, "-f", str(locust_program.LOCUSTFILE), "--master", "--master-bind-host", address, "--master-bind-port", str(port)]
    argv += ["--web-host", _LOOPBACK, "--web-port", str(page)]
    with ExitStack() as stack:
        log = _log(cache, "master")
        master = _start("the Locust master", ssh.guarded_words(argv), log, stack)
        workers = {}
        for host in hosts:
            tell(f"starting a worker on {host.name}")
            words = _worker_words(host, program, address, port)
            workers[host.name] = _start(f"the worker on {host.name}", words, _log(cache, host.name), stack, host.target)
        tell("waiting for the load machines")
        yield _joined(Master(_LOOPBACK, page, str(log.with_name("locust-*.log"))), master, workers)


def _joined(master: Master, process: _Process, workers: Mapping[str, _Process]) -> ClusterEngine:
    patience_s = _PATIENCE_S + _PATIENCE_EACH_S * len(workers)
    deadline = time.monotonic() + patience_s

    def ending(name: str) -> str:
        told = workers[name].ending() if name in workers else ""
        return f"{'ssh to it' if workers[name].target else 'its process here'} {told}" if told else ""

    while True:
        for one in (process, *workers.values()):
            one.require_alive()
        try:
            told = master.ask(cluster.MACHINES)
            if len(told) >= len(workers):
                return cluster.of_machines(master, told, ending)
        except MasterGone:
            if time.monotonic() > deadline:
                raise
        if time.monotonic() > deadline:
            logs = "; ".join(f"{one.name}: {one.log}" for one in workers.values())
            raise EnvironmentFault(f"not all load machines have reached the master in {patience_s:.0f} s", f"see their logs: {logs}")
        time.sleep(_POLL_S)


def address_seen_by(hosts: Sequence[LoadHost]) -> str:
    """The address of this machine that the first of the machines behind ssh sees; the loopback's if all are local. Raises EnvironmentFault."""
    return next((far_machine.address_of_this(host) for host in hosts if host.target is not None), _LOOPBACK)


def _worker_words(host: LoadHost, program: str, address: str, port: int) -> list[str]:
    local = host.target is None
    far_machine.require_cpus(host)
    tool = host.load or (str(load_program.path()) if local else far_machine.keep_load_program(host))
    argv = ["env", f"RESTMARK_MACHINE={host.name}", f"RESTMARK_LOAD={tool}"]
    if host.cpus:
        argv += ["taskset", "-c", host.cpus]
    argv += [host.locust or (program if local else "locust")]
    argv += ["-f", "-", "--worker", "--master-host", address, "--master-port", str(port)]
    words = ["sh", "-c", _WORKER, "sh", *argv]
    return ssh.guarded_words(words) if host.target is None else ssh.ssh_command(host.target, words)


def _log(cache: Cache, name: str) -> Path:
    log = cache.log_file(f"locust-{name}")
    log.unlink(missing_ok=True)
    log.touch()
    return log


def _start(name: str, argv: Sequence[str], log: Path, stack: ExitStack, target: SshTarget | None = None) -> _Process:
    rig = os.getpid()
    with log.open("ab") as file:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            start_new_session=True,  # Ctrl-C is the rig's alone
            preexec_fn=lambda: proctree.die_with_parent(rig),
        )
    found = _Process(name, process, log, target)
    stack.callback(found.end)
    return found
