"""`restmark run` as a user calls it: plan, run, record, interruption, resumption, and errors that name a remedy."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from . import synthetic_results
from .helpers import call_rig
from .run_support import command, environment, fault_folder, held_at, rig, wait_for

from restmark_rig.contestants.settings import Settings  # isort: skip
from restmark_rig.model import budget  # isort: skip
from restmark_rig.store import results_file  # isort: skip
from restmark_rig.run import run_request  # isort: skip
from restmark_rig.model.plan import CellSpec  # isort: skip
from restmark_rig.model.results import Visit  # isort: skip
from restmark_rig.model.workloads import ROUTES  # isort: skip

SHORT = ("--duration", "0.1", "--warmup", "0.1", "--connections", "8")


def read(directory: Path) -> dict[str, Any]:
    results_file.read(directory)  # it fits the schema
    document: dict[str, Any] = json.loads((directory / "results.json").read_text())
    return document


def test_dry_run_starts_nothing(tmp_path: Path) -> None:
    folder = fault_folder(tmp_path, "none")
    out = tmp_path / "out"
    done = call_rig(
        tmp_path / "cache", "run", "-C", folder, *SHORT, "--rounds", "3", "--seed", "5", "--dry-run", "--output", out
    )
    assert done.returncode == 0, done.stderr
    assert "twice (A/A): fault-none" in done.stdout
    assert "rounds: 3" in done.stdout
    assert "slices: 6" in done.stdout
    assert "starts of all servers: 1, each with a warm-up of 0.1 s a cell" in done.stdout
    assert "order of round 1: /: fault-none" in done.stdout
    assert "time: about" in done.stdout and "on a quiet machine" in done.stdout
    assert not out.exists()


def test_dry_run_of_a_quick_one_says_what_is_to_be_built_and_how_long_all_of_it_takes(tmp_path: Path) -> None:
    done = call_rig(tmp_path / "cache", "run", "--quick", "--dry-run", "--seed", "1")
    assert done.returncode == 0, done.stderr
    assert "to be built first: " in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("time: ")]
    assert "builds, verification and slow servers included" in line


@pytest.mark.parametrize(("contestants", "minutes"), [(4, 5), (11, 5), (12, 6), (24, 12)])
def test_a_quick_one_ends_in_time_once_all_is_built(contestants: int, minutes: int) -> None:
    cells = {str(number): [CellSpec(route, 16) for route in ROUTES] for number in range(contestants + 1)}  # one of them twice
    settings = synthetic_results.build(rounds=1, names=("restmarkd",), memory=False).settings
    rounds = budget.quick_rounds(cells, budget.quick_measuring_s(0.0, contestants, cells))
    run = dataclasses.replace(
        settings, quick=True, rounds=rounds, duration_ms=budget.QUICK_DURATION_MS, warmup_ms=budget.QUICK_WARM_UP_MS
    )
    assert rounds >= 4
    assert budget.run_span(cells, run, contestants, 0, 0.0).low_s < 60 * minutes


def test_a_workload_without_its_slash_a_baseline_and_a_mix_are_planned(tmp_path: Path) -> None:
    folder = fault_folder(tmp_path, "none")
    arguments = ("run", "-C", folder, "--dry-run", "--baseline", folder, "--mix", "/=2")
    done = call_rig(tmp_path / "cache", *arguments)
    assert done.returncode == 0, done.stderr
    assert "baseline: fault-none" in done.stdout
    assert "mix: / 2" in done.stdout
    refused = call_rig(tmp_path / "cache", "run", "-C", folder, "--dry-run", "--baseline", "fault-nome")
    assert refused.returncode == 1
    assert "did you mean fault-none?" in refused.stderr


@dataclass(frozen=True)
class Finished:
    """A run that has ended: what it was told, what it said, and where its record is. For all tests; none may change it."""

    folder: Path
    cache: Path
    out: Path
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A sound contestant in two rounds, in a process of its own. Who uses it is of the xdist_group "finished"."""
    place = tmp_path_factory.mktemp("finished")
    folder, cache, out = fault_folder(place, "none"), place / "cache", place / "out"
    words = (*SHORT, "--rounds", "2", "--seed", "7", "--baseline", "fault-none", "--mix", "/=2", "--output", out)
    return Finished(folder, cache, out, rig(cache, "run", "-C", folder, *words))


@pytest.mark.xdist_group("finished")
def test_a_run_and_its_record(finished: Finished) -> None:
    folder, out, done = finished.folder, finished.out, finished.done
    assert done.returncode == 0, done.stderr
    assert "GET /, 8 connections" in done.stdout
    assert "round 2/2" in done.stderr
    assert "left:" in done.stderr
    told = [line for line in done.stdout.splitlines() if str(out) not in line]  # a path is never broken, however long
    assert max(map(len, told)) <= 80
    record = read(out)
    assert record["complete"] is True
    assert record["seed"] == 7
    assert [c["name"] for c in record["contestants"]] == ["fault-none", "fault-none-again"]
    assert record["contestants"][1]["same_as"] == "fault-none"
    assert len(record["order"]) == 4
    assert {(v["contestant"], v["phase"], v["passed"]) for v in record["verifications"]} == {
        (name, phase, True) for name in ("fault-none", "fault-none-again") for phase in ("before", "after")
    }
    assert [len(cell["rounds"]) for cell in record["cells"]] == [2, 2]
    for cell in record["cells"]:
        for entry in cell["rounds"]:
            assert entry["requests"] + entry["drained_requests"] > 0  # on a busy machine all of them may come late
            assert entry["server_cpu_ns"] > 0
            assert entry["client_cpu_ns"] > 0
            assert entry["voluntary_switches"] is not None
            assert entry["latency"]["hdr_v2_base64"]
            assert entry["idle_cpu_ns"] is not None
            assert entry["slowdown_permille"] >= 1000
    assert [(look["contestant"], look["phase"]) for look in record["memory"]] == [("fault-none", "rest"), ("fault-none", "after")]
    assert record["argv"][:4] == ["restmark", "run", "-C", str(folder)]
    assert record["argv"][-2:] == ["--seed", "7"]
    assert record["argv"][-6:-2] == ["--baseline", "fault-none", "--mix", "/=2"]
    assert (record["settings"]["baseline"], record["settings"]["mix"]) == ("fault-none", {"/": 2.0})
    assert record["typed_argv"][1:4] == ["run", "-C", str(folder)]
    assert record["complete_rounds"] == [1, 2] and record["interrupted"] is None
    assert len(record["rig"]["sha256"]) == 64
    first = record["contestants"][0]
    assert first["manifest_sha256"] == hashlib.sha256((folder / "contestant.toml").read_bytes()).hexdigest()
    assert first["start_argv"][2:] == ["{port}", "none", "0"] and first["build_fingerprint"] is None
    assert ("about " in done.stderr and "to verify 1 contestants" in done.stderr) or "others use" in done.stderr
    assert record["thresholds"]["client_busy_min_share"] == 0.95


@pytest.fixture(scope="module")
def with_faulty_ones(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A sound one, one that errs under load, and one that errs in the verification. Who uses it is of the xdist_group "faulty"."""
    place = tmp_path_factory.mktemp("faulty")
    good, errs, fails = fault_folder(place, "none"), fault_folder(place, "error", at=6), fault_folder(place, "error", name="fails")
    chosen = [word for folder in (good, errs, fails) for word in ("-C", folder)]
    cache, out = place / "cache", place / "out"
    return Finished(good, cache, out, call_rig(cache, "run", *chosen, *SHORT, "--rounds", "1", "--output", out))


@pytest.mark.xdist_group("faulty")
def test_a_faulty_cell_is_not_ranked(with_faulty_ones: Finished) -> None:
    done = with_faulty_ones.done
    assert "GET /, 8 connections" in done.stdout, done.stderr
    results = results_file.read(with_faulty_ones.out)
    cell = results.cell("fault-error", "/", 8)
    assert cell is not None
    assert "errors" in cell.verdict_names
    assert not cell.ok
    (row,) = re.findall(r"^ +fault-error +[\d.]+ .*", done.stdout, re.MULTILINE)
    assert "errors" in done.stdout
    assert " ok" not in row


@pytest.mark.xdist_group("faulty")
def test_who_fails_verification_is_named_and_not_measured(with_faulty_ones: Finished) -> None:
    done = with_faulty_ones.done
    assert done.returncode == 2, done.stderr
    assert "fails: not measured: verification failed" in done.stderr
    record = read(with_faulty_ones.out)
    assert {cell["contestant"] for cell in record["cells"]} == {"fault-none", "fault-none-again", "fault-error"}
    (skipped,) = record["skipped"]
    assert skipped["name"] == "fails"
    assert "verification failed" in skipped["reason"]


def test_the_recorded_command_means_the_same_contestants(tmp_path: Path) -> None:
    peers = tmp_path / "peers"
    assert run_request.selection(Settings()) == []
    assert run_request.selection(Settings(["restmarkd"], True, peers)) == ["--peers-dir", str(peers), "-C", "restmarkd", "--all"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_and_resumed_in_the_recorded_order(tmp_path: Path, number: signal.Signals) -> None:
    log, out, cache = tmp_path / "log", tmp_path / "out", tmp_path / "cache"
    hold = (log, "round 1/4;")  # which is over then: it is asked in the second one, and does not answer until it is ended
    folder = fault_folder(tmp_path, "none", hold=hold)
    arguments = command("run", "-C", folder, *SHORT, "--rounds", "4", "--seed", "3", "--output", out)
    with log.open("w") as stderr, subprocess.Popen(arguments, env=environment(cache), stderr=stderr) as process:
        assert wait_for(lambda: held_at(hold).exists() or process.poll() is not None)
        process.send_signal(number)
        process.wait(600)
    told = log.read_text()
    assert process.returncode == 128 + number, told
    assert "visits are saved in" in told
    assert f"restmark run --resume {out}" in told
    assert f"report of what there is: {out / 'index.html'}" in told
    before = read(out)
    assert before["complete"] is False
    by = {signal.SIGINT: "Ctrl-C (SIGINT)", signal.SIGTERM: "SIGTERM"}[number]
    assert before["interrupted"] == by
    assert f"This run was interrupted by {by}" in (out / "summary.md").read_text()
    kept = {(cell["contestant"], entry["round"]): entry for cell in before["cells"] for entry in cell["rounds"]}
    assert {round_ for _, round_ in kept} == {1} and len(kept) == 2
    if number == signal.SIGTERM:
        return  # what it leaves is what Ctrl-C leaves, of which the rest is made once

    log.unlink()  # from now on it answers
    for given in (["--rounds", "9"], ["--all"]):
        refused = call_rig(cache, "run", "--resume", out, *given)
        assert refused.returncode == 1
        assert f"{given[0]} would change it" in refused.stderr

    done = call_rig(cache, "run", "--resume", out)
    assert done.returncode == 0, done.stderr
    after = read(out)
    assert after["complete"] is True
    assert after["interrupted"] is None and after["complete_rounds"] == [1, 2, 3, 4]
    assert after["order"] == before["order"]
    rounds = {(cell["contestant"], entry["round"]): entry for cell in after["cells"] for entry in cell["rounds"]}
    assert len(rounds) == 8
    assert all(rounds[key] == entry for key, entry in kept.items()), "what was measured stays"
    times = [rounds[visit["contestant"], visit["round"]]["started_unix_ms"] for visit in after["order"]]
    assert times == sorted(times), "the rest follows in the recorded order"
    assert "the run was interrupted and resumed" in after["remarks"]

    again = call_rig(cache, "run", "--resume", out)
    assert again.returncode == 1
    assert "is complete" in again.stderr


@pytest.mark.xdist_group("finished")
def test_resuming_something_else_is_refused(finished: Finished, tmp_path: Path) -> None:
    out, cache, manifest = tmp_path / "out", finished.cache, finished.folder / "contestant.toml"
    shutil.copytree(finished.out, out)
    results = results_file.read(out)
    results.order.append(Visit(3, "fault-none", "/", 8))
    results.contestants[0].versions["CPython"] = "Python 2.7"
    results_file.write(results, out)
    done = call_rig(cache, "run", "--resume", out)
    assert done.returncode == 1
    assert "can not be resumed" in done.stderr
    assert "fault-none was CPython Python 2.7" in done.stderr
    results.contestants[0].versions["CPython"] = results.contestants[1].versions["CPython"]
    results.settings = dataclasses.replace(results.settings, timeout_ms=1)
    results_file.write(results, out)
    done = call_rig(cache, "run", "--resume", out)
    assert done.returncode == 1
    assert "timeout ms: 1, now 30000" in done.stderr and "verif" not in done.stderr, "found before anything is built"
    results.settings = dataclasses.replace(results.settings, timeout_ms=30_000)
    results_file.write(results, out)
    as_it_was = manifest.read_text()
    manifest.write_text(as_it_was.replace("For a test.", "For another one."))
    done = call_rig(cache, "run", "--resume", out)
    manifest.write_text(as_it_was)
    assert done.returncode == 1
    assert "fault-none: its manifest was" in done.stderr and "verif" not in done.stderr


def test_on_a_terminal_the_progress_line_is_gone_before_the_interruption_is_told(tmp_path: Path) -> None:
    out, seen, sent = tmp_path / "out", b"", False
    hold = (out / "results.json", "seed")  # which is written when all is ready to be measured
    folder = fault_folder(tmp_path, "none", hold=hold)
    master, slave = pty.openpty()
    arguments = command("run", "-C", folder, *SHORT, "--rounds", "4", "--output", out)
    with subprocess.Popen(
        arguments, env=environment(tmp_path / "cache"), stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    ) as process:
        os.close(slave)
        try:
            while piece := os.read(master, 65536):  # a spinner turns as long as it runs
                seen += piece
                if held_at(hold).exists() and not sent:
                    process.send_signal(signal.SIGINT)
                    sent = True
        except OSError:  # a terminal that nobody has open any more
            pass
        finally:
            os.close(master)
    assert process.returncode == 130
    assert b"\x1b[2K" in seen and b"\xe2\xa0" in seen
    after = seen[seen.index(b"interrupted in round 1 of 4") :]
    assert b"\x1b[2K" not in after, "the line was drawn again"
    assert b"\xe2\xa0" not in after, "a spinner's braille dots"


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--quick", "--rounds", "3"], 1, "--quick chooses what --rounds would say"),
        (["--workload", "/nope"], 1, "/nope"),
        (["--connections", "0"], 1, "0"),
        (["--connections", "1,x"], 1, "x"),
        (["--workload", "/million-loop"], 1, "none of the contestants offers /million-loop"),
        (["--server-cpus", "9999"], 1, "9999"),
    ],
)
def test_usage_errors(tmp_path: Path, arguments: list[str], code: int, text: str) -> None:
    folder = fault_folder(tmp_path, "none")
    done = call_rig(tmp_path / "cache", "run", "-C", folder, *arguments, "--dry-run")
    assert done.returncode == code
    assert text in done.stderr


def test_results_are_not_overwritten(tmp_path: Path) -> None:
    folder, out = fault_folder(tmp_path, "none"), tmp_path / "out"
    out.mkdir()
    (out / "results.json").write_text("{}")
    done = call_rig(tmp_path / "cache", "run", "-C", folder, "--output", out)
    assert done.returncode == 1
    assert f"--resume {out}" in done.stderr
    assert (out / "results.json").read_text() == "{}"
