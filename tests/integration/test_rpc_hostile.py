"""What clients of the RPC port may do wrong: no crash, bounded memory, and an answer where there can be one."""

from __future__ import annotations

import select
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable

import msgpack
import pytest
from daemon import Daemon, wait_for
from http_client import Connection
from rpc_client import RpcClient, addresses

Start = Callable[..., Daemon]


def resident(daemon: Daemon) -> int:
    (worker,) = daemon.workers()
    with open(f"/proc/{worker}/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def has_come(client: RpcClient) -> bool:
    """Whether there is something to be read."""
    return bool(select.select([client.socket], [], [], 0)[0])


HEAD = b"\x94\x00\x05"

BROKEN: list[tuple[str, bytes, int | None]] = [
    ("nothing that begins a value", b"\xc1", None),
    ("the same in a call", HEAD + b"\xc1", 400),
    ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", None),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300), None),
    ("a million arrays in one another", b"\x91" * 1_000_000, None),
    ("the same as parameters", HEAD + b"\xa7welcome" + b"\x91" * 1_000_000, 400),
    ("an array of 2^32 - 1", HEAD + b"\xa7welcome\xdd\xff\xff\xff\xff", 400),
    ("a map of 2^32 - 1", HEAD + b"\xa7welcome\x91\xdf\xff\xff\xff\xff", 400),
    ("a string of 4 GiB", HEAD + b"\xdb\xff\xff\xff\xff", 413),
    ("a bin of 4 GiB", HEAD + b"\xa8validate\x91\x81\xa4body\xc6\xff\xff\xff\xff", 413),
    ("an ext of 4 GiB", b"\x94\x00\xcd\x00\x05\xc9\xff\xff\xff\xff\x01", 413),
    ("a bare number", b"\x05", None),
    ("an empty array", b"\x90", None),
    ("an answer", msgpack.packb([1, 5, None, None]), None),
    ("an id below zero", msgpack.packb([0, -5, "welcome", []]), None),
    ("an id beyond 32 bits", msgpack.packb([0, 1 << 32, "welcome", []]), None),
    ("a request of three", msgpack.packb([0, 5, "welcome"]), None),
    ("a notification of four", msgpack.packb([2, 5, "welcome", []]), None),
    ("a type that there is none of", msgpack.packb([7, 5, "welcome", []]), None),
]


@pytest.mark.parametrize("what", [row[0] for row in BROKEN])
def test_what_is_no_call_ends_the_connection_behind_the_answers_that_are_due(start: Start, what: str) -> None:
    (bytes_, status) = next((row[1], row[2]) for row in BROKEN if row[0] == what)
    daemon = start("server.processes=1", "rpc.listen=127.0.0.1:0", "workloads.wait=yes")
    (address,) = addresses(daemon)
    with RpcClient(address) as client:
        client.call(1, "wait", ms=100)
        client.call(2, "welcome")
        try:
            client.socket.sendall(bytes_)
        except (ConnectionResetError, BrokenPipeError):
            pass  # it need not take all of it
        answers = [answer for answer in iter(client.read, None) if answer]
    by_id = {a[0]: a for a in answers}
    assert by_id[2][2] == "Welcome!\n"
    assert by_id[1][2] == "100"
    assert (by_id[5][1][0] if 5 in by_id else None) == status
    closes = daemon.status()["closes"]
    assert closes["protocol"] == 1
    with RpcClient(address) as client:
        assert client.ask("welcome") == "Welcome!\n"


def test_a_message_may_come_byte_by_byte_and_in_any_pieces(start: Start) -> None:
    daemon = start("server.processes=1", "rpc.listen=127.0.0.1:0")
    calls = [[0, 1, "million-loop", [{"n": 5, "seed": 7}]], [0, 70_000, "record", [{"id": 3}]], [2, "welcome", []], [0, 3, "welcome", []]]
    bytes_ = b"".join(msgpack.packb(c) for c in calls)
    with RpcClient(addresses(daemon)[0]) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for step in (1, 2, 3, 7, len(bytes_)):
            for at in range(0, len(bytes_), step):
                client.socket.sendall(bytes_[at : at + step])
            got = [client.read() for _ in range(3)]
            assert [a[0] for a in got if a] == [1, 70_000, 3], step


def test_a_part_of_a_message_has_one_deadline(start: Start) -> None:
    daemon = start("server.processes=1", "rpc.listen=127.0.0.1:0", "limits.request-timeout=500ms")
    with RpcClient(addresses(daemon)[0]) as client:
        begun = time.monotonic()
        client.socket.sendall(HEAD + b"\xa8validate\x91\x81\xa4body\xda\x40\x00")
        client.socket.settimeout(0.02)
        while True:  # a byte now and then, which does not help
            try:
                if not client.socket.recv(1):
                    break
            except TimeoutError:
                try:
                    client.socket.sendall(b"x")
                except OSError:
                    break
            except ConnectionResetError:
                break
        assert time.monotonic() - begun >= 0.499  # it counts in whole milliseconds
    assert daemon.status()["closes"]["timeout"] == 1


def test_a_client_that_does_not_read_costs_what_it_may(start: Start) -> None:
    """It gets no more answers than fit, is not read any further, and is answered in full when it reads after all."""
    daemon = start("server.processes=1", "rpc.listen=127.0.0.1:0", "limits.request-timeout=60s")
    with RpcClient(addresses(daemon)[0]) as client, RpcClient(addresses(daemon)[0]) as other:
        assert other.ask("transfer-data", count=900)
        before = resident(daemon)
        client.socket.settimeout(1)
        message = msgpack.packb([0, 7, "transfer-data", [{"count": 900}]])
        sent = 0
        with pytest.raises(TimeoutError):
            while True:
                sent += client.socket.send(message * 100)
        assert resident(daemon) - before < 8 << 20
        assert other.ask("welcome") == "Welcome!\n"
        client.socket.settimeout(60)
        n = 0
        for _ in range(sent // len(message)):
            assert client.read() is not None
            n += 1
            if n == 2000:
                break
        assert n > 100


def test_waits_and_dear_calls_of_one_client_are_bounded(start: Start) -> None:
    daemon = start("server.processes=1", "rpc.listen=127.0.0.1:0", "workloads.wait=yes")
    with RpcClient(addresses(daemon)[0]) as client, RpcClient(addresses(daemon)[0]) as other:
        client.send(*([0, i, "wait", [{"ms": 1000}]] for i in range(1000)))
        wait_for("as many wait as may", lambda: daemon.status()["workers"][0]["waiting"] == 128)
        assert other.ask("welcome") == "Welcome!\n"
        assert daemon.status()["workers"][0]["waiting"] <= 128
        got = {a[0] for a in (client.read() for _ in range(300)) if a}
        assert len(got) == 300  # those behind are read as soon as there is room


def test_a_half_closed_client_gets_its_answers_and_a_gone_one_costs_nothing(start: Start) -> None:
    daemon = start("server.processes=1", "rpc.listen=127.0.0.1:0", "workloads.wait=yes")
    (address,) = addresses(daemon)
    with RpcClient(address) as client:
        client.send([0, 1, "wait", [{"ms": 300}]], [0, 2, "million-loop", [{"n": 1_000_000}]])
        client.socket.sendall(HEAD)  # of one that never comes
        client.socket.shutdown(socket.SHUT_WR)
        assert {a[0] for a in iter(client.read, None) if a} == {1, 2}
    client = RpcClient(address)
    client.call(1, "wait", ms=60_000)
    wait_for("it waits", lambda: daemon.status()["workers"][0]["waiting"] == 1)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.close()  # a reset
    wait_for("it does not", lambda: daemon.status()["workers"][0]["waiting"] == 0)
    status = daemon.status()
    assert (status["rpc"]["connections"], status["routes"]["wait"]["aborted"]) == (0, 1)
    assert status["closes"]["gone"] >= 2


def test_a_client_that_never_stops_does_not_hold_up_a_stop(start: Start) -> None:
    """Notifications have no answers that could fill anything: what comes after the drain has begun is not read any more."""
    daemon = start("server.processes=1", "rpc.listen=127.0.0.1:0")
    flood = msgpack.packb([2, "welcome", []]) * 5000
    stop = threading.Event()

    def send(client: RpcClient) -> None:
        try:
            while not stop.is_set():
                client.socket.sendall(flood)
        except OSError:
            return

    with RpcClient(addresses(daemon)[0]) as client:
        thread = threading.Thread(target=send, args=(client,))
        thread.start()
        wait_for("they come in", lambda: daemon.status()["rpc"]["calls"] > 20_000)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_exit() == 0
        stop.set()
        thread.join()
    assert "exited with code 0" in daemon.log()


def test_bodies_share_the_memory_of_http_s(start: Start) -> None:
    daemon = start("server.processes=1", "rpc.listen=127.0.0.1:0", "limits.limit-body=64K", "limits.body-memory=128K")
    with RpcClient(addresses(daemon)[0]) as client:
        begin = HEAD + b"\xa8validate\x91\x81\xa4body\xda\xff\x00"
        holders = [RpcClient(addresses(daemon)[0]) for _ in range(4)]
        for holder in holders:
            holder.socket.sendall(begin + b"x" * 60_000)
        refused = wait_for("one is refused", lambda: [holder for holder in holders if has_come(holder)])
        answer = refused[0].read()
        assert answer is not None and answer[1][0] == 503
        for holder in holders:
            holder.socket.close()
        wait_for("it is given back", lambda: daemon.status()["workers"][0]["request_bodies_bytes"] == 0)
        large = "x" * (70 << 10)
        client.call(5, "validate", body=large)
        answer = client.read()
        assert answer is not None and answer[1][0] == 413


def test_connections_are_counted_together_and_the_longest_idle_gives_way(start: Start) -> None:
    daemon = start("server.processes=1", "rpc.listen=127.0.0.1:0", "limits.max-connections=8", "workloads.wait=yes")
    (address,) = addresses(daemon)
    idle = [RpcClient(address) for _ in range(8)]
    for client in idle:
        assert client.ask("welcome")
    with Connection((daemon.host, daemon.port), 60) as connection:
        assert connection.request("/").status == 200
        with RpcClient(address) as another:
            assert another.ask("welcome") == "Welcome!\n"
    status = daemon.status()
    assert status["closes"]["evicted"] >= 1
    assert status["workers"][0]["connections"] <= 8
    for client in idle:
        client.socket.close()
