"""The load client names each failure rightly, and counts each request once."""

from __future__ import annotations

import math
import socket
import threading
import time

import pytest
from bad_server import BODY, LARGE, BadServer
from restmark_proof.clients import Load, LocalFault, Outcome, Profile, Tally
from restmark_proof.clients.answer import Answer, Malformed
from restmark_proof.clients.client import Client


def ask(address: tuple[str, int], *profiles: Profile, requests: int) -> Load:
    """A load that has come to its end by its number of requests."""
    with Load(address, profiles, seconds=20, requests=requests) as load:
        end = time.monotonic() + 20
        while load.runs:
            assert time.monotonic() < end
            time.sleep(0.002)
    return load


@pytest.mark.parametrize(
    ("path", "outcome", "detail"),
    [
        ("/reset", Outcome.RESET, "Connection reset by peer"),
        ("/eof", Outcome.EOF, "end of stream"),
        ("/cut", Outcome.TRUNCATED, "end of stream after 41 bytes"),
        ("/cut-head", Outcome.TRUNCATED, "end of stream after 12 bytes"),
        ("/cut-reset", Outcome.TRUNCATED, "Connection reset by peer after 41 bytes"),
        ("/chunk-cut", Outcome.TRUNCATED, "end of stream after "),
        ("/silent", Outcome.TIMEOUT, "no answer"),
        ("/status", Outcome.STATUS, "503 b'right"),
        ("/body", Outcome.BODY, "6 bytes b'wrong"),
        ("/garbage", Outcome.MALFORMED, "no HTTP answer"),
        ("/no-length", Outcome.MALFORMED, "Content-Length: 'six'"),
        ("/surplus", Outcome.MALFORMED, "8 bytes behind the answer"),
        ("/second-eof", Outcome.EOF, "end of stream"),
        ("/second-reset", Outcome.RESET, "Connection reset by peer"),
        ("/second-unread", Outcome.RESET, "Connection reset by peer"),
    ],
)
def test_each_failure_has_its_name(bad: BadServer, path: str, outcome: Outcome, detail: str) -> None:
    """The second request on a connection fails like the first, if the server has got it."""
    second = path.startswith("/second")
    total = ask(bad.address, Profile("one", path, keep_alive=True, body=BODY, timeout_s=0.3), requests=2 if second else 1).total()
    assert total.failed == {outcome: 1}
    assert (total.answered, total.requests) == (1 if second else 0, 2 if second else 1)
    assert (total.idle_races, total.idle_closes) == (0, 0)
    (failure,) = total.failures
    assert failure.outcome is outcome
    assert detail in failure.detail
    assert failure.nth == (2 if second else 1)
    assert failure.port > 0
    assert outcome.value in str(failure)


def test_refused_is_told_from_reset() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
    total = ask(address, Profile("one"), requests=3).total()
    assert total.failed == {Outcome.REFUSED: 3}
    assert total.failures[0].port == 0


def test_a_connection_that_is_never_made_is_a_timeout() -> None:
    """The queue of a listener that nobody serves is full after two connections."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        total = ask(listener.getsockname(), Profile("one", timeout_s=0.3), requests=1).total()
        for one in waiting:
            one.close()
    assert total.failed == {Outcome.TIMEOUT: 1}
    assert total.failures[0].detail == "no connection"


@pytest.mark.parametrize("path", ["/ok", "/last", "/chunked", "/until-end", "/crumbs"])
@pytest.mark.parametrize("keep_alive", [True, False])
def test_right_answers_in_every_form(bad: BadServer, path: str, keep_alive: bool) -> None:
    total = ask(bad.address, Profile("one", path, clients=3, keep_alive=keep_alive, body=BODY), requests=30).total()
    assert (total.answered, total.lost) == (30, 0)
    assert bad.seen == {path: 30}
    kept = keep_alive and path not in ("/last", "/until-end")
    assert total.connections == (3 if kept else 30)
    assert total.idle_closes == total.idle_races == 0
    assert total.shortest_rest_s == math.inf


def test_a_close_without_notice_is_seen_and_fails_nothing(bad: BadServer) -> None:
    """The client rests for long enough to notice each time."""
    total = ask(bad.address, Profile("one", "/closes-unsaid", keep_alive=True, pause_s=0.03, body=BODY), requests=10).total()
    assert (total.answered, total.lost, total.idle_races) == (10, 0, 0)
    assert total.idle_closes == 10
    assert 0 < total.shortest_rest_s < 0.5
    assert total.connections == 10


def test_a_request_that_crosses_a_close_is_sent_again_and_reported(bad: BadServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the close came in the moment after the client had looked."""

    def late(client: Client, _: float) -> bool:
        assert bad.closed.acquire(timeout=10)
        return True

    monkeypatch.setattr(Client, "_is_usable", late)
    total = ask(bad.address, Profile("one", "/closes-unsaid", keep_alive=True, body=BODY), requests=10).total()
    assert (total.answered, total.lost) == (10, 0)
    assert total.idle_races == 9  # the tenth answer is the last
    assert 0 < total.shortest_rest_s < 0.5
    assert bad.seen == {"/closes-unsaid": 10}
    assert "9 idle-close races" in str(total)


def test_slow_readers_get_all_of_it_slowly(bad: BadServer) -> None:
    profile = Profile("slow", "/large", clients=4, read_bytes=8192, read_pause_s=0.005, body=LARGE)
    started = time.monotonic()
    total = ask(bad.address, profile, requests=8).total()
    assert (total.answered, total.lost) == (8, 0)
    assert time.monotonic() - started > 2 * (len(LARGE) // 8192) * 0.005


def test_profiles_are_counted_apart_and_every_request_once(bad: BadServer) -> None:
    profiles = [
        Profile("new", "/ok", clients=4, body=BODY),
        Profile("kept", "/chunked", clients=4, keep_alive=True, body=BODY),
        Profile("lost", "/eof", clients=2, body=BODY),
        Profile("slow", "/large", clients=2, read_bytes=65536, read_pause_s=0.001, body=LARGE),
    ]
    with Load(bad.address, profiles, seconds=20) as load:
        load.wait_requests(20)
    assert {name: tally.answered for name, tally in load.tallies.items() if not tally.lost} == {
        "new": bad.seen["/ok"],
        "kept": bad.seen["/chunked"],
        "slow": bad.seen["/large"],
    }
    assert load.tallies["lost"].failed == {Outcome.EOF: bad.seen["/eof"]}
    assert load.total().requests == sum(bad.seen.values())


def test_it_ends_by_time_and_finishes_what_it_began(bad: BadServer) -> None:
    started = time.monotonic()
    with Load(bad.address, [Profile("one", "/ok", clients=2, body=BODY)], seconds=0.2) as load:
        while load.runs:
            assert time.monotonic() < started + 10
            time.sleep(0.002)
    assert load.total().answered == bad.seen["/ok"] > 0
    assert load.total().lost == 0


def test_a_stop_wakes_those_that_rest(bad: BadServer) -> None:
    with Load(bad.address, [Profile("one", "/ok", keep_alive=True, pause_s=60)]) as load:
        end = time.monotonic() + 20
        while load.total().answered < 1:  # wait_requests() would wait for a second one if the first is done by now
            assert time.monotonic() < end
            time.sleep(0.002)
        started = time.monotonic()
        load.stop()
        assert time.monotonic() - started < 5
    assert load.total().answered == 1


def test_a_fault_of_ones_own_is_not_told_of_the_server(bad: BadServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_descriptor(*_: object) -> socket.socket:
        raise OSError(24, "Too many open files")

    load = Load(bad.address, [Profile("one", "/ok")])
    monkeypatch.setattr("restmark_proof.clients.client.socket.socket", no_descriptor)
    load.__enter__()
    with pytest.raises(LocalFault, match="Too many open files"):
        load.stop()
    assert load.total().lost == 0


def test_the_counts_can_be_read_while_it_runs(bad: BadServer) -> None:
    with Load(bad.address, [Profile("one", "/ok", body=BODY)]) as load:
        load.wait_requests(5)
        assert load.total().answered >= 5
        with pytest.raises(LocalFault, match="no 1000000 more"):
            load.wait_requests(1_000_000, seconds=0.05)
    assert threading.active_count() < 50


def test_tallies_add_up() -> None:
    one, other = Tally(answered=2, idle_races=1, slowest_ms=5), Tally(answered=3, connections=4, slowest_ms=3, shortest_rest_s=2)
    other.failed[Outcome.RESET] = 2
    one.merge(other)
    assert (one.answered, one.lost, one.requests, one.connections, one.slowest_ms, one.shortest_rest_s) == (5, 2, 7, 4, 5, 2)
    assert str(one) == "2 of 7 requests failed (2 reset); 1 idle-close races (sent again)"


@pytest.mark.parametrize(
    "text",
    [b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20000,
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc"],
)  # fmt: skip
def test_what_is_no_answer_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed):
        Answer().feed(text)


def test_an_answer_may_come_in_any_pieces() -> None:
    text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n00\r\n\r\n"
    for cut in range(1, len(text)):
        answer = Answer()
        answer.feed(text[:cut])
        assert not answer.complete
        answer.feed(text[cut:])
        assert answer.complete
        assert answer.body == b"0123456789"
