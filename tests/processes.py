"""What /proc says of processes that may end, and of descriptors that may be closed, while it is read: then they are left out."""

from __future__ import annotations

import os
from pathlib import Path

# Of an open that came too late, and of a read of what was opened in time.
GONE = (FileNotFoundError, ProcessLookupError)


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third, the state, on; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except GONE:
        return []


def state(pid: int) -> str:
    """R, S, T, Z …; empty if there is no such process."""
    return next(iter(stat_fields(pid)), "")


def is_alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    return state(pid) not in ("", "Z", "X")


def is_stopped(pid: int) -> bool:
    """By a signal."""
    return state(pid) == "T"


def name(pid: int) -> str:
    """As /proc/PID/comm has it; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().removesuffix("\n")
    except GONE:
        return ""


def children(pid: int) -> list[int]:
    """Zombies too."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except GONE:
        return []


def open_files(pid: int) -> dict[int, str]:
    """What the process's descriptors lead to: paths, or "socket:[INODE]" and the like. Raises OSError if it has ended."""
    found = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
        except GONE:
            continue  # closed since
    return found


def sockets(pid: int) -> set[str]:
    """Inodes of the sockets that the process holds."""
    return {target[8:-1] for target in open_files(pid).values() if target.startswith("socket:[")}
