"""Limits that bound what a client can hold: time and number of connections."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from daemon import Daemon, wait_for
from http_client import Closed, Connection

from processes import is_stopped

Start = Callable[..., Daemon]
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
IDLE_S = 2
LOST = (Closed, ConnectionResetError, BrokenPipeError)


def seconds_until_end(connection: Connection) -> float:
    start = time.monotonic()
    assert connection.at_end()
    return time.monotonic() - start


@contextmanager
def stopped(worker: int) -> Iterator[None]:
    os.kill(worker, signal.SIGSTOP)
    try:
        wait_for("it is stopped", lambda: is_stopped(worker))
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def test_an_idle_connection_is_closed(start: Start) -> None:
    daemon = start("server.processes=1", "limits.idle-timeout=300ms", "limits.request-timeout=10min")
    with Connection((daemon.host, daemon.port)) as fresh, Connection((daemon.host, daemon.port)) as kept:
        assert kept.request("/").status == 200
        assert 0.25 < seconds_until_end(kept) < 5
        assert fresh.at_end()
        wait_for("both are gone", lambda: daemon.status()["workers"][0]["connections"] == 0)
    routes = daemon.status()["routes"]
    assert (routes["welcome"]["aborted"], routes["other"]["requests"]) == (0, 0)


def test_a_connection_after_a_quiet_time_is_not_born_old(start: Start) -> None:
    daemon = start("server.processes=1", "limits.idle-timeout=700ms")
    time.sleep(1.5)  # the quiet time itself is the condition: the worker's clock must not stand still in it
    with Connection((daemon.host, daemon.port)) as connection:
        time.sleep(0.2)
        assert connection.request("/").status == 200


def test_the_idle_time_begins_with_the_answer(start: Start) -> None:
    """… not with the turn of the loop that it was made in, in which the worker was at others' work for a while.

    Right for a turn of any length: what counts is when each answer came. Where this test itself gets a CPU too late to tell, it tries
    again; a connection that was closed too early fails it at once."""
    daemon = start("server.processes=1", f"limits.idle-timeout={IDLE_S}s")
    for _ in range(20):
        if kept_after_a_long_turn(daemon):
            return
    raise AssertionError("each time this test got a CPU too late to tell")


def kept_after_a_long_turn(daemon: Daemon) -> int:
    """How many were kept of the connections that are answered in one long turn, asked again after the timeout as it would be if it began
    with the turn, and before the end of the one that begins with the last answer. One that is closed too early is an error."""
    (worker,) = daemon.workers()
    connections = [Connection((daemon.host, daemon.port), 60) for _ in range(16)]
    try:
        for connection in connections:
            assert connection.request("/").status == 200
        with stopped(worker):  # so that it finds all of them at once, in whatever order
            for connection in connections:
                connection.send(b"GET /million-loop?n=100000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        after, first, last = read_all(connections)
    except LOST:  # one had been idle for too long by then
        return 0
    time.sleep(max(0, max(last + IDLE_S / 4, IDLE_S + (first + last) / 2) - time.monotonic()))
    kept = 0
    for connection in connections:
        try:
            assert connection.request("/").status == 200
            kept += 1
        except LOST:
            passed = time.monotonic() - after[connection]
            assert passed >= IDLE_S, f"closed at most {passed:.3f} s after its answer"
        connection.close()
    return kept


def read_all(connections: list[Connection]) -> tuple[dict[Connection, float], float, float]:
    """Reads one answer of each. Returns a time after which each came, by when the first had come, and by when the last."""
    waiting = {connection.socket: connection for connection in connections}
    after: dict[Connection, float] = {}
    first, looked = 0.0, time.monotonic()
    while waiting:
        before, looked = looked, time.monotonic()
        came, _, _ = select.select(list(waiting), [], [], 0.01)
        if came and not after:
            first = time.monotonic()
        for ready in came:
            connection = waiting.pop(ready)
            assert connection.read().status == 200
            after[connection] = before  # it was not there yet in the look before
    return after, first, time.monotonic()


@pytest.mark.parametrize("where", ["request line", "fields", "body", "chunk"])
def test_a_dripping_request_is_cut(start: Start, where: str) -> None:
    """Each byte resets an inactivity timer; the deadline of the whole request does not care."""
    daemon = start("server.processes=1", "limits.idle-timeout=400ms", "limits.request-timeout=400ms")
    prefix = {
        "request line": b"GET /",
        "fields": HEAD + b"X-Long: ",
        "body": HEAD + b"Content-Length: 60000\r\n\r\n",
        "chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nff0\r\n",
    }[where]
    with Connection((daemon.host, daemon.port)) as connection:
        connection.send(prefix)
        connection.socket.settimeout(0.05)
        begin = time.monotonic()
        ended = False
        while not ended:
            assert time.monotonic() - begin < 5, "it drips for ever"
            try:
                connection.send(b"x")
                ended = connection.socket.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                ended = True
        assert time.monotonic() - begin > 0.35
    wait_for("it is gone", lambda: daemon.status()["workers"][0]["connections"] == 0)


def test_a_client_that_does_not_read_is_cut(start: Start) -> None:
    daemon = start("server.processes=1", "workloads.records=200000", "limits.request-timeout=500ms")
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((daemon.host, daemon.port))
        slow.sendall(b"GET /transfer-data HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for("it is cut", lambda: daemon.status()["routes"]["transfer-data"]["aborted"] == 1)
    assert daemon.status()["routes"]["transfer-data"]["body_bytes"] == 0


def test_a_client_that_goes_away_is_forgotten(start: Start) -> None:
    daemon = start("server.processes=1", "workloads.records=200000")
    with Connection((daemon.host, daemon.port)) as connection:
        connection.send(b"GET /transfer-data HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.socket.recv(10)
    wait_for("aborted", lambda: daemon.status()["routes"]["transfer-data"]["aborted"] == 1)
    assert daemon.status()["workers"][0]["connections"] == 0


@pytest.mark.parametrize(
    ("sent", "answers"),
    [(HEAD[:10], 0), (HEAD, 0), (HEAD + b"\r\n", 1), ((HEAD + b"\r\n") * 3, 3), (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n12", 0)],
    ids=["part of a line", "part of a head", "a request", "three requests", "part of a body"],
)
def test_a_client_that_ends_its_side_with_its_last_bytes(start: Start, sent: bytes, answers: int) -> None:
    daemon = start("server.processes=1", "limits.idle-timeout=10min", "limits.request-timeout=10min")
    (worker,) = daemon.workers()
    with Connection((daemon.host, daemon.port), 30) as connection:
        assert connection.request("/").status == 200
        with stopped(worker):  # so that both are there when it looks
            connection.send(sent)
            connection.end_sending()
        for _ in range(answers):
            assert connection.read().body == b"Welcome!\n"
        assert connection.at_end()
        wait_for("it is forgotten", lambda: daemon.status()["workers"][0]["connections"] == 0)
    assert daemon.status()["routes"]["welcome"]["requests"] >= 1 + answers


def test_a_client_that_ends_its_side_and_reads_slowly(start: Start) -> None:
    daemon = start("server.processes=1", "workloads.records=200000", "limits.idle-timeout=10min", "limits.request-timeout=10min")
    with Connection((daemon.host, daemon.port), 30) as slow:
        slow.send(b"GET /transfer-data HTTP/1.1\r\nHost: x\r\n\r\n" + HEAD + b"\r\n")
        slow.end_sending()
        time.sleep(3.5)  # longer than it takes to let go of a client that has nothing to wait for
        whole = slow.read()
        assert (whole.status, len(whole.body)) == (200, int(whole.headers["content-length"]))
        assert len(whole.body) > 20_000_000  # more than the kernel keeps for a client that does not read
        assert slow.read().body == b"Welcome!\n"
        assert slow.at_end()


def test_connections_over_the_limit_wait_and_are_served_later(start: Start) -> None:
    daemon = start("server.processes=1", "limits.max-connections=4")
    connections = [Connection((daemon.host, daemon.port)) for _ in range(10)]
    for connection in connections[:4]:
        connection.send(HEAD)  # a part of a request holds its place
    wait_for("four are in", lambda: daemon.status()["workers"][0]["connections"] == 4)
    # The last request of each: one that is answered and not yet closed by this test would give way to those that wait.
    end = b"Connection: close\r\n\r\n"
    for connection in connections[4:]:
        connection.send(HEAD + end)
    connections[9].socket.settimeout(1.5)
    with pytest.raises(TimeoutError):
        connections[9].read()
    connections[9].socket.settimeout(10)
    for connection in connections[:4]:
        connection.send(end)
        assert connection.read().status == 200
        connection.close()
    for connection in connections[4:]:
        assert connection.read().status == 200
        connection.close()
    assert daemon.status()["closes"]["evicted"] == 0


def test_idle_connections_give_way_to_those_that_wait(start: Start) -> None:
    """Eight idle clients must not lock everybody out; who has been idle longest goes first."""
    daemon = start("server.processes=1", "limits.max-connections=8", "limits.idle-timeout=10min")
    idle = [Connection((daemon.host, daemon.port)) for _ in range(8)]
    for connection in idle:
        assert connection.request("/").status == 200
        time.sleep(0.02)  # so that there is a longest
    begin = time.monotonic()
    late = [Connection((daemon.host, daemon.port)) for _ in range(2)]
    for connection in late:
        assert connection.request("/").status == 200
    assert time.monotonic() - begin < 60  # of the ten minutes
    assert [connection.at_end() for connection in idle[:2]] == [True, True]
    for connection in (*idle[2:], *late):
        assert connection.request("/").status == 200
        connection.close()
    assert daemon.status()["closes"]["evicted"] == 2


def test_room_is_found_as_soon_as_a_connection_is_idle(start: Start) -> None:
    """No event tells of that: each new client finds the others served just now."""
    daemon = start("server.processes=1", "limits.max-connections=1", "limits.idle-timeout=10min")
    took_s: list[float] = []
    while not took_s or (min(took_s) >= 10 and len(took_s) < 5):  # a look a second takes twenty each time, a busy machine now and then
        evicted, begin = daemon.status()["closes"]["evicted"], time.monotonic()
        late = [Connection((daemon.host, daemon.port)) for _ in range(20)]
        for connection in late:
            assert connection.request("/").status == 200
        took_s.append(time.monotonic() - begin)
        assert daemon.status()["closes"]["evicted"] - evicted in (19, 20)
        for connection in late:
            connection.close()
    assert min(took_s) < 10, took_s


def test_more_connections_than_files_is_an_error_at_start(start: Start) -> None:
    import resource

    from daemon import run

    def few_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))

    options = ["-o", "server.listen=127.0.0.1:0", "-o", "admin.control=none", "-o", "limits.max-connections=1000"]
    for arguments in (options, ["-t", *options]):
        result = run(*arguments, preexec_fn=few_files)
        assert result.returncode == 71
        assert "[limits] max-connections" in result.stderr
        assert "hard limit is 300" in result.stderr


def test_many_connections_at_once(start: Start) -> None:
    daemon = start("server.processes=2")
    connections = [Connection((daemon.host, daemon.port)) for _ in range(400)]
    for _ in range(3):
        for connection in connections:
            connection.send(b"GET /encode-json HTTP/1.1\r\nHost: x\r\n\r\n")
        for connection in connections:
            assert connection.read().body == b"133622"
    status = daemon.status()
    assert sum(w["connections"] for w in status["workers"]) == 400
    assert all(w["accepted"] > 100 for w in status["workers"]), "the kernel spreads connections over the listeners"
    for connection in connections:
        connection.close()
    wait_for("all gone", lambda: sum(w["connections"] for w in daemon.status()["workers"]) == 0)
