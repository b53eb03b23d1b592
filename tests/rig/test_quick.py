"""A first look: whatever a server does, each route has a row, and no figure holds another route's work unsaid."""

from __future__ import annotations

from pathlib import Path

import pytest

from .helpers import call_rig
from .run_support import LOAD_RESULT, fault_folder, faulty, make_bench

from restmark_rig.study import quick  # isort: skip
from restmark_rig.server import drain  # isort: skip
from restmark_rig.contestants.cache import Cache  # isort: skip
from restmark_rig.server.http_probe import Connection  # isort: skip
from restmark_rig.server.launcher import launch  # isort: skip
from restmark_rig.load import load  # isort: skip
from restmark_rig.study.quick import Row  # isort: skip



def look(tmp_path: Path, fault: str, at: int = 0, connections: int = 4) -> Row:
    bench = make_bench(Cache(tmp_path / "cache"))
    with launch(faulty(tmp_path, fault, at), bench.options, bench.cache) as server:
        return quick.measure(load, server, "/", bench.pins, connections, 0.3, lambda _text: None)


def test_a_sound_server_has_no_remark_of_its_own(tmp_path: Path) -> None:
    for attempt in range(5):
        row = look(tmp_path / str(attempt), "none")
        if row.load.requests >= 50:
            break  # else the machine let neither of them run, and what was under way at the end is much of it
    assert set(row.remarks) <= {"client-bound"}
    assert row.cpu_us_per_request
    assert row.wire_bytes


def test_a_route_whose_answers_come_late_is_a_row(tmp_path: Path) -> None:
    """Four connections, 1.3 s an answer, and a load of 1 s: answers come in behind it."""
    folder = fault_folder(tmp_path, "stuck")
    done = call_rig(tmp_path / "cache", "quick", "-C", folder, "--duration", "1", "--connections", "4")
    assert done.returncode == 0, done.stderr
    row = next(line for line in done.stdout.splitlines() if line.startswith("/ "))
    assert "4 answers on 4" in row
    assert row.split()[1] == "0", "none of them in time"
    assert "Traceback" not in done.stderr


def test_a_contestant_gets_no_more_connections_than_it_holds(tmp_path: Path) -> None:
    folder = fault_folder(tmp_path, "none")
    with (folder / "contestant.toml").open("a") as manifest:
        manifest.write("\n[limits]\nmax_connections = 1\n")
    done = call_rig(tmp_path / "cache", "quick", "-C", folder, "--duration", "1", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "2 connection(s)" in done.stdout
    assert "holds no more than 2 of the 64 connections" in done.stdout


def test_a_server_that_dies_keeps_its_rows(tmp_path: Path) -> None:
    folder = fault_folder(tmp_path, "crash", at=3)
    done = call_rig(tmp_path / "cache", "quick", "-C", folder, "--duration", "1", "--connections", "4")
    assert done.returncode == 3
    assert "the server ended" in done.stdout
    assert "no memory to be looked at" in done.stdout


def test_a_server_that_answers_nothing_in_the_check_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make_bench(Cache(tmp_path / "cache"))
    with launch(faulty(tmp_path, "mute", at=2), bench.options, bench.cache) as server:
        monkeypatch.setattr(server, "connect", lambda: Connection(server.host, server.port, 0.3))
        with server.connect() as one, server.connect() as two:
            one.send(b"GET / HTTP/1.1\r\n\r\n")
            two.send(b"GET / HTTP/1.1\r\n\r\n")
            with pytest.raises(quick.WrongAnswer, match="GET /: no byte came"):
                quick.check(server, bench.oracle)


def test_earlier_requests_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "DEADLINE_S", 0.2)
    monkeypatch.setattr(drain, "_BACKLOG_FACTOR", 0.0)
    row = look(tmp_path, "aftermath", at=3)
    assert "still busy with earlier requests" in row.remarks
    assert row.afterwards_ns > 0


def test_no_route_pays_for_another(tmp_path: Path) -> None:
    """Four requests of 1.3 s are under way when the warm-up ends: they come in before the load begins, and so do the load's own."""
    row = look(tmp_path, "stuck", connections=4)
    assert row.unrest == ""
    assert row.load is not None
    assert (row.load.requests, row.load.in_window, row.load.errors) == (4, 0, 0)
    assert row.worked_off == 0


@pytest.mark.parametrize(
    ("row", "cost_us", "remarks"),
    [
        (Row("/", 64, LOAD_RESULT, loaded_ns=10**9, wire_bytes=120), 1000.0, []),
        # 64 abandoned requests of 1 ms each: 1064 requests are in the CPU time
        (Row("/", 64, LOAD_RESULT, loaded_ns=10**9, afterwards_ns=64 * 10**6, wire_bytes=120), 1000.0, ["CPU includes 64 abandoned requests"]),
        (Row("/", 8, LOAD_RESULT, loaded_ns=10**9, afterwards_ns=8 * 10**6, wire_bytes=120), 1000.0, []),
        (Row("/", 600, LOAD_RESULT, loaded_ns=10**9, wire_bytes=120), 1000.0, ["1000 answers on 600 connections only"]),
        (Row("/", 64, LOAD_RESULT, loaded_ns=10**9, wire_bytes=100), 1000.0, ["wrong size"]),
        (Row("/", 64, None, failure="the server ended"), None, ["the server ended"]),
    ],
)
def test_figures_and_remarks(row: Row, cost_us: float | None, remarks: list[str]) -> None:
    assert row.cpu_us_per_request == (None if cost_us is None else pytest.approx(cost_us))
    assert row.remarks == remarks
