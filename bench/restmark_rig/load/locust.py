"""A Locust master on this machine and a worker on each load machine, for as long as a run lasts.

Workers on other machines are started by ssh, and end with its connection. A process here ends when its standard input does, so also when
the rig is killed.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..contestants.cache import Cache
from ..host import input_end, ports, proctree, ssh
from ..host.supervised import tail
from ..model.errors import EnvironmentFault
from . import cluster, load_program, locust_program
from .cluster import ClusterEngine, Master, MasterGone
from .host_file import LoadHost

_LOOPBACK = "127.0.0.1"
_PATIENCE_S = 120.0
_PATIENCE_EACH_S = 2.0
_POLL_S = 0.1
_END_S = ssh.KILL_AFTER_S + 10.0
_SSH_S = 60.0

# Where 'restmark setup distributed' puts it on the far side, behind what is on PATH there. A worker writes the locustfile that it is sent to a
# fixed name in the folder for temporary files, so that each gets a folder of its own: two on one machine would read each other's half.
_WORKER = (
    'PATH="$PATH:${RESTMARK_CACHE:-$HOME/.cache/restmark}/toolchains/locust/bin"; '
    "TMPDIR=$(mktemp -d) || exit; export TMPDIR; trap 'rm -rf \"$TMPDIR\"' EXIT; trap 'exit 143' TERM HUP INT; "
    '"$@" & wait "$!"'
)
_KEEP = (
    'd="${RESTMARK_CACHE:-$HOME/.cache/restmark}/load"; f="$d/restmark-load-$1"; mkdir -p "$d" && '
    '{ [ -x "$f" ] || { cat >"$f.$$" && chmod 755 "$f.$$" && mv "$f.$$" "$f"; }; } && printf "%s\\n" "$f"'
)


@dataclass
class _Process:
    """A program that runs until its standard input ends."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def death(self) -> str:
        """How it ended, with its last lines; empty while it runs."""
        code = self.process.poll()
        return "" if code is None else f"{self.name} ended with exit code {code}; last lines of {self.log}:\n{tail(self.log)}"

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
        master = _start("the Locust master", ssh.guarded_words(argv), _log(cache, "master"), stack)
        workers = []
        for host in hosts:
            tell(f"starting a worker on {host.name}")
            log = _log(cache, host.name)
            workers.append(_start(f"the worker on {host.name}", _worker_words(host, program, address, port), log, stack))
        tell("waiting for the load machines")
        yield _joined(Master(_LOOPBACK, page), master, workers)


def _joined(master: Master, process: _Process, workers: Sequence[_Process]) -> ClusterEngine:
    patience_s = _PATIENCE_S + _PATIENCE_EACH_S * len(workers)
    deadline = time.monotonic() + patience_s
    while True:
        for one in (process, *workers):
            if told := one.death():
                raise EnvironmentFault(told, "mend what they say; the load machines need Locust ('restmark setup distributed' there)")
        try:
            if len(master.ask("/restmark/machines")) >= len(workers):
                return cluster.join(master)
        except MasterGone:
            if time.monotonic() > deadline:
                raise
        if time.monotonic() > deadline:
            logs = "; ".join(f"{one.name}: {one.log}" for one in workers)
            raise EnvironmentFault(f"not all load machines have reached the master in {patience_s:.0f} s", f"see their logs: {logs}")
        time.sleep(_POLL_S)


def address_seen_by(hosts: Sequence[LoadHost]) -> str:
    """The address of this machine that the first of the machines behind ssh sees; the loopback's if all are local. Raises EnvironmentFault."""
    for host in hosts:
        if host.target is not None:
            told = _asked(host, ["sh", "-c", 'echo "$SSH_CONNECTION"']).split()
            if told:
                return told[0]
            raise EnvironmentFault(f"{host.name} does not tell by which address it sees this machine", "say it: --listen ADDRESS")
    return _LOOPBACK


def _worker_words(host: LoadHost, program: str, address: str, port: int) -> list[str]:
    local = host.target is None
    tool = host.load or (str(load_program.path()) if local else _copied(host))
    argv = ["env", f"RESTMARK_MACHINE={host.name}", f"RESTMARK_LOAD={tool}"]
    if host.cpus:
        argv += ["taskset", "-c", host.cpus]
    argv += [host.locust or (program if local else "locust")]
    argv += ["-f", "-", "--worker", "--master-host", address, "--master-port", str(port)]
    words = ["sh", "-c", _WORKER, "sh", *argv]
    return ssh.guarded_words(words) if host.target is None else ssh.ssh_command(host.target, words)


def _copied(host: LoadHost) -> str:
    """restmark-load of this rig on the other machine, where it stays in the cache; its path there."""
    mine = load_program.path()
    return _asked(host, ["sh", "-c", _KEEP, "sh", hashlib.sha256(mine.read_bytes()).hexdigest()[:16]], mine.read_bytes()).strip()


def _asked(host: LoadHost, argv: Sequence[str], given: bytes = b"") -> str:
    assert host.target is not None
    words = ssh.ssh_command(host.target, argv, reads_stdin=True)
    try:
        done = subprocess.run(words, input=given, capture_output=True, timeout=_SSH_S, check=False)
    except subprocess.TimeoutExpired:
        raise EnvironmentFault(f"{host.name} did not answer in {_SSH_S:.0f} s: {shlex.join(words)}", "run it by hand") from None
    except FileNotFoundError:
        raise EnvironmentFault("there is no ssh on this machine", f"restmark setup {locust_program.NAME}") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise EnvironmentFault(f"{host.name} can not be used: {said or f'exit code {done.returncode}'}", f"try: ssh {host.target.text} true")
    return done.stdout.decode(errors="replace")


def _log(cache: Cache, name: str) -> Path:
    log = cache.log_file(f"locust-{name}")
    log.unlink(missing_ok=True)
    log.touch()
    return log


def _start(name: str, argv: Sequence[str], log: Path, stack: ExitStack) -> _Process:
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
    found = _Process(name, process, log)
    stack.callback(found.end)
    return found
