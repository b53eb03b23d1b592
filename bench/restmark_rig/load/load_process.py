"""The process of a load generator: on the client's CPUs, gone when the rig is gone, and the rig out of the server's way."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..host import proctree
from ..model.errors import EnvironmentFault

_THREADS = "/proc/self/task"


def start(argv: list[str], cpus: frozenset[int] | None) -> subprocess.Popen[str]:
    """Starts a load generator on these CPUs, its output in a pipe.

    What it reads and what it says of errors are pipes, too. The kernel kills it when the thread that called this ends, so that
    no load outlives a rig that was killed.
    """
    rig = os.getpid()

    def prepare() -> None:
        proctree.die_with_parent(rig)
        if cpus:
            os.sched_setaffinity(0, cpus)

    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True, preexec_fn=prepare)


@dataclass(frozen=True)
class Ended:
    """A load generator that has ended. told: what it wrote to standard error."""

    returncode: int
    output: str
    told: str
    cpu_ns: int


def finish(argv: list[str], cpus: frozenset[int] | None, timeout_s: float) -> Ended:
    """Runs a load generator that takes no commands to its end. Raises EnvironmentFault if that does not come in time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with beside(cpus), start(argv, cpus) as process:
        try:
            output, told = process.communicate(timeout=timeout_s)
        except BaseException as error:
            process.kill()
            if isinstance(error, subprocess.TimeoutExpired):
                raise EnvironmentFault(f"{argv[0]} did not end: {' '.join(argv)}", "run it by hand") from None
            raise
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Ended(process.returncode, output, told, round(cpu_s * 1e9))


@contextmanager
def beside(cpus: frozenset[int] | None) -> Iterator[None]:
    """For the length of a with block all threads of the rig (its spinner, too) run on these CPUs only; None: anywhere.

    What the rig does during a load takes no time from the server then.
    """
    before: dict[int, set[int]] = {}
    for thread in map(int, os.listdir(_THREADS)) if cpus else ():
        with contextlib.suppress(ProcessLookupError):
            before[thread] = os.sched_getaffinity(thread)
            os.sched_setaffinity(thread, cpus or ())
    try:
        yield
    finally:
        for thread, allowed in before.items():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(thread, allowed)
