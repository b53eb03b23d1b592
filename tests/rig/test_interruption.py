"""What is left of an interrupted run: how many rounds it holds, wherever rounds are spoken of, and its report."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from restmark_rig import report
from restmark_rig.host import own_command
from restmark_rig.model.errors import EnvironmentFault, Terminated
from restmark_rig.model.results import Results
from restmark_rig.model.rounds_held import rounds_held
from restmark_rig.report.view import View
from restmark_rig.run import interruption
from restmark_rig.run.recording import Recording

from . import synthetic_results


def cut(rounds: int = 3, made: int = 5) -> Results:
    """A run of three contestants in which so many visits were made."""
    run = synthetic_results.build(rounds=rounds, names=("restmarkd", "python-uwsgi", "rust-axum"))
    keep = set(run.order[:made])
    for cell in run.cells:
        key = (cell.contestant, cell.route, cell.connections, cell.rate_per_s)
        cell.rounds = [
            entry
            for entry in cell.rounds
            if any(v.round == entry.round and (v.contestant, v.route, v.connections, v.rate_per_s) == key for v in keep)
        ]
    run.cells = [cell for cell in run.cells if cell.rounds]
    run.complete, run.interrupted = False, "Ctrl-C (SIGINT)"
    return run


def test_a_whole_run_holds_what_was_asked_for() -> None:
    held = rounds_held(synthetic_results.build(rounds=3, names=("restmarkd",)))
    assert (held.lowest, held.highest, held.asked) == (3, 3, 3)
    assert held.text == "3 rounds"
    assert rounds_held(synthetic_results.build(rounds=1, names=("restmarkd",))).text == "1 round"


def test_a_run_cut_in_its_first_round_says_so() -> None:
    held = rounds_held(cut(3, 5))
    assert (held.lowest, held.highest, held.asked, held.visits, held.planned) == (0, 1, 3, 5, 45)
    assert held.text == "0 to 1 of 3 rounds (5 of 45 visits)"


def test_a_run_cut_between_two_rounds_has_no_range() -> None:
    held = rounds_held(cut(3, 30))
    assert held.text == "2 of 3 rounds (30 of 45 visits)"
    assert cut(3, 30).find_complete_rounds() == [1, 2]
    assert cut(3, 31).find_complete_rounds() == [1, 2]
    assert cut(3, 14).find_complete_rounds() == []


def test_the_report_says_what_it_holds_everywhere() -> None:
    view = View(cut(3, 20))
    assert view.how.startswith("1 to 2 of 3 rounds (20 of 45 visits) of ")
    assert view.alarms()[0] == (
        "This run was interrupted by Ctrl-C (SIGINT): the figures below are those measured until then, "
        "1 to 2 of 3 rounds (20 of 45 visits)."
    )
    text = " ".join(view.methodology)
    assert "The run holds 1 to 2 of 3 rounds (20 of 45 visits)" in text
    assert "3 rounds of" not in view.how + text
    whole = View(synthetic_results.build(rounds=3, names=("restmarkd",)))
    assert whole.how.startswith("3 rounds of ")
    assert not any("The run holds" in sentence for sentence in whole.methodology)


def test_the_reason_is_named() -> None:
    assert interruption.reason(KeyboardInterrupt()) == "Ctrl-C (SIGINT)"
    assert interruption.reason(Terminated()) == "SIGTERM"
    assert interruption.reason(EnvironmentFault("wrk died\nits log: …")) == "wrk died"
    assert interruption.reason(ValueError("x")) == "a fault of the rig's own: ValueError"


def test_the_report_of_what_there_is_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    interruption.tell(Recording(cut(3, 20), tmp_path))
    told = capsys.readouterr().err
    assert f"interrupted in round 2 of 3: 20 of 45 visits are saved in {tmp_path}" in told
    assert f"restmark run --resume {tmp_path}" in told
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "summary.md", "rounds.csv"}
    assert "1 to 2 of 3 rounds" in (tmp_path / "index.html").read_text()


def test_a_script_around_the_run_is_named_as_what_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Only that can make the machines anew that ended with the run."""
    monkeypatch.setenv(own_command.RUN_AS, "bench/distributed/namespaces -n 2 run")
    interruption.tell(Recording(cut(3, 0), tmp_path))
    assert f"go on with: bench/distributed/namespaces -n 2 run --resume {tmp_path}\n" in capsys.readouterr().err


@pytest.mark.parametrize("error", [EnvironmentFault("can not write there", "make room"), KeyboardInterrupt()])
def test_where_it_can_not_be_made_its_command_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: object) -> list[Path]:
        raise error

    monkeypatch.setattr(report, "write", fail)
    interruption.tell(Recording(cut(3, 20), tmp_path))
    assert f"restmark report {tmp_path}" in capsys.readouterr().err


def test_a_run_without_a_visit_has_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    interruption.tell(Recording(cut(3, 0), tmp_path))
    assert "in round 1 of 3: 0 of 45 visits" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_record_says_by_what_and_which_rounds_are_complete(tmp_path: Path) -> None:
    recording = Recording(dataclasses.replace(cut(3, 30), interrupted=None), tmp_path)
    recording.finish(complete=False, interrupted="SIGTERM")
    assert (recording.results.interrupted, recording.results.complete_rounds) == ("SIGTERM", [1, 2])
    recording.finish(complete=True)
    assert recording.results.interrupted is None
