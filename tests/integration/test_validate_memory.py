"""Bodies of POST /validate while they come in: their memory and its limits, slow and leaving clients, workers that go meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
import time

import pytest
from daemon import Daemon, wait_for
from http_client import Closed, Connection, exchange
from validate_support import (
    GOOD,
    LIMIT,
    Start,
    assert_given_back,
    assert_refused,
    body_memory,
    chunked,
    dense,
    padded,
    posted,
)

pytest_plugins = ["validate_fixtures"]


def test_a_body_of_exactly_the_limit_is_taken_and_one_of_more_is_not(daemon: Daemon) -> None:
    address = (daemon.host, daemon.port)
    with Connection(address, 30) as one:
        for _ in range(2):
            one.send(posted(padded(LIMIT)))
            assert one.read().body == dense(GOOD)
            one.send(chunked(padded(LIMIT), 10007))
            assert one.read().body == dense(GOOD)
    for data in (posted(padded(LIMIT + 1)), chunked(padded(LIMIT + 1), LIMIT), chunked(padded(LIMIT + 1), 10007)):
        response = exchange(address, data, 30)
        assert_refused(response, 413)
        assert response.closes
    assert_given_back(daemon)


def test_a_refused_body_gives_its_memory_back_at_once(start: Start) -> None:
    """… though requests before it are still to be answered."""
    daemon = start("server.processes=1", "workloads.wait=yes")
    with Connection((daemon.host, daemon.port)) as one:
        body = chunked(padded(50000), 20000)
        one.send(b"GET /wait?ms=3000 HTTP/1.1\r\nHost: x\r\n\r\n" + body[:-5] + b"wrong")
        wait_for("it waits", lambda: daemon.status()["workers"][0]["waiting"] == 1)
        assert body_memory(daemon) == 0
        assert one.read().body == b"3000"
        assert_refused(one.read(), 400)


def test_the_limit_is_an_option(start: Start) -> None:
    daemon = start("server.processes=1", "limits.limit-body=200", "limits.limit-post=100")
    address = (daemon.host, daemon.port)
    assert exchange(address, posted(padded(200))).status == 200
    assert exchange(address, posted(padded(201))).status == 413
    assert exchange(address, posted(b" " * 101, target="/")).status == 413
    assert exchange(address, b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: 201\r\nExpect: 100-continue\r\n\r\n").status == 413


def test_a_client_that_waits_to_be_told_so_is_told_to_send_its_body(daemon: Daemon) -> None:
    with Connection((daemon.host, daemon.port)) as one:
        head, body = posted(dense(GOOD), more="Expect: 100-continue\r\n").split(b"\r\n\r\n")
        one.send(head + b"\r\n\r\n")
        interim = one.socket.recv(1000)
        assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
        one.send(body)
        assert one.read().body == dense(GOOD)


def begin_body(daemon: Daemon, announced: int, sent: int) -> Connection:
    before = body_memory(daemon)
    one = Connection((daemon.host, daemon.port))
    one.send(f"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: {announced}\r\n\r\n".encode() + padded(announced)[:sent])
    wait_for("what was sent is there", lambda: body_memory(daemon) >= before + sent)
    return one


def test_memory_is_taken_as_bytes_come(start: Start) -> None:
    daemon = start("server.processes=1", "limits.body-memory=1M")
    clients = [begin_body(daemon, LIMIT, 1000) for _ in range(40)]  # 40 MiB are announced
    assert 40 * 1000 <= body_memory(daemon) <= 40 * 2048
    for client in clients:
        client.close()
    assert_given_back(daemon)


def test_a_body_for_which_no_memory_is_left_gets_503(start: Start) -> None:
    daemon = start("server.processes=1", "limits.body-memory=1M")
    address = (daemon.host, daemon.port)
    with begin_body(daemon, LIMIT, 900000) as first:
        response = exchange(address, posted(padded(500000)), 30)
        assert "memory" in assert_refused(response, 503)
        assert response.closes
        assert exchange(address, posted(padded(1000))).status in (200, 503)  # by what the first has taken in advance
        assert exchange(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").status == 200
        first.send(padded(LIMIT)[900000:])
        assert first.read().body == dense(GOOD)
        assert_given_back(daemon)
        first.send(posted(padded(LIMIT)))  # all that there is, at once
        assert first.read().body == dense(GOOD)
    assert daemon.status()["routes"]["other"]["errors_5xx"] >= 1
    assert_given_back(daemon)


@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
def test_a_client_that_leaves_in_the_middle_of_its_body_gives_back_its_memory(start: Start, how: str) -> None:
    daemon = start("server.processes=1")
    clients = [begin_body(daemon, 300000, 200000) for _ in range(5)]
    for client in clients:
        if how == "half-close":
            client.end_sending()
            continue
        if how == "reset":
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    assert_given_back(daemon)
    wait_for("nobody is left", lambda: daemon.status()["workers"][0]["connections"] == 0)
    for client in clients:
        if how == "half-close":
            assert client.at_end()
            client.close()
    assert exchange((daemon.host, daemon.port), posted(dense(GOOD))).body == dense(GOOD)


def test_a_body_that_comes_too_slowly_is_cut_and_gives_back_its_memory(start: Start) -> None:
    daemon = start("server.processes=1", "limits.request-timeout=500ms", "limits.idle-timeout=300ms")
    with begin_body(daemon, 300000, 100000) as client:
        client.socket.settimeout(0.05)
        ends = time.monotonic() + 10
        while time.monotonic() < ends:
            try:
                client.send(b" ")
                if client.socket.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            raise AssertionError("it drips for ever")
    assert_given_back(daemon)
    wait_for("it is counted", lambda: daemon.status()["routes"]["other"]["aborted"] == 1)


def test_a_body_that_comes_slowly_is_taken_within_its_time(start: Start) -> None:
    daemon = start("server.processes=1", "limits.idle-timeout=200ms")
    data = posted(padded(500))
    with Connection((daemon.host, daemon.port)) as one:
        for i in range(0, len(data), 40):
            one.send(data[i : i + 40])
            time.sleep(0.04)  # the slowness is the condition: more than idle-timeout in all
        assert one.read().body == dense(GOOD)


def state_of(daemon: Daemon, pid: int) -> str:
    seats = [seat for slot in daemon.status()["workers"] for seat in (slot, slot["beside"]) if seat]
    return next(str(seat["state"]) for seat in seats if seat["pid"] == pid)


@pytest.mark.parametrize("how", ["reload", "drain", "upgrade"])
def test_a_body_that_is_coming_in_is_answered_by_a_worker_that_is_replaced(start: Start, how: str) -> None:
    daemon = start(config="[server]\nprocesses = 1\n")
    before = daemon.workers()
    with begin_body(daemon, LIMIT, 500000) as client:
        asked = threading.Thread(target=daemon.tell, args=(f"{how}{' 0' if how == 'drain' else ''}\n".encode(),))
        asked.start()  # the reply comes when it is done
        wait_for("it drains", lambda: state_of(daemon, before[0]) == "draining")
        client.send(padded(LIMIT)[500000:])
        response = client.read()
        assert (response.status, response.body, response.closes) == (200, dense(GOOD), True)
    asked.join(20)
    wait_for("the old worker is gone", lambda: not set(before) & set(daemon.workers()))


@pytest.mark.parametrize("options", ["limit-body = 0", "limit-body = 73\n[workloads]\nwait = yes", "limit-body = 74\n[workloads]\nrecords = 1\ncodec = tree"])
def test_the_first_worker_of_a_reload_is_asked_for_what_it_has(start: Start, options: str) -> None:
    """… and so may serve, however little is allowed or switched on."""
    daemon = start(config=f"[server]\nprocesses = 1\n[limits]\n{options}\n")
    before = daemon.workers()
    assert daemon.tell(b"reload\n").startswith(b"ok"), daemon.log()
    wait_for("the old worker is gone", lambda: not set(before) & set(daemon.workers()))


def test_a_stop_lets_a_body_come_in_and_be_answered(start: Start) -> None:
    daemon = start("server.processes=1")
    with begin_body(daemon, LIMIT, 500000) as client:
        daemon.begin_stop()
        client.send(padded(LIMIT)[500000:])
        response = client.read()
        assert (response.status, response.body, response.closes) == (200, dense(GOOD), True)
    assert daemon.process.wait(300) == 0


def test_a_stop_does_not_wait_longer_for_a_body_than_its_mercy(start: Start) -> None:
    daemon = start("server.processes=1", "workers.worker-reload-mercy=300ms")
    daemon.expect_failure = True
    with begin_body(daemon, LIMIT, 500000) as client:
        os.kill(daemon.pid, signal.SIGTERM)
        with pytest.raises((Closed, ConnectionResetError)):
            client.read()
    daemon.process.wait(300)
