"""What is answered without the library: the same answer, the same counts and the same ends as by it."""

from __future__ import annotations

import re
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from admin_client import samples
from daemon import Daemon, wait_for
from http_client import Closed, Connection
from strace import traced, under_strace
from zero_copy_support import LARGE_BYTES, start_sending

Start = Callable[..., Daemon]
ONE = ("server.processes=1", "admin.listen=127.0.0.1:0")


ROUTES = pytest.mark.parametrize("route", ["/", "/transfer-data"])
LARGE_PAUSE = 16  # answers: http/at_once.c


def ask(route: str) -> bytes:
    return f"GET {route} HTTP/1.1\r\nHost: test\r\n\r\n".encode()


def raw(connection: Connection, n: int = 1) -> bytes:
    """So many answers, up to the end of the last body."""
    got = b""
    while True:
        parts = got.split(b"\r\n\r\n")
        if len(parts) == n + 1 and len(parts[n]) == int(re.findall(rb"Content-Length: (\d+)", parts[n - 1])[-1]):
            return got
        data = connection.socket.recv(1 << 20)
        assert data, got
        got += data


def fields(answer: bytes) -> list[bytes]:
    """Its status line and fields, but for the time of day, and its body."""
    return sorted(re.sub(rb"(?m)^Date: .*\r$", b"Date:", answer).split(b"\r\n"))


def calls(trace: Path) -> list[bool]:
    """Of the system calls that send an answer's head: whether it is one of those that send at once."""
    return ["MSG_DONTWAIT" in line for line in trace.read_text().splitlines() if re.search(r"send(to|msg)\(\d+, .*HTTP/1.1 200", line)]


@under_strace
@ROUTES
def test_the_answer_is_the_library_s(start: Start, tmp_path: Path, route: str) -> None:
    daemon = start(*ONE)
    (worker,) = daemon.workers()
    with Connection((daemon.host, daemon.port)) as connection, traced(worker, tmp_path / "trace", "sendto,sendmsg", "-s", "400"):
        connection.send(ask(route))
        at_once = raw(connection)
        connection.send(ask(route) * 2)
        both = raw(connection, 2)
        connection.send(ask(route))
        assert fields(raw(connection)) == fields(at_once)
        connection.send(ask(route).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        last = connection.read()
        assert last.status == 200 and connection.at_end()
    by_library = both[: len(both) // 2]
    assert fields(by_library) == fields(at_once)
    assert len(by_library) == len(at_once)
    assert re.fullmatch(rb"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", re.search(rb"Date: (.*)\r", at_once)[1])  # type: ignore[index]
    assert calls(tmp_path / "trace") == [True, False, False, True, False]


@ROUTES
def test_the_date_goes_on(start: Start, route: str) -> None:
    daemon = start(*ONE)
    with Connection((daemon.host, daemon.port)) as connection:
        dates = {connection.request(route).headers["date"]}
        end = time.monotonic() + 60
        while len(dates) < 3:
            assert time.monotonic() < end
            dates.add(connection.request(route).headers["date"])


@pytest.mark.parametrize(("route", "name", "size"), [("/", "welcome", len("Welcome!\n")), ("/transfer-data", "transfer-data", LARGE_BYTES)])
def test_it_is_counted_and_logged_as_any(start: Start, tmp_path: Path, route: str, name: str, size: int) -> None:
    log = tmp_path / "access.log"
    daemon = start(*ONE, f"log.access-log={log}")
    with Connection((daemon.host, daemon.port)) as connection:
        for _ in range(5):
            assert connection.request(route).status == 200
        connection.send(ask(route) * 2)
        connection.read()
        connection.read()
        lines = wait_for("seven lines", lambda: len(found := log.read_text().splitlines()) == 7 and found)
        now = wait_for("counted", lambda: (s := samples(daemon))[f'restmark_requests_total{{route="{name}"}}'] == 7 and s)
    assert now[f'restmark_response_body_bytes_total{{route="{name}"}}'] == 7 * size
    assert now[f'restmark_request_duration_seconds_count{{route="{name}"}}'] == 7
    assert now[f'restmark_requests_aborted_total{{route="{name}"}}'] == 0
    # but for the time of day and how long it took
    assert len({re.sub(r"\[.*?\]| \d+us.*| [\d.]+$", "", line) for line in lines}) == 1, lines


@pytest.mark.parametrize("zero_copy", ["yes", "no"])
@pytest.mark.parametrize("between", [None, 0, 1, 7, 100])
def test_one_who_does_not_read_gets_all_in_the_end(start: Start, between: int | None, zero_copy: str) -> None:
    """As many answers as the kernel takes, and the rest when there is room: nothing is lost, cut, or sent twice, whoever of the two has filled the queue. After
    so many comes a large one (0: never; None: all are)."""
    daemon = start(*ONE, f"server.zero-copy={zero_copy}")
    asked = []
    with Connection((daemon.host, daemon.port), receive_buffer=32768) as connection:
        connection.socket.settimeout(0.3)
        try:
            while len(asked) < 50_000:
                route = "/transfer-data" if between is None or (between and len(asked) % (between + 1) == between) else "/"
                connection.send(ask(route))
                asked.append(route)
        except TimeoutError:
            pass  # this one is not sent, or in part
        assert len(asked) > 30
        connection.socket.settimeout(60)
        answers = [connection.read() for _ in asked]
    bodies = {(route, answer.body) for answer, route in zip(answers, asked, strict=True)}
    sizes = sorted((route, len(body)) for route, body in bodies)
    assert sizes == [("/", 9)] * (between is not None) + [("/transfer-data", LARGE_BYTES)] * (between != 0)


@under_strace
@pytest.mark.parametrize("error", ["EAGAIN", "ENOBUFS"])
def test_what_cannot_be_sent_is_the_library_s(start: Start, tmp_path: Path, error: str) -> None:
    daemon = start(*ONE)
    with Connection((daemon.host, daemon.port)) as connection:
        with traced(*daemon.workers(), tmp_path / "trace", "sendto", "-e", f"inject=sendto:error={error}"):
            for _ in range(3):
                assert connection.request("/").body == b"Welcome!\n"
        assert (tmp_path / "trace").read_text().count("(INJECTED)") == 3
        assert connection.request("/").status == 200
        wait_for("each is counted once", lambda: samples(daemon)['restmark_requests_total{route="welcome"}'] == 4)


@under_strace
def test_an_answer_that_was_cut_ends_the_connection(start: Start, tmp_path: Path) -> None:
    """So that the next one is not taken for its rest."""
    daemon = start(*ONE)
    with Connection((daemon.host, daemon.port)) as connection:
        with traced(*daemon.workers(), tmp_path / "trace", "sendto", "-e", "inject=sendto:retval=5"):
            connection.send(ask("/"))
            with pytest.raises((Closed, ConnectionResetError)):
                connection.read()
    now = wait_for("counted", lambda: (s := samples(daemon))['restmark_requests_aborted_total{route="welcome"}'] == 1 and s)
    assert now['restmark_requests_total{route="welcome"}'] == 1
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200


@contextmanager
def begun(start: Start, tmp_path: Path, *settings: str) -> Iterator[tuple[Daemon, Connection, int]]:
    """A client that has asked for so many large answers, each when the one before was sent, and read none; the last was sent at once as far as the socket took it."""
    daemon = start_sending(start, *settings)
    (worker,) = daemon.workers()
    trace = tmp_path / "trace"

    def is_full() -> bool:
        return any(re.search(r"send(file|to)\(.* = -1 EAGAIN", line) for line in trace.read_text().splitlines())

    def answered() -> int:
        return int(daemon.status()["routes"]["transfer-data"]["requests"])

    with traced(worker, trace, "sendto,sendfile", "-s", "400"), Connection((daemon.host, daemon.port), receive_buffer=4096) as connection:
        n = 0
        while not is_full():
            connection.send(ask("/transfer-data"))
            n += 1
            wait_for("it is sent, or as much as fits", lambda n=n: is_full() or answered() == n)
        assert calls(trace) == [True] * n
        yield daemon, connection, n


def answers(connection: Connection, n: int) -> set[bytes]:
    """The bodies."""
    return {connection.read().body for _ in range(n)}


@under_strace
def test_what_does_not_fit_is_gone_on_with(start: Start, tmp_path: Path) -> None:
    with begun(start, tmp_path) as (daemon, connection, n):
        (body,) = answers(connection, n)
        assert len(body) == LARGE_BYTES
        for _ in range(LARGE_PAUSE + 1):  # of one who takes them the library has some, and then they are tried at once again
            assert connection.request("/transfer-data").body == body
        assert calls(tmp_path / "trace") == [True] * n + [False] * LARGE_PAUSE + [True]
        wait_for("counted", lambda: daemon.status()["routes"]["transfer-data"]["requests"] == n + LARGE_PAUSE + 1)
    counted = daemon.status()["routes"]["transfer-data"]
    assert (counted["aborted"], counted["body_bytes"]) == (0, (n + LARGE_PAUSE + 1) * LARGE_BYTES)


@under_strace
@pytest.mark.parametrize("with_word", [signal.SIGTERM, signal.SIGHUP])
def test_what_is_begun_outlives_a_worker_that_is_to_leave(start: Start, tmp_path: Path, with_word: signal.Signals) -> None:
    with begun(start, tmp_path, "workers.worker-reload-mercy=60s") as (daemon, connection, n):
        (worker,) = daemon.workers()
        if with_word == signal.SIGHUP:
            daemon.signal(signal.SIGHUP)
            wait_for("another has its place", lambda: daemon.status()["workers"][0]["pid"] != worker)
        else:
            daemon.begin_stop()
        (body,) = answers(connection, n)
        assert len(body) == LARGE_BYTES
        assert connection.at_end()


@under_strace
def test_a_reset_ends_what_was_begun_alone(start: Start, tmp_path: Path) -> None:
    """The next connection has the same descriptor."""
    with begun(start, tmp_path) as (daemon, connection, _):
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        wait_for("it is gone", lambda: daemon.status()["routes"]["transfer-data"]["aborted"] == 1)
        with Connection((daemon.host, daemon.port)) as other:
            for route in ("/parse-msgpack", "/transfer-data", "/"):
                assert other.request(route).status == 200


@under_strace
@pytest.mark.parametrize("taken", [1, 17, 100])
def test_a_large_answer_whose_head_was_cut_is_gone_on_with(start: Start, tmp_path: Path, taken: int) -> None:
    """What the kernel is said to have taken of it is missing here, as it has not; all that follows is there, from that byte on."""
    daemon = start_sending(start)
    trace = tmp_path / "trace"
    with Connection((daemon.host, daemon.port)) as connection:
        connection.send(ask("/transfer-data"))
        whole = raw(connection)
        with traced(*daemon.workers(), trace, "sendto", "-s", "400", "-e", f"inject=sendto:retval={taken}:when=1"):
            connection.send(ask("/transfer-data"))
            rest = b""
            while len(rest) < len(whole) - taken:
                rest += connection.socket.recv(1 << 20)
        assert "(INJECTED)" in trace.read_text()
        assert fields(whole[:taken] + rest) == fields(whole)
        assert connection.request("/").status == 200
    assert daemon.status()["routes"]["transfer-data"]["aborted"] == 0


@under_strace
@pytest.mark.parametrize(
    ("fault", "are_at_once"),
    [
        ("EAGAIN:when=1", [True, False, False]),
        ("EAGAIN:when=2", [True, True, False]),
        ("EIO:when=1", [True, True, True]),
        ("EINTR:when=1+2", [True, True, True]),
    ],
)
def test_a_send_that_fails_behind_the_head(start: Start, tmp_path: Path, fault: str, are_at_once: list[bool]) -> None:
    """All that was sent may be the head, which the library, whose the rest then is, does not send again."""
    daemon = start_sending(start)
    trace = tmp_path / "trace"
    with Connection((daemon.host, daemon.port)) as connection:
        with traced(*daemon.workers(), trace, "sendto,sendfile", "-s", "400", "-e", f"inject=sendfile:error={fault}"):
            bodies = {connection.request("/transfer-data").body for _ in range(3)}
        assert "(INJECTED)" in trace.read_text()
        assert {len(body) for body in bodies} == {LARGE_BYTES}
        assert len(bodies) == 1
        assert calls(trace) == are_at_once
    assert daemon.status()["routes"]["transfer-data"]["requests"] == 3
