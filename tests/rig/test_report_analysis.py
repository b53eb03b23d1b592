"""What the report says about ranks, ties, noise, losses, memory and money, on runs in which the answer is known."""

from __future__ import annotations

import dataclasses

import pytest
from restmark_rig.model.results import (
    BYTE_MISMATCH,
    CENSORED,
    CLIENT_BOUND,
    ERRORS,
    NOISY,
    STARVED,
    Cell,
    LoadErrors,
    Results,
    Round,
    Verdict,
)
from restmark_rig.model.workloads import ROUTE_ENCODE, ROUTE_LOOP, ROUTE_PARSE, ROUTE_ROOT, ROUTE_TRANSFER
from restmark_rig.report import choosing, resource_tables, tables
from restmark_rig.report.analysis import Analysis, Load, Standing
from restmark_rig.report.memory import Memory
from restmark_rig.report.metrics import CPU_US_PER_REQUEST, REQUESTS_PER_S, Metric, latency
from restmark_rig.report.table import CellText, Table, heat
from restmark_rig.report.view import View

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
    assert rate is not None and rate.low is not None and rate.high is not None
    assert rate.value == 2000 and rate.low < 1000 and rate.high > 3000
    assert cpu is not None and cpu.value == 500


def test_ranks_and_factors() -> None:
    run = run_of({"go-nethttp": [500] * 3, "restmarkd": [2000] * 3, "rust-axum": [1000] * 3})
    rates = by_name(run, ROUTE_ENCODE, REQUESTS_PER_S)
    assert [(name, str(s.ranks), s.factor and s.factor.value) for name, s in rates.items()] == [
        ("restmarkd", "1", 1.0),
        ("rust-axum", "2", 2.0),
        ("go-nethttp", "3", 4.0),
    ]


def test_differences_within_the_noise_floor_are_ties() -> None:
    figures = {"restmarkd": [1000] * 5, "restmarkd-again": [1030] * 5, "rust-axum": [1025] * 5, "go-nethttp": [900] * 5}
    run = run_of(figures)
    analysis = Analysis(run)
    assert analysis.noise_floors[REQUESTS_PER_S.key] == pytest.approx(1.03)
    rates = by_name(run, ROUTE_ENCODE, REQUESTS_PER_S)
    assert {name: str(s.ranks) for name, s in rates.items()} == {
        "rust-axum": "1–2",
        "restmarkd": "1–2",
        "go-nethttp": "3",
    }
    assert analysis.not_first() == []
    without = run_of({name: counts for name, counts in figures.items() if name != "restmarkd-again"})
    assert [entry.ahead[0].contestant.name for entry in Analysis(without).not_first()] == ["rust-axum"] * 2


@pytest.mark.parametrize("verdict", [ERRORS, BYTE_MISMATCH])
def test_wrong_answers_and_errors_take_rank_and_place(verdict: str) -> None:
    run = run_of({"restmarkd": [1000] * 3, "rust-axum": [5000] * 3}, {"rust-axum": [verdict]})
    for metric in (REQUESTS_PER_S, CPU_US_PER_REQUEST):
        standings = by_name(run, ROUTE_ENCODE, metric)
        assert (standings["rust-axum"].ranks, standings["rust-axum"].factor) == (None, None)
        assert str(standings["restmarkd"].ranks) == "1"
        assert list(standings) == ["restmarkd", "rust-axum"]


@pytest.mark.parametrize("verdict", [NOISY, STARVED, CENSORED])
def test_a_doubt_takes_no_place_and_noise_widens_the_interval(verdict: str) -> None:
    counts = {"restmarkd": [5000] * 3, "rust-axum": [1000] * 3, "go-nethttp": [800] * 3}
    run = run_of(counts, {name: [verdict] for name in counts})
    for metric in (REQUESTS_PER_S, CPU_US_PER_REQUEST):
        standings = by_name(run, ROUTE_ENCODE, metric)
        assert list(standings) == list(counts)
        assert str(standings["restmarkd"].ranks) == "1"
        assert str(standings["rust-axum"].ranks) == ("2–3" if verdict == NOISY else "2")


def test_noise_is_believed_by_as_much_as_it_was_seen() -> None:
    """The one was measured on a machine that was 30 % slower: in quiet it may well be the faster of the two."""
    run = run_of({"restmarkd": [1000] * 3, "rust-axum": [1250] * 3})
    assert str(by_name(run, ROUTE_ENCODE, CPU_US_PER_REQUEST)["rust-axum"].ranks) == "1"
    run.cells[0].rounds = [dataclasses.replace(entry, slowdown_permille=1300) for entry in run.cells[0].rounds]
    assert str(by_name(run, ROUTE_ENCODE, CPU_US_PER_REQUEST)["rust-axum"].ranks) == "1–2"
    # Slow for the other one, it can only be better still.
    run.cells[0].rounds, run.cells[1].rounds = (
        [dataclasses.replace(entry, slowdown_permille=slow) for entry in cell.rounds]
        for cell, slow in zip(run.cells, (1000, 1300), strict=True)
    )
    assert str(by_name(run, ROUTE_ENCODE, CPU_US_PER_REQUEST)["rust-axum"].ranks) == "1"


def test_cpus_that_others_had_take_requests_and_no_cpu_time_of_one() -> None:
    run = run_of({"restmarkd": [1000] * 3, "rust-axum": [1250] * 3})
    run.cells[0].rounds = [dataclasses.replace(entry, foreign_server_permille=300) for entry in run.cells[0].rounds]
    assert str(by_name(run, ROUTE_ENCODE, REQUESTS_PER_S)["rust-axum"].ranks) == "1–2"
    assert str(by_name(run, ROUTE_ENCODE, CPU_US_PER_REQUEST)["rust-axum"].ranks) == "1"


def test_a_client_bound_cell_is_not_ranked_by_requests_but_outranks_those_it_outran() -> None:
    run = run_of(
        {"restmarkd": [4000] * 3, "rust-axum": [3000] * 3, "go-nethttp": [1000] * 3},
        {"restmarkd": [CLIENT_BOUND], "rust-axum": [CLIENT_BOUND]},
    )
    rates = by_name(run, ROUTE_ENCODE, REQUESTS_PER_S)
    assert {name: str(s.ranks) for name, s in rates.items()} == {"restmarkd": "None", "rust-axum": "None", "go-nethttp": "3"}
    assert list(rates) == ["restmarkd", "rust-axum", "go-nethttp"]
    slow = rates["go-nethttp"]
    assert slow.at_least and slow.factor is not None and slow.factor.value == 4.0
    cpu = by_name(run, ROUTE_ENCODE, CPU_US_PER_REQUEST)
    assert {name: str(s.ranks) for name, s in cpu.items()} == {"restmarkd": "1", "rust-axum": "2", "go-nethttp": "3"}
    row = next(r for r in tables.workload(Analysis(run), ROUTE_ENCODE, MAIN).rows if r[0].hint == "go-nethttp")
    assert "≥ 4.00×" in [cell.text for cell in row]


def test_of_a_client_bound_cell_that_is_slower_nobody_knows_whether_it_is() -> None:
    run = run_of({"restmarkd": [4000] * 3, "rust-axum": [3000] * 3}, {"rust-axum": [CLIENT_BOUND]})
    mine = by_name(run, ROUTE_ENCODE, REQUESTS_PER_S)["restmarkd"]
    assert (str(mine.ranks), mine.at_least) == ("1–2", False)


def test_references_are_shown_and_not_ranked() -> None:
    run = synthetic_results.build(rounds=5)
    standings = by_name(run, ROUTE_TRANSFER, CPU_US_PER_REQUEST)
    for name in ("epoll-limit", "nginx"):
        assert standings[name].ranks is None
        assert standings[name].factor is not None
    factor = standings["epoll-limit"].factor
    assert factor is not None and factor.value < 1
    assert "restmarkd-again" not in standings


def test_a_server_of_ones_own_without_record_routes_is_ranked() -> None:
    run = run_of({"rust-axum": [1000] * 3, "go-nethttp": [500] * 3})
    run.contestants = [dataclasses.replace(record, model="none") for record in run.contestants]
    assert [str(s.ranks) for s in Analysis(run).standings(ROUTE_ENCODE, MAIN, REQUESTS_PER_S)] == ["1", "2"]


def test_cells_in_which_ours_is_not_first_are_listed_with_references() -> None:
    run = synthetic_results.build(rounds=7, factors={"rust-axum": 0.4})
    found = {(entry.route, entry.metric.key): entry for entry in Analysis(run).not_first()}
    ahead = found[ROUTE_TRANSFER, "cpu_us_per_request"].ahead
    assert {s.contestant.name for s in ahead} >= {"rust-axum", "epoll-limit"}
    assert (ROUTE_PARSE, "cpu_us_per_request") in found
    text = "\n".join(View(run).not_first())
    assert "Rust, axum" in text and "Bare epoll loop" in text and "(reference)" in text


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


def test_latencies_are_doubted_for_cpus_that_others_took_and_have_a_floor_of_their_own() -> None:
    p99 = latency("99")
    run = synthetic_results.build(rounds=5)
    slow, other = (run.cell(name, ROUTE_PARSE, 64) for name in ("rust-axum", "rust-actix"))
    assert slow is not None and other is not None
    before = Analysis(run).ratio(slow, other, p99)
    slow.rounds = [dataclasses.replace(entry, foreign_server_permille=400) for entry in slow.rounds]
    after = Analysis(run).ratio(slow, other, p99)
    assert before and after and before.low and after.low and after.low < 0.7 * before.low
    again = run.cell("restmarkd-again", ROUTE_PARSE, 64)
    assert again is not None
    again.rounds = [
        dataclasses.replace(
            entry,
            latency=dataclasses.replace(entry.latency, quantiles_us={n: 2 * v for n, v in entry.latency.quantiles_us.items()}),
        )
        for entry in again.rounds
        if entry.latency
    ]
    assert Analysis(run).floor(ROUTE_PARSE, MAIN, p99) == pytest.approx(2, rel=0.1)
    assert Analysis(run).floor(ROUTE_PARSE, MAIN, REQUESTS_PER_S) < 1.1


def test_nobody_gains_a_place_by_lacking_figures() -> None:
    """axum has no figures on the routes on which it would be slow beside fasthttp, and is behind it on all others."""
    run = synthetic_results.build(rounds=5, factors={"rust-axum": 3.0}, memory=False)
    for route in (ROUTE_ROOT, ROUTE_TRANSFER):
        cell = run.cell("rust-axum", route, 64)
        assert cell is not None
        cell.verdicts.append(Verdict(ERRORS, "planted"))
    order = [record.name for record in Analysis(run).in_order(MAIN)]
    assert order.index("go-fasthttp") < order.index("rust-axum")


def test_the_methodology_says_what_was_not_done() -> None:
    run = synthetic_results.build(rounds=7, names=("restmarkd", "python-uwsgi"))
    run.verifications = [entry for entry in run.verifications if entry.phase == "before"]
    text = " ".join(View(run).methodology)
    assert "Every contestant was verified before the load" in text
    assert "Not verified after the load: python-uwsgi, restmarkd." in text
    assert "the noise floor is not known" in text


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
    assert View(run).answer.lines


def test_a_route_that_a_contestant_does_not_offer_is_a_dash() -> None:
    run = synthetic_results.build(rounds=2, names=("nginx", "restmarkd"))
    table = tables.matrix(Analysis(run), MAIN, CPU_US_PER_REQUEST, "caption")
    row = next(row for row in table.rows if row[0].hint == "nginx")
    assert [cell.raw is None for cell in row[1:]] == [False, True, True, False, True]
    assert row[1 + [ROUTE_ROOT, ROUTE_PARSE].index(ROUTE_PARSE)].text == "–"


def row_of(table: Table, name: str) -> list[CellText]:
    return next(row for row in table.rows if row[0].hint == name)


def test_gains_against_mine_are_tables_of_cpu_throughput_latency_and_memory() -> None:
    run = choosing(synthetic_results.build(rounds=7), "go-nethttp", {ROUTE_ROOT: 5.0, ROUTE_ENCODE: 3.0})
    section = View(run).against_section()
    assert section is not None and section.title == "Against Go, net/http"
    cpu, rate, p99, memory = section.blocks[0].tables
    assert [column.title for column in cpu.columns][-1] == "your traffic"
    row = {column.title: cell for column, cell in zip(cpu.columns, row_of(cpu, "restmarkd"), strict=True)}
    assert row[ROUTE_PARSE].raw == pytest.approx(905 / 41, rel=0.03)
    assert row["your traffic"].raw == pytest.approx((5 * 16.2 + 3 * 742) / (5 * 8.2 + 3 * 72), rel=0.03)
    assert row_of(cpu, "python-uwsgi")[1].text.startswith("÷ 3.2")
    assert row_of(cpu, "rust-axum")[-2].text.startswith("≈ (")  # /million-loop: all native code is the same
    assert "go-nethttp" not in {line[0].hint for line in cpu.rows}
    assert row_of(rate, "python-uwsgi")[-1].raw == pytest.approx(1015 / 78000, rel=0.03)
    # Python held one connection of 64: that it is asked less at a time is in its remark, and its wait is no gain.
    assert row_of(p99, "python-uwsgi")[1].text == "–"
    assert row_of(memory, "restmarkd")[-1].raw is not None
    assert View(synthetic_results.build(rounds=3, names=("restmarkd", "rust-axum"))).against_section() is None
