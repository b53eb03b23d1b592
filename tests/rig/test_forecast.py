"""The time that a run takes: a range while it is not known, from what visits took as soon as they did."""

from __future__ import annotations

import dataclasses

import pytest
from restmark_rig import budget
from restmark_rig.budget import Forecast, Span
from restmark_rig.plan import CellSpec
from restmark_rig.results import RunSettings, Visit

from . import synthetic_results

SETTINGS: RunSettings = synthetic_results.build(rounds=3, names=("restmarkd",), memory=False).settings
CELLS = {name: [CellSpec("/", 64), CellSpec("/encode-json", 64)] for name in ("a", "b")}


def visit(number: int, name: str, route: str = "/") -> Visit:
    return Visit(number, name, route, 64)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (Span(30, 35), "30 s"),
        (Span(30, 90), "30 to 90 s"),
        (Span(208, 900), "3 to 15 min"),
        (Span(208, 240), "3:28 min"),
        (Span(3000, 9000), "0.8 to 2.5 h"),
    ],
)
def test_a_span_is_said_as_people_do(span: Span, text: str) -> None:
    assert span.text == text


def test_others_make_it_longer_and_the_range_wider() -> None:
    spans = [budget.run_span(CELLS, SETTINGS, 2, 0, busy) for busy in (0.0, 0.2, 0.5, 0.7)]
    assert [span.low_s for span in spans] == [spans[0].low_s] * 4
    highs = [span.high_s for span in spans]
    assert highs == sorted(highs) and highs[2] > 2 * highs[0]
    assert budget.run_span(CELLS, SETTINGS, 2, 0, 1.0).high_s < 20 * spans[0].low_s, "all of it is bounded"


def test_builds_and_verification_are_within() -> None:
    without, with_two = (budget.run_span(CELLS, SETTINGS, 2, unbuilt, 0.0) for unbuilt in (0, 2))
    assert with_two.low_s - without.low_s == pytest.approx(2 * budget.BUILD_S)
    assert with_two.high_s - without.high_s > 2 * budget.BUILD_S
    four = budget.run_span(CELLS, SETTINGS, 4, 0, 0.0)
    assert four.low_s - without.low_s == pytest.approx(2 * budget.VERIFY_S)


def test_a_quick_run_says_no_more_than_it_may_take() -> None:
    quick = dataclasses.replace(SETTINGS, quick=True, duration_ms=1000, warmup_ms=500)
    assert budget.run_span(CELLS, quick, 2, 0, 0.3).high_s <= budget.QUICK_LIMIT_S + 2 * 2 * budget.VERIFY_S


def test_before_the_first_visit_the_plan_counts() -> None:
    assert Forecast(Span(2, 6)).left([visit(1, "a"), visit(1, "b")]) == Span(4, 12)


def test_a_cell_takes_as_long_as_it_did() -> None:
    forecast = Forecast(Span(2, 6))
    forecast.took(visit(1, "fast"), 2.0)
    forecast.took(visit(1, "slow"), 20.0)
    forecast.took(visit(2, "slow"), 30.0)
    assert forecast.left([visit(2, "fast")]) == Span(2, 2)
    assert forecast.left([visit(3, "slow")]) == Span(25, 30)


def test_cells_not_seen_yet_are_taken_for_as_slow_as_those_that_were() -> None:
    forecast = Forecast(Span(2, 6))
    forecast.took(visit(1, "slow"), 20.0)
    assert forecast.left([visit(1, "other")]) == Span(20, 20)
    forecast.took(visit(1, "fast"), 1.0)
    forecast.took(visit(1, "faster"), 1.0)
    assert forecast.left([visit(1, "other", "/encode-json")]) == Span(pytest.approx(22 / 3), pytest.approx(22 / 3))


def test_quick_first_cells_do_not_make_promises_for_slow_ones() -> None:
    forecast = Forecast(Span(2, 6))
    forecast.took(visit(1, "fast"), 1.0)
    assert forecast.left([visit(1, "other")]) == Span(1, 6)


def test_nothing_left_takes_no_time() -> None:
    assert Forecast(Span(2, 6)).left([]).text == "0 s"
