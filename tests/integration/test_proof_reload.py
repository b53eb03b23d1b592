"""50 reloads under load (200 with RESTMARK_LONG=1), and no client notices."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable

from daemon import Daemon, wait_for
from http_client import Connection

from proof import load_on, must, require_unnoticed, times

Start = Callable[..., Daemon]
RELOADS = times(200)


def generations(daemon: Daemon) -> set[int]:
    return {w["generation"] for w in daemon.status()["workers"]}


def descriptors(daemon: Daemon) -> int:
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))


def test_reloads_under_load_lose_nothing(start: Start) -> None:
    """By restmarkctl, and every tenth by SIGHUP."""
    daemon = start("server.processes=2")
    must(daemon, "reload")
    before = descriptors(daemon)
    with load_on(daemon) as load:
        load.wait_requests(3)
        for n in range(3, RELOADS + 3):
            if n % 10:
                assert ", 0 connections reset, 0 workers killed" in must(daemon, "reload")
            else:
                daemon.signal(signal.SIGHUP)
                daemon.wait_log(rf"reloaded: generation {n} has replaced {n - 1} ")
        load.wait_requests(3)
    total = require_unnoticed(load)
    assert generations(daemon) == {RELOADS + 2}
    assert len(daemon.workers()) == 2
    assert descriptors(daemon) <= before  # nothing is left over from a generation
    # Each worker's end sends the kept connections to another one: without that there was nothing to prove.
    assert load.tallies["kept"].connections > RELOADS, str(total)


def test_the_server_has_counted_what_the_clients_have(start: Start) -> None:
    """Nothing is answered twice or counted wrongly when a worker is replaced in the middle of it."""
    daemon = start("server.processes=3")
    with load_on(daemon) as load:
        load.wait_requests(3)
        for _ in range(times(20)):
            must(daemon, "reload")
        load.wait_requests(3)
    total = require_unnoticed(load)
    status = daemon.status()
    assert sum(route["requests"] for route in status["routes"].values()) == total.requests
    assert sum(worker["accepted"] for worker in status["workers"]) == total.connections
    assert sum(route["aborted"] for route in status["routes"].values()) == 0


def test_connections_that_rest_for_long_are_closed_in_order(start: Start) -> None:
    """A second after the worker was told to leave; a reset would mean that a request could have been lost."""
    daemon = start("server.processes=2")
    connections = [Connection((daemon.host, daemon.port)) for _ in range(20)]
    for connection in connections:
        assert not connection.request("/").closes
    assert re.search(r"generation 1 has ended: 2 workers, 20 connections accepted, 20 .* 0 connections reset", must(daemon, "reload"))
    for connection in connections:
        assert connection.socket.recv(1) == b""
        connection.close()
    wait_for("the old workers are gone", lambda: len(daemon.workers()) == 2)
