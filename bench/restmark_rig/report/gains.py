"""What the others would gain against one contestant, the baseline (= 1 ×), workload by workload and for a mix of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..model import stats
from ..model.errors import UsageFault
from ..model.results import Cell, ContestantRecord, Results
from ..model.stats import Estimate
from . import doubt
from .analysis import SIDE_BY_SIDE_MIN, Analysis, Load, Standing, beyond_common
from .metrics import CPU_US_PER_REQUEST, Metric

PYTHON = "python"
USUAL_BACK_ENDS = "python-uwsgi-backends"
_PREFERRED = ("python-uwsgi", USUAL_BACK_ENDS)  # CPython as the original comparison had it, where there are several Pythons


def language_of(record: ContestantRecord) -> str:
    """By which languages are compared: manifests write them as they like."""
    return record.language.strip().casefold()


@dataclass(frozen=True)
class Gain:
    """times: how many times better than the baseline, 2 is half the CPU time or twice the requests; None: not known.
    value: the contestant's own figure; cell: None for a mix. by_rounds: times with the interval that follows from the rounds alone, which more rounds
    would narrow; what the machine did beside them widens that of times.
    """

    contestant: ContestantRecord
    cell: Cell | None
    times: Estimate | None
    value: float | None
    by_rounds: Estimate | None = None


def baseline(results: Results, asked: str | None = None) -> ContestantRecord | None:
    """Whom to compare with: who was asked for, else somebody's own server if there is one, else Python.

    None where none of these was measured. Raises UsageFault if who was asked for was not.
    """
    measured = {cell.contestant for cell in results.cells if cell.rounds}
    records = [r for r in results.contestants if r.same_as is None and r.name in measured and not r.is_reference]
    if asked is not None:
        names = [record.name for record in records]
        if asked not in names and not results.complete and any(record.name == asked for record in results.contestants):
            return baseline(results)  # an interrupted run did not get to it
        if any(record.name == asked and record.is_reference for record in results.contestants):
            raise UsageFault(
                f"--baseline {asked}: it sends fixed answers, and has no application in it to compare with",
                f"name one of {', '.join(names) or 'a run with figures'}",
            )
        if asked not in names:
            raise UsageFault(
                f"--baseline {asked}: not measured in this run", f"name one of {', '.join(names) or 'a run with figures'}"
            )
        return results.contestant(asked)
    own = [record for record in records if not record.built_in]
    pythons = [record for record in records if language_of(record) == PYTHON]
    pythons.sort(key=lambda record: _PREFERRED.index(record.name) if record.name in _PREFERRED else len(_PREFERRED))
    return next(iter([*own, *pythons]), None)


class Gains:
    """All gains of a run at one load."""

    def __init__(self, analysis: Analysis, load: Load, against: ContestantRecord) -> None:
        self.analysis = analysis
        self.load = load
        self.against = against

    def of(self, route: str, metric: Metric) -> list[Gain]:
        """Everybody else's on a workload, in the order of the figure; empty where the baseline itself has none that stands."""
        standings = self.analysis.standings(route, self.load, metric)
        own = next((s for s in standings if s.contestant.name == self.against.name), None)
        if own is None or own.estimate is None or not metric.stands(own.cell):
            return []
        found = []
        for standing in standings:
            if standing is own:
                continue
            times = by_rounds = None
            if standing.estimate is not None and metric.stands(standing.cell) and _comparable(standing, own, metric):
                pair = (standing.cell, own.cell) if metric.higher_is_better else (own.cell, standing.cell)
                times, by_rounds = self.analysis.ratio(*pair, metric), self.analysis.raw_ratio(*pair, metric)
            value = standing.estimate.value if standing.estimate else None
            found.append(Gain(standing.contestant, standing.cell, times, value, by_rounds))
        return found

    def own_value(self, route: str, metric: Metric) -> float | None:
        """The baseline's figure; None where it does not stand."""
        found = self.own_estimate(route, metric)
        return found.value if found else None

    def own_estimate(self, route: str, metric: Metric) -> Estimate | None:
        """The baseline's figure with its interval; None where it does not stand."""
        for standing in self.analysis.standings(route, self.load, metric):
            if standing.contestant.name == self.against.name and metric.stands(standing.cell):
                return standing.estimate
        return None

    def of_mix(self, mix: Mapping[str, float]) -> list[Gain]:
        """CPU time of an average request of a traffic: routes with their weights. Only who offers all of its routes takes part.

        The interval is that of the rounds' sums, widened by the worst of the routes' doubts.
        """
        samples = {record.name: self._mixed(record, mix) for record in self.analysis.results.contestants}
        known = {name: rounds for name, rounds in samples.items() if rounds}
        own = known.get(self.against.name)
        if not own:
            return []
        numbers = sorted(own)
        alike = [rounds for rounds in known.values() if sorted(rounds) == numbers]
        together = stats.paired_scatter([[rounds[number] for number in numbers] for rounds in alike])
        neighbours = stats.scatter([list(rounds.values()) for rounds in known.values()])
        floor = max(self.analysis.floor(route, self.load, CPU_US_PER_REQUEST) for route in mix)
        participants = [r for r in self.analysis.results.contestants if r.same_as is None and r.name in known]
        found = []
        for record in participants:
            rounds = known[record.name]
            shared = own.keys() == rounds.keys()
            raw = stats.ratio(
                [own[number] for number in numbers],
                [rounds[number] for number in sorted(rounds)],
                shared,
                together if shared else neighbours,
                self.analysis.pairs(len(participants)),
                stats.SINGLE_ROUND_FACTOR,
            )
            slowed = (self._slowdown(self.against, mix), self._slowdown(record, mix))
            if shared and raw.n >= SIDE_BY_SIDE_MIN:
                slowed = beyond_common(*slowed)
            times = raw.widened(*(floor * (1 + slow) for slow in slowed))
            value = stats.median(list(rounds.values())).value
            if record.name != self.against.name:
                found.append(Gain(record, None, times, value, raw))
        return sorted(found, key=lambda gain: gain.value or 0.0)

    def own_of_mix(self, mix: Mapping[str, float]) -> Estimate | None:
        """CPU time of an average request of a traffic on the baseline, µs; None where it lacks a figure that stands."""
        rounds = self._mixed(self.against, mix)
        if not rounds:
            return None
        slow = self._slowdown(self.against, mix)
        return stats.median(list(rounds.values())).widened(1 + slow, 1.0)

    def has_mix(self, mix: Mapping[str, float]) -> bool:
        """Whether the baseline has figures that stand on all routes of a mix."""
        return bool(self._mixed(self.against, mix))

    def _mixed(self, record: ContestantRecord, mix: Mapping[str, float]) -> dict[int, float]:
        """Round number to CPU time of an average request, µs; empty where a route is missing or does not stand."""
        total = sum(mix.values())
        rounds: list[dict[int, float]] = []
        for route, weight in mix.items():
            cell = self.analysis.results.cell(record.name, route, self.load.connections, self.load.rate_per_s or None)
            if cell is None or not CPU_US_PER_REQUEST.stands(cell):
                return {}
            rounds.append({n: us * weight / total for n, us in CPU_US_PER_REQUEST.samples(cell).items()})
        numbers = set.intersection(*(set(one) for one in rounds)) if rounds else set()
        return {number: sum(one[number] for one in rounds) for number in numbers}

    def _slowdown(self, record: ContestantRecord, mix: Mapping[str, float]) -> float:
        cells = (
            self.analysis.results.cell(record.name, route, self.load.connections, self.load.rate_per_s or None)
            for route in mix
        )
        return max((doubt.slowdown_share(cell, CPU_US_PER_REQUEST) for cell in cells if cell), default=0.0)


def _comparable(a: Standing, b: Standing, metric: Metric) -> bool:
    """Whether both were asked alike, as far as the figure depends on it."""
    same_rate = a.cell.rate_per_s is not None and a.cell.rate_per_s == b.cell.rate_per_s
    return not metric.grows_with_connections or same_rate or a.cell.connections_used == b.cell.connections_used
