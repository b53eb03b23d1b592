"""`restmark memory`: sums, the line through them, the check against control groups, and its record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .run_support import fault_folder, faulty, make_bench, rig

from restmark_rig import cgroup, memory, memory_look, memory_table, results_file  # isort: skip
from restmark_rig.cache import Cache  # isort: skip
from restmark_rig.cgroup import Mount  # isort: skip
from restmark_rig.launcher import launch  # isort: skip
from restmark_rig.results import MemoryRecord, MemoryTotals  # isort: skip

MIB = 2**20


def record(workers: int, pss_kib: int | None, phase: str = "load", sample: int = 0) -> MemoryRecord:
    totals = MemoryTotals(None, pss_kib, None)
    return MemoryRecord("c", workers, phase, [], totals, sample=sample)


def test_the_line_through_exact_data() -> None:
    line = memory.fit([record(n, 3000 + 850 * n) for n in (1, 2, 4, 8)], "load", "pss_kib")
    assert line is not None
    assert line.per_worker_kib == pytest.approx(850)
    assert line.fixed_kib == pytest.approx(3000)


def test_the_line_through_scattered_data() -> None:
    line = memory.fit([record(1, 11), record(2, 9), record(4, 26), record(8, 34)], "load", "pss_kib")
    assert line is not None
    # By hand: means 3.75 and 20; 28.75 is the sum of squares, 105 that of products.
    assert line.per_worker_kib == pytest.approx(105 / 28.75)
    assert line.fixed_kib == pytest.approx(20 - 3.75 * 105 / 28.75)


def test_one_number_of_workers_is_no_line() -> None:
    assert memory.fit([record(1, 11), record(1, 12, sample=1)], "load", "pss_kib") is None


def test_the_largest_look_counts_and_unreadable_ones_do_not() -> None:
    looks = [record(2, 10), record(2, 30, sample=1), record(2, 20, sample=2), record(4, None), record(1, 99, "rest")]
    assert memory.by_workers(looks, "load", "pss_kib") == {2: 30}


@pytest.mark.parametrize(
    ("processes_mib", "group_mib", "agrees"),
    [(10, 11.9, True), (10, 12.1, False), (100, 109, True), (100, 112, False), (100, 89, False)],
)
def test_disagreement(processes_mib: float, group_mib: float, agrees: bool) -> None:
    text = memory.disagreement(int(processes_mib * MIB), int(group_mib * MIB))
    assert (text == "") is agrees
    assert agrees or f"{group_mib:.1f} MiB" in text


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.current": "5000\n", "memory.stat": "anon 3000\nfile 10\nshmem 7\n"}, (5000, 3007)),
        ({"memory.usage_in_bytes": "4000\n", "memory.stat": "cache 9\nrss 2000\nshmem 5\n"}, (4000, 2005)),
        ({}, None),
    ],
)
def test_memory_of_a_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: tuple[int, int] | None
) -> None:
    own = tmp_path / "restmark-test"
    own.mkdir()
    for name, text in files.items():
        (own / name).write_text(text)
    monkeypatch.setattr(cgroup, "hierarchies", lambda _controller, _pid: [Mount(2, tmp_path, own)])
    found = memory_look.group_memory(1)
    assert (found and (found.charged_bytes, found.anonymous_bytes)) == expected


def test_a_group_that_the_rig_did_not_make_is_not_the_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.current").write_text("1")
    (tmp_path / "memory.stat").write_text("anon 1\nshmem 0\n")
    monkeypatch.setattr(cgroup, "hierarchies", lambda _controller, _pid: [Mount(2, tmp_path, tmp_path)])
    assert memory_look.group_memory(1) is None


def test_a_look_adds_up(tmp_path: Path) -> None:
    bench = make_bench(Cache(tmp_path / "cache"))
    with launch(faulty(tmp_path, "none"), bench.options, bench.cache) as server:
        found = memory_look.look(server, "me", 1, "rest")
        assert [process.pid for process in found.processes] == server.pids()
        charged = memory_look.group_memory(server.pid)
        held = memory_look.anonymous_bytes(server.pids())
    assert found.processes[0].role == "server"
    assert found.totals.uss_kib is not None
    assert found.totals.uss_kib <= (found.totals.pss_kib or 0) <= (found.totals.rss_kib or 0)
    assert held / 1024 <= (found.totals.pss_kib or 0) * 1.01
    assert (found.cgroup_bytes is None) is (charged is None)
    if charged is not None:  # where no group can be made there is nothing to compare with
        assert memory.disagreement(held, charged.anonymous_bytes) == ""


def test_original_figures() -> None:
    names = {"rust-axum": "41", "go-fasthttp": "132", "python-uwsgi": "20 x 8", "pypy-uwsgi": "85 x 8", "nginx": ""}
    assert {name: memory_table.original_mb(name) for name in names} == names


def test_the_command_and_its_record(tmp_path: Path) -> None:
    folder, out, cache = fault_folder(tmp_path, "none"), tmp_path / "out", tmp_path / "cache"
    options = ("--workers", "1,2", "--duration", "1", "--connections", "4", "--output", out)
    done = rig(cache, "memory", "-C", folder, *options)
    assert done.returncode == 0, done.stderr
    assert "One more worker" in done.stdout
    results = results_file.read(out)
    assert results.complete
    assert {(r.workers, r.phase) for r in results.memory} == {
        (workers, phase) for workers in (1, 2) for phase in ("rest", "load", "after")
    }
    assert results.cells == []


def test_added_to_a_run(tmp_path: Path) -> None:
    folder, out, cache = fault_folder(tmp_path, "none"), tmp_path / "out", tmp_path / "cache"
    short = ("--duration", "0.5", "--warmup", "0.1", "--connections", "4", "--rounds", "2")
    assert rig(cache, "run", "-C", folder, *short, "--output", out).returncode == 0
    done = rig(cache, "memory", "-C", folder, "--workers", "1,2", "--duration", "1", "--output", out)
    assert done.returncode == 0, done.stderr
    results = results_file.read(out)
    assert results.complete
    assert len(results.cells) == 2, "the run is still there"
    own = [r for r in results.memory if r.contestant == "fault-none"]
    assert {r.workers for r in own} == {1, 2}
    assert [r.sample for r in own if (r.workers, r.phase) == (1, "rest")] == [0], "in the place of the run's own looks"
    assert any(r.contestant == "fault-none-again" for r in results.memory)
    document = json.loads((out / "results.json").read_text())
    assert document["argv"][1] == "run"
