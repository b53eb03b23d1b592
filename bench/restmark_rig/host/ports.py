"""TCP ports of this machine: free ones, who holds the others, and which of their connections were given up."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from dataclasses import dataclass

from ..model.errors import EnvironmentFault
from . import proctree, tcp_sockets
from .tcp_sockets import State

_END_OF_INPUT = 1  # the kernel counts the client's FIN as one unread byte


def address(host: str, port: int | str) -> str:
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
    unseen = {one.inode for one in tcp_sockets.find(port, State.LISTEN)}
    found: list[int] = []
    wanted = {f"socket:[{inode}]": inode for inode in unseen}
    for pid in proctree.all_pids() if wanted else []:
        held = wanted.keys() & _open_files(pid)
        unseen -= {wanted[name] for name in held}
        found += [pid] if held else []
    return [*([None] if unseen else []), *sorted(found)]


def _open_files(pid: int) -> set[str]:
    """What the descriptors of a process stand for; none, if it has ended or belongs to another user."""
    names = set()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                names.add(os.readlink(entry.path))
    return names


def holder(port: int) -> str:
    """Who listens on the port, in words."""
    names = []
    for pid in listeners(port):
        if pid is None:
            names.append("a process of another user")
            continue
        if not proctree.is_zombie(pid):
            names.append(f"{proctree.command_name(pid)} (pid {pid})")
    return ", ".join(names) or "a process that can not be seen from here"


@dataclass(frozen=True)
class Abandoned:
    """Connections to a port that their clients have closed and its server has not. unread: those of which the server
    has yet to read a request."""

    open: int
    unread: int


def abandoned(port: int) -> Abandoned:
    """What clients have left behind at the port: requests that a server works off although nobody waits for an answer."""
    left = [one.unread > _END_OF_INPUT for one in tcp_sockets.find(port, State.CLOSE_WAIT)]
    return Abandoned(len(left), sum(left))
