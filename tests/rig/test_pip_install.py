"""`pip install ./bench` in a virtual environment: the command is there, with its contestants and what they are made of."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from restmark_rig import __version__

from .helpers import PYTHON, ROOT

pytestmark = pytest.mark.xdist_group("pip")


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the rig in it. Its libraries and the means of the build are the system's, so that nothing is fetched."""
    folder = tmp_path_factory.mktemp("pip")
    # A copy, since setuptools writes into the folder; the rig is found in the environment and not in the checkout.
    ours = shutil.ignore_patterns("__pycache__", "*_cache", "target", "build")
    shutil.copytree(ROOT / "bench", folder / "bench", ignore=ours)
    made = [PYTHON, "-m", "venv", "--without-pip", "--system-site-packages", folder / "venv"]
    subprocess.run(made, check=True, timeout=300)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-build-isolation", folder / "bench"]
    done = subprocess.run([folder / "venv" / "bin" / "python", *install], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(folder / "bench")
    return folder / "venv"


def restmark(venv: Path, *arguments: str) -> str:
    """What the installed command prints, called from a folder in which there is nothing."""
    elsewhere = venv.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "RESTMARK_LOAD")}
    command = [venv / "bin" / "restmark", *arguments]
    done = subprocess.run(
        command,
        cwd=elsewhere,
        env={**environment, "RESTMARK_CACHE": str(venv.parent / "cache")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_is_of_this_version(venv: Path) -> None:
    assert restmark(venv, "--version") == f"restmark {__version__}\n"


def test_it_has_all_contestants_with_all_their_files(venv: Path) -> None:
    known = {entry["name"] for entry in json.loads(restmark(venv, "list", "--all", "--json"))}
    assert known == {path.parent.name for path in (ROOT / "bench" / "peers").glob("*/contestant.toml")}
    tracked = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "bench/peers"], capture_output=True, text=True, check=True, timeout=300
    ).stdout.split()
    share = venv / "share" / "restmark"
    assert [path for path in tracked if not (share / path).is_file()] == []
    assert os.access(share / "bench" / "need-packages.sh", os.X_OK)


def test_it_makes_a_contestant_and_plans_a_run(venv: Path) -> None:
    restmark(venv, "new-contestant", "mine", "--template", "stdlib")
    assert "ours/common/rust-workloads/src/lib.rs\n" in restmark(venv, "new-contestant", "ours", "--template", "rust")
    planned = restmark(venv, "run", "-C", "./mine", "--dry-run", "--seed", "1")
    assert "contestants: mine" in planned
