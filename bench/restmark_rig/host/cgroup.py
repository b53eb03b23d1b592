"""Control groups, one for each started server: exact CPU accounting, and nothing escapes from it.

Version 2 is used where there is one (also beside version 1, as on hybrid hosts), else version 1's cpuacct. Where
neither can be made the caller falls back to a process tree and says so.
Standard library only: supervisor.py uses it.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_KILL_DEADLINE_S = 5.0
# What stands in a group's file when it limits nothing: version 2's, then those of version 1 that may stand beside cpuacct.
_UNLIMITED = {
    "cpu.max": "max",
    "cpu.weight": "100",
    "cpuset.cpus": "",
    "cpuset.mems": "",
    "memory.max": "max",
    "memory.high": "max",
    "cpu.cfs_quota_us": "-1",
    "cpu.shares": "1024",
}


@dataclass(frozen=True)
class Mount:
    """A mounted cgroup hierarchy and this process's own group in it."""

    version: int
    root: Path
    own: Path

    def groups(self) -> list[Path]:
        """The own group and all above it, up to the top of the hierarchy as far as it can be seen."""
        return [group for group in (self.own, *self.own.parents) if group.is_relative_to(self.root)]

    def parents(self) -> list[Path]:
        """Where a server's group may be made, so that what limits the rig, and with it the client, limits the server, too.

        The highest group comes first, since there most controllers are at hand, and the own one last. None is above a group
        that limits what is in it.
        """
        allowed = []
        for group in self.groups():
            allowed.append(group)
            if _limits(group):
                break
        return allowed[::-1]


def _limits(group: Path) -> bool:
    """Whether the group has a quota, CPUs, memory or a weight of its own."""
    for name, unlimited in _UNLIMITED.items():
        try:
            text = (group / name).read_text().split()
        except OSError:
            continue
        if text[:1] not in ([], [unlimited]):
            return True
    return False


@dataclass(frozen=True)
class Cgroup:
    """A control group made by the rig; path is its directory."""

    version: int
    path: Path

    caveat = ""

    @property
    def kind(self) -> str:
        """For messages."""
        return f"cgroup v{self.version}"

    @property
    def procs_file(self) -> Path:
        """A process joins the group by writing "0" into this file."""
        return self.path / "cgroup.procs"

    def pids(self) -> list[int]:
        """The live processes, also those in groups that the server made below this one."""
        found: list[int] = []
        for folder, _, _ in os.walk(self.path):
            with contextlib.suppress(FileNotFoundError):
                found += [int(line) for line in (Path(folder) / "cgroup.procs").read_text().split()]
        return found

    def cpu_ns(self) -> int:
        """CPU time used so far, nanoseconds; processes that have ended are included."""
        if self.version == 1:
            return int((self.path / "cpuacct.usage").read_text())
        for line in (self.path / "cpu.stat").read_text().splitlines():
            name, value = line.split()
            if name == "usage_usec":
                return int(value) * 1000
        raise OSError(f"{self.path}/cpu.stat has no usage_usec")

    def kill(self) -> None:
        """Kills all processes in the group, also those forked meanwhile. Raises TimeoutError if some do not die."""
        deadline = time.monotonic() + _KILL_DEADLINE_S
        with contextlib.suppress(OSError):  # cgroup.kill came with Linux 5.14; without it the loop does the work
            (self.path / "cgroup.kill").write_text("1")
        while pids := self.pids():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.path}: processes {pids} do not die")
            _let_them_die()

    def remove(self) -> None:
        """Removes the (empty) group and those below it. A group that is gone already is fine. Raises OSError."""
        deadline = time.monotonic() + _KILL_DEADLINE_S
        while True:
            try:
                for folder, _, _ in os.walk(self.path, topdown=False):
                    os.rmdir(folder)
                return
            except FileNotFoundError:
                continue
            except OSError:  # EBUSY until the kernel has buried the last process
                if time.monotonic() > deadline:
                    raise
                _let_them_die()


def _let_them_die() -> None:
    """One turn of a polling loop with a deadline: the kernel offers no event for the end of foreign processes."""
    time.sleep(0.01)


def mounts() -> list[Mount]:
    """The cgroup hierarchies usable for accounting, best first: version 2, then version 1's cpuacct."""
    return hierarchies("cpuacct")


def hierarchies(controller: str, pid: int | str = "self") -> list[Mount]:
    """Version 2's hierarchy and the one that has version 1's controller, best first; own is the group of pid.

    Raises FileNotFoundError or ProcessLookupError if there is no such process.
    """
    own = parse_groups(_read(f"/proc/{pid}/cgroup"))
    found = []
    for mounted in parse_mountinfo(_read("/proc/self/mountinfo")):
        if mounted.kind == "cgroup2":
            version, group = 2, own.get("", "/")
        elif mounted.kind == "cgroup" and controller in mounted.options:
            version, group = 1, own.get(controller, "/")
        else:
            continue
        found.append(Mount(version, Path(mounted.point), _own_path(mounted.point, mounted.root, group)))
    return sorted(found, key=lambda mount: -mount.version)


def _read(path: str) -> str:
    """A file of /proc: the names in it may be of any bytes."""
    return Path(path).read_text(encoding="utf-8", errors="surrogateescape")


def parse_groups(text: str) -> dict[str, str]:
    """/proc/PID/cgroup: the group for each controller of version 1, and "" for version 2. Lines that are none are passed over."""
    groups: dict[str, str] = {}
    for line in text.split("\n"):
        parts = line.split(":", 2)
        if len(parts) == 3:
            groups.update(dict.fromkeys(parts[1].split(","), _unescape(parts[2])))
    return groups


@dataclass(frozen=True)
class Mounted:
    """A line of /proc/PID/mountinfo: the folder of the file system that is shown at point, and the superblock's options."""

    kind: str
    root: str
    point: str
    options: tuple[str, ...]


def parse_mountinfo(text: str) -> list[Mounted]:
    """/proc/PID/mountinfo, see proc_pid_mountinfo(5). Fields may be empty (a source is what its mounter wrote); lines that are none are passed over."""
    found = []
    for line in text.split("\n"):
        fields, separator, tail = line.partition(" - ")
        before, behind = fields.split(" "), tail.split(" ")
        if separator and len(before) >= 6 and len(behind) >= 2:
            options = tuple(behind[-1].split(",")) if len(behind) > 2 else ()
            found.append(Mounted(behind[0], _unescape(before[3]), _unescape(before[4]), options))
    return found


def _unescape(text: str) -> str:
    r"""A blank, tab, line end and backslash stand there as \040 and so on."""
    return re.sub(r"\\([0-3][0-7]{2})", lambda match: os.fsdecode(bytes([int(match[1], 8)])), text)


def _own_path(mount_point: str, mount_root: str, group: str) -> Path:
    """Directory of group below a mount that shows the hierarchy from mount_root on."""
    return Path(mount_point) / os.path.relpath(group, mount_root if group.startswith(mount_root) else "/")


def create(name: str, versions: tuple[int, ...] = (2, 1)) -> Cgroup | None:
    """Makes a group of that name, or returns None where this user may not (on hosts with a delegated group he may).

    Where: see Mount.parents().
    """
    for mount in mounts():
        if mount.version not in versions:
            continue
        for parent in mount.parents():
            group = Cgroup(mount.version, parent / name)
            try:
                group.path.mkdir()
            except OSError:
                continue
            if _usable(group):
                return group
            group.remove()
    return None


def create_for_memory(name: str) -> Cgroup | None:
    """Makes a group of version 1's memory hierarchy, where there is one, below the rig's own; None if it may not.

    Version 2 needs none: its groups account for memory if the controller is on.
    """
    for mount in hierarchies("memory"):
        if mount.version == 1:
            group = Cgroup(1, mount.own / name)
            try:
                group.path.mkdir()
            except OSError:
                return None
            return group
    return None


def _usable(group: Cgroup) -> bool:
    """Whether it accounts for CPU and a process may join it."""
    try:
        group.cpu_ns()
    except OSError:
        return False
    return os.access(group.procs_file, os.W_OK)
