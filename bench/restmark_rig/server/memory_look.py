"""One look at the memory of a running server: every process by restmark-rss, and the charge of its control group."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..host import cgroup
from ..host.installation import BENCH
from ..model import memory_roles
from ..model.errors import EnvironmentFault
from ..model.memory_records import MemoryRecord, MemoryTotals, ProcessMemory

_TIMEOUT_S = 60
_APART_S, _PATIENCE_S = 1.2, 6.0  # more than a second, once in which servers look after themselves
_SAME = 0.01
_ALL_READ, _SOME_READ = 0, 1  # exit codes of restmark-rss


@dataclass(frozen=True)
class GroupMemory:
    """What a control group is charged, bytes. anonymous_bytes: heaps, stacks and shared memory, no file pages."""

    charged_bytes: int
    anonymous_bytes: int


def restmark_rss() -> str:
    """Path of restmark-rss: the checkout's, else the installed one. Raises EnvironmentFault."""
    script = BENCH / "restmark-rss"
    path = str(script) if script.exists() else shutil.which("restmark-rss")
    if path is None:
        raise EnvironmentFault("restmark-rss is not installed", "install the package restmarkd")
    return path


@dataclass(frozen=True)
class MemoryReading:
    """The memory of all processes of a server at one moment. charged_bytes: what its control group is charged, None without one."""

    processes: list[ProcessMemory]
    charged_bytes: int | None


class Remembering(Protocol):
    """A running server, wherever it runs."""

    def memory(self) -> MemoryReading:
        """Its memory now."""
        ...


def look(server: Remembering, contestant: str, workers: int, phase: str, sample: int = 0) -> MemoryRecord:
    """The server's memory now. Raises EnvironmentFault if restmark-rss fails."""
    found = server.memory()
    return MemoryRecord(
        contestant=contestant,
        workers=workers,
        phase=phase,
        processes=found.processes,
        totals=MemoryTotals(
            rss_kib=_sum([process.rss_kib for process in found.processes]),
            pss_kib=_sum([process.pss_kib for process in found.processes]),
            uss_kib=_sum([process.uss_kib for process in found.processes]),
        ),
        cgroup_bytes=found.charged_bytes,
        sample=sample,
    )


def look_at_rest(server: Remembering, contestant: str, workers: int, phase: str) -> MemoryRecord:
    """The same once it does not change any more: some servers give back what only their start has needed a moment after it. Two looks
    _APART_S apart agree within _SAME, or it is the last one before patience ends. Raises EnvironmentFault if restmark-rss fails."""
    end = time.monotonic() + _PATIENCE_S
    before = look(server, contestant, workers, phase)
    while True:
        time.sleep(_APART_S)  # the window over which it is looked at
        now = look(server, contestant, workers, phase)
        if _alike(before, now) or time.monotonic() >= end:
            return now
        before = now


def _alike(one: MemoryRecord, other: MemoryRecord) -> bool:
    a, b = one.totals.pss_kib, other.totals.pss_kib
    return a is None or b is None or abs(a - b) <= _SAME * a


def of_tree(pid: int) -> list[ProcessMemory]:
    """The memory now of a process and all below it, whoever started them. Raises EnvironmentFault if restmark-rss fails."""
    return _processes(_run(str(pid)), set())


def read(pid: int, pids: list[int], port: int) -> MemoryReading:
    """The memory of a server of this machine: its main process, all of them, and where it listens. Raises EnvironmentFault."""
    sockets = memory_roles.listening_sockets(pid, port)
    processes = _processes(_run(",".join(map(str, _roots(pid, pids)))), sockets)
    group = group_memory(pid)
    return MemoryReading(processes, group.charged_bytes if group else None)


def _roots(main: int, pids: list[int]) -> list[int]:
    """The main process; after it those that are not below it any more, as after a double fork."""
    tree = {main}
    parents = {pid: _parent(pid) for pid in pids}
    pending = True
    while pending:
        below = {pid for pid, parent in parents.items() if parent in tree} - tree
        tree |= below
        pending = bool(below)
    return [main, *sorted(pid for pid in parents if pid not in tree)]


def _parent(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(text[text.rindex(")") + 2 :].split()[1])


def _run(pids: str) -> dict[str, Any]:
    argv = [restmark_rss(), "--pid", pids, "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode not in (_ALL_READ, _SOME_READ):
        raise EnvironmentFault(
            f"{' '.join(argv)} failed with exit code {done.returncode}: {done.stderr.strip()}", "run it by hand"
        )
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _processes(document: dict[str, Any], sockets: set[str]) -> list[ProcessMemory]:
    entries = {
        entry["pid"]: entry
        for group in document["groups"]
        for entry in group["processes"]
        if entry["state"] not in ("gone", "zombie")
    }
    roles = memory_roles.roles(
        memory_roles.Process(
            pid=pid,
            parent=entry["ppid"] or 0,
            root=entry["depth"] == 0,
            command=entry["title"] or entry["comm"] or "",
            listens=memory_roles.holds_any(pid, sockets),
        )
        for pid, entry in entries.items()
    )
    return [
        ProcessMemory(
            pid=pid,
            role=roles[pid],
            rss_kib=entry.get("rss_kib"),
            pss_kib=entry.get("pss_kib"),
            uss_kib=entry.get("uss_kib"),
            shared_kib=entry.get("shared_kib"),
            threads=entry.get("threads"),
        )
        for pid, entry in entries.items()
    ]


def _sum(values: list[int | None]) -> int | None:
    """None if one of them could not be read: a sum without it would look like a smaller server."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def group_memory(pid: int) -> GroupMemory | None:
    """The memory of the control group that the rig made for the process; None if it made none that accounts for it."""
    for mount in cgroup.hierarchies("memory", pid):
        if not mount.own.name.startswith("restmark-"):
            continue
        for usage, anonymous in (("memory.current", ("anon", "shmem")), ("memory.usage_in_bytes", ("rss", "shmem"))):
            if (file := mount.own / usage).exists():
                stat = dict(line.split() for line in (mount.own / "memory.stat").read_text().splitlines())
                return GroupMemory(int(file.read_text()), sum(int(stat[name]) for name in anonymous))
    return None


def anonymous_bytes(pids: list[int]) -> int:
    """Anonymous and shared memory of the processes by /proc, each page divided by those that map it, bytes."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, value = line.split(":")
            if name in ("Pss_Anon", "Pss_Shmem"):
                total += int(value.split()[0]) * 1024
    return total
