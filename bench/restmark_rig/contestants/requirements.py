"""What a contestant needs of the machine, and how to get what is missing."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..host.installation import PEERS
from . import prebuilt, versions
from .contestant import Contestant, Requirement

_VERSION = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True)
class Missing:
    """A requirement that is not met. what: in words; remedy: the command that would bring it."""

    what: str
    remedy: str


def locate(requirement: Requirement, search_path: str | None = None) -> str | None:
    """Path of the required command or file, whatever its version, or None. search_path: None for PATH. A path may have a * in it, for one
    of several folders that nobody knows before an installation."""
    if requirement.command.startswith("/"):
        if Path(requirement.command).exists():
            return requirement.command
        return next((str(path) for path in Path("/").glob(requirement.command[1:])), None) if "*" in requirement.command else None
    return shutil.which(requirement.command, path=search_path)


def shortfall(requirement: Requirement, search_path: str | None = None) -> str:
    """What is wrong with the required command or file, in words; empty if it is there and new enough."""
    found = locate(requirement, search_path)
    if found is None:
        return f"{requirement.command} not found"
    if not requirement.minimum_version:
        return ""
    said = versions.first_line(requirement.version_command, Path("/"), search_path)
    version = _VERSION.search(said)
    if version is None:
        return f"{found} does not tell its version ({said}); {requirement.minimum_version} or newer is needed"
    if _numbers(version.group()) < _numbers(requirement.minimum_version):
        return f"{found} is too old: {version.group()}; {requirement.minimum_version} or newer is needed"
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    """A version for comparing: 1.26 is as new as 1.26.0."""
    numbers = [int(part) for part in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def obtainable(requirement: Requirement) -> bool:
    """Whether 'restmark setup' knows a way to get it."""
    return bool((requirement.packages and requirement.in_debian) or requirement.pip_requirements)


def remedy_of(requirement: Requirement) -> str:
    """The command (or, where there is none, the manifest's hint) that brings the requirement."""
    if requirement.minimum_version and obtainable(requirement):
        return _with_hint("restmark setup", requirement)  # whether Debian's is new enough depends on the release
    if requirement.packages:
        names = (package.replace("|", " (or ") + ")" * ("|" in package) for package in requirement.packages)
        return _with_hint(f"apt-get install {' '.join(names)}", requirement)
    return requirement.hint or f"install {requirement.command} and put it on PATH"


def _with_hint(command: str, requirement: Requirement) -> str:
    return f"{command} ({requirement.hint})" if requirement.hint else command


def missing(contestant: Contestant) -> list[Missing]:
    """The requirements of the contestant that this machine does not meet, in the manifest's order."""
    found = [
        Missing(what, _setup(contestant, requirement) if obtainable(requirement) else remedy_of(requirement))
        for requirement in contestant.requires
        if (what := shortfall(requirement, contestant.search_path))
    ]
    if not found and contestant.prebuilt and (told := prebuilt.other_version(contestant)):
        found.append(
            Missing(
                f"{contestant.start.argv[0]} says {told!r}, but this rig is restmark {__version__}",
                f"install both in the same version: apt-get install {' '.join(contestant.prebuilt.packages)} restmark",
            )
        )
    if contestant.needs_repo and contestant.repo is None:
        found.append(
            Missing(
                "built from restmark's source tree, which is not here",
                "run bench/restmark in a checkout of restmark",
            )
        )
    return found


def _setup(contestant: Contestant, requirement: Requirement) -> str:
    built_in = contestant.directory.parent == PEERS
    return _with_hint(f"restmark setup {contestant.name if built_in else contestant.directory}", requirement)
