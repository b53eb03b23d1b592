"""A worker that is stuck is killed and replaced, with a trace of where it was; nobody else is, and no other worker's client notices."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import Daemon, wait_for
from http_client import Connection, Load

from processes import is_stopped

Start = Callable[..., Daemon]
LONG = "/million-loop?n=100000000&seed=5"  # the longest request there is: a tenth of a second, or a few


def ask_each_worker(daemon: Daemon) -> list[Connection]:
    """One kept connection to each worker, as many as it takes to meet all."""
    connections: list[Connection] = []

    def met_all() -> bool:
        connections.append(Connection((daemon.host, daemon.port), 30))
        assert connections[-1].request("/").body == b"Welcome!\n"
        return all(w["connections"] > 0 for w in daemon.status()["workers"])

    wait_for("every worker has a connection", met_all)
    return connections


def test_a_request_that_runs_too_long_is_ended_and_explained(start: Start) -> None:
    daemon = start("server.processes=2", "workers.harakiri=20ms")

    def provoke() -> bool:
        with Connection((daemon.host, daemon.port), 30) as connection:
            connection.send(f"GET {LONG} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            try:
                connection.socket.recv(1)
            except ConnectionResetError:
                pass
        return dead_at_work() > 0

    def dead_at_work() -> int:
        """A worker that died in the request, 0: none yet. One that was about to answer when it was noticed may have done so just before."""
        deaths = [re.match(r"pid (\d+) .*in work: ", e["text"]) for e in daemon.events("death")]
        return next((int(death[1]) for death in deaths if death), 0)

    wait_for("a death at work", provoke)
    assert daemon.ends("harakiri") >= 1
    pid = dead_at_work()
    (event,) = [e for e in daemon.events("harakiri") if e["text"].startswith(f"pid {pid} is killed: ")]
    says = r"/million-loop\?n=100000000&seed=5 runs for 0\.\d{3} s \(\[workers\] harakiri is 0\.020 s\); it runs"
    assert re.search(says, event["text"]), event
    log = daemon.log()
    assert re.search(rf"error: worker {event['slot']} \(pid {pid}\) is killed: {says}", log)
    stack = re.findall(rf"worker {event['slot']} \(pid {pid}\) stack #(\d+) (.*)", log)
    assert [int(number) for number, _ in stack] == list(range(len(stack)))
    functions = " ".join(where for _, where in stack)
    assert stack[0][1].startswith("restmarkd+0x"), log
    assert "(loop_run+0x" in functions and "(work_run+0x" in functions and "libmicrohttpd.so" in functions, log
    (death,) = [e["text"] for e in daemon.events("death") if f"pid {pid} " in e["text"]]
    assert re.search(rf"signal 9 \(SIGKILL, Killed\) .*; cause: harakiri; in work: {re.escape(LONG)} for \d\.\d{{3}} s; 1 connection reset", death)


def test_one_wedged_worker_is_replaced_and_the_others_do_not_notice(start: Start) -> None:
    daemon = start("server.processes=3", "workers.harakiri=500ms")
    kept = ask_each_worker(daemon)
    victim, *others = daemon.workers()
    os.kill(victim, signal.SIGSTOP)
    address = (daemon.host, daemon.port)
    # Some of these wait in the stopped worker's queue; its successor serves them.
    waiting = [Connection(address, 30) for _ in range(20)]
    for connection in waiting:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    wait_for("it is killed", lambda: daemon.ends("wedged") == 1)
    for connection in waiting:
        assert connection.read().body == b"Welcome!\n"
        connection.close()
    assert set(others) < set(daemon.workers())
    alive = 0
    for connection in kept:
        try:
            alive += connection.request("/").body == b"Welcome!\n"
        except Exception as error:  # the victim's own connections
            assert type(error).__name__ in ("Closed", "ConnectionResetError", "BrokenPipeError")
        connection.close()
    assert alive >= 2
    (event,) = daemon.events("wedged")
    assert re.search(rf"pid {victim} is killed: no sign of life for [3-9]\.\d{{3}} s, .*; it is stopped by a signal", event["text"]), event
    assert f"(pid {victim}) does not show its stack" in daemon.log()
    assert daemon.ends("crash") == 0


def test_service_comes_back_when_all_workers_are_wedged(start: Start) -> None:
    daemon = start("server.processes=2", "workers.harakiri=500ms")
    for worker in daemon.workers():
        os.kill(worker, signal.SIGSTOP)
    begin = time.monotonic()
    assert len(daemon.status()["workers"]) == 2
    assert time.monotonic() - begin < 30  # a master that waits for a worker would wait for ever
    waiting = [Connection((daemon.host, daemon.port), 30) for _ in range(10)]
    for connection in waiting:
        connection.send(b"GET /encode-json HTTP/1.1\r\nHost: x\r\n\r\n")
    for connection in waiting:
        assert connection.read().body == b"133622"
        connection.close()
    wait_for("both are replaced", lambda: daemon.ends("wedged") == 2)
    assert not daemon.ends("crash")
    with Load((daemon.host, daemon.port), clients=4) as load:
        load.wait_answered(50)
    assert not load.failures


def test_nobody_is_killed_who_is_well(start: Start) -> None:
    """Idle workers, slow readers of long answers, slow writers of requests, and many requests in a row."""
    daemon = start("server.processes=2", "workers.harakiri=1s")
    workers = daemon.workers()
    with socket.create_connection((daemon.host, daemon.port)) as reader, daemon.connect() as writer:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.sendall(b"GET /transfer-data HTTP/1.1\r\nHost: x\r\n\r\n")
        writer.sendall(b"GET / HTTP/1.1\r\nHost: ")
        end = time.monotonic() + 5  # more than any of harakiri's times
        with Load((daemon.host, daemon.port), "/encode-json", clients=4, expected=b"133622") as load:
            while time.monotonic() < end:
                assert reader.recv(100)
                writer.sendall(b"x")
                time.sleep(0.1)
        assert not load.failures
    assert daemon.workers() == workers
    assert [e["kind"] for e in daemon.events()] == ["start", "ready"]


@pytest.mark.parametrize("frozen_s", [3.5, 8])
def test_a_frozen_machine_costs_nobody_its_life(start: Start, frozen_s: float) -> None:
    """All processes stand still for longer than a request may take, or than any of harakiri's times, one of them in the middle of one."""
    daemon = start("server.processes=2", "workers.harakiri=3s")
    workers = daemon.workers()

    def busy() -> list[int]:
        return [w["pid"] for w in daemon.status()["workers"] if w["working"]]

    with Connection((daemon.host, daemon.port), 60) as connection:
        for _ in range(100):  # a request takes some hundredths of a second, and far less than harakiri's time on a busy machine, too: it is not always hit
            connection.send(b"GET /million-loop?n=30000000 HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.02)
            for pid in workers:
                os.kill(pid, signal.SIGSTOP)
            wait_for("they stand still", lambda: all(is_stopped(pid) for pid in workers))
            if busy():
                break
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
            assert connection.read().status == 200
        assert busy()
        os.kill(daemon.pid, signal.SIGSTOP)
        time.sleep(frozen_s)
        for pid in (daemon.pid, *workers):
            os.kill(pid, signal.SIGCONT)
        assert connection.read().status == 200
    # Rounds of looking go on; the next worker that really stands still is found.
    assert sorted(daemon.workers()) == sorted(workers)
    assert [e["kind"] for e in daemon.events()] == ["start", "ready"]
    os.kill(workers[0], signal.SIGSTOP)
    wait_for("it is killed", lambda: daemon.ends("wedged") == 1)


def test_off_means_off(start: Start) -> None:
    """A worker may be held by a debugger for as long as one likes."""
    daemon = start("server.processes=1")
    (worker,) = daemon.workers()
    os.kill(worker, signal.SIGSTOP)
    with Connection((daemon.host, daemon.port), 30) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(4)  # longer than the least silence that harakiri knows
        assert daemon.workers() == [worker]
        os.kill(worker, signal.SIGCONT)
        assert connection.read().body == b"Welcome!\n"


def test_the_trace_signal_of_others_is_ignored(start: Start) -> None:
    daemon = start("server.processes=1", "workers.harakiri=5s")
    (worker,) = daemon.workers()
    for _ in range(3):
        os.kill(worker, signal.SIGRTMIN + 1)
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200
    assert daemon.workers() == [worker]


class Systemd:
    """Its end of the notification socket."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "1000000"}

    def fed_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                if b"WATCHDOG=1" in self.socket.recv(4096):
                    return True
            except TimeoutError:
                break
        return False


@pytest.mark.parametrize("stopped", [1, 2])
def test_the_watchdog_is_fed_while_a_majority_lives(start: Start, tmp_path: Path, stopped: int) -> None:
    systemd = Systemd(tmp_path / "notify")
    daemon = start("server.processes=3", environment=systemd.environment)
    workers = daemon.workers()[:stopped]
    assert systemd.fed_within(5)
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    if stopped == 1:
        end = time.monotonic() + 5  # longer than a worker may be silent
        while time.monotonic() < end:
            assert systemd.fed_within(2)
    else:
        daemon.wait_log(r"error: watchdog: of 3 slots 1 have a worker that is alive; systemd is not told")
        while systemd.fed_within(0.01):
            pass  # what was sent before
        assert not systemd.fed_within(1.5)
    for worker in workers:
        os.kill(worker, signal.SIGCONT)
    assert systemd.fed_within(5)
    if stopped == 2:
        daemon.wait_log("told again")


def test_the_watchdog_is_fed_through_reloads(start: Start, tmp_path: Path) -> None:
    systemd = Systemd(tmp_path / "notify")
    daemon = start("server.processes=2", environment=systemd.environment)
    for generation in range(2, 5):
        daemon.signal(signal.SIGHUP)
        daemon.wait_log(rf"reloaded: generation {generation}")
        assert systemd.fed_within(3)
    assert "systemd is not told" not in daemon.log()
