"""Python's pins: requirements files with hashes, and locks that uv makes of a list."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from ..contestants.cache import Cache
from . import index
from .index import Artifact
from .pins import RenewalFailed, run_tool

# Debian 12's; what installs there does so on later ones.
CPYTHON = "3.11"
PYPY = "3.9"
_PIN = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def read_pins(text: str) -> dict[str, str]:
    """Package -> version of a requirements file."""
    return {match["name"]: match["version"] for line in text.splitlines() if (match := _PIN.match(line))}


@dataclass(frozen=True)
class HashedRequirements:
    """A file of one line for each package: name, version, and the hashes of the very files that are to be installed.

    Each package keeps its kinds of files: one that is built from source so that PyPy runs Python alone stays a source package.
    """

    file: Path
    python: str = CPYTHON
    ask: Callable[[str], Sequence[Artifact]] = field(default=index.of_project)

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.file,)

    def packages(self) -> dict[str, str]:
        return read_pins(self.file.read_text(encoding="utf-8"))

    def renew(self) -> None:
        lines = [self._renewed(line) for line in self.file.read_text(encoding="utf-8").splitlines()]
        self.file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _renewed(self, line: str) -> str:
        match = _PIN.match(line)
        if match is None:
            return line
        hashes = newest(match["name"], _HASH.findall(line), self.ask(match["name"]), self.python, str(self.file))
        return " ".join([f"{match['name']}=={hashes[0].version}", *(f"--hash=sha256:{one.sha256}" for one in hashes)])


def newest(name: str, pinned: Sequence[str], offered: Sequence[Artifact], python: str, where: str) -> list[Artifact]:
    """The newest release's files of the kinds that are pinned by their hashes. Raises RenewalFailed if the index does not know those."""
    by_hash = {one.sha256: one for one in offered}
    if not pinned or any(value not in by_hash for value in pinned):
        raise RenewalFailed(f"{where}: the index does not have the files of {name} that are pinned now", "correct the hashes by hand once")
    kinds = list(dict.fromkeys(by_hash[value].kind for value in pinned))
    for version in sorted({one.version for one in offered if _usable(one, python)}, key=Version, reverse=True):
        files = [_best([one for one in offered if one.version == version and one.kind == kind and _usable(one, python)]) for kind in kinds]
        if None not in files:
            return [one for one in files if one is not None]
    raise RenewalFailed(f"{where}: no release of {name} has {' and '.join(kinds)}", "pin another kind of file by hand")


def _usable(one: Artifact, python: str) -> bool:
    try:
        return not Version(one.version).is_prerelease and SpecifierSet(one.requires_python).contains(f"{python}.0")
    except (InvalidVersion, ValueError):
        return False


def _best(files: Sequence[Artifact]) -> Artifact | None:
    """Of several wheels of a kind that of the oldest C library: it runs on most."""
    return min(files, key=lambda one: _numbers(one.file), default=None)


def _numbers(file: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", file.rpartition("linux")[2])]


@dataclass(frozen=True)
class Lock:
    """A lock, requirements.lock or with something before it, which uv makes of the list beside it, requirements.in, with all that these need."""

    file: Path
    cache: Cache

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.file,)

    def packages(self) -> dict[str, str]:
        return read_pins(self.file.read_text(encoding="utf-8"))

    def renew(self) -> None:
        options = ["--universal", "--generate-hashes", "--python-version", CPYTHON, "--upgrade", "--quiet"]
        run_tool([self._uv(), "pip", "compile", *options, self.file.with_suffix(".in").name, "--output-file", self.file.name], self.file.parent)

    def _uv(self) -> Path:
        place = self.cache.folder("renewal") / "uv"
        if not (place / "bin" / "uv").exists():
            run_tool([sys.executable, "-m", "venv", "--clear", place], self.file.parent)
            run_tool([place / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "uv"], self.file.parent)
        return place / "bin" / "uv"
