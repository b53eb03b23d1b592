"""The answer keeps apart what is to be had within a language and what by leaving it."""

from __future__ import annotations

import dataclasses
import re

import pytest
from restmark_rig.model.results import ERRORS, TUNED, Results, Verdict
from restmark_rig.model.workloads import ROUTE_ENCODE, ROUTE_LOOP, ROUTE_ROOT, ROUTES
from restmark_rig.report import answer, choosing
from restmark_rig.report.analysis import Analysis
from restmark_rig.report.memory import Memory

from . import synthetic_results

WITHIN, BEYOND = "Without leaving Python", "In another language, beyond that"


def lines_of(run: Results, asked: str | None = None, mix: dict[str, float] | None = None) -> dict[str, str]:
    run = choosing(run, asked, mix)
    found = answer.of_run(run, Analysis(run), Memory(run))
    return {line.kind: line.text.replace("\N{NO-BREAK SPACE}", " ") for line in found.lines}


def only(run: Results, *routes: str) -> Results:
    run.cells = [cell for cell in run.cells if cell.route in routes]
    return run


def tuned_python(factor: float, others: tuple[str, ...] = ("rust-axum",), rounds: int = 7) -> Results:
    """Encoding alone: Python 2900 µs, a tuned server in Python 2300 µs times the factor, axum 197."""
    names = ("python-uwsgi", "pypy-gunicorn", *others)
    run = only(synthetic_results.build(rounds=rounds, names=names, factors={"pypy-gunicorn": factor}, memory=False), ROUTE_ENCODE)
    run.contestants = [
        dataclasses.replace(r, title="granian", level=TUNED) if r.name == "pypy-gunicorn" else r for r in run.contestants
    ]
    return run


def test_what_the_language_has_itself_is_not_told_as_another_ones_gain() -> None:
    """Python 2900 µs, its best 276, axum 197: of 15 times, 10 need no other language."""
    lines = lines_of(tuned_python(0.12))
    assert list(lines)[:2] == [WITHIN, BEYOND]
    assert re.fullmatch(r"1[01] × \(\S+\) less for encoding JSON \(granian\*\)\.", lines[WITHIN])
    assert re.fullmatch(r"1\.4 × \(\S+\) less again for encoding JSON \(Rust, axum\)\.", lines[BEYOND])
    assert re.match(r"1[45] × \(\S+\) less on Rust, axum", lines["encoding JSON"])


def test_a_language_whose_best_is_the_best() -> None:
    lines = lines_of(tuned_python(0.02))
    assert re.fullmatch(r"more for encoding JSON \(4\.\d ×\)\.", lines[BEYOND])


def test_a_tie_with_the_best_of_the_language() -> None:
    lines = lines_of(tuned_python(197 / 2300))
    assert lines[BEYOND] == "no difference to be told: encoding JSON."


def test_where_the_language_has_nothing_better_the_others_are_told_against_the_baseline() -> None:
    lines = lines_of(tuned_python(1.4))
    assert re.fullmatch(r"more for encoding JSON \(1\.1 ×\)\.", lines[WITHIN])
    assert re.fullmatch(r"1[45] × \(\S+\) less for encoding JSON \(Rust, axum\)\.", lines[BEYOND])


def test_an_open_pair_within_the_language_is_none_that_another_ones_gain_builds_on() -> None:
    run = tuned_python(0.9)
    mine = run.cell("pypy-gunicorn", ROUTE_ENCODE, 64)
    assert mine is not None
    mine.rounds = mine.rounds[:1]
    lines = lines_of(run)
    assert lines[WITHIN] == "no difference to be told: encoding JSON."
    assert "less for encoding JSON (Rust, axum)" in lines[BEYOND]


def test_each_workload_is_told_against_its_own_best() -> None:
    """PyPy is better at computing and worse at plain HTTP: the one is built on, the other is not."""
    lines = lines_of(only(synthetic_results.build(rounds=7), ROUTE_ROOT, ROUTE_LOOP))
    assert "less for HTTP alone (restmarkd, C structs)" in lines[BEYOND]
    assert re.search(r"1\.3 × \(\S+\) less again for computing \(", lines[BEYOND])


def test_a_baseline_in_another_language() -> None:
    lines = lines_of(synthetic_results.build(rounds=7), asked="go-nethttp")
    assert re.search(r"4\.0 × \(\S+\) less for encoding JSON \(Go, fasthttp\)", lines["Without leaving Go"])
    assert re.search(r"2\.6 × \(\S+\) less again for encoding JSON \(restmarkd, C structs\)", lines[BEYOND])
    assert "Python" not in lines[BEYOND] and "PyPy" not in lines[BEYOND]


def test_nobody_else_in_the_language() -> None:
    lines = lines_of(synthetic_results.build(rounds=7, names=("python-uwsgi", "rust-axum"), memory=False))
    assert lines[WITHIN].startswith("no other server in Python took part")
    assert "less for encoding JSON (Rust, axum)" in lines[BEYOND] and "again" not in lines[BEYOND]


def test_nobody_in_another_language() -> None:
    lines = lines_of(synthetic_results.build(rounds=7, names=("python-uwsgi", "pypy-gunicorn", "epoll-limit"), memory=False))
    assert lines[BEYOND] == "no server in another language took part."
    run = tuned_python(0.5)
    axum = run.cell("rust-axum", ROUTE_ENCODE, 64)
    assert axum is not None
    axum.verdicts.append(Verdict(ERRORS, "planted"))
    assert lines_of(run)[BEYOND] == "Rust, axum took part and have no figure that stands beside it."


@pytest.mark.parametrize("route", ROUTES)
def test_a_baseline_without_a_figure_is_what_is_blamed(route: str) -> None:
    run = only(synthetic_results.build(rounds=5, memory=False), route)
    mine = run.cell("python-uwsgi", route, 64)
    assert mine is not None
    mine.verdicts.append(Verdict(ERRORS, "planted"))
    lines = lines_of(run)
    assert lines[WITHIN] == lines[BEYOND] == "Python 3, uWSGI has no figure that stands, so nothing can be compared."


def test_a_traffic_is_told_apart_too() -> None:
    run = tuned_python(0.12)
    text = lines_of(run, mix={ROUTE_ENCODE: 1.0})["Your traffic (1 /encode-json)"]
    assert re.fullmatch(r"1[45] × \(\S+\) less on Rust, axum\. Without leaving Python: 1[01] × \(\S+\) less on granian\*\.", text)
