"""What was seen of a server's memory, as it stands in results.json."""

from __future__ import annotations

from dataclasses import dataclass

REST, LOAD, AFTER = "rest", "load", "after"
MEMORY_PHASES = (REST, LOAD, AFTER)


@dataclass(frozen=True)
class ProcessMemory:
    """One process, KiB. role: e.g. "master" or "worker". None: the kernel did not let us read it."""

    pid: int
    role: str
    rss_kib: int | None
    pss_kib: int | None
    uss_kib: int | None
    shared_kib: int | None
    threads: int | None


@dataclass(frozen=True)
class MemoryTotals:
    """Sums over the processes, KiB. Only pss_kib adds up; rss_kib counts shared pages once for each process."""

    rss_kib: int | None
    pss_kib: int | None
    uss_kib: int | None


@dataclass(frozen=True)
class MemoryRecord:
    """One look at a server. phase: rest, load or after. cgroup_bytes: what its control group is charged, page cache
    included, None without such a group; sample: from 0, when a phase is looked at more than once."""

    contestant: str
    workers: int
    phase: str
    processes: list[ProcessMemory]
    totals: MemoryTotals
    cgroup_bytes: int | None = None
    sample: int = 0
