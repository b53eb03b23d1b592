"""A run's warm-up: when it is steady, what is recorded and said of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from restmark_rig.load.load import SoFar
from restmark_rig.model import warm_ups
from restmark_rig.model.warm_up_records import WarmUpRecord
from restmark_rig.report.view import View
from restmark_rig.run import warm_up
from restmark_rig.run.warm_up import Slice
from restmark_rig.store import results_file, results_upgrade

from . import synthetic_results


def slices(levels: Sequence[tuple[float, int]], seed: int = 1) -> list[Slice]:
    """Of 20 ms, at these costs (µs) for so many each, with noise."""
    rng, found = random.Random(seed), []
    for level, count in levels:
        for _ in range(count):
            found.append(Slice(20_000 * (len(found) + 1), 20_000, 100, round(100_000 * level * rng.gauss(1, 0.03))))
    return found


@pytest.mark.parametrize(
    ("levels", "begin"),
    [
        ([(50, 12)], 0),
        ([(50, 5)], None),  # too few to tell
        ([(500, 4), (50, 8)], 4),
        ([(500, 8), (50, 7)], None),  # has not lasted
        ([(500, 8), (50, 8)], 8),
        ([(500, 4), (200, 4), (50, 20)], 8),
        ([(50, 10), (100, 12)], 10),  # slower, and steady
    ],
)
def test_the_last_level_has_to_last_as_long_as_all_before(levels: list[tuple[float, int]], begin: int | None) -> None:
    assert [warm_up.steady_from(slices(levels, seed)) for seed in range(10)] == [begin] * 10


@pytest.mark.parametrize(("least_requests", "ends_at"), [(0, 12), (5000, 50)])
def test_a_steady_load_ends_when_it_has_lasted_and_its_compiler_had_its_calls(least_requests: int, ends_at: int) -> None:
    now = [0]
    server = SimpleNamespace(cpu_ns=lambda: now[0])
    watch = warm_up._Watch(server, 20_000, 240_000, least_requests)  # type: ignore[arg-type]
    watch.begin()
    for tick in range(1, 200):
        now[0] += 5_000_000
        if watch.take(SoFar(tick * 20_000, tick * 100, 0)):
            break
    assert tick == ends_at


def test_what_sinks_slowly_is_not_steady() -> None:
    """As under a compiler that makes one function after another faster, in steps too small to be found."""
    sinking = [(50 * 0.95**step, 1) for step in range(12)]
    assert warm_up.steady_from(slices(sinking)) is None
    assert warm_up.steady_from(slices([*sinking, (27, 20)])) is not None


def record(name: str, route: str, steady_ms: int | None, lasted_ms: int = 2000) -> WarmUpRecord:
    return WarmUpRecord(name, route, 16, None, 1, lasted_ms, 9000, steady_ms, None if steady_ms is None else 4000, None if steady_ms is None else 5000)


def test_who_was_not_steady_is_named() -> None:
    records = [record("a", "/", 0, 250), record("a", "/encode-json", 250, 500), record("b", "/", 1000), record("b", "/encode-json", None)]
    steady, unsteady = warm_ups.told(records)
    assert steady.endswith("a 0.25 s, b 1 s")
    assert unsteady == "warm-up: b was not steady when it ended, after 2 s at most: /encode-json c=16"
    assert list(warm_ups.told(records[:2])) == [steady.replace(", b 1 s", "")]


def test_the_report_has_them_and_files_of_older_rigs_have_none() -> None:
    results = synthetic_results.build()
    names = [one.name for one in results.contestants][:2]
    results.warm_ups = [record(names[0], "/encode-json", 1500), record(names[1], "/", None)]
    document = results_file.to_document(results)
    view = View(results_file.from_document(document, "x"))
    table = view.warm_ups()
    assert table is not None
    (first, second) = [[cell.text for cell in row] for row in table.rows]
    assert first[1:4] == ["1.50", "4,000", "5.00×"] and first[-1] == ""
    assert second[1] == "–" and second[-1] == "GET / (1×)"
    older = {key: value for key, value in document.items() if key != "warm_ups"} | {"version": 4}
    assert results_upgrade.upgrade(older)["warm_ups"] == []
    assert View(results_file.from_document(older, "x")).warm_ups() is None
