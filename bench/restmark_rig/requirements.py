"""What a contestant needs of the machine, and how to get what is missing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from . import __version__, prebuilt
from .contestant import Contestant, Requirement


@dataclass(frozen=True)
class Missing:
    """A requirement that is not met. what: in words; remedy: the command that would bring it."""

    what: str
    remedy: str


def locate(requirement: Requirement) -> str | None:
    """Path of the required command or file, or None."""
    if requirement.command.startswith("/"):
        return requirement.command if Path(requirement.command).exists() else None
    return shutil.which(requirement.command)


def remedy_of(requirement: Requirement) -> str:
    """The command (or, without a Debian package, the manifest's hint) that brings the requirement."""
    if requirement.packages:
        command = f"apt-get install {' '.join(requirement.packages)}"
        return f"{command} ({requirement.hint})" if requirement.hint else command
    return requirement.hint or f"install {requirement.command} and put it on PATH"


def missing(contestant: Contestant) -> list[Missing]:
    """The requirements of the contestant that this machine does not meet, in the manifest's order."""
    found = [
        Missing(f"{requirement.command} not found", remedy_of(requirement))
        for requirement in contestant.requires
        if locate(requirement) is None
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
