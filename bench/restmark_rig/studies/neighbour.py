"""What a study starts beside servers: programs of its own, compiled when they are needed, and others' that listen on a port. All end with the study."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..contestants import own_program
from ..contestants.builder import Reporter
from ..contestants.cache import Cache
from ..host import ports
from ..host.supervised import ProcessSpec, SupervisedProcess, tail
from ..model.errors import StartFailed
from .lab import Lab
from .study import CannotTell

_READY_S = 20.0
_POLL_S = 0.02
_STOP_S = 5.0


class Neighbour:
    """A program that runs and listens on a port of 127.0.0.1."""

    def __init__(self, name: str, port: int, log: Path, process: SupervisedProcess) -> None:
        self.name = name
        self.port = port
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """Of the process that was started."""
        return self._process.pid

    def cpu_ns(self) -> int:
        """CPU time of it and all that it forked, so far."""
        return self._process.scope.cpu_ns()

    def stop(self) -> str:
        """Ends it; returns what it has written. Safe to call again."""
        self._process.stop(_STOP_S)
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def running(
    lab: Lab, name: str, argv: Sequence[str], port: int, cpus: frozenset[int] | None, env: Mapping[str, str] | None = None, told: str = ""
) -> Iterator[Neighbour]:
    """The program for the length of a with block. told: what it says when it is ready, where its port can not be reached from here.

    Raises StartFailed if it ends, or does not listen in time.
    """
    log = lab.cache.log_file(f"study.{name}.{port}")
    log.unlink(missing_ok=True)
    log.touch()
    spec = ProcessSpec(label=name, argv=argv, env=env or {}, cwd=log.parent, log=log, cpus=cpus)
    with SupervisedProcess(spec) as process:
        _await_ready(name, port, log, process, told)
        yield Neighbour(name, port, log, process)
        process.stop(_STOP_S)


def _await_ready(name: str, port: int, log: Path, process: SupervisedProcess, told: str) -> None:
    deadline = time.monotonic() + _READY_S
    while (left := deadline - time.monotonic()) > 0:
        if process.wait(min(_POLL_S, left)) is not None:
            raise StartFailed(f"{name} ended before it listened on port {port}:\n{tail(log)}", f"see {log}")
        if told in log.read_text(encoding="utf-8", errors="replace") if told else _listens(port):
            return
    raise StartFailed(f"{name} does not listen on port {port} after {_READY_S:g} s:\n{tail(log)}", f"see {log}")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def compiled(source: Path, cache: Cache, reporter: Reporter) -> Path:
    """The program of a C source, built if need be. Raises CannotTell without a compiler, BuildFailed."""
    if lacking := own_program.lacking(source):
        raise CannotTell(lacking)
    return own_program.compiled(source, cache, reporter)


def free_port() -> int:
    """One of 127.0.0.1 that nobody listens on. Raises EnvironmentFault."""
    return ports.choose("127.0.0.1")
