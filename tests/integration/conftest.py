"""Fixtures of the integration tests: the real daemon on free ports, ended by the pid that was started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import Daemon


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
