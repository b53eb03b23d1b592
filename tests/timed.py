"""What tests need whose subject is time: to go before other work on the machine, where the user may say so, and to measure again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_NICENESS = -15
_AUTOGROUP = Path("/proc/self/autogroup")


@contextmanager
def before_others() -> Iterator[None]:
    """For a with block: this process, and what it starts."""
    usual, of_session = os.getpriority(os.PRIO_PROCESS, 0), _session_niceness() if _has_the_session() else None
    try:
        os.setpriority(os.PRIO_PROCESS, 0, _NICENESS)
    except PermissionError:
        yield
        return
    try:
        # Where the kernel shares CPUs among sessions first, niceness counts within a session alone. Who else is in it would go before all servers, which have
        # sessions of their own.
        if of_session is not None:
            _AUTOGROUP.write_text(str(_NICENESS))
        yield
    finally:
        if of_session is not None:
            _AUTOGROUP.write_text(str(of_session))
        os.setpriority(os.PRIO_PROCESS, 0, usual)


def _has_the_session() -> bool:
    """Whether nobody is in this process's session but those that it comes from and those that come from it."""
    own = psutil.Process()
    kin = {own.pid, *(one.pid for one in (*own.parents(), *own.children(recursive=True)))}
    return not any(_session(pid) == os.getsid(0) for pid in psutil.pids() if pid not in kin)


def _session(pid: int) -> int | None:
    """None of a process that has ended."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _session_niceness() -> int | None:
    """That of this process's session; None where there is no such thing."""
    try:
        return int(_AUTOGROUP.read_text().rpartition(" ")[2])
    except (FileNotFoundError, ValueError):
        return None


def undisturbed(measure: Callable[[], None], tries: int = 12) -> None:
    """Clocks of two processes agree only while both have a CPU: on a busy machine a comparison is made again. One that is wrong stays so."""
    for left in reversed(range(tries)):
        try:
            measure()
            return
        except AssertionError:
            if left == 0:
                raise
