"""Fixtures of the packaging tests: packages built from this checkout, and containers to install them in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import container
import root
from container import Container
from root import SOURCE

NEXT_VERSION = "0.9.9"  # of a package to upgrade to


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a file are steps, one after the other: what the first could not do, the others need not try."""
    reason = container.why_not()
    for item in items:
        if reason and "booted" in item.keywords:
            item.add_marker(pytest.mark.skip(reason=f"no container can be booted: {reason}"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "booted: needs a container with systemd in it")
    for release in root.chosen():
        if not (Path("/usr/share/debootstrap/scripts") / release).exists() and release != root.HOST:
            raise pytest.UsageError(f"{root.RELEASES_VARIABLE} names {release}, a release that debootstrap does not know, or is not here to make")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module whose RELEASES is set does so for these alone: what it looks at has to run on this machine."""
    if "release" in metafunc.fixturenames:
        metafunc.parametrize("release", getattr(metafunc.module, "RELEASES", root.chosen()), scope="session")


def build(folder: Path, script: str, *arguments: str, nocheck: bool = False, inside: Path | None = None) -> Path:
    """Runs a build script of packaging/ on this machine, or in a root, where it installs what it needs."""
    environment = {"DEB_BUILD_OPTIONS": "nocheck"} if nocheck else {}
    command = [str(SOURCE / "packaging" / script), "--output", str(folder), *arguments]
    if inside is None:
        root.run(*command, "--no-install", timeout=1200, env={**os.environ, **environment})
        return folder
    git = Path(root.run("git", "-C", SOURCE, "rev-parse", "--path-format=absolute", "--git-common-dir").strip())
    # Whoever owns the checkout: it is the one that is tested.
    environment |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    root.in_root(inside, *command, timeout=1800, binds=(SOURCE, git, folder), environment=environment)
    return folder


def only(folder: Path, pattern: str) -> Path:
    """The one file of that pattern."""
    found = list(folder.glob(pattern))
    assert len(found) == 1, f"{pattern} in {folder}: {found}"
    return found[0]


@pytest.fixture(scope="session")
def build_root(release: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | None]:
    """Where the release's packages are built: a root of that release, or this machine (None) if it is one itself."""
    if release == root.HOST:
        yield None
        return
    folder = tmp_path_factory.mktemp(f"build-{release}") / "root"
    kept = root.with_build_tools(release)
    root.make(folder, kept if kept.exists() else root.base(release))
    yield folder
    root.remove(folder)


@pytest.fixture(scope="session")
def debs(release: str, build_root: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with both packages. The build runs the unit tests, and lintian on what it makes."""
    folder = build(tmp_path_factory.mktemp(f"debs-{release}"), "build-deb.sh", inside=build_root)
    if build_root and not root.with_build_tools(release).exists():
        root.pack(build_root, root.with_build_tools(release))
    return folder


@pytest.fixture(scope="session")
def next_debs(release: str, build_root: Path | None, debs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a higher version."""
    assert debs.is_dir()  # first, as it brings the tools
    arguments = ("build-deb.sh", "--no-lintian", "--version", NEXT_VERSION)
    return build(tmp_path_factory.mktemp(f"next-{release}"), *arguments, nocheck=True, inside=build_root)


@pytest.fixture(scope="module")
def fresh_root(release: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh Debian, not booted."""
    folder = tmp_path_factory.mktemp("root") / "root"
    root.make(folder, root.base(release))
    yield folder
    root.remove(folder)


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
