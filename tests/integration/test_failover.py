"""A slot without a worker: new clients go to others, and those in its queue are served by them."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

from daemon import Daemon, wait_for
from http_client import Connection, Load
from strace import failing_starts, under_strace

Start = Callable[..., Daemon]


def worker(daemon: Daemon, slot: int) -> dict[str, object]:
    return daemon.status()["workers"][slot]  # type: ignore[no-any-return]


def open_requests(daemon: Daemon, n: int) -> list[Connection]:
    connections = [Connection((daemon.host, daemon.port)) for _ in range(n)]
    for connection in connections:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return connections


def read_all(connections: list[Connection]) -> None:
    for connection in connections:
        assert connection.read().body == b"Welcome!\n"
        connection.close()


@under_strace
def test_a_worker_that_keeps_failing_harms_nobody(start: Start, tmp_path: Path) -> None:
    daemon = start("server.processes=3")
    with failing_starts(daemon, tmp_path):
        began = time.monotonic()
        with Load((daemon.host, daemon.port), clients=6, keep_alive=False) as load:
            load.wait_answered(20)
            os.kill(int(str(worker(daemon, 1)["pid"])), signal.SIGKILL)
            wait_for("it fails for the fourth time", lambda: "(failure 4 in a row)" in daemon.log())
            load.wait_answered(200)
        took_s = time.monotonic() - began
        # Of those that the victim had in hand, one each: a client has one request at a time.
        assert sum(load.failures.values()) <= load.clients, load.failures
        assert set(load.failures) <= {"end of stream", "ConnectionResetError", "BrokenPipeError"}
        # A client that had to wait for the slot would have waited for seconds.
        for _ in range(60):
            with Connection((daemon.host, daemon.port), 1.0) as connection:
                assert connection.request("/").body == b"Welcome!\n"
        waits = [int(ms) for ms in re.findall(r"worker 1 will be started again in (\d+) ms", daemon.log())]
        assert all(wait == due for wait, due in zip(waits, [100, 200, 400, 800, 1600, 3200], strict=False)), waits
        assert took_s >= sum(waits[:3]) / 1000
    wait_for("it is ready again", lambda: worker(daemon, 1)["state"] == "ready")
    assert daemon.status()["workers"][1]["restarts"] >= 4


@under_strace
def test_the_queue_of_a_slot_in_back_off_is_served(start: Start, tmp_path: Path) -> None:
    daemon = start("server.processes=3", "server.listen=127.0.0.2:0")
    victim = int(str(worker(daemon, 0)["pid"]))
    os.kill(victim, signal.SIGSTOP)
    connections = open_requests(daemon, 60)
    with failing_starts(daemon, tmp_path):
        os.kill(victim, signal.SIGKILL)
        wait_for("it is in back-off", lambda: worker(daemon, 0)["state"] == "backoff")
        read_all(connections)
        assert worker(daemon, 0)["state"] != "ready"
        # The others count them as theirs.
        assert sum(int(w["accepted"]) for w in daemon.status()["workers"]) == 60


def test_what_waits_for_a_slot_without_a_worker_survives_a_stop(start: Start) -> None:
    """Also when the death is not yet seen: both wait for the master."""
    for _ in range(4):
        daemon = start("server.processes=3", "workers.worker-reload-mercy=10s")
        victim = int(str(worker(daemon, 1)["pid"]))
        os.kill(victim, signal.SIGSTOP)
        connections = open_requests(daemon, 40)
        daemon.signal(signal.SIGSTOP)
        os.kill(victim, signal.SIGKILL)
        daemon.signal(signal.SIGTERM)
        daemon.signal(signal.SIGCONT)
        read_all(connections)
        assert daemon.wait_exit() == 0
        assert "killed: it has to stop" not in daemon.log()


@under_strace
def test_a_stop_during_back_off_serves_the_queue(start: Start, tmp_path: Path) -> None:
    daemon = start("server.processes=2", "limits.max-connections=8", "workers.worker-reload-mercy=10s")
    victim, other = (int(str(worker(daemon, i)["pid"])) for i in (0, 1))
    os.kill(victim, signal.SIGSTOP)
    os.kill(other, signal.SIGSTOP)
    connections = open_requests(daemon, 40)
    with failing_starts(daemon, tmp_path):
        os.kill(victim, signal.SIGKILL)
        wait_for("it is in back-off", lambda: worker(daemon, 0)["state"] == "backoff")
        daemon.signal(signal.SIGTERM)
        daemon.wait_log("SIGTERM from process")
        os.kill(other, signal.SIGCONT)
        read_all(connections)
        assert daemon.wait_exit() == 0


@under_strace
def test_no_worker_gets_more_than_it_may_have(start: Start, tmp_path: Path) -> None:
    most = 6
    daemon = start("server.processes=2", f"limits.max-connections={most}")
    victim = int(str(worker(daemon, 0)["pid"]))
    os.kill(victim, signal.SIGSTOP)
    connections = open_requests(daemon, 40)
    with failing_starts(daemon, tmp_path):
        os.kill(victim, signal.SIGKILL)
        wait_for("it is in back-off", lambda: worker(daemon, 0)["state"] == "backoff")
        # They stay open after the answer, so that the next ones have to wait until one is closed.
        wait_for("it has as many as it may", lambda: worker(daemon, 1)["connections"] == most)
        served = set[int]()
        while len(served) < len(connections):
            for i, connection in enumerate(connections):
                if i in served:
                    continue
                connection.socket.settimeout(0.05)
                try:
                    assert connection.read().body == b"Welcome!\n"
                except TimeoutError:
                    continue
                assert int(str(worker(daemon, 1)["connections"])) <= most
                connection.close()
                served.add(i)


@under_strace
def test_a_queue_waits_if_there_is_nobody_else(start: Start, tmp_path: Path) -> None:
    daemon = start("server.processes=1")
    victim = int(str(worker(daemon, 0)["pid"]))
    with failing_starts(daemon, tmp_path):
        os.kill(victim, signal.SIGKILL)
        wait_for("it is in back-off", lambda: worker(daemon, 0)["state"] == "backoff")
        connections = open_requests(daemon, 10)
    read_all(connections)
