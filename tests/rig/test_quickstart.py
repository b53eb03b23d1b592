"""quickstart.sh: what it calls, in which order, with commands in their place that only write down how they were called."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .helpers import ROOT

SCRIPT = ROOT / "bench" / "quickstart.sh"
WRITES = '#!/bin/sh\necho "${0##*/} $#: $*" >>"$(dirname "$0")/log"\n'


@pytest.fixture()
def bench(tmp_path: Path) -> Path:
    """A folder with the script, and the others in name."""
    shutil.copy(SCRIPT, tmp_path)
    for name in ("need-packages.sh", "restmark"):
        (tmp_path / name).write_text(WRITES)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def run(bench: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(bench / SCRIPT.name), *arguments], capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)


def log(bench: Path) -> list[str]:
    return (bench / "log").read_text().splitlines() if (bench / "log").exists() else []


@pytest.mark.parametrize("names", [(), ("backends", "pipelining"), ("./my api", "--dry-run")])
def test_setup_brings_what_the_rig_needs_before_the_rig_is_asked(bench: Path, names: tuple[str, ...]) -> None:
    done = run(bench, "--setup", *names)
    assert done.returncode == 0, done.stderr
    packages, setup = log(bench)
    assert packages.startswith("need-packages.sh ") and "--for the rig python3 python3-click" in packages
    assert "--needs" not in packages and "--no-install" not in packages
    assert setup == " ".join([f"restmark {len(names) + 1}:", "setup", *names])


def test_what_the_rig_says_is_what_setup_says(bench: Path) -> None:
    (bench / "restmark").write_text("#!/bin/sh\nexit 3\n")
    assert run(bench, "--setup", "x").returncode == 3
    (bench / "need-packages.sh").write_text("#!/bin/sh\nexit 130\n")
    assert run(bench, "--setup", "x").returncode == 130


def test_setup_and_no_install_exclude_each_other(bench: Path) -> None:
    done = run(bench, "--no-install", "--setup")
    assert (done.returncode, log(bench)) == (1, [])
    assert "--no-install forbids it" in done.stderr


def test_few_are_asked_alone(bench: Path) -> None:
    assert run(bench, "--few", "--duration", "1").returncode == 0
    assert [line.split()[0] for line in log(bench)] == ["need-packages.sh", "restmark"]
    assert log(bench)[-1].endswith("quick -C restmarkd --duration 1")
