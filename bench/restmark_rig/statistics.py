"""Medians over rounds, their intervals, ratios, outliers, noise floor and ties: numbers in, numbers out.

The interval is the percentile bootstrap's: rounds are drawn with replacement RESAMPLES times, the median is taken each
time, and the middle 95 % of those medians are the interval. The seed is fixed, so that the same results.json always
gives the same report.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
RESAMPLES = 10_000
BOOTSTRAP_SEED = 20191001

# A round is an outlier beyond ten standard deviations, estimated robustly: hyperfine's threshold.
MAD_TO_SIGMA = 1.4826
OUTLIER_MADS = 10 * MAD_TO_SIGMA
# With few rounds the MAD may be tiny by chance; less than this share of the median is never called an outlier.
OUTLIER_LEAST_SHARE = 0.02

Floats = npt.NDArray[np.float64]
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Estimate:
    """A median (or a ratio of medians) over n rounds. low and high: the 95 % interval, None with a single round."""

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


@dataclass(frozen=True)
class Outliers:
    """Rounds far from the others: their indexes, from 0. slow_start: the first round is one (a warm-up too short)."""

    indexes: tuple[int, ...]

    @property
    def slow_start(self) -> bool:
        return 0 in self.indexes


@functools.lru_cache(maxsize=64)
def _draws(n: int, stream: int) -> npt.NDArray[np.int64]:
    """RESAMPLES rows of n indexes drawn with replacement; independent for each stream, the same in every run."""
    return np.random.default_rng([BOOTSTRAP_SEED, stream]).integers(0, n, size=(RESAMPLES, n))


def _bootstrap_medians(samples: Floats, stream: int = 0) -> Floats:
    return np.asarray(np.median(samples[_draws(len(samples), stream)], axis=1), dtype=np.float64)


def _interval(replicates: Floats) -> tuple[float, float]:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(replicates, [tail, 1 - tail])
    return float(low), float(high)


def _array(samples: Sequence[float]) -> Floats:
    if not samples:
        raise ValueError("no samples")
    array = np.asarray(samples, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError("samples have to be finite")
    return array


def median(samples: Sequence[float]) -> Estimate:
    """The median with its interval. Raises ValueError for no samples, or for any that is not finite."""
    array = _array(samples)
    value = float(np.median(array))
    if len(array) == 1:
        return Estimate(value, None, None, 1)
    return Estimate(value, *_interval(_bootstrap_medians(array)), n=len(array))


def ratio(numerators: Sequence[float], denominators: Sequence[float], paired: bool) -> Estimate:
    """Median of the numerators divided by that of the denominators, with its own interval.

    paired: both were measured in the same rounds, so that whole rounds are drawn and what slowed both down cancels out;
    otherwise the two are drawn independently. All denominators have to be above 0. Raises ValueError.
    """
    above, below = _array(numerators), _array(denominators)
    if (below <= 0).any():
        raise ValueError("denominators have to be above 0")
    if paired and len(above) != len(below):
        raise ValueError("paired samples have to be of one length")
    value, n = float(np.median(above) / np.median(below)), min(len(above), len(below))
    if n == 1:
        return Estimate(value, None, None, 1)
    replicates = _bootstrap_medians(above) / _bootstrap_medians(below, stream=0 if paired else 1)
    return Estimate(value, *_interval(replicates), n=n)


def highest_coverage(n: int) -> float:
    """The most that any interval within the extremes of n rounds covers of a median: 1 - 2 · ½ⁿ.

    With fewer than 6 rounds that is less than 95 %, and the report says so.
    """
    return 1 - 2 * 0.5**n


def mad(samples: Sequence[float]) -> float:
    """Median absolute deviation from the median."""
    array = _array(samples)
    return float(np.median(np.abs(array - np.median(array))))


def outliers(samples: Sequence[float]) -> Outliers:
    """The samples that lie beyond OUTLIER_MADS median absolute deviations. Fewer than 3 samples have none."""
    array = _array(samples)
    if len(array) < 3:
        return Outliers(())
    middle = float(np.median(array))
    bound = max(OUTLIER_MADS * mad(samples), OUTLIER_LEAST_SHARE * abs(middle))
    return Outliers(tuple(int(index) for index in np.flatnonzero(np.abs(array - middle) > bound)))


def relative_spread(samples: Sequence[float]) -> float:
    """Robust standard deviation as a share of the median: 1.4826 · MAD / median. The median has to be above 0."""
    array = _array(samples)
    middle = float(np.median(array))
    if middle <= 0:
        raise ValueError("the median has to be above 0")
    return MAD_TO_SIGMA * mad(samples) / middle


def noise_floor(same_pairs: Sequence[tuple[float, float]]) -> float | None:
    """How far two runs of the same server lie apart at most, as a factor above 1; None without a pair.

    same_pairs: (median, median) of one server under two names, one pair for each cell. Symmetrical: 1.25 stands for
    both 125 against 100 and 100 against 125.
    """
    if not same_pairs:
        return None
    if any(a <= 0 or b <= 0 for a, b in same_pairs):
        raise ValueError("medians have to be above 0")
    return math.exp(max(abs(math.log(a / b)) for a, b in same_pairs))


def is_tie(estimate: Estimate, floor: float | None) -> bool:
    """Whether a ratio says no difference: its interval contains 1, or it lies within the noise floor (a factor)."""
    if estimate.low is not None and not estimate.excludes(1.0):
        return True
    return floor is not None and estimate.value > 0 and max(estimate.value, 1 / estimate.value) <= floor


def ranks(best_first: Sequence[K], tied: Callable[[K, K], bool]) -> dict[K, int]:
    """Ranks as in sports: those tied with the best of their group share its rank, the next one counts them all.

    A tie is always with the group's best, since ties are not transitive and would otherwise run through the whole list.
    """
    result: dict[K, int] = {}
    leader: K | None = None
    for position, key in enumerate(best_first, 1):
        if leader is not None and tied(key, leader):
            result[key] = result[leader]
        else:
            leader, result[key] = key, position
    return result


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
    x, y = _array(xs), _array(ys)
    slope, intercept = np.polyfit(x, y, 1)
    return Line(float(intercept), float(slope), float(np.max(np.abs(y - (intercept + slope * x)))))
