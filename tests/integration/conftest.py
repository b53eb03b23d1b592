"""Fixtures of the integration tests: the real daemon on free ports, ended by the pid that was started."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent / "bench"), str(TESTS)]  # restmark_proof.clients, which the proofs use, timed and processes

from daemon import Daemon  # noqa: E402  (the path had to be set first)

PUBLIC_READER = "hdrhistogram==0.10.8"  # HdrHistogram's own port to Python, which Debian does not package


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons that are ready when it returns; they are stopped, and their logs checked, at the end of the test."""
    daemons: list[Daemon] = []

    def start_one(*options: str, **keywords: object) -> Daemon:
        daemon = Daemon(tmp_path / f"daemon{len(daemons)}", options, **keywords)  # type: ignore[arg-type]
        daemons.append(daemon)
        daemon.wait_ready()
        return daemon

    yield start_one
    for daemon in daemons:
        daemon.finish()


@pytest.fixture(scope="module")
def shared_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon with defaults and two workers for all tests of a module that only ask it things."""
    daemon = Daemon(tmp_path_factory.mktemp("daemon") / "d", ("server.processes=2",))
    daemon.wait_ready()
    yield daemon
    daemon.finish()


@pytest.fixture(scope="session")
def public_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Makes `import hdrh` work: the installed package, else one from PyPI for this run alone."""
    folder = tmp_path_factory.mktemp("public_reader")
    try:
        importlib.import_module("hdrh.histogram")
    except ImportError:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--target", str(folder), PUBLIC_READER]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            pytest.skip(f"cannot be had from PyPI: {PUBLIC_READER}: {done.stderr.strip()[-300:]}")
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
