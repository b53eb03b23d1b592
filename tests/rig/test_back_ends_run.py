"""A run of workloads that ask back ends: what is recorded, what it is planned as, and when the database is said to have set the pace."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from restmark_rig.backends import back_ends, start
from restmark_rig.host import pinning
from restmark_rig.host.pinning import Pinning
from restmark_rig.host.topology import Cpu
from restmark_rig.model import budget
from restmark_rig.model.plan import CellSpec
from restmark_rig.model.results import CLIENT_BOUND, DATABASE_BOUND, Results
from restmark_rig.model.workloads import BACK_END_ROUTES, BACK_ENDS
from restmark_rig.run import verdict
from restmark_rig.run.verdict import BackEndEvidence, Evidence
from restmark_rig.store import results_file

from .helpers import call_rig, write_contestant
from .test_back_ends_verify import subject
from .test_run_verdict import GOOD

present = pytest.mark.skipif(any(map(back_ends.unmet, BACK_ENDS)), reason="; ".join(filter(None, map(back_ends.unmet, BACK_ENDS))))
pytestmark = pytest.mark.xdist_group("back ends")
ASKED = ("--workload", "/db/record", "--workload", "/db/update", "--workload", "cache")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Path]:
    """One short run for all tests here."""
    folder = tmp_path_factory.mktemp("run")
    subject(folder, "none", ("/db/record", "/db/update", "/cache/json"))
    arguments = ("--rounds", "2", "--duration", "0.05", "--warmup", "0.1", "--connections", "4", "--workers", "1", "--output", folder / "out")
    done = call_rig(folder / "cache", "run", "-C", folder / "asks-none", *ASKED, *arguments)
    assert done.returncode == 0, done.stderr
    return results_file.read(folder / "out"), folder / "out"


@present
def test_what_the_back_ends_did_is_recorded_in_each_round(made: tuple[Results, Path]) -> None:
    results, _ = made
    assert {(cell.route, cell.connections) for cell in results.cells} == {
        (route, connections) for route in ("/db/record", "/db/update", "/cache/json") for connections in (1, 4)
    }
    for cell in results.cells:
        for entry in cell.rounds:
            used = entry.back_ends
            assert used is not None and entry.errors.total == 0 and entry.all_requests > 0, (cell.key, entry)
            # One by one they may have been under way when sending ended, or been asked before the first was counted.
            if cell.route == "/cache/json":
                assert used.commands is not None and entry.all_requests <= used.commands <= entry.all_requests + 200
                assert used.cache_cpu_ns is not None and used.cache_cpu_ns > 0
                continue
            each = 2 if cell.route == "/db/update" else 1
            assert used.statements is not None and each * entry.all_requests <= used.statements <= each * entry.all_requests + 200
            assert used.database_cpu_ns is not None and used.database_cpu_ns > 0
            assert used.transactions is not None and (used.transactions >= 2 * entry.all_requests) is (cell.route == "/db/update")


@present
def test_which_they_were_and_what_was_held_of_them_is_recorded(made: tuple[Results, Path]) -> None:
    results, folder = made
    assert [(entry.name, entry.own, entry.connections_per_worker) for entry in results.back_ends] == [("database", False, 4), ("cache", False, 1)]
    assert results.back_ends[0].settings["fsync"] == "on"
    (held,) = results.back_end_footprints
    assert 1 <= held.database_connections <= 4 and held.cache_connections == 1
    assert held.database_memory_kib is not None and held.database_memory_kib > 1000
    text = (folder / "results.json").read_text()
    assert "restmark-back-end-" not in text  # where they were is nobody's business
    assert "{database_url}" in text
    summary = (folder / "summary.md").read_text()
    assert "## Where a request's time goes" in summary and "Of a POST /db/update on Python" in summary
    assert 'data-figure="back-ends-db-record"' in (folder / "index.html").read_text()


@present
def test_the_plan_says_what_is_started(tmp_path: Path) -> None:
    subject(tmp_path, "none")
    done = call_rig(tmp_path / "cache", "run", "-C", tmp_path / "asks-none", "--workload", "db", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "database: started for the run; 4 connection(s) for each worker" in done.stdout
    assert "workloads: /db/record, /db/records, /db/search, /db/update" in done.stdout
    assert "cache:" not in done.stdout
    done = call_rig(tmp_path / "cache", "run", "-C", tmp_path / "asks-none", "--workload", "db", "--database-url", "postgresql://me:secret@x/y", "--dry-run")
    assert done.returncode == 1 and "secret" not in done.stdout + done.stderr.replace("postgresql://me:secret", "")


def test_without_them_such_a_run_ends_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "REDIS", "no-such-redis")
    subject(tmp_path, "none")
    done = call_rig(tmp_path / "cache", "run", "-C", tmp_path / "asks-none", "--workload", "cache", "--output", tmp_path / "out")
    assert done.returncode == 3
    assert "the workloads need a cache, which can not be started: no-such-redis not found" in done.stderr
    assert "restmark setup backends" in done.stderr


def test_a_manifest_says_what_its_routes_ask(tmp_path: Path) -> None:
    for name, keys, says in (
        ("one", {"routes": ["/db/record"]}, "key 'back_ends' lacks \"database\""),
        ("two", {"routes": ["/cache/json"], "back_ends": ["cache", "database"]}, 'has "database", which none of its routes asks'),
    ):
        write_contestant(tmp_path, name, ["/bin/true", "{port}"], **keys)
        done = call_rig(tmp_path / "cache", "list", "-C", tmp_path / name)
        assert done.returncode == 1 and says in done.stderr, done.stderr


def evidence(server_share: float, back_end_share: float, client_share: float = 0.3, **changes: object) -> Evidence:
    """With CPU time out of one CPU for each side."""
    wall_ns = GOOD.load.total_us * 1000
    load = dataclasses.replace(GOOD.load, client_cpu_ns=round(client_share * wall_ns))
    sample = dataclasses.replace(GOOD.sample, server_cpu_ns=round(server_share * wall_ns))
    return dataclasses.replace(GOOD, load=load, sample=sample, back_ends=BackEndEvidence(round(back_end_share * wall_ns), 1), **changes)


@pytest.mark.parametrize(
    ("server", "behind", "client", "changes", "due"),
    [
        (0.95, 0.5, 0.3, {}, None),  # the server itself
        (0.5, 0.97, 0.3, {}, DATABASE_BOUND),
        (0.95, 0.97, 0.3, {}, None),
        (0.4, 0.2, 0.3, {}, DATABASE_BOUND),  # it waits
        (0.4, 0.2, 0.99, {}, CLIENT_BOUND),
        (0.4, 0.2, 0.3, {"connections": 1}, None),  # one after the other
    ],
)
def test_who_set_the_pace(server: float, behind: float, client: float, changes: dict[str, object], due: str | None) -> None:
    found = {entry.name for entry in verdict.of_round(evidence(server, behind, client, **changes))}
    assert found & {DATABASE_BOUND, CLIENT_BOUND} == ({due} if due else set())


def test_on_cpus_that_they_share_the_larger_part_decides() -> None:
    for behind, client, due in ((0.6, 0.35, DATABASE_BOUND), (0.3, 0.65, CLIENT_BOUND)):
        one = evidence(0.5, behind, client)
        assert one.back_ends is not None
        waits = dataclasses.replace(one.load, client_wait_ns=round((1 - client) * one.load.total_us * 1000))
        shared = dataclasses.replace(one, load=waits, back_ends=dataclasses.replace(one.back_ends, shares_with="client"))
        assert due in {entry.name for entry in verdict.of_round(shared)}


def cpus(count: int) -> list[Cpu]:
    return [Cpu(number, frozenset({number}), "0") for number in range(count)]


@pytest.mark.parametrize(
    ("count", "client", "behind", "shared"), [(2, {0}, {0}, "client"), (4, {0}, {1}, ""), (8, {0, 1}, {2, 3}, "")]
)
def test_back_ends_get_cpus_of_the_clients(count: int, client: set[int], behind: set[int], shared: str) -> None:
    pins = pinning.with_back_ends(pinning.split(cpus(count)), None, cpus(count))
    assert (pins.client, pins.back_ends) == (client, behind)
    assert pinning.shared_with_back_ends(pins) == shared
    assert any("the back ends share CPU" in text for text in pinning.remarks(pins, cpus(count))) is bool(shared)
    assert pinning.with_back_ends(Pinning(None, None), None).back_ends is None
    assert pinning.with_back_ends(pins, frozenset({7})).back_ends == {7}


def test_a_quick_run_of_all_of_them_stays_below_ten_minutes() -> None:
    """By the plan, for restmarkd and five others; what is built before is not in it."""
    cells = {f"c{number}": [CellSpec(route, n) for route in BACK_END_ROUTES for n in (16, 1)] for number in range(7)}
    before = 6 * budget.VERIFY_BACK_ENDS_S + budget.alone_s(cells)
    assert budget.quick_rounds(cells, budget.quick_measuring_s(0.0, 6, cells)) >= 3
    assert before + budget.quick_measuring_s(0.0, 6, cells) < 540
