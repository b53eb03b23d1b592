"""restmark compare: what changed between two runs, and its exit code."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from restmark_rig.model.results import ERRORS, NOISY, STARVED, Results, Rig, Skipped, Verdict
from restmark_rig.model.stats import Estimate
from restmark_rig.model.workloads import ROUTE_PARSE, ROUTE_TRANSFER
from restmark_rig.report import comparison
from restmark_rig.report.analysis import Load
from restmark_rig.report.comparison import Change
from restmark_rig.report.metrics import CPU_US_PER_REQUEST, REQUESTS_PER_S, Metric
from restmark_rig.store import results_file
from restmark_rig.ui import cli

from . import synthetic_results

NAMES = ("restmarkd", "restmarkd-again", "rust-axum", "python-uwsgi")


def build(seed: int = 1, **factors: float) -> Results:
    named = {name.replace("_", "-"): factor for name, factor in factors.items()}
    return synthetic_results.build(seed=seed, rounds=7, names=NAMES, factors=named)


def compare_files(tmp_path: Path, first: Results, second: Results, *options: str) -> int:
    for name, results in (("a", first), ("b", second)):
        results_file.write(results, tmp_path / name)
    return cli.main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), *options])


def test_two_runs_of_the_same_servers_are_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare_files(tmp_path, build(1), build(1), "--fail-above", "0") == 0
    assert "Both runs state the same machine" in capsys.readouterr().out
    assert compare_files(tmp_path, build(1), build(2), "--fail-above", "3") == 0


def test_a_server_that_got_slower_fails_beyond_the_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slower = build(2, rust_axum=1.2)
    assert compare_files(tmp_path, build(1), slower) == 0  # nothing was asked to fail
    assert compare_files(tmp_path, build(1), slower, "--fail-above", "30") == 0
    capsys.readouterr()
    assert compare_files(tmp_path, build(1), slower, "--fail-above", "10") == 4
    output = capsys.readouterr().out
    assert "rust-axum, GET /parse-msgpack, 64 connections: CPU µs/request worse by" in output
    assert "% at least" in output


@pytest.mark.parametrize("rounds", [1, 2, 7])
def test_a_run_against_itself_has_no_difference_in_any_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rounds: int
) -> None:
    run = synthetic_results.build(rounds=rounds, names=NAMES)
    synthetic_results.plant_faults(run)
    found = comparison.compare(run, run)
    assert {row.change for row in found.rows if row.first} == {Change.SAME}
    assert not found.lost and not found.regressions(0)
    results_file.write(run, tmp_path / "a")
    assert cli.main(["compare", str(tmp_path / "a"), str(tmp_path / "a"), "--fail-above", "0"]) == 0
    output = capsys.readouterr().out
    assert "better" not in output and " worse" not in output.replace("Nothing got worse", "")


@pytest.mark.parametrize("slower", [1.0, 1.5, 10.0])
def test_without_an_interval_nothing_is_better_or_worse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], slower: float
) -> None:
    one = synthetic_results.build(seed=1, rounds=1, names=NAMES)
    other = synthetic_results.build(seed=2, rounds=1, names=NAMES, factors={"rust-axum": slower})
    found = comparison.compare(one, other)
    assert {row.change for row in found.rows} <= {Change.NO_INTERVAL, Change.NO_FIGURE}
    assert found.tells_nothing and not found.regressions(0)
    assert compare_files(tmp_path, one, other) == 0
    assert compare_files(tmp_path, one, other, "--fail-above", "5") == 3, "what can not see anything must not pass"
    assert "Nothing can be told" in capsys.readouterr().out


def test_what_can_not_be_told_is_one_line_with_its_reasons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doubtful = build(2)
    for cell in doubtful.cells:
        if cell.contestant != "restmarkd":
            cell.verdicts.append(Verdict(STARVED, "planted"))
    assert compare_files(tmp_path, build(1), doubtful) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "can not be told:" in line]
    untold = comparison.compare(build(1), doubtful).untold
    assert line == f"can not be told: {sum(untold.values())} figures: " + "; ".join(
        f"{count} {why}" for why, count in untold.items()
    )
    assert any("starved" in why and "in the second run" in why for why in untold)


def test_a_machine_that_was_busy_loses_no_cell(tmp_path: Path) -> None:
    doubtful = build(2)
    for cell in doubtful.cells:
        if cell.contestant == "rust-axum":
            cell.verdicts.append(Verdict(NOISY, "planted"))
    assert comparison.compare(build(1), doubtful).lost == []
    assert compare_files(tmp_path, build(1), doubtful, "--fail-above", "5") == 0


def _row(change: Change, ratio: Estimate, metric: Metric = CPU_US_PER_REQUEST) -> comparison.Row:
    return comparison.Row("a", ROUTE_PARSE, Load(0, 64), metric, None, None, ratio, change)


@pytest.mark.parametrize(
    ("metric", "ratio", "fails_above"),
    [
        (CPU_US_PER_REQUEST, Estimate(1.20, 1.08, 1.30, 7), 8),
        (REQUESTS_PER_S, Estimate(0.80, 0.70, 0.92, 7), 8),
    ],
)
def test_the_near_end_of_the_interval_decides(metric: Metric, ratio: Estimate, fails_above: float) -> None:
    row = _row(Change.WORSE, ratio, metric)
    found = comparison.Comparison([], [row], [], [], [], [], {})
    assert row.worse_share == pytest.approx(0.20)
    assert row.worse_at_least == pytest.approx(fails_above / 100)
    assert found.regressions(fails_above - 0.01) == [row]
    assert found.regressions(fails_above + 0.01) == []


def test_a_round_without_answers_is_no_error() -> None:
    dead = build(1)
    cell = dead.cell("rust-axum", ROUTE_PARSE, 64)
    assert cell is not None
    cell.rounds[0] = dataclasses.replace(cell.rounds[0], requests=0, latency=None)
    row = next(
        r
        for r in comparison.compare(dead, build(2)).rows
        if (r.contestant, r.route, r.metric.key) == ("rust-axum", ROUTE_PARSE, "requests_per_s")
    )
    assert (row.change, row.why) == (Change.NO_FIGURE, "a round of the first run without any answer")


def test_all_that_bears_on_figures_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = build(1)
    other.settings = dataclasses.replace(
        other.settings, warmup_ms=1, client_threads=9, timeout_ms=2, baseline="restmarkd"
    )
    other.rig = Rig("a" * 64, "b" * 40, True)
    index = [record.name for record in other.contestants].index("rust-axum")
    other.contestants[index] = dataclasses.replace(
        other.contestants[index], build_fingerprint="1" * 64, manifest_sha256="2" * 64, accounting="process tree"
    )
    assert compare_files(tmp_path, build(1), other) == 0
    output = capsys.readouterr().out
    for told in (
        "warm-up, ms: ",
        "client threads: ",
        "timeout, ms: ",
        "baseline: None / restmarkd",
        "rig commit: None / bbbbbbbbbbbb with changes",
        "rig sources: None / aaaaaaaaaaaa",
        "rust-axum, build: not recorded / 111111111111",
        "rust-axum, manifest: not recorded / 222222222222",
        "rust-axum, where its CPU time comes from: cgroup v2 / process tree",
    ):
        assert told in output, told


def test_better_is_not_worse() -> None:
    found = comparison.compare(build(1), build(2, rust_axum=0.5))
    rows = {(row.route, row.metric.key): row for row in found.rows if row.contestant == "rust-axum"}
    cpu, rate = (rows[ROUTE_PARSE, key] for key in ("cpu_us_per_request", "requests_per_s"))
    assert cpu.change is rate.change is Change.BETTER
    assert cpu.ratio is not None and cpu.ratio.value == pytest.approx(0.5, rel=0.05)
    assert rate.ratio is not None and rate.ratio.value == pytest.approx(2.0, rel=0.05)
    assert all(row.contestant != "rust-axum" for row in found.regressions(0))


def test_fewer_requests_are_as_bad_as_they_are() -> None:
    found = comparison.compare(build(1), build(2, rust_axum=2.0))
    row = next(
        r for r in found.rows if (r.contestant, r.route, r.metric.key) == ("rust-axum", ROUTE_PARSE, "requests_per_s")
    )
    assert row.change is Change.WORSE
    assert row.worse_share == pytest.approx(0.5, abs=0.02)


def test_a_change_within_the_noise_of_either_run_is_none() -> None:
    found = comparison.compare(build(1, restmarkd_again=1.3), build(1, rust_axum=1.2))
    changes = {row.change for row in found.rows if row.contestant == "rust-axum"}
    assert changes <= {Change.SAME, Change.NO_FIGURE}
    assert found.noise_floors["cpu_us_per_request"] == pytest.approx(1.3, rel=0.05)


def test_a_cell_with_a_new_fault_is_lost_and_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = build(1)
    cell = broken.cell("rust-axum", ROUTE_TRANSFER, 64)
    assert cell is not None
    cell.verdicts.append(Verdict(ERRORS, "planted"))
    assert compare_files(tmp_path, build(1), broken, "--fail-above", "5") == 4
    output = capsys.readouterr().out
    assert "rust-axum, GET /transfer-data, 64 connections: errors in the second run only" in output
    assert compare_files(tmp_path, broken, build(1), "--fail-above", "5") == 0


def test_missing_cells_and_skipped_contestants_are_lost(tmp_path: Path) -> None:
    less = build(1)
    less.cells = [cell for cell in less.cells if (cell.contestant, cell.route) != ("rust-axum", ROUTE_PARSE)]
    assert comparison.compare(build(1), less).lost == [
        "rust-axum, GET /parse-msgpack, 64 connections: not measured in the second run"
    ]
    gone = synthetic_results.build(rounds=7, names=("restmarkd", "restmarkd-again"))
    gone.skipped.append(Skipped("rust-axum", "Rust, axum", "cargo is missing", ""))
    found = comparison.compare(build(1), gone)
    assert found.lost == ["rust-axum: skipped in the second run: cargo is missing"]
    assert found.only_first == ["python-uwsgi", "rust-axum"]
    assert compare_files(tmp_path, build(1), gone, "--fail-above", "50") == 4


def test_a_failed_verification_is_lost() -> None:
    wrong = build(1)
    index = next(n for n, v in enumerate(wrong.verifications) if (v.contestant, v.phase) == ("rust-axum", "after"))
    wrong.verifications[index] = dataclasses.replace(wrong.verifications[index], passed=False, failures=["differs"])
    assert comparison.compare(build(1), wrong).lost == [
        "rust-axum: did not pass verification after the load in the second run"
    ]


def test_another_machine_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = build(1)
    other.machine = dataclasses.replace(other.machine, cpu_model="Other CPU")
    other.contestants[0] = dataclasses.replace(other.contestants[0], versions={"Python": "9.9"})
    assert compare_files(tmp_path, build(1), other) == 0
    output = capsys.readouterr().out
    assert "do not come from the same machine and settings" in output
    assert "CPU: Example CPU @ 2.60GHz / Other CPU" in output
    assert "python-uwsgi, Python: 1.2.3 / 9.9" in output


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare_files(tmp_path, build(1), build(2, rust_axum=1.5), "--fail-above", "10", "--json") == 4
    document = json.loads(capsys.readouterr().out)
    assert document["format"] == "restmark-comparison" and document["failures"]
    row = next(r for r in document["rows"] if (r["contestant"], r["route"]) == ("rust-axum", ROUTE_PARSE))
    assert row["change"] == "worse" and row["ratio"]["low"] <= row["ratio"]["value"] <= row["ratio"]["high"]
    assert {m["contestant"] for m in document["memory"]} == {"restmarkd", "rust-axum", "python-uwsgi"}


def test_runs_with_nothing_in_common_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = synthetic_results.build(rounds=2, names=("restmarkd",))
    second = synthetic_results.build(rounds=2, names=("rust-axum",))
    assert compare_files(tmp_path, first, second) == 1
    assert "have no cell in common" in capsys.readouterr().err
