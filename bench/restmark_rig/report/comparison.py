"""Two runs cell by cell: what changed beyond noise, what got worse, and what has no counterpart."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from ..model import cpulist, stats
from ..model.memory_records import LOAD
from ..model.results import (
    ACK_STALL,
    BYTE_MISMATCH,
    CENSORED,
    ERRORS,
    Cell,
    ContestantRecord,
    Results,
    Rig,
)
from ..model.rounds_held import rounds_held
from ..model.stats import Estimate
from ..model.workloads import requested
from .analysis import Analysis, Load, load_of
from .metrics import CPU_US_PER_REQUEST, REQUESTS_PER_S, Metric

_PACE_SHOWN = 0.02  # the reference work repeats to within a percent on a quiet machine


# New ones make a cell lost: they are the server's doing. Others tell of the machine, and leave figures untold.
_FAULTS = frozenset({BYTE_MISMATCH, ERRORS, CENSORED, ACK_STALL})


class Change(Enum):
    """What became of a figure from the first run to the second."""

    SAME = "no difference"  # within the interval or the noise floor
    BETTER = "better"
    WORSE = "worse"
    NO_INTERVAL = "no interval"  # too few rounds to tell a difference from chance
    NO_FIGURE = "no figure"  # a verdict stands in the way in one of the runs, or nothing was measured


UNTOLD = (Change.NO_INTERVAL, Change.NO_FIGURE)


@dataclass(frozen=True)
class Row:
    """One figure of one cell in both runs. ratio: second to first; why: what stands in the way where it is untold."""

    contestant: str
    route: str
    load: Load
    metric: Metric
    first: Estimate | None
    second: Estimate | None
    ratio: Estimate | None
    change: Change
    why: str = ""

    @property
    def worse_share(self) -> float:
        """By how much the figure got worse: 0.05 is 5 % more CPU, or 5 % fewer requests; 0 if it did not."""
        return self._worse(self.ratio.value) if self.ratio else 0.0

    @property
    def worse_at_least(self) -> float:
        """The same for the interval's end that is nearest to no change; 0 without an interval."""
        if self.ratio is None or self.ratio.low is None or self.ratio.high is None:
            return 0.0
        return self._worse(self.ratio.high if self.metric.higher_is_better else self.ratio.low)

    def _worse(self, ratio: float) -> float:
        return max(0.0, 1 - ratio if self.metric.higher_is_better else ratio - 1)


@dataclass(frozen=True)
class MemoryRow:
    """ΣPSS under load in both runs, KiB. Single looks have no interval: they are shown and not judged."""

    contestant: str
    workers: int
    first_kib: int
    second_kib: int

    @property
    def ratio(self) -> float:
        return self.second_kib / self.first_kib if self.first_kib else math.inf


@dataclass(frozen=True)
class Comparison:
    """differences: what differs in machine and settings; lost: cells of the first run that the second spoilt or misses;
    only_first, only_second: contestants without a counterpart; noise_floor: by metric key, the larger of both runs."""

    differences: list[str]
    rows: list[Row]
    memory: list[MemoryRow]
    lost: list[str]
    only_first: list[str]
    only_second: list[str]
    noise_floors: dict[str, float | None]

    def regressions(self, fail_above_percent: float) -> list[Row]:
        """Figures that got worse beyond noise, and by more than so many percent at the near end of their interval."""
        return [
            row for row in self.rows if row.change is Change.WORSE and row.worse_at_least * 100 > fail_above_percent
        ]

    @property
    def untold(self) -> dict[str, int]:
        """Reason to the number of figures that can not be told for it, the most frequent first."""
        return dict(Counter(row.why for row in self.rows if row.change in UNTOLD).most_common())

    @property
    def tells_nothing(self) -> bool:
        """Whether there are figures in both runs, and not one that could have become better or worse."""
        return bool(self.rows) and all(row.change in UNTOLD for row in self.rows)


def compare(first: Results, second: Results) -> Comparison:
    """Compares all cells that both runs have. The runs may come from different machines: differences says so."""
    a, b = Analysis(first), Analysis(second)
    floors = {
        metric.key: max(
            (f for f in (a.noise_floors[metric.key], b.noise_floors[metric.key]) if f is not None), default=None
        )
        for metric in (CPU_US_PER_REQUEST, REQUESTS_PER_S)
    }
    # The second name of an A/A pair is there for the noise floor, and tells nothing of its own.
    names = [record.name for record in first.contestants if record.same_as is None]
    others = [record.name for record in second.contestants if record.same_as is None]
    rows, lost = [], list(_skipped(first, second))
    for cell in first.cells:
        if cell.contestant not in names or cell.contestant not in others:
            continue
        counterpart = second.cell(*cell.key)
        if counterpart is None or not counterpart.rounds:
            if cell.rounds:
                lost.append(f"{_name(cell)}: not measured in the second run")
            continue
        if spoilt := sorted(_FAULTS & set(counterpart.verdict_names) - set(cell.verdict_names)):
            lost.append(f"{_name(cell)}: {', '.join(spoilt)} in the second run only")
        metrics = (CPU_US_PER_REQUEST,) if cell.rate_per_s else (CPU_US_PER_REQUEST, REQUESTS_PER_S)
        rows += [_row(a, cell, b, counterpart, metric, floors[metric.key]) for metric in metrics]
    return Comparison(
        differences=list(_differences(first, second)),
        rows=rows,
        memory=list(_memory(first, second)),
        lost=lost,
        only_first=[name for name in names if name not in others],
        only_second=[name for name in others if name not in names],
        noise_floors=floors,
    )


def _name(cell: Cell) -> str:
    return f"{cell.contestant}, {requested(cell.route)}, {load_of(cell).title}"


def _row(a: Analysis, cell: Cell, b: Analysis, counterpart: Cell, metric: Metric, floor: float | None) -> Row:
    first, second = a.estimate(cell, metric), b.estimate(counterpart, metric)
    place = (cell.contestant, cell.route, load_of(cell), metric, first, second)
    if first is None or second is None:
        return Row(*place, None, Change.NO_FIGURE, "not measured in both")
    old, new = (list(metric.samples(which).values()) for which in (cell, counterpart))
    if min(old) <= 0:
        return Row(*place, None, Change.NO_FIGURE, "a round of the first run without any answer")
    ratio = stats.ratio(new, old, paired=False)
    if old == new:  # one run under two names: whatever is doubtful about its figures, they do not differ
        return Row(*place, ratio, Change.SAME)
    doubts = [
        f"{', '.join(name for name in which_cell.verdict_names if name not in metric.tolerates)} in the {which} run"
        for which, which_cell in (("first", cell), ("second", counterpart))
        if not metric.stands(which_cell)
    ]
    if doubts:
        return Row(*place, ratio, Change.NO_FIGURE, " and ".join(doubts))
    if ratio.low is None or ratio.high is None:
        return Row(*place, ratio, Change.NO_INTERVAL, "too few rounds for an interval")
    return Row(*place, ratio, _change(ratio.value, ratio.low, ratio.high, floor, metric))


def _change(value: float, low: float, high: float, floor: float | None, metric: Metric) -> Change:
    """Better or worse only if the whole interval says so, and more than the same server differs from itself."""
    if low <= 1 <= high or (floor is not None and 1 / floor <= value <= floor):
        return Change.SAME
    return Change.BETTER if (value > 1) == metric.higher_is_better else Change.WORSE


def _skipped(first: Results, second: Results) -> Iterator[str]:
    """A contestant that took part and then could not is a loss, not merely absent."""
    took_part = {record.name for record in first.contestants}
    for entry in second.skipped:
        if entry.name in took_part:
            yield f"{entry.name}: skipped in the second run: {entry.reason}"
    for check in second.verifications:
        passed = [v.passed for v in first.verifications if (v.contestant, v.phase) == (check.contestant, check.phase)]
        if not check.passed and all(passed) and check.contestant in took_part:
            yield f"{check.contestant}: did not pass verification {check.phase} the load in the second run"


def _memory(first: Results, second: Results) -> Iterator[MemoryRow]:
    tops: list[dict[tuple[str, int], int]] = []
    for results in (first, second):
        top: dict[tuple[str, int], int] = {}
        for record in results.memory:
            if record.phase == LOAD and record.totals.pss_kib is not None:
                key = (record.contestant, record.workers)
                top[key] = max(top.get(key, 0), record.totals.pss_kib)
        tops.append(top)
    for key, kib in tops[0].items():
        if key in tops[1]:
            yield MemoryRow(*key, kib, tops[1][key])


def _differences(first: Results, second: Results) -> Iterator[str]:
    """Machine and settings, as far as they bear on the figures."""
    a, b, s, t = first.machine, second.machine, first.settings, second.settings
    facts = (
        ("host", a.hostname, b.hostname),
        ("CPU", a.cpu_model, b.cpu_model),
        ("CPUs online", a.cpus_online, b.cpus_online),
        ("kernel", a.kernel, b.kernel),
        ("virtualisation", a.virtualisation, b.virtualisation),
        ("workers", s.workers, t.workers),
        ("server CPUs", _cpus(s.server_cpus), _cpus(t.server_cpus)),
        ("client CPUs", _cpus(s.client_cpus), _cpus(t.client_cpus)),
        ("CPUs kept awake", _awake(first), _awake(second)),
        ("client threads", s.client_threads, t.client_threads),
        ("length of a round, ms", s.duration_ms, t.duration_ms),
        ("warm-up, ms", s.warmup_ms, t.warmup_ms),
        ("timeout, ms", s.timeout_ms, t.timeout_ms),
        ("dataset", s.dataset_sha256[:12], t.dataset_sha256[:12]),
        ("rig version", first.rig_version, second.rig_version),
        ("rig commit", _commit(first.rig), _commit(second.rig)),
        ("rig sources", first.rig and first.rig.sha256[:12], second.rig and second.rig.sha256[:12]),
        *((tool, first.tools.get(tool), second.tools.get(tool)) for tool in ("restmark-load", "wrk", "h2load")),
        ("rounds", rounds_held(first).text, rounds_held(second).text),
        ("baseline", s.baseline, t.baseline),
    )
    for what, one, other in facts:
        if one != other:
            yield f"{what}: {one} / {other}"
    if pace := _growth(first.reference_ns, second.reference_ns):
        yield (
            f"the machine itself: a fixed piece of work took {pace:+.1%} CPU time in the second run, in quiet; as much "
            "of every difference in CPU per request is not the servers'"
        )
    if pace := _growth(first.handover_ns, second.handover_ns):
        yield (
            f"the machine itself: sending from a server's CPU to a client's took {pace:+.1%} CPU time in the second run, in "
            "quiet; requests whose cost is mostly sending differ by as much without the servers' doing"
        )
    others = {record.name: record for record in second.contestants}
    for record in first.contestants:
        if record.name in others:
            yield from _contestant_differences(record, others[record.name])


def _contestant_differences(one: ContestantRecord, other: ContestantRecord) -> Iterator[str]:
    for label, version in one.versions.items():
        if (now := other.versions.get(label, version)) != version:
            yield f"{one.name}, {label}: {version} / {now}"
    for what, key in (("build", "build_fingerprint"), ("manifest", "manifest_sha256")):
        was, now = getattr(one, key), getattr(other, key)
        if was != now:
            yield f"{one.name}, {what}: {(was or 'not recorded')[:12]} / {(now or 'not recorded')[:12]}"
    if one.accounting != other.accounting:
        yield f"{one.name}, where its CPU time comes from: {one.accounting} / {other.accounting}"


def _commit(rig: Rig | None) -> str | None:
    if rig is None or rig.commit is None:
        return None
    return rig.commit[:12] + (" with changes" if rig.dirty else "")


def _growth(first_ns: int | None, second_ns: int | None) -> float:
    """By what share the second figure is larger; 0 if it is so little that it needs no word, or not known."""
    if not first_ns or not second_ns or abs(second_ns / first_ns - 1) <= _PACE_SHOWN:
        return 0.0
    return second_ns / first_ns - 1


def _awake(results: Results) -> str:
    return "no" if results.idle_latency_us is None else "yes"


def _cpus(cpus: list[int] | None) -> str:
    return cpulist.render(set(cpus)) if cpus else "not pinned"
