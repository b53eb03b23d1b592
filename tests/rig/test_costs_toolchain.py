"""How much has to be installed for a contestant, and that a copy of it is built with the tools that it has."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from restmark_rig.contestants import contestant
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Requirement
from restmark_rig.host.installation import PEERS
from restmark_rig.studies.costs import building, toolchain

LISTING = "\n".join(
    "\t".join(line)
    for line in (
        ("base", "installed", "yes", "1000", "", "", "libc (>= 2)"),
        ("libc", "installed", "no", "500", "", "", ""),
        ("compiler", "installed", "no", "4000", "cc (= 1), c99", "base", "linker:any | other-linker, libc, absent | present"),
        ("linker", "installed", "no", "300", "", "", "compiler"),  # a circle
        ("present", "installed", "no", "20", "", "", ""),
        ("removed", "config-files", "no", "9999", "", "", ""),
        ("empty", "installed", "no", "", "", "", ""),
    )
)


def test_packages_are_read() -> None:
    packages = toolchain.installed(LISTING)
    assert set(packages) == {"base", "libc", "compiler", "linker", "present", "empty"}
    assert packages["compiler"].needs == (("base",), ("linker", "other-linker"), ("libc",), ("absent", "present"))
    assert packages["compiler"].provides == ("cc", "c99")
    assert (packages["base"].essential, packages["libc"].essential, packages["empty"].kib) == (True, False, 0)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["compiler"], {"compiler", "base", "libc", "linker", "present"}),
        (["cc"], {"compiler", "base", "libc", "linker", "present"}),
        (["linker", "compiler"], {"compiler", "base", "libc", "linker", "present"}),
        (["present", "nowhere", "removed"], {"present"}),
        ([], set()),
    ],
)
def test_all_that_they_need(names: list[str], found: set[str]) -> None:
    assert toolchain.closure(toolchain.installed(LISTING), names) == found


def needing(*commands: str, search_path: str | None = None) -> contestant.Contestant:
    requires = tuple(Requirement(Path(command).name, (command,)) for command in commands)
    requires = tuple(dataclasses.replace(one, command=command) for one, command in zip(requires, commands, strict=True))
    return dataclasses.replace(contestant.needing(Path("/x"), "x", "X", "", requires), search_path=search_path)


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="no Debian")
def test_of_this_machine(tmp_path: Path) -> None:
    """gcc is more than its own package, and what no package has brought nobody can count."""
    python = toolchain.mib(needing("/usr/bin/python3"), Cache(tmp_path))
    assert python is not None and python > 1
    strange = tmp_path / "strange"
    strange.touch(mode=0o755)
    assert toolchain.mib(needing("/usr/bin/python3", str(strange)), Cache(tmp_path)) is None
    assert toolchain.mib(needing("/nowhere/nothing"), Cache(tmp_path)) is None
    assert toolchain.mib(needing(), Cache(tmp_path)) is None


def test_what_the_rig_keeps_counts_whole(tmp_path: Path) -> None:
    kept = tmp_path / "toolchains" / "go"
    (kept / "bin").mkdir(parents=True)
    (kept / "bin" / "go").write_bytes(bytes(3 * 2**20))
    (kept / "library").write_bytes(bytes(2**20))
    assert toolchain.mib(needing("go", search_path=f"{kept / 'bin'}:/usr/bin"), Cache(tmp_path)) == 4


def test_a_copy_has_the_contestant_s_tools(tmp_path: Path) -> None:
    """Go that only the rig has was not found by the copy, and so no build of it measured."""
    one = dataclasses.replace(contestant.load(PEERS / "nginx"), search_path="/somewhere/bin:/usr/bin")
    copy = building.copied(one, tmp_path)
    assert copy.search_path == one.search_path
    assert copy.directory.is_relative_to(tmp_path) and copy.repo is not None and copy.repo.is_relative_to(tmp_path)
    assert dataclasses.replace(copy, directory=one.directory, repo=one.repo) == one
