"""Starts a contestant's server, waits until it is ready, and always stops exactly what it started."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..contestants import image, placeholders, versions
from ..contestants.back_end_access import NO_BACK_ENDS, BackEndAccess
from ..contestants.cache import Cache, make_folder
from ..contestants.contestant import Contestant
from ..host import ports
from ..host.ports import Abandoned
from ..host.supervised import ProcessSpec, StopReport, SupervisedProcess
from ..model.errors import StartFailed
from ..model.limits import UNLIMITED, Limits
from .http_probe import Connection, ProbeError
from .memory_look import MemoryReading
from .sampler import Counters
from .server_process import LocalProcess, ServerProcess, log_excerpt

_POLL_S = 0.02
_PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class StartOptions:
    """How to start: port 0 lets the rig choose; cpus None leaves the server unpinned.

    back_ends: how to reach those that run. limits: what it may use at most. shares_port: others may listen there, too.
    """

    dataset: Path
    host: str = "127.0.0.1"
    port: int = 0
    workers: int = 2
    cpus: frozenset[int] | None = None
    stop_grace_s: float = 10.0
    back_ends: BackEndAccess = NO_BACK_ENDS
    limits: Limits = UNLIMITED
    shares_port: bool = False

    def at_full_speed(self) -> StartOptions:
        """Without the limit of CPU time: whose quota is used up waits, and would be taken for one that sleeps."""
        return replace(self, limits=replace(self.limits, cpus=None))


class RunningServer:
    """A started, ready server. options: how it was started."""

    def __init__(self, contestant: Contestant, options: StartOptions, port: int, process: ServerProcess) -> None:
        self.contestant = contestant
        self.options = options
        self.host = options.host
        self.port = port
        self._process = process

    @property
    def pid(self) -> int:
        """Pid of the process that the manifest's argv started."""
        return self._process.pid

    @property
    def log(self) -> Path:
        """What it writes, on its machine."""
        return self._process.log

    @property
    def accounting(self) -> str:
        """Where CPU figures come from: "cgroup v2", "cgroup v1" or "process tree"."""
        return self._process.accounting

    @property
    def accounting_caveat(self) -> str:
        """What those figures can not say; empty if nothing."""
        return self._process.accounting_caveat

    @property
    def limited_by(self) -> str:
        """What limits its CPU time and memory, "cgroup v2" say; empty if nothing does."""
        return self._process.limited_by

    def pids(self) -> list[int]:
        """All live processes of the server."""
        return self._process.pids()

    def cpu_ns(self) -> int:
        """CPU time used by the server so far, user and system, nanoseconds."""
        return self._process.cpu_ns()

    def runqueue_wait_ns(self) -> int:
        """Time that the server's threads have spent ready to run without a CPU, nanoseconds."""
        return self._process.runqueue_wait_ns()

    def n_runnable(self) -> int:
        """How many threads of the server run, or want to, at this moment."""
        return self._process.n_runnable()

    def counters(self, cpus: frozenset[int] | None) -> Counters:
        """All that its machine has counted of it, and the use of these CPUs there, None for all that may be used."""
        return self._process.counters(cpus)

    def memory(self) -> MemoryReading:
        """Its memory now. Raises EnvironmentFault if restmark-rss fails."""
        return self._process.memory()

    def abandoned(self) -> Abandoned:
        """What clients have left behind at its port."""
        return self._process.abandoned()

    def oom_kills(self) -> int:
        """How many of its processes the kernel has killed at the limit of its memory."""
        return self._process.oom_kills()

    def connect(self, timeout_s: float = 10.0) -> Connection:
        """A new connection. Raises ProbeError."""
        return Connection(self.host, self.port, timeout_s)

    def death(self, wait_s: float = 0.0) -> str:
        """How the server ended, in words with the last lines of its log; empty if it still runs after wait_s."""
        return self._process.death(wait_s)

    def stop(self, grace_s: float = 10.0) -> StopReport:
        """Stops it and all it forked. Safe to call again."""
        return self._process.stop(grace_s)


@contextmanager
def launch(contestant: Contestant, options: StartOptions, cache: Cache) -> Iterator[RunningServer]:
    """Runs the contestant's server for the length of a with block.

    Raises StartFailed when it dies or is not ready in time, EnvironmentFault when the port is taken. Whatever ends
    the block, also Ctrl-C, the server and all that it forked are gone afterwards.
    """
    port = options.port or ports.choose(options.host)
    if options.port and not options.shares_port:
        ports.require_free(options.host, port)
    log = _fresh_log(cache.log(contestant, "server"))
    spec = _process_spec(contestant, options, port, cache, log)
    with SupervisedProcess(spec) as process:
        server = RunningServer(contestant, options, port, LocalProcess(process, port, log))
        _await_ready(server)
        yield server
        server.stop(options.stop_grace_s)


def _fresh_log(log: Path) -> Path:
    """A new file, so that another rig that still writes to the old one does not mix in."""
    log.unlink(missing_ok=True)
    log.touch()
    return log


def start_command(
    contestant: Contestant, options: StartOptions, port: int | str, cache: Cache, secrets: bool = False
) -> tuple[list[str], dict[str, str]]:
    """The command that starts the server, and what its manifest adds to the environment; secrets: passwords of back ends there, too."""
    values: Mapping[str, object] = {
        **contestant.placeholder_values(make_folder(cache.build_dir(contestant))),
        "address": ports.address(options.host, port),
        "host": options.host,
        "port": port,
        "workers": options.workers,
        "dataset": options.dataset.resolve(),
        **options.back_ends.values,
    }
    access = options.back_ends.secret_values if secrets else options.back_ends.values
    env = {
        **BackEndAccess.variables(access),
        **(options.back_ends.secret_variables if secrets else {}),
        **versions.path_variable(contestant.search_path),
        **placeholders.expand_values(contestant.start.env, {**values, **access}),
    }
    argv = placeholders.expand_all(contestant.start.argv, values)
    if contestant.image is not None:
        build_dir = cache.build_dir(contestant)
        argv = image.running(contestant.image, argv, env, (contestant.directory, options.dataset.resolve().parent), build_dir)
    return argv, env


def _process_spec(contestant: Contestant, options: StartOptions, port: int, cache: Cache, log: Path) -> ProcessSpec:
    argv, env = start_command(contestant, options, port, cache, secrets=True)
    return ProcessSpec(label=contestant.name, argv=argv, env=env, cwd=contestant.directory, log=log, cpus=options.cpus, limits=options.limits)


def _await_ready(server: RunningServer) -> None:
    """Polls until the ready path answers 200. Raises StartFailed."""
    contestant = server.contestant
    deadline = time.monotonic() + contestant.ready_timeout_s
    problem, answer = "nothing listened", ""
    while (left := deadline - time.monotonic()) > 0:
        if server.death(min(_POLL_S, left)):
            raise StartFailed(_death_at_start(server), "run its command by hand, or see the whole log")
        try:
            with server.connect(min(_PROBE_TIMEOUT_S, left)) as connection:
                response = connection.get(contestant.ready_path)
        except ProbeError as error:
            problem = str(error)
            continue
        if response.status == 200 and (not server.options.shares_port or _listens(server)):
            _require_own_listener(server)
            return
        answer = f"GET {contestant.ready_path} answered {response.status}{', but not by it' if response.status == 200 else ''}"
    raise StartFailed(
        f"{contestant.name}: not ready after {contestant.ready_timeout_s:g} s on port {server.port}: {answer or problem}\n"
        f"{log_excerpt(server.log)}",
        "see the log; raise ready.timeout_s in its contestant.toml if it only needs longer",
    )


def _death_at_start(server: RunningServer) -> str:
    text = f"{server.contestant.name}: the server {server.death()}"
    taken = ports.listeners(server.port)
    # Somebody may have taken the port between our look and the server's bind.
    return f"{text}\nport {server.port} is now held by {ports.holder(server.port)}" if taken else text


def _listens(server: RunningServer) -> bool:
    return not {*ports.listeners(server.port)}.isdisjoint(server.pids())


def _require_own_listener(server: RunningServer) -> None:
    """Raises StartFailed if it is not this server that answers on the port."""
    if any(pid is not None for pid in ports.listeners(server.port)) and not _listens(server):
        raise StartFailed(
            f"{server.contestant.name}: port {server.port} is answered by {ports.holder(server.port)}, which the rig "
            "did not start",
            "stop that process, or let the rig choose a free port",
        )
