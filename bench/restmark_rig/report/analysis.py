"""From raw rounds to what can be said: estimates, ratios with intervals, the one order, ranges of ranks, and where we lose.

There is one order and one rule for ties, for all tables, pictures and sentences. Contestants stand in the order of their
figure. Whether one is better than another is decided by the interval of the ratio of the two, which holds everything that
makes it doubtful: scatter of the rounds, all pairs of the workload being looked at at once, what disturbed the machine
(doubt.py), and how far the same server lies from itself (A/A). Where the interval holds 1, nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..model import stats
from ..model.results import Cell, ContestantRecord, Results
from ..model.stats import Estimate, RankRange, Scatter
from ..model.workloads import ALL_ROUTES
from . import doubt, numbers
from .metrics import CPU_US_PER_REQUEST, MIB_PER_S, REQUESTS_PER_S, Metric

# So many rounds side by side tell apart what slowed one contestant down and what slowed all down; with fewer, what the machine was
# seen to be slower by is added to the doubt.
SIDE_BY_SIDE_MIN = 5


@dataclass(frozen=True, order=True)
class Load:
    """How the client asked. rate_per_s: 0 when the next request follows each answer at once."""

    rate_per_s: int
    connections: int

    @property
    def title(self) -> str:
        count = numbers.counted(self.connections, "connection")
        return f"{count}, {self.rate_per_s:,} requests/s fixed" if self.rate_per_s else count


@dataclass(frozen=True)
class Standing:
    """One contestant in one ranking.

    factor: how many times worse than the best, below 1 for a reference that is ahead; None where the cell does not
    stand or nobody does. at_least: the best is client-bound, so that the true factor is larger. ranks: None for
    references and for cells that do not stand; client-bound ones count in the others' all the same.
    """

    contestant: ContestantRecord
    cell: Cell
    estimate: Estimate | None
    factor: Estimate | None
    ranks: RankRange | None
    at_least: bool = False

    @property
    def may_be_first(self) -> bool:
        return self.ranks is not None and self.ranks.low == 1


@dataclass(frozen=True)
class NotFirst:
    """A cell in which ours is not first: ahead are those that are."""

    route: str
    load: Load
    metric: Metric
    ours: Standing
    ahead: list[Standing]


@dataclass(frozen=True)
class OutlierWarning:
    """Rounds of a cell that lie far from its others."""

    cell: Cell
    metric: Metric
    rounds: list[int]
    slow_start: bool


@dataclass(frozen=True)
class SamePair:
    """One server under two names. ratio: second to first."""

    route: str
    load: Load
    metric: Metric
    first: Estimate
    second: Estimate
    ratio: Estimate


class Analysis:
    """What the tables, figures and sentences are made from. Nothing is changed in the results."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.contestants = {record.name: record for record in results.contestants}
        self._cells: dict[tuple[str, Load], list[Cell]] = {}
        for cell in results.cells:
            self._cells.setdefault((cell.route, load_of(cell)), []).append(cell)
        self.loads = sorted({load for _, load in self._cells})
        self.routes = [route for route in ALL_ROUTES if any(cell.route == route for cell in results.cells)]
        self._estimates: dict[tuple[object, str], Estimate | None] = {}
        self._standings: dict[tuple[str, Load, str], list[Standing]] = {}
        self._same_pairs: dict[str, list[SamePair]] = {}
        self._scatters: dict[tuple[str, Load, str, bool], Scatter | None] = {}
        self.same_pairs = [pair for metric in (REQUESTS_PER_S, CPU_US_PER_REQUEST) for pair in self._same(metric)]
        self.noise_floors = {
            metric.key: stats.noise_floor([p.ratio.value for p in self._same(metric)])
            for metric in (REQUESTS_PER_S, CPU_US_PER_REQUEST, MIB_PER_S)
        }

    @property
    def main_load(self) -> Load | None:
        """The load of the summary: the first one asked for, without a fixed rate where there is one."""
        asked = self.results.settings.connections
        free = [load for load in self.loads if not load.rate_per_s] or self.loads
        return min(
            free, key=lambda load: asked.index(load.connections) if load.connections in asked else 99, default=None
        )

    def cells(self, route: str, load: Load) -> list[Cell]:
        """The cells of a workload at a load, A/A doubles included."""
        return list(self._cells.get((route, load), []))

    def participants(self, route: str, load: Load) -> list[Cell]:
        """The cells of a workload at a load, each contestant once."""
        return [cell for cell in self.cells(route, load) if self.contestants[cell.contestant].same_as is None]

    def estimate(self, cell: Cell, metric: Metric) -> Estimate | None:
        """Median and interval of a cell's figure; None where no round has it."""
        key = (cell.key, metric.key)
        if key not in self._estimates:
            samples = list(metric.samples(cell).values())
            found = stats.median(samples, self._neighbours(cell, metric)) if samples else None
            if found and metric.whole and (whole := metric.whole(cell)) is not None:
                found = found.moved_to(whole)
            self._estimates[key] = found and found.widened(*_slowed(metric, doubt.slowdown_share(cell, metric), 0.0))
        return self._estimates[key]

    def ratio(self, above: Cell, below: Cell, metric: Metric) -> Estimate | None:
        """Ratio of two cells of this run, with the interval that decides between them; None without figures."""
        raw = self.raw_ratio(above, below, metric)
        if raw is None:
            return None
        floor = self.floor(above.route, load_of(above), metric)
        shares = (doubt.slowdown_share(above, metric), doubt.slowdown_share(below, metric))
        if raw.n >= SIDE_BY_SIDE_MIN and self.rounds_in_common(above, below, metric):
            shares = beyond_common(*shares)
        slowed = _slowed(metric, *shares)
        return raw.widened(floor * slowed[0], floor * slowed[1])

    def raw_ratio(self, above: Cell, below: Cell, metric: Metric) -> Estimate | None:
        """With what follows from the rounds alone: of those that both have, if they are enough, since they lay side by side."""
        a, b = metric.samples(above), metric.samples(below)
        if not a or not b or min(b.values()) <= 0:
            return None
        common = self.rounds_in_common(above, below, metric)
        rounds = (common, common) if common else (sorted(a), sorted(b))
        return stats.ratio(
            [a[number] for number in rounds[0]],
            [b[number] for number in rounds[1]],
            bool(common),
            self._neighbours(above, metric, paired=bool(common)),
            self.pairs(len(self.participants(above.route, load_of(above)))),
            stats.SINGLE_ROUND_FACTOR,
        )

    @staticmethod
    def rounds_in_common(one: Cell, other: Cell, metric: Metric) -> list[int]:
        """Numbers of the rounds in which both have the figure; none if they are fewer than half of what one of them has."""
        a, b = metric.samples(one), metric.samples(other)
        common = sorted(a.keys() & b.keys())
        return common if 2 * len(common) >= max(len(a), len(b)) else []

    @staticmethod
    def pairs(contestants: int) -> int:
        """How many ratios are looked at at once."""
        return max(1, contestants * (contestants - 1) // 2)

    def _neighbours(self, cell: Cell, metric: Metric, paired: bool = False) -> Scatter | None:
        """What the cells of the same workload and load have in common. paired: without what moved all of a round alike."""
        key = (cell.route, load_of(cell), metric.key, paired)
        if key not in self._scatters:
            found = [metric.samples(one) for one in self.cells(*key[:2])]
            samples = [one for one in found if one and min(one.values()) > 0]
            if paired:
                most = max((one.keys() for one in samples), key=len, default={}.keys())
                rows = [[one[number] for number in sorted(most)] for one in samples if one.keys() == most]
                self._scatters[key] = stats.paired_scatter(rows)
            else:
                self._scatters[key] = stats.scatter([list(one.values()) for one in samples])
        return self._scatters[key]

    def floor(self, route: str, load: Load, metric: Metric) -> float:
        """How far the same server lies from itself on this workload, as a factor; on any other where it was not on this one."""
        pairs = self._same(metric)
        here = [pair for pair in pairs if (pair.route, pair.load) == (route, load)] or pairs
        known = stats.noise_floor([pair.ratio.value for pair in here])
        return max(stats.LEAST_FLOOR, known or 1.0)

    def _same(self, metric: Metric) -> list[SamePair]:
        """The A/A pairs of a figure."""
        if metric.key not in self._same_pairs:
            self._same_pairs[metric.key] = list(self._pairs(metric))
        return self._same_pairs[metric.key]

    def standings(self, route: str, load: Load, metric: Metric) -> list[Standing]:
        """Everybody in the order of the figure, the best first; after them wrong answers and failures, then those without figures."""
        key = (route, load, metric.key)
        if key not in self._standings:
            self._standings[key] = list(self._rank(self.participants(route, load), metric))
        return self._standings[key]

    def _rank(self, cells: Sequence[Cell], metric: Metric) -> Iterator[Standing]:
        in_order = sorted(cells, key=lambda cell: self._place(cell, metric))
        counted = [cell for cell in in_order if self._counts(cell, metric)]
        own = [cell for cell in counted if not self.contestants[cell.contestant].is_reference]
        by_name = {cell.contestant: cell for cell in own}
        ranks = stats.rank_ranges(
            list(by_name), lambda a, b: self.surely_better(by_name[a], by_name[b], metric)
        )
        best = own[0] if any(metric.stands(cell) for cell in own) else None
        for cell in in_order:
            stands = cell in counted and metric.stands(cell)
            yield Standing(
                contestant=self.contestants[cell.contestant],
                cell=cell,
                estimate=self.estimate(cell, metric),
                factor=self._factor(cell, best, metric) if stands and best is not None else None,
                ranks=ranks.get(cell.contestant) if stands else None,
                at_least=stands and best is not None and metric.is_lower_limit(best),
            )

    def _place(self, cell: Cell, metric: Metric) -> tuple[int, float]:
        """What the order is by."""
        found = self.estimate(cell, metric)
        if found is None or found.value <= 0:
            return 2, 0.0
        return int(not self._counts(cell, metric)), -found.value if metric.higher_is_better else found.value

    def _counts(self, cell: Cell, metric: Metric) -> bool:
        """Whether the figure, as it is or as a lower limit, is one of the work."""
        found = self.estimate(cell, metric)
        return found is not None and found.value > 0 and (metric.stands(cell) or metric.is_lower_limit(cell))

    def surely_better(self, a: Cell, b: Cell, metric: Metric) -> bool:
        """Whether a's figure is better than b's beyond doubt. Of a client-bound b nobody knows what it can do."""
        if metric.is_lower_limit(b) or not (self._counts(a, metric) and self._counts(b, metric)):
            return False
        found = self.ratio(a, b, metric)
        if found is None or found.low is None or found.high is None:
            return False
        return found.low > 1 if metric.higher_is_better else found.high < 1

    def _factor(self, cell: Cell, best: Cell, metric: Metric) -> Estimate | None:
        return self.ratio(best, cell, metric) if metric.higher_is_better else self.ratio(cell, best, metric)

    def _pairs(self, metric: Metric) -> Iterator[SamePair]:
        for cell in self.results.cells:
            same_as = self.contestants[cell.contestant].same_as
            first = self.results.cell(same_as, *cell.key[1:]) if same_as else None
            if first is None or not (self._counts(first, metric) and self._counts(cell, metric)):
                continue
            a, b, ratio = self.estimate(first, metric), self.estimate(cell, metric), self.raw_ratio(cell, first, metric)
            if a and b and ratio:
                yield SamePair(cell.route, load_of(cell), metric, a, b, ratio)

    def absent(self, route: str, load: Load, metric: Metric) -> list[str]:
        """Titles of those of the run that offer the workload and have no figure that stands; those skipped are not among them."""
        standing = {s.contestant.name for s in self.standings(route, load, metric) if s.estimate and metric.stands(s.cell)}
        return [
            record.title
            for record in self.results.contestants
            if record.same_as is None and route in record.routes and record.name not in standing
        ]

    def in_order(self, load: Load) -> list[ContestantRecord]:
        """Contestants of all workloads in one order, for tables in which a workload is a column; those without figures at the end.

        By the contestant's part in the logarithm of CPU time per request, when that is taken for a sum of a part of the
        contestant and one of the workload (least squares): so nobody gains by lacking a figure where others are slow.
        """
        figures = [
            (s.contestant.name, column, math.log(s.estimate.value))
            for column, route in enumerate(self.routes)
            for s in self.standings(route, load, CPU_US_PER_REQUEST)
            if s.estimate and self._counts(s.cell, CPU_US_PER_REQUEST)
        ]
        names = sorted({name for name, _, _ in figures})
        matrix = np.zeros((len(figures), len(names) + len(self.routes)))
        for row, (name, column, _) in enumerate(figures):
            matrix[row, names.index(name)] = matrix[row, len(names) + column] = 1.0
        parts = np.linalg.lstsq(matrix, np.array([value for _, _, value in figures]), rcond=None)[0] if figures else []
        own = dict(zip(names, parts, strict=False))
        records = [record for record in self.results.contestants if record.same_as is None]
        return sorted(records, key=lambda record: own.get(record.name, math.inf))

    def not_first(self) -> list[NotFirst]:
        """Every cell that stands and in which another one is surely better than ours, references included.

        Ours is judged by the better of our variants in each cell.
        """
        found = []
        for load in self.loads:
            metrics = [CPU_US_PER_REQUEST] if load.rate_per_s else [REQUESTS_PER_S, CPU_US_PER_REQUEST]
            for route in self.routes:
                for metric in metrics:
                    standings = self.standings(route, load, metric)
                    ours = next((s for s in standings if s.contestant.is_ours and s.ranks is not None), None)
                    ahead = [s for s in standings if ours and self._is_ahead(s, ours, metric)]
                    if ours and ahead:
                        found.append(NotFirst(route, load, metric, ours, ahead))
        return found

    def _is_ahead(self, other: Standing, ours: Standing, metric: Metric) -> bool:
        return not other.contestant.is_ours and self.surely_better(other.cell, ours.cell, metric)

    def outlier_warnings(self) -> list[OutlierWarning]:
        """Cells with rounds that lie far from the others."""
        found = []
        for cell in self.results.cells:
            for metric in (REQUESTS_PER_S, CPU_US_PER_REQUEST):
                samples = metric.samples(cell)
                numbers_ = sorted(samples)
                hits = stats.outliers([samples[n] for n in numbers_]) if numbers_ else stats.Outliers(())
                if hits.indexes:
                    rounds = [numbers_[index] for index in hits.indexes]
                    found.append(OutlierWarning(cell, metric, rounds, hits.slow_start))
        return found

    def fewest_rounds(self) -> int:
        """The smallest number of rounds of any cell; 0 without cells."""
        return min((len(cell.rounds) for cell in self.results.cells), default=0)


def load_of(cell: Cell) -> Load:
    """The load of a cell."""
    return Load(cell.rate_per_s or 0, cell.connections)


def beyond_common(one: float, other: float) -> tuple[float, float]:
    """What two shares by which cells were slowed down leave when that is taken off which both have in common."""
    common = 1 + min(one, other)
    return (1 + one) / common - 1, (1 + other) / common - 1


def _slowed(metric: Metric, above: float, below: float) -> tuple[float, float]:
    """Factors by which an interval's low and high end move, when numerator and denominator may each be so much worse.

    A figure that is better when higher would be higher in quiet, a cost lower.
    """
    return (1 + below, 1 + above) if metric.higher_is_better else (1 + above, 1 + below)
