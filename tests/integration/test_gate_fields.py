"""What the gate thinks of a request line, a Host and other fields."""

from __future__ import annotations

import pytest
from gate_support import CHUNKED, GET, Watched, short
from http_client import Connection

pytest_plugins = ["gate_fixtures"]

BAD_HOSTS = [b"a b", b"a, b", b"u@x", b"x/path", b"x:80:80", b"[::1", b"::1", b"[::1]x", b"x\xe9", b"x\x01", b"x\x7f", b"x y:80", b"x?", b"x#", b"x\\y", b"<x>",
             b"x:a", b"x:-1", b"x:99999", b"%zz", b"[zz]", b"http://x"]  # fmt: skip


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_a_host_that_is_none_gets_400(watched: Watched, host: bytes) -> None:
    response = watched.exchange(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
    assert (response.status, response.closes) == (400, True)


@pytest.mark.parametrize("host", [b"", b"x", b"x:80", b"x:", b"[::1]:80", b"127.0.0.1", b"a_b-c.d"])
def test_a_host_gets_an_answer(watched: Watched, host: bytes) -> None:
    assert watched.exchange(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n").status == 200


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /x\rHost:y HTTP/1.1", 400),
        (b"\rGET / HTTP/1.1", 400),
        (b" GET / HTTP/1.1", 400),
        (b"\tGET / HTTP/1.1", 400),
        (b"GET", 400),
        (b"GET /", 400),
        (b"G(T / HTTP/1.1", 400),
        (b"G\x01T / HTTP/1.1", 400),
        (b"BREW / HTTP/1.1", 501),
        (b"get / HTTP/1.1", 501),
        (b"CONNECT x:80 HTTP/1.1", 501),
        (b"DELETE / HTTP/1.1", 405),
        (b"GET http:/// HTTP/1.1", 400),
        (b"GET http://u@x/ HTTP/1.1", 400),
        (b"GET x HTTP/1.1", 400),
        (b"GET * HTTP/1.1", 400),
        (b"GET /%zz HTTP/1.1", 400),
        (b"GET /#a HTTP/1.1", 400),
        (b"GET /\xe9 HTTP/1.1", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b"GET / HTTP/11", 400),
        (b"GET / HTTP/2.0", 505),
        (b"SSH-2.0-OpenSSH_9.2", 400),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2", 400),
        (b"GET http://x%2fparse-msgpack HTTP/1.1", 200),
    ],
)
def test_request_lines(watched: Watched, line: bytes, status: int) -> None:
    response = watched.exchange(line + b"\r\nHost: x\r\n\r\n")
    assert response.status == status
    if status == 200:
        assert response.body == b"Welcome!\n", "the target was decoded before it was taken apart"
    else:
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HEAD / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 5000 + b"\r\n\r\n", 431),
        (b"HEAD /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"HEAD / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"HEAD / HTTP/1.1\r\n\r\n", 400),
        (b"HEAD / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
        (b"HEAD /? HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n", 413),
        (CHUNKED.replace(b"GET", b"HEAD") + b"x", 400),
    ],
    ids=short,
)
def test_head_has_no_body_whatever_is_wrong(watched: Watched, data: bytes, status: int) -> None:
    with Connection((watched.daemon.host, watched.daemon.port)) as connection:
        connection.send(data)
        response = connection.read(head=True)
        assert (response.status, response.closes) == (status, True)
        assert connection.at_end(), "a body follows"


def test_the_size_of_a_body_may_have_white_space_behind_it(watched: Watched) -> None:
    with Connection((watched.daemon.host, watched.daemon.port)) as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5 \t\r\n\r\nhello" + GET + b"\r\n")
        assert connection.read().status == 405
        assert connection.read().status == 200


@pytest.mark.parametrize(
    ("target", "field", "status"),
    [("/", b'"a"', 412), ("/", b"", 412), ("/", b'W/"a", "b"', 412), ("/", b"*", 200), ("/nope", b'"a"', 404), ("/?x=1", b'"a"', 400)],
)
def test_if_match_matches_nothing_but_a_star(watched: Watched, target: str, field: bytes, status: int) -> None:
    with Connection((watched.daemon.host, watched.daemon.port)) as connection:
        connection.send(f"GET {target} HTTP/1.1\r\nHost: x\r\nIf-Match: ".encode() + field + b"\r\n\r\n" + GET + b"\r\n")
        assert connection.read().status == status
        assert connection.read().status == 200  # which has no such field
