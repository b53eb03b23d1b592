"""The load generators as processes: connections and threads, addresses, where they run, and that they end with the rig."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .run_support import ROOT, fault_folder, wait_for

from restmark_rig import contestant, h2load, load, load_process, ports, proctree  # isort: skip
from restmark_rig.cache import Cache  # isort: skip
from restmark_rig.dataset import Dataset  # isort: skip
from restmark_rig.launcher import StartOptions, launch  # isort: skip
from restmark_rig.load import LoadPlan  # isort: skip

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nYes"


class Counting:
    """A server that counts its connections and answers all requests alike."""

    def __init__(self, family: socket.AddressFamily, host: str) -> None:
        self._listener = socket.create_server((host, 0), family=family, backlog=512)
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while connection.recv(65536):
                    connection.sendall(ANSWER)
            except OSError:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for thread in self._threads:
            thread.join()


@contextmanager
def counting(family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1") -> Iterator[Counting]:
    server = Counting(family, host)
    try:
        yield server
    finally:
        server.close()


@pytest.mark.parametrize(
    ("connections", "cpus", "expected"),
    [(64, 1, 1), (64, 3, 2), (64, 4, 4), (64, 6, 4), (64, 24, 16), (64, 128, 64), (1, 8, 1), (16, 8, 8), (256, 8, 8), (7, 4, 1)],
)
def test_threads_share_the_connections_evenly(connections: int, cpus: int, expected: int) -> None:
    assert load.threads_for(connections, cpus) == expected
    assert connections % expected == 0


def test_each_load_of_a_sweep_has_its_own_threads() -> None:
    eight = frozenset(range(8))
    assert [LoadPlan("h", 1, "/", count, 1, cpus=eight).threads for count in (1, 16, 256)] == [1, 8, 8]


def test_as_many_connections_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """With three threads wrk would open 6 of 8."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2})
    with counting() as server:
        result = load.run(LoadPlan("127.0.0.1", server.port, "/", 8, 0.3))
    assert result.threads == 2
    assert server.connections == 8 + 1, "wrk tries the address with a connection of its own first"
    assert result.requests > 8


def test_both_generators_reach_an_ipv6_address() -> None:
    with counting(socket.AF_INET6, "::1") as server:
        plan = LoadPlan("::1", server.port, "/", 2, 0.3)
        assert load.run(plan).requests > 10
        found = h2load.run(plan, rate_per_s=50)
    assert found.requests > 10
    assert (found.errors, found.threads) == (0, plan.threads)


def test_addresses() -> None:
    assert ports.address("127.0.0.1", 80) == "127.0.0.1:80"
    assert ports.address("::1", 80) == "[::1]:80"


def test_a_contestant_gets_its_address_in_brackets(tmp_path: Path, default_dataset: Dataset) -> None:
    code = (
        "import http.server, socket, sys\n"
        "class Server(http.server.HTTPServer):\n    address_family = socket.AF_INET6\n"
        "class Welcome(http.server.BaseHTTPRequestHandler):\n"
        "    protocol_version = 'HTTP/1.1'\n"
        "    def do_GET(self):\n"
        "        self.send_response(200)\n        self.send_header('Content-Length', '0')\n        self.end_headers()\n"
        "host, _, port = sys.argv[1].rpartition(':')\n"
        "assert host == '[::1]', host\n"
        "Server(('::1', int(port)), Welcome).serve_forever()\n"
    )
    folder = fault_folder(tmp_path, "none", name="six")
    (folder / "server.py").write_text(code)
    text = (folder / "contestant.toml").read_text()
    argv = text.split("argv = ")[1].split("\n")[0]
    (folder / "contestant.toml").write_text(text.replace(argv, '["/usr/bin/python3", "{source}/server.py", "{address}"]'))
    options = StartOptions(default_dataset.path, host="::1")
    with launch(contestant.load(folder), options, Cache(tmp_path / "cache")) as server, server.connect() as connection:
        assert connection.get("/").status == 200


def test_no_load_outlives_a_killed_rig(tmp_path: Path) -> None:
    """As after kill -9, the OOM killer or a closed terminal."""
    note = tmp_path / "wrk.pid"
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'bench')!r})\n"
        "from pathlib import Path\n"
        "from restmark_rig import load, load_process\n"
        "start = load_process.start\n"
        "def noting(*arguments):\n"
        f"    process = start(*arguments); Path({str(note)!r}).write_text(str(process.pid)); return process\n"
        "load_process.start = noting\n"
        "load.run(load.LoadPlan('127.0.0.1', int(sys.argv[1]), '/', 2, 20))\n"
    )
    with counting() as server, subprocess.Popen([sys.executable, "-c", code, str(server.port)]) as rig:
        try:
            assert wait_for(lambda: note.exists() and note.read_text() and server.connections > 2, 20)
            wrk = int(note.read_text())
            assert proctree.command_name(wrk) == "wrk"
        finally:
            rig.kill()
        rig.wait()
        assert wait_for(lambda: proctree.is_zombie(wrk), 5), "wrk goes on without its rig"


def test_the_rig_stays_off_the_servers_cpus_during_a_load() -> None:
    allowed = os.sched_getaffinity(0)
    client = frozenset({min(allowed)})
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        with load_process.beside(client):
            threads = list(map(int, os.listdir("/proc/self/task")))
            assert len(threads) >= 2
            assert {frozenset(os.sched_getaffinity(thread)) for thread in threads} == {client}
        assert {frozenset(os.sched_getaffinity(thread)) for thread in threads} == {frozenset(allowed)}
        with load_process.beside(None):
            assert os.sched_getaffinity(0) == allowed
    finally:
        done.set()
        other.join()
