"""What the kernel says of the connections that a process holds."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator

from processes import sockets

# Those that a process may hold. /proc/net/tcp would take a tenth of a second for the thousands in TIME-WAIT.
HELD_STATES = ("established", "close-wait", "fin-wait-1", "fin-wait-2", "last-ack", "closing")


HELD = tuple(word for state in HELD_STATES for word in ("state", state))


def _sockets(*selection: str) -> Iterator[tuple[str, list[str]]]:
    """Inode and words of each of the lines of `ss`. What waits in a queue, or was closed, has no inode."""
    out = subprocess.run(["ss", "-Htne", *selection], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        found = re.search(r" ino:([1-9]\d*) ", line)
        if found:
            yield found[1], line.split()


def _sockets_of(pid: int, *selection: str) -> list[list[str]]:
    """The words of the lines of `ss` about the process's sockets."""
    inodes = sockets(pid)
    return [words for inode, words in _sockets(*selection) if inode in inodes]


def _peers(rows: Iterable[list[str]]) -> set[int]:
    return {int(row[4].rsplit(":", 1)[1]) for row in rows}


def accepted_ports(pid: int) -> set[int]:
    """The clients' ports of all connections that the process has accepted and holds."""
    return _peers(_sockets_of(pid, *HELD))


def passed_ports(pids: Iterable[int], port: int) -> set[int]:
    """The clients' ports of connections to this port that were accepted, and that none of the processes holds: they are on their
    way from one to another, and end with who was to have them."""
    inodes = set().union(*(sockets(pid) for pid in pids))
    return _peers(words for inode, words in _sockets(*HELD, "sport", "=", f":{port}") if inode not in inodes)


def lost_with(victim: int, family: Iterable[int], port: int) -> set[int]:
    """The clients' ports of what a worker takes along when it is killed: what it holds, and what may be on its way to it from others.
    family: the master and all workers; port: that they listen on."""
    return accepted_ports(victim) | passed_ports(family, port)


def listeners(port: int) -> int:
    """Listening sockets of a port, as the kernel counts them."""
    return sum(1 for _ in _sockets("state", "listening", "sport", "=", f":{port}"))


def queued(pid: int) -> int:
    """Connections that wait in the queues of the process's listening sockets."""
    return sum(int(row[0]) for row in _sockets_of(pid, "state", "listening"))
