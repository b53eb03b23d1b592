"""What can not be written is told in one line with its path, before work is done for it, and never by a traceback."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest
from restmark_rig import report
from restmark_rig.model.errors import EnvironmentFault, ExitCode
from restmark_rig.store import results_file, writing
from restmark_rig.ui import cli

from . import synthetic_results
from .run_support import command, environment, fault_folder, rig


def test_a_folder_is_made_and_tried_and_stays(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with writing.claimed(folder):
        assert folder.is_dir() and not list(folder.iterdir())
    assert folder.is_dir()


def test_a_folder_in_which_nothing_was_put_goes_with_the_failure(tmp_path: Path) -> None:
    with pytest.raises(KeyError), writing.claimed(tmp_path / "new" / "folder"):
        raise KeyError
    assert not list(tmp_path.iterdir())
    with pytest.raises(KeyError), writing.claimed(tmp_path / "new"):
        (tmp_path / "new" / "kept").touch()
        raise KeyError
    assert (tmp_path / "new" / "kept").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(KeyError), writing.claimed(tmp_path / "mine"):
        raise KeyError
    assert (tmp_path / "mine").is_dir(), "it was there before"


def test_a_folder_that_can_not_be_made_is_named() -> None:
    with pytest.raises(EnvironmentFault, match="can not write /proc/x: ") as caught:
        with writing.claimed(Path("/proc/x")):
            raise AssertionError
    assert "--output" in caught.value.remedy


def test_a_full_disk_is_found_by_trying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentFault, match="No space left on device") as caught:
        with writing.claimed(tmp_path / "new"):
            raise AssertionError
    assert "make room" in caught.value.remedy
    monkeypatch.undo()
    assert not list((tmp_path / "new").iterdir())


@pytest.mark.parametrize("words", [("run",), ("run", "--quick"), ("memory",)])
def test_an_output_that_can_not_be_written_is_found_before_anything_is_built(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    folder = fault_folder(tmp_path, "none")
    done = rig(tmp_path / "cache", *words, "-C", folder, "--output", "/proc/x")
    assert done.returncode == ExitCode.ENVIRONMENT
    assert done.stderr.splitlines()[0].startswith("restmark: can not write /proc/x: ")
    assert len(done.stderr.splitlines()) == 2, done.stderr


@pytest.mark.parametrize("name", [report.PAGE_NAME, report.MARKDOWN_NAME, report.CSV_NAME])
def test_a_page_that_can_not_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    results_file.write(synthetic_results.build(rounds=1, names=("restmarkd",)), tmp_path)
    (tmp_path / name).mkdir()
    assert cli.main(["report", str(tmp_path)]) == ExitCode.ENVIRONMENT
    assert f"can not write {tmp_path / name}: Is a directory" in capsys.readouterr().err


def test_results_that_can_not_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match=f"can not write {tmp_path}/file/x: "):
        results_file.write(synthetic_results.build(rounds=1, names=("restmarkd",)), tmp_path / "file" / "x")


def shell(tmp_path: Path, redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", f'"$@" {redirection}', "sh", *command(*arguments)],
        env=environment(tmp_path / "cache"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("words", [("doctor",), ("doctor", "--json"), ("--help",)])
def test_a_full_standard_output_is_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = shell(tmp_path, ">/dev/full", *words)
    assert done.returncode == ExitCode.ENVIRONMENT
    assert "No space left on device" in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize("words", [("doctor",), ("doctor", "--json"), ("--help",)])
def test_a_reader_that_is_gone_is_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            command(*words),
            env=environment(tmp_path / "cache"),
            stdout=write_end,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
            check=False,
        )
    finally:
        os.close(write_end)
    assert done.returncode == ExitCode.ENVIRONMENT
    assert done.stderr.startswith("restmark: can not write to standard output: ")
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_a_closed_standard_output_is_told_at_the_start(tmp_path: Path) -> None:
    done = shell(tmp_path, ">&-", "doctor")
    assert done.returncode == ExitCode.ENVIRONMENT
    assert done.stderr.startswith("restmark: standard output is closed\n")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_without_standard_error_the_exit_code_is_left(tmp_path: Path, redirection: str) -> None:
    done = shell(tmp_path, redirection, "run", "-C", "nobody", "--dry-run")
    assert done.returncode == ExitCode.ENVIRONMENT
    assert done.stdout == ""
