"""restmark-load: what it sends, and what it makes of answers."""

from __future__ import annotations

import re
import socket
import threading
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from load_support import PROBES, Client, Planted, answer, counted, load, welcome


def echo(server: Planted, client: Client, target: str) -> bytes:
    return answer(target.encode())


def after_probes(reply: Callable[[Client], bytes | None]) -> Callable[[Planted, Client, str], bytes | None]:
    """A good answer to the probes, which come on connections of their own, and `reply` to the load."""
    return lambda server, client, target: answer() if client.number < PROBES else reply(client)


# --- what goes wrong is counted by its kind ----------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "failures"),
    [
        (answer(b"Wel*ome!\n"), {"body": 10}),
        (answer(b"Welcome!"), {"body": 10}),
        (answer(b"Welcome!\n\n"), {"body": 10}),
        (answer(b"Sorry", "503 Service Unavailable"), {"status": 10}),
        (b"HTTP/1.1 204 No Content\r\n\r\n", {"body": 10}),
        (b"HTTP/1.1 200 OK\nContent-Length: 9\n\nWelcome!\n", {"malformed-status-line": 10}),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Length: 9\r\n\r\nWelcome!\n", {"malformed-length": 10}),
        (b"HTTP/1.1 200 OK\r\nX Y: 9\r\n\r\nWelcome!\n", {"malformed-header": 10}),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", {"malformed-chunk": 10}),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000, {"too-large-head": 10}),
        (None, {"closed": 10}),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_failures_by_kind(reply: bytes | None, failures: dict[str, int]) -> None:
    with Planted(after_probes(lambda client: reply)) as server:
        result = load("-c", 1, "-n", 10, server.url, code=1)
    assert result["failures"] == failures
    assert result["requests"]["failed"] == result["requests"]["sent"] == 10
    assert result["requests"]["answered"] == 0 and result["latency"] is None
    assert result["wrong_statuses"] == ({"503": 10} if reply and b"503" in reply else {})


def test_an_answer_that_is_cut_short_is_no_answer() -> None:
    def cut(client: Client) -> bytes | None:
        client.socket.sendall(answer()[:-1])
        return None

    with Planted(after_probes(cut)) as server:
        result = load("-c", 1, "-n", 3, server.url, code=1)
    assert result["failures"] == {"closed": 3}


def test_bytes_that_nobody_asked_for() -> None:
    with Planted(after_probes(lambda client: answer() + answer())) as server:
        result = load("-c", 1, "-n", 5, server.url, code=1)
    assert result["troubles"] == {"unasked-bytes": 5}
    assert result["requests"]["answered"] == 5


def test_a_request_without_an_answer_is_given_up_and_counts_with_its_wait() -> None:
    with Planted(after_probes(lambda client: b"")) as server:
        result = load("-c", 2, "-n", 2, "--timeout", "200ms", server.url, code=1)
    assert result["failures"] == {"timeout": 2}
    assert result["latency"]["count"] == result["given_up"]["count"] == 2
    assert result["latency"]["min_us"] >= 200_000
    assert any("given up" in doubt for doubt in result["doubts"])


def test_a_server_that_goes_away_is_trouble() -> None:
    """Its listener is closed behind the first answers: connections cannot be opened again."""

    def last(client: Client) -> bytes | None:
        server.listener.close()
        return None

    with Planted(after_probes(last)) as server:
        result = load("-c", 1, "-d", "300ms", server.url, code=1)
        server._selector.unregister(server.listener)
    assert result["failures"] == {"closed": 1}
    assert result["troubles"]["connect"] >= 2  # again and again, but not in a storm
    assert result["troubles"]["connect"] <= 16
    assert any("times a connection could not be opened: the server was not there" in doubt for doubt in result["doubts"])


def test_large_bodies_are_compared_one_in_sixteen_and_their_lengths_always() -> None:
    body = bytes(range(256)) * 80
    wrong = body[:-1] + b"!"

    def serve(server: Planted, client: Client, target: str) -> bytes:
        if client.number < PROBES:
            return answer(body)
        number = len(client.requests) - 1
        return answer(body[1:] if number % 16 == 3 else wrong if number % 16 == 0 else body)

    with Planted(serve) as server:
        result = load("-c", 1, "-n", 64, server.url, code=1)
    assert result["failures"] == {"body": 8}  # 4 of another length, 4 of 4 that were looked at
    with Planted(lambda server, client, target: answer(body)) as server:
        result = load("-c", 1, "-n", 64, server.url)
    assert result["requests"]["compared"] == 4
    with Planted(welcome) as server:
        result = load("-c", 1, "-n", 64, server.url)
    assert result["requests"]["compared"] == 64


def test_pipelined_answers_have_to_keep_their_order() -> None:
    def swapped(server: Planted, client: Client, target: str) -> bytes:
        if client.number < 2 * PROBES:
            return answer(target.encode())
        return answer(b"/b" if target == "/a" else b"/a")

    with Planted(echo) as server:
        result = load("-c", 2, "-n", 400, "--pipeline", 8, server.url, "/a=1", "/b=1")
        assert set(counted(server.requests)) == {"/a", "/b"}
    assert result["requests"]["answered"] == 400
    with Planted(swapped) as server:
        result = load("-c", 2, "-n", 400, "--pipeline", 8, server.url, "/a=1", "/b=1", code=1)
    assert result["failures"] == {"body": 400}


# --- answers in every form --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "closes"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWelc\r\n5;x=y\r\nome!\n\r\n0\r\nX-T: 1\r\n\r\n", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + answer(), False),
        (answer(headers="Connection: close\r\n"), True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nWelcome!\n", True),
    ],
)
def test_forms_of_answers(reply: bytes, closes: bool) -> None:
    with Planted(lambda server, client, target: reply) as server:
        result = load("-c", 3, "-n", 30, server.url)
    assert result["requests"]["answered"] == 30
    assert result["connections"]["closed_by_server"] == (30 if closes else 0)
    assert result["connections"]["opened"] >= (28 if closes else 3)


def test_a_body_that_ends_with_its_connection() -> None:
    def serve(server: Planted, client: Client, target: str) -> None:
        client.socket.sendall(b"HTTP/1.1 200 OK\r\n\r\nWelcome!\n")

    with Planted(serve) as server:
        result = load("-c", 3, "-n", 30, server.url)
    assert result["requests"]["answered"] == result["connections"]["closed_by_server"] == 30


def test_head_has_no_body() -> None:
    with Planted(lambda server, client, target: answer()[:-9]) as server:
        result = load("-c", 1, "-n", 10, "--method", "HEAD", server.url)
        assert all(head.startswith(b"HEAD / ") for head in server.heads)
    assert result["requests"]["answered"] == 10


def test_ipv6_and_unix_sockets(tmp_path: Path) -> None:
    for server in (Planted(welcome, socket.AF_INET6), Planted(welcome, socket.AF_UNIX, str(tmp_path / "s"))):
        with server:
            result = load("-c", 5, "-n", 100, "--reconnect", 10, server.url)
        assert result["requests"]["answered"] == 100
        assert result["address"] == server.url.removeprefix("http://")
    large = b"x" * 3_000_000  # more than a socket's buffer: parts of it, in both directions
    with Planted(lambda server, client, target: answer(large), socket.AF_UNIX, str(tmp_path / "t")) as server:
        assert load("-c", 2, "-n", 20, server.url)["requests"]["answered"] == 20


def test_a_request_larger_than_the_sockets_buffer(tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"\r\n\r" * 1_000_000 + b"end")
    seen: list[int] = []

    def drain(connection: socket.socket) -> None:
        """Reads requests slowly enough for the sender to meet a full buffer."""
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = connection.recv(4096)
                if not more:
                    return
                data += more
            head, rest = data.split(b"\r\n\r\n", 1)
            length = int(re.search(rb"Content-Length: (\d+)", head)[1])  # type: ignore[index]
            left = length - len(rest)
            tail = rest
            while left > 0:
                more = connection.recv(min(left, 65536))
                tail = more
                left -= len(more)
            seen.append(length)
            assert tail.endswith(b"end")
            data = b""
            connection.sendall(answer())

    for family, address in ((socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, str(tmp_path / "s"))):
        seen.clear()
        listener = socket.socket(family)
        listener.bind(address)
        listener.listen()

        def serve(listener: socket.socket = listener) -> None:
            threads = []
            for _ in range(PROBES + 1):
                connection, _peer = listener.accept()
                threads.append(threading.Thread(target=drain, args=(connection,)))
                threads[-1].start()
            for thread in threads:
                thread.join()

        thread = threading.Thread(target=serve)
        thread.start()
        name = listener.getsockname()
        url = f"unix:{name}" if family == socket.AF_UNIX else f"http://127.0.0.1:{name[1]}"
        result = load("-c", 1, "-n", 5, "--body", body, url)
        thread.join()
        listener.close()
        assert result["requests"]["answered"] == 5
        assert seen == [body.stat().st_size] * (5 + PROBES)


# --- what is sent -----------------------------------------------------------------------------------


def test_connections_and_requests_are_exact() -> None:
    with Planted(welcome) as server:
        result = load("-c", 64, "-t", 3, "-n", 1001, server.url)
        assert len(server.clients) == 64 + PROBES
        assert len(server.requests) == 1001 + PROBES
        assert all(client.requests for client in server.clients)
    assert result["connections"]["opened"] == 64
    assert result["requests"]["sent"] == result["requests"]["answered"] == result["latency"]["count"] == 1001


def test_the_schedule_sends_all_of_it_and_in_its_order() -> None:
    with Planted(echo) as server:
        result = load("-c", 1, "-t", 1, "--rate", 2000, "-n", 400, "--seed", 5, server.url, "/{k:0-999999}")
        first = server.requests
    with Planted(echo) as server:
        load("-c", 4, "-t", 2, "--rate", 1500, "--poisson", "-n", 400, "--seed", 5, server.url, "/{k:0-999999}")
        second = server.requests
    with Planted(echo) as server:
        load("-c", 1, "--rate", 2000, "-n", 400, "--seed", 6, server.url, "/{k:0-999999}")
        other = server.requests
    assert result["requests"]["sent"] == 400 and len(first) == len(second) == 401  # one probe, of the first request
    assert Counter(first) == Counter(second)  # whatever thread sends a request, its numbers are the same
    assert first[0] == first[1]
    assert len(set(first) & set(other)) < 10


def test_a_mix_from_a_file(tmp_path: Path) -> None:
    mix = tmp_path / "mix"
    mix.write_text("# users\n9 /often?n=5\n1 /seldom?n={n:1-3}\n")
    with Planted(echo) as server:
        result = load("-c", 2, "-n", 1000, "--mix", mix, server.url)
        sent = counted(server.requests)
    assert set(sent) == {"/often?n=5", "/seldom?n=1", "/seldom?n=2", "/seldom?n=3"}
    assert 860 <= sent["/often?n=5"] <= 940
    often, seldom = result["targets"]
    assert (often["answered"], seldom["answered"]) == (sent["/often?n=5"] - 2, sum(sent.values()) - sent["/often?n=5"] - 1)
    assert (often["bytes_known"], seldom["bytes_known"]) == (True, False)
    assert often["latency"]["count"] + seldom["latency"]["count"] == result["latency"]["count"] == 1000
    assert result["requests"]["compared"] == often["answered"]


def test_headers_method_and_body(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"hello")
    with Planted(welcome) as server:
        load("-c", 1, "-n", 1, "--method", "GET", "-H", "X-A: b", "-H", "Accept: */*", f"{server.url}/x?y=%20")
        port = server.url.rsplit(":", 1)[1]
        assert set(server.heads) == {f"GET /x?y=%20 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-A: b\r\nAccept: */*".encode()}


def test_a_new_connection_after_every_n_answers() -> None:
    with Planted(welcome) as server:
        result = load("-c", 2, "-n", 60, "--reconnect", 5, server.url)
        per_connection = [len(client.requests) for client in server.clients[PROBES:]]
    assert sum(per_connection) == 60 and max(per_connection) == 5
    assert result["connections"]["closed_by_server"] == 0
    with Planted(welcome) as server:
        load("-c", 2, "-n", 60, "--rate", 1000, "--reconnect", 5, server.url)
        assert max(len(client.requests) for client in server.clients[PROBES:]) == 5


def test_think_time_lies_between_an_answer_and_the_next_request() -> None:
    with Planted(welcome) as server:
        result = load("-c", 1, "-n", 6, "--think", "50ms", server.url)
        stamps = server.answered_ns[PROBES:]
    assert all(b - a >= 49_000_000 for a, b in pairwise(stamps))
    assert result["latency"]["quantiles_us"]["p50"] < 50_000  # no part of the latency
