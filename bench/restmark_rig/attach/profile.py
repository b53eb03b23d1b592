"""Samples the stacks of a live service: CPython's by py-spy, which only reads its memory and never stops it, others' by perf."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..contestants import contestant, requirements, toolchains
from ..contestants.cache import Cache
from ..contestants.contestant import Contestant, Requirement
from . import classing
from .classing import NATIVE, PYTHON, Stack

RATE = 50  # samples a second of each process
PROFILER = Requirement(
    "py-spy",
    (),
    minimum_version="0.4",
    version_command=("py-spy", "--version"),
    pip_requirements=Path(__file__).with_name("profiler-requirements.txt"),
    in_debian=False,
)
PERF = Requirement("perf", ("linux-perf",))
_LATE_S = 60.0  # that a profiler may take to write what it has
_SAID_MAX = 300


@dataclass
class Profile:
    """language: of the stacks; active: on a CPU; all: with those that wait, empty where nobody could tell; unseen: why there is none, empty if there is;
    how: what sampled them, and how often."""

    language: str
    how: str = ""
    active: list[Stack] = field(default_factory=list)
    all: list[Stack] = field(default_factory=list)
    unseen: str = ""


def recipe() -> Contestant:
    """What 'restmark attach' needs: the part of a contestant that 'restmark setup' looks at."""
    return contestant.needing(Path(__file__).parent, "attach", "restmark attach", "Looks at a live service.", (PROFILER, PERF))


def profiler(cache: Cache) -> str | None:
    """Path of py-spy, on PATH or in the cache; None without one."""
    return requirements.locate(PROFILER, toolchains.equip(recipe(), cache).search_path)


@contextmanager
def sampling(pid: int, pids: Sequence[int], language: str, seconds: float, cache: Cache) -> Iterator[Callable[[], Profile]]:
    """Samples for so long, beside what is done in the block; call what it gives after that. Whatever was started is ended with the block."""
    with tempfile.TemporaryDirectory(prefix="restmark-attach-") as name:
        folder = Path(name)
        if language == PYTHON:
            argvs, why = _py_spy(pid, seconds, folder, cache)
        else:
            argvs, why = _perf(pids, seconds, folder, language)
        running: list[subprocess.Popen[str]] = []
        try:
            for argv in argvs:
                running.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=folder))
            yield lambda: _collected(running, language, folder, why)
        finally:
            for process in running:
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)
                    try:
                        process.wait(10)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.wait()
                if process.stderr is not None:
                    process.stderr.close()


def _py_spy(pid: int, seconds: float, folder: Path, cache: Cache) -> tuple[list[list[str]], str]:
    program = profiler(cache)
    if program is None:
        return [], "py-spy is not installed: 'restmark setup costs' brings it"
    common = [program, "record", "--pid", str(pid), "--duration", str(max(1, round(seconds))), "--rate", str(RATE), "--format", "raw"]
    common += ["--subprocesses", "--nonblocking", "--full-filenames"]
    return [[*common, "--output", str(folder / "active")], [*common, "--idle", "--output", str(folder / "all")]], ""


def _perf(pids: Sequence[int], seconds: float, folder: Path, language: str) -> tuple[list[list[str]], str]:
    program = shutil.which(PERF.command)
    if program is None:
        return [], "perf is not installed: 'restmark setup costs' brings it"
    if language == "pypy":
        # What it compiles has no symbols, so that most of its time would be called unknown, or somebody's.
        return [], "it runs on PyPy, whose compiled code neither py-spy nor perf can name"
    argv = [program, "record", "--quiet", "-e", "cpu-clock", "-F", str(RATE), "-g", "-o", str(folder / "perf.data"), "-p", ",".join(map(str, pids))]
    return [[*argv, "--", "sleep", f"{seconds:g}"]], ""


def _collected(running: Sequence[subprocess.Popen[str]], language: str, folder: Path, why: str) -> Profile:
    if why:
        return Profile(language, unseen=why)
    for process in running:
        name = Path(process.args[0]).name  # type: ignore[index, arg-type]
        try:
            _, said = process.communicate(timeout=_LATE_S)
        except subprocess.TimeoutExpired:
            return Profile(language, unseen=f"{name} did not end in time")
        if process.returncode != 0:
            return Profile(language, unseen=f"{name} failed: {' '.join(said.split())[-_SAID_MAX:]}")
    try:
        return _parsed(language, folder)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return Profile(language, unseen=f"what the profiler wrote can not be read: {error}")


def _parsed(language: str, folder: Path) -> Profile:
    """Raises ValueError, OSError, TimeoutExpired."""
    if language == PYTHON:
        active, everything = (classing.parse_raw((folder / name).read_text(errors="replace")) for name in ("active", "all"))
        how = f"py-spy, {RATE} times a second, without stopping it; what extensions in C do is seen by the line that calls them"
        return Profile(PYTHON, how, active, everything)
    argv = ["perf", "script", "-i", str(folder / "perf.data"), "-F", "pid,ip,sym,dso"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_LATE_S, check=False)
    if done.returncode != 0:
        return Profile(NATIVE, unseen=f"perf script failed: {' '.join(done.stderr.split())[-_SAID_MAX:]}")
    return Profile(NATIVE, f"perf, {RATE} times a second of CPU time, user and kernel", classing.parse_script(done.stdout))


def line_of(pids: Sequence[int]) -> Callable[[str, int], str]:
    """Reads lines of the service's own sources, as it sees them: in its root, if that is another one."""
    known: dict[str, list[str]] = {}

    def read(path: str, number: int) -> str:
        if path not in known:
            known[path] = _lines(path, pids)
        lines = known[path]
        return lines[number - 1] if 0 < number <= len(lines) else ""

    return read


def _lines(path: str, pids: Sequence[int]) -> list[str]:
    for root in [f"/proc/{pid}/root" for pid in pids]:
        try:
            if path.startswith("/") and os.path.getsize(root + path) < 2**24:
                return Path(root + path).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue  # of a process that has ended, or a file that is not there
    return []
