"""Programs of our own for a run: a folder that nobody else sees, an unprivileged user, and an end that comes with the rig's."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..contestants.cache import Cache
from ..host.supervised import ProcessSpec, SupervisedProcess, tail
from ..model.errors import StartFailed

READY_DEADLINE_S = 60.0
STOP_GRACE_S = 20.0
_POLL_S = 0.05
_FOLDER = "/var/tmp"  # on a disk, where /tmp may be memory: what is durable has to cost what it costs; and short, as a socket's path must be
_PREFIX = "restmark-back-end-"
_NOBODY = "nobody"


@dataclass(frozen=True)
class Place:
    """Where a program lives. user: whose rights it gets, None: the rig's own."""

    folder: Path
    user: str | None
    log: Path
    cpus: frozenset[int] | None


@contextmanager
def place(name: str, user: str, cpus: frozenset[int] | None, cache: Cache) -> Iterator[Place]:
    """A new private folder for the length of a with block, of that user if the rig is root: of nobody if there is no such user."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_FOLDER))
    log = cache.log_file(f"back-end-{name}")
    log.unlink(missing_ok=True)
    log.touch()
    owner = _existing(user) if os.geteuid() == 0 else None
    try:
        if owner is not None:
            os.chown(folder, pwd.getpwnam(owner).pw_uid, pwd.getpwnam(owner).pw_gid)
        yield Place(folder, owner, log, cpus)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # what supervises the program may have been quicker


def _existing(user: str) -> str:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(user).pw_name
    return _NOBODY


def give(place_: Place, path: Path) -> None:
    """Makes a file or folder that the rig has made the program's own."""
    if place_.user is not None:
        entry = pwd.getpwnam(place_.user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def spec(name: str, argv: Sequence[str], home: Place, own_cgroup: bool = True) -> ProcessSpec:
    """How to run a program there. It goes, and the folder with it, when the rig ends, in whatever way."""
    environment = {"HOME": str(home.folder), "LC_ALL": "C.UTF-8"}
    return ProcessSpec(f"back-end-{name}", argv, environment, home.folder, home.log, home.cpus, own_cgroup, home.user, (home.folder,) if own_cgroup else ())


def run_to_end(name: str, argv: Sequence[str], home: Place) -> None:
    """Runs a program that ends by itself, such as one that makes a data folder. Raises StartFailed."""
    with SupervisedProcess(spec(name, argv, home, own_cgroup=False)) as process:
        status = process.wait(READY_DEADLINE_S)
    if status != 0:
        raise StartFailed(f"{argv[0]} ended with {status}; last lines of {home.log}:\n{tail(home.log)}", "see what they say")


def await_ready(name: str, process: SupervisedProcess, home: Place, ask: Callable[[], str]) -> None:
    """Waits until ask(), which says what is wrong, says nothing. Raises StartFailed."""
    deadline = time.monotonic() + READY_DEADLINE_S
    while problem := ask():
        ended = process.wait(_POLL_S) is not None
        if ended or time.monotonic() > deadline:
            why = "ended when it was started" if ended else f"does not answer after {READY_DEADLINE_S:g} s: {problem}"
            raise StartFailed(f"{name} {why}; last lines of {home.log}:\n{tail(home.log)}", "see what they say")


def newest(paths: Sequence[Path]) -> Path | None:
    """The one with the largest number in its path, None of none."""
    return max(paths, key=lambda path: [int(number) for number in re.findall(r"\d+", str(path))], default=None)
