"""The study of costs: where levels change, what kind of warm-up that is, which rates hold, and the bill."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import pytest
from restmark_rig.model import changepoints, steadiness
from restmark_rig.model.stats import Estimate
from restmark_rig.model.steadiness import FLAT, INCONSISTENT, NO_STEADY_STATE, SLOWDOWN, WARM_UP
from restmark_rig.studies.costs import (
    billing,
    capacity,
    memory_life,
    rates,
    warm_up,
)
from restmark_rig.studies.costs.billing import Range, Stack, Terms
from restmark_rig.studies.costs.rates import Try
from restmark_rig.studies.record import HOLDS, HOLDS_NOT, OPEN, Cell
from restmark_rig.ui.cli import cli

from . import costs_example
from .helpers import ROOT


def series(levels: Sequence[tuple[float, int]], sd: float, seed: int) -> list[float]:
    """Costs at these levels for so many slices each, with noise."""
    rng = random.Random(seed)
    return [level * math.exp(rng.gauss(0, sd)) for level, count in levels for _ in range(count)]


def cost_of_cut(samples: Sequence[float], begins: Sequence[int], penalty: float) -> float:
    """What PELT makes as small as it can."""
    ends = [*begins[1:], len(samples)]
    parts = [samples[begin:end] for begin, end in zip(begins, ends, strict=True)]
    return sum(sum((x - fmean(part)) ** 2 for x in part) for part in parts) + penalty * (len(parts) - 1)


def best_cut(samples: Sequence[float], penalty: float) -> float:
    """The least cost of all cuts, by looking at each."""
    best: dict[int, float] = {0: -penalty}
    for end in range(1, len(samples) + 1):
        options = []
        for begin in range(end - changepoints.SHORTEST + 1):
            if begin in best:
                part = samples[begin:end]
                options.append(best[begin] + sum((x - fmean(part)) ** 2 for x in part) + penalty)
        if options:
            best[end] = min(options)
    return best[len(samples)]


@pytest.mark.parametrize("seed", range(40))
def test_no_cut_is_better_than_the_one_that_is_found(seed: int) -> None:
    rng = random.Random(seed)
    levels = [(rng.choice([1.0, 1.3, 2.0, 5.0]), rng.randint(1, 12)) for _ in range(rng.randint(1, 5))]
    samples = [math.log(cost) for cost in series(levels, rng.choice([0.01, 0.1, 0.3]), seed)]
    found = changepoints.segments(samples, 0.02)
    assert [part.begin for part in found[1:]] == [part.end for part in found[:-1]]
    assert (found[0].begin, found[-1].end) == (0, len(samples))
    if len(samples) >= 2 * changepoints.SHORTEST:
        assert min(part.end - part.begin for part in found) >= changepoints.SHORTEST
        penalty = changepoints.PENALTY * max(changepoints.noise(samples), 0.02) ** 2 * math.log(len(samples))
        assert cost_of_cut(samples, [part.begin for part in found], penalty) == pytest.approx(best_cut(samples, penalty), abs=1e-9)


@pytest.mark.parametrize(
    ("levels", "name"),
    [
        ([(50.0, 40)], FLAT),
        ([(55.0, 10), (50.0, 30)], FLAT),  # within what neighbours do
        ([(500.0, 4), (120.0, 6), (50.0, 30)], WARM_UP),
        ([(50.0, 10), (70.0, 5), (50.0, 25)], WARM_UP),
        ([(50.0, 20), (100.0, 20)], SLOWDOWN),
        ([(200.0, 5), (50.0, 10), (100.0, 25)], SLOWDOWN),
        ([(50.0, 34), (100.0, 6)], NO_STEADY_STATE),
        ([(50.0, 31), (25.0, 9)], NO_STEADY_STATE),
        ([(80.0, 4), (50.0, 36)], FLAT),  # pages that are touched for the first time
        ([(50.0, 20), (85.0, 4), (50.0, 16)], FLAT),  # a burst
        ([(50.0, 36), (85.0, 4)], FLAT),
        ([(150.0, 4), (50.0, 36)], WARM_UP),
        ([(80.0, 8), (50.0, 32)], WARM_UP),
        ([(50.0, 36), (150.0, 4)], NO_STEADY_STATE),
    ],
)
def test_a_start_has_the_class_of_its_levels(levels: list[tuple[float, int]], name: str) -> None:
    told = [steadiness.of_start(series(levels, 0.04, seed)).name for seed in range(50)]
    assert told.count(name) >= 49, told


def test_the_steady_state_is_where_the_last_level_begins() -> None:
    start = steadiness.of_start(series([(500.0, 4), (120.0, 6), (50.0, 30)], 0.02, 1))
    assert start.begin == 10
    assert start.steady == pytest.approx(50, rel=0.03)


def test_a_single_dear_slice_is_no_level() -> None:
    costs = series([(50.0, 40)], 0.03, 7)
    for at in (3, 17, 38):
        costs[at] *= 8
    assert steadiness.of_start(costs).name == FLAT


SLOW, FAST = [(500.0, 10), (50.0, 30)], [(50.0, 40)]


@pytest.mark.parametrize(
    ("starts", "name"),
    [
        ([SLOW] * 10, WARM_UP),
        ([SLOW] * 9 + [FAST], WARM_UP),
        ([[(50.0, at), (200.0, 40 - at)] for at in (18, 19, 20, 20, 20, 21, 21, 22, 22, 23)], SLOWDOWN),
        ([FAST] * 5 + [[(50.0, 15), (200.0, 25)]] * 5, INCONSISTENT),  # it may become dearer, or not
        ([[(50.0, at), (200.0, 40 - at)] for at in range(2, 40, 4)], INCONSISTENT),  # at a moment that each start draws
        ([[(50.0, 30)]] * 5 + [[(50.0, 10), (500.0, 290)]] * 5, INCONSISTENT),  # who is fast has soon answered enough
        ([FAST] * 2, FLAT),
        ([FAST], FLAT),
        ([SLOW], WARM_UP),
    ],
)
def test_a_contestant_has_the_class_of_the_median_of_its_starts(starts: list[list[tuple[float, int]]], name: str) -> None:
    assert steadiness.over_starts([series(levels, 0.03, seed) for seed, levels in enumerate(starts)]).name == name


@pytest.mark.parametrize(("levels", "name"), [(FAST, FLAT), (SLOW, WARM_UP), ([(50.0, 14), (200.0, 26)], SLOWDOWN)])
def test_neighbours_that_come_and_go_are_no_property_of_a_contestant(levels: list[tuple[float, int]], name: str) -> None:
    """Everything costs up to 1.6 times as much for a while, another while in each start: single starts are of all classes then."""
    told, single = [], []
    for seed in range(50):
        rng = random.Random(seed)
        starts = [_disturbed(series(levels, 0.04, 100 * seed + number), rng) for number in range(10)]
        told.append(steadiness.over_starts(starts).name)
        single += [steadiness.of_start(costs).name for costs in starts]
    assert told.count(name) >= 49, told
    assert single.count(name) < 450


def _disturbed(costs: list[float], rng: random.Random) -> list[float]:
    """By a neighbour who is there for some of the time, or for all of it."""
    factor, begin, end = rng.uniform(1.2, 1.6), rng.randint(-20, 40), rng.randint(0, 60)
    return [cost * (factor if begin <= at < end else 1) for at, cost in enumerate(costs)]


@pytest.mark.parametrize(
    ("levels", "name"),
    [
        ([50.0] * 10, FLAT),
        ([50.0, 70.0] * 5, FLAT),  # what neighbours do
        ([50.0, 100.0] * 5, FLAT),
        ([50.0] * 9 + [500.0], FLAT),  # one odd one
        ([500.0] + [50.0] * 9, FLAT),
        ([5.0] + [50.0] * 9, FLAT),
        ([50.0, 150.0] * 5, INCONSISTENT),
        ([50.0] * 8 + [150.0] * 2, INCONSISTENT),
        ([50.0, 150.0], INCONSISTENT),
    ],
)
def test_starts_that_are_flat_on_different_levels_are_not_of_one_kind(levels: list[float], name: str) -> None:
    """As where each start draws how dear its answers are."""
    assert steadiness.over_starts([[level] * 40 for level in levels]).name == name


def started(name: str, levels: list[tuple[float, int]], starts: int = 10) -> list[Cell]:
    """Cells of the warm-up, as measured."""
    cells = []
    for route in ("/encode-json", "/million-loop"):
        for number in range(starts):
            slices = [
                {"at_s": (at + 1) * 0.05, "seconds": 0.05, "requests": 50_000 / cost, "server_cpu_us": cost}
                for at, cost in enumerate(series(levels, 0.03, number))
            ]
            cells.append(Cell({"contestant": name.title(), "name": name, "route": route, "start": str(number + 1)}, slices))
    return cells


def test_one_short_start_does_not_cut_the_picture() -> None:
    cells = started("restmarkd", [(50.0, 40)])
    short = [Cell(cell.labels, cell.rounds[:3]) if cell.labels["start"] == "4" else cell for cell in cells]
    (chart,) = warm_up.judge(short).charts
    assert [len(line.points) for line in chart.series] == [40, 40]
    half = [Cell(cell.labels, cell.rounds[:10]) if int(cell.labels["start"]) > 4 else cell for cell in cells]
    assert [len(line.points) for line in warm_up.judge(half).charts[0].series] == [10, 10]


def test_pypy_has_a_warm_up_and_what_it_costs_is_told() -> None:
    warming, flat = started("pypy-x", [(500.0, 10), (50.0, 30)]), started("restmarkd", [(50.0, 40)])
    finding = warm_up.judge([*warming, *flat])
    assert finding.verdict == HOLDS, finding.why
    first, *_ = warm_up.kinds(warming)
    assert first.name == WARM_UP
    assert first.until_s == pytest.approx(0.5)
    assert first.until_requests == pytest.approx(1000, rel=0.05)
    assert first.lost_requests == pytest.approx([0.5 * 20_000 - 1000] * 10, rel=0.05)
    assert first.apart == pytest.approx(1, abs=0.05)
    assert "Pypy-X: warm-up on /encode-json and warm-up on /million-loop" in [chart.title for chart in finding.charts]
    assert warm_up.judge(started("pypy-x", [(50.0, 40)])).verdict == HOLDS_NOT
    assert warm_up.judge(flat).verdict == OPEN


def test_what_slows_down_and_what_differs_from_start_to_start_are_told_apart() -> None:
    slow = started("slower", [(50.0, 20), (100.0, 20)])
    assert {kind.name for kind in warm_up.kinds(slow)} == {SLOWDOWN}
    mixed = [
        (started("random", [(50.0, 40)]) if number % 2 else started("random", [(50.0, 15), (150.0, 25)]))[index]
        for number in range(2)
        for index in range(number, 20, 2)
    ]
    assert {kind.name for kind in warm_up.kinds(mixed)} == {INCONSISTENT}


def test_the_highest_rate_is_that_up_to_which_all_held() -> None:
    tried = [Try(100, 100, 10), Try(200, 200, 20), Try(300, 300, 60), Try(400, 400, 20)]
    assert rates.highest(tried, 50) == (200, 300)
    assert rates.highest(tried, 5) == (None, 100)
    assert rates.highest(tried[:2], 50) == (200, None)
    assert rates.highest([Try(100, 90, 10)], 50) == (None, 100), "what was not reached was not measured"
    assert rates.highest([Try(100, 100, 10, late=True)], 50) == (None, 100)


def test_the_interval_reaches_up_to_the_next_rate_that_was_tried() -> None:
    found = rates.estimate([[Try(100, 100, 10), Try(200, 200, 90)]] * 4, 50)
    assert found is not None
    assert (found.value, found.low, found.high) == (100, 100, 200)
    assert rates.estimate([[Try(100, 100, 90)]] * 4, 50) is None


TERMS = Terms(3000, 300, 40, peak_factor=2, headroom=0.3, workers_min=1)


def test_the_arithmetic_of_a_line() -> None:
    slow = Stack("slow", "Slow", Estimate(1 / 200, 1 / 300, 1 / 200, 3), 10_240, 61_440)
    made = billing.make([slow], "slow", TERMS)
    (line,) = made.lines
    assert (line.workers, line.cpus) == (Range(43, 29, 43), Range(43, 29, 43))
    assert line.gib is not None
    assert line.gib.value == pytest.approx((10_240 + 43 * 61_440) / 2**20)
    assert line.own.value == pytest.approx(43 * 300 + line.gib.value * 40)
    assert line.decided_by == "load"


def test_waiting_takes_workers_and_their_memory_but_no_cpus() -> None:
    """Of 100 ms, 80 ms are spent elsewhere: a worker that waits is needed five times."""
    seconds = Estimate(0.02, 0.02, 0.02, 3)
    waiting, other = Stack("w", "W", seconds, 0, 1024, waits=True), Stack("o", "O", seconds, 0, 1024)
    made = billing.make([waiting, other], "w", Terms(50, 100, 0, 1, 0, rest_share=0.8))
    lines = {line.stack.name: line for line in made.lines}
    assert (lines["w"].workers.value, lines["w"].cpus.value, lines["w"].decided_by) == (5, 1, "waiting")
    assert (lines["o"].workers.value, lines["o"].cpus.value, lines["o"].decided_by) == (1, 1, "load")
    assert made.rest == pytest.approx(400), "80 % of all"
    assert lines["o"].total.value == pytest.approx(500)


def test_what_no_language_shortens_bounds_the_saving() -> None:
    slow, fast = Stack("s", "S", Estimate(0.01, 0.01, 0.01, 3), 0, 0), Stack("f", "F", Estimate(1e-6, 1e-6, 1e-6, 3), 0, 0)
    (all_of_it,) = billing.savings(billing.make([slow, fast], "s", Terms(100_000, 1, 0, 1, 0)))
    (bounded,) = billing.savings(billing.make([slow, fast], "s", Terms(100_000, 1, 0, 1, 0, rest_share=0.8)))
    assert all_of_it.share > 0.99
    assert 0.19 < bounded.share <= 0.2


def test_a_saving_within_its_interval_is_none() -> None:
    a, b = Stack("a", "A", Estimate(0.01, 0.008, 0.012, 3), 0, 0), Stack("b", "B", Estimate(0.009, 0.007, 0.011, 3), 0, 0)
    (saving,) = billing.savings(billing.make([a, b], "a", Terms(10_000, 1, 0, 1, 0)))
    assert not saving.sure


def test_rates_are_judged() -> None:
    slow = costs_example.cells_of(*costs_example.SLOW[:3], waits=True)
    assert capacity.judge(slow).verdict == HOLDS
    easy = costs_example.cells_of("easy", "Easy", {100: 1.0, 105: 1.0}, waits=False)
    easy = [Cell({**cell.labels, "share": str(int(cell.labels["asked_per_s"]) / 100)}, cell.rounds) for cell in easy]
    assert capacity.judge(easy).verdict == HOLDS_NOT
    assert capacity.judge([*slow, *easy]).verdict == OPEN


@pytest.mark.parametrize(("after", "verdict"), [(1000.0, HOLDS), (1900.0, HOLDS_NOT), (1300.0, OPEN)])
def test_memory_of_a_burst_is_judged(after: float, verdict: str) -> None:
    figures = {"pss_kib": 1000.0, "begun_kib": 1000.0, "later_kib": 1000.0, "requests": 1e6, "burst_kib": 2000.0, "after_kib": after}
    cells = [Cell({"contestant": "X", "name": "x", "workers": "1"}, [figures]), Cell({"contestant": "X", "name": "x", "workers": "3"}, [{"pss_kib": 1600.0}])]
    finding = memory_life.judge(cells)
    assert finding.verdict == verdict
    assert finding.tables[0].rows[0][3] == "0 (1,000,000)"
    growing = [Cell(cells[0].labels, [{**figures, "later_kib": 1000.0 + 256, "requests": 250_000.0}]), cells[1]]
    assert memory_life.judge(growing).tables[0].rows[0][3] == "1.00 (250,000)"
    assert memory_life.line(cells, "x") == memory_life.Line(700.0, 300.0)




def test_the_worked_example_is_what_the_command_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/COSTS.md goes through it by hand."""
    costs_example.write(tmp_path / "costs")
    text = (ROOT / "docs" / "COSTS.md").read_text(encoding="utf-8")
    command, _, shown = text.partition("```console\n$ restmark ")[2].partition("```")[0].partition("\n\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    cli.main(command.replace("\\\n", " ").split(), prog_name="restmark", standalone_mode=False)
    printed = [line.rstrip() for line in capsys.readouterr().out.strip().splitlines()]
    assert printed == [line.rstrip() for line in shown.strip().splitlines()]


def test_the_bill_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    costs_example.write(tmp_path)
    argv = ["bill", "--requests-per-second", "3000", "--cpu-year", "300", "--memory-gib-year", "40", "--run", str(tmp_path), "--engineer-day", "500", "--json"]
    cli.main(argv, prog_name="restmark", standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    assert [line["stack"]["name"] for line in document["lines"]] == ["fast", "slow"]
    assert document["baseline"] == "slow"
    (saving,) = document["savings"]
    assert saving["engineer_days"] == pytest.approx(saving["money"]["value"] / 500)
