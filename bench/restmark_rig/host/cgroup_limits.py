"""Limits of CPU time and memory by control groups, and who was killed by them. Standard library only: supervisor.py uses it.

Version 2's controllers are used where the server's group can have them; on hosts where version 1 holds them (hybrid ones, old ones) a group
of version 1's is made beside the one that accounts.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from pathlib import Path

from . import cgroup
from .cgroup import Cgroup

_PERIOD_US = 100_000
# Less than this the kernel refuses.
_QUOTA_MIN_US = 1_000
# Of each version, and what stands there without a limit. Version 1's of memory is a number that depends on the size of pages.
_LIMITED_BY = {"cpu.max": "max", "memory.max": "max", "cpu.cfs_quota_us": "-1", "memory.limit_in_bytes": str((1 << 63) - os.sysconf("SC_PAGESIZE"))}


def limit(groups: list[Cgroup], name: str, cpus: float | None, memory_bytes: int | None) -> None:
    """Limits what is in these groups of one server, and adds those that it has to make for that. Raises OSError that says what failed."""
    if cpus is not None:
        quota_us = max(_QUOTA_MIN_US, round(cpus * _PERIOD_US))
        group = _with_controller(groups, name, "cpu", "cpu.max", "cpu.cfs_quota_us")
        if group.version == 2:
            _write(group.path / "cpu.max", f"{quota_us} {_PERIOD_US}")
        else:
            _write(group.path / "cpu.cfs_period_us", str(_PERIOD_US))
            _write(group.path / "cpu.cfs_quota_us", str(quota_us))
    if memory_bytes is not None:
        group = _with_controller(groups, name, "memory", "memory.max", "memory.limit_in_bytes")
        # Memory and swap together come second in version 1: they may not be less than memory alone.
        names = ("memory.max", "memory.swap.max") if group.version == 2 else ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
        _write(group.path / names[0], str(memory_bytes))
        if (group.path / names[1]).exists():  # no swap to escape into, where there is an account of it
            _write(group.path / names[1], "0" if group.version == 2 else str(memory_bytes))


def _with_controller(groups: list[Cgroup], name: str, controller: str, file_2: str, file_1: str) -> Cgroup:
    """One of the groups, or a new one, that has the controller. Raises OSError."""
    for group in groups:
        if group.version == 2:
            _enable(group.path.parent, controller)
        if (group.path / (file_2 if group.version == 2 else file_1)).exists():
            return group
    for mount in cgroup.hierarchies(controller):
        if mount.version != 1:
            continue
        group = Cgroup(1, mount.own / name)
        with contextlib.suppress(FileExistsError):
            group.path.mkdir()
        groups.append(group)
        return group
    raise OSError(errno.ENOTSUP, f"no control group here has the controller {controller}")


def _enable(parent: Path, controller: str) -> None:
    """Lets the groups below have the controller, if this one has it and may pass it on."""
    try:
        offered = (parent / "cgroup.controllers").read_text().split()
        passed_on = (parent / "cgroup.subtree_control").read_text().split()
        if controller in offered and controller not in passed_on:
            (parent / "cgroup.subtree_control").write_text(f"+{controller}")
    except OSError:  # not ours to change; whether the group has it is looked at next
        return


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from None


def has_limit(group: Cgroup) -> bool:
    """Whether limit() has put one on this group."""
    return any((group.path / name).exists() and (group.path / name).read_text().split()[:1] != [none] for name, none in _LIMITED_BY.items())


def oom_kills(groups: Sequence[Cgroup]) -> int:
    """How many processes of these groups the kernel has killed because the groups had used up their memory."""
    return sum(_oom_kills_in(group.path) for group in groups)


def _oom_kills_in(folder: Path) -> int:
    for name in ("memory.events", "memory.oom_control"):
        try:
            lines = (folder / name).read_text().splitlines()
        except OSError:
            continue
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
    return 0
