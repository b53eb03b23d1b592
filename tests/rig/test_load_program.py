"""Which restmark-load makes the load: the named one, the checkout's, the installed one, and clear words where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from restmark_rig import __version__
from restmark_rig.contestants import prebuilt, requirements, versions
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.contestants.requirements import Missing
from restmark_rig.load import load_program
from restmark_rig.model.errors import EnvironmentFault

from .helpers import Silent


@pytest.fixture(autouse=True)
def _nothing_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No program is named, built or installed."""
    monkeypatch.delenv(load_program.VARIABLE)
    monkeypatch.setattr(load_program, "_provided", None)
    monkeypatch.setattr(prebuilt, "find", lambda _command: None)
    monkeypatch.setattr(load_program, "default_directory", lambda: tmp_path / "cache")


def lack_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: Contestant) -> list[Missing]:
        return [Missing("cmake not found", "restmark setup")]

    monkeypatch.setattr(requirements, "missing", missing)


def program(folder: Path, version: str = __version__) -> Path:
    path = folder / load_program.NAME
    path.write_text(f"#!/bin/sh\necho restmark-load {version}\n")
    path.chmod(0o755)
    versions.forget()
    return path


def test_the_one_that_is_named_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = program(tmp_path)
    monkeypatch.setenv(load_program.VARIABLE, str(named))
    assert load_program.provide(Cache(tmp_path / "cache"), Silent()) == named == load_program.path()
    assert load_program.version() == f"restmark-load {__version__}"


@pytest.mark.parametrize("version", [None, "9.9.9"])
def test_one_that_is_named_and_not_right_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str | None) -> None:
    path = program(tmp_path, version) if version else tmp_path / "none"
    monkeypatch.setenv(load_program.VARIABLE, str(path))
    with pytest.raises(EnvironmentFault, match="9.9.9|no program is there") as caught:
        load_program.provide(Cache(tmp_path / "cache"), Silent())
    assert load_program.VARIABLE in caught.value.remedy


def test_where_it_can_not_be_built_the_installed_one_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lack_tools(monkeypatch)
    installed = program(tmp_path)
    monkeypatch.setattr(prebuilt, "find", lambda _command: installed)
    assert load_program.provide(Cache(tmp_path / "cache"), Silent()) == installed
    assert load_program.unmet() == []


def test_an_installed_one_of_another_version_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lack_tools(monkeypatch)
    monkeypatch.setattr(prebuilt, "find", lambda _command: program(tmp_path, "9.9.9"))
    with pytest.raises(EnvironmentFault, match="9.9.9.*but this rig is restmark"):
        load_program.provide(Cache(tmp_path / "cache"), Silent())


def test_without_any_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lack_tools(monkeypatch)
    with pytest.raises(EnvironmentFault, match="to build it here is missing: cmake not found") as caught:
        load_program.provide(Cache(tmp_path / "cache"), Silent())
    assert caught.value.remedy == "restmark setup"
    assert [made.name for made in load_program.unmet()] == [load_program.NAME]


def test_an_installed_rig_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_program.contestant, "find_repo", lambda _directory: None)
    with pytest.raises(EnvironmentFault, match="is not installed") as caught:
        load_program.provide(Cache(tmp_path / "cache"), Silent())
    assert caught.value.remedy == "apt-get install restmark"
    assert load_program.unmet() == []
