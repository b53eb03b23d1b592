"""setup: what is needed is found out alike with and without Python, a toolchain in the cache is used where PATH's will not do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from restmark_rig.contestants import builder, contestant, registry, requirements, toolchains, versions
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant, Requirement
from restmark_rig.host import installation
from restmark_rig.model.errors import EnvironmentFault, ManifestError
from restmark_rig.setup import environment, needs
from restmark_rig.studies.pipelining import natives

from .helpers import ROOT, Silent, call_rig, write_contestant

CONTESTANT_NEEDS = ROOT / "bench" / "contestant-needs.sh"
TOOL = '[[requires]]\ncommand = "tool"\nminimum_version = "1.26"\nversion_command = ["tool", "version"]\npackages = ["tool-new|tool", "more"]\n'


def command(folder: Path, name: str, text: str) -> Path:
    """An executable script."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def subject(tmp_path: Path, extra: str = "", build: str = "") -> Contestant:
    folder = write_contestant(tmp_path / "peers", "mine", ["x", "{port}"], f"{TOOL}{extra}\n{build}")
    if "pip_requirements" in extra:
        (folder / "pins.txt").write_text("# a comment\ntool-wheel==2.0 --hash=sha256:00\n")
    return contestant.load(folder)


@pytest.fixture(autouse=True)
def _ask_anew() -> None:
    versions.forget()


@pytest.mark.parametrize(
    ("printed", "verdict"),
    [
        ("tool version tool1.26.8 linux/amd64", ""),
        ("tool 1.26", ""),
        ("tool 1.26.0 (2026-01-01)", ""),
        ("tool 1.100", ""),
        ("tool 2.0", ""),
        ("tool 1.25.9", "is too old: 1.25.9; 1.26 or newer is needed"),
        ("tool 1.3", "is too old: 1.3; 1.26 or newer is needed"),
        ("no idea", "does not tell its version (no idea); 1.26 or newer is needed"),
    ],
)
def test_minimum_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, verdict: str) -> None:
    found = command(tmp_path / "bin", "tool", f'[ "$1" = version ] && echo "{printed}"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    (requirement,) = subject(tmp_path).requires
    assert requirements.shortfall(requirement) == (f"{found} {verdict}" if verdict else "")


def test_a_missing_command_is_not_called_too_old(tmp_path: Path) -> None:
    (missing,) = requirements.missing(subject(tmp_path))
    assert missing.what == "tool not found"
    assert missing.remedy.startswith("restmark setup ")


def test_a_requirement_is_met_by_what_is_installed_after_it_was_named(tmp_path: Path) -> None:
    """Whose folder has a version in its name, which nobody knows before."""
    requirement = Requirement(str(tmp_path / "*" / "bin" / "server"), ("server",))
    assert requirements.shortfall(requirement) == f"{tmp_path}/*/bin/server not found"
    path = command(tmp_path / "15" / "bin", "server", "")
    assert requirements.locate(requirement) == str(path)
    assert requirements.shortfall(requirement) == ""
    odd = command(tmp_path / "[b]*", "server", "")  # a path as it is goes first
    assert requirements.locate(Requirement(str(odd), ())) == str(odd)


def test_an_old_command_gives_way_to_the_cache_and_a_new_one_does_not(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = subject(tmp_path, 'pip_requirements = "pins.txt"')
    old = command(tmp_path / "bin", "tool", "echo tool 1.19").parent
    monkeypatch.setenv("PATH", f"{old}:{os.environ['PATH']}")
    assert toolchains.equip(mine, cache).search_path is None
    assert [missing.what for missing in requirements.missing(mine)] == [
        f"{old}/tool is too old: 1.19; 1.26 or newer is needed"
    ]
    kept = command(toolchains.folder(cache, mine.requires[0]) / "bin", "tool", "echo tool 1.27").parent
    equipped = toolchains.equip(mine, cache)
    assert equipped.search_path == f"{kept}:{os.environ['PATH']}"
    assert requirements.missing(equipped) == []
    command(old, "tool", "echo tool 1.26")
    versions.forget()
    assert toolchains.equip(mine, cache).search_path is None


def test_programs_of_a_study_are_built_by_the_kept_toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a Debian whose own Go is too old."""
    cache = Cache(tmp_path / "cache")
    recipe = contestant.load(natives.GO)
    (go,) = (one for one in recipe.requires if one.command == "go")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    kept = command(toolchains.folder(cache, go) / "bin", "go", "echo go version go1.99").parent
    monkeypatch.setattr(requirements, "missing", lambda one: [] if one.search_path else [requirements.Missing("go not found", "")])
    made: list[Contestant] = []
    monkeypatch.setattr(builder, "build", lambda one, *_: made.append(one))
    assert natives.built(SimpleNamespace(cache=cache, reporter=Silent()), natives.GO).search_path == f"{kept}:{tmp_path / 'bin'}"  # type: ignore[arg-type]
    assert [one.name for one in made] == [recipe.name]


def test_builds_and_versions_use_the_kept_toolchain(tmp_path: Path) -> None:
    build = '[build]\nsteps = [["sh", "-c", "tool version > {build}/made-by"]]\ninputs = ["*.toml"]'
    mine = subject(tmp_path, 'pip_requirements = "pins.txt"', build)
    manifest = mine.directory / "contestant.toml"
    manifest.write_text(manifest.read_text().replace("[versions]", '[versions]\ntool = ["tool", "version"]'))
    cache = Cache(tmp_path / "cache")
    command(toolchains.folder(cache, mine.requires[0]) / "bin", "tool", "echo tool 1.27")
    done = call_rig(cache.root, "build", "-C", str(mine.directory))
    assert done.returncode == 0, done.stderr
    assert (cache.build_dir(mine) / "made-by").read_text() == "tool 1.27\n"
    assert '"tool": "tool 1.27"' in (cache.build_dir(mine) / ".restmark-build.json").read_text()
    assert "mine" not in call_rig(cache.root, "list", "--not-ready", "-C", str(mine.directory)).stdout.split()


def test_needs_are_lines(tmp_path: Path, cache: Cache) -> None:
    unmet = needs.unmet([toolchains.equip(subject(tmp_path, 'pip_requirements = "pins.txt"'), cache)])
    assert needs.lines(unmet) == [
        "tool\t1.26\ttool version\ttool-new|tool more\tmine\ttool-wheel==2.0 by pip\tpython3-venv ca-certificates"
    ]


def as_sets(lines: list[str]) -> dict[tuple[str, ...], set[str]]:
    fields = [line.split("\t") for line in lines]
    return {(*row[:4], *row[5:]): set(row[4].split(", ")) for row in fields}


def test_the_shell_reads_the_same_needs_out_of_the_manifests() -> None:
    users: dict[Requirement, list[str]] = {}
    for peer in registry.by_default(installation.PEERS):
        for requirement in peer.requires:
            users.setdefault(requirement, []).append(peer.name)
    done = subprocess.run([str(CONTESTANT_NEEDS)], capture_output=True, text=True, timeout=300, check=True)
    assert as_sets(done.stdout.splitlines()) == as_sets(needs.lines(users))


def test_pins_are_read(tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("# tool==1\ntool\n")
    with pytest.raises(ManifestError, match="pins no package"):
        needs.pinned(tmp_path / "none.txt")


def test_a_package_that_can_not_be_installed_is_an_error_with_the_log(tmp_path: Path, cache: Cache) -> None:
    (tmp_path / "pins.txt").write_text("tool==1.0\n")  # without hashes: refused before anything is fetched
    requirement = Requirement("tool", (), minimum_version="1", pip_requirements=tmp_path / "pins.txt")
    with pytest.raises(EnvironmentFault, match=r"(?s)--require-hashes.*last lines of .*toolchain-tool\.log"):
        environment.install(requirement, cache, Silent())
    assert not (toolchains.folder(cache, requirement) / "bin" / "tool").exists()


def test_nothing_to_install(tmp_path: Path) -> None:
    folder = write_contestant(tmp_path, "mine", ["x", "{port}"], '[[requires]]\ncommand = "sh"\npackages = ["dash"]')
    done = call_rig(tmp_path / "cache", "setup", str(folder))
    assert (done.returncode, done.stdout) == (0, "nothing to install: 1 of 1 contestants have what they need\n")


def test_what_can_not_be_had_is_named(tmp_path: Path) -> None:
    folder = write_contestant(tmp_path, "mine", ["x", "{port}"], '[[requires]]\ncommand = "no-such"\npackages = []\nhint = "from its site"')
    done = call_rig(tmp_path / "cache", "setup", str(folder))
    assert done.returncode == 3
    assert "mine: missing: no-such not found" in done.stdout
    assert "0 of 1 contestants" in done.stdout
