"""Contestants as they are compiled for a target."""

from __future__ import annotations

import dataclasses

from ..model.errors import EnvironmentFault
from . import targets
from .contestant import Contestant


def aim(contestant: Contestant, target: targets.Target) -> Contestant:
    """The contestant as it is compiled for the target. Raises EnvironmentFault if it was compiled elsewhere, for another one."""
    if contestant.prebuilt is not None and contestant.build is None and target.name != targets.DEFAULT:
        raise EnvironmentFault(
            f"--target-cpu {target.name}: {contestant.name} is the installed program, which was not compiled for that",
            "use restmark from a checkout, where it is built, or name the others with -C",
        )
    return dataclasses.replace(contestant, target=target)
