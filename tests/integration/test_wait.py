"""Requests that wait while their worker serves others: GET /wait, and the suspension behind it."""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from daemon import Daemon, wait_for
from http_client import Closed, Connection

from processes import is_alive

Start = Callable[..., Daemon]
MANY = 1000


def ask(ms: int, more: str = "") -> bytes:
    return f"GET /wait?ms={ms} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode()


def n_waiting(daemon: Daemon) -> int:
    return sum(w["waiting"] for w in daemon.status()["workers"])


@contextmanager
def waiting(daemon: Daemon, n: int, ms: int) -> Iterator[list[Connection]]:
    """So many clients whose requests are suspended."""
    with ExitStack() as stack:
        clients = [stack.enter_context(Connection((daemon.host, daemon.port), 30)) for _ in range(n)]
        for client in clients:
            client.send(ask(ms))
        wait_for(f"{n} requests wait", lambda: n_waiting(daemon) == n)
        yield clients


@pytest.mark.parametrize(("query", "ms"), [("", 100), ("?ms=0", 0), ("?ms=1", 1), ("?ms=0030", 30)])
def test_the_answer_never_comes_before_its_time(start: Start, query: str, ms: int) -> None:
    daemon = start("server.processes=1", "workloads.wait=yes")
    with Connection((daemon.host, daemon.port)) as connection:
        for method in ("GET", "HEAD", "GET"):
            begun = time.monotonic()
            response = connection.request("/wait" + query, method)
            assert time.monotonic() - begun >= ms / 1000
            assert (response.status, response.headers["content-type"]) == (200, "text/plain; charset=utf-8")
            assert response.body == (b"" if method == "HEAD" else str(ms).encode())
        assert connection.request("/").status == 200
    route = daemon.status()["routes"]["wait"]
    assert (route["requests"], route["aborted"]) == (3, 0)


@pytest.mark.parametrize("query", ["ms=60001", "ms=-1", "ms=", "ms", "ms=1&ms=1", "n=1", "ms=1.0"])
def test_malformed_parameters_get_400(start: Start, query: str) -> None:
    daemon = start("server.processes=1", "workloads.wait=yes")
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/wait?" + query).status == 400
        post = connection.request("/wait", "POST", "Content-Length: 0\r\n")
        assert (post.status, post.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_switched_off_it_is_not_there_and_says_so(start: Start) -> None:
    daemon = start("server.processes=1")
    with Connection((daemon.host, daemon.port)) as connection:
        response = connection.request("/wait?ms=1")
        assert response.status == 404
        assert b"wait = yes" in response.body
        assert connection.request("/").status == 200


def test_others_are_served_meanwhile_and_all_that_wait_are_answered(start: Start) -> None:
    daemon = start("server.processes=1", "workloads.wait=yes")
    with waiting(daemon, MANY, 2000) as clients:
        with Connection((daemon.host, daemon.port)) as other:
            assert all(other.request("/parse-msgpack").body == b"1000" for _ in range(20))
            assert n_waiting(daemon) == MANY  # they would be answered by now if those had waited for them
        assert {(r.status, r.body) for r in (client.read() for client in clients)} == {(200, b"2000")}
        assert all(client.request("/").status == 200 for client in clients)
    status = daemon.status()
    assert (status["routes"]["wait"]["requests"], status["routes"]["wait"]["aborted"]) == (MANY, 0)
    assert n_waiting(daemon) == 0


def test_each_has_its_own_time(start: Start) -> None:
    """In the order of their times, whatever the order in which they came."""
    daemon = start("server.processes=1", "workloads.wait=yes")
    times_ms = [600, 200, 400, 0, 800]
    with ExitStack() as stack:
        clients = {ms: stack.enter_context(Connection((daemon.host, daemon.port))) for ms in times_ms}
        begun = time.monotonic()
        for ms, client in clients.items():
            client.send(ask(ms))
        for ms in sorted(times_ms):
            assert clients[ms].read().body == str(ms).encode()
            assert time.monotonic() - begun >= ms / 1000


def test_a_pipelined_request_is_answered_behind_the_wait(start: Start) -> None:
    daemon = start("server.processes=1", "workloads.wait=yes")
    with Connection((daemon.host, daemon.port)) as connection:
        connection.send(ask(50) + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + ask(1) + ask(0, "Connection: close\r\n"))
        assert [connection.read().body for _ in range(4)] == [b"50", b"Welcome!\n", b"1", b"0"]
        assert connection.at_end()


@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
def test_a_client_that_leaves_ends_its_request(start: Start, how: str) -> None:
    daemon = start("server.processes=1", "workloads.wait=yes", "log.access-log=/dev/stderr")
    with waiting(daemon, 100, 60000) as clients:
        for client in clients[:60]:
            if how == "half-close":
                client.end_sending()
                continue
            if how == "reset":
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        wait_for("the others wait", lambda: n_waiting(daemon) == 40)
        status = wait_for("they are counted", lambda: (s := daemon.status())["routes"]["wait"]["aborted"] == 60 and s)
        assert status["workers"][0]["connections"] == 40
        if how == "half-close":
            assert all(client.at_end() for client in clients[:60])
        log = [line for line in daemon.log().splitlines() if "GET /wait?ms=60000" in line]
        assert len(log) == 60
        with Connection((daemon.host, daemon.port)) as other:
            assert other.request("/").status == 200
    wait_for("nobody is left", lambda: daemon.status()["workers"][0]["connections"] == 0)
    assert daemon.status()["routes"]["wait"]["aborted"] == 100


def test_a_wait_is_no_work_for_harakiri_and_comes_on_top_of_the_timeout(start: Start) -> None:
    daemon = start("server.processes=1", "workloads.wait=yes", "workers.harakiri=200ms", "limits.request-timeout=300ms")
    workers = daemon.workers()
    with Connection((daemon.host, daemon.port)) as connection:
        for _ in range(2):
            assert connection.request("/wait?ms=1000").body == b"1000"
    assert daemon.workers() == workers
    assert daemon.events("harakiri") == []


def test_the_connection_of_one_that_waits_is_not_idle(start: Start) -> None:
    daemon = start("server.processes=1", "workloads.wait=yes", "limits.idle-timeout=200ms", "limits.max-connections=2")
    with waiting(daemon, 2, 1500) as clients, Connection((daemon.host, daemon.port)) as third:
        third.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [client.read().body for client in clients] == [b"1500", b"1500"]
        assert third.read().status == 200  # when one of them has become idle


@pytest.mark.parametrize("how", ["reload", "drain", "upgrade"])
def test_those_that_wait_are_answered_while_their_worker_is_replaced(start: Start, how: str) -> None:
    daemon = start(config="[server]\nprocesses = 1\n[workloads]\nwait = yes\n")
    before = daemon.workers()
    with waiting(daemon, MANY, 3000) as clients:
        asked = threading.Thread(target=daemon.tell, args=(f"{how}{' 0' if how == 'drain' else ''}\n".encode(),))
        asked.start()  # the reply comes when it is done
        assert {(r.status, r.body) for r in (client.read() for client in clients)} == {(200, b"3000")}
    asked.join(20)
    wait_for("the old worker is gone", lambda: not set(before) & set(daemon.workers()))
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/wait?ms=1").body == b"1"


def test_a_stop_lets_them_end_within_its_mercy(start: Start) -> None:
    daemon = start("server.processes=1", "workloads.wait=yes")
    with waiting(daemon, MANY, 1500) as clients:
        os.kill(daemon.pid, signal.SIGTERM)
        answers = [client.read() for client in clients]
        assert {(r.status, r.body, r.closes) for r in answers} == {(200, b"1500", True)}
    assert daemon.process.wait(300) == 0


def test_a_stop_does_not_wait_longer_than_its_mercy(start: Start) -> None:
    daemon = start("server.processes=1", "workloads.wait=yes", "workers.worker-reload-mercy=300ms")
    daemon.expect_failure = True
    with waiting(daemon, 20, 60000) as clients:
        os.kill(daemon.pid, signal.SIGTERM)
        for client in clients:
            with pytest.raises((Closed, ConnectionResetError)):
                client.read()
    daemon.process.wait(300)


def test_a_worker_whose_master_dies_ends_them_in_order(start: Start) -> None:
    """The library must not be stopped with requests that wait; it would abort the process."""
    daemon = start("server.processes=1", "workloads.wait=yes", "workers.worker-reload-mercy=10min")
    (worker,) = daemon.workers()
    daemon.expect_failure = True
    with waiting(daemon, 20, 60000) as clients:
        os.kill(daemon.pid, signal.SIGKILL)
        for client in clients:
            with pytest.raises((Closed, ConnectionResetError)):
                client.read()
    wait_for("the worker is gone", lambda: not is_alive(worker))
    daemon.wait_exit()  # the kernel ends its children before it says that it is gone
