"""The installed program that takes the place of a build from restmark's source tree where that tree is not.

In a checkout a contestant with [prebuilt] is built like any other. Elsewhere nothing is built: the program serves that was installed
with the rig, or else that PATH or the system's own folders have, and only if it is of the rig's version.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

from .. import __version__
from ..host.installation import PACKAGE
from . import versions
from .contestant import Contestant, Requirement

PATH_LABEL = "installed program"  # in [versions] of a contestant whose program was not built here
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin")  # not on an ordinary user's PATH


def find(command: str) -> Path | None:
    """The installed program of that name; None if there is none."""
    folders = [*_folders_of_installation(PACKAGE), os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS]
    found = shutil.which(command, path=os.pathsep.join(map(str, folders)))
    return Path(found) if found else None


def _folders_of_installation(package: Path) -> list[Path]:
    """Where programs lie that were installed with this rig, whose package is PREFIX/share/restmark/bench/restmark_rig."""
    if package.parts[-4:-1] != ("share", "restmark", "bench"):
        return []
    prefix = package.parents[3]
    return [prefix / "sbin", prefix / "bin"]


def serves(contestant: Contestant) -> bool:
    """Whether the contestant's program is the installed one."""
    return contestant.prebuilt is not None and contestant.repo is None


def adopt(contestant: Contestant) -> Contestant:
    """The contestant with the installed program in the place of what its build makes; as it is where it is built."""
    if contestant.prebuilt is None or not serves(contestant):
        return contestant
    wanted = contestant.prebuilt
    program = str(find(wanted.command) or wanted.command)
    built = contestant.start.argv[0]

    def with_program(argv: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(program if word == built else word for word in argv)

    asked = {label: with_program(argv) for label, argv in contestant.versions.items() if argv[0] == built}
    return dataclasses.replace(
        contestant,
        requires=(Requirement(program, wanted.packages, wanted.hint, in_debian=False),),
        build=None,
        start=dataclasses.replace(contestant.start, argv=with_program(contestant.start.argv)),
        # Tools of a build that did not happen here have no say in the results.
        versions={**asked, PATH_LABEL: ("realpath", program)},
        needs_repo=False,
    )


def other_version(contestant: Contestant) -> str | None:
    """What the installed program says of itself if that is not the rig's version; None if it is, or if none serves."""
    if not serves(contestant):
        return None
    ask = next(argv for label, argv in contestant.versions.items() if label != PATH_LABEL)
    told = versions.first_line(ask, contestant.directory)
    return None if __version__ in told.split() else told
