"""Fixtures of the packaging tests: packages built from this checkout, and containers to install them in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import container
import pytest
import root
from container import Container

SOURCE = Path(__file__).resolve().parents[2]
NEXT_VERSION = "0.9.9"  # of a package to upgrade to


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a file are steps, one after the other: what the first could not do, the others need not try."""
    reason = container.why_not()
    for item in items:
        if reason and "booted" in item.keywords:
            item.add_marker(pytest.mark.skip(reason=f"no container can be booted: {reason}"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "booted: needs a container with systemd in it")


def build(folder: Path, script: str, *arguments: str, nocheck: bool = False) -> Path:
    """Runs a build script of packaging/."""
    environment = {**os.environ, "DEB_BUILD_OPTIONS": "nocheck"} if nocheck else dict(os.environ)
    done = subprocess.run(
        [str(SOURCE / "packaging" / script), "--no-install", "--output", str(folder), *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1200, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return folder


def only(folder: Path, pattern: str) -> Path:
    """The one file of that pattern."""
    found = list(folder.glob(pattern))
    assert len(found) == 1, f"{pattern} in {folder}: {found}"
    return found[0]


@pytest.fixture(scope="session")
def debs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with both packages. The build runs the unit tests, and lintian on what it makes."""
    return build(tmp_path_factory.mktemp("debs"), "build-deb.sh")


@pytest.fixture(scope="session")
def next_debs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a higher version."""
    return build(tmp_path_factory.mktemp("next"), "build-deb.sh", "--no-lintian", "--version", NEXT_VERSION, nocheck=True)


@pytest.fixture(scope="module")
def fresh_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh Debian, not booted."""
    folder = tmp_path_factory.mktemp("root") / "root"
    root.make(folder)
    yield folder
    root.run("rm", "-rf", "--one-file-system", folder)


@pytest.fixture(scope="module")
def boot(fresh_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Boots the root when it is called; powered off at the end."""
    booted: list[Container] = []

    def boot_root() -> Container:
        booted.append(Container(fresh_root, tmp_path_factory.mktemp("console") / "console.log"))
        return booted[-1]

    yield boot_root
    for one in booted:
        one.stop()
