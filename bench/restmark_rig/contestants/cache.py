"""The folder outside the source tree in which builds, logs and datasets are kept."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from ..model.errors import EnvironmentFault
from . import targets
from .contestant import Contestant


def default_directory() -> Path:
    """$RESTMARK_CACHE, or restmark below $XDG_CACHE_HOME or ~/.cache. Raises EnvironmentFault if nobody knows where that is."""
    if given := os.environ.get("RESTMARK_CACHE"):
        return Path(given)
    # The XDG specification says that a relative path is to be ignored.
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else _home() / ".cache") / "restmark"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise EnvironmentFault(
            f"there is no place for the cache: $HOME is not set, and user {os.getuid()} has no entry in the user database",
            "choose a folder with --cache-dir or $RESTMARK_CACHE",
        ) from None


@dataclass(frozen=True)
class Cache:
    """Paths below the cache folder. Folders are made when they are asked for."""

    root: Path

    def build_dir(self, contestant: Contestant) -> Path:
        """{build} of a contestant: its own for each source folder, so that two checkouts do not share a build, and for each target."""
        name = (contestant.build.folder if contestant.build else None) or contestant.name
        digest = hashlib.sha256(str(contestant.directory.with_name(name)).encode()).hexdigest()[:10]
        aim = "" if contestant.target.name == targets.DEFAULT else f"-{contestant.target.name}"
        return self.root.absolute() / "build" / f"{name}-{digest}{aim}"

    def log(self, contestant: Contestant, kind: str) -> Path:
        """The log file of a kind ("build", "server") of a contestant."""
        return self.log_file(f"{contestant.name}.{kind}")

    def log_file(self, name: str) -> Path:
        """The log file of what belongs to no contestant alone."""
        return self.folder("logs") / f"{name}.log"

    def folder(self, name: str) -> Path:
        """The folder NAME below the cache, made if need be. Raises EnvironmentFault."""
        return make_folder(self.root.absolute() / name)


def make_folder(path: Path) -> Path:
    """Makes path and what is missing above it. Raises EnvironmentFault."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFault(
            f"can not make the folder {path}: {error.strerror}", "choose a writable one with --cache-dir"
        ) from None
    return path
