"""One build of a contestant in a place of its own, with what it took; and what there is of it to count: dependencies, lines, bytes."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...contestants import builder
from ...contestants.builder import Reporter
from ...contestants.cache import Cache
from ...contestants.contestant import Contestant, Requirement
from ...host import proctree

COUNTER = Requirement("cloc", ("cloc",))
# How a line that changes nothing is written; what has none of these is not compiled.
COMMENTS = {".c": "//", ".cpp": "//", ".go": "//", ".java": "//", ".js": "//", ".rs": "//", ".ts": "//", ".py": "#"}
_LEFT_OUT = shutil.ignore_patterns(".git", "build", "__pycache__", "node_modules", "target")
_LOOK_S = 0.1
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True)
class Built:
    """Seconds of the wall and of the CPUs, and the most memory that all processes of the build had together (sum of RSS, looked at ten times a
    second), MiB."""

    seconds: float
    cpu_s: float
    peak_mib: float


NONE = Built(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Change:
    """A source that was changed, and whether a build takes it in."""

    path: Path
    is_built: bool


def copied(one: Contestant, to: Path) -> Contestant:
    """The same contestant in a copy of its sources, and of the checkout around it."""
    root = one.repo or one.directory
    copy = to / root.name
    shutil.copytree(root, copy, ignore=_LEFT_OUT, symlinks=True)
    return dataclasses.replace(one, directory=copy / one.directory.relative_to(root), repo=copy if one.repo else None)


def build(one: Contestant, cache: Cache, reporter: Reporter) -> Built:
    """Builds what has changed. Raises BuildFailed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with _peak() as peak:
        result = builder.build(one, cache, reporter)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Built(result.duration_s, cpu_s, peak[0] / 1024)


@contextmanager
def _peak() -> Iterator[list[float]]:
    """KiB, in the list's only place."""
    most, done = [0.0], threading.Event()

    def look() -> None:
        while not done.wait(_LOOK_S):
            most[0] = max(most[0], float(sum(map(_rss_kib, proctree.descendants(os.getpid())))))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        done.set()
        thread.join()


def _rss_kib(pid: int) -> int:
    try:
        return int(Path("/proc", str(pid), "statm").read_text().split()[1]) * _PAGE_KIB
    except (FileNotFoundError, ProcessLookupError):
        return 0


def change(one: Contestant) -> Change | None:
    """Adds a comment to the largest of its own sources that are compiled, or of those that are not if none is; None if it has no such."""
    inputs = [path for path in builder.input_files(one, one.build) if path.suffix in COMMENTS] if one.build else []
    own = [path for path in inputs if path.is_relative_to(one.directory)] or inputs or list(_sources(one))
    if not own:
        return None
    path = max(own, key=lambda path: path.stat().st_size)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{COMMENTS[path.suffix]} {time.monotonic_ns()}\n")
    return Change(path, path in inputs)


def lines_of_code(one: Contestant) -> int | None:
    """Of its own sources, without blank lines and comments, as cloc counts them; None without it, or where it has none of its own."""
    files = [str(path) for path in _sources(one)]
    if not files or shutil.which(COUNTER.command) is None:
        return None
    done = subprocess.run([COUNTER.command, "--json", "--quiet", *files], capture_output=True, text=True, timeout=60, check=True)
    return int(json.loads(done.stdout)["SUM"]["code"])


def _sources(one: Contestant) -> list[Path]:
    """Those in its own folder; else those that its build takes from elsewhere."""
    own = [path for path in one.directory.rglob("*") if path.suffix in COMMENTS]
    return own or [path for path in (builder.input_files(one, one.build) if one.build else ()) if path.suffix in COMMENTS]


# Who has such a manifest, which lock file it goes with, there or in the folder above, and what a package is in that.
_COUNTED: Sequence[tuple[str, str, re.Pattern[str]]] = (
    ("Cargo.toml", "Cargo.lock", re.compile(r"^\[\[package\]\]", re.MULTILINE)),
    ("go.mod", "go.sum", re.compile(r"^\S+ v\S+ h1:", re.MULTILINE)),
    ("package.json", "package-lock.json", re.compile(r'^    "node_modules/', re.MULTILINE)),
)
_PINNED = re.compile(r"^[A-Za-z0-9._-]+(?:\[[^]]*\])?==", re.MULTILINE)


def dependencies(one: Contestant) -> int:
    """Packages of its language that its lock files name; one that it shares with others names theirs as well."""
    count = 0
    for manifest, name, pattern in _COUNTED:
        for folder in (one.directory, one.directory.parent):
            if (one.directory / manifest).is_file() and (path := folder / name).is_file():
                count += len(pattern.findall(path.read_text(encoding="utf-8")))
                break
    for path in sorted(one.directory.glob("*requirements*")):
        count += len(_PINNED.findall(path.read_text(encoding="utf-8")))
    return count


def artefact_mib(one: Contestant, cache: Cache) -> float | None:
    """What a build has made that has to be put in place: the program, or the folder that holds the interpreter's packages; None for what is none."""
    build_dir = cache.build_dir(one)
    program = Path(one.start.argv[0].replace("{build}", str(build_dir)))
    if not program.is_relative_to(build_dir):
        return None
    top = build_dir / program.relative_to(build_dir).parts[0]
    paths = [path for path in top.rglob("*") if path.is_file()] if (top / "pyvenv.cfg").is_file() else [program]
    return float(sum(path.stat().st_size for path in paths)) / 2**20
