"""How long a run takes, and how --quick fills the time that it has."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .errors import UsageFault
from .plan import CellSpec, Turn, start_of
from .results import RunSettings
from .workloads import back_end_of

# "In under 5 minutes", the table included, or half a minute for each contestant where that is longer.
_QUICK_SHORTEST_S = 270.0
_QUICK_CONTESTANT_S = 27.0
_QUICK_BACK_ENDS_S = 480.0  # ten workloads, each at two loads: under 10 minutes, the last page included
VERIFY_BACK_ENDS_S = 20.0
_SPEED_SHARE = 0.02  # of the time for measuring, for getting to know the machine's speed before
_PACE_LONGEST_S = 15.0
BUILD_S = 45.0  # for each contestant, on average over Python packages, C, Go and Rust
_BUILDS_DIFFER = 2.0  # a Rust server alone may take two minutes
QUIET_SHARE = 0.10  # of the CPUs, used by others: as much as verdict noisy bears; a desktop at rest stays below
_BUSIEST = 0.75  # beyond that nothing is sure
VERIFY_S = 8.0  # for each contestant: 4 s for the fast ones, 15 s for CPython
ALONE_S = 1.5  # start, two looks at memory, stop; more under uWSGI and PyPy
ALONE_CELL_S = 0.4  # a look at an answer's stall and at the speed
START_S = 0.6  # all the same, twice that under uWSGI and PyPy
WARM_UP_S = 0.2  # beside the load: probes, starts of the load generator
SLICE_S = 0.07  # beside the load: starting the load generator, which opens the connections
TURN_S = 0.15  # looks at the machine's speed
_SLOW_CELLS = 1.5  # what slow cells add, by their longer slices and warm-ups
_SPAN_SHOWN = 1.25  # ends that lie closer are one figure
QUICK_DURATION_MS = 200
QUICK_WARM_UP_MS = 250
QUICK_ROUNDS_MAX = 20
_QUICK_ROUNDS_MIN = 2


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


# Seconds of load of a contestant's slice of a cell.
SliceLengths = Callable[[str, CellSpec], float]


class Forecast:
    """The time left. A turn of a workload takes as long as such turns took so far, a start of all servers with its warm-up as
    long as the last one; what has not been seen yet, as long as was planned."""

    def __init__(self, slices: SliceLengths, start: Span) -> None:
        self._slices = slices
        self._start = start
        self._taken: dict[CellSpec, list[float]] = {}
        self._current = 0

    def started(self, seconds: float) -> None:
        """Notes how long a start of all servers took."""
        self._start = Span(seconds, seconds)

    def took(self, turn: Turn, seconds: float) -> None:
        """Notes how long a turn was."""
        self._taken.setdefault(turn.cell, []).append(seconds)
        self._current = start_of(turn.round)

    def left(self, turns: Sequence[Turn]) -> Span:
        """How long these turns, and the starts before them, will take."""
        total = Span(0.0, 0.0)
        for turn in turns:
            own = self._taken.get(turn.cell)
            total += Span(sum(own) / len(own), max(own)) if own else self._planned(turn)
        for _ in {start_of(turn.round) for turn in turns} - {self._current}:
            total += self._start
        return total

    def _planned(self, turn: Turn) -> Span:
        seconds = TURN_S + sum(SLICE_S + self._slices(visit.contestant, turn.cell) for visit in turn.visits)
        return Span(seconds, seconds * _SLOW_CELLS)


def slices_s(cells: Mapping[str, Sequence[CellSpec]], slices: SliceLengths) -> float:
    """Length of one round, seconds."""
    turns = {cell for own in cells.values() for cell in own}
    return len(turns) * TURN_S + sum(SLICE_S + slices(name, cell) for name, own in cells.items() for cell in own)


def start_s(cells: Mapping[str, Sequence[CellSpec]], warmup_s: float) -> float:
    """Length of a start of all servers with their warm-up, seconds."""
    return len(cells) * START_S + sum(len(own) for own in cells.values()) * (WARM_UP_S + warmup_s)


def start_span(cells: Mapping[str, Sequence[CellSpec]], settings: RunSettings) -> Span:
    """The same, for fast and for slow servers."""
    seconds = start_s(cells, settings.warmup_ms / 1e3)
    return Span(seconds, seconds * _SLOW_CELLS)


def measuring_span(cells: Mapping[str, Sequence[CellSpec]], settings: RunSettings, slices: SliceLengths | None = None) -> Span:
    """Length of the measured part. slices: None where the cells' speeds are not known yet."""
    asked_s = settings.duration_ms / 1e3
    one = slices_s(cells, slices or (lambda *_: asked_s))
    rounds = Span(settings.rounds * one, settings.rounds * one * (1.0 if slices else _SLOW_CELLS))
    total = rounds
    for _ in range(start_of(settings.rounds)):
        total += start_span(cells, settings)
    return total


def run_span(
    cells: Mapping[str, Sequence[CellSpec]], settings: RunSettings, contestants: int, unbuilt: int, busy: float
) -> Span:
    """Length of the whole run. unbuilt: how many contestants have to be built; busy: the share of the CPUs that others
    use."""
    slower = 1 / (1 - min(busy, _BUSIEST)) if busy > QUIET_SHARE else 1.0
    before_s = contestants * _verify_s(cells) + unbuilt * BUILD_S + alone_s(cells)
    before = Span(before_s, before_s * slower * (_BUILDS_DIFFER if unbuilt else 1.0))
    measuring = measuring_span(cells, settings)
    if settings.quick:  # rounds for which no time is left are not made, but the first ones always are
        longest_s = max(quick_limit_s(contestants, _asks_back_ends(cells)), measuring.high_s / settings.rounds)
        return before + Span(measuring.low_s, max(measuring.low_s, min(measuring.high_s, longest_s)))
    return before + Span(measuring.low_s, measuring.high_s * slower)


def alone_s(cells: Mapping[str, Sequence[CellSpec]]) -> float:
    """Length of the time in which each contestant runs alone (see calibration.py), seconds."""
    return sum(ALONE_S + ALONE_CELL_S * len(own) for own in cells.values())


def quick_limit_s(contestants: int, asks_back_ends: bool = False) -> float:
    """How long --quick takes for so many contestants that are built, verification and table included, seconds."""
    return max(_QUICK_BACK_ENDS_S if asks_back_ends else _QUICK_SHORTEST_S, contestants * _QUICK_CONTESTANT_S)


def _verify_s(cells: Mapping[str, Sequence[CellSpec]]) -> float:
    """How long verification takes for each contestant, seconds."""
    return VERIFY_BACK_ENDS_S if _asks_back_ends(cells) else VERIFY_S


def _asks_back_ends(cells: Mapping[str, Sequence[CellSpec]]) -> bool:
    return any(back_end_of(cell.route) for own in cells.values() for cell in own)


def quick_measuring_s(left_s: float, contestants: int, cells: Mapping[str, Sequence[CellSpec]]) -> float:
    """How long --quick may measure when so much is left of its time: at least what a quiet machine would have left.

    A disturbed machine takes longer to verify; the run then ends later, and is not given up, nor cut to the bone.
    """
    return max(left_s, quick_limit_s(contestants, _asks_back_ends(cells)) - contestants * _verify_s(cells) - alone_s(cells))


def quick_rounds(cells: Mapping[str, Sequence[CellSpec]], left_s: float, slices: SliceLengths | None = None) -> int:
    """How many rounds fit into the time left. slices: None where the cells' speeds are not known yet. Raises UsageFault if
    hardly any does."""
    asked_s = QUICK_DURATION_MS / 1e3
    spare_s = left_s - start_s(cells, QUICK_WARM_UP_MS / 1e3) * (_SLOW_CELLS if slices is None else 1.0)
    rounds = int(spare_s / slices_s(cells, slices or (lambda *_: asked_s * _SLOW_CELLS)))
    if rounds < _QUICK_ROUNDS_MIN:
        raise UsageFault(
            f"{sum(len(own) for own in cells.values())} cells do not fit into {left_s:.0f} s",
            "name fewer contestants (-C), workloads (--workload) or connections, or leave --quick out",
        )
    return min(rounds, QUICK_ROUNDS_MAX)


def machine_speed_s(measuring_s: float) -> float:
    """How long to look at the machine's speed before measuring for so long, seconds."""
    return min(_SPEED_SHARE * measuring_s, _PACE_LONGEST_S)


def clock(seconds: float) -> str:
    """A length of time as people write it: 45 s, 3:07 min, 1:02:09 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02} h"
