"""The answer on top of a report: whom it compares with, and how far each sentence goes."""

from __future__ import annotations

import dataclasses
import re

import pytest
from restmark_rig.model.errors import UsageFault
from restmark_rig.model.results import ERRORS, NOISY, Results, Verdict
from restmark_rig.model.workloads import ROUTE_ENCODE, ROUTE_ROOT, ROUTE_TRANSFER
from restmark_rig.report import answer, choosing
from restmark_rig.report.analysis import Analysis
from restmark_rig.report.memory import Memory
from restmark_rig.report.view import View

from . import synthetic_results


def answered(run: Results, asked: str | None = None, mix: dict[str, float] | None = None) -> dict[str, str]:
    run = choosing(run, asked, mix)
    found = answer.of_run(run, Analysis(run), Memory(run))
    return {"": found.title} | {line.kind: line.text.replace("\N{NO-BREAK SPACE}", " ") for line in found.lines}


def test_the_answer_is_about_ten_lines_against_python() -> None:
    lines = answered(synthetic_results.build(rounds=7, factors={"rust-actix": 0.2}))
    assert lines[""].startswith("Should this back end stay on Python 3, uWSGI?")
    assert 9 <= len(lines) - 1 <= 11
    assert "less for computing (PyPy 3, gunicorn)" in lines["Without leaving Python"]
    assert list(lines).index("Without leaving Python") == 1
    assert "Python 3, uWSGI" in lines["Memory, 8 workers"] and "ΣPSS under load" in lines["Memory, 8 workers"]
    assert re.match(r"\d+ × \(\d+–\d+\) less on Rust, actix-web; ", lines["computing"])
    assert "not measured: PyPy 3, uWSGI" in lines["How sure"]


def test_the_baseline_may_be_ones_own_or_any_that_was_measured() -> None:
    run = synthetic_results.build(rounds=7)
    assert "Go, net/http?" in answered(run, asked="go-nethttp")[""]
    assert "Without leaving Go" in answered(run, asked="go-nethttp")
    run.contestants = [
        dataclasses.replace(record, built_in=False, title="Ours") if record.name == "rust-axum" else record
        for record in run.contestants
    ]
    assert "stay on Ours?" in answered(run)[""]
    for nobody in ("nobody", "epoll-limit", "restmarkd-again"):
        with pytest.raises(UsageFault, match=f"--baseline {nobody}: (not measured in this run|it sends fixed answers)"):
            answered(run, asked=nobody)


def test_a_mix_is_one_number_for_a_traffic() -> None:
    """Python's 5 × 52 + 3 × 2900 µs against restmarkd's 5 × 8.2 + 3 × 72: 34.9 times."""
    run = synthetic_results.build(rounds=7)
    lines = answered(run, mix={ROUTE_ROOT: 5.0, ROUTE_ENCODE: 3.0})
    text = lines["Your traffic (5 /, 3 /encode-json)"]
    assert re.match(r"(34|35|36) × \(3[234]–3[678]\) less on restmarkd, C structs", text), text
    run.cells = [cell for cell in run.cells if (cell.contestant, cell.route) != ("restmarkd", ROUTE_ENCODE)]
    assert "restmarkd, C structs" not in answered(run, mix={ROUTE_ROOT: 5.0, ROUTE_ENCODE: 3.0})[next(iter(list(lines)[1:]))]


@pytest.mark.parametrize("names", [("restmarkd",), ("epoll-limit",), ("restmarkd", "python-uwsgi"), ("python-uwsgi",)])
def test_small_runs_have_an_answer_too(names: tuple[str, ...]) -> None:
    run = synthetic_results.build(rounds=1, names=names, memory=False)
    lines = answered(run)
    assert "1 round" in lines["How sure"]
    assert any("Cells with a single round have no scatter" in text for text in View(run).methodology)


def python_with(us: float, seen_permille: int | None = None, names: tuple[str, ...] = ("python-uwsgi", "rust-axum")) -> Results:
    """A run in which Python needs so many µs for /encode-json, and the machine was seen so slow."""
    run = synthetic_results.build(rounds=5, names=names, factors={"python-uwsgi": us / 2900}, memory=False)
    for cell in run.cells:
        cell.rounds = [dataclasses.replace(entry, slowdown_permille=seen_permille) for entry in cell.rounds]
    return run


def test_what_waiting_leaves_of_a_gain_is_said_from_end_to_end_of_the_intervals() -> None:
    kind = "If a request waits 20 ms for a database"
    assert answered(python_with(1500))[kind].endswith("you save CPUs, not time.")
    assert re.search(r"you save CPUs, and \d\d % of the time\.$", answered(python_with(20_000))[kind])
    # Near a tenth, noise may not decide: what the interval leaves open is said as "at most".
    assert answered(python_with(2450, 1400))[kind].endswith("% of the time at most.")
    once = python_with(4000)
    for cell in once.cells:
        cell.rounds = cell.rounds[:1]
    assert answered(once)[kind].endswith("% of the time at most.")
    tied = python_with(3000)
    for cell in tied.cells:
        cell.rounds = [dataclasses.replace(r, server_cpu_ns=r.requests * 10**6) for r in cell.rounds[:1]]
    assert answered(tied)[kind] == "this run can not tell what another server would save."


def test_references_are_no_way_to_stay_in_a_language() -> None:
    text = answered(synthetic_results.build(rounds=5), asked="restmarkd")["Without leaving C"]
    assert "epoll" not in text and "nginx" not in text


def test_why_nothing_is_said_of_others_in_the_language() -> None:
    kind = "Without leaving Python"
    run = synthetic_results.build(rounds=5)
    for cell in run.cells:
        if cell.contestant == "pypy-gunicorn":
            cell.verdicts.append(Verdict(ERRORS, "planted"))
    assert answered(run)[kind] == "PyPy 3, gunicorn took part and have no figure that stands beside it."
    alone = synthetic_results.build(rounds=5, names=("python-uwsgi", "rust-axum"))
    assert "one folder brings yours in" in answered(alone)[kind]
    alone.contestants = [dataclasses.replace(r, built_in=r.name != "python-uwsgi") for r in alone.contestants]
    assert answered(alone)[kind] == "no other server in Python took part."
    lower = synthetic_results.build(rounds=5)
    lower.contestants = [
        dataclasses.replace(r, language="python") if r.name == "python-uwsgi" else r for r in lower.contestants
    ]
    assert "less for computing (PyPy 3, gunicorn)" in answered(lower)["Without leaving python"]


def test_a_surely_better_one_is_not_hidden_behind_a_doubtful_one() -> None:
    run = synthetic_results.build(rounds=7)
    fast = run.cell("go-fasthttp", ROUTE_TRANSFER, 64)
    assert fast is not None
    fast.rounds = fast.rounds[:1]  # of one round a factor of 1.8 says nothing
    assert re.search(r"1\.\d × on Go, net/http|≥ 1\.\d × on Go, net/http", answered(run)["sending 134 kB"])


def test_a_mix_without_the_baseline_blames_the_baseline() -> None:
    run = synthetic_results.build(rounds=5)
    mine = run.cell("python-uwsgi", ROUTE_TRANSFER, 64)
    assert mine is not None
    mine.verdicts.append(Verdict(ERRORS, "planted"))
    text = answered(run, mix={ROUTE_ROOT: 5.0, ROUTE_TRANSFER: 3.0})["Your traffic (5 /, 3 /transfer-data)"]
    assert text == "Python 3, uWSGI has no figures that stand on all of these routes."


def test_a_recorded_baseline_that_was_not_reached_costs_no_report() -> None:
    run = choosing(synthetic_results.build(rounds=5), "go-nethttp", None)
    run.complete = False
    run.cells = [cell for cell in run.cells if cell.contestant != "go-nethttp"]
    lines = answered(run)
    assert "Python 3, uWSGI?" in lines[""]
    assert "go-nethttp, the baseline that was asked for, was not measured yet" in lines["How sure"]
    assert lines["How sure"].endswith("go on with 'restmark run --resume'.")


def test_noise_of_which_nobody_knows_how_much_is_told_too() -> None:
    run = synthetic_results.build(rounds=8)
    for cell in run.cells:
        cell.verdicts.append(Verdict(NOISY, "others used 45 % of the server's CPUs"))
    sure = answered(run)["How sure"]
    assert "49 of 49 cells are noisy, and taken for up to 40 % too slow" in sure and "--wait-for-quiet" in sure


def test_an_interrupted_run_says_what_it_holds() -> None:
    run = synthetic_results.build(rounds=5, memory=False)
    run.complete = False
    for cell in run.cells[::2]:
        cell.rounds = cell.rounds[:4]
    assert answered(run)["How sure"].startswith("4 to 5 of 5 rounds")
    assert "as some rounds could not be made" in answered(run)["How sure"]
    for by, finished in (("SIGTERM", 1), (None, None)):  # as it was told, and by what nobody could tell
        run.interrupted, run.finished_unix_ms = by, finished
        assert "as the run was interrupted" in answered(run)["How sure"]
