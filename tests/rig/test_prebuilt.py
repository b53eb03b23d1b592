"""The installed program in the place of a build: when it serves, which one it is, and what is recorded of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from restmark_rig import __version__
from restmark_rig.contestants import builder, prebuilt, registry, requirements, versions
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant

from .helpers import ROOT, write_contestant
from .test_contestant import fault_of, with_top

NAMES = ("restmarkd", "restmarkd-tree")


def installation(prefix: Path, told: str = f"restmarkd {__version__}") -> tuple[Path, Path]:
    """An installed rig (PREFIX/bin, PREFIX/share), and the program beside it (PREFIX/sbin)."""
    rig = prefix / "share" / "restmark" / "bench"
    shutil.copytree(ROOT / "bench" / "restmark_rig", rig / "restmark_rig", ignore=shutil.ignore_patterns("__pycache__"))
    for name in NAMES:
        shutil.copytree(ROOT / "bench" / "peers" / name, rig / "peers" / name)
    (prefix / "bin").mkdir()
    shutil.copy(ROOT / "bench" / "restmark", prefix / "bin")
    return prefix / "bin" / "restmark", program(prefix / "sbin", told)


def program(folder: Path, told: str) -> Path:
    """A restmarkd that says its version, and no more."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "restmarkd"
    path.write_text(f"#!/bin/sh\n[ \"$1\" = -V ] && echo '{told}'\n")
    path.chmod(0o755)
    return path


def listed(restmark: Path, cache: Path) -> list[dict[str, str]]:
    done = subprocess.run(
        ["/usr/bin/python3", "-B", str(restmark), "list", "--json", "--cache-dir", str(cache)],
        capture_output=True, text=True, check=False, timeout=300, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def load(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, path: Path) -> Contestant:
    """A built-in contestant's manifest, copied away from the checkout, while PATH has but one folder of ours."""
    shutil.copytree(ROOT / "bench" / "peers" / name, folder / name)
    monkeypatch.setenv("PATH", f"{path}:/usr/bin:/bin")
    return registry.resolve(str(folder / name), folder / "none")


def test_an_installed_rig_is_ready_with_the_program_beside_it(tmp_path: Path) -> None:
    restmark, _ = installation(tmp_path / "usr")
    rows = listed(restmark, tmp_path / "cache")
    assert {row["name"]: row["state"] for row in rows} == dict.fromkeys(NAMES, "ready"), rows


def test_a_program_of_another_version_is_refused_with_its_remedy(tmp_path: Path) -> None:
    restmark, path = installation(tmp_path / "usr", "restmarkd 0.0.9")
    for row in listed(restmark, tmp_path / "cache"):
        assert row["state"] == "skipped"
        assert str(path) in row["reason"] and "'restmarkd 0.0.9'" in row["reason"] and __version__ in row["reason"]
        assert "apt-get install restmarkd restmark" in row["remedy"]
    done = subprocess.run(
        ["/usr/bin/python3", "-B", str(restmark), "quick", "--cache-dir", str(tmp_path / "cache")],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 3 and "'restmarkd 0.0.9'" in done.stderr, done.stdout + done.stderr


def test_versions_are_compared_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "sbin", f"restmarkd {__version__}0")
    contestant = load("restmarkd", tmp_path, monkeypatch, tmp_path / "sbin")
    assert len(requirements.missing(contestant)) == 1


def test_it_starts_the_program_and_needs_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path / "sbin", f"restmarkd {__version__}")
    contestant = load("restmarkd-tree", tmp_path, monkeypatch, tmp_path / "sbin")
    cache = Cache(tmp_path / "cache")
    assert contestant.start.argv[0] == str(path)
    assert "workloads.codec=tree" in contestant.start.argv
    assert requirements.missing(contestant) == [] and builder.state(contestant, cache) == "ready"
    assert [requirement.command for requirement in contestant.requires] == [str(path)]
    recorded = versions.collect(contestant, cache.build_dir(contestant))
    assert recorded == {"restmarkd": f"restmarkd {__version__}", prebuilt.PATH_LABEL: str(path)}


def test_in_a_checkout_it_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "sbin", f"restmarkd {__version__}")
    monkeypatch.setenv("PATH", f"{tmp_path / 'sbin'}:/usr/bin:/bin")
    for name in NAMES:
        contestant = registry.resolve(name, ROOT / "bench" / "peers")
        assert contestant.build is not None and contestant.start.argv[0].startswith("{build}/")
        assert prebuilt.PATH_LABEL not in contestant.versions and not prebuilt.serves(contestant)


def test_without_the_program_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prebuilt, "_SYSTEM_FOLDERS", ())
    contestant = load("restmarkd", tmp_path, monkeypatch, tmp_path / "empty")
    (missing,) = requirements.missing(contestant)
    assert missing.what == "restmarkd not found" and missing.remedy == "apt-get install restmarkd"


def test_it_is_found_where_an_ordinary_user_does_not_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path / "system", f"restmarkd {__version__}")
    monkeypatch.setattr(prebuilt, "_SYSTEM_FOLDERS", (str(tmp_path / "system"),))
    assert load("restmarkd", tmp_path, monkeypatch, tmp_path / "empty").start.argv[0] == str(path)


PREBUILT = '[prebuilt]\ncommand = "restmarkd"\npackages = ["restmarkd"]\n'


def test_it_only_takes_the_place_of_a_build_from_the_source_tree(tmp_path: Path) -> None:
    assert "'prebuilt' stands without a build from {repo}" in fault_of(tmp_path, with_top(PREBUILT))


def test_the_program_has_to_be_asked_for_its_version(tmp_path: Path) -> None:
    build = '[build]\nsteps = [["make", "-C", "{repo}"]]\ninputs = ["{repo}/src/**"]\n'
    assert "'prebuilt' needs a command in [versions]" in fault_of(tmp_path, with_top(build + PREBUILT))


def test_a_path_is_no_command_of_it(tmp_path: Path) -> None:
    folder = write_contestant(tmp_path / "a", "mine", ["x", "{port}"])
    text = (folder / "contestant.toml").read_text().replace("[start]", PREBUILT.replace("restmarkd", "/x", 1) + "[start]")
    assert "key 'prebuilt.command' has the wrong value" in fault_of(tmp_path, text)
