"""The time that a run takes: a range while it is not known, from what visits took as soon as they did."""

from __future__ import annotations

import dataclasses

import pytest
from restmark_rig.model import budget
from restmark_rig.model.budget import Forecast, Span
from restmark_rig.model.plan import CellSpec, Turn
from restmark_rig.model.results import RunSettings, Visit

from . import synthetic_results

SETTINGS: RunSettings = synthetic_results.build(rounds=3, names=("restmarkd",), memory=False).settings
CELLS = {name: [CellSpec("/", 64), CellSpec("/encode-json", 64)] for name in ("a", "b")}


def turn(number: int, route: str = "/", names: str = "ab") -> Turn:
    return Turn(number, CellSpec(route, 64), tuple(Visit(number, name, route, 64) for name in names))


def forecast() -> Forecast:
    """Slices of 0.5 s, and starts of 5 to 9 s."""
    return Forecast(lambda *_: 0.5, Span(5, 9))


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
    assert highs == sorted(highs) and highs[2] > 1.9 * highs[0]
    assert budget.run_span(CELLS, SETTINGS, 2, 0, 1.0).high_s < 20 * spans[0].low_s, "all of it is bounded"


def test_builds_and_verification_are_within() -> None:
    without, with_two = (budget.run_span(CELLS, SETTINGS, 2, unbuilt, 0.0) for unbuilt in (0, 2))
    assert with_two.low_s - without.low_s == pytest.approx(2 * budget.BUILD_S)
    assert with_two.high_s - without.high_s > 2 * budget.BUILD_S
    four = budget.run_span(CELLS, SETTINGS, 4, 0, 0.0)
    assert four.low_s - without.low_s == pytest.approx(2 * budget.VERIFY_S)
    assert without.low_s > 2 * budget.VERIFY_S + budget.alone_s(CELLS)


def test_a_quick_run_says_no_more_than_it_may_take() -> None:
    quick = dataclasses.replace(SETTINGS, quick=True, duration_ms=200, warmup_ms=250)
    assert budget.run_span(CELLS, quick, 2, 0, 0.3).high_s <= budget.quick_limit_s(2) + 2 * (2 * budget.VERIFY_S + budget.alone_s(CELLS))


def test_starts_of_the_servers_are_within() -> None:
    ten, eleven = (budget.measuring_span(CELLS, dataclasses.replace(SETTINGS, rounds=rounds)) for rounds in (10, 11))
    one_round = budget.slices_s(CELLS, lambda *_: SETTINGS.duration_ms / 1e3)
    assert eleven.low_s - ten.low_s == pytest.approx(one_round + budget.start_s(CELLS, SETTINGS.warmup_ms / 1e3))


def test_before_the_first_turn_the_plan_counts() -> None:
    planned = budget.TURN_S + 2 * (budget.SLICE_S + 0.5)
    left = forecast().left([turn(1), turn(1, "/encode-json")])
    assert left.low_s == pytest.approx(5 + 2 * planned)
    assert left.high_s > 9 + 2 * planned


def test_a_turn_takes_as_long_as_it_did() -> None:
    seen = forecast()
    seen.took(turn(1), 2.0)
    seen.took(turn(1, "/million-loop"), 20.0)
    seen.took(turn(2, "/million-loop"), 30.0)
    assert seen.left([turn(3)]) == Span(2, 2)
    assert seen.left([turn(3, "/million-loop")]) == Span(25, 30)


def test_a_start_takes_as_long_as_the_last_one() -> None:
    seen = forecast()
    seen.started(7.0)
    seen.took(turn(1), 2.0)
    assert seen.left([turn(2)]) == Span(2, 2), "its servers are up"
    assert seen.left([turn(10), turn(11), turn(21)]) == Span(6 + 14, 6 + 14)


def test_nothing_left_takes_no_time() -> None:
    assert forecast().left([]).text == "0 s"
