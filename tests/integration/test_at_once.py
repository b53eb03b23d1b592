"""What is answered without the library: the same answer, the same counts and the same ends as by it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from admin_client import samples
from daemon import Daemon, wait_for
from http_client import Closed, Connection
from strace import traced, under_strace

Start = Callable[..., Daemon]
ASK = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
ONE = ("server.processes=1", "admin.listen=127.0.0.1:0")


def raw(connection: Connection) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got or not got.endswith(b"Welcome!\n"):
        data = connection.socket.recv(4096)
        assert data, got
        got += data
    return got


def fields(answer: bytes) -> list[bytes]:
    """Its status line and fields, but for the time of day, and its body."""
    return sorted(re.sub(rb"(?m)^Date: .*\r$", b"Date:", answer).split(b"\r\n"))


def calls(trace: Path) -> list[str]:
    """The system calls that send an answer: the library's is sendmsg()."""
    return re.findall(r"^(?:\d+ +)?(sendto|sendmsg)\(\d+, .*Welcome", trace.read_text(), re.MULTILINE)


@under_strace
def test_the_answer_is_the_library_s(start: Start, tmp_path: Path) -> None:
    daemon = start(*ONE)
    (worker,) = daemon.workers()
    with Connection((daemon.host, daemon.port)) as connection, traced(worker, tmp_path / "trace", "sendto,sendmsg", "-s", "400"):
        connection.send(ASK)
        at_once = raw(connection)
        connection.send(ASK + ASK)
        both = raw(connection)
        while both.count(b"Welcome!") < 2:
            both += raw(connection)
        connection.send(ASK)
        assert fields(raw(connection)) == fields(at_once)
        connection.send(ASK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        last = connection.read()
        assert last.status == 200 and connection.at_end()
    by_library = both[: len(both) // 2]
    assert fields(by_library) == fields(at_once)
    assert len(by_library) == len(at_once)
    assert re.fullmatch(rb"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", re.search(rb"Date: (.*)\r", at_once)[1])  # type: ignore[index]
    assert calls(tmp_path / "trace") == ["sendto", "sendmsg", "sendmsg", "sendto", "sendmsg"]


def test_the_date_goes_on(start: Start) -> None:
    daemon = start(*ONE)
    with Connection((daemon.host, daemon.port)) as connection:
        dates = {connection.request("/").headers["date"]}
        end = time.monotonic() + 60
        while len(dates) < 3:
            assert time.monotonic() < end
            dates.add(connection.request("/").headers["date"])


def test_it_is_counted_and_logged_as_any(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    daemon = start(*ONE, f"log.access-log={log}")
    with Connection((daemon.host, daemon.port)) as connection:
        for _ in range(5):
            assert connection.request("/").status == 200
        connection.send(ASK + ASK)
        connection.read()
        connection.read()
        lines = wait_for("seven lines", lambda: len(found := log.read_text().splitlines()) == 7 and found)
        now = wait_for("counted", lambda: (s := samples(daemon))['restmark_requests_total{route="welcome"}'] == 7 and s)
    assert now['restmark_response_body_bytes_total{route="welcome"}'] == 7 * len("Welcome!\n")
    assert now['restmark_request_duration_seconds_count{route="welcome"}'] == 7
    assert now['restmark_requests_aborted_total{route="welcome"}'] == 0
    # but for the time of day and how long it took
    assert len({re.sub(r"\[.*?\]| \d+us.*| [\d.]+$", "", line) for line in lines}) == 1, lines


@pytest.mark.parametrize("between", [0, 1, 7, 100])
def test_one_who_does_not_read_gets_all_in_the_end(start: Start, between: int) -> None:
    """As many answers as the kernel takes, and the rest when there is room: nothing is lost, cut, or sent twice, whoever of the two has filled the queue. After
    so many comes one of the library's, 134 KB (0: never)."""
    daemon = start(*ONE)
    asked = []
    with Connection((daemon.host, daemon.port), receive_buffer=32768) as connection:
        connection.socket.settimeout(0.3)
        try:
            while len(asked) < 50_000:
                route = "/transfer-data" if between and len(asked) % (between + 1) == between else "/"
                connection.send(f"GET {route} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
                asked.append(route)
        except TimeoutError:
            pass  # this one is not sent, or in part
        assert len(asked) > 30
        connection.socket.settimeout(60)
        answers = [connection.read() for _ in asked]
    assert {len(answer.body) for answer, route in zip(answers, asked, strict=True) if route == "/"} == {9}
    assert {len(answer.body) for answer, route in zip(answers, asked, strict=True) if route != "/"} == ({133622} if between else set())


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
            connection.send(ASK)
            with pytest.raises((Closed, ConnectionResetError)):
                connection.read()
    now = wait_for("counted", lambda: (s := samples(daemon))['restmark_requests_aborted_total{route="welcome"}'] == 1 and s)
    assert now['restmark_requests_total{route="welcome"}'] == 1
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200
