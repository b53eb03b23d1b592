"""Memory: totals by worker count and phase, and the cost of one more worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..model import stats
from ..model.memory_records import LOAD, MEMORY_PHASES, MemoryRecord
from ..model.results import ContestantRecord, Results
from ..model.stats import Line
from . import numbers

ORIGINAL_WORKERS = 8


@dataclass(frozen=True)
class Original:
    """What the original article, whose measurements are repeated here, gave for one of its servers (MB: 10⁶ bytes)."""

    title: str
    megabytes_each: int
    processes: int


_GO = Original("Go", 132, 1)  # with which library is not on record, so that it stands beside both of ours
# The contestants of this rig that it had; all others had no part in it, whatever language they are written in.
ORIGINALS = {
    "rust-actix": Original("Rust, actix-web", 41, 1),
    "go-fasthttp": _GO,
    "go-nethttp": _GO,
    "python-uwsgi": Original("Python, uWSGI", 20, 8),
    "pypy-uwsgi": Original("PyPy, uWSGI", 85, 8),
}
MISFIT_MIN_POINTS = 3
NO_MISFIT = "with two numbers of workers there is no misfit to show: a line through two points always fits"


@dataclass(frozen=True)
class Footprint:
    """A contestant with so many workers in one phase; of several samples the one with the highest ΣPSS. KiB.

    roles: what each of its processes is.
    """

    contestant: ContestantRecord
    workers: int
    phase: str
    roles: tuple[str, ...]
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
    """ΣPSS (or another sum) = fixed part + workers × cost of one, least squares over so many numbers of workers."""

    line: Line
    points: int

    @property
    def per_worker_kib(self) -> float:
        return self.line.slope

    @property
    def fixed_kib(self) -> float | None:
        """None below 0: no server has less than nothing, so that the line is none of its memory's."""
        return self.line.intercept if self.line.intercept >= 0 else None

    @property
    def misfit_kib(self) -> float | None:
        """The largest distance of a point from the line; None where it could be nothing but 0."""
        return self.line.residual if self.points >= MISFIT_MIN_POINTS else None

    @property
    def remark(self) -> str:
        """Why there is no fixed part, or empty."""
        if self.fixed_kib is not None:
            return ""
        return (
            f"no fixed part: the line begins at {numbers.mib(self.line.intercept)} MiB, so memory does not grow by the "
            "same amount with each worker"
        )


def worker_cost(kib_by_workers: Mapping[int, int]) -> WorkerCost | None:
    """The line through sums in KiB by number of workers; None with fewer than two numbers."""
    line = stats.fit_line(list(map(float, kib_by_workers)), list(map(float, kib_by_workers.values())))
    return WorkerCost(line, len(kib_by_workers)) if line else None


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
        return worker_cost({p.workers: p.pss_kib for p in points if p is not None and p.pss_kib is not None})


def _footprint(contestant: ContestantRecord, record: MemoryRecord) -> Footprint:
    return Footprint(
        contestant=contestant,
        workers=record.workers,
        phase=record.phase,
        roles=tuple(process.role for process in record.processes),
        rss_kib=record.totals.rss_kib,
        pss_kib=record.totals.pss_kib,
        uss_kib=record.totals.uss_kib,
        cgroup_kib=None if record.cgroup_bytes is None else record.cgroup_bytes / 1024,
    )
