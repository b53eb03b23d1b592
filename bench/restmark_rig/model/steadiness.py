"""What kind of warm-up a series of costs is, and what kind a contestant has over many starts. Pure.

The classes are those of E. Barrett, C. F. Bolz-Tereick, R. Killick, S. Mount, L. Tratt: Virtual Machine Warmup Blows Hot and Cold, OOPSLA 2017.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import linear_regression, median

from . import changepoints
from .changepoints import Segment

FLAT, WARM_UP, SLOWDOWN, NO_STEADY_STATE, INCONSISTENT = "flat", "warm-up", "slowdown", "no steady state", "inconsistent"

_SURE = 4.0  # standard errors
_LINE_MIN = 4  # a line through fewer points has hardly a residual

# Levels less far apart than this are one: neighbours on a shared machine move the cost of a request by as much.
SAME_FACTOR = 1.2
SAME_OF_STARTS = 1.3  # of the median of starts, of which half may have a neighbour in one half of the time
LEAST_NOISE = math.log(1.05)
# A level that is entered in the last part of the series may not be the last one.
UNSETTLED_SHARE = 0.25
BRIEF, BLIP_FACTOR = 4, 2.0
# Of all starts so many may be unlike the rest.
ODD_ONES = 1
# Starts whose levels lie as far apart are not of one kind, however flat each is. On a shared host those of one program lay up to twice apart.
APART_FACTOR = 2.5


@dataclass(frozen=True)
class Start:
    """Of one start of a process: its class, and where its steady state begins: index of the first sample of it; None without one. steady: the cost
    there."""

    name: str
    begin: int | None
    steady: float


def of_start(costs: Sequence[float], same: float = SAME_FACTOR) -> Start:
    """The class of one start. costs: CPU time per request in slices that follow one another, all above 0 and of equal length in time. same: levels less
    far apart than this factor are one."""
    if not costs:
        raise ValueError("no samples")
    levels = _levels(costs)
    last = levels[-1]
    steady = _steady_from(levels, same)
    if (steady > 0 and levels[steady].begin > len(costs) * (1 - UNSETTLED_SHARE)):
        return Start(NO_STEADY_STATE, None, math.exp(last.mean))
    if steady == 0:
        return Start(FLAT, 0, math.exp(last.mean))
    begin = levels[steady].begin
    cheaper = any(level.mean < last.mean and not _same(level, last, same) for level in levels[:steady])
    return Start(SLOWDOWN if cheaper else WARM_UP, begin, math.exp(last.mean))


def over_starts(starts: Sequence[Sequence[float]]) -> Start:
    """The class that a contestant has, by the costs of its starts as of_start() takes them.

    It is that of their median at each moment: neighbours on a shared machine, who move a level by half for some tenths of a second, do not come at the
    same moment in each start, and what is the contestant's own does. Inconsistent if for more than UNSETTLED_SHARE of the time the levels of its starts,
    all but ODD_ONES, lie APART_FACTOR or more apart.
    """
    if not starts or not all(starts):
        raise ValueError("no starts, or one without samples")
    length = sorted(map(len, starts), reverse=True)[(len(starts) - 1) // 2]  # that half of them have
    levels = [_level_at_each(costs, length) for costs in starts]
    # Who was looked at for less long, as he had answered enough, is held to have gone on as he was.
    typical = [median(costs[at] if at < len(costs) else level[at] for costs, level in zip(starts, levels, strict=True)) for at in range(length)]
    found = of_start(typical, SAME_OF_STARTS)
    return replace(found, name=INCONSISTENT, begin=None) if _are_apart(levels, length) else found


def _are_apart(levels: Sequence[Sequence[float]], length: int) -> bool:
    kept = len(levels) - (ODD_ONES if len(levels) > 2 else 0)
    apart = 0
    for at in range(length):
        there = sorted(level[at] for level in levels)
        apart += min(high / low for low, high in zip(there, there[kept - 1 :], strict=False)) >= APART_FACTOR
    return apart > length * UNSETTLED_SHARE


def _level_at_each(costs: Sequence[float], length: int) -> list[float]:
    """The level that each sample is on, and behind them the last."""
    found = [math.exp(level.mean) for level in _levels(costs) for _ in range(level.begin, level.end)]
    return found[:length] + found[-1:] * (length - len(found))


def sinks(costs: Sequence[float], factor: float) -> bool:
    """Whether a line through the logarithms falls by more than that from beginning to end, and by more than four standard errors."""
    count = len(costs)
    if count < _LINE_MIN:
        return False
    logs = [math.log(cost) for cost in costs]
    line = linear_regression(range(count), logs)
    fall = -line.slope * (count - 1)
    residual = math.sqrt(sum((log - line.intercept - line.slope * at) ** 2 for at, log in enumerate(logs)) / (count - 2))
    spread = math.sqrt(count * (count**2 - 1) / 12)
    return fall > math.log(factor) and fall > _SURE * residual / spread * (count - 1)


def _levels(costs: Sequence[float]) -> list[Segment]:
    return _without_blips(changepoints.segments(_without_spikes([math.log(cost) for cost in costs]), LEAST_NOISE))


def _without_spikes(samples: Sequence[float]) -> list[float]:
    """Each by the median of itself and its neighbours: a collection of garbage, or a neighbour on the machine, is no level."""
    around = [samples[0], *samples, samples[-1]]
    return [sorted(around[at : at + 3])[1] for at in range(len(samples))]


def _without_blips(levels: Sequence[Segment]) -> list[Segment]:
    """A level of four slices or fewer, less than twice or half of the longer of its neighbours, is a part of that one: a burst, or pages that are
    touched for the first time, and no state."""
    found: list[Segment] = []
    carried: Segment | None = None  # a blip whose longer neighbour comes after it
    for place, level in enumerate(levels):
        around = [*levels[place - 1 : place], *levels[place + 1 : place + 2]]
        longer = max(around, key=_length, default=None)
        is_blip = longer is not None and _length(level) <= BRIEF < _length(longer) and _same(level, longer, BLIP_FACTOR)
        if is_blip and found and longer is levels[place - 1]:
            found[-1] = replace(found[-1], end=level.end)
        elif is_blip:
            carried = level
        else:
            found.append(replace(level, begin=carried.begin) if carried else level)
            carried = None
    return found


def _length(level: Segment) -> int:
    return level.end - level.begin


def _steady_from(levels: Sequence[Segment], same: float) -> int:
    """Index of the first of the levels from which on all are the last one's."""
    index = len(levels) - 1
    while index > 0 and _same(levels[index - 1], levels[-1], same):
        index -= 1
    return index


def _same(a: Segment, b: Segment, factor: float) -> bool:
    return abs(a.mean - b.mean) <= math.log(factor)
