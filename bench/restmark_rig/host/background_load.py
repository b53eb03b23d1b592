"""Who else uses the CPUs of a run: looked at before it begins, so that nobody learns of it after half an hour."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from ..model.budget import QUIET_SHARE, clock
from ..model.errors import EnvironmentFault
from . import machine
from .machine import BusyProcess

_QUIET_LOOKS = 3  # in a row: a build pauses for a second between two steps
_NAMED = 3
_STAT = Path("/proc/stat")


@dataclass(frozen=True)
class BackgroundLoad:
    """CPU time that others took within a second. used: CPUs' worth; cpus: of so many; processes: the busiest, as far as
    they can be seen from here."""

    used: float
    cpus: int
    processes: tuple[BusyProcess, ...] = ()

    @property
    def share(self) -> float:
        return self.used / self.cpus

    @property
    def quiet(self) -> bool:
        return self.share <= QUIET_SHARE

    @property
    def text(self) -> str:
        """ "others use 1.6 of the 2 CPUs of this run (wrk 41 %, rustc 31 % of a CPU)"."""
        names = ", ".join(f"{process.name} {process.percent:.0f} %" for process in self.processes[:_NAMED])
        who = f"{names} of a CPU" if names else "no process that is seen from here: another container, or the host"
        cpus = f"the {self.cpus} CPUs" if self.cpus > 1 else "the only CPU"
        return f"others use {self.used:.1f} of {cpus} of this run ({who})"


def look(cpus: Collection[int]) -> BackgroundLoad:
    """How much of these CPUs others use now; takes a second. Stolen time counts, the rig's own does not."""
    before, own_before = _times(cpus), time.process_time()
    processes, _ = machine.busy_processes()
    own_s, after = time.process_time() - own_before, _times(cpus)
    busy, total = (late - early for early, late in zip(before, after, strict=True))
    used = busy / total * len(cpus) if total else 0.0
    elapsed_s = total / machine.TICKS_PER_S / len(cpus)
    return BackgroundLoad(max(0.0, used - own_s / elapsed_s) if elapsed_s else 0.0, len(cpus), tuple(processes))


def _times(cpus: Collection[int]) -> tuple[int, int]:
    """(busy, all) ticks of the CPUs since the machine began. Guests' time is within user time already."""
    busy = total = 0
    for line in _STAT.read_text(encoding="ascii").splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cpus:
            user, nice, system, idle, iowait, irq, softirq, steal = map(int, fields[:8])
            busy += user + nice + system + irq + softirq + steal
            total += user + nice + system + idle + iowait + irq + softirq + steal
    return busy, total


def wait_for_quiet(
    look_now: Callable[[], BackgroundLoad],
    limit_s: float,
    tell: Callable[[str], None],
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Looks again and again until nobody else uses the CPUs. Raises EnvironmentFault if that is not so within limit_s."""
    ends, looks = now() + limit_s, 0
    while looks < _QUIET_LOOKS:
        found = look_now()
        looks = looks + 1 if found.quiet else 0
        if not looks and now() >= ends:
            raise EnvironmentFault(
                f"the CPUs were not quiet within {clock(limit_s)}: {found.text}",
                "stop what runs there, wait longer with --wait-for-quiet=MINUTES, or measure without it",
            )
        if not found.quiet:
            tell(f"waiting for quiet, for {clock(max(0.0, ends - now()))} at most: {found.text}")
