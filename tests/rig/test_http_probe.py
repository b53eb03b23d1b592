"""The HTTP client against a scripted server: framing that is right, and all the ways in which it can be wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from restmark_rig.host import ports
from restmark_rig.server.http_probe import (
    AnswerTimeout,
    ClosedBeforeAnswer,
    ConnectFailed,
    Connection,
    ConnectionEnded,
    FramingError,
    ProbeError,
    request_bytes,
)


@contextmanager
def talking_to(*answers: bytes, linger: bool = False) -> Iterator[Connection]:
    """A connection whose peer sends answers[i] after the i-th request, then closes (or lingers till the block ends)."""
    done = threading.Event()

    def serve(listener: socket.socket) -> None:
        client, _ = listener.accept()
        with client:
            for answer in answers:
                data = b""
                while not data.endswith(b"\r\n\r\n"):
                    data += client.recv(65536)
                client.sendall(answer)
            if linger:
                done.wait(300)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            with Connection("127.0.0.1", listener.getsockname()[1], 1.0) as connection:
                yield connection
        finally:
            done.set()
            thread.join()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"


def test_request_bytes() -> None:
    assert request_bytes("/a?b=1") == b"GET /a?b=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert request_bytes("/", "POST", ("Content-Length: 0",)).startswith(b"POST / HTTP/1.1\r\n")


def test_an_answer() -> None:
    with talking_to(OK) as connection:
        response = connection.get("/")
    assert (response.status, response.reason, response.body) == (200, "OK", b"hello")
    assert (response.framing, response.content_length, response.wire_bytes) == ("content-length", 5, len(OK))
    assert response.header("content-TYPE") == "text/plain"
    assert response.header("Date") is None
    assert response.keeps_alive


def test_answers_one_after_another_and_the_end() -> None:
    with talking_to(OK, OK) as connection:
        assert connection.get("/").body == connection.get("/").body == b"hello"
        assert connection.surplus(1.0) is None
        with pytest.raises(ConnectionEnded, match="closed the connection"):
            connection.get("/")


def test_two_answers_in_one_packet() -> None:
    with talking_to(OK + OK.replace(b"hello", b"world")) as connection:
        assert connection.get("/").body == b"hello"
        assert connection.read().body == b"world"


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n", True),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", True),
    ],
)
def test_whether_the_connection_is_kept(head: bytes, keeps: bool) -> None:
    with talking_to(head + b"Content-Length: 0\r\n\r\n") as connection:
        assert connection.get("/").keeps_alive is keeps


def test_chunked() -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: v\r\n\r\n"
    with talking_to(answer) as connection:
        response = connection.get("/")
    assert (response.body, response.framing, response.content_length) == (b"hello", "chunked", None)
    assert response.wire_bytes == len(answer)


def test_interim_answers_are_passed_over() -> None:
    with talking_to(b"HTTP/1.1 100 Continue\r\n\r\n" + OK) as connection:
        assert connection.get("/").status == 200


def test_head_has_no_body() -> None:
    with talking_to(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", linger=True) as connection:
        connection.send(request_bytes("/", "HEAD"))
        response = connection.read("HEAD")
        assert (response.body, response.framing, response.content_length) == (b"", "none", 5)
        assert connection.surplus(0.05) == b""


def test_surplus_bytes() -> None:
    with talking_to(OK + b"\n", linger=True) as connection:
        connection.get("/")
        assert connection.surplus(0.5) == b"\n"


BROKEN = [
    (b"", ClosedBeforeAnswer, "without an answer"),
    (b"HTTP/1.1 200", ConnectionEnded, "after 12 bytes of the headers"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", ConnectionEnded, "after 5 bytes of the body (9 bytes"),
    (b"HTTP/1.1 200 OK\r\n\r\nhello", FramingError, "neither Content-Length nor chunked"),
    (b"HTTP/2 200 OK\r\n\r\n", FramingError, "not with an HTTP/1.1 status line"),
    (b"hello\r\n\r\n", FramingError, "starts with b'hello'"),
    (b"HTTP/1.1 20 OK\r\n\r\n", FramingError, "status line"),
    (b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", FramingError, "malformed header line"),
    (b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n", FramingError, "malformed header line"),
    (b"HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\r\n", FramingError, "malformed header line"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", FramingError, "given 2 times"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", FramingError, "'+5', not a number"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", FramingError, "both"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", FramingError, "only chunked"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", FramingError, "chunk's size"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", FramingError, "not followed by CR LF"),
    (b"HTTP/1.1 200 OK\r\nX: " + 70000 * b"x", FramingError, "no end of the headers"),
]


@pytest.mark.parametrize(("answer", "error", "message"), BROKEN, ids=range(len(BROKEN)))
def test_broken_answers(answer: bytes, error: type[ProbeError], message: str) -> None:
    with talking_to(answer) as connection, pytest.raises(error) as caught:
        connection.get("/")
    assert type(caught.value) is error
    assert message in str(caught.value)


def test_an_answer_that_stalls() -> None:
    with talking_to(OK[:-1], linger=True) as connection:
        connection.set_timeout(0.2)
        with pytest.raises(AnswerTimeout, match="no byte came for 0.2 s, after 4 bytes of the body"):
            connection.get("/")


def test_no_server() -> None:
    with pytest.raises(ConnectFailed, match="Connection refused"):
        Connection("127.0.0.1", ports.choose("127.0.0.1"))
