"""Fixtures of the tests of restmark-rss; a pytest plugin that they name in `pytest_plugins`."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from rss_support import BENCH, ENVIRONMENTS, SCRIPT, FakeProc, Rss, make_rss


@pytest.fixture(params=ENVIRONMENTS)
def rss(request: pytest.FixtureRequest, tmp_path: Path) -> Rss:
    """The script, once with every awk that is installed."""
    return make_rss(request.param, tmp_path / "commands")


@pytest.fixture
def one_rss(tmp_path: Path) -> Rss:
    """The script as installed here, for what does not depend on awk."""
    return make_rss(ENVIRONMENTS[0], tmp_path / "commands")


@pytest.fixture
def public_dir() -> Iterator[Path]:
    """A folder that every user can read, unlike tmp_path."""
    with tempfile.TemporaryDirectory(prefix="restmark-rss-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def unprivileged_rss(public_dir: Path) -> Rss:
    """The script run by a user without privileges: nobody when the tests run as root."""
    copy = public_dir / "bench"
    shutil.copytree(BENCH / "rss", copy / "rss")
    shutil.copy2(SCRIPT, copy)
    made = make_rss(ENVIRONMENTS[0], public_dir / "commands", copy / SCRIPT.name)
    made.user = "nobody" if os.geteuid() == 0 else None
    return made


@pytest.fixture
def fake_proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path / "proc")
