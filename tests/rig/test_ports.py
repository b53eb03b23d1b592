"""Who holds a port, and what clients have left behind at it, beside many closed connections."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys

import psutil
import pytest
from restmark_rig.host import ports, tcp_sockets

from .helpers import wait_until


@pytest.fixture(autouse=True, params=["sock_diag", "tables"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the kernel is asked: the second where it does not know the first."""
    if request.param == "tables":

        def refuse(*_: object) -> list[tcp_sockets.TcpSocket]:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))

        monkeypatch.setattr(tcp_sockets, "_asked", refuse)
    else:
        monkeypatch.setattr(tcp_sockets, "_TABLES", ())


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_every_process_that_listens_is_found(family: socket.AddressFamily, host: str) -> None:
    if family is socket.AF_INET6 and not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("a kernel without IPv6")
    with socket.create_server((host, 0), family=family) as server:
        port = server.getsockname()[1]
        assert ports.listeners(port) == [os.getpid()]
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=[server.fileno()])
        try:
            assert wait_until(lambda: ports.listeners(port) == sorted([os.getpid(), child.pid]))
            assert f"(pid {child.pid})" in ports.holder(port)
        finally:
            child.communicate()
    assert ports.listeners(port) == []


def test_closed_connections_of_the_port_are_no_listeners_and_are_not_taken_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", port)):
                accepted, _ = server.accept()
                accepted.close()  # first: this side's port stays in TIME_WAIT
    states = {one.status for one in psutil.net_connections("tcp") if one.laddr and one.laddr[1] == port}
    assert states == {psutil.CONN_TIME_WAIT}
    assert ports.listeners(port) == []
    assert ports.abandoned(port) == ports.Abandoned(0, 0)


def test_what_a_client_left_behind_is_counted_with_what_is_unread() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        accepted = []
        for text in (b"GET / HTTP/1.1\r\n\r\n", b""):
            with socket.create_connection(("127.0.0.1", port)) as client:
                accepted.append(server.accept()[0])
                client.sendall(text)
        assert wait_until(lambda: ports.abandoned(port).open == 2)
        assert ports.abandoned(port) == ports.Abandoned(2, 1)
        for connection in accepted:
            connection.close()
    assert wait_until(lambda: ports.abandoned(port).open == 0)
