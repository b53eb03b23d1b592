"""Medians over rounds, their intervals, ratios, outliers, noise floor and ranks: numbers in, numbers out.

Figures are taken by their logarithms, as noise multiplies: a machine that is 20 % slower is so for 5 µs and for 5 ms. What was
measured side by side is compared by the ratios of each round, in which the machine's moods cancel out. Rounds that follow each other
are alike, so many of them are taken in blocks of neighbours, by their medians. Few rounds say little about how far they scatter, and
two that agree by chance say something false; so the scatter of few counts for no less than that of their neighbours, which ran on
the same machine in the same minutes. Intervals are Student's. Under bursts, drift, a machine of two states and a neighbour that comes
and goes (10 to 40 %) they were tried in simulations (tests/rig/test_simulated_runs.py): of 1000 runs one decides at most a pair
the wrong way round, and 95 % of the intervals hold the truth.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean, linear_regression
from statistics import median as _median
from typing import TypeVar

CONFIDENCE = 0.95
# What the neighbours' scatter is worth beside a cell's own, in rounds. By simulation: with 3, two rounds of ten contestants
# decide 33 of 45 pairs on a quiet machine and none wrongly on a disturbed one.
NEIGHBOURS_FREEDOM = 3
# Fewer figures than this lean on their neighbours' scatter: five that lie close together by chance would decide what is not so.
FEW = 12
# Blocks of consecutive rounds in a series at most: enough for Student's t to be near its limit, and so that 200 rounds are
# blocks of nine, longer than most bursts.
BLOCKS_MAX = 24
# A median of normal figures scatters by this more than their mean; by less with fewer than five.
MEDIAN_TO_MEAN = math.sqrt(math.pi / 2)
# A single round has no scatter. On the machine of README's run, rounds of one cell lay up to 1.6 times apart.
SINGLE_ROUND_FACTOR = 2.0
# Two starts of the same program differ by so much at least: where its pages and its buffers came to lie.
LEAST_FLOOR = 1.02

# A round is an outlier beyond ten standard deviations, estimated robustly: hyperfine's threshold.
MAD_TO_SIGMA = 1.4826
OUTLIER_MADS = 10 * MAD_TO_SIGMA
# With few rounds the MAD may be tiny by chance; less than this share of the median is never called an outlier.
OUTLIER_LEAST_SHARE = 0.02

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Estimate:
    """A median (or a ratio of medians) over n rounds. low and high: the interval, None where nothing is known of it."""

    value: float
    low: float | None
    high: float | None
    n: int

    @property
    def half_width_share(self) -> float | None:
        """Half of the interval as a share of the value: ±3 % is 0.03. None without an interval or for value 0."""
        if self.low is None or self.high is None or self.value == 0:
            return None
        return (self.high - self.low) / 2 / abs(self.value)

    def excludes(self, number: float) -> bool:
        """Whether the interval leaves the number out. Without an interval nothing is left out."""
        return self.low is not None and self.high is not None and not self.low <= number <= self.high

    def widened(self, below: float, above: float) -> Estimate:
        """The interval with its low end divided by one factor and its high end multiplied by another, both 1 or more."""
        if self.low is None or self.high is None:
            return self
        return replace(self, low=self.low / below, high=self.high * above)

    def moved_to(self, value: float) -> Estimate:
        """The same with a value that is known better than by the median; the interval holds it in any case."""
        if self.low is None or self.high is None:
            return replace(self, value=value)
        return replace(self, value=value, low=min(self.low, value), high=max(self.high, value))

    def inverse(self) -> Estimate:
        """1 ÷ the ratio."""
        if self.low is None or self.high is None:
            return replace(self, value=1 / self.value)
        return replace(self, value=1 / self.value, low=1 / self.high, high=1 / self.low)


@dataclass(frozen=True)
class Scatter:
    """How far rounds of the same thing lie apart: the standard deviation of their logarithms;
    freedom: rounds beyond the first of each cell that it was taken from."""

    log_sd: float
    freedom: int


@dataclass(frozen=True)
class Outliers:
    """Rounds far from the others: their indexes, from 0. slow_start: the first round is one (a warm-up too short)."""

    indexes: tuple[int, ...]

    @property
    def slow_start(self) -> bool:
        return 0 in self.indexes


@dataclass(frozen=True)
class RankRange:
    """The ranks that a contestant may have: 1 + those surely better, to all less those surely worse."""

    low: int
    high: int

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}–{self.high}"


def _checked(samples: Sequence[float]) -> Sequence[float]:
    if not samples:
        raise ValueError("no samples")
    if not all(map(math.isfinite, samples)):
        raise ValueError("samples have to be finite")
    return samples


def _logs(samples: Sequence[float]) -> list[float]:
    return [math.log(sample) for sample in samples]


def _sd(samples: Sequence[float]) -> float:
    """The standard deviation of a population of which these are samples; there have to be two."""
    middle = fmean(samples)
    return math.sqrt(math.fsum((sample - middle) ** 2 for sample in samples) / (len(samples) - 1))


def _upper_quartile(samples: Sequence[float]) -> float:
    """Interpolated between the two that it lies between."""
    ordered, place = sorted(samples), 0.75 * (len(samples) - 1)
    below = int(place)
    return ordered[below] + (place - below) * (ordered[min(below + 1, len(ordered) - 1)] - ordered[below])


def blocks(samples: Sequence[float]) -> Sequence[float]:
    """The medians of blocks of consecutive samples, as few to a block as leave BLOCKS_MAX blocks; a rest at the end belongs to the
    last one."""
    length = math.ceil(len(samples) / BLOCKS_MAX)
    if length <= 1:
        return samples
    last = (len(samples) // length - 1) * length
    return [*(_median(samples[at : at + length]) for at in range(0, last, length)), _median(samples[last:])]


def t_quantile(both_tails: float, freedom: int) -> float:
    """Student's t that is exceeded, in either direction, with this probability (0 to 1, exclusive); freedom from 1.

    G. W. Hill, Algorithm 396: Student's t-quantiles, Communications of the ACM 13 (10), 1970; good to 4 digits and better.
    """
    p, n = both_tails, float(freedom)
    if freedom == 1:
        return math.cos(p * math.pi / 2) / math.sin(p * math.pi / 2)
    if freedom == 2:
        return math.sqrt(2 / (p * (2 - p)) - 2)
    a = 1 / (n - 0.5)
    b = 48 / a**2
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * n
    y = (d * p) ** (2 / n)
    if y > 0.05 + a:
        x = NormalDist().inv_cdf(p / 2)
        y = x**2
        c += 0.3 * (n - 4.5) * (x + 0.6) if n < 5 else 0
        c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c
        y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
        y = math.expm1(a * y**2)
    else:
        y = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * (n + 1) / (
            n + 2
        ) + 1 / y
    return math.sqrt(n * y)


def scatter(cells: Sequence[Sequence[float]]) -> Scatter | None:
    """The scatter that cells have in common: the root mean square of their own, each counted as twice the upper quartile at
    most, so that one strange cell does not speak for all. None where no cell has two rounds. Figures have to be above 0.
    """
    logs = [_logs(_checked(samples)) for samples in cells if len(samples) > 1]
    if not logs:
        return None
    own, freedom = [_sd(one) for one in logs], [len(one) - 1 for one in logs]
    most = 2 * _upper_quartile(own)
    squares = math.fsum(min(sd, most) ** 2 * free for sd, free in zip(own, freedom, strict=True))
    return Scatter(math.sqrt(squares / sum(freedom)), sum(freedom))


def paired_scatter(rows: Sequence[Sequence[float]]) -> Scatter | None:
    """The scatter that cells measured side by side have in common, without what moved all of a round alike.

    rows: the figures of each cell, of the same rounds in the same order, all above 0. None for fewer than two cells or rounds.
    """
    if len(rows) < 2 or len(rows[0]) < 2:
        return None
    logs = [_logs(row) for row in rows]
    means = [fmean(of_round) for of_round in zip(*logs, strict=True)]
    # What belongs to a round takes one cell's freedom, so that the rest of n cells is that much too small.
    growth = math.sqrt(len(rows) / (len(rows) - 1))
    return scatter([[math.exp(growth * (log - mean)) for log, mean in zip(row, means, strict=True)] for row in logs])


def median(samples: Sequence[float], neighbours: Scatter | None = None) -> Estimate:
    """The median with its 95 % interval. Raises ValueError for no samples, or for any that is not finite.

    Without an interval: a single round, and figures that are not all above 0.
    """
    value = float(_median(_checked(samples)))
    if len(samples) == 1 or min(samples) <= 0:
        return Estimate(value, None, None, len(samples))
    half = _half_width([_part(_logs(samples))], neighbours, 1)
    return Estimate(value, value / math.exp(half), value * math.exp(half), len(samples))


def ratio(
    numerators: Sequence[float],
    denominators: Sequence[float],
    paired: bool,
    neighbours: Scatter | None = None,
    comparisons: int = 1,
    single: float | None = None,
) -> Estimate:
    """The numerators divided by the denominators, with an interval of its own: by their medians, or if paired, by the median
    of the ratios.

    paired: both were measured in the same rounds, in this order, so that what slowed both down cancels out; neighbours is then what
    paired_scatter() found, else what scatter() did. comparisons: how many ratios are looked at together; all their intervals
    hold with 95 % at once (Bonferroni). single: the factor up and down that stands for an interval where there is but one
    round; None: there is none then. All figures have to be above 0. Raises ValueError.
    """
    above, below = _checked(numerators), _checked(denominators)
    if min(below) <= 0:
        raise ValueError("denominators have to be above 0")
    if paired and len(above) != len(below):
        raise ValueError("paired samples have to be of one length")
    n, positive = min(len(above), len(below)), min(above) > 0
    if paired and positive and n > 1:
        return _paired([math.log(one / other) for one, other in zip(above, below, strict=True)], neighbours, comparisons)
    value = _median(above) / _median(below)
    if not positive:
        return Estimate(value, None, None, n)
    if n == 1:
        low, high = (None, None) if single is None else (value / single, value * single)
        return Estimate(value, low, high, 1)
    half = _half_width([_part(_logs(side)) for side in (above, below)], neighbours, comparisons)
    return Estimate(value, value / math.exp(half), value * math.exp(half), n)


def _paired(logs: Sequence[float], neighbours: Scatter | None, comparisons: int) -> Estimate:
    """Student's interval of the mean of the logarithms, which covers better than one of their median: in bursts the latter's
    scatter is not known. The median is told, since a single wild round does not move it."""
    means = blocks(logs)
    middle, n = fmean(means), len(means)
    log_sd, freedom = _sd(means), n - 1
    if neighbours is not None and n < FEW:
        log_sd = max(log_sd, neighbours.log_sd * math.sqrt(2))
        freedom = max(freedom, min(freedom + NEIGHBOURS_FREEDOM, neighbours.freedom))
    half = t_quantile((1 - CONFIDENCE) / comparisons, freedom) * log_sd / math.sqrt(n)
    low, high = middle - half, middle + half
    told = min(max(_median(logs), low), high)
    return Estimate(math.exp(told), math.exp(low), math.exp(high), len(logs))


def _part(logs: Sequence[float]) -> tuple[float, int]:
    """Scatter of a series by its blocks, and how many there are."""
    own = blocks(logs)
    return _sd(own), len(own)


def _half_width(parts: Sequence[tuple[float, int]], neighbours: Scatter | None, comparisons: int) -> float:
    """Of the interval of a sum or difference of logarithms. parts: scatter and number of figures of each."""
    n = min(count for _, count in parts)
    freedom, least = n - 1, 0.0
    if neighbours is not None:
        freedom, least = max(n - 1, min(n - 1 + NEIGHBOURS_FREEDOM, neighbours.freedom)), neighbours.log_sd
    variance = sum(max(own, least) ** 2 / count for own, count in parts)
    wider = MEDIAN_TO_MEAN if n > 2 else 1.0
    return wider * t_quantile((1 - CONFIDENCE) / comparisons, freedom) * math.sqrt(variance)


def mad(samples: Sequence[float]) -> float:
    """Median absolute deviation from the median."""
    middle = _median(_checked(samples))
    return _median([abs(sample - middle) for sample in samples])


def outliers(samples: Sequence[float]) -> Outliers:
    """The samples that lie beyond OUTLIER_MADS median absolute deviations. Fewer than 3 samples have none."""
    if len(_checked(samples)) < 3:
        return Outliers(())
    middle = _median(samples)
    bound = max(OUTLIER_MADS * mad(samples), OUTLIER_LEAST_SHARE * abs(middle))
    return Outliers(tuple(index for index, sample in enumerate(samples) if abs(sample - middle) > bound))


def noise_floor(same: Sequence[float]) -> float | None:
    """How far two runs of the same server lie apart at most, as a factor above 1; None without a pair.

    same: ratios of one server under two names, one for each cell. Symmetrical: 1.25 stands for both 1.25 and 1/1.25.
    """
    if not same:
        return None
    if any(ratio <= 0 for ratio in same):
        raise ValueError("ratios have to be above 0")
    return math.exp(max(abs(math.log(ratio)) for ratio in same))


def is_tie(estimate: Estimate, floor: float | None = None) -> bool:
    """Whether a ratio says no difference: its interval, widened by the noise floor (a factor), does not leave 1 out.

    What has no interval is not known to differ.
    """
    return not estimate.widened(floor or 1.0, floor or 1.0).excludes(1.0)


def rank_ranges(names: Sequence[K], surely_better: Callable[[K, K], bool]) -> dict[K, RankRange]:
    """The ranks each may have. surely_better(a, b): whether a is before b beyond doubt; it is asked once of each two."""
    before, behind = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for one, other in itertools.permutations(names, 2):
        if surely_better(one, other):
            before[other] += 1
            behind[one] += 1
    return {name: RankRange(1 + before[name], len(names) - behind[name]) for name in names}


@dataclass(frozen=True)
class Line:
    """y = intercept + slope · x by least squares; residual: the largest distance of a point from it."""

    intercept: float
    slope: float
    residual: float


def fit_line(xs: Sequence[float], ys: Sequence[float]) -> Line | None:
    """The line through points; None with fewer than two different x."""
    if len(set(xs)) < 2:
        return None
    slope, intercept = linear_regression(_checked(xs), _checked(ys))
    return Line(intercept, slope, max(abs(y - (intercept + slope * x)) for x, y in zip(xs, ys, strict=True)))
