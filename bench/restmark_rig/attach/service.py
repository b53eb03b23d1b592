"""A running service by what /proc shows of it: its processes, their CPU time and calls, and memory. Nothing in it is touched."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..host import proctree
from ..model.errors import EnvironmentFault, UsageFault

_PYTHON = re.compile(r"/(python3?(\.\d+)?|uwsgi[\w-]*)$|/libpython3|python3?_plugin\.so")
_PYPY = re.compile(r"/(pypy3?[\w.-]*|libpypy[\w.-]*)$")
_POLL_S = 0.25


@dataclass(frozen=True)
class Process:
    """At one moment. cpu_ns: of all its threads; waited_ns: runnable without a CPU; reads, writes: calls, None where they may not be seen."""

    pid: int
    command: str
    cpu_ns: int
    waited_ns: int
    reads: int | None
    writes: int | None


@dataclass(frozen=True)
class Use:
    """What a process did in a window."""

    pid: int
    command: str
    cpu_s: float
    waited_s: float
    reads: int | None
    writes: int | None


@dataclass
class Window:
    """seconds: of the wall; ended: processes that ended in it, whose last CPU time is not known."""

    seconds: float
    uses: list[Use] = field(default_factory=list)
    ended: int = 0

    @property
    def cpu_s(self) -> float:
        return sum(use.cpu_s for use in self.uses)


def main_pid(unit: str) -> int:
    """Of a systemd unit. Raises EnvironmentFault, UsageFault."""
    try:
        done = subprocess.run(["systemctl", "show", "--property=MainPID", "--value", "--", unit], capture_output=True, text=True, timeout=20, check=False)
    except FileNotFoundError:
        raise EnvironmentFault("systemctl is not here, so that units have no pid", "name the service by --pid") from None
    word = done.stdout.strip()
    if done.returncode != 0 or not word.isdigit():
        raise EnvironmentFault(f"--unit {unit}: systemctl: {done.stderr.strip() or word or 'no answer'}", "name the service by --pid")
    if word == "0":
        raise UsageFault(f"--unit {unit}: it is not running, or there is no such unit", "'systemctl status' tells")
    return int(word)


def require(pid: int) -> None:
    """Raises UsageFault if there is no such process, EnvironmentFault if it may not be looked at."""
    if proctree.is_zombie(pid):
        raise UsageFault(f"--pid {pid}: there is no such process", "give that of the service's first process")
    try:
        os.readlink(f"/proc/{pid}/exe")
        readable = os.access(f"/proc/{pid}/smaps_rollup", os.R_OK)
    except PermissionError:
        readable = False
    except FileNotFoundError:
        raise UsageFault(f"--pid {pid}: it has no program: a thread of the kernel, or it has just ended", "give that of the service's first process") from None
    if not readable:
        raise EnvironmentFault(f"--pid {pid}: it belongs to another user", "run restmark as root, or as that user")


def processes(pid: int) -> list[Process]:
    """The service's: it and all below it."""
    found = (_process(one) for one in (pid, *proctree.descendants(pid)))
    return [process for process in found if process is not None]


def _process(pid: int) -> Process | None:
    cpu = proctree.cpu_ns(pid)
    if cpu is None:
        return None
    reads = writes = None
    try:
        calls = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
        reads, writes = int(calls["syscr"]), int(calls["syscw"])
    except (FileNotFoundError, ProcessLookupError):
        return None
    except PermissionError:
        pass  # None says so
    return Process(pid, proctree.command_name(pid), cpu, proctree.runqueue_wait_ns([pid]), reads, writes)


def watched(pid: int, seconds: float, while_it_lasts: Callable[[float], None]) -> Window:
    """A window of the service. while_it_lasts: is told how many seconds are left. Raises EnvironmentFault if the service ends."""
    before = {process.pid: process for process in processes(pid)}
    begin = time.monotonic()
    last = dict(before)
    while (left := begin + seconds - time.monotonic()) > 0:
        while_it_lasts(left)
        time.sleep(min(left, _POLL_S))
        now = {process.pid: process for process in processes(pid)}
        if pid not in now:
            raise EnvironmentFault(f"process {pid} has ended while it was looked at", "look again at what took its place")
        last |= now
    alive = {process.pid for process in processes(pid)}
    window = Window(time.monotonic() - begin, ended=len(set(last) - alive))
    for one, there in last.items():
        first = before.get(one) or Process(one, there.command, 0, 0, 0, 0)
        window.uses.append(
            Use(
                one,
                there.command,
                (there.cpu_ns - first.cpu_ns) / 1e9,
                max(0, there.waited_ns - first.waited_ns) / 1e9,
                _less(there.reads, first.reads),
                _less(there.writes, first.writes),
            )
        )
    return window


def _less(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a - b


def language(pids: list[int]) -> str:
    """"python" if CPython runs in one of them, "pypy", or "native"."""
    seen = ""
    for pid in pids:
        for name in _mapped(pid):
            if _PYPY.search(name):
                return "pypy"
            if _PYTHON.search(name):
                seen = "python"
    return seen or "native"


def _mapped(pid: int) -> set[str]:
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return set()
    return {fields[5] for line in lines if len(fields := line.split(maxsplit=5)) == 6}
