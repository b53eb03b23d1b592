"""docs/METHODOLOGY.md says what the program does: its verdicts, badges, limits and constants. A report says what its run did."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from restmark_rig.model import budget, histogram, plan, stats
from restmark_rig.model.results import VERSION, Results
from restmark_rig.report import analysis, doubt, rounds_csv, told
from restmark_rig.report.readme import BEGIN, END
from restmark_rig.report.texts import VERDICTS
from restmark_rig.report.view import View
from restmark_rig.run import run_request, slices, stopping, warm_up

from . import synthetic_results

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "METHODOLOGY.md").read_text()


def rows() -> dict[str, tuple[str, str]]:
    """Verdict to (badge, condition), from the page's table."""
    found = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
    return {name: (badge, text) for name, badge, text in found}


def test_every_verdict_is_explained_with_its_badge() -> None:
    assert {name: badge for name, (badge, _) in rows().items()} == {
        name: badge for name, (badge, _) in VERDICTS.items()
    }


def test_constants_are_those_of_the_program() -> None:
    assert f"a factor of {stats.SINGLE_ROUND_FACTOR:g} up and down" in PAGE
    assert f"at least {stats.LEAST_FLOOR * 100 - 100:.0f} %" in PAGE
    assert f"{stats.NEIGHBOURS_FREEDOM} rounds more" in PAGE
    assert f"taken for {doubt.UNKNOWN_SLOWDOWN * 100:.0f} %" in PAGE
    assert f"further apart than {told.SAID_WITH_INTERVAL:g} ×" in PAGE
    assert f"{stats.OUTLIER_MADS:.3f} MAD" in PAGE
    assert f"and {stats.OUTLIER_LEAST_SHARE * 100:g} %" in PAGE
    assert BEGIN in PAGE and END in PAGE
    assert f"now version {VERSION};" in PAGE
    assert f"With fewer than {stats.FEW}," in PAGE
    assert f"so {stats.BLOCKS_MAX + 1} and more of them are taken in blocks of consecutive ones, {stats.BLOCKS_MAX} at most" in PAGE
    assert f"a factor of {analysis.SIDE_BY_SIDE_MIN} rounds side by side" in PAGE


def test_the_order_of_a_run_is_the_programs() -> None:
    assert f"{run_request.DEFAULT_DURATION_S:g} s (`--duration`; {budget.QUICK_DURATION_MS / 1e3:g} s with `--quick`)" in PAGE
    bench = pytest.importorskip("restmark_rig.run.bench", reason="this checkout has no 'restmark run'")
    assert f"fewer than {bench.ANSWERS_MIN} answers, or {bench.ANSWERS_MIN_PER_WORKER} of each worker; {bench.SLICE_LONGEST_S:g} s at most" in PAGE
    assert f"start anew every {plan.ROUNDS_PER_START} rounds" in PAGE
    assert f"({slices.CLOSING_SHARE * 100:g} % of the slice's CPU time and {slices.CLOSING_NS / 1e6:g} ms;" in PAGE
    times = {8: "eight"}[warm_up.LONGEST]
    assert f"with {times} times the length of `--warmup`" in PAGE
    assert f"equal within {stopping.EQUAL * 100 - 100:.0f} %" in PAGE
    looks = [number for number in range(1, 28) if stopping.is_time_to_look(number)]
    assert f"after {', '.join(map(str, looks))} … rounds" in PAGE


def test_columns_of_the_csv_that_are_explained_are_there() -> None:
    told_of = PAGE[PAGE.index("`rounds.csv` has a row") : PAGE.index("`--price-per-vcpu-hour`")]
    names = set(re.findall(r"`(\w+)`", told_of))
    assert {"drained_requests", "idle_cpu_ns"} <= names <= set(rounds_csv.COLUMNS)


def test_limits_are_those_of_the_program() -> None:
    verdict = pytest.importorskip("restmark_rig.run.verdict", reason="this checkout has no 'restmark run'")
    limits = verdict.thresholds()
    for name, key, factor in (
        ("censored", "rate_reached_min_share", 100),
        ("censored", "answers_min_per_connection", 1),
        ("starved", "server_starved_max_share", 100),
        ("ack_stall", "ack_stall_min_ms", 1),
        ("throttled", "throttled_max_share", 100),
        ("noisy", "foreign_cpu_max_share", 100),
        ("noisy", "slowdown_max_share", 100),
        ("noisy", "spread_max_share", 100),
        ("noisy", "spread_min_rounds", 1),
        ("client_bound", "client_busy_min_share", 100),
        ("client_bound", "server_busy_min_share", 100),
    ):
        assert f" {limits[key] * factor:g} " in rows()[name][1] + " ", (name, key)


def old(rate_per_s: int | None = None) -> Results:
    """A run by a rig that used wrk, and h2load for a fixed rate: it kept no histograms."""
    results = synthetic_results.build(rounds=3, names=("restmarkd", "go-fasthttp"), rate_per_s=rate_per_s)
    results.tools = {"wrk": "wrk 4.1.0", **({"h2load": "h2load 1.52"} if rate_per_s else {})}
    return results


def new(rounds: int = 3, rate_per_s: int | None = None) -> Results:
    """The same by one that keeps histograms."""
    results = synthetic_results.build(rounds=rounds, names=("restmarkd", "go-fasthttp"), rate_per_s=rate_per_s)
    text = histogram.of_values([900, 1000, 1100]).encode()
    for cell in results.cells:
        kept = ((entry, dataclasses.replace(entry.latency, hdr_v2_base64=text)) for entry in cell.rounds if entry.latency)
        cell.rounds = [dataclasses.replace(entry, duration_us=250_000, latency=latency) for entry, latency in kept]
    results.tools = {"restmark-load": "restmark-load 0.1.0"}
    return results


def told_by(results: Results) -> str:
    return " ".join(View(results).methodology)


def test_a_report_of_slices_says_so() -> None:
    text = told_by(new(rounds=plan.ROUNDS_PER_START + 1))
    assert "All servers are up and warm at the same time" in text
    assert "A slice lasted 0.25 s (longer where" in text
    assert "There were 2 starts of all servers" in text
    assert "restmark-load 0.1.0 over loopback" in text and "Every answer is compared" in text
    assert "their counts are added up" in text and "looked at alone" in text
    assert not re.search(r"\bvisits?\b|wrk|spreads a long answer|blocks of neighbours", text)


def test_a_report_of_many_rounds_tells_of_blocks() -> None:
    assert "More than 24 rounds are taken in blocks" in told_by(new(rounds=stats.BLOCKS_MAX + 1))


def test_a_report_of_an_older_rig_says_what_is_true_of_it() -> None:
    text = told_by(old())
    assert "wrk 4.1.0 over loopback" in text and "it spreads a long answer over requests" in text
    assert "A visit lasted" in text and "not among the answers" in text
    assert "Latencies are medians over rounds of the quantiles" in text
    assert not re.search(r"slice|histogram|Every answer is compared|at the same time|looked at alone|restmark-load", text)


def test_a_fixed_rate_counts_from_where_it_did() -> None:
    assert "counts from the time at which its request was due" in told_by(new(rate_per_s=1000))
    assert "counts from the moment of sending" in told_by(old(rate_per_s=1000))
    for results in (old(), new()):
        assert "At a fixed rate" not in told_by(results)


def test_a_run_without_any_answer_is_told_by_its_tools() -> None:
    for results, expected in ((new(), "A slice lasted"), (old(), "A visit lasted")):
        for cell in results.cells:
            cell.rounds = [dataclasses.replace(entry, latency=None, requests=0) for entry in cell.rounds]
        assert expected in told_by(results)
