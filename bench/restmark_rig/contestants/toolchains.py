"""Commands that 'restmark setup' keeps in the cache, because Debian has none that is new enough."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from . import requirements
from .cache import Cache
from .contestant import Contestant, Requirement


def folder(cache: Cache, requirement: Requirement) -> Path:
    """Where the command of a requirement is kept: bin/COMMAND, and beside it all that belongs to it."""
    return cache.root.absolute() / "toolchains" / Path(requirement.command).name


def equip(contestant: Contestant, cache: Cache) -> Contestant:
    """The contestant with the search path by which builds, versions and servers find its commands.

    A command that is on PATH and new enough is used as it is, else the cache's if that will do.
    """
    path = os.environ.get("PATH", os.defpath)
    ours = []
    for requirement in contestant.requires:
        if requirement.pip_requirements is None or not requirements.shortfall(requirement):
            continue
        kept = folder(cache, requirement) / "bin"
        if (kept / requirement.command).exists() and not requirements.shortfall(
            requirement, f"{kept}{os.pathsep}{path}"
        ):
            ours.append(str(kept))
    if not ours:
        return contestant
    return dataclasses.replace(contestant, search_path=os.pathsep.join((*dict.fromkeys(ours), path)))
