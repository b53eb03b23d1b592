"""`restmark memory`: sums, the line through them, the check against control groups, and its record."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from .helpers import call_rig
from .run_support import FAULTS, fault_folder, faulty, make_bench

from restmark_rig.host import cgroup  # isort: skip
from restmark_rig.contestants import contestant  # isort: skip
from restmark_rig.study import memory  # isort: skip
from restmark_rig.server import memory_look  # isort: skip
from restmark_rig.model import memory_roles  # isort: skip
from restmark_rig.ui import memory_table  # isort: skip
from restmark_rig.store import results_file  # isort: skip
from restmark_rig.contestants.cache import Cache  # isort: skip
from restmark_rig.host.cgroup import Mount  # isort: skip
from restmark_rig.server.launcher import launch  # isort: skip
from restmark_rig.model.memory_roles import Process  # isort: skip
from restmark_rig.report.memory import worker_cost  # isort: skip
from restmark_rig.model.memory_records import MemoryRecord, MemoryTotals  # isort: skip

MIB = 2**20


def record(workers: int, pss_kib: int | None, phase: str = "load", sample: int = 0) -> MemoryRecord:
    totals = MemoryTotals(None, pss_kib, None)
    return MemoryRecord("c", workers, phase, [], totals, sample=sample)


def test_the_line_through_exact_data() -> None:
    looks = [record(n, 3000 + 850 * n) for n in (1, 2, 4, 8)]
    cost = worker_cost(memory.by_workers(looks, "load", "pss_kib"))
    assert cost is not None
    assert cost.per_worker_kib == pytest.approx(850)
    assert cost.fixed_kib == pytest.approx(3000)
    assert cost.misfit_kib == pytest.approx(0, abs=1e-6)
    assert cost.remark == ""


def test_the_line_through_scattered_data() -> None:
    cost = worker_cost({1: 11, 2: 9, 4: 26, 8: 34})
    assert cost is not None
    # By hand: means 3.75 and 20; 28.75 is the sum of squares, 105 that of products.
    assert cost.per_worker_kib == pytest.approx(105 / 28.75)
    assert cost.fixed_kib == pytest.approx(20 - 3.75 * 105 / 28.75)


def test_one_number_of_workers_is_no_line() -> None:
    assert worker_cost(memory.by_workers([record(1, 11), record(1, 12, sample=1)], "load", "pss_kib")) is None


def test_two_numbers_of_workers_have_no_misfit() -> None:
    cost = worker_cost({1: 3000, 4: 9000})
    assert cost is not None and cost.misfit_kib is None
    third = worker_cost({1: 3000, 2: 5000, 4: 9000})
    assert third is not None and third.misfit_kib is not None


def test_less_than_nothing_is_no_fixed_part() -> None:
    cost = worker_cost({1: 3 * 1024, 2: 42 * 1024})
    assert cost is not None
    assert cost.per_worker_kib == pytest.approx(39 * 1024)
    assert cost.fixed_kib is None
    assert cost.remark.startswith("no fixed part: the line begins at -36.0 MiB, so memory does not grow")


def shown(by_contestant: dict[str, list[MemoryRecord]]) -> str:
    console = Console(width=80, file=io.StringIO())
    memory_table.show(console, by_contestant, [])
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_tables_say_what_the_line_can_not() -> None:
    looks = [record(workers, kib, phase) for workers, kib in ((1, 3000), (2, 43000)) for phase in ("rest", "load")]
    out = " ".join(shown({"mine": looks}).split())
    assert (
        "misfit: with two numbers of workers there is no misfit to show: a line through two points always fits." in out
    )
    assert "mine, PSS under load: no fixed part: the line begins at" in out
    more = [record(workers, 3000 + 900 * workers, phase) for workers in (1, 2, 4) for phase in ("rest", "load")]
    out = shown({"mine": more})
    assert "no misfit" not in out and "no fixed part" not in out


def test_the_original_is_beside_those_that_it_had() -> None:
    looks = [record(workers, 1000 * workers, phase) for workers in (1, 2) for phase in ("rest", "load")]
    assert "original" not in shown({"python-fastapi": looks, "rust-axum": looks})
    out = " ".join(shown({"python-fastapi": looks, "python-uwsgi": looks}).split())
    assert out.count("20 x 8") == 1
    assert "Of these it had python-uwsgi (Python, uWSGI)." in out


def test_long_names_keep_apart() -> None:
    looks = [record(workers, 1000 * workers, phase) for workers in (1, 2) for phase in ("rest", "load")]
    out = "".join(shown({"python-fastapi-uvicorn": looks, "python-fastapi-granian": looks}).split())
    assert "uvicorn" in out and "granian" in out and "…" not in out


def process(pid: int, parent: int, command: str = "server", listens: bool | None = True) -> Process:
    return Process(pid, parent, parent == 1, command, listens)


TRACKER = "python3 -c from multiprocessing.resource_tracker import main;main(5)"
FORK_SERVER = "python3 -c from multiprocessing.forkserver import main; main(3, 4)"


@pytest.mark.parametrize(
    ("processes", "expected"),
    [
        ([process(10, 1)], "1 server"),
        ([process(10, 1), process(11, 10), process(12, 10)], "1 master, 2 workers"),
        ([process(10, 1), process(11, 10, TRACKER, None), process(12, 10)], "1 master, 1 resource tracker, 1 worker"),
        ([process(10, 1), process(11, 10, TRACKER, False)], "1 server, 1 resource tracker"),
        # What a fork server forks has its command line.
        (
            [process(10, 1, FORK_SERVER[:8]), process(11, 10, FORK_SERVER), process(12, 11, FORK_SERVER)],
            "1 master, 1 fork server, 1 worker",
        ),
        # Something unknown that holds no socket, beside workers that hold one.
        ([process(10, 1), process(11, 10), process(12, 10, "logger", False)], "1 master, 1 worker, 1 helper"),
        # Node's cluster: the workers have no listening socket.
        ([process(10, 1), process(11, 10, listens=False), process(12, 10, listens=False)], "1 master, 2 workers"),
        # What can not be looked into is not called a helper.
        ([process(10, 1), process(11, 10), process(12, 10, listens=None)], "1 master, 2 workers"),
    ],
)
def test_roles(processes: list[Process], expected: str) -> None:
    found = memory_roles.roles(processes)
    assert memory_roles.counted(found[pid] for pid in sorted(found)) == expected


def test_who_listens_is_read_from_proc() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        sockets = memory_roles.listening_sockets(os.getpid(), port)
        assert len(sockets) == 1
        assert memory_roles.holds_any(os.getpid(), sockets) is True
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)  # inherits no socket
        try:
            assert memory_roles.holds_any(child.pid, sockets) is False
        finally:
            child.communicate()
    assert memory_roles.listening_sockets(os.getpid(), port) == set()
    assert memory_roles.holds_any(child.pid, sockets) is None


def test_a_resource_tracker_is_no_worker(tmp_path: Path) -> None:
    """A server of Python that starts its tracker, as uvicorn with workers does."""
    folder = fault_folder(tmp_path, "none")
    wrapper = folder / "wrapper.py"
    wrapper.write_text(
        "import runpy\n"
        "from multiprocessing import resource_tracker\n"
        "resource_tracker.ensure_running()\n"
        f"runpy.run_path({str(FAULTS)!r}, run_name='__main__')\n"
    )
    manifest = folder / "contestant.toml"
    manifest.write_text(manifest.read_text().replace(str(FAULTS), str(wrapper)))
    bench = make_bench(Cache(tmp_path / "cache"))
    with launch(contestant.load(folder), bench.options, bench.cache) as running:
        found = memory_look.look(running, "me", 1, "rest")
    assert sorted(process.role for process in found.processes) == ["resource tracker", "server"]


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
    names = {"rust-actix": "41", "go-fasthttp": "132", "python-uwsgi": "20 x 8", "pypy-uwsgi": "85 x 8", "nginx": ""}
    names |= {"rust-axum": "", "python-fastapi": "", "python-granian": "", "go-gin": "", "pypy-gunicorn": ""}
    assert {name: memory_table.original_mb(name) for name in names} == names


def test_the_command_and_its_record(tmp_path: Path) -> None:
    folder, out, cache = fault_folder(tmp_path, "none"), tmp_path / "out", tmp_path / "cache"
    options = ("--workers", "1,2", "--duration", "1", "--connections", "4", "--output", out)
    done = call_rig(cache, "memory", "-C", folder, *options)
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
    short = ("--duration", "0.1", "--warmup", "0.1", "--connections", "4", "--rounds", "2")
    assert call_rig(cache, "run", "-C", folder, *short, "--output", out).returncode == 0
    done = call_rig(cache, "memory", "-C", folder, "--workers", "1,2", "--duration", "1", "--output", out)
    assert done.returncode == 0, done.stderr
    results = results_file.read(out)
    assert results.complete
    assert len(results.cells) == 2, "the run is still there"
    own = [r for r in results.memory if r.contestant == "fault-none"]
    assert {r.workers for r in own} == {1, 2}
    assert [r.sample for r in own if (r.workers, r.phase) == (1, "rest")] == [0], "in the place of the run's own looks"
    assert {r.contestant for r in results.memory} == {"fault-none"}, "a second run of a server is not looked at twice"
    document = json.loads((out / "results.json").read_text())
    assert document["argv"][1] == "run"


class Giving:
    """A server whose memory is this many KiB, look by look; the last stays."""

    def __init__(self, *pss_kib: int | None) -> None:
        self._left = list(pss_kib)
        self.looks = 0

    def memory(self) -> memory_look.MemoryReading:
        self.looks += 1
        kib = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        return memory_look.MemoryReading([memory_look.ProcessMemory(1, "master", kib, kib, kib, None, None)], None)


@pytest.mark.parametrize(("looks", "told", "taken"), [((9000, 5000, 5010), 5010, 3), ((5000,), 5000, 2), ((None,), None, 2)])
def test_memory_at_rest_is_what_does_not_change_any_more(monkeypatch: pytest.MonkeyPatch, looks: tuple[int | None, ...], told: int | None, taken: int) -> None:
    monkeypatch.setattr(memory_look, "_APART_S", 0.01)
    server = Giving(*looks)
    assert memory_look.look_at_rest(server, "me", 1, "rest").totals.pss_kib == told
    assert server.looks == taken


def test_who_never_rests_is_looked_at_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_look, "_APART_S", 0.01)
    monkeypatch.setattr(memory_look, "_PATIENCE_S", 0.05)
    assert memory_look.look_at_rest(Giving(*(1000 * 2**step for step in range(40))), "me", 1, "rest").totals.pss_kib
