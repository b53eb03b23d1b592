"""A worker's memory: neither what only its start has used, nor what a burst of connections has left, nor what another one writes to."""

from __future__ import annotations

import os
import re
import resource
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from daemon import Daemon, wait_for

Start = Callable[..., Daemon]
BURST = 1000
LEFT_KIB = 300  # of some 2 MiB


def private_kib(pid: int) -> int:
    found = re.search(r"^Private_Dirty: +(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found
    return int(found[1])


def text_kib(pid: int, library: str) -> int | None:
    """How much of a library's text the process has mapped; None: it has no such library."""
    found = re.search(rf"^\S+ r-xp .*/{library}\.so.*\n(?:.*\n)*?Rss: +(\d+) kB$", Path(f"/proc/{pid}/smaps").read_text(), re.MULTILINE)
    return int(found[1]) if found else None


def ask(client: socket.socket) -> None:
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while not answer.endswith(b"Welcome!\n"):
        part = client.recv(4096)
        assert part, answer
        answer += part


@pytest.fixture
def many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < BURST + 200:
        pytest.skip(f"{BURST} connections take more open files than the hard limit, {hard}, allows (ulimit -n)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, BURST + 200), hard))


def test_a_burst_of_connections_leaves_nothing(start: Start, many_files: None) -> None:
    daemon = start("server.processes=1")
    (worker,) = daemon.workers()
    with daemon.connect() as client:
        ask(client)
    before = private_kib(worker)
    with ExitStack() as stack:
        clients = [stack.enter_context(daemon.connect()) for _ in range(BURST)]
        for client in clients:
            ask(client)
        assert private_kib(worker) > before + 2 * LEFT_KIB
    wait_for("the burst's memory is given back", lambda: private_kib(worker) <= before + LEFT_KIB)
    with daemon.connect() as client:
        ask(client)


@pytest.mark.skipif(os.environ.get("RESTMARK_SANITIZED") == "1", reason="the sanitizer's memory is larger than the daemon's")
def test_a_table_that_nobody_uses_takes_no_memory(start: Start) -> None:
    """Where few open files are allowed, the table of all of them is small enough for the C library to take it from the heap, and to clear it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = 16000 if hard == resource.RLIM_INFINITY else min(hard, 16000)
    daemon = start("server.processes=2", prefix=("prlimit", f"--nofile={few}:{few}"))
    for worker in daemon.workers():
        assert private_kib(worker) < 210  # 140 on x86-64 with glibc 2.36; the table is 125


def test_libraries_that_nobody_uses_take_no_memory(start: Start) -> None:
    daemon = start("server.processes=2")
    for worker in daemon.workers():
        wait_for(f"worker {worker} has nothing of json-c mapped, which codec = struct has no use for", lambda worker=worker: text_kib(worker, "libjson-c") == 0)  # type: ignore[misc]


def shared_and_written(pid: int) -> set[str]:
    """Device and number of the files that the process can write to in its memory, so that others see it."""
    found = re.findall(r"^\S+ .w.s \S+ (\S+ \d+) ", Path(f"/proc/{pid}/maps").read_text(), re.MULTILINE)
    return set(found)


def test_no_two_workers_write_to_the_same_memory(start: Start) -> None:
    """So no line of a cache is taken from one CPU by another for what a request writes: each worker has a cell of pages of its own."""
    daemon = start("server.processes=4", "workloads.wait=yes", "log.access-log=/dev/null")
    with daemon.connect() as client:
        ask(client)
    written = [shared_and_written(worker) for worker in daemon.workers()]
    assert len(written) == 4 and all(written), written
    assert sum(map(len, written)) == len(set.union(*written)), written
    assert not shared_and_written(daemon.pid) & set.union(*written)
