"""The number of workers changes while the daemon runs, and nobody notices."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from daemon import Daemon, wait_for
from held_sockets import listeners
from http_client import PAUSE_S, Connection, Load
from strace import failing_starts, under_strace

from processes import is_alive

Start = Callable[..., Daemon]
SANITIZED = os.environ.get("RESTMARK_SANITIZED") == "1"
TIMES = 2 if os.environ.get("RESTMARK_LONG") == "1" and not SANITIZED else 1


def command(daemon: Daemon, line: str) -> str:
    """What the control socket replies."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(daemon.control))
        client.sendall(f"{line}\n".encode())
        return b"".join(iter(lambda: client.recv(65536), b"")).decode()


def scale(daemon: Daemon, n: int) -> str:
    """A change that must succeed, and has when it returns."""
    reply = command(daemon, f"scale {n}")
    assert re.fullmatch(rf"ok\n{n} workers?, after \d+; it took [\d.]+ s\n", reply), (reply, daemon.log())
    workers = daemon.status()["workers"]
    assert [w["state"] for w in workers] == ["ready"] * n
    assert [w["beside"] for w in workers] == [None] * n
    assert sorted(w["pid"] for w in workers) == sorted(daemon.workers())
    assert listeners(daemon.port) == n
    return reply


def states(daemon: Daemon) -> list[str]:
    return [w["state"] for w in daemon.status()["workers"]]


def ask(daemon: Daemon) -> bytes:
    with Connection((daemon.host, daemon.port)) as connection:
        return connection.request("/").body


def slow_reader(address: tuple[str, int], stop: threading.Event, done: list[int], failures: list[str]) -> None:
    while not stop.is_set():
        try:
            with Connection(address, 30) as connection:
                connection.send(b"GET /transfer-data HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                received = b""
                while chunk := connection.socket.recv(4000):
                    received += chunk
                    stop.wait(PAUSE_S)
                if len(received.split(b"\r\n\r\n", 1)[1]) != 133622:
                    failures.append(f"{len(received)} bytes")
                done.append(1)
        except OSError as error:
            failures.append(type(error).__name__)


def test_scaling_under_load_loses_nothing(start: Start) -> None:
    daemon = start("server.processes=2", "server.listen=127.0.0.2:0")
    address, other = [(host, int(port)) for host, port in daemon.addresses]
    stop, done, failures = threading.Event(), list[int](), list[str]()
    slow = [threading.Thread(target=slow_reader, args=(address, stop, done, failures)) for _ in range(2)]
    for thread in slow:
        thread.start()
    try:
        with Load(address, clients=4, keep_alive=False) as fresh, Load(other, "/encode-json", clients=4, expected=b"133622") as kept:
            for n in (8, 1, 4, 2) * TIMES:
                scale(daemon, n)
                fresh.wait_answered(20)
                kept.wait_answered(20)
    finally:
        stop.set()
        for thread in slow:
            thread.join(30)
    assert not fresh.failures and not kept.failures and not failures, (fresh.failures, kept.failures, failures, daemon.log())
    assert not fresh.refused and not kept.refused
    assert done
    # What the slots that are no more had served is still counted.
    status = daemon.status()
    assert status["routes"]["welcome"]["requests"] >= fresh.answered
    assert status["routes"]["encode-json"]["requests"] >= kept.answered
    assert "killed" not in daemon.log()


def test_a_retired_slot_leaves_nothing_behind(start: Start) -> None:
    daemon = start("server.processes=2")
    scale(daemon, 3)
    scale(daemon, 2)
    descriptors = len(os.listdir(f"/proc/{daemon.pid}/fd"))
    for _ in range(2):
        scale(daemon, 20)
        scale(daemon, 2)
    assert len(os.listdir(f"/proc/{daemon.pid}/fd")) == descriptors
    assert ask(daemon) == b"Welcome!\n"


def test_signals_change_the_number_by_one(start: Start) -> None:
    daemon = start("server.processes=1")
    for number, expected in ((signal.SIGTTIN, 2), (signal.SIGTTIN, 3), (signal.SIGTTOU, 2), (signal.SIGTTOU, 1)):
        daemon.signal(number)
        wait_for(f"{expected} workers", lambda n=expected: states(daemon) == ["ready"] * n)  # type: ignore[misc]
        assert listeners(daemon.port) == expected
    daemon.signal(signal.SIGTTOU)
    daemon.wait_log("refused: there is one worker at least")
    assert states(daemon) == ["ready"]


def test_numbers_out_of_bounds_are_refused(start: Start) -> None:
    daemon = start("server.processes=1")
    for text in ("0", "257", "-1", "x", "", "2 3"):
        assert command(daemon, f"scale {text}".rstrip()).startswith("error: ")
    assert states(daemon) == ["ready"]


def test_the_queue_of_a_retired_slot_is_served(start: Start) -> None:
    """By the others, as its own worker cannot."""
    daemon = start("server.processes=2", "workers.worker-reload-mercy=1500ms")
    victim = daemon.status()["workers"][1]["pid"]
    os.kill(victim, signal.SIGSTOP)
    connections = [Connection((daemon.host, daemon.port)) for _ in range(40)]
    for connection in connections:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert command(daemon, "scale 1").startswith("ok\n1 worker, after 2")
    assert not is_alive(victim)
    for connection in connections:
        assert connection.read().body == b"Welcome!\n"
        connection.close()
    assert listeners(daemon.port) == 1


def test_a_slot_that_is_wanted_again_before_it_is_gone(start: Start) -> None:
    """A new worker starts beside the one that leaves; when that has been told to leave too, there is no seat until one is gone."""
    daemon = start("server.processes=2", "workers.worker-reload-mercy=20s")
    halves = list[Connection]()

    def hold(slot: int) -> None:
        """A request whose rest is still to come keeps the slot's newest worker."""
        before = daemon.status()["workers"][slot]["accepted"]
        while daemon.status()["workers"][slot]["accepted"] == before:
            halves.append(Connection((daemon.host, daemon.port)))
            halves[-1].send(b"GET / HTTP/1.1\r\nHost: x\r\n")
            wait_for("it is accepted", lambda: sum(w["accepted"] for w in daemon.status()["workers"]) == len(halves))

    replies: list[str] = []
    threads: list[threading.Thread] = []

    def begin(n: int, state: str) -> None:
        threads.append(threading.Thread(target=lambda: replies.append(command(daemon, f"scale {n}"))))
        threads[-1].start()
        wait_for(f"slot 1 is {state}", lambda: states(daemon)[1] == state)

    hold(1)
    begin(1, "draining")
    begin(2, "ready")
    assert daemon.status()["workers"][1]["beside"]["state"] == "draining"
    hold(1)
    begin(1, "draining")
    begin(2, "draining")
    for half in halves:
        half.send(b"\r\n")
        assert half.read().body == b"Welcome!\n"
        half.close()
    wait_for("two are ready", lambda: states(daemon) == ["ready"] * 2)
    for thread in threads:
        thread.join(20)
    assert len(replies) == 4
    assert all(reply.startswith("ok\n2 workers") for reply in replies), replies
    scale(daemon, 2)


def test_an_idle_connection_does_not_hold_up_a_retired_slot(start: Start) -> None:
    daemon = start("server.processes=2")
    idle = [Connection((daemon.host, daemon.port)) for _ in range(8)]
    wait_for("they are accepted", lambda: sum(w["connections"] for w in daemon.status()["workers"]) == 8)
    scale(daemon, 1)
    assert "killed" not in daemon.log()
    for connection in idle:
        connection.close()


@under_strace
def test_new_workers_that_do_not_start_change_nothing(start: Start, tmp_path: Path) -> None:
    daemon = start("server.processes=2")
    before = sorted(w["pid"] for w in daemon.status()["workers"])
    with Load((daemon.host, daemon.port), clients=4, keep_alive=False) as load:
        load.wait_answered(20)
        with failing_starts(daemon, tmp_path):
            assert re.fullmatch(r"error: worker [23] fails to start, as the log says; 2 workers go on\n", command(daemon, "scale 4"))
        wait_for("the slots are gone", lambda: listeners(daemon.port) == 2)
        load.wait_answered(20)
    assert not load.failures, load.failures
    assert sorted(w["pid"] for w in daemon.status()["workers"]) == before
    scale(daemon, 4)


def test_what_there_is_no_room_for_is_refused(start: Start) -> None:
    daemon = start("server.processes=1", "limits.max-connections=10", prefix=("prlimit", "--nofile=300:300"))
    reply = command(daemon, "scale 256")
    assert re.match(r"error: .*\d+ open files are needed, but the hard limit is 300", reply), reply
    assert states(daemon) == ["ready"]
    scale(daemon, 3)


def test_a_reload_applies_the_number(start: Start) -> None:
    daemon = start(config="[server]\nprocesses = 2\n")
    config = daemon.folder / "restmarkd.ini"
    with Load((daemon.host, daemon.port), clients=4, keep_alive=False) as load:
        for n in (5, 1):
            config.write_text(f"[server]\nprocesses = {n}\n")
            assert command(daemon, "reload").startswith("ok\n")
            wait_for(f"{n} workers", lambda n=n: states(daemon) == ["ready"] * n)  # type: ignore[misc]
            wait_for("their listeners", lambda n=n: listeners(daemon.port) == n)  # type: ignore[misc]
            load.wait_answered(20)
        # What has been set by hand stays if the file says the same as before.
        scale(daemon, 3)
        assert command(daemon, "reload").startswith("ok\n")
        assert states(daemon) == ["ready"] * 3
    assert not load.failures, load.failures


def test_draining_replaces_one_worker(start: Start) -> None:
    daemon = start("server.processes=3", "workers.worker-reload-mercy=20s")
    before = [w["pid"] for w in daemon.status()["workers"]]
    with Load((daemon.host, daemon.port), clients=4, keep_alive=False) as load:
        for slot in (1, 2):
            reply = command(daemon, f"drain {slot}")
            assert re.match(rf"ok\nslot {slot}: process {before[slot]} has finished, \d+ serves; it took ", reply), reply
            assert not is_alive(before[slot])
            load.wait_answered(20)
    assert not load.failures, load.failures
    after = [w["pid"] for w in daemon.status()["workers"]]
    assert after[0] == before[0] and not set(after[1:]) & set(before)
    assert states(daemon) == ["ready"] * 3
    assert command(daemon, "drain 3") == "error: there is no slot 3: the highest is 2\n"


def begin_to_drain(daemon: Daemon, half: Connection, replies: list[str]) -> threading.Thread:
    """Has the old worker of slot 0 wait for the rest of a request on `half`; the thread ends when the reply is among `replies`."""
    half.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
    wait_for("it is accepted", lambda: daemon.status()["workers"][0]["connections"] == 1)
    thread = threading.Thread(target=lambda: replies.append(command(daemon, "drain 0")))
    thread.start()
    wait_for("the old one is beside a new one", lambda: (daemon.status()["workers"][0]["beside"] or {}).get("state") == "draining")
    return thread


def test_draining_waits_for_what_the_worker_has(start: Start) -> None:
    daemon = start("server.processes=1", "workers.worker-reload-mercy=20s")
    replies: list[str] = []
    with Connection((daemon.host, daemon.port)) as half:
        thread = begin_to_drain(daemon, half, replies)
        assert command(daemon, "drain 0") == "error: slot 0 is being drained already\n"
        assert ask(daemon) == b"Welcome!\n"
        assert not replies
        half.send(b"\r\n")
        assert half.read().body == b"Welcome!\n"
    thread.join(20)
    assert replies and replies[0].startswith("ok\nslot 0: process ")


def test_a_stop_answers_who_drains(start: Start) -> None:
    daemon = start("server.processes=1", "workers.worker-reload-mercy=20s")
    replies: list[str] = []
    with Connection((daemon.host, daemon.port)) as half:
        thread = begin_to_drain(daemon, half, replies)
        daemon.signal(signal.SIGINT)
        thread.join(20)
    # Either is true of it: what matters is that the reply is not lost.
    assert len(replies) == 1
    assert re.match(r"error: slot 0 is not drained: the daemon stops\n|ok\nslot 0: process \d+ has finished, ", replies[0])


def test_a_stop_ends_a_change(start: Start) -> None:
    daemon = start("server.processes=2", "workers.worker-reload-mercy=10s")
    with Connection((daemon.host, daemon.port)) as first, Connection((daemon.host, daemon.port)) as second:
        for half in (first, second):
            half.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        wait_for("both are accepted", lambda: sum(w["connections"] for w in daemon.status()["workers"]) == 2)
        replies: list[str] = []
        thread = threading.Thread(target=lambda: replies.append(command(daemon, "scale 1")))
        thread.start()
        daemon.wait_log("from 2 to 1 worker")
        daemon.signal(signal.SIGTERM)
        for half in (first, second):
            half.send(b"\r\n")
            assert half.read().body == b"Welcome!\n"
        assert daemon.wait_exit() == 0
        thread.join(20)
    assert replies == ["error: the daemon stops\n"]
