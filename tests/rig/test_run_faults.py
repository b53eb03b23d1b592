"""Planted faults: a server, a client or a machine that goes wrong gets its verdict, and no such cell is ranked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from restmark_rig.host import installation

from .faults.server import AFTERMATH_S, COLD_ANSWERS, COLD_S, STUCK_S
from .helpers import Silent
from .run_support import faulty, hogs, make_bench, server_side

from restmark_rig.run import calibration, runner, servers, spot_checks, verdict, slices, warm_up  # isort: skip
from restmark_rig.contestants import builder, registry  # isort: skip
from restmark_rig.server import drain  # isort: skip
from restmark_rig.run import bench as bench_module  # isort: skip
from restmark_rig.run.bench import Bench, Died  # isort: skip
from restmark_rig.contestants.cache import Cache  # isort: skip
from restmark_rig.contestants.contestant import Contestant  # isort: skip
from restmark_rig.run.participants import Participant  # isort: skip
from restmark_rig.server.launcher import launch  # isort: skip
from restmark_rig.load.load import NotAnswered  # isort: skip
from restmark_rig.model.plan import CellSpec  # isort: skip
from restmark_rig.model.results import Visit  # isort: skip
from restmark_rig.run.slices import Circumstances, Visited  # isort: skip

# What a busy machine may add to any verdict; everything else is the fault's own.
DISTURBANCES = {"noisy", "starved", "client_bound", "throttled"}


def visit_once(contestant: Contestant, bench: Bench, connections: int = 8) -> Visited:
    """One visit to / in a fresh server, as a run makes it: stall, check, warm-up, slice."""
    visit = Visit(1, contestant.name, "/", connections)
    cell = slices.cell_of(visit)
    with launch(contestant, bench.options, bench.cache) as server:
        stall_ms = spot_checks.ack_stall_ms(server, "/")
        checked = spot_checks.check(server, cell, bench, 1, "before")
        rate = 0.0
        try:
            rate = warm_up.warm_up(server, cell, bench).requests_per_s
        except (Died, NotAnswered):
            pass  # the visit says so
        return slices.visit_cell(server, visit, bench, Circumstances(rate, stall_ms, checked, lambda: 0))


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


def test_few_answers_are_censored_and_none_is_left_behind(tmp_path: Path, cache: Cache) -> None:
    bench = make_bench(cache, duration_s=0.5)
    found = visit_once(faulty(tmp_path, "stuck"), bench, connections=3)
    assert names(found) >= {"censored"}
    assert not {"byte_mismatch", "errors"} & names(found)
    entry = found.entry
    assert entry.duration_us >= bench_module.SLICE_LONGEST_S * 1e6 * 0.99, "a slow cell is loaded for longer"
    assert entry.drained_requests == 3, "what was under way at the end came in"
    assert entry.latency is not None and entry.latency.max_us > 2 * STUCK_S * 1e6


def test_a_server_that_falls_silent_has_errors_and_no_wrong_bytes(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spot_checks, "_MIN_S", 1.0)
    bench = make_bench(cache, duration_s=0.5, timeout_s=1)
    found = visit_once(faulty(tmp_path, "mute", at=6), bench)
    assert {"errors", "censored"} & names(found)
    assert "byte_mismatch" not in names(found)


def test_work_that_is_put_off_until_after_the_answer_counts(tmp_path: Path, cache: Cache) -> None:
    """It answers at once, and works then: 50 ms for each answer."""
    found = visit_once(faulty(tmp_path, "aftermath", at=6), make_bench(cache, duration_s=0.1))
    entry = found.entry
    assert entry.server_cpu_afterwards_ns and entry.server_cpu_ns
    assert entry.server_cpu_ns >= 0.8 * entry.all_requests * AFTERMATH_S * 1e9


def test_a_server_that_goes_on_for_long_is_told(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "DEADLINE_S", 0.2)
    monkeypatch.setattr(drain, "_BACKLOG_FACTOR", 0.0)
    found = visit_once(faulty(tmp_path, "aftermath", at=6), make_bench(cache, duration_s=0.3))
    assert any("still busy with its requests" in v.evidence for v in found.entry.verdicts if v.name == "noisy")


def test_an_answer_after_the_timeout_is_censored(tmp_path: Path, cache: Cache) -> None:
    bench = make_bench(cache, duration_s=1.5, timeout_s=1)
    found = visit_once(faulty(tmp_path, "stuck", at=1), bench, connections=1)
    assert {"censored", "errors"} & names(found), "either of them takes its rank"


def test_a_server_that_dies_under_the_load(tmp_path: Path, cache: Cache) -> None:
    found = visit_once(faulty(tmp_path, "crash", at=6), make_bench(cache))
    assert found.death == "ended with exit code 9"
    assert names(found) == {"errors"}
    assert "exit code 9" in found.entry.verdicts[0].evidence
    assert found.entry.requests == 0


@pytest.mark.timed
def test_a_hog_beside_the_server(tmp_path: Path, cache: Cache) -> None:
    bench = make_bench(cache)
    with hogs(server_side(bench.pins)):
        found = visit_once(faulty(tmp_path, "work"), bench)
    assert "noisy" in names(found)
    assert "starved" not in names(found), "it had work and no CPU: it did not sleep"
    told = [v.evidence for v in found.entry.verdicts if v.name == "noisy"]
    assert any("of the server's CPUs" in text for text in told)
    assert (found.entry.foreign_server_permille or 0) > 100


@pytest.mark.timed
def test_a_slow_client(cache: Cache) -> None:
    """The fastest server there is, and a client that has to share its CPU with three hogs."""
    contestant = registry.resolve("epoll-limit", installation.PEERS)
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


@pytest.mark.timed
def test_alone_memory_speed_and_stalls_become_known(tmp_path: Path, cache: Cache) -> None:
    twin = Participant("twin", faulty(tmp_path, "none"))
    again = Participant("twin-again", twin.contestant, same_as="twin")
    cells = [CellSpec("/", 4), CellSpec("/", 8)]
    found = calibration.hold([twin, again], {"twin": cells, "twin-again": cells}, make_bench(cache))
    assert [(r.contestant, r.phase) for r in found.memory] == [("twin", "rest"), ("twin", "after")]
    assert all(record.totals.pss_kib for record in found.memory)
    assert all(found.rates[name, cell] > 100 for name in ("twin", "twin-again") for cell in cells)
    assert found.stalls["twin-again", cells[0]] == 0.0
    assert found.remarks == []


def test_who_dies_alone_is_told(tmp_path: Path, cache: Cache) -> None:
    participant = Participant("crash", faulty(tmp_path, "crash", at=6))
    found = calibration.hold([participant], {"crash": [CellSpec("/", 8)]}, make_bench(cache))
    assert [record.phase for record in found.memory] == ["rest"]
    assert found.remarks == ["crash ended with exit code 9 under /, alone: its memory after load is not known"]


def test_servers_run_beside_each_other_and_one_that_does_not_start_is_absent(tmp_path: Path, cache: Cache) -> None:
    sound = faulty(tmp_path, "none")
    broken = replace(sound, start=replace(sound.start, argv=("/bin/false", "{port}")))
    participants = {"a": Participant("a", sound), "b": Participant("b", broken), "c": Participant("c", sound)}
    bench = make_bench(cache)
    with servers.running(participants, bench.options, bench.placement, bench.tell) as running:
        assert set(running.servers) == {"a", "c"}
        assert "/bin/false" in running.absent["b"] or "exit code 1" in running.absent["b"]
        first = running.servers["a"].pid
        running.restart("a")
        assert running.servers["a"].pid != first
        assert running.idle_cpu_ns("a") == running.servers["c"].cpu_ns()
        pids = [server.pid for server in running.servers.values()]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_connections_left_waiting_are_in_the_latencies(tmp_path: Path, cache: Cache) -> None:
    """A server that stays with one connection would have fine latencies, if those that wait were in none of them."""
    found = visit_once(faulty(tmp_path, "faithful"), make_bench(cache, duration_s=0.3, timeout_s=2), connections=8)
    assert "censored" in names(found)
    assert found.entry.errors.timeout > 0
    assert found.entry.latency is not None and found.entry.latency.max_us >= 1_900_000


@pytest.mark.timed  # a server that gets a fifth of a CPU answers too few in a second for a fall to be told from noise
def test_warm_up_lasts_until_requests_are_no_longer_cheaper(tmp_path: Path, cache: Cache) -> None:
    """As under a just-in-time compiler: the first requests are dear, each one a little less so."""
    bench = make_bench(cache)
    # Parts long enough for some dozens of answers on a busy machine, of which the last is cheaper than the first.
    bench = replace(bench, settings=replace(bench.settings, warmup_ms=1000))
    contestant = faulty(tmp_path, "cold")
    with launch(contestant, bench.options, bench.cache) as server:
        before_ns = server.cpu_ns()
        speed = warm_up.warm_up(server, CellSpec("/", 4), bench)
        used_ns = server.cpu_ns() - before_ns
    assert used_ns > COLD_ANSWERS * COLD_S * 1e9 / 2, "the warm-up went through all of them"
    assert speed.request_ns < COLD_S * 1e9 / 4


class Kept:
    """As much of a recording as a runner that visits once needs."""

    def __init__(self, order: list[Visit]) -> None:
        self.results = SimpleNamespace(order=order)
        self.told: list[str] = []

    def remaining(self) -> list[Visit]:
        return [visit for visit in self.results.order if visit.round > 1]

    def remark(self, text: str) -> None:
        self.told.append(text)


def test_what_a_server_dies_of_is_told_and_not_planned_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the run is complete without it, nobody calls it interrupted, and a run that is resumed does not try again."""
    order = [Visit(number, name, route, 8) for number in (1, 2, 3) for name, route in (("a", "/"), ("a", "/wait"), ("b", "/"))]
    kept = Kept(order)
    bench = SimpleNamespace(options=None, machine_speed=None)
    monkeypatch.setattr(runner, "replace", lambda one, **_: one)
    subject = runner.Run(kept, {}, bench, SimpleNamespace(rates={}, stalls={}), Silent(), None, None)
    subject._round = 2
    died = Visited(SimpleNamespace(machines=[]), None, 8, death="was killed by SIGKILL (out of memory at its limit, see --memory)", oom_kills=1)
    monkeypatch.setattr(slices, "visit_cell", lambda *_: died)
    running = SimpleNamespace(servers={"a": None, "b": None}, absent={}, restart=lambda _: None, idle_cpu_ns=lambda _: 0)
    running.servers["a"] = object()
    known = SimpleNamespace(speeds={}, checked={})
    assert subject._visit(running, order[3], known) is died
    assert kept.told == ["round 2: a was killed by SIGKILL (out of memory at its limit, see --memory) under /, which is not tried again"]
    assert [visit for visit in order if visit not in kept.results.order] == [Visit(3, "a", "/", 8)]
