"""When a server is at rest: its CPU stands still, and nothing that clients have left behind is waiting in it."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path

import pytest

from .run_support import faulty, make_bench, wait_for

from restmark_rig.host import ports  # isort: skip
from restmark_rig.server import drain  # isort: skip
from restmark_rig.contestants.cache import Cache  # isort: skip
from restmark_rig.server.http_probe import request_bytes  # isort: skip
from restmark_rig.server.launcher import RunningServer, launch  # isort: skip

from .faults.server import STUCK_S  # isort: skip

WINDOW_S = 0.03


def abandon(server: RunningServer, requests: int) -> None:
    """Sends a request on each of so many connections and closes them."""
    connections = [socket.create_connection((server.host, server.port), 5) for _ in range(requests)]
    for connection in connections:
        connection.sendall(request_bytes("/"))
    for connection in connections:
        connection.close()


def test_a_server_that_waits_in_abandoned_requests_is_not_at_rest(tmp_path: Path) -> None:
    """It uses no CPU, as one that waits for a database."""
    bench = make_bench(Cache(tmp_path / "cache"))
    with launch(faulty(tmp_path, "stuck"), bench.options, bench.cache) as server:
        abandon(server, 3)
        started = time.monotonic()
        assert wait_for(lambda: ports.abandoned(server.port).unread >= 2)
        assert drain.come_to_rest(server, WINDOW_S, drain.backlog_s(3, 1 / STUCK_S)) == ""
        assert time.monotonic() - started > 2 * STUCK_S
        assert ports.abandoned(server.port).open == 0


def test_patience_ends_with_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "DEADLINE_S", 0.3)
    bench = make_bench(Cache(tmp_path / "cache"))
    with launch(faulty(tmp_path, "stuck"), bench.options, bench.cache) as server:
        abandon(server, 20)  # more than it answers within patience, however slow the machine is
        assert wait_for(lambda: (left := ports.abandoned(server.port)).open > left.unread >= 10)  # it has begun with the first
        told = drain.come_to_rest(server, WINDOW_S)
        unread = re.search(r"still busy with its requests: (\d+) of them were unread", told)
        assert unread and 10 <= int(unread[1]) <= 19, told


def test_a_server_that_computes_is_not_at_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "DEADLINE_S", 0.3)
    bench = make_bench(Cache(tmp_path / "cache"))
    with launch(faulty(tmp_path, "endless", at=2), bench.options, bench.cache) as server:
        assert drain.come_to_rest(server, WINDOW_S) == ""
        abandon(server, 2)
        told = [drain.come_to_rest(server, WINDOW_S)]
        while "it used" not in told[-1] and len(told) < 20:  # others may have left it no CPU in the last window
            told.append(drain.come_to_rest(server, WINDOW_S))
        assert all("still busy with its requests" in one for one in told), told
        assert "it used" in told[-1], told


class Starved:
    """A server whose work others leave no CPU for, until it is done; it has no socket. waits: it gets one for moments, or else none at all, of which the kernel
    counts no wait."""

    def __init__(self, looks: int, waits: bool = True) -> None:
        self._looks = looks
        self._waits = waits
        self._waited_ns = 0

    def cpu_ns(self) -> int:
        return 0

    def runqueue_wait_ns(self) -> int:
        self._looks -= 1
        self._waited_ns += 10**9 if self._looks > 0 and self._waits else 0
        return self._waited_ns

    def n_runnable(self) -> int:
        return 1 if self._looks > 0 and not self._waits else 0

    def death(self) -> str:
        return ""

    def abandoned(self) -> ports.Abandoned:
        return ports.Abandoned(0, 0)

    @property
    def is_done(self) -> bool:
        return self._looks <= 0


@pytest.mark.parametrize("waits", [True, False])
def test_a_server_that_others_leave_no_cpu_is_not_at_rest(monkeypatch: pytest.MonkeyPatch, waits: bool) -> None:
    server = Starved(looks=5, waits=waits)
    assert drain.come_to_rest(server, 0.001) == ""  # type: ignore[arg-type]
    assert server.is_done
    monkeypatch.setattr(drain, "DEADLINE_S", 0.01)
    assert "it used 0% of a CPU, and wanted" in drain.come_to_rest(Starved(looks=10**6, waits=waits), 0.001)  # type: ignore[arg-type]


def test_a_server_that_closes_late_is_not_waited_for(tmp_path: Path) -> None:
    """It has read all there was, and has nothing to do."""
    bench = make_bench(Cache(tmp_path / "cache"))
    with launch(faulty(tmp_path, "careless"), bench.options, bench.cache) as server:
        server.connect().close()
        assert wait_for(lambda: ports.abandoned(server.port).open >= 1 and not ports.abandoned(server.port).unread)
        started = time.monotonic()
        assert drain.come_to_rest(server, WINDOW_S) == ""
        assert time.monotonic() - started < drain.DEADLINE_S / 2


@pytest.mark.parametrize(
    ("connections", "requests", "loaded_ns", "afterwards_ns", "expected"),
    [
        (64, 1000, 10_000, 640, 64),  # all that was left behind, at 10 ns each
        (64, 1000, 10_000, 100, 64),  # they had been begun in turns
        (64, 1000, 10_000, 10, 0),  # the last one that it had begun; the others were dropped
        (64, 1000, 10_000, 0, 0),
        (64, 0, 10_000, 500, 64),
        (64, 0, 0, 0, 0),
    ],
)
def test_what_was_worked_off_after_a_load(
    connections: int, requests: int, loaded_ns: int, afterwards_ns: int, expected: int
) -> None:
    assert drain.worked_off(connections, requests, loaded_ns, afterwards_ns) == expected
