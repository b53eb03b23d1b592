"""The ways in which connections are spread over the workers."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import Daemon, run, wait_for
from http_client import Connection, Load
from test_scale import command, listeners, states

Start = Callable[..., Daemon]
CPUS = sorted(os.sched_getaffinity(0))


def pinned_to(pid: int) -> set[int]:
    return os.sched_getaffinity(pid)


@pytest.mark.parametrize("balance", ["reuseport", "shared", "cpu"])
def test_each_way_serves(start: Start, balance: str) -> None:
    n = 4
    daemon = start(f"server.processes={n}", f"server.balance={balance}", "server.listen=[::1]:0")
    assert listeners(daemon.port) == (1 if balance == "shared" else n)
    for host, port in daemon.addresses:
        with Load((host.strip("[]"), int(port)), "/encode-json", clients=8, keep_alive=False, expected=b"133622") as load:
            load.wait_answered(100)
        assert not load.failures, load.failures
    accepted = [w["accepted"] for w in daemon.status()["workers"]]
    assert sum(accepted) >= 200
    assert sum(1 for a in accepted if a > 0) >= 2, accepted


@pytest.mark.parametrize("balance", ["shared", "cpu"])
def test_each_way_scales_reloads_and_stops(start: Start, balance: str) -> None:
    daemon = start("server.processes=2", f"server.balance={balance}")
    with Load((daemon.host, daemon.port), clients=6, keep_alive=False) as load:
        for line in ("scale 5", "reload", "scale 1", "scale 3"):
            reply = command(daemon, line)
            assert reply.startswith("ok\n"), reply
            load.wait_answered(20)
        assert states(daemon) == ["ready"] * 3
        assert listeners(daemon.port) == (1 if balance == "shared" else 3)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_exit() == 0
    assert not load.failures, load.failures


def test_shared_listeners_leave_no_client_to_a_busy_worker(start: Start) -> None:
    """While one worker counts, for a tenth of a second, all others are answered.

    On a busy machine they may take longer than that although nobody waits for the count; who does wait does so each time."""
    daemon = start("server.processes=2", "server.balance=shared")

    def at_work() -> bool:
        return any(w["working"] for w in json.loads(daemon.ask("status json"))["workers"])

    with Connection((daemon.host, daemon.port), 60) as busy:

        def done() -> bool:
            return bool(select.select([busy.socket], [], [], 0)[0])

        for _ in range(50):
            busy.send(b"GET /million-loop?n=100000000 HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_for("it is begun", lambda: at_work() or done())
            for _ in range(30):
                with Connection((daemon.host, daemon.port)) as connection:
                    assert connection.request("/").body == b"Welcome!\n"
            counts_still = not done()
            assert busy.read().status == 200
            if counts_still:
                return
    pytest.fail("the others were never answered before the count was done")


def test_a_full_worker_leaves_connections_to_others_or_the_queue(start: Start) -> None:
    daemon = start("server.processes=2", "server.balance=shared", "limits.max-connections=2")
    connections = [Connection((daemon.host, daemon.port), 20) for _ in range(6)]
    for connection in connections:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_for("four are served", lambda: [w["connections"] for w in daemon.status()["workers"]] == [2, 2])
    waiting = list(connections)
    while waiting:
        for connection in list(waiting):
            connection.socket.settimeout(0.05)
            try:
                assert connection.read().body == b"Welcome!\n"
            except TimeoutError:
                continue
            connection.close()
            waiting.remove(connection)


def test_workers_are_pinned(start: Start) -> None:
    for options, expected in (
        (("server.cpu-affinity=auto",), [{CPUS[i % len(CPUS)]} for i in range(3)]),
        ((f"server.cpu-affinity={CPUS[-1]}",), [{CPUS[-1]}] * 3),
        (("server.balance=cpu",), [{CPUS[i % len(CPUS)]} for i in range(3)]),
        ((), [set(CPUS)] * 3),
    ):
        daemon = start("server.processes=3", *options)
        assert [pinned_to(w["pid"]) for w in daemon.status()["workers"]] == expected
        assert pinned_to(daemon.pid) == set(CPUS)


@pytest.mark.skipif(len(CPUS) < 2, reason="there is one CPU")
def test_connections_go_to_the_cpu_that_receives_them(start: Start) -> None:
    """On the loopback interface that is the client's own."""
    daemon = start("server.processes=2", "server.balance=cpu")
    own = os.sched_getaffinity(0)
    try:
        for slot, cpu in enumerate(CPUS[:2]):
            os.sched_setaffinity(0, {cpu})
            before = [w["accepted"] for w in daemon.status()["workers"]]
            for _ in range(20):
                with Connection((daemon.host, daemon.port)) as connection:
                    assert connection.request("/").body == b"Welcome!\n"
            after = [w["accepted"] for w in daemon.status()["workers"]]
            assert [a - b for a, b in zip(after, before, strict=True)] == [20 * (slot == i) for i in range(2)]
    finally:
        os.sched_setaffinity(0, own)


@pytest.mark.parametrize("text", ["4096", "x", "0-", "3-1", "0,0", "auto,0", "", ",", "0,"])
def test_wrong_lists_of_cpus_are_refused(text: str) -> None:
    result = run("-o", f"server.cpu-affinity={text}", "-t")
    assert result.returncode == 78
    assert f"-o server.cpu-affinity={text}: [server] cpu-affinity: " in result.stderr


def test_an_idle_master_uses_no_cpu(start: Start) -> None:
    """Less than a thousandth of one CPU."""
    span_s = 3.0
    daemon = start("server.processes=4")
    daemon.status()

    def used_ns() -> int:
        return int(Path(f"/proc/{daemon.pid}/schedstat").read_text().split()[0])

    before = used_ns()
    time.sleep(span_s)
    assert used_ns() - before < span_s * 1e9 / 1000
