"""Answers on their way survive the end of their connection, whatever the client still sends, at whatever moment."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from admin_client import address as admin_address
from daemon import Daemon, wait_for
from http_client import Connection

Start = Callable[..., Daemon]
LONG = b"GET /transfer-data HTTP/1.1\r\nHost: x\r\n\r\n"
SHORT = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LONG_BYTES = 133622


def narrow(daemon: Daemon, receive_bytes: int = 4096) -> Connection:
    """A connection on which a long answer stays on its way until somebody reads it."""
    connection = Connection.__new__(Connection)
    connection.buffer = b""
    connection.socket = socket.socket()
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.socket.settimeout(10)
    connection.socket.connect((daemon.host, daemon.port))
    return connection


class NothingOnItsWay(AssertionError):
    """The client has read all before the server had come to what was waited for."""


def read_until(connection: Connection, what: str, condition: Callable[[], bool]) -> None:
    """Reads bit by bit until the server has handed the kernel all that it has to say."""
    while not condition():
        data = connection.socket.recv(2048)
        assert data, f"{what}: it never came to that"
        connection.buffer += data
        if len(connection.buffer) >= LONG_BYTES:
            raise NothingOnItsWay(what)


def connections(daemon: Daemon) -> int:
    return sum(int(w["connections"]) for w in daemon.status()["workers"])


def requests(daemon: Daemon, route: str) -> int:
    return int(daemon.status()["routes"][route]["requests"])


def test_what_comes_after_the_close_of_a_stop_takes_no_answer_away(start: Start) -> None:
    """The worker has said "Connection: close" and closed; only then the client's next request arrives. A worker that others leave no CPU may close when
    all is read; then it is tried again."""
    for _ in range(9):
        with suppress(NothingOnItsWay):
            return ask_after_the_close_of_a_stop(start("server.processes=1"))
    return ask_after_the_close_of_a_stop(start("server.processes=1"))


def ask_after_the_close_of_a_stop(daemon: Daemon) -> None:
    with narrow(daemon) as connection:
        assert connection.request("/").status == 200
        daemon.begin_stop()
        connection.send(LONG)
        read_until(connection, "the worker has closed", lambda: connections(daemon) == 0)
        connection.send(SHORT * 10)
        response = connection.read()
        assert (len(response.body), response.closes) == (LONG_BYTES, True)
        assert connection.socket.recv(1) == b""
    assert daemon.wait_exit() == 0


def test_a_client_that_does_not_end_holds_a_stop_for_a_moment_only(start: Start) -> None:
    daemon = start("server.processes=1", "workers.worker-reload-mercy=10min")
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200
        daemon.begin_stop()
        wait_for("the last answer says that it is", lambda: connection.request("/").closes)  # the worker hears of the stop behind the log
        assert daemon.wait_exit() == 0


@pytest.mark.parametrize("end", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"], ids=["refused", "silent"])
def test_what_comes_after_a_refusal_takes_no_answer_away(start: Start, end: bytes) -> None:
    """The refusal stands behind an answer that the client has not read."""
    daemon = start("server.processes=1")
    with narrow(daemon) as connection:
        connection.send(LONG + end)
        read_until(connection, "all is answered", lambda: requests(daemon, "transfer-data" if end[0] == 0x16 else "other") == 1)
        for _ in range(3):
            connection.send(SHORT * 100)
        assert len(connection.read().body) == LONG_BYTES
        if end[0] != 0x16:
            response = connection.read()
            assert (response.status, response.closes) == (400, True)
        assert connection.socket.recv(1) == b""
    wait_for("it is gone", lambda: connections(daemon) == 0)
    closes = daemon.status()["closes"]
    assert {why: n for why, n in closes.items() if n} == ({"tls": 1} if end[0] == 0x16 else {})


def test_a_client_that_does_not_end_after_a_refusal_is_closed(start: Start) -> None:
    """… though it goes on sending."""
    daemon = start("server.processes=1", "limits.idle-timeout=10min", "limits.request-timeout=10min")
    with Connection((daemon.host, daemon.port)) as connection:
        connection.send(SHORT + b"GET /\r\n")
        assert connection.read().status == 200
        assert connection.read().status == 400
        end = time.monotonic() + 15
        while connections(daemon) > 0:
            assert time.monotonic() < end
            try:
                connection.send(SHORT)
            except OSError:
                pass
            time.sleep(0.05)
    assert {why: n for why, n in daemon.status()["closes"].items() if n} == {}


def test_an_answer_on_its_way_is_no_idleness(start: Start) -> None:
    daemon = start("server.processes=1", "limits.idle-timeout=300ms")
    with narrow(daemon) as connection:
        connection.send(LONG)
        read_until(connection, "all is sent", lambda: requests(daemon, "transfer-data") == 1)
        time.sleep(1)  # the quiet itself is the condition: more than the timeout
        connection.send(SHORT)
        assert len(connection.read().body) == LONG_BYTES
        assert connection.read().status == 200
        assert connection.at_end()


def test_many_that_linger_are_served_at_little_cost(start: Start) -> None:
    """At the end of a worker with many clients each of them lingers."""
    daemon = start("server.processes=1")
    clients = [narrow(daemon) for _ in range(200)]
    for client in clients:
        assert client.request("/").status == 200
    daemon.begin_stop()
    for client in clients:
        client.send(SHORT)
    wait_for("all are closed", lambda: connections(daemon) == 0)
    for client in clients:
        client.send(SHORT)
    for client in clients:
        assert client.read().closes
        assert client.socket.recv(1) == b"", "a reset would raise"
        client.close()
    assert daemon.wait_exit() == 0


def test_the_admin_endpoint_lingers_too(start: Start) -> None:
    daemon = start("server.processes=1", "admin.listen=127.0.0.1:0")
    for _ in range(20):
        with Connection(admin_address(daemon)) as connection:
            connection.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" + SHORT * 1000)
            assert connection.read().status == 200
            assert connection.socket.recv(1) == b"", "a reset would raise"
