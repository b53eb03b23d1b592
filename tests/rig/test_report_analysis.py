"""What the report says about ranks, ties, noise, losses, memory and money, on runs in which the answer is known."""

from __future__ import annotations

import dataclasses

import pytest
from restmark_rig.report import resource_tables, summary, tables
from restmark_rig.report.analysis import Analysis, Load, Standing
from restmark_rig.report.memory import Memory
from restmark_rig.report.metrics import CPU_US_PER_REQUEST, REQUESTS_PER_S, Metric
from restmark_rig.report.table import heat
from restmark_rig.report.view import View
from restmark_rig.results import CLIENT_BOUND, ERRORS, NOISY, Cell, LoadErrors, Results, Round, Verdict
from restmark_rig.workloads import ROUTE_ENCODE, ROUTE_LOOP, ROUTE_PARSE, ROUTE_ROOT, ROUTE_TRANSFER

from . import synthetic_results

MAIN = Load(0, 64)


def by_name(run: Results, route: str, metric: Metric, load: Load = MAIN) -> dict[str, Standing]:
    return {s.contestant.name: s for s in Analysis(run).standings(route, load, metric)}


def run_of(figures: dict[str, list[int]], verdicts: dict[str, list[str]] | None = None) -> Results:
    """Only /encode-json: contestant to the requests of each round of one second, each of which used 1 s of CPU."""
    run = synthetic_results.build(rounds=1, memory=False, names=tuple(figures))
    run.order.clear()
    run.cells = [
        Cell(
            *(name, ROUTE_ENCODE, 64, 64, None, 100),
            rounds=[
                Round(n, 0, 1_000_000, count, count * 100, LoadErrors(), None, 10**9, 10**8)
                for n, count in enumerate(counts, 1)
            ],
            verdicts=[Verdict(verdict, "planted") for verdict in (verdicts or {}).get(name, [])],
        )
        for name, counts in figures.items()
    ]
    return run


def test_estimates_are_medians_of_the_raw_rounds() -> None:
    run = run_of({"restmarkd": [1000, 3000, 2000]})
    analysis = Analysis(run)
    rate = analysis.estimate(run.cells[0], REQUESTS_PER_S)
    cpu = analysis.estimate(run.cells[0], CPU_US_PER_REQUEST)
    assert rate is not None and (rate.value, rate.low, rate.high) == (2000, 1000, 3000)
    assert cpu is not None and cpu.value == 500


def test_ranks_and_factors() -> None:
    run = run_of({"go-nethttp": [500] * 3, "restmarkd": [2000] * 3, "rust-axum": [1000] * 3})
    rates = by_name(run, ROUTE_ENCODE, REQUESTS_PER_S)
    assert [(name, s.rank, s.factor and s.factor.value) for name, s in rates.items()] == [
        ("restmarkd", 1, 1.0),
        ("rust-axum", 2, 2.0),
        ("go-nethttp", 3, 4.0),
    ]


def test_differences_within_the_noise_floor_are_ties() -> None:
    figures = {"restmarkd": [1000] * 5, "restmarkd-again": [1030] * 5, "rust-axum": [1020] * 5, "go-nethttp": [900] * 5}
    run = run_of(figures)
    analysis = Analysis(run)
    assert analysis.noise_floors[REQUESTS_PER_S.key] == pytest.approx(1.03)
    rates = by_name(run, ROUTE_ENCODE, REQUESTS_PER_S)
    assert {name: (s.rank, s.shared) for name, s in rates.items()} == {
        "rust-axum": (1, True),
        "restmarkd": (1, True),
        "go-nethttp": (3, False),
    }
    assert analysis.not_first() == []
    without = run_of({name: counts for name, counts in figures.items() if name != "restmarkd-again"})
    assert [entry.ahead[0].contestant.name for entry in Analysis(without).not_first()] == ["rust-axum"] * 2


@pytest.mark.parametrize("verdict", [ERRORS, NOISY])
def test_a_cell_with_a_fault_has_neither_rank_nor_factor(verdict: str) -> None:
    run = run_of({"restmarkd": [1000] * 3, "rust-axum": [5000] * 3}, {"rust-axum": [verdict]})
    for metric in (REQUESTS_PER_S, CPU_US_PER_REQUEST):
        standings = by_name(run, ROUTE_ENCODE, metric)
        assert (standings["rust-axum"].rank, standings["rust-axum"].factor) == (None, None)
        assert standings["restmarkd"].rank == 1
        assert list(standings) == ["restmarkd", "rust-axum"]


def test_a_client_bound_cell_is_not_ranked_by_requests_but_outranks_those_it_outran() -> None:
    run = run_of(
        {"restmarkd": [4000] * 3, "rust-axum": [3000] * 3, "go-nethttp": [1000] * 3},
        {"restmarkd": [CLIENT_BOUND], "rust-axum": [CLIENT_BOUND]},
    )
    rates = by_name(run, ROUTE_ENCODE, REQUESTS_PER_S)
    assert {name: s.rank for name, s in rates.items()} == {"go-nethttp": 3, "restmarkd": None, "rust-axum": None}
    slow = rates["go-nethttp"]
    assert slow.at_least and slow.factor is not None and slow.factor.value == 4.0
    cpu = by_name(run, ROUTE_ENCODE, CPU_US_PER_REQUEST)
    assert {name: s.rank for name, s in cpu.items()} == {"restmarkd": 1, "rust-axum": 2, "go-nethttp": 3}
    row = next(r for r in tables.workload(Analysis(run), ROUTE_ENCODE, MAIN).rows if r[0].hint == "go-nethttp")
    assert "≥ 4.00×" in [cell.text for cell in row]


def test_a_client_bound_cell_that_is_slower_costs_nobody_a_rank() -> None:
    run = run_of({"restmarkd": [4000] * 3, "rust-axum": [3000] * 3}, {"rust-axum": [CLIENT_BOUND]})
    mine = by_name(run, ROUTE_ENCODE, REQUESTS_PER_S)["restmarkd"]
    assert (mine.rank, mine.at_least) == (1, False)


def test_references_are_shown_and_not_ranked() -> None:
    run = synthetic_results.build(rounds=5)
    standings = by_name(run, ROUTE_TRANSFER, CPU_US_PER_REQUEST)
    for name in ("epoll-limit", "nginx"):
        assert standings[name].rank is None
        assert standings[name].factor is not None
    factor = standings["epoll-limit"].factor
    assert factor is not None and factor.value < 1
    assert "restmarkd-again" not in standings


def test_a_server_of_ones_own_without_record_routes_is_ranked() -> None:
    run = run_of({"rust-axum": [1000] * 3, "go-nethttp": [500] * 3})
    run.contestants = [dataclasses.replace(record, model="none") for record in run.contestants]
    assert [s.rank for s in Analysis(run).standings(ROUTE_ENCODE, MAIN, REQUESTS_PER_S)] == [1, 2]


def test_cells_in_which_ours_is_not_first_are_listed_with_references() -> None:
    run = synthetic_results.build(rounds=7, factors={"rust-axum": 0.4})
    found = {(entry.route, entry.metric.key): entry for entry in Analysis(run).not_first()}
    ahead = found[ROUTE_TRANSFER, "cpu_us_per_request"].ahead
    assert {s.contestant.name for s in ahead} >= {"rust-axum", "epoll-limit"}
    assert (ROUTE_PARSE, "cpu_us_per_request") in found
    text = "\n".join(View(run).not_first())
    assert "Rust, axum" in text and "(the limit)" in text and "(reference)" in text


def test_an_outlier_and_a_slow_start_are_told() -> None:
    run = run_of({"restmarkd": [100, 1000, 1001, 999, 1000, 1002]})
    (first, _) = Analysis(run).outlier_warnings()
    assert (first.rounds, first.slow_start) == ([1], True)
    assert "warm-up may have been too short" in View(run).outliers()[0]


@pytest.mark.parametrize(
    ("factor", "tied", "shade"),
    [
        (None, False, None),
        (0.8, False, 0),
        (1.0, False, 0),
        (1.2, True, 0),
        (1.2, False, 1),
        (1.3, False, 2),
        (50.0, False, 6),
    ],
)
def test_shades(factor: float | None, tied: bool, shade: int | None) -> None:
    assert heat(factor, tied) == shade


def test_the_summary_is_three_sentences_about_this_run() -> None:
    run = synthetic_results.build(rounds=7, factors={"rust-actix": 0.2})
    lines = summary.sentences(run, Analysis(run), Memory(run))
    assert len(lines) == 3
    assert "Of 8 contestants, measured over 7 rounds" in lines[0]
    assert "Rust, actix-web needed the least server CPU per request on 5 of 5 workloads" in lines[0]
    assert "its CPU time on GET" in lines[1] and "ΣPSS, 8 workers under load" in lines[1]
    assert lines[2].startswith(f"{sum(cell.ok for cell in run.cells)} of {len(run.cells)} cells are free of doubt")
    assert "differed by up to" in lines[2]


@pytest.mark.parametrize("names", [("restmarkd",), ("epoll-limit",), ("restmarkd", "python-uwsgi")])
def test_small_runs_have_a_summary_too(names: tuple[str, ...]) -> None:
    run = synthetic_results.build(rounds=1, names=names, memory=False)
    view = View(run)
    assert len(view.summary) == 3
    assert "no server was measured twice" in view.summary[2]
    assert any("no interval within 1 figures covers more than 0 %" in text for text in view.methodology)


def test_the_methodology_says_what_was_not_done() -> None:
    run = synthetic_results.build(rounds=7, names=("restmarkd", "python-uwsgi"))
    run.verifications = [entry for entry in run.verifications if entry.phase == "before"]
    text = " ".join(View(run).methodology)
    assert "Every contestant was verified before the load" in text
    assert "Not verified after the load: python-uwsgi, restmarkd." in text
    assert "there is no noise floor" in text


def test_the_cost_of_one_more_worker() -> None:
    run = synthetic_results.build(rounds=1)
    cost = Memory(run).cost("restmarkd", "rest")
    assert cost is not None
    assert cost.line.slope == pytest.approx(480, rel=0.02)  # the character's worker_uss_kib
    assert cost.line.intercept == pytest.approx(300 + 4300, rel=0.02)


def test_of_several_looks_the_highest_is_shown() -> None:
    run = synthetic_results.build(rounds=1, names=("restmarkd",))
    first = Memory(run).footprint("restmarkd", 1)
    last = run.memory[-1]
    run.memory += [record for record in run.memory if record is last]
    assert first is not None and Memory(run).footprint("restmarkd", 1) == first
    assert first.shared_once_kib == (first.pss_kib or 0) - (first.uss_kib or 0)


def test_money() -> None:
    """100 µs for each of a billion requests are 100,000 s, or 27.8 hours."""
    assert resource_tables.price_per_billion(100, 0.036) == pytest.approx(1.0)
    assert resource_tables.cpu_seconds_per_million(100) == 100


def test_a_sweep_has_a_table_by_connections_and_a_fixed_rate_is_a_load_of_its_own() -> None:
    run = synthetic_results.build(rounds=3, connections=(16, 64), rate_per_s=500)
    analysis = Analysis(run)
    assert [(load.connections, load.rate_per_s) for load in analysis.loads] == [(16, 0), (64, 0), (16, 500)]
    assert analysis.main_load == Load(0, 16)
    table = tables.sweep(analysis, ROUTE_PARSE, CPU_US_PER_REQUEST)
    assert table is not None and [column.title for column in table.columns] == ["Contestant", "16", "64"]
    assert tables.sweep(Analysis(synthetic_results.build(rounds=1)), ROUTE_PARSE, REQUESTS_PER_S) is None
    assert all(entry.metric is CPU_US_PER_REQUEST for entry in analysis.not_first() if entry.load.rate_per_s)


def test_the_row_says_when_fewer_connections_were_used() -> None:
    run = synthetic_results.build(rounds=2, names=("python-uwsgi", "restmarkd"))
    table = tables.workload(Analysis(run), ROUTE_LOOP, MAIN)
    remarks = {row[0].hint: row[-1].text for row in table.rows}
    assert remarks == {"restmarkd": "", "python-uwsgi": "1 of 64 connections: it holds no more"}


def test_no_request_answered_breaks_nothing() -> None:
    run = run_of({"restmarkd": [0, 0, 0], "rust-axum": [10, 10, 10]}, {"restmarkd": [ERRORS]})
    standings = by_name(run, ROUTE_ENCODE, CPU_US_PER_REQUEST)
    assert standings["restmarkd"].estimate is None
    assert View(run).summary


def test_a_route_that_a_contestant_does_not_offer_is_a_dash() -> None:
    run = synthetic_results.build(rounds=2, names=("nginx", "restmarkd"))
    table = tables.matrix(Analysis(run), MAIN, CPU_US_PER_REQUEST, "caption")
    row = next(row for row in table.rows if row[0].hint == "nginx")
    assert [cell.raw is None for cell in row[1:]] == [False, True, True, False, True]
    assert row[1 + [ROUTE_ROOT, ROUTE_PARSE].index(ROUTE_PARSE)].text == "–"
