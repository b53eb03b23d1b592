"""Requests that are ambiguous, malformed or too large, byte by byte."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from daemon import Daemon
from http_client import Connection, exchange

GOOD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def refused(daemon: Daemon, data: bytes, status: int) -> None:
    """The answer is the problem expected, and the connection is closed behind it."""
    with Connection((daemon.host, daemon.port)) as connection:
        connection.send(data)
        response = connection.read()
        assert response.status == status, (data[:100], response)
        assert response.headers["content-type"] == "application/problem+json"
        assert json.loads(response.body)["status"] == status
        assert response.closes
        assert connection.at_end()


@pytest.mark.parametrize(
    "data",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nno colon here\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Folded: a\r\n b\r\n\r\n",
        b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Nul: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Cr: a\rb\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Cr: a\r\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length\x0b: 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-\x01: 3\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX(comment): 3\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\n",
        b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /  HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.9\r\n\r\n",
    ],
)
def test_ambiguous_requests_get_400(shared_daemon: Daemon, data: bytes) -> None:
    refused(shared_daemon, data, 400)


def test_a_nul_in_the_target_is_not_served(shared_daemon: Daemon) -> None:
    refused(shared_daemon, b"GET /\0x HTTP/1.1\r\nHost: x\r\n\r\n", 400)


def test_white_space_behind_a_coding_is_none_of_it(shared_daemon: Daemon) -> None:
    with Connection((shared_daemon.host, shared_daemon.port)) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked \r\n\r\n0\r\n\r\n" + b"GET /nope HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.read().status == 200
        assert connection.read().status == 404  # framed as chunked: what follows is a request of its own


def _bare_line_feeds() -> list[bytes]:
    """A request with four line ends, with one or more of them a bare LF: every combination."""
    lines = [b"GET / HTTP/1.1", b"Host: x", b"X-A: b", b""]
    return [
        b"".join(line + (b"\n" if mask >> i & 1 else b"\r\n") for i, line in enumerate(lines)) for mask in range(1, 1 << len(lines))
    ]


@pytest.mark.parametrize("tail", [b"", b"\0\0\0\0", GOOD])
@pytest.mark.parametrize("data", _bare_line_feeds())
def test_bare_line_feeds_get_400(shared_daemon: Daemon, data: bytes, tail: bytes) -> None:
    refused(shared_daemon, data + tail, 400)


def test_a_bare_line_feed_on_a_kept_connection(shared_daemon: Daemon) -> None:
    """The memory of the request before must not make a later one look right."""
    with Connection((shared_daemon.host, shared_daemon.port)) as connection:
        assert connection.request("/").status == 200
        connection.send(b"GET / HTTP/1.1\r\nHost: test\r\n\n")
        response = connection.read()
        assert (response.status, response.closes) == (400, True)


@pytest.mark.parametrize("headers", ["X-A: b\r\n", "Cookie: a=b; c=d\r\n", "Accept:\r\n", "X-B:c \t\r\n", "Content-Length: 0\r\n"])
def test_ordinary_requests_are_not_refused(shared_daemon: Daemon, headers: str) -> None:
    with Connection((shared_daemon.host, shared_daemon.port)) as connection:
        for _ in range(3):
            response = connection.request("/?" if headers.startswith("X") else "/", headers=headers)
            assert (response.status, response.body) == (200, b"Welcome!\n")


@pytest.mark.parametrize("fields", [10, 40, 60])
def test_ordinary_numbers_of_fields_are_accepted(shared_daemon: Daemon, fields: int) -> None:
    with Connection((shared_daemon.host, shared_daemon.port)) as connection:
        for size in (1, 10, 4000 // fields - 30):
            response = connection.request("/", headers="".join(f"X-Field-{i}: {'v' * size}\r\n" for i in range(fields)))
            assert (response.status, response.body) == (200, b"Welcome!\n"), size


def test_one_large_cookie_is_accepted(shared_daemon: Daemon) -> None:
    with Connection((shared_daemon.host, shared_daemon.port)) as connection:
        assert connection.request("/", headers=f"Cookie: session={'c' * 3900}\r\n").status == 200


@pytest.mark.parametrize("n", range(60, 240, 3))
def test_too_many_fields_get_an_answer_too(shared_daemon: Daemon, n: int) -> None:
    """The library sees none of them, so there is an answer however many: 200 or 431, never an empty close."""
    for headers in (b"A%d: b\r\n", b"Cookie: c%d=d\r\n"):
        data = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(headers % i for i in range(n)) + b"\r\n"
        assert exchange((shared_daemon.host, shared_daemon.port), data).status in (200, 431)


def test_absolute_form(shared_daemon: Daemon) -> None:
    with Connection((shared_daemon.host, shared_daemon.port)) as connection:
        for target, status in (("http://x/", 200), ("http://x", 200), ("HTTP://x:80/parse-msgpack?count=3", 200), ("http://x/nope", 404), ("x://", 200)):
            assert connection.request(target).status == status, target


def test_bare_line_feeds_in_chunk_lines_get_400(shared_daemon: Daemon) -> None:
    """What follows must not be taken for a request."""
    head = b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    for body in (b"3\nabc\n0\n\n", b"3\r\nabc\n0\r\n\r\n", b"3\r\nabc\r\n0\n\r\n", b"3\r\nabc\r\n0\r\n\n"):
        refused(shared_daemon, head + body + GOOD, 400)


def test_http_1_0(shared_daemon: Daemon) -> None:
    with Connection((shared_daemon.host, shared_daemon.port)) as connection:
        connection.send(b"GET / HTTP/1.0\r\n\r\n")
        assert connection.read().body == b"Welcome!\n"
        assert connection.at_end()


def test_other_versions_are_refused(shared_daemon: Daemon) -> None:
    response = exchange((shared_daemon.host, shared_daemon.port), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert response.status == 505
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("size", [1, 2, 7])
def test_requests_in_fragments(shared_daemon: Daemon, size: int) -> None:
    data = b"GET /encode-json?count=1 HTTP/1.1\r\nHost: x\r\nX-A: b\r\n\r\n"
    with Connection((shared_daemon.host, shared_daemon.port)) as connection:
        for start in range(0, len(data), size):
            connection.send(data[start : start + size])
        assert connection.read().body == b"133"


def test_pipelined_requests_are_answered_in_order(shared_daemon: Daemon) -> None:
    targets = [b"/parse-msgpack?count=%d" % i for i in range(20)]
    with Connection((shared_daemon.host, shared_daemon.port)) as connection:
        connection.send(b"".join(b"GET " + t + b" HTTP/1.1\r\nHost: x\r\n\r\n" for t in targets))
        assert [connection.read().body for _ in targets] == [str(i).encode() for i in range(20)]


def test_a_body_on_get_is_read_and_ignored(shared_daemon: Daemon) -> None:
    with Connection((shared_daemon.host, shared_daemon.port)) as connection:
        for body in (b"GET /nope HTTP/1.1\r\n\r\n", b"x" * 65536):
            connection.send(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert connection.read().body == b"Welcome!\n"
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        assert connection.read().body == b"Welcome!\n"


def test_expect_100_continue(shared_daemon: Daemon) -> None:
    with Connection((shared_daemon.host, shared_daemon.port)) as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        while not connection.buffer.endswith(b"\r\n\r\n"):
            connection._more()
        assert connection.buffer.startswith(b"HTTP/1.1 100 ")
        connection.buffer = b""
        connection.send(b"hi")
        assert connection.read().status == 405


@pytest.mark.parametrize("extra", [1, 1000, 1 << 20, 1 << 40, 10**30])
def test_a_body_over_the_limit_gets_413(shared_daemon: Daemon, extra: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (65536 + extra)
    refused(shared_daemon, head, 413)
    refused(shared_daemon, head + b"x" * min(65536 + extra, 1 << 20), 413)


def test_a_chunked_body_over_the_limit_gets_413(shared_daemon: Daemon) -> None:
    chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
    for n in (9, 100, 300):
        refused(shared_daemon, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * n + b"0\r\n\r\n", 413)


def test_an_endless_chunked_body_is_cut(shared_daemon: Daemon) -> None:
    chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
    with Connection((shared_daemon.host, shared_daemon.port)) as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError):
            for _ in range(4096):
                connection.send(chunk)


@pytest.mark.parametrize("size", [4096 + 1, 5000, 8000, 11_500, 12_000, 12_288, 20_000, 70_000, 1 << 20])
@pytest.mark.parametrize("where", ["field", "fields", "target"])
def test_a_head_over_the_limit_gets_431_or_414(shared_daemon: Daemon, size: int, where: str) -> None:
    frame = {
        "field": b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: %s\r\n\r\n",
        "fields": b"GET / HTTP/1.1\r\nHost: x\r\n%s\r\n",
        "target": b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n",
    }[where]
    room = size - len(frame) + 2
    filler = b"X-Field: some value\r\n" * (room // 21 + 1) if where == "fields" else b"x" * room
    refused(shared_daemon, frame % filler, 414 if where == "target" else 431)


@pytest.mark.parametrize("where", ["field", "target"])
def test_a_head_at_the_limit_is_accepted(shared_daemon: Daemon, where: str) -> None:
    frame = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: %s\r\n\r\n" if where == "field" else b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
    data = frame % (b"x" * (4096 - len(frame) + 2))
    assert len(data) == 4096
    response = exchange((shared_daemon.host, shared_daemon.port), data)
    assert response.status == (200 if where == "field" else 404)


def test_limits_follow_the_configuration(start: Callable[..., Daemon]) -> None:
    daemon = start("limits.max-header-size=512", "limits.limit-post=0", "server.processes=1")
    refused(daemon, b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 500 + b"\r\n\r\n", 431)
    refused(daemon, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", 413)
    assert exchange((daemon.host, daemon.port), GOOD).status == 200


def test_errors_are_counted(start: Callable[..., Daemon]) -> None:
    daemon = start("server.processes=1")
    refused(daemon, b"GET / HTTP/1.1\r\nHost: x\r\n\n", 400)
    refused(daemon, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", 431)
    refused(daemon, b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400)
    assert exchange((daemon.host, daemon.port), b"GET /nope HTTP/1.1\r\nHost: x\r\n\r\n").status == 404
    assert exchange((daemon.host, daemon.port), b"GET /?a HTTP/1.1\r\nHost: x\r\n\r\n").status == 400
    routes = daemon.status()["routes"]
    assert (routes["other"]["requests"], routes["other"]["errors_4xx"], routes["other"]["aborted"]) == (4, 4, 0)
    assert (routes["welcome"]["requests"], routes["welcome"]["errors_4xx"]) == (1, 1)
