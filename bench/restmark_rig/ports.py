"""TCP ports on the loopback interface: free ones, and who holds the others."""

from __future__ import annotations

import errno
import os
import socket

import psutil

from .errors import EnvironmentFault


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
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections in TIME_WAIT do not count
            probe.bind(address)
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
        raise EnvironmentFault(f"can not bind {host}:{port}: {os.strerror(error.errno or 0)}") from None


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
