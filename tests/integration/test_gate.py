"""Requests that are made to kill a worker or to make it spin: whatever comes, there is an answer, or a counted close, and the same worker goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from admin_client import address as admin_address
from admin_client import samples
from daemon import Daemon, wait_for
from gate_support import CHUNKED, GET, HOST, Watched, short
from http_client import Closed, Connection

pytest_plugins = ["gate_fixtures"]

Start = Callable[..., Daemon]


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


MANY = [8, 16, 17, 60, 64, 100, 150, 183, 184, 185, 189, 190, 191, 200, 400, 1000, 3900]


@pytest.mark.parametrize("n", MANY)
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty arguments", lambda n: b"GET /?" + b"&" * n + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("arguments", lambda n: b"GET /?" + b"a=b&" * n + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("empty cookies", lambda n: GET + b"Cookie: " + b";" * n + b"\r\n\r\n"),
        ("cookies", lambda n: GET + b"Cookie: " + b"a=b;" * n + b"\r\n\r\n"),
        ("cookie fields", lambda n: GET + b"Cookie:a\r\n" * n + b"\r\n"),
        ("fields", lambda n: GET + b"A:b\r\n" * n + b"\r\n"),
        ("both", lambda n: b"GET /?" + b"&" * (n // 2) + b" HTTP/1.1\r\nHost: x\r\nCookie: " + b";" * (n // 2) + b"\r\n\r\n"),
    ],
)
def test_many_small_parts_of_a_head(watched: Watched, name: str, data: Callable[[int], bytes], n: int) -> None:
    assert watched.exchange(data(n)).status in (200, 400, 414, 431)
    watched.check()


@pytest.mark.parametrize("n", MANY)
def test_the_admin_endpoint_survives_them_too(watched: Watched, n: int) -> None:
    where = admin_address(watched.daemon)
    local = b" HTTP/1.1\r\nHost: localhost\r\n"
    for data in (
        b"GET /metrics?" + b"&" * n + local + b"\r\n",
        b"GET /metrics" + local + b"Cookie: " + b";" * n + b"\r\n\r\n",
        b"GET /metrics" + local + b"Cookie: " + b"a=b; " * n + b"\r\n\r\n",
        b"GET /metrics" + local + b"A:b\r\n" * n + b"\r\n",
    ):
        assert watched.exchange(data, address=where).status in (200, 400, 414, 431)
    assert watched.exchange(b"GET /healthz" + local + b"\r\n", address=where).status == 200


def test_the_admin_endpoint_answers_what_it_refuses(watched: Watched) -> None:
    where = admin_address(watched.daemon)
    local = b"Host: localhost\r\n"
    for data, status in (
        (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET /%6detrics HTTP/2.0\r\n\r\n", 505),
        (b"BREW /metrics HTTP/1.1\r\n" + local + b"\r\n", 501),
        (b"POST /metrics HTTP/1.1\r\n" + local + b"Content-Length: 100000\r\n\r\n" + b"x" * 100_000, 413),
        (b"GET /metrics HTTP/1.1\r\n" + local + b"X: " + b"x" * 100_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 100_000, 414),
        (b"GET http://localhost/healthz HTTP/1.1\r\n" + local + b"\r\n", 200),
        (b"GET /%68ealthz HTTP/1.1\r\n" + local + b"\r\n", 200),
    ):
        response = watched.exchange(data, address=where)
        assert (response.status, response.closes) == (status, True), data[:60]


@pytest.mark.parametrize(
    ("name", "data", "statuses"),
    [
        ("extension", CHUNKED + b"5;" + b"x" * 13_000, (400, 413)),
        ("extension and no end", CHUNKED + b"5;" + b"x" * 1_000_000, (400, 413)),
        ("size", CHUNKED + b"0" * 13_000, (400, 413)),
        ("white space", CHUNKED + b"5" + b" " * 13_000, (400, 413)),
        ("trailer line", CHUNKED + b"0\r\nX: " + b"x" * 13_000, (400, 413, 431)),
        ("trailer lines", CHUNKED + b"0\r\n" + b"X: y\r\n" * 3000, (400, 413, 431)),
        ("nothing but noughts", CHUNKED + b"5\r\nhello\r\n" + b"0" * 13_000, (400, 413)),
        ("a size that is too large", CHUNKED + b"ffffffffffffffff\r\n", (413,)),
        ("a size that overflows", CHUNKED + b"fffffffffffffffff\r\n", (400, 413)),
        ("a field in a trailer", CHUNKED + b"0\r\nX : a\r\n\r\n", (400,)),
        ("a fold in a trailer", CHUNKED + b"0\r\nX: a\r\n b\r\n\r\n", (400,)),
    ],
    ids=short,
)
def test_chunks_that_outgrow_everything_are_refused_at_once(watched: Watched, name: str, data: bytes, statuses: tuple[int, ...]) -> None:
    before, begin = cpu_ticks(watched.worker), time.monotonic()
    response = watched.exchange(data)
    assert (response.status in statuses, response.closes) == (True, True), response
    assert json.loads(response.body)["status"] == response.status
    assert time.monotonic() - begin < 20
    watched.check()
    assert cpu_ticks(watched.worker) - before < 50
    wait_for("it is gone", lambda: watched.daemon.status()["workers"][0]["connections"] == 0)


@pytest.mark.parametrize("data", [CHUNKED + b"5;" + b"x" * 1000, CHUNKED + b"0\r\nX: " + b"x" * 1000, CHUNKED + b"5\r\nhe", GET + b"X: y", b"GET /", GET + b"Content-Length: 9\r\n\r\nab"], ids=["chunk line", "trailer", "chunk", "fields", "request line", "body"])
def test_a_client_that_goes_takes_its_request_along(watched: Watched, data: bytes) -> None:
    gone = watched.closes("gone")
    with Connection((watched.daemon.host, watched.daemon.port)) as connection:
        connection.send(data)
        wait_for("it is in", lambda: watched.daemon.status()["workers"][0]["connections"] == 1)
    wait_for("it is gone", lambda: watched.daemon.status()["workers"][0]["connections"] == 0)
    assert watched.closes("gone") == gone + 1
    before = cpu_ticks(watched.worker)
    time.sleep(0.3)
    assert cpu_ticks(watched.worker) - before < 10, "it spins"
    watched.check()


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500, "tls"), (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", "binary"), (b"\0", "binary"), (b"\xff" * 5000, "binary")],
    ids=short,
)
def test_what_is_no_text_is_closed_and_counted(watched: Watched, data: bytes, reason: str) -> None:
    before = watched.closes(reason)
    with Connection((watched.daemon.host, watched.daemon.port)) as connection:
        connection.send(data)
        assert connection.at_end()
    assert watched.closes(reason) == before + 1
    assert samples(watched.daemon)[f'restmark_connections_closed_unanswered_total{{reason="{reason}"}}'] == before + 1
    watched.check()


def test_tls_is_named_in_the_log_but_not_each_time(start: Start) -> None:
    daemon = start("server.processes=1")
    for _ in range(20):
        with Connection((daemon.host, daemon.port)) as connection:
            connection.send(b"\x16\x03\x01\x02\x00")
            assert connection.at_end()
    wait_for("all are counted", lambda: daemon.status()["closes"]["tls"] == 20)
    assert len(re.findall("warning: worker 0: clients speak TLS", daemon.log())) == 1


def test_other_ends_are_counted_by_reason(start: Start) -> None:
    daemon = start("server.processes=1", "limits.idle-timeout=200ms", "limits.request-timeout=200ms")
    address = (daemon.host, daemon.port)
    with Connection(address) as idle, Connection(address) as late, Connection(address) as part:
        late.send(GET)
        part.send(b"GET /")
        assert idle.at_end() and late.at_end() and part.at_end()
    wait_for("they are counted", lambda: daemon.status()["workers"][0]["connections"] == 0)
    closes = daemon.status()["closes"]
    assert (closes["idle"], closes["timeout"], closes["gone"], closes["evicted"]) == (1, 2, 0, 0)


BAD = b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"


@pytest.mark.parametrize("split", [0, 1, 20, 29, 30, 31, 45, 58, 60, 75])
def test_a_refusal_waits_for_the_answers_before_it(watched: Watched, split: int) -> None:
    """… which are whole, and what follows it is not looked at."""
    data = b"GET /transfer-data HTTP/1.1\r\nHost: x\r\n\r\n" + GET + b"X: y\r\n\r\n" + BAD + GET + b"\r\n"
    with Connection((watched.daemon.host, watched.daemon.port)) as connection:
        connection.send(data[:split])
        if split:
            time.sleep(0.02)
        connection.send(data[split:])
        assert len(connection.read().body) == 133622
        assert connection.read().status == 200
        last = connection.read()
        assert (last.status, last.closes) == (400, True)
        assert connection.at_end()
    watched.check()


@pytest.mark.parametrize("n", [1, 2, 3, 10, 100, 1000])
def test_pipelines_of_any_length_and_shape(watched: Watched, n: int) -> None:
    """Fields that the library does not see, bodies and blank lines between requests, read in whatever pieces the kernel makes."""
    shapes = [
        (GET + b"User-Agent: " + b"u" * 300 + b"\r\nCookie: a=b\r\n\r\n", 200),
        (b"\r\n" + GET + b"\r\n", 200),
        (b"POST /encode-json HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n" + b"b" * 3000, 405),
        (CHUNKED + b"3\r\nabc\r\n10;x\r\n0123456789abcdef\r\n0\r\nT: u\r\n\r\n", 200),
        (b"GET /nope HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /" + b"p" * 3900 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /parse-msgpack?" + b"&".join([b"x=%2f"] * 16) + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ]
    wanted = [shapes[i % len(shapes)] for i in range(n)]
    with Connection((watched.daemon.host, watched.daemon.port), 30) as connection:
        out = bytearray(b"".join(data for data, _ in wanted))
        while out:  # a part at a time, so that neither side waits for the other
            connection.send(bytes(out[:7000]))
            del out[:7000]
            connection.socket.settimeout(0.0005)
            try:
                while True:
                    connection._more()
            except (TimeoutError, BlockingIOError):
                connection.socket.settimeout(30)
        for _, status in wanted:
            assert connection.read().status == status
    watched.check()


def test_a_request_byte_by_byte_costs_little(watched: Watched) -> None:
    before = cpu_ticks(watched.worker)
    data = GET + b"X: " + b"x" * 3000 + b"\r\n\r\n"
    with Connection((watched.daemon.host, watched.daemon.port)) as connection:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(data)):
            connection.send(data[i : i + 1])
        assert connection.read().status == 200
    assert cpu_ticks(watched.worker) - before < 100


@pytest.mark.parametrize("body", [b"Content-Length: 60000\r\n\r\n" + b"x" * 60000, b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 60000 + b"0\r\n\r\n"], ids=["length", "chunks"])
def test_a_body_up_to_the_limit_is_read(watched: Watched, body: bytes) -> None:
    assert watched.exchange(b"POST / HTTP/1.1\r\n" + HOST + body).status == 405
    watched.check()


def test_100_continue_waits_for_its_turn(watched: Watched) -> None:
    with Connection((watched.daemon.host, watched.daemon.port)) as connection:
        connection.send(b"GET /transfer-data HTTP/1.1\r\nHost: x\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n")
        assert len(connection.read().body) == 133622
        while not connection.buffer.endswith(b"\r\n\r\n"):
            connection._more()
        assert connection.buffer == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.buffer = b""
        connection.send(b"hi")
        assert connection.read().status == 405


def test_a_body_that_is_refused_is_not_asked_for(watched: Watched) -> None:
    response = watched.exchange(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\nExpect: 100-continue\r\n\r\n")
    assert (response.status, response.closes) == (413, True)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_answers_on_their_way_survive_a_stop_and_a_reload(start: Start, end: int) -> None:
    """A client that has sent more and reads slowly gets whole answers, the last of which says that it is the last."""
    daemon = start("server.processes=1")
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        raw.connect((daemon.host, daemon.port))
        raw.settimeout(10)
        connection = Connection.__new__(Connection)
        connection.socket, connection.buffer = raw, b""
        raw.setblocking(False)
        sent = raw.send(b"GET /transfer-data HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        assert sent > 10_000
        raw.settimeout(10)
        assert len(connection.read().body) == 133622
        if end == signal.SIGTERM:
            daemon.begin_stop()
        else:
            daemon.signal(end)
            wait_for("the next one serves", lambda: daemon.status()["workers"][0]["generation"] == 2)
        last = None
        try:
            while last is None or not last.closes:
                time.sleep(0.01)
                last = connection.read()
                assert len(last.body) == 133622
        except (Closed, ConnectionResetError) as error:
            raise AssertionError(f"an answer is lost: {error!r}") from error
        assert raw.recv(1) == b"", "a reset would raise"
    if end == signal.SIGTERM:
        assert daemon.wait_exit() == 0


def test_a_request_that_came_before_an_idle_close_is_answered(start: Start) -> None:
    """The worker is busy with others when the timeout passes; what has come meanwhile is no silence."""
    daemon = start("server.processes=1", "limits.idle-timeout=300ms")
    (worker,) = daemon.workers()
    address = (daemon.host, daemon.port)
    in_time = 0
    for _ in range(500):
        with Connection(address) as idle, Connection(address) as busy:
            begin = time.monotonic()
            assert idle.request("/").status == 200
            while time.monotonic() - begin < 0.25:
                busy.request("/million-loop?n=100000")
            busy.send(b"GET /million-loop?n=60000000 HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.03)
            idle.send(GET + b"\r\n")  # while the worker is at work, and before the timeout
            if time.monotonic() - begin > 0.3:
                continue  # this process had no CPU meanwhile: the request came after the timeout
            assert busy.read().status == 200
            assert idle.read().status == 200
        if (in_time := in_time + 1) == 5:
            break
    assert in_time == 5
    assert os.path.exists(f"/proc/{worker}")
