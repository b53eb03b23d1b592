"""Memory: totals by worker count and phase, and the cost of one more worker."""

from __future__ import annotations

from dataclasses import dataclass

from .. import statistics
from ..results import LOAD, MEMORY_PHASES, ContestantRecord, MemoryRecord, Results
from ..statistics import Line

# The article whose measurements are repeated here ran 8 processes each (Rust and Go: one), and gave these MB.
ORIGINAL_WORKERS = 8
ORIGINAL_MB = (("Rust", 41, 1), ("Go", 132, 1), ("Python", 20, 8), ("PyPy", 85, 8))  # name, MB each, processes


@dataclass(frozen=True)
class Footprint:
    """A contestant with so many workers in one phase; of several samples the one with the highest ΣPSS. KiB."""

    contestant: ContestantRecord
    workers: int
    phase: str
    processes: int
    rss_kib: int | None
    pss_kib: int | None
    uss_kib: int | None
    cgroup_kib: float | None

    @property
    def shared_once_kib(self) -> int | None:
        """What the processes share, counted once: ΣPSS - ΣUSS. A part mapped by strangers, too, counts in part."""
        if self.pss_kib is None or self.uss_kib is None:
            return None
        return max(0, self.pss_kib - self.uss_kib)


@dataclass(frozen=True)
class WorkerCost:
    """ΣPSS = intercept + slope · workers, KiB."""

    contestant: ContestantRecord
    phase: str
    line: Line


class Memory:
    """All footprints of a run."""

    def __init__(self, results: Results) -> None:
        best: dict[tuple[str, int, str], MemoryRecord] = {}
        for record in results.memory:
            key = (record.contestant, record.workers, record.phase)
            if key not in best or (record.totals.pss_kib or 0) > (best[key].totals.pss_kib or 0):
                best[key] = record
        self._footprints = {key: _footprint(results.contestant(key[0]), record) for key, record in best.items()}
        self.contestants = [
            record for record in results.contestants if any(key[0] == record.name for key in self._footprints)
        ]
        self.worker_counts = sorted({key[1] for key in self._footprints})

    def __bool__(self) -> bool:
        return bool(self._footprints)

    def footprint(self, name: str, workers: int, phase: str = LOAD) -> Footprint | None:
        """None if it was not looked at."""
        return self._footprints.get((name, workers, phase))

    def phases(self) -> list[str]:
        """The phases that were looked at."""
        return [phase for phase in MEMORY_PHASES if any(key[2] == phase for key in self._footprints)]

    def cost(self, name: str, phase: str = LOAD) -> WorkerCost | None:
        """The cost of one more worker; None with fewer than two worker counts."""
        points = [self.footprint(name, workers, phase) for workers in self.worker_counts]
        known = [(p.workers, p.pss_kib, p.contestant) for p in points if p is not None and p.pss_kib is not None]
        line = statistics.fit_line([float(p[0]) for p in known], [float(p[1]) for p in known]) if known else None
        return WorkerCost(known[0][2], phase, line) if line else None


def _footprint(contestant: ContestantRecord, record: MemoryRecord) -> Footprint:
    return Footprint(
        contestant=contestant,
        workers=record.workers,
        phase=record.phase,
        processes=len(record.processes),
        rss_kib=record.totals.rss_kib,
        pss_kib=record.totals.pss_kib,
        uss_kib=record.totals.uss_kib,
        cgroup_kib=None if record.cgroup_bytes is None else record.cgroup_bytes / 1024,
    )
