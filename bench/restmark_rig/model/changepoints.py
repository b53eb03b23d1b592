"""Where a series changes its level: segments of equal level, by PELT. Pure.

R. Killick, P. Fearnhead, I. A. Eckley: Optimal Detection of Changepoints With a Linear Computational Cost, Journal of the American Statistical
Association 107 (2012). The cost of a segment is its squared distance from its mean; a further segment has to bring more than PENALTY times the
variance of the noise times the logarithm of the length. The noise is estimated from the differences of neighbours, which levels do not enter.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from .stats import MAD_TO_SIGMA

# As in Barrett et al., Virtual Machine Warmup Blows Hot and Cold (OOPSLA 2017), which took 15 log n.
PENALTY = 15.0
SHORTEST = 3  # slices of a segment: fewer are an outlier and no level


@dataclass(frozen=True)
class Segment:
    """Samples begin … end − 1, and their mean."""

    begin: int
    end: int
    mean: float


def noise(samples: Sequence[float]) -> float:
    """Standard deviation of the samples about their levels."""
    steps = [abs(b - a) for a, b in itertools.pairwise(samples)]
    return MAD_TO_SIGMA * median(steps) / math.sqrt(2) if steps else 0.0


def segments(samples: Sequence[float], least_noise: float) -> list[Segment]:
    """The series cut where its level changes; one segment if it never does. least_noise: what the noise is taken for at least, as few samples
    that agree by chance would else be cut into pieces."""
    count = len(samples)
    if count < 2 * SHORTEST:
        return [Segment(0, count, fmean(samples))] if samples else []
    penalty = PENALTY * max(noise(samples), least_noise) ** 2 * math.log(count)
    begins = _last_changes(samples, penalty)
    found: list[Segment] = []
    end = count
    while end > 0:
        begin = begins[end]
        found.append(Segment(begin, end, fmean(samples[begin:end])))
        end = begin
    return found[::-1]


def _last_changes(samples: Sequence[float], penalty: float) -> list[int]:
    """For each length, where the last segment of the best cut of so many samples begins."""
    sums, squares = _running(samples)

    def cost(begin: int, end: int) -> float:
        return squares[end] - squares[begin] - (sums[end] - sums[begin]) ** 2 / (end - begin)

    count = len(samples)
    best = [-penalty] + [math.inf] * count
    begins = [0] * (count + 1)
    candidates = [0]
    for end in range(1, count + 1):
        able = [begin for begin in candidates if end - begin >= SHORTEST and math.isfinite(best[begin])]
        if not able:
            candidates.append(end)
            continue
        costs = [best[begin] + cost(begin, end) + penalty for begin in able]
        best[end] = min(costs)
        begins[end] = able[costs.index(best[end])]
        # A beginning that is worse by now than the best cut will never be better again.
        kept = {begin for begin, value in zip(able, costs, strict=True) if value - penalty <= best[end]}
        candidates = [begin for begin in candidates if begin in kept or begin not in able]
        candidates.append(end)
    return begins


def _running(samples: Sequence[float]) -> tuple[list[float], list[float]]:
    sums, squares = [0.0], [0.0]
    for sample in samples:
        sums.append(sums[-1] + sample)
        squares.append(squares[-1] + sample**2)
    return sums, squares
