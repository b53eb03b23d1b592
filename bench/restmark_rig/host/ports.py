"""TCP ports of this machine: free ones, who holds the others, and which of their connections were given up."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil

from ..model.errors import EnvironmentFault

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_CLOSE_WAIT = "08"  # TCP_CLOSE_WAIT of the kernel's include/net/tcp_states.h
_END_OF_INPUT = 1  # the kernel counts the client's FIN as one unread byte


def address(host: str, port: int) -> str:
    """host:port as URLs and most servers write it: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def choose(host: str) -> int:
    """A port of host that nobody listens on. Raises EnvironmentFault."""
    return _bind(host, 0)


def require_free(host: str, port: int) -> None:
    """Raises EnvironmentFault that names the holder if a server is bound to the port already.

    SO_REUSEPORT is not set, because with it a second server of the same user would be let in beside the first
    and both would be measured.
    """
    _bind(host, port)


def _bind(host: str, port: int) -> int:
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections in TIME_WAIT do not count
            probe.bind(place)
            chosen: int = probe.getsockname()[1]
            return chosen
    except socket.gaierror as error:
        raise EnvironmentFault(f"host {host}: {error.strerror}", "name an address of this machine") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise EnvironmentFault(
                f"port {port} on {host} is in use by {holder(port)}",
                "stop that process, or leave --port out and let the rig choose a free one",
            ) from None
        raise EnvironmentFault(f"can not bind {address(host, port)}: {os.strerror(error.errno or 0)}") from None


def listeners(port: int) -> list[int | None]:
    """Pids of the processes that listen on the port; None stands for one that this user may not see."""
    found = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
    }
    return sorted(found, key=lambda pid: pid or 0)


def holder(port: int) -> str:
    """Who listens on the port, in words."""
    names = []
    for pid in listeners(port):
        if pid is None:
            names.append("a process of another user")
            continue
        try:
            names.append(f"{psutil.Process(pid).name()} (pid {pid})")
        except psutil.NoSuchProcess:
            continue
    return ", ".join(names) or "a process that can not be seen from here"


@dataclass(frozen=True)
class Abandoned:
    """Connections to a port that their clients have closed and its server has not. unread: those of which the server
    has yet to read a request."""

    open: int
    unread: int


def abandoned(port: int) -> Abandoned:
    """What clients have left behind at the port: requests that a server works off although nobody waits for an answer."""
    found = unread = 0
    for table in _TABLES:
        with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
            for line in table.read_text().splitlines()[1:]:
                _, local, _, state, queues = line.split()[:5]
                if state == _CLOSE_WAIT and int(local.rpartition(":")[2], 16) == port:
                    found += 1
                    unread += int(queues.rpartition(":")[2], 16) > _END_OF_INPUT
    return Abandoned(found, unread)
