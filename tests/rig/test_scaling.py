"""Workers as a curve: which CPUs they get, and what the report says of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from restmark_rig.contestants.cache import Cache
from restmark_rig.host import pinning, topology, worker_cpus
from restmark_rig.host.pinning import Pinning
from restmark_rig.host.topology import Cpu
from restmark_rig.model.results import RunSettings
from restmark_rig.report import scaling, scaling_chart
from restmark_rig.run import participants, preview
from restmark_rig.run.participants import Participant
from restmark_rig.server.launcher import StartOptions

from . import synthetic_results
from .helpers import processes_mentioning
from .run_support import fault_folder, faulty, make_bench, rig

NODES, CORES_OF_NODE, CORES_OF_L3, THREADS = 2, 16, 8, 2
CORES = NODES * CORES_OF_NODE


def write_sys(root: Path) -> Path:
    """/sys/devices/system/cpu of 64 CPUs: two nodes of 16 cores of two threads, eight cores to an L3 cache. The second threads are numbered after all
    first ones, as Linux does on most servers."""
    for number in range(CORES * THREADS):
        core = number % CORES
        node, l3 = core // CORES_OF_NODE, core // CORES_OF_L3
        folder = root / f"cpu{number}"
        for index, (level, shared) in enumerate([("1", f"{core},{core + CORES}"), ("2", f"{core},{core + CORES}"), ("3", _list(l3 * CORES_OF_L3, CORES_OF_L3))]):
            (folder / "cache" / f"index{index}").mkdir(parents=True)
            (folder / "cache" / f"index{index}" / "level").write_text(level + "\n")
            (folder / "cache" / f"index{index}" / "shared_cpu_list").write_text(shared + "\n")
        (folder / "topology").mkdir()
        (folder / "topology" / "thread_siblings_list").write_text(f"{core},{core + CORES}\n")
        (folder / f"node{node}").mkdir()
    return root


def _list(first: int, count: int) -> str:
    return f"{first}-{first + count - 1},{first + CORES}-{first + CORES + count - 1}"


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cpu, ...]:
    root = write_sys(tmp_path_factory.mktemp("sys") / "devices" / "system" / "cpu")
    return topology.read(range(CORES * THREADS), root)


def test_the_topology_is_read(big: tuple[Cpu, ...]) -> None:
    assert len(big) == 64
    assert big[17] == Cpu(17, frozenset({17, 49}), node=1, l3=frozenset({*range(16, 24), *range(48, 56)}))


def test_server_and_client_get_a_node_each(big: tuple[Cpu, ...]) -> None:
    pins = pinning.split(big)
    assert pins.client == frozenset({*range(16), *range(32, 48)}), "with CPU 0, which has the interrupts"
    assert pins.server == frozenset({*range(16, 32), *range(48, 64)})
    assert pinning.remarks(pins, big) == []


def test_workers_get_cores_before_threads_and_one_cache_before_the_next(big: tuple[Cpu, ...]) -> None:
    server = pinning.split(big).server or frozenset()
    assert worker_cpus.in_order(big, server) == [*range(16, 32), *range(48, 64)]
    assert worker_cpus.chosen(big, server, 1) == {16}
    assert worker_cpus.told(big, worker_cpus.chosen(big, server, 1)) == "CPU 16: 1 core of node 1, 1 L3 cache"
    assert worker_cpus.told(big, worker_cpus.chosen(big, server, 8)) == "CPUs 16-23: 8 cores of node 1, 1 L3 cache"
    assert worker_cpus.told(big, worker_cpus.chosen(big, server, 16)) == "CPUs 16-31: 16 cores of node 1, 2 L3 caches"
    assert worker_cpus.told(big, worker_cpus.chosen(big, server, 18)) == "CPUs 16-31,48-49: 18 threads of 16 cores of node 1, 2 L3 caches"
    assert worker_cpus.chosen(big, server, 99) == server


def test_a_node_is_filled_before_the_next(big: tuple[Cpu, ...]) -> None:
    """Even its second threads: memory of the other node is farther away than a sibling is slow."""
    everything = frozenset(range(64))
    assert worker_cpus.in_order(big, everything)[:33] == [*range(16), *range(32, 48), 16]
    assert worker_cpus.told(big, range(64)) == "CPUs 0-63: 64 threads of 32 cores of nodes 0 and 1, 4 L3 caches"
    assert worker_cpus.in_order(big, {0, *range(16, 20)})[0] == 16, "the node with most of them comes first"


def test_where_nothing_is_shared_the_numbers_are_the_order() -> None:
    plain = tuple(Cpu(number, frozenset({number})) for number in range(4))
    assert worker_cpus.in_order(plain, {3, 1, 2}) == [1, 2, 3]
    assert worker_cpus.told(plain, {1, 2}) == "CPUs 1-2: 2 cores of node 0"


def settings(bench_settings: RunSettings, workers: int, *more: int) -> RunSettings:
    return replace(bench_settings, workers=workers, more_workers=list(more))


def test_the_curve_is_shown_before_the_run(big: tuple[Cpu, ...], tmp_path: Path) -> None:
    run, pins = settings(make_bench(Cache(tmp_path)).settings, 1, 2, 16), pinning.split(big)
    assert preview.curve(run, pins, big) == [
        "1 worker(s) on CPU 16: 1 core of node 1, 1 L3 cache",
        "2 worker(s) on CPUs 16-17: 2 cores of node 1, 1 L3 cache",
        "16 worker(s) on CPUs 16-31: 16 cores of node 1, 2 L3 caches",
    ]
    assert preview.too_many_workers(run, pins) == []
    assert "has 1 CPU(s)" in preview.too_many_workers(run, Pinning(frozenset({3}), frozenset({1})))[0]
    assert preview.curve(settings(run, 4), pins, big) == []


def test_each_number_of_workers_is_a_participant(tmp_path: Path) -> None:
    one = faulty(tmp_path, "none")
    names = participants.scaled(participants.with_again([one]), {1: frozenset({4}), 2: frozenset({4, 5})})
    assert [(name.name, name.workers, name.scales) for name in names] == [
        ("fault-none", 1, None),
        ("fault-none-again", 1, None),
        ("fault-none-2w", 2, "fault-none"),
    ]
    usual = StartOptions(Path("x"), workers=9, cpus=frozenset({4, 5, 6}))
    assert names[2].options(usual) == replace(usual, workers=2, cpus=frozenset({4, 5}))
    alone = [Participant("x", one)]
    assert participants.scaled(alone, {4: frozenset({1})}) == alone and alone[0].options(usual) == usual


def test_a_curve_in_the_report(tmp_path: Path) -> None:
    """Two numbers of workers: they are in a section of their own, and in no ranking."""
    folder = fault_folder(tmp_path, "none")
    done = rig(
        tmp_path / "cache", "run", "-C", folder, "--workload", "/", "--connections", "8", "--rounds", "2", "--duration", "0.1",
        "--warmup", "0.1", "--workers", "1,2", "--output", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "out" / "results.json").read_text())
    records = {record["name"]: record for record in document["contestants"]}
    assert {name: (record["workers"], record["scales"]) for name, record in records.items()} == {
        "fault-none": (1, None), "fault-none-again": (1, None), "fault-none-2w": (2, "fault-none")
    }  # fmt: skip
    assert (document["settings"]["workers"], document["settings"]["more_workers"]) == (1, [2])
    assert document["argv"][document["argv"].index("--workers") + 1] == "1,2"
    assert {record["workers"] for record in document["memory"] if record["contestant"] == "fault-none"} == {1, 2}
    page = (tmp_path / "out" / "index.html").read_text()
    assert 'id="scaling"' in page  # with a picture where figures stand: a busy machine can make all of them doubtful
    assert "fault-none-2w" not in page.partition('id="scaling"')[0]
    assert "1 worker(s) on CPU" in done.stderr and "2 worker(s) on CPU" in done.stderr
    assert "by number of workers" in done.stdout
    assert not processes_mentioning(str(tmp_path))


def test_a_curve_is_drawn_where_its_figures_stand() -> None:
    results = synthetic_results.build(names=("restmarkd", "go-nethttp"))
    of_two = {record.name: replace(record, workers=2, scales="restmarkd") for record in results.contestants if record.name == "go-nethttp"}
    results.contestants = [of_two.get(record.name, record) for record in results.contestants]
    curves = list(scaling.Scaling(results).curves())
    assert curves and all([point.workers for point in curve.points] == [1, 2] for curve in curves)
    picture = scaling_chart.figure(0, [curve for curve in curves if all(point.requests_per_s for point in curve.points)])
    assert picture is not None and "requests/s by number of workers" in picture.render()
    lost = [replace(curve, points=[replace(point, requests_per_s=None) for point in curve.points]) for curve in curves]
    assert scaling_chart.figure(0, lost) is None


def test_results_of_one_number_have_no_curve() -> None:
    results = synthetic_results.build()
    assert scaling.without(results) is results
    assert list(scaling.Scaling(results).curves()) == [] and scaling.tables(scaling.Scaling(results)) == []
