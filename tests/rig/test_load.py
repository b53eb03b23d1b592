"""The load generator as a process: connections and threads, figures, addresses, where it runs, and that it ends with the rig."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from .run_support import ROOT, fault_folder, wait_for

from restmark_rig import __version__  # isort: skip
from restmark_rig.contestants import contestant  # isort: skip
from restmark_rig.model import histogram  # isort: skip
from restmark_rig.load import load, load_process, load_program  # isort: skip
from restmark_rig.host import ports, proctree  # isort: skip
from restmark_rig.contestants.cache import Cache  # isort: skip
from restmark_rig.store.dataset import Dataset  # isort: skip
from restmark_rig.model.errors import EnvironmentFault  # isort: skip
from restmark_rig.server.launcher import StartOptions, launch  # isort: skip
from restmark_rig.load.load import LoadPlan  # isort: skip
from restmark_rig.model.results import LoadErrors  # isort: skip

PROBES = 2  # restmark-load asks twice before a load, each time on a connection of its own
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nYes"


class Counting:
    """A server that counts its connections and answers all requests alike."""

    def __init__(self, family: socket.AddressFamily, host: str, answer: bytes) -> None:
        self._answer = answer
        self.answered = 0
        self._listener = socket.create_server((host, 0), family=family, backlog=512)
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self._lock = threading.Lock()
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
                    with self._lock:
                        self.answered += 1
                    connection.sendall(self._answer)
            except OSError:
                return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for thread in self._threads:
            thread.join()


@contextmanager
def counting(
    family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1", answer: bytes = ANSWER
) -> Iterator[Counting]:
    server = Counting(family, host, answer)
    try:
        yield server
    finally:
        server.close()


@pytest.mark.parametrize(
    ("connections", "cpus", "expected"),
    [(64, 1, 1), (64, 3, 3), (64, 24, 24), (64, 128, 64), (1, 8, 1), (16, 8, 8), (7, 4, 4)],
)
def test_no_thread_is_without_a_connection(connections: int, cpus: int, expected: int) -> None:
    assert load.threads_for(connections, cpus) == expected


def test_each_load_of_a_sweep_has_its_own_threads() -> None:
    eight = frozenset(range(8))
    assert [LoadPlan("h", 1, "/", count, 1, cpus=eight).threads for count in (1, 16, 256)] == [1, 8, 8]


def test_as_many_connections_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that do not divide them, too."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2})
    with counting() as server:
        result = load.run(LoadPlan("127.0.0.1", server.port, "/", 8, 0.3))
    assert result.threads == 3
    assert server.connections == 8 + PROBES
    assert result.requests > 8


def test_the_load_begins_when_its_caller_has_looked() -> None:
    with counting() as server:
        seen: list[int] = []
        result = load.run(
            LoadPlan("127.0.0.1", server.port, "/", 3, 5, requests=100), lambda: seen.append(server.answered)
        )
        assert (seen, result.requests, server.answered) == ([PROBES], 100, 100 + PROBES)
    assert result.in_window == 100
    assert result.bytes == 100 * len(ANSWER)
    assert result.duration_us <= result.total_us < 5_000_000
    assert (result.errors, result.unsent, result.late_quantiles_us) == (0, 0, {})
    counts = histogram.decode(result.hdr_v2_base64 or "")
    assert counts.count == 100
    assert counts.mean_us == pytest.approx(result.latency_mean_us, rel=1e-6)
    assert {name: counts.quantile_us(float(name) / 100) for name in result.latency_quantiles_us} == result.latency_quantiles_us


def test_what_a_caller_raises_ends_the_load() -> None:
    def refuse() -> None:
        raise ValueError("no")

    with counting() as server, pytest.raises(ValueError, match="no"):
        load.run(LoadPlan("127.0.0.1", server.port, "/", 1, 60), refuse)


def test_a_caller_that_has_seen_enough_ends_the_load_and_keeps_its_figures() -> None:
    seen: list[int] = []

    def enough(so_far: load.SoFar) -> bool:
        seen.append(so_far.answered)
        return so_far.answered >= 10

    with counting() as server:
        result = load.run(LoadPlan("127.0.0.1", server.port, "/", 2, 60, every_s=0.02), every=enough)
    assert seen[-1] >= 10
    assert result.requests >= seen[-1] and not result.errors
    assert result.duration_us < 60_000_000


def test_both_loops_reach_an_ipv6_address() -> None:
    with counting(socket.AF_INET6, "::1") as server:
        plan = LoadPlan("::1", server.port, "/", 2, 0.4)
        assert load.run(plan).requests > 10
        for _ in range(20):  # a machine that is too busy leaves some unsent, and says so: again
            found = load.run(replace(plan, rate_per_s=50))
            if not found.unsent:
                break
    assert (found.requests, found.errors, found.threads) == (20, 0, plan.threads)
    assert set(found.late_quantiles_us) == set(found.latency_quantiles_us)


def test_answers_are_compared_with_what_is_expected(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    with counting() as server:
        plan = LoadPlan("127.0.0.1", server.port, "/", 2, 5, requests=40)
        right = load.run(replace(plan, expect=load.kept(cache, b"Yes")))
        wrong = load.run(replace(plan, expect=load.kept(cache, b"No!")))
    assert (right.requests, right.errors) == (40, 0)
    assert (wrong.requests, wrong.body_errors, wrong.errors) == (0, 40, 40)
    assert wrong.hdr_v2_base64 is None


def test_a_server_that_is_not_there_or_not_right_is_its_own_fault() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(load.NotAnswered, match="Connection refused"):
            load.run(LoadPlan("127.0.0.1", unused.getsockname()[1], "/", 2, 0.2))
    with counting(answer=b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") as server:
        with pytest.raises(load.NotAnswered, match="answered with status 404"):
            load.run(LoadPlan("127.0.0.1", server.port, "/", 2, 0.2))


def test_a_program_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "restmark-load"
    script.write_text(f'#!/bin/sh\n[ "$1" = -V ] && exec echo restmark-load {__version__}\necho no luck >&2\nexit 71\n')
    script.chmod(0o755)
    monkeypatch.setattr(load_program, "_provided", script)
    with pytest.raises(EnvironmentFault, match="failed with exit code 71: (.|\n)*no luck"):
        load.run(LoadPlan("127.0.0.1", 1, "/", 2, 0.2))


def test_figures_of_all_kinds_of_failure() -> None:
    document = {
        "requests": {"answered": 7, "answered_while_sending": 6, "unsent": 5},
        "failures": {"closed": 1, "timeout": 2, "status": 3, "body": 4, "malformed-chunk": 5, "too-large-head": 6},
        "troubles": {"connect": 7, "unasked-bytes": 8},
        "latency": None,
        "client": {"cpu_ns": 9, "run_queue_wait_ns": None, "system_calls": {"recv": 11}},
        "targets": [{"target": "/", "answered": 7, "failed": 36, "latency": None}],
        "schedule": {"late": None, "doubtful": True},
        "plan": {"threads": 2},
        "doubts": ["a"],
        "sending_ns": 1_000_000,
        "total_ns": 2_000_000,
        "received_bytes": 10,
    }
    found = load.figures(document)
    assert found.errors_by_kind == LoadErrors(connect=7, read=1, status=3, timeout=2, body=4, malformed=19)
    assert found.errors == 36
    assert (found.late, found.late_quantiles_us, found.doubts, found.unsent) == (True, {}, ("a",), 5)
    assert found.requests_per_s == 6000
    assert (found.receives, found.targets) == (11, (load.TargetResult("/", 7, 36, 0, {}),))


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
    note = tmp_path / "load.pid"
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'bench')!r})\n"
        "from pathlib import Path\n"
        "from restmark_rig.load import load, load_process\n"
        "start = load_process.start\n"
        "def noting(*arguments):\n"
        f"    process = start(*arguments); Path({str(note)!r}).write_text(str(process.pid)); return process\n"
        "load_process.start = noting\n"
        "load.run(load.LoadPlan('127.0.0.1', int(sys.argv[1]), '/', 2, 300))\n"
    )
    with counting() as server, subprocess.Popen([sys.executable, "-c", code, str(server.port)]) as rig:
        try:
            assert wait_for(lambda: note.exists() and note.read_text() and server.connections > 2)
            program = int(note.read_text())
            assert proctree.command_name(program) == "restmark-load"
        finally:
            rig.kill()
        rig.wait()
        assert wait_for(lambda: proctree.is_zombie(program)), "it goes on without its rig"


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


def test_bodies_and_several_targets_are_passed_on(tmp_path: Path) -> None:
    plan = LoadPlan("127.0.0.1", 8080, "/record/0", 1, 1.0, more_targets=("/record/9",))
    assert load._argv(plan)[-3:] == ["http://127.0.0.1:8080", "/record/0=1", "/record/9=1"]
    posted = load._argv(replace(plan, target="/validate", more_targets=(), body=tmp_path / "body"))
    assert posted[-3:] == [f"--body={tmp_path / 'body'}", "--header=Content-Type: application/json", "http://127.0.0.1:8080/validate"]
