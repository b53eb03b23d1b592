"""The statistics on data with known answers."""

from __future__ import annotations

import math
import random

import pytest
from restmark_rig.model import stats
from restmark_rig.model.stats import Estimate


def test_the_median_of_odd_and_even_numbers_of_rounds() -> None:
    assert stats.median([3.0, 1.0, 2.0]).value == 2.0
    assert stats.median([4.0, 1.0, 2.0, 3.0]).value == 2.5


def test_one_round_has_a_median_and_no_interval() -> None:
    estimate = stats.median([7.0])
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (7.0, None, None, 1)
    assert estimate.half_width_share is None
    assert not estimate.excludes(8.0)


@pytest.mark.parametrize(
    ("both_tails", "freedom", "t"),
    [(0.05, 1, 12.706), (0.05, 2, 4.303), (0.01, 3, 5.841), (0.001, 4, 8.610), (0.05, 10, 2.228), (0.0001, 6, 9.082), (0.05, 30, 2.042)],
)  # fmt: skip
def test_students_t_as_in_the_tables(both_tails: float, freedom: int, t: float) -> None:
    assert stats.t_quantile(both_tails, freedom) == pytest.approx(t, abs=6e-4)


def test_an_interval_is_students_of_the_logarithms() -> None:
    """Logarithms 0, 1, 2: standard deviation 1, t of 2 degrees of freedom 4.303."""
    estimate = stats.median([1.0, math.e, math.e**2])
    half = 4.303 * math.sqrt(math.pi / 2) / math.sqrt(3)
    assert estimate.value == pytest.approx(math.e)
    assert estimate.low == pytest.approx(math.exp(1 - half), rel=1e-3)
    assert estimate.high == pytest.approx(math.exp(1 + half), rel=1e-3)


def test_rounds_that_agree_by_chance_do_not_count_for_more_than_their_neighbours_scatter() -> None:
    neighbours = stats.scatter([[100.0, 120.0], [50.0, 61.0], [7.0, 7.1], [10.0, 12.5]])
    assert neighbours is not None and neighbours.freedom == 4
    alone, among = (stats.ratio([10.0, 10.0], [9.0, 9.0], True, of) for of in (None, neighbours))
    assert not stats.is_tie(alone)
    assert stats.is_tie(among)


def test_one_strange_cell_does_not_speak_for_all() -> None:
    calm = [[100.0, 101.0, 99.0, 100.5]] * 9
    scattered, among = stats.scatter([*calm, [100.0, 300.0, 50.0, 900.0]]), stats.scatter(calm)
    assert scattered is not None and among is not None
    assert scattered.log_sd < 1.5 * among.log_sd
    assert stats.scatter([[1.0], [2.0]]) is None


def test_looking_at_many_pairs_widens_their_intervals() -> None:
    above, below = [10.0, 10.4, 9.9, 10.2], [9.5, 9.6, 9.4, 9.7]
    one, many = (stats.ratio(above, below, True, comparisons=count) for count in (1, 45))
    assert one.low is not None and many.low is not None and one.high is not None and many.high is not None
    assert many.low < one.low and many.high > one.high and many.value == one.value


def test_a_single_round_is_decided_by_what_is_assumed_of_it_and_else_not_at_all() -> None:
    assert stats.is_tie(stats.ratio([60.0], [1.0], True))
    assert not stats.is_tie(stats.ratio([60.0], [1.0], True, single=2.0))
    assert stats.is_tie(stats.ratio([1.9], [1.0], True, single=2.0))


def test_the_same_data_give_the_same_interval_every_time() -> None:
    samples = [random.Random(5).gauss(100, 3) for _ in range(9)]
    assert stats.median(samples) == stats.median(list(samples))


def test_the_interval_covers_the_true_median_about_as_often_as_it_says() -> None:
    rng = random.Random(42)
    for n in (2, 3, 5, 7, 15):
        covered = sum(
            not stats.median([rng.lognormvariate(0, 0.3) for _ in range(n)]).excludes(1.0) for _ in range(400)
        )
        assert 0.92 <= covered / 400 <= 0.995, n


@pytest.mark.parametrize("samples", [[], [1.0, math.nan], [math.inf]])
def test_samples_that_are_no_figures_are_refused(samples: list[float]) -> None:
    with pytest.raises(ValueError, match="samples"):
        stats.median(samples)


def test_a_paired_ratio_is_free_of_what_slowed_both_down() -> None:
    drift = [1.0, 1.5, 0.7, 1.2, 2.0, 0.9, 1.1]
    below = [100 * factor for factor in drift]
    above = [2 * figure for figure in below]
    paired = stats.ratio(above, below, paired=True)
    assert paired.value == pytest.approx(2.0)
    assert (paired.low, paired.high) == (pytest.approx(2.0), pytest.approx(2.0))
    loose = stats.ratio(above, below, paired=False)
    assert loose.value == pytest.approx(2.0)
    assert loose.low is not None and loose.low < 1.6 and loose.high is not None and loose.high > 2.4


def test_the_ratio_of_steady_runs_is_exact_and_excludes_no_change() -> None:
    estimate = stats.ratio([30.0] * 5, [20.0] * 3, paired=False)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (1.5, 1.5, 1.5, 3)
    assert estimate.excludes(1.0)


def test_ratios_of_nothing_or_of_unequal_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        stats.ratio([1.0], [0.0], paired=True)
    with pytest.raises(ValueError, match="one length"):
        stats.ratio([1.0, 2.0], [1.0], paired=True)


def test_the_mad_of_a_textbook_example() -> None:
    assert stats.mad([1, 1, 2, 2, 4, 6, 9]) == 1.0


def test_an_outlier_lies_beyond_ten_standard_deviations() -> None:
    calm = [98.0, 99.0, 100.0, 101.0, 102.0]  # MAD 1 with a further figure: the bound is 14.8 from the median
    assert stats.outliers([*calm, 113.0]).indexes == ()
    far = stats.outliers([*calm, 140.0])
    assert far.indexes == (5,)
    assert not far.slow_start


def test_a_slow_first_round_is_told() -> None:
    assert stats.outliers([50.0, 100.0, 101.0, 99.0, 100.0]).slow_start


def test_equal_rounds_do_not_make_a_slight_change_an_outlier() -> None:
    assert stats.outliers([100.0, 100.0, 100.0, 101.9]).indexes == ()
    assert stats.outliers([100.0, 100.0, 100.0, 102.1]).indexes == (3,)
    assert stats.outliers([1.0, 100.0]).indexes == ()


def test_the_noise_floor_is_the_largest_distance_in_either_direction() -> None:
    assert stats.noise_floor([1.01, 0.97]) == pytest.approx(1 / 0.97)
    assert stats.noise_floor([1.25]) == stats.noise_floor([1 / 1.25]) == pytest.approx(1.25)
    assert stats.noise_floor([]) is None
    with pytest.raises(ValueError, match="above 0"):
        stats.noise_floor([0.0])


@pytest.mark.parametrize(
    ("estimate", "floor", "tie"),
    [
        (Estimate(1.05, 0.99, 1.10, 7), None, True),  # the interval contains 1
        (Estimate(1.05, 1.02, 1.10, 7), None, False),
        (Estimate(1.05, 1.02, 1.10, 7), 1.06, True),  # within the noise
        (Estimate(1 / 1.05, 0.94, 0.97, 7), 1.06, True),  # the other way round
        (Estimate(1.05, 1.02, 1.10, 7), 1.04, True),  # its near end is
        (Estimate(1.05, 1.02, 1.10, 7), 1.01, False),
        (Estimate(60.0, None, None, 1), None, True),  # what has no interval is not known to differ
        (Estimate(60.0, None, None, 1), 1.06, True),
        (Estimate(0.0, 0.0, 0.0, 3), 1.06, False),
    ],
)
def test_ties(estimate: Estimate, floor: float | None, tie: bool) -> None:
    assert stats.is_tie(estimate, floor) is tie


def test_ranks_are_ranges_of_what_the_intervals_leave_open() -> None:
    """b can not be told from a and c, but a can from c."""
    figures = {"a": 10, "b": 12, "c": 14, "d": 30}
    ranks = stats.rank_ranges(list(figures), lambda x, y: figures[y] - figures[x] > 3)
    assert {name: str(found) for name, found in ranks.items()} == {"a": "1–2", "b": "1–3", "c": "2–3", "d": "4"}


def test_a_line_through_points() -> None:
    line = stats.fit_line([1, 2, 4, 8], [13, 16, 22, 34])
    assert line is not None
    assert (line.intercept, line.slope) == (pytest.approx(10), pytest.approx(3))
    assert line.residual == pytest.approx(0, abs=1e-9)
    assert stats.fit_line([2, 2], [1, 3]) is None
