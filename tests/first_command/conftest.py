"""Fixtures of the test of the first command: a bare root for each release, in which it has run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import bare
import pytest
from bare import Outcome


def pytest_configure(config: pytest.Config) -> None:
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        raise pytest.UsageError("the first command is tried in a bare Debian: that takes root, and debootstrap")


@pytest.fixture(scope="session", params=["bookworm", "trixie"])
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """How the README's first command fared on a bare machine of that release; minutes and answer are printed."""
    folder: Path = tmp_path_factory.mktemp(request.param) / "root"
    try:
        bare.make(folder, request.param)
        done = bare.run(folder, bare.first_command())
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            done.tell(request.param)
        yield done
    finally:
        bare.root.remove(folder)
