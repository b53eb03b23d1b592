"""The rules of the verdicts of the study of pipelining, on figures made up for them: each verdict can come out, and none flips by noise."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

import pytest
from restmark_rig.report.layout import width_of
from restmark_rig.report.svg import Figure
from restmark_rig.studies import charts
from restmark_rig.studies.pipelining import connections, head_of_line, inflation, texts, work
from restmark_rig.studies.record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, Point, Series

ROUNDS = 5


def noisy(seed: int, noise: float) -> Callable[[float], float]:
    """A figure with so much noise, as a share of it."""
    source = random.Random(seed)
    return lambda value: value * source.uniform(1 - noise, 1 + noise)


def cell(labels: dict[str, str], blur: Callable[[float], float], **figures: float) -> Cell:
    return Cell(labels, [{name: blur(value) for name, value in figures.items()} for _ in range(ROUNDS)])


def inflated(gains: dict[str, float], noise: float = 0.02, seed: int = 1) -> list[Cell]:
    """GET / of servers of the same speed without pipelining, and with these gains at depth 16 and 64."""
    blur = noisy(seed, noise)
    return [
        cell(
            {"contestant": name, "held": held, "depth": str(depth), "connections": "64"},
            blur,
            requests_per_s=20_000 * (gain if depth > 1 else 1),
            server_cpu_us=20 / (gain if depth > 1 else 1),
            client_cpu_us=5.0,
            reads=1.0,
            writes=1.0,
            client_receives=1.0,
            p99_us=900.0,
        )
        for name, gain in gains.items()
        for held in (texts.EQUAL_CONNECTIONS, texts.EQUAL_FLIGHT)
        for depth in (1, 16, 64)
    ]


@pytest.mark.parametrize(
    ("gains", "noise", "verdict"),
    [
        ({"a": 7.0, "b": 2.0, "c": 0.8}, 0.02, HOLDS),
        ({"a": 1.2, "b": 1.1}, 0.02, HOLDS_NOT),
        ({"a": 3.0, "b": 3.0}, 0.01, HOLDS_NOT),
        ({"a": 2.2, "b": 1.6}, 0.02, OPEN),
        ({"a": 4.0, "b": 2.0}, 0.9, OPEN),
        ({"a": 4.0}, 0.02, OPEN),
    ],
)
def test_inflation(gains: dict[str, float], noise: float, verdict: str) -> None:
    assert inflation.judge(inflated(gains, noise)).verdict == verdict


def test_a_contestant_that_lost_a_cell_is_not_compared_and_is_named() -> None:
    cells = inflated({"a": 7.0, "b": 2.0, "c": 1.0})
    cells[0] = Cell(cells[0].labels, [], "answer 3 of 16 is out of order")
    finding = inflation.judge(cells)
    assert finding.verdict == HOLDS and "a answers" not in finding.why
    assert any("out of order" in note for note in finding.notes)


def test_points_stand_in_the_order_of_depths() -> None:
    for chart in inflation.judge(inflated({"a": 7.0, "b": 2.0})[::-1]).charts:
        assert all([point.x for point in one.points] == sorted(point.x for point in one.points) for one in chart.series), chart.key


def test_the_bump_chart_says_how_many_turn_round() -> None:
    chart = inflation.judge(inflated({"a": 7.0, "b": 2.0})).charts[0]
    assert [series.points[-1].y for series in chart.series] == [1.0, 2.0]
    assert charts.figure(chart) is not None


def test_no_label_of_the_axis_is_cut_off() -> None:
    chart = Chart("c", "t", "x", "y", [Series("a", [Point(1.0, 3.0), Point(2.0, 3e9)])])
    drawn = charts.figure(chart)
    assert drawn is not None
    for svg in (drawn.wide, drawn.narrow):
        labels = [(float(x), text) for x, text in re.findall(r'<text [^>]*?x="([\d.]+)"[^>]*text-anchor="end"[^>]*>([\d,]+)<', svg.render())]
        assert max(len(text) for _, text in labels) >= len("268,435,456")
        assert all(x - width_of(text) >= 0 for x, text in labels)


def worked(last: float, noise: float = 0.01) -> list[Cell]:
    """A gain of 4 without work, and this one with the most."""
    blur = noisy(2, noise)
    return [
        cell(
            {"contestant": "a", "work": name, "depth": str(depth)},
            blur,
            server_cpu_us=cost / (gain if depth > 1 else 1),
            requests_per_s=1e6 / cost * (gain if depth > 1 else 1),
        )
        for name, cost, gain in (("nothing", 20.0, 4.0), ("some", 100.0, 1.5), ("much", 1000.0, last))
        for depth in (1, work.DEPTH)
    ]


@pytest.mark.parametrize(("last", "noise", "verdict"), [(1.02, 0.01, HOLDS), (2.0, 0.01, HOLDS_NOT), (1.5, 0.01, OPEN), (1.05, 0.4, OPEN)])
def test_work(last: float, noise: float, verdict: str) -> None:
    assert work.judge(worked(last, noise)).verdict == verdict


def held_up(times: float) -> list[Cell]:
    blur = noisy(3, 0.05)
    return [
        cell(
            {"contestant": "a", "dear": dear, "connections": shape},
            blur,
            requests_per_s=1000.0,
            **{f"target_0_{which}_us": 100.0 * (times if shape == head_of_line.SHARED else 1) for which in ("p50", "p99", "max")},
        )
        for dear, _ in head_of_line.DEAR
        for _, shape in head_of_line.SHAPES
    ]


@pytest.mark.parametrize(("times", "verdict"), [(500.0, HOLDS), (1.1, HOLDS_NOT), (5.0, OPEN)])
def test_head_of_line(times: float, verdict: str) -> None:
    assert head_of_line.judge(held_up(times)).verdict == verdict


def ways(closed: float, kept: float, deep: float) -> list[Cell]:
    blur = noisy(4, 0.02)
    costs = {connections.CLOSED: closed, connections.KEPT: kept, connections.PIPELINED: deep}
    return [
        cell({"contestant": "a", "where": connections.NEAR, "way": way}, blur, server_cpu_us=cost, client_cpu_us=cost, requests_per_s=1e6 / cost, p50_us=100.0, p99_us=200.0)
        for way, cost in costs.items()
    ]


@pytest.mark.parametrize(("costs", "verdict"), [((60, 20, 10), HOLDS), ((20, 19, 10), HOLDS_NOT), ((60, 50, 5), HOLDS_NOT), ((60, 36, 7), OPEN)])
def test_connections(costs: tuple[float, float, float], verdict: str) -> None:
    assert connections.judge(ways(*costs)).verdict == verdict


@pytest.mark.parametrize(
    ("judge", "cells"),
    [
        (inflation.judge, lambda seed: inflated({"a": 4.0, "b": 1.9, "c": 1.2}, 0.3, seed)),
        (inflation.judge, lambda seed: inflated({"a": 1.6, "b": 1.3}, 0.2, seed)),
    ],
)
def test_no_verdict_flips_by_noise(judge: Callable[[Sequence[Cell]], object], cells: Callable[[int], list[Cell]]) -> None:
    found = {judge(cells(seed)).verdict for seed in range(40)}  # type: ignore[attr-defined]
    assert not {HOLDS, HOLDS_NOT} <= found


def test_nothing_measured_is_no_verdict() -> None:
    for judge in (inflation.judge, work.judge, head_of_line.judge, connections.judge):
        assert judge([Cell({"contestant": "a"}, lost="it did not start")]).verdict == OPEN


def test_every_chart_is_drawn_for_desk_and_phone() -> None:
    findings = [inflation.judge(inflated({"a": 7.0, "b": 2.0})), work.judge(worked(1.02)), head_of_line.judge(held_up(500.0))]
    for chart in (chart for finding in findings for chart in finding.charts):
        drawn = charts.figure(chart)
        assert isinstance(drawn, Figure) and drawn.title == chart.title
        for svg in (drawn.wide, drawn.narrow):
            assert svg.render().startswith("<svg") and "NaN" not in svg.render()
