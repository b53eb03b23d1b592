"""What the kernel says of the connections that a process holds."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path


def _socket_inodes(pid: int) -> set[str]:
    folder = Path(f"/proc/{pid}/fd")
    targets = []
    for name in os.listdir(folder):
        try:
            targets.append(os.readlink(folder / name))
        except FileNotFoundError:
            continue  # closed since
    return {target[8:-1] for target in targets if target.startswith("socket:[")}


# Those that a process may hold. /proc/net/tcp would take a tenth of a second for the thousands in TIME-WAIT.
HELD_STATES = ("established", "close-wait", "fin-wait-1", "fin-wait-2", "last-ack", "closing")


def _sockets_of(pid: int, *selection: str) -> list[list[str]]:
    """The lines of `ss` about the process's sockets."""
    inodes = _socket_inodes(pid)
    out = subprocess.run(["ss", "-Htne", *selection], capture_output=True, text=True, check=True).stdout
    lines = [line for line in out.splitlines() if (found := re.search(r" ino:(\d+) ", line)) and found[1] in inodes]
    return [line.split() for line in lines]


def accepted_ports(pid: int) -> set[int]:
    """The clients' ports of all connections that the process has accepted and holds."""
    states = [word for state in HELD_STATES for word in ("state", state)]
    return {int(row[4].rsplit(":", 1)[1]) for row in _sockets_of(pid, *states)}


def queued(pid: int) -> int:
    """Connections that wait in the queues of the process's listening sockets."""
    return sum(int(row[0]) for row in _sockets_of(pid, "state", "listening"))
