"""Descriptors run out while somebody wants to connect: it is said once, costs next to nothing, and ends when there are some again."""

from __future__ import annotations

import json
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemon import Daemon, wait_for
from http_client import Connection

Start = Callable[..., Daemon]
GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
LOOK_S = 1.5  # of a process that may turn its loop 10 times a second


def cpu_s(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


@contextmanager
def no_descriptors(pid: int) -> Iterator[None]:
    """What is open stays so, but nothing more can be opened."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def client_of(daemon: Daemon, what: str) -> socket.socket:
    """A client that has asked, and waits for its answer."""
    if what == "control socket":
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(daemon.control))
        client.sendall(b"status json\n")
    else:
        found = daemon.wait_log(r"admin endpoint http://127\.0\.0\.1:(\d+)/") if what == "admin endpoint" else None
        client = socket.create_connection((daemon.host, int(found[1]) if found else daemon.port))
        client.sendall(GET % (b"/status" if found else b"/"))
    client.settimeout(20)
    return client


@pytest.mark.parametrize("what", ["control socket", "admin endpoint", "worker 0"])
def test_a_shortage_of_descriptors(start: Start, what: str) -> None:
    daemon = start("server.processes=1", "admin.listen=127.0.0.1:0")
    (worker,) = daemon.workers()
    victim = worker if what == "worker 0" else daemon.pid
    with no_descriptors(victim):
        with client_of(daemon, what) as client:
            daemon.wait_log(f"warning: {what}: cannot accept a connection: Too many open files; trying again every 100 ms: .*LimitNOFILE=")
            before, begin = cpu_s(victim), time.monotonic()
            time.sleep(LOOK_S)  # not for a condition: nothing is to happen, for as long as is looked
            used, took = cpu_s(victim) - before, time.monotonic() - begin
            assert used < took / 10, f"{used} s of CPU in {took} s"
            assert daemon.log().count("cannot accept a connection") == 1, daemon.log()
            if victim == daemon.pid:  # its workers do not mind
                with Connection((daemon.host, daemon.port)) as connection:
                    assert connection.request("/").status == 200
            resource.prlimit(victim, resource.RLIMIT_NOFILE, (1024, resource.prlimit(victim, resource.RLIMIT_NOFILE)[1]))
            reply = b"".join(iter(lambda: client.recv(65536), b""))
            assert reply.startswith((b"ok\n", b"HTTP/1.1 200 ")), reply
    assert daemon.log().count("cannot accept a connection") == 1
    wait_for("the control socket serves", lambda: json.loads(daemon.ask("status json")))
