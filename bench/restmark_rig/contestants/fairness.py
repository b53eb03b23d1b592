"""The table of what makes contestants alike or not: what their manifests say, and with which flags they are built."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..model.results import TUNED
from .contestant import Contestant

COLUMNS = ("Contestant", "Language", "Strings", "Buffers", "Allocator", "Collector", "Built with", "HTTP parser", "Date", "Skips")
NOT_COMPILED = "–"  # an interpreter's, or a package of the distribution
_RELEASE_FLAGS = re.compile(r"set\(CMAKE_C_FLAGS_RELEASE \"([^\"]*)\"\)")
_LINK_TIME = "CMAKE_INTERPROCEDURAL_OPTIMIZATION ON"
_PROFILE = ("opt-level", "lto", "codegen-units", "panic", "strip", "debug")
# What tells of warnings, of output and of reproducible builds makes nothing faster.
_OF_NO_WEIGHT = re.compile(r"-W|-o$|-std=|-trimpath|-buildvcs|-C$|-l|-pthread$|-D(?!NDEBUG)")
_TARGETS = ("GOAMD64", "GOARM64", "RUSTFLAGS", "CFLAGS", "GOEXPERIMENT")
_AIMED = re.compile(r"\{target_")  # at what --target-cpu says, as all are
_PGO = "default.pgo"  # which go build takes of itself


def table(contestants: Iterable[Contestant]) -> str:
    """All of them, in Markdown."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_row, contestants)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(contestant: Contestant) -> Sequence[str]:
    said, mark = contestant.fairness, " *" if contestant.level == TUNED else ""
    name = f"`{contestant.name}`{mark}"
    if said is None:
        return (name, contestant.language, *["not said"] * 4, built_with(contestant), *["not said"] * 3)
    date = "yes" if said.date else "no"
    values = (said.strings, said.buffers, said.allocator, said.collector, built_with(contestant), said.http_parser, date, said.skips)
    return (name, contestant.language, *values)


def built_with(contestant: Contestant) -> str:
    """The flags on which speed depends, as its build has them; those of its toolchain by default are not named."""
    if contestant.build is None:
        return NOT_COMPILED
    flags: list[str] = []
    for step in contestant.build.steps:
        flags += _flags_of(step, contestant)
    flags += [f"{name}={value}" for name, value in contestant.build.env.items() if name in _TARGETS and not _AIMED.search(value)]
    return ", ".join(dict.fromkeys(flags)) or NOT_COMPILED


def _flags_of(step: tuple[str, ...], contestant: Contestant) -> Iterator[str]:
    command = Path(step[0]).name
    if command == "cargo":
        yield from _cargo(contestant.directory)
    elif command == "cmake" and contestant.repo is not None:
        yield from _cmake(contestant.repo)
    elif command == "go" and "build" in step:
        yield "go build"
        yield from _weighty(step[1:])
        if (contestant.directory / _PGO).is_file():
            yield "PGO"
    elif command in ("cc", "gcc", "clang", "c++", "g++", "clang++"):
        yield from _weighty(step[1:])


def _weighty(words: Iterable[str]) -> Iterator[str]:
    return (word for word in words if word.startswith("-") and not (_OF_NO_WEIGHT.match(word) or _AIMED.search(word)))


def _cargo(directory: Path) -> Iterator[str]:
    """Of the release profile, which is the workspace's."""
    for folder in (directory.parent, directory):
        if (file := folder / "Cargo.toml").is_file():
            profile = tomllib.loads(file.read_text(encoding="utf-8")).get("profile", {}).get("release", {})
            yield from (f"{name}={profile[name]}" for name in _PROFILE if name in profile)


def _cmake(repo: Path) -> Iterator[str]:
    text = (repo / "cmake" / "Flags.cmake").read_text(encoding="utf-8")
    yield from (flag for match in _RELEASE_FLAGS.findall(text) for flag in match.split())
    if _LINK_TIME in text:
        yield "LTO"
