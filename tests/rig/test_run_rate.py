"""Latencies against a planted server's own clock and against the schedule; a fixed rate in visits and in the command."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from .run_support import fault_folder, faulty, make_bench, rig

from timed import undisturbed  # isort: skip

from restmark_rig.load import load  # isort: skip
from restmark_rig.run import spot_checks, slices  # isort: skip
from restmark_rig.contestants.cache import Cache  # isort: skip
from restmark_rig.server.launcher import launch  # isort: skip
from restmark_rig.load.load import LoadPlan, LoadResult  # isort: skip
from restmark_rig.model.results import Visit  # isort: skip
from restmark_rig.run.slices import Circumstances  # isort: skip

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nYes"
PROBES = 2
STALL_S = 0.5


class Stalling:
    """Answers one request at a time, each after work_s of work, and the one numbered `at` after a stall."""

    def __init__(self, at: int, work_s: float) -> None:
        self._at, self._work_s = at, work_s
        self._turn = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.answered_ns: list[int] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while connection.recv(65536):
                with self._turn:
                    if len(self.answered_ns) == self._at + PROBES:
                        time.sleep(STALL_S)
                    end = time.monotonic() + self._work_s
                    while time.monotonic() < end:
                        pass
                    self.answered_ns.append(time.monotonic_ns())
                    connection.sendall(ANSWER)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()


@contextmanager
def stalling(at: int, work_s: float = 0.0) -> Iterator[Stalling]:
    server = Stalling(at, work_s)
    try:
        yield server
    finally:
        server.close()


def quantile(ordered: list[float], name: str) -> float:
    """The value that so many percent of all do not exceed."""
    return ordered[max(1, -int(-float(name) * len(ordered) // 100)) - 1]


@pytest.mark.timed
def test_a_stall_counts_as_the_servers_own_clock_has_it() -> None:
    """One connection, 1.1 ms an answer, one stall of 0.5 s in 3 s: it is one latency among some 2300, and no more."""

    def measure() -> None:
        with stalling(at=900, work_s=0.0011) as server:
            result = load.run(LoadPlan("127.0.0.1", server.port, "/", 1, 3))
            times_ns = server.answered_ns[PROBES:]
        own_us = sorted((b - a) / 1000 for a, b in pairwise(times_ns))
        assert result.requests == len(times_ns)
        for name in ("50", "75", "90", "95", "99"):
            assert result.latency_quantiles_us[name] == pytest.approx(quantile(own_us, name), rel=0.02)
        assert result.latency_mean_us == pytest.approx(sum(own_us) / len(own_us), rel=0.02)
        assert result.latency_max_us == pytest.approx(own_us[-1], rel=0.02)

    undisturbed(measure)


@pytest.mark.timed
def test_what_a_stall_holds_up_counts_from_its_intended_time() -> None:
    """200/s, and a stall of 0.5 s in 4 s: a hundred requests waited, by 5 ms less each, also those that had not been sent."""

    def measure() -> None:
        with stalling(at=300) as server:
            result: LoadResult = load.run(LoadPlan("127.0.0.1", server.port, "/", 4, 4, rate_per_s=200))
        waited_us = sorted([0.0] * 700 + [1e6 * STALL_S - 5000 * number for number in range(100)])
        assert (result.requests, result.errors, result.unsent) == (800, 0, 0)
        for name in ("50", "75", "90", "95", "99", "99.9"):
            assert quantile(waited_us, name) <= result.latency_quantiles_us[name] <= 1.02 * quantile(waited_us, name) + 2500
        assert result.latency_mean_us == pytest.approx(sum(waited_us) / 800, rel=0.05)

    undisturbed(measure)


def visit_at(rate_per_s: int, fault: str, tmp_path: Path) -> slices.Visited:
    bench = make_bench(Cache(tmp_path / "cache"), duration_s=2)
    contestant = faulty(tmp_path, fault)
    with launch(contestant, bench.options, bench.cache) as server:
        visit = Visit(1, contestant.name, "/", 8, rate_per_s)
        checked = spot_checks.check(server, slices.cell_of(visit), bench, 1, "before")
        return slices.visit_cell(server, visit, bench, Circumstances(rate_per_s, 0.0, checked, lambda: 0))


@pytest.mark.timed
def test_a_rate_that_is_reached(tmp_path: Path) -> None:
    folders = itertools.count()

    def measure() -> None:
        found = visit_at(400, "none", tmp_path / str(next(folders)))
        assert found.entry.all_requests == 800
        assert found.entry.errors.total == 0
        assert found.entry.bytes == found.entry.all_requests * (found.wire_bytes or 0)
        assert not {v.name for v in found.entry.verdicts} & {"errors", "byte_mismatch", "starved"}
        # On a busy machine the client may be late, which is told as that; it never is for want of work.
        assert all("sent requests late" in v.evidence for v in found.entry.verdicts if v.name == "client_bound")

    undisturbed(measure)


def test_a_rate_that_is_not_reached_is_censored(tmp_path: Path) -> None:
    found = visit_at(400, "sleep", tmp_path)
    assert "censored" in {v.name for v in found.entry.verdicts}
    assert found.entry.requests < 400


def test_the_command_with_a_rate(tmp_path: Path) -> None:
    folder = fault_folder(tmp_path, "none")
    options = ("--rate", "300", "--connections", "4", "--duration", "1.5", "--rounds", "1", "--warmup", "0.1")
    done = rig(tmp_path / "cache", "run", "-C", folder, *options, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "300 requests/s fixed" in done.stdout
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["settings"]["rate_per_s"] == 300
    assert {cell["rate_per_s"] for cell in results["cells"]} == {300}
    assert "restmark-load" in results["tools"]
