"""TCP sockets of a port in a state, by the kernel's sock_diag(7), which looks at no others; by /proc/net/tcp where it has none.

A load leaves tens of thousands of closed connections in the kernel's tables for a minute. As text they take tens of milliseconds of
system time a look, in which nobody else may change them; who waits for a server's rest looks a hundred times a second.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
_SOCK_DIAG_BY_FAMILY = 20
_NETLINK_SOCK_DIAG = 4
_ERROR, _DONE = 2, 3
_REQUEST, _DUMP = 0x1, 0x300
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_QUERY = struct.Struct("=BBBxI")  # family, protocol, extensions, states
_PORTS = struct.Struct(">HH44x")  # source, destination, addresses, interface, cookie
_FOUND = struct.Struct("=BBBB48xIIIII")  # family, state, timer, retransmissions; expires, receive queue, send queue, user, inode
_ROOM_BYTES = 1 << 16
_NO_SUCH_DIAGNOSIS = {errno.ENOENT, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.EPERM, errno.EACCES, errno.EOPNOTSUPP}


class State(IntEnum):
    """States of the kernel's include/net/tcp_states.h."""

    CLOSE_WAIT = 8
    LISTEN = 10


@dataclass(frozen=True)
class TcpSocket:
    """unread: bytes that have come in and wait, by the kernel's count, in which a FIN is one."""

    inode: int
    unread: int


def find(port: int, state: State) -> list[TcpSocket]:
    """Those of this machine's port `port` (of this network namespace), IPv4 and IPv6. Raises OSError."""
    try:
        return [found for family in (socket.AF_INET, socket.AF_INET6) for found in _asked(family, port, state)]
    except OSError as error:
        if error.errno not in _NO_SUCH_DIAGNOSIS:
            raise
        return list(_read(port, state))


def _asked(family: int, port: int, state: State) -> list[TcpSocket]:
    query = _QUERY.pack(family, socket.IPPROTO_TCP, 0, 1 << state) + _PORTS.pack(port, 0)
    found: list[TcpSocket] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as kernel:
        kernel.send(_HEADER.pack(_HEADER.size + len(query), _SOCK_DIAG_BY_FAMILY, _REQUEST | _DUMP, 1, 0) + query)
        while True:
            answer, at = kernel.recv(_ROOM_BYTES), 0
            while at < len(answer):
                length, kind, *_ = _HEADER.unpack_from(answer, at)
                body = at + _HEADER.size
                if kind == _DONE:
                    return found
                if kind == _ERROR:
                    (number,) = struct.unpack_from("=i", answer, body)
                    raise OSError(-number, os.strerror(-number))
                *_, unread, _send, _user, inode = _FOUND.unpack_from(answer, body)
                found.append(TcpSocket(inode, unread))
                at += (length + 3) & ~3


def _read(port: int, state: State) -> Iterator[TcpSocket]:
    """The same from the tables' text. Only lines of this port and state are taken apart: the port comes first, as a fixed text is found
    many times faster; a peer's port has no address behind it."""
    pattern = re.compile(rb":%04X [0-9A-F]+:[0-9A-F]+ %02X [0-9A-F]+:([0-9A-F]+) \S+ \S+ +\d+ +\d+ (\d+) " % (port, state))
    for table in _TABLES:
        with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
            for match in pattern.finditer(table.read_bytes()):
                yield TcpSocket(int(match[2]), int(match[1], 16))
