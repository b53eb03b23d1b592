"""Planted faults: a server, a client or a machine that goes wrong gets its verdict, and no such cell is ranked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from .faults.server import COLD_ANSWERS, COLD_S
from .run_support import faulty, hogs, make_bench, server_side

from restmark_rig import builder, registry, rest, sitting, verdict, visiting  # isort: skip
from restmark_rig.cache import Cache  # isort: skip
from restmark_rig.contestant import Contestant  # isort: skip
from restmark_rig.entrants import Entrant  # isort: skip
from restmark_rig.launcher import launch  # isort: skip
from restmark_rig.plan import Sitting  # isort: skip
from restmark_rig.results import MemoryRecord, Visit  # isort: skip
from restmark_rig.sitting import AckStalls  # isort: skip
from restmark_rig.visiting import Bench, Visited  # isort: skip

# What a busy machine may add to any verdict; everything else is the fault's own.
DISTURBANCES = {"noisy", "starved", "client_bound", "throttled"}


class Notes:
    """A recorder that keeps what it is given."""

    def __init__(self) -> None:
        self.found: list[tuple[Visit, Visited]] = []
        self.records: list[MemoryRecord] = []
        self.remarks: list[str] = []

    def visited(self, visit: Visit, found: Visited) -> None:
        self.found.append((visit, found))

    def memory(self, record: MemoryRecord) -> None:
        self.records.append(record)

    def remark(self, text: str) -> None:
        self.remarks.append(text)


def visit_once(contestant: Contestant, bench: Bench, connections: int = 8) -> Visited:
    """One visit to / in a fresh server."""
    visit = Visit(1, contestant.name, "/", connections)
    with launch(contestant, bench.options, bench.cache) as server:
        return visiting.visit_cell(server, visit, bench, AckStalls().of(server, "/"))


def names(found: Visited) -> set[str]:
    """The round's verdicts; a cell with any of them is not ranked."""
    of_round = {entry.name for entry in found.entry.verdicts}
    assert {entry.name for entry in verdict.of_cell([found.entry])} == of_round
    return of_round


@pytest.fixture()
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def test_a_sound_server_is_only_disturbed(tmp_path: Path, cache: Cache) -> None:
    found = visit_once(faulty(tmp_path, "none"), make_bench(cache))
    assert names(found) <= DISTURBANCES
    assert found.entry.requests > 100
    assert found.wire_bytes == len(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nWelcome!\n"
    )
    assert found.entry.bytes >= found.entry.requests * found.wire_bytes
    assert found.entry.server_cpu_ns is not None
    assert 0 < found.entry.server_cpu_ns <= 1.2 * found.entry.duration_us * 1000
    assert found.entry.client_cpu_ns


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("truncate", "byte_mismatch"),
        ("error", "errors"),
        ("close", "errors"),
        ("wrong", "byte_mismatch"),
        ("sleep", "starved"),
        ("stall", "ack_stall"),
    ],
)
def test_faulty_servers(tmp_path: Path, cache: Cache, fault: str, expected: str) -> None:
    at = 6 if fault == "wrong" else 0
    assert expected in names(visit_once(faulty(tmp_path, fault, at), make_bench(cache)))


def test_an_answer_that_never_came_is_censored(tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visiting, "ATTEMPTS_MAX", 1)
    bench = make_bench(cache, duration_s=0.5)
    found = visit_once(faulty(tmp_path, "stuck"), bench, connections=8)
    assert "censored" in names(found)
    assert not {"byte_mismatch", "errors"} & names(found), "it answers rightly once it has worked off what is left behind"
    assert found.entry.duration_us > 2 * 500_000, "a slow cell is measured for longer"


def test_a_server_that_falls_silent_has_errors_and_no_wrong_bytes(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visiting, "_PROBE_MIN_S", 1.0)
    bench = make_bench(cache, duration_s=0.5, timeout_s=1)
    found = visit_once(faulty(tmp_path, "mute", at=6), bench)
    assert "errors" in names(found)
    assert "byte_mismatch" not in names(found)
    told = next(v.evidence for v in found.entry.verdicts if v.name == "errors")
    assert told.startswith("after the load: GET /: no byte came for 1 s")


def test_a_server_that_goes_on_with_earlier_requests_is_told(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "DEADLINE_S", 0.2)
    monkeypatch.setattr(rest, "_BACKLOG_FACTOR", 0.0)
    found = visit_once(faulty(tmp_path, "aftermath", at=6), make_bench(cache))
    assert any("still busy with earlier requests" in v.evidence for v in found.entry.verdicts if v.name == "noisy")
    assert found.entry.server_cpu_afterwards_ns


def test_an_answer_after_the_timeout_is_censored(tmp_path: Path, cache: Cache) -> None:
    bench = make_bench(cache, duration_s=1.5, timeout_s=1)
    found = visit_once(faulty(tmp_path, "stuck"), bench, connections=1)
    assert "censored" in names(found)
    assert found.entry.errors.timeout > 0
    assert found.entry.latency is None, "no answer came in time, so there is no latency"


def test_a_server_that_dies_under_the_load(tmp_path: Path, cache: Cache) -> None:
    found = visit_once(faulty(tmp_path, "crash", at=6), make_bench(cache))
    assert found.died
    assert names(found) == {"errors"}
    assert "exit code 9" in found.entry.verdicts[0].evidence
    assert found.entry.requests == 0


def test_a_hog_beside_the_server(tmp_path: Path, cache: Cache) -> None:
    bench = make_bench(cache)
    with hogs(server_side(bench.pins)):
        found = visit_once(faulty(tmp_path, "work"), bench)
    assert "noisy" in names(found)
    assert "starved" not in names(found), "it had work and no CPU: it did not sleep"
    told = [v.evidence for v in found.entry.verdicts if v.name == "noisy"]
    assert any("of the server's CPUs" in text for text in told)
    assert (found.entry.foreign_server_permille or 0) > 100


def test_a_slow_client(cache: Cache) -> None:
    """The fastest server there is, and a client that has to share its CPU with three hogs."""
    contestant = registry.resolve("epoll-limit", registry.DEFAULT_PEERS_DIR)
    builder.build(contestant, cache, _Quiet())
    bench = make_bench(cache)
    with hogs(bench.pins.client):
        found = visit_once(contestant, bench, connections=128)
    noise = " ".join(v.evidence for v in found.entry.verdicts if v.name == "noisy")
    assert "of the client's CPUs" in noise
    # Where the machine has other work that reaches the server's CPU as well, the server is short of it, too.
    assert "client_bound" in names(found) or "of the server's CPUs" in noise


class _Quiet:
    """A reporter for builds."""

    def progress(self, text: str) -> None:
        """Nobody is told."""

    def say(self, text: str) -> None:
        """Nobody is told."""


def test_a_sitting_records_memory_and_goes_through_its_visits(tmp_path: Path, cache: Cache) -> None:
    contestant = faulty(tmp_path, "none")
    visits = (Visit(2, "twin", "/", 4), Visit(2, "twin", "/", 8))
    notes = Notes()
    sitting.sit(Sitting(2, "twin", visits), Entrant("twin", contestant), make_bench(cache), AckStalls(), notes)
    assert [visit for visit, _ in notes.found] == list(visits)
    assert [(r.contestant, r.phase, r.sample) for r in notes.records] == [("twin", "rest", 1), ("twin", "after", 1)]
    assert all(record.totals.pss_kib for record in notes.records)
    assert notes.remarks == []


def test_a_dead_server_ends_its_sitting_and_is_told(tmp_path: Path, cache: Cache) -> None:
    contestant = faulty(tmp_path, "crash", at=6)
    visits = (Visit(1, contestant.name, "/", 8), Visit(1, contestant.name, "/", 16))
    notes = Notes()
    bench = make_bench(cache)
    sitting.sit(Sitting(1, contestant.name, visits), Entrant(contestant.name, contestant), bench, AckStalls(), notes)
    assert [visit for visit, _ in notes.found] == [visits[0]]
    assert len(notes.remarks) == 1
    assert "died under /; 1 visits were not made" in notes.remarks[0]


def test_a_server_that_does_not_start_is_told(tmp_path: Path, cache: Cache) -> None:
    contestant = faulty(tmp_path, "none")
    broken = replace(contestant, start=replace(contestant.start, argv=("/bin/false", "{port}")))
    notes = Notes()
    sitting.sit(
        Sitting(1, "broken", (Visit(1, "broken", "/", 8),)),
        Entrant("broken", broken),
        make_bench(cache),
        AckStalls(),
        notes,
    )
    assert notes.found == []
    assert "broken did not start" in notes.remarks[0]


def test_connections_left_waiting_are_told(tmp_path: Path, cache: Cache) -> None:
    """A server that stays with one connection lets the others wait until they give up."""
    found = visit_once(faulty(tmp_path, "faithful"), make_bench(cache, timeout_s=1), connections=8)
    assert "censored" in names(found)
    assert found.entry.errors.timeout >= 7
    assert found.entry.latency is not None
    assert found.entry.latency.max_us >= 1_000_000, "what was waited in vain is part of the latency"
    fair = visit_once(faulty(tmp_path, "none"), make_bench(cache), connections=8)
    assert (verdict.served_connections([fair.entry]) or 0) > verdict.SERVED_MIN.value * 8


def test_warm_up_lasts_until_requests_are_no_longer_cheaper(tmp_path: Path, cache: Cache) -> None:
    """As under a just-in-time compiler: the first requests are dear, each one a little less so."""
    bench = make_bench(cache)
    contestant = faulty(tmp_path, "cold")
    with launch(contestant, bench.options, bench.cache) as server:
        before_ns = server.cpu_ns()
        found = visiting.visit_cell(server, Visit(1, contestant.name, "/", 4), bench, 0.0)
        used_before_ns = server.cpu_ns() - before_ns - (found.entry.server_cpu_ns or 0)
    assert used_before_ns > COLD_ANSWERS * COLD_S * 1e9 / 2, "the warm-up went through all of them"
    cost_s = (found.entry.server_cpu_ns or 0) / 1e9 / found.entry.requests
    assert cost_s < COLD_S / 4
