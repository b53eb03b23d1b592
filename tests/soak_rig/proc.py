"""What /proc says of processes, and waiting for a condition."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from processes import stat_fields

POLL_S = 0.01
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

T = TypeVar("T")


class NotInTime(Exception):
    """A condition did not hold within its bound."""


def wait_for(what: str, condition: Callable[[], T], seconds: float) -> T:
    """Polls until the condition is true and returns its value. Raises NotInTime."""
    until_s = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > until_s:
            raise NotInTime(f"{what}: not within {seconds:g} s")
        time.sleep(POLL_S)
    return value


def cpu_s(pid: int) -> float:
    """User and system time of the process so far."""
    fields = stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S if fields else 0.0


def of_session(session: int) -> list[int]:
    """All processes of a session that have not ended; zombies too."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and (fields := stat_fields(int(entry.name))) and int(fields[3]) == session
    ]


@dataclass(frozen=True)
class Usage:
    """Of one process at one moment."""

    pss_kib: int
    rss_kib: int
    descriptors: int


def usage(pid: int) -> Usage:
    """Raises OSError if the process has ended."""
    sizes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split(":", 1)
        sizes[name] = int(value.split()[0])
    return Usage(sizes["Pss"], sizes["Rss"], len(os.listdir(f"/proc/{pid}/fd")))


def free_descriptor(pid: int) -> int:
    """The lowest number that no descriptor of the process has: the next one's."""
    used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    return next(n for n in range(len(used) + 1) if n not in used)
