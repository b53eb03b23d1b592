"""From raw rounds to what can be said: estimates, factors to the best, ranks with ties, and where we lose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .. import statistics
from ..results import CLIENT_BOUND, Cell, ContestantRecord, Results
from ..statistics import Estimate
from ..workloads import ROUTES
from . import numbers
from .metrics import CPU_US_PER_REQUEST, MIB_PER_S, REQUESTS_PER_S, Metric


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
    stand or nobody does. at_least: the best is client-bound, so that the true factor is larger. rank: None for
    references and for cells that do not stand; client-bound ones that are ahead all the same are counted in it.
    """

    contestant: ContestantRecord
    cell: Cell
    estimate: Estimate | None
    factor: Estimate | None
    rank: int | None
    shared: bool
    at_least: bool = False


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
        self.loads = sorted({load_of(cell) for cell in results.cells})
        self.routes = [route for route in ROUTES if any(cell.route == route for cell in results.cells)]
        self._estimates: dict[tuple[object, str], Estimate | None] = {}
        self._standings: dict[tuple[str, Load, str], list[Standing]] = {}
        self.same_pairs = [pair for metric in (REQUESTS_PER_S, CPU_US_PER_REQUEST) for pair in self._pairs(metric)]
        self.noise_floors = {
            metric.key: statistics.noise_floor(
                [(pair.first.value, pair.second.value) for pair in self.same_pairs if pair.metric is metric]
            )
            for metric in (REQUESTS_PER_S, CPU_US_PER_REQUEST)
        }
        self.noise_floors[MIB_PER_S.key] = self.noise_floors[REQUESTS_PER_S.key]

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
        return [cell for cell in self.results.cells if cell.route == route and load_of(cell) == load]

    def estimate(self, cell: Cell, metric: Metric) -> Estimate | None:
        """Median and interval of a cell's figure; None where no round has it."""
        key = (cell.key, metric.key)
        if key not in self._estimates:
            samples = list(metric.samples(cell).values())
            self._estimates[key] = statistics.median(samples) if samples else None
        return self._estimates[key]

    def ratio(self, above: Cell, below: Cell, metric: Metric) -> Estimate | None:
        """Ratio of two cells of this run, paired by round where both have the same rounds."""
        a, b = metric.samples(above), metric.samples(below)
        if not a or not b or min(b.values()) <= 0:
            return None
        if a.keys() == b.keys():
            return statistics.ratio([a[n] for n in sorted(a)], [b[n] for n in sorted(b)], paired=True)
        return statistics.ratio(list(a.values()), list(b.values()), paired=False)

    def standings(self, route: str, load: Load, metric: Metric) -> list[Standing]:
        """The ranking: ranked cells best first, then references, then those that do not stand."""
        key = (route, load, metric.key)
        if key not in self._standings:
            self._standings[key] = list(self._rank(self.cells(route, load), metric))
        return self._standings[key]

    def _rank(self, cells: list[Cell], metric: Metric) -> Iterator[Standing]:
        sign = -1 if metric.higher_is_better else 1
        figures = {
            cell.contestant: (cell, self.estimate(cell, metric))
            for cell in cells
            if self.contestants[cell.contestant].same_as is None
        }
        by_value = sorted(
            (name for name, (_, estimate) in figures.items() if estimate is not None),
            key=lambda name: sign * figures[name][1].value,  # type: ignore[union-attr]
        )
        standing = [name for name in by_value if metric.stands(figures[name][0])]
        ranked = [name for name in standing if not self.contestants[name].is_reference]
        bound = [n for n in by_value if n not in standing and self._is_only_client_bound(figures[n][0])]
        ranks = statistics.ranks(ranked, lambda a, b: self._tied(figures[a][0], figures[b][0], metric))
        for name in ranked:
            ranks[name] += sum(by_value.index(other) < by_value.index(name) for other in bound)
        others = [name for name in standing if name not in ranks]
        rest = [name for name in by_value if name not in standing] + [n for n in figures if n not in by_value]
        best = min([*ranked[:1], *bound[:1]], key=by_value.index, default=None) if ranked else None
        for name in [*ranked, *others, *rest]:
            cell, estimate = figures[name]
            counts = best is not None and name in standing
            yield Standing(
                contestant=self.contestants[name],
                cell=cell,
                estimate=estimate,
                factor=self._factor(cell, figures[best][0], metric) if counts and best else None,
                rank=ranks.get(name),
                shared=name in ranks and list(ranks.values()).count(ranks[name]) > 1,
                at_least=counts and best in bound,
            )

    def _is_only_client_bound(self, cell: Cell) -> bool:
        """Whether the figure is sound as a lower limit of what the server can do."""
        return cell.verdict_names == [CLIENT_BOUND] and not self.contestants[cell.contestant].is_reference

    def _factor(self, cell: Cell, best: Cell, metric: Metric) -> Estimate | None:
        return self.ratio(best, cell, metric) if metric.higher_is_better else self.ratio(cell, best, metric)

    def _tied(self, a: Cell, b: Cell, metric: Metric) -> bool:
        ratio = self.ratio(a, b, metric)
        return ratio is not None and statistics.is_tie(ratio, self.noise_floors.get(metric.key))

    def _pairs(self, metric: Metric) -> Iterator[SamePair]:
        for cell in self.results.cells:
            same_as = self.contestants[cell.contestant].same_as
            first = self.results.cell(same_as, *cell.key[1:]) if same_as else None
            if first is None or not (metric.stands(first) and metric.stands(cell)):
                continue
            a, b, ratio = self.estimate(first, metric), self.estimate(cell, metric), self.ratio(cell, first, metric)
            if a and b and ratio and a.value > 0 and b.value > 0:
                yield SamePair(cell.route, load_of(cell), metric, a, b, ratio)

    def not_first(self) -> list[NotFirst]:
        """Every cell that stands and in which another one is better than ours beyond a tie, references included.

        Ours is judged by the better of our variants in each cell.
        """
        found = []
        for load in self.loads:
            metrics = [CPU_US_PER_REQUEST] if load.rate_per_s else [REQUESTS_PER_S, CPU_US_PER_REQUEST]
            for route in self.routes:
                for metric in metrics:
                    standings = self.standings(route, load, metric)
                    ours = next((s for s in standings if s.contestant.is_ours and s.rank is not None), None)
                    ahead = [s for s in standings if ours and self._is_ahead(s, ours, metric)]
                    if ours and ahead:
                        found.append(NotFirst(route, load, metric, ours, ahead))
        return found

    def _is_ahead(self, other: Standing, ours: Standing, metric: Metric) -> bool:
        if other.contestant.is_ours or other.factor is None or other.estimate is None or ours.estimate is None:
            return False
        better = (other.estimate.value > ours.estimate.value) == metric.higher_is_better
        return better and other.estimate.value != ours.estimate.value and not self._tied(other.cell, ours.cell, metric)

    def outlier_warnings(self) -> list[OutlierWarning]:
        """Cells with rounds that lie far from the others."""
        found = []
        for cell in self.results.cells:
            for metric in (REQUESTS_PER_S, CPU_US_PER_REQUEST):
                samples = metric.samples(cell)
                numbers = sorted(samples)
                hits = statistics.outliers([samples[n] for n in numbers]) if numbers else statistics.Outliers(())
                if hits.indexes:
                    rounds = [numbers[index] for index in hits.indexes]
                    found.append(OutlierWarning(cell, metric, rounds, hits.slow_start))
        return found

    def fewest_rounds(self) -> int:
        """The smallest number of rounds of any cell; 0 without cells."""
        return min((len(cell.rounds) for cell in self.results.cells), default=0)


def load_of(cell: Cell) -> Load:
    """The load of a cell."""
    return Load(cell.rate_per_s or 0, cell.connections)
