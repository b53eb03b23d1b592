"""Processes below a process, and what the kernel says about their CPU. Standard library only: supervisor.py uses it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

PROC = Path("/proc")
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """prctl(2) with one value. Raises OSError."""
    if _LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def die_with_parent(parent: int) -> None:
    """For a forked child before its exec: has the kernel kill it when its parent, of that pid, ends. Raises OSError."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above could take effect
        os._exit(127)


def _stat_fields(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the state on (field 3), or None if there is no such process."""
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name stands in parentheses and may contain both spaces and parentheses.
    return text[text.rindex(")") + 2 :].split()


def all_pids() -> list[int]:
    """Pids of all processes that can be seen from here, zombies included."""
    return [int(entry) for entry in os.listdir(PROC) if entry.isdigit()]


def descendants(root: int) -> list[int]:
    """Pids of all processes below root (without it), zombies excluded: by the kernel's lists of children.

    A list that is read while one on it ends may leave out others (proc(5)). The one that ended is found to be gone, and is why
    all processes of the machine are looked at then, for many times the cost; as they are where the kernel has no such lists.
    """
    found, pending = [], [root]
    try:
        while pending:
            parent = pending.pop()
            for thread in os.listdir(PROC / str(parent) / "task"):
                below = [int(pid) for pid in (PROC / str(parent) / "task" / thread / "children").read_bytes().split()]
                found.extend(below)
                pending.extend(below)
    except (FileNotFoundError, ProcessLookupError):
        return _found_among_all(root)
    return _found_among_all(root) if any(is_zombie(pid) for pid in found) else found


def _found_among_all(root: int) -> list[int]:
    """The same by the parents that all processes of the machine name."""
    children: dict[int, list[int]] = {}
    for pid in all_pids():
        if (fields := _stat_fields(pid)) is not None:
            children.setdefault(int(fields[1]), []).append(pid)
    found, pending = [], [root]
    while pending:
        below = children.get(pending.pop(), [])
        pending.extend(below)
        found.extend(below)
    return [pid for pid in found if not is_zombie(pid)]


def is_zombie(pid: int) -> bool:
    """Whether pid has ended (and at most waits to be reaped)."""
    fields = _stat_fields(pid)
    return fields is None or fields[0] in "ZX"


def command_name(pid: int) -> str:
    """Name of the process for messages; "?" once it is gone."""
    try:
        return (PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return "?"


def cpu_ns(pid: int) -> int | None:
    """CPU time (user and system, all threads, also ended ones) of a process, or None once it is gone.

    The per-process CPU clock counts nanoseconds; the times in /proc/PID/stat count ticks of 10 ms.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)  # CPUCLOCK_SCHED of pid, see clock_getcpuclockid(3)
    except OSError:
        return None


def runqueue_wait_ns(pids: Iterable[int]) -> int:
    """Time for which the threads of pids were ready to run but had no CPU. Who ends takes his own with him; see RunqueueWait."""
    return sum(_runqueue_waits_ns(pids).values())


def _runqueue_waits_ns(pids: Iterable[int]) -> dict[int, int]:
    """By thread: field 2 of schedstat."""
    return {int(folder.name): int(text.split()[1]) for folder, text in _of_threads(pids, "schedstat")}


def _of_threads(pids: Iterable[int], name: str) -> Iterator[tuple[Path, bytes]]:
    """Each thread's folder in /proc, and what such a file in it says; without those that have ended."""
    for pid in pids:
        try:
            threads = os.listdir(PROC / str(pid) / "task")
        except (FileNotFoundError, ProcessLookupError):
            continue
        for thread in threads:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                folder = PROC / str(pid) / "task" / thread
                yield folder, (folder / name).read_bytes()


def n_runnable(pids: Iterable[int]) -> int:
    """How many threads of pids run, or want to, at this moment. The kernel counts a thread's wait for a CPU only when it gets one: of who gets none
    this is all that tells."""
    return sum(text.rpartition(b") ")[2].startswith(b"R") for _, text in _of_threads(pids, "stat"))


class RunqueueWait:
    """Time for which threads were ready to run but had no CPU, those that have ended included, up to when each was last looked at. Without those a server that
    forks for each request would seem to wait less and less while it starves."""

    def __init__(self) -> None:
        self._last_ns: dict[int, int] = {}
        self._ended_ns = 0

    def read_ns(self, pids: Iterable[int]) -> int:
        """Nanoseconds; never less than the last time."""
        now_ns = _runqueue_waits_ns(pids)
        for thread, last_ns in self._last_ns.items():
            if now_ns.get(thread, -1) < last_ns:  # it has ended, or another one has its number
                self._ended_ns += last_ns
        self._last_ns = now_ns
        return self._ended_ns + sum(now_ns.values())


class ProcessTree:
    """Accounts for all processes below a supervisor. Used where no control group can be made."""

    kind = "process tree"
    caveat = "CPU time of processes that end between two readings is lost"

    def __init__(self, root: int) -> None:
        self._root = root
        self._last_ns: dict[int, int] = {}

    def pids(self) -> list[int]:
        """The live processes."""
        return descendants(self._root)

    def cpu_ns(self) -> int:
        """CPU time used so far by all processes seen, nanoseconds."""
        for pid in self.pids():
            if (used := cpu_ns(pid)) is not None:
                self._last_ns[pid] = used
        return sum(self._last_ns.values())
