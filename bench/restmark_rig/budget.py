"""How long a run takes, and how --quick fills the time that it has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .errors import UsageFault
from .plan import CellSpec
from .results import RunSettings, Visit

# "In under 5 minutes", the table included, and what warm-ups of just-in-time compilers and slow servers take beyond the plan:
# up to half a minute with all contestants.
QUICK_LIMIT_S = 255.0
QUICK_PATIENCE_S = 20.0  # of that, for waiting until the machine is quiet
_PACE_SHARE = 0.02  # of the time for measuring, for getting to know the machine's pace before
_PACE_LONGEST_S = 15.0
BUILD_S = 45.0  # for each contestant, on average over Python packages, C, Go and Rust
_BUILDS_DIFFER = 2.0  # a Rust server alone may take two minutes
_SLOW_SERVERS = 1.5  # what slow servers add to a run of all, by their stretched rounds
_ATTEMPTS = 3  # loads of a visit at most; see visiting.py
QUIET_SHARE = 0.10  # of the CPUs, used by others: as much as verdict noisy bears; a desktop at rest stays below
_BUSIEST = 0.75  # beyond that the run takes as long as its patience lasts, and nothing is sure
VERIFY_S = 6.5  # for each contestant: 3.5 s for the fast ones, 12 s for CPython
START_S = 0.6  # start, two looks at memory, stop; three times that under uWSGI and PyPy
VISIT_S = 1.15  # beside load and warm-up: probes, looks at the pace, starts of the load generator, longer warm-ups
_SPAN_SHOWN = 1.25  # ends that lie closer are one figure
_QUICK_RESERVE = 0.95  # slow cells are measured for longer
_QUICK_WARM_UP_SHARE = 0.4
_QUICK_LONGEST_S = 4.0
# Rounds and the load each has to last for at least; the first that fits is taken.
_QUICK_CHOICES = ((5, 1.5), (3, 0.6), (2, 0.4), (1, 0.4))


@dataclass(frozen=True)
class Span:
    """A length of time that is not known better than this, seconds."""

    low_s: float
    high_s: float

    def __add__(self, other: Span) -> Span:
        return Span(self.low_s + other.low_s, self.high_s + other.high_s)

    @property
    def text(self) -> str:
        """As people say it: "28:10 min", or "3 to 9 min" where the ends lie far apart."""
        if self.high_s <= self.low_s * _SPAN_SHOWN:
            return clock(self.low_s)
        if self.high_s < 120:
            return f"{self.low_s:.0f} to {self.high_s:.0f} s"
        if self.high_s < 2 * 3600:
            return f"{max(1, self.low_s // 60):.0f} to {math.ceil(self.high_s / 60)} min"
        return f"{self.low_s / 3600:.1f} to {self.high_s / 3600:.1f} h"


class Forecast:
    """The time left, from what visits took so far. A visit to a cell takes as long as it did before; to one not seen yet,
    as long as visits did on average, and up to what was planned as the most."""

    def __init__(self, planned: Span) -> None:
        self._planned = planned
        self._taken: dict[tuple[object, ...], list[float]] = {}

    def took(self, visit: Visit, seconds: float) -> None:
        """Notes how long a visit was, with its share in starts and stops."""
        self._taken.setdefault(_cell(visit), []).append(seconds)

    def left(self, visits: Sequence[Visit]) -> Span:
        """How long these visits will take."""
        everything = [seconds for own in self._taken.values() for seconds in own]
        mean_s = sum(everything) / len(everything) if everything else 0.0
        low_s = mean_s if everything else self._planned.low_s
        unknown = Span(low_s, max(low_s, self._planned.high_s))
        total = Span(0.0, 0.0)
        for visit in visits:
            own = self._taken.get(_cell(visit))
            total += Span(sum(own) / len(own), max(own)) if own else unknown
        return total


def _cell(visit: Visit) -> tuple[object, ...]:
    return (visit.contestant, visit.route, visit.connections, visit.rate_per_s)


def measuring_s(cells: Mapping[str, Sequence[CellSpec]], rounds: int, duration_s: float, warmup_s: float) -> float:
    """Length of the measured part, seconds."""
    visits = sum(len(own) for own in cells.values())
    return rounds * (len(cells) * START_S + visits * (VISIT_S + duration_s + warmup_s))


def run_span(
    cells: Mapping[str, Sequence[CellSpec]], settings: RunSettings, contestants: int, unbuilt: int, busy: float
) -> Span:
    """Length of the whole run. unbuilt: how many contestants have to be built; busy: the share of the CPUs that others
    use."""
    visits = sum(len(own) for own in cells.values()) * settings.rounds
    starts = len(cells) * settings.rounds
    slower = 1 / (1 - min(busy, _BUSIEST))
    before_s = contestants * VERIFY_S + unbuilt * BUILD_S
    before = Span(before_s, before_s * slower * _BUILDS_DIFFER if unbuilt else before_s * slower)
    measuring = visits_span(starts, visits, settings, busy)
    if settings.quick:  # rounds for which no time is left are not made, but the first one always is
        longest_s = max(QUICK_LIMIT_S, measuring.high_s / settings.rounds)
        measuring = Span(measuring.low_s, max(measuring.low_s, min(measuring.high_s, longest_s)))
    return before + measuring


def visits_span(starts: int, visits: int, settings: RunSettings, busy: float) -> Span:
    """Length of so many visits in so many starts of a server."""
    one = visit_span(settings, busy)
    waiting_s = 0.0 if busy <= QUIET_SHARE else QUICK_PATIENCE_S if settings.quick else visits * one.low_s
    return Span(starts * START_S + visits * one.low_s, starts * START_S + visits * one.high_s + waiting_s)


def visit_span(settings: RunSettings, busy: float) -> Span:
    """Length of one visit, without waits for quiet: as planned at least, and on average over fast and slow servers hardly
    more than longer warm-ups, stretched rounds and, on a busy machine, repeated loads may take."""
    load_s, warmup_s = settings.duration_ms / 1e3, settings.warmup_ms / 1e3
    planned_s = VISIT_S + warmup_s + load_s
    if busy <= QUIET_SHARE:
        return Span(planned_s, planned_s * _SLOW_SERVERS)
    loads = 1 if settings.quick else _ATTEMPTS
    return Span(planned_s, (VISIT_S + warmup_s + loads * load_s) / (1 - min(busy, _BUSIEST)))


def quick_measuring_s(left_s: float, contestants: int) -> float:
    """How long --quick may measure when so much is left of its time: at least what a quiet machine would have left.

    A disturbed machine takes longer to verify; the run then ends later, and is not given up, nor cut to the bone.
    """
    return max(left_s, QUICK_LIMIT_S - contestants * VERIFY_S) - QUICK_PATIENCE_S


def quick(cells: Mapping[str, Sequence[CellSpec]], left_s: float) -> tuple[int, int, int]:
    """(rounds, duration in ms, warm-up in ms) that fit into the time left. Raises UsageFault if nothing does."""
    visits = sum(len(own) for own in cells.values())
    for rounds, shortest_s in _QUICK_CHOICES:
        spare_s = left_s * _QUICK_RESERVE - measuring_s(cells, rounds, 0, 0)
        visit_s = spare_s / rounds / visits
        load_s = min(visit_s * (1 - _QUICK_WARM_UP_SHARE), _QUICK_LONGEST_S)
        if load_s >= shortest_s:
            warmup_s = load_s / (1 - _QUICK_WARM_UP_SHARE) - load_s
            return rounds, int(load_s * 10) * 100, max(100, int(warmup_s * 20) * 50)
    raise UsageFault(
        f"{visits} cells do not fit into {left_s:.0f} s",
        "name fewer contestants (-C), workloads (--workload) or connections, or leave --quick out",
    )


def pace_s(measuring_s: float) -> float:
    """How long to look at the machine's pace before measuring for so long, seconds."""
    return min(_PACE_SHARE * measuring_s, _PACE_LONGEST_S)


def clock(seconds: float) -> str:
    """A length of time as people write it: 45 s, 3:07 min, 1:02:09 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02} h"
