"""Which pairs of contestants a run has decided so far, and how long the others would take.

A pair is settled when its interval leaves 1 out by more than the noise floor, or when it lies so near to 1 that more rounds could
only say more exactly that there is no difference worth a word.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..model import budget
from ..model.results import Cell, Results
from ..model.stats import Estimate
from ..report import scaling
from ..report.analysis import Analysis, Load, load_of
from ..report.metrics import CPU_US_PER_REQUEST

EQUAL = 1.03  # as a factor: nobody rewrites a server for less
# Looking at each round would find by chance what is not there; few looks, ever further apart, hardly do.
_FIRST_LOOK = 8
_LOOK_FACTOR = 1.5
_SHOWN = 3


@dataclass(frozen=True)
class Unsettled:
    """A pair on a workload, the better one first; rounds: how many are needed in all, as far as can be told."""

    route: str
    load: Load
    first: str
    second: str
    rounds: int


def is_time_to_look(rounds: int) -> bool:
    """Whether to look after so many rounds."""
    look = _FIRST_LOOK
    while look < rounds:
        look = math.ceil(look * _LOOK_FACTOR)
    return look == rounds


def unsettled(results: Results) -> list[Unsettled]:
    """The pairs that are neither decided nor equal by CPU time per request; who has no figure that stands is in none."""
    analysis, found = Analysis(scaling.without(results)), []
    for route in analysis.routes:
        for load in analysis.loads:
            cells = [
                cell
                for cell in analysis.participants(route, load)
                if CPU_US_PER_REQUEST.stands(cell) and not analysis.contestants[cell.contestant].is_reference
            ]
            for one, other in itertools.combinations(cells, 2):
                if pair := _unsettled(analysis, one, other):
                    found.append(pair)
    return found


def outlook(found: Sequence[Unsettled], rounds: int, round_s: float) -> str:
    """What a run of so many rounds, each so long, leaves open, and for how long it would have to go on; empty if nothing."""
    if not found:
        return ""
    nearest = sorted(found, key=lambda pair: pair.rounds)
    shown = ", ".join(f"{pair.first} and {pair.second} on {pair.route}" for pair in nearest[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    half = nearest[(len(nearest) - 1) // 2].rounds
    left_s = round_s * max(1, half - rounds)
    return (
        f"neither decided nor known to be equal after {rounds} rounds: {shown}{more}; half of them would take --rounds {half}, "
        f"about {budget.clock(left_s)} more on a machine as it was"
    )


def _unsettled(analysis: Analysis, one: Cell, other: Cell) -> Unsettled | None:
    times = analysis.ratio(one, other, CPU_US_PER_REQUEST)
    raw = analysis.raw_ratio(one, other, CPU_US_PER_REQUEST)
    if times is None or raw is None or raw.low is None or raw.high is None or times.excludes(1.0):
        return None
    floor = analysis.floor(one.route, load_of(one), CPU_US_PER_REQUEST)
    equal = max(EQUAL, floor)
    if 1 / equal <= raw.low and raw.high <= equal:
        return None
    better, worse = (one, other) if raw.value <= 1 else (other, one)
    return Unsettled(one.route, load_of(one), better.contestant, worse.contestant, _rounds_needed(raw, floor, equal))


def _rounds_needed(raw: Estimate, floor: float, equal: float) -> int:
    """An interval shrinks with the square root of the number of rounds; it has to leave 1 out, or to lie within what is equal."""
    assert raw.low is not None and raw.high is not None
    half, away = math.log(raw.high / raw.low) / 2, abs(math.log(raw.value))
    room = max(away - math.log(floor), math.log(equal) - away)
    return math.ceil(raw.n * (half / room) ** 2) if room > 0 else raw.n * 100
