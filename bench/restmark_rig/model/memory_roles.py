"""What each process of a server is. Not all that a server starts serves: Python's resource tracker is no worker."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

SERVER, MASTER, WORKER, HELPER = "server", "master", "worker", "helper"
# What a command line or a process title has in it -> what the process is. They may hold the listening socket, too.
_BY_COMMAND = {
    "multiprocessing.resource_tracker": "resource tracker",
    "multiprocessing.semaphore_tracker": "semaphore tracker",
    "multiprocessing.forkserver": "fork server",
    "nginx: cache manager process": "cache manager",
    "nginx: cache loader process": "cache loader",
}
_LISTENING = "0A"  # a state in /proc/PID/net/tcp


@dataclass(frozen=True)
class Process:
    """One process. root: not started by another one of the server's; listens: whether it holds a listening socket of
    the server's port, None where that can not be read."""

    pid: int
    parent: int
    root: bool
    command: str
    listens: bool | None


def roles(processes: Iterable[Process]) -> dict[int, str]:
    """Pid to role: "server" for one alone, else "master", "worker", or what a process is that does not serve.

    Where workers hold the listening socket, a process without it is a helper. Where only the master does, and hands
    connections on (as Node's cluster), all that it started are workers but for those known by their command.
    """
    by_pid = {process.pid: process for process in processes}
    found = {pid: role for pid, process in by_pid.items() if (role := _by_command(process, by_pid))}
    rest = [process for pid, process in by_pid.items() if pid not in found]
    workers_listen = any(process.listens for process in rest if not process.root)
    for process in rest:
        if process.root:
            found[process.pid] = MASTER
        else:
            found[process.pid] = HELPER if workers_listen and process.listens is False else WORKER
    serving = [pid for pid, role in found.items() if role in (MASTER, WORKER)]
    if len(serving) == 1:
        found[serving[0]] = SERVER
    return found


def counted(names: Iterable[str]) -> str:
    """Roles with their numbers: 1 master, 8 workers."""
    return ", ".join(f"{number} {name}{'' if number == 1 else 's'}" for name, number in Counter(names).items())


def _by_command(process: Process, by_pid: Mapping[int, Process]) -> str:
    """What the command says. What a fork server forks has its command, and is not it."""
    parent = by_pid.get(process.parent)
    for text, role in _BY_COMMAND.items():
        if text in process.command:
            return "" if parent is not None and text in parent.command else role
    return ""


def listening_sockets(pid: int, port: int) -> set[str]:
    """The sockets that listen on the port where the process is, as /proc/PID/fd names them."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found


def holds_any(pid: int, sockets: set[str]) -> bool | None:
    """Whether the process has one of the sockets open; None if it has ended or may not be looked into."""
    folder = Path(f"/proc/{pid}/fd")
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    for name in names:
        try:
            if os.readlink(folder / name) in sockets:
                return True
        except FileNotFoundError:
            continue  # closed in between
        except PermissionError:
            return None
    return False
