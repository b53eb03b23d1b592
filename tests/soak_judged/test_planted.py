"""The soak finds what is planted into a real restmarkd, and nothing in one that is as it should be."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ["RESTMARK_BUILD"]).absolute()
PLANTED = Path(os.environ["RESTMARK_PLANTED_LIBRARY"])


def soak(tmp_path: Path, *arguments: str, build: Path = BUILD, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", str(HERE.parent / "soak"), "--build", str(build), "--seed", "7", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "TMPDIR": str(tmp_path), **environment}
    )


@pytest.fixture
def planted_build(tmp_path: Path) -> Path:
    """A build tree whose restmarkd is the real one with the library."""
    program = tmp_path / "build" / "src" / "restmarkd"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nLD_PRELOAD="{PLANTED}" exec "{BUILD}/src/restmarkd" "$@"\n')
    program.chmod(0o755)
    return tmp_path / "build"


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("drop", r"an innocent request was lost .*: (EOF|reset|truncated)"),
        ("wrong", r"an innocent request was lost .*: wrong body"),
        ("leak", r"descriptors grew from \d+ to \d+, more than"),
        ("grow", r"worker.*: (PSS|RSS) grew from \d+ to \d+ KiB, more than"),
        ("die", r"unexpected death, slot \d+: pid \d+ was killed by signal 6"),
        ("shrink", r"3 ready workers are wanted; there are"),
    ],
)
def test_what_is_planted_is_found(tmp_path: Path, planted_build: Path, what: str, message: str) -> None:
    result = soak(tmp_path, "--minutes", "0.1", "--faults", "none", build=planted_build, RESTMARK_PLANTED=what)
    assert result.returncode == 1, (result.stdout, result.stderr)
    assert re.search(message, result.stdout), result.stdout
    assert "seed 7" in result.stdout
    kept = Path(re.search(r"are kept in (\S+)", result.stdout)[1])  # type: ignore[index]
    assert re.search(message, (kept / "findings").read_text())
    assert "restmarkd 0." in (kept / "log").read_text()


def test_faults_that_restmarkd_withstands_are_no_findings(tmp_path: Path) -> None:
    """Kills among them, so that failures of the killed workers' connections are told apart."""
    faults = ("kill", "crash", "reload", "scale", "drain", "rotation")
    for minutes in ("0.3", "1.2"):  # a busy machine does not come to each of them in the shorter time
        result = soak(tmp_path, "--minutes", minutes, "--faults", ",".join(faults))
        assert result.returncode == 0, (result.stdout, result.stderr)
        came = {fault for fault in faults if re.search(rf"^{fault} +[1-9]\d* +\d+\.\d\d$", result.stdout, re.MULTILINE)}
        if came == set(faults):
            break
    assert came == set(faults), result.stdout
    total = re.search(r"^all +(\d+) +(\d+) +(\d+) ", result.stdout, re.MULTILINE)
    assert total
    assert int(total[1]) > 500
    assert int(total[3]) == 0
    assert re.search(r"\d+ s +\S+ +\d+ faults, \d+ requests", result.stderr)  # progress
    assert list(tmp_path.iterdir()) == []  # nothing is left


def test_a_signal_ends_what_was_started(tmp_path: Path) -> None:
    command = [sys.executable, "-B", str(HERE.parent / "soak"), "--build", str(BUILD), "--minutes", "5"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}) as program:
        assert program.stderr
        assert "seed" in program.stderr.readline()
        line = program.stderr.readline()
        assert "requests" in line
        started = [int(pid) for pid in Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()]
        assert started
        program.terminate()
        assert "interrupted" in program.stderr.read()
        assert program.wait(300) == 130
    for pid in started:
        assert not Path(f"/proc/{pid}").exists()
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_soak_tells_what_it_has_found(tmp_path: Path, planted_build: Path) -> None:
    command = [sys.executable, "-B", str(HERE.parent / "soak"), "--build", str(planted_build), "--minutes", "5", "--faults", "none"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "RESTMARK_PLANTED": "die"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as program:
        assert program.stdout
        assert program.stderr
        assert any(line.startswith("soak: found: unexpected death") for line in program.stderr)
        program.terminate()
        stdout = program.stdout.read()
        assert program.wait(300) == 130
    assert re.search(r"^finding 1, .*unexpected death", stdout, re.MULTILINE), stdout
    assert (Path(re.search(r"are kept in (\S+)", stdout)[1]) / "findings").is_file()  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--minutes", "0"), "must be from 0.1"),
        (("--minutes", "1", "--faults", "earthquake"), "there is no 'earthquake'"),
        (("--minutes", "1", "--build", "/nowhere"), "remedy: cmake"),
    ],
)
def test_usage_errors_say_what_is_wrong(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    result = soak(tmp_path, *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []
