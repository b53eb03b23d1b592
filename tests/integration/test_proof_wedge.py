"""While all workers are wedged the master answers at once, and harakiri brings the service back for those who waited."""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import time
from collections.abc import Callable

from daemon import Daemon, wait_for
from http_client import Connection, exchange

from processes import is_stopped
from proof import SANITIZED

Start = Callable[..., Daemon]
ANSWER_S = 0.5 if SANITIZED else 0.1
ROUNDS = 10


def ask_control(daemon: Daemon) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(daemon.control))
        client.sendall(b"status json\n")
        reply = b""
        while data := client.recv(65536):
            reply += data
    assert reply.startswith(b"ok\n")
    assert len(json.loads(reply[3:])["workers"]) == 2


def took_s(ask: Callable[[], object]) -> float:
    begin = time.monotonic()
    ask()
    return time.monotonic() - begin


def test_the_master_answers_while_all_workers_are_wedged(start: Start) -> None:
    """Within 100 ms, at the median of ten looks at each: one may meet a machine that is busy with something else."""
    daemon = start("server.processes=2", "workers.harakiri=8s", "admin.listen=127.0.0.1:0")
    found = daemon.wait_log(r"admin endpoint http://(127\.0\.0\.1):(\d+)/\n")
    admin = (found[1], int(found[2]))
    workers = daemon.workers()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    waiting = [Connection((daemon.host, daemon.port), 60) for _ in range(10)]
    for connection in waiting:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    def ask_admin(path: str) -> None:
        answer = exchange(admin, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert answer.status == 200, answer

    asks = {"control": lambda: ask_control(daemon), "metrics": lambda: ask_admin("/metrics"), "status": lambda: ask_admin("/status")}
    times_s = {name: [took_s(ask) for _ in range(ROUNDS)] for name, ask in asks.items()}
    assert all(is_stopped(pid) for pid in workers)  # all the time
    for name, measured in times_s.items():
        assert statistics.median(measured) < ANSWER_S, (name, measured)
    for connection in waiting:
        assert connection.read().body == b"Welcome!\n"
        connection.close()
    wait_for("both are replaced", lambda: daemon.ends("wedged") == 2)
