"""The statistics on data with known answers."""

from __future__ import annotations

import math
import random

import pytest
from restmark_rig import statistics
from restmark_rig.statistics import Estimate


def test_the_median_of_odd_and_even_numbers_of_rounds() -> None:
    assert statistics.median([3.0, 1.0, 2.0]).value == 2.0
    assert statistics.median([4.0, 1.0, 2.0, 3.0]).value == 2.5


def test_one_round_has_a_median_and_no_interval() -> None:
    estimate = statistics.median([7.0])
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (7.0, None, None, 1)
    assert estimate.half_width_share is None
    assert not estimate.excludes(8.0)


@pytest.mark.parametrize("n", [3, 4, 5])
def test_with_few_rounds_the_interval_is_all_of_them(n: int) -> None:
    """All n draws' median is the least figure with a chance above 2.5 % up to n = 5 (5.8 %); for n = 7 it is 1.0 %."""
    estimate = statistics.median([float(number) for number in range(n)])
    assert (estimate.low, estimate.high) == (0.0, float(n - 1))


def test_with_seven_rounds_the_interval_is_the_exact_bootstrap_one() -> None:
    """P(median of 7 draws <= k-th of 7) is a binomial sum: 1.02 % for k = 1, 9.9 % for k = 2: 2.5 % is the second."""
    chances = [sum(math.comb(7, j) * (k / 7) ** j * (1 - k / 7) ** (7 - j) for j in range(4, 8)) for k in (1, 2)]
    assert chances[0] < 0.025 < chances[1]
    estimate = statistics.median([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0])
    assert (estimate.low, estimate.high) == (20.0, 60.0)


def test_the_same_data_give_the_same_interval_every_time() -> None:
    samples = [random.Random(5).gauss(100, 3) for _ in range(9)]
    assert statistics.median(samples) == statistics.median(list(samples))


def test_the_interval_covers_the_true_median_about_as_often_as_it_says() -> None:
    rng = random.Random(42)
    covered = 0
    for _ in range(300):
        estimate = statistics.median([rng.lognormvariate(0, 0.3) for _ in range(15)])
        covered += not estimate.excludes(1.0)
    assert 0.90 <= covered / 300 <= 0.99


@pytest.mark.parametrize("samples", [[], [1.0, math.nan], [math.inf]])
def test_samples_that_are_no_figures_are_refused(samples: list[float]) -> None:
    with pytest.raises(ValueError, match="samples"):
        statistics.median(samples)


def test_a_paired_ratio_is_free_of_what_slowed_both_down() -> None:
    drift = [1.0, 1.5, 0.7, 1.2, 2.0, 0.9, 1.1]
    below = [100 * factor for factor in drift]
    above = [2 * figure for figure in below]
    paired = statistics.ratio(above, below, paired=True)
    assert paired.value == pytest.approx(2.0)
    assert (paired.low, paired.high) == (pytest.approx(2.0), pytest.approx(2.0))
    loose = statistics.ratio(above, below, paired=False)
    assert loose.value == pytest.approx(2.0)
    assert loose.low is not None and loose.low < 1.6 and loose.high is not None and loose.high > 2.4


def test_the_ratio_of_steady_runs_is_exact_and_excludes_no_change() -> None:
    estimate = statistics.ratio([30.0] * 5, [20.0] * 3, paired=False)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (1.5, 1.5, 1.5, 3)
    assert estimate.excludes(1.0)


def test_ratios_of_nothing_or_of_unequal_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        statistics.ratio([1.0], [0.0], paired=True)
    with pytest.raises(ValueError, match="one length"):
        statistics.ratio([1.0, 2.0], [1.0], paired=True)


def test_the_mad_of_a_textbook_example() -> None:
    assert statistics.mad([1, 1, 2, 2, 4, 6, 9]) == 1.0
    assert statistics.relative_spread([1, 1, 2, 2, 4, 6, 9]) == pytest.approx(1.4826 / 2)


def test_an_outlier_lies_beyond_ten_standard_deviations() -> None:
    calm = [98.0, 99.0, 100.0, 101.0, 102.0]  # MAD 1 with a further figure: the bound is 14.8 from the median
    assert statistics.outliers([*calm, 113.0]).indexes == ()
    far = statistics.outliers([*calm, 140.0])
    assert far.indexes == (5,)
    assert not far.slow_start


def test_a_slow_first_round_is_told() -> None:
    assert statistics.outliers([50.0, 100.0, 101.0, 99.0, 100.0]).slow_start


def test_equal_rounds_do_not_make_a_slight_change_an_outlier() -> None:
    assert statistics.outliers([100.0, 100.0, 100.0, 101.9]).indexes == ()
    assert statistics.outliers([100.0, 100.0, 100.0, 102.1]).indexes == (3,)
    assert statistics.outliers([1.0, 100.0]).indexes == ()


def test_the_noise_floor_is_the_largest_distance_in_either_direction() -> None:
    assert statistics.noise_floor([(100, 101), (100, 97)]) == pytest.approx(100 / 97)
    assert statistics.noise_floor([(125, 100)]) == statistics.noise_floor([(100, 125)]) == pytest.approx(1.25)
    assert statistics.noise_floor([]) is None
    with pytest.raises(ValueError, match="above 0"):
        statistics.noise_floor([(0, 1)])


@pytest.mark.parametrize(
    ("estimate", "floor", "tie"),
    [
        (Estimate(1.05, 0.99, 1.10, 7), None, True),  # the interval contains 1
        (Estimate(1.05, 1.02, 1.10, 7), None, False),
        (Estimate(1.05, 1.02, 1.10, 7), 1.06, True),  # within the noise
        (Estimate(1 / 1.05, 0.94, 0.97, 7), 1.06, True),  # the other way round
        (Estimate(1.05, 1.02, 1.10, 7), 1.04, False),
        (Estimate(1.05, None, None, 1), None, False),  # one round: only the floor can tell
        (Estimate(1.05, None, None, 1), 1.06, True),
        (Estimate(0.0, 0.0, 0.0, 3), 1.06, False),
    ],
)
def test_ties(estimate: Estimate, floor: float | None, tie: bool) -> None:
    assert statistics.is_tie(estimate, floor) is tie


def test_ties_do_not_run_through_the_whole_list() -> None:
    """Neighbours lie within 3 of each other, first and last do not: ties are with the best of a group."""
    figures = {"a": 10, "b": 12, "c": 14, "d": 16, "e": 30}
    ranks = statistics.ranks(list(figures), lambda x, y: abs(figures[x] - figures[y]) < 3)
    assert ranks == {"a": 1, "b": 1, "c": 3, "d": 3, "e": 5}


def test_intervals_of_few_rounds_can_not_cover_what_they_say() -> None:
    assert statistics.highest_coverage(3) == 0.75
    assert statistics.highest_coverage(5) < statistics.CONFIDENCE < statistics.highest_coverage(6)


def test_a_line_through_points() -> None:
    line = statistics.fit_line([1, 2, 4, 8], [13, 16, 22, 34])
    assert line is not None
    assert (line.intercept, line.slope) == (pytest.approx(10), pytest.approx(3))
    assert line.residual == pytest.approx(0, abs=1e-9)
    assert statistics.fit_line([2, 2], [1, 3]) is None
