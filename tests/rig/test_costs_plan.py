"""How long the study of costs takes: the plan of its claims, what is left of it, and that the experiments keep to it, on a clock that loads and starts move on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from restmark_rig.contestants import contestant
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.host.pinning import Pinning
from restmark_rig.load import load
from restmark_rig.load.load import LoadPlan, LoadResult, SoFar
from restmark_rig.model.errors import StartFailed
from restmark_rig.store.dataset import Dataset
from restmark_rig.studies import driver, lab, system_calls
from restmark_rig.studies.costs import broken_data, deploy, memory_life, start, warm_up
from restmark_rig.studies.costs.study import STUDY
from restmark_rig.studies.forecast import LOAD_MORE_S, START_S, Forecast
from restmark_rig.studies.lab import Lab

from .helpers import ROOT, Silent

QUICK_LONGEST_S = 12 * 60
CLAIMS = [claim for claim in STUDY.claims if claim.planned is not None]


def default_contestants() -> list[Contestant]:
    return [contestant.load(ROOT / "bench" / "peers" / name) for name in STUDY.contestants]


class World:
    """A clock that moves on by what servers and loads take. rate_per_s: of each server."""

    def __init__(self, rate_per_s: float) -> None:
        self.now_s = 0.0
        self.rate_per_s = rate_per_s
        self.is_loading = False  # the load takes its time, whatever else goes on meanwhile

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def perf_counter(self) -> float:
        return self.now_s

    @contextmanager
    def launch(self, one: Contestant, options: object, *_: object) -> Iterator[Any]:
        self.now_s += 0.0 if self.is_loading else START_S
        yield SimpleNamespace(
            contestant=one,
            options=options,
            host="127.0.0.1",
            port=1,
            pid=1,
            cpu_ns=lambda: int(self.now_s * 1e9),
            pids=list,
            death=lambda *_: "",
            stop=lambda: None,
        )

    @contextmanager
    def launch_broken(self, one: Contestant, *_: object) -> Iterator[Any]:
        """Half of a start, and its end."""
        self.now_s += START_S / 2
        raise StartFailed(f"{one.name} does not like it\nrecord 57")
        yield

    def load(self, plan: LoadPlan, begin: Callable[[], None] | None = None, every: Callable[[SoFar], bool | None] | None = None) -> LoadResult:
        self.now_s += LOAD_MORE_S
        if begin is not None:
            begin()
        elapsed_s, tick_s = 0.0, plan.every_s or plan.duration_s
        self.is_loading = True
        while elapsed_s < plan.duration_s:
            elapsed_s += tick_s
            self.now_s += tick_s
            if every is not None and every(SoFar(round(elapsed_s * 1e6), round(elapsed_s * self.rate_per_s), 0)):
                break
        self.is_loading = False
        us, count = round(elapsed_s * 1e6), round(elapsed_s * self.rate_per_s)
        return LoadResult(us, us, count, count, count, 0, 0, 0, 0, 1, 1, 1.0, {"50": 1, "99": 1}, 1)


@pytest.fixture
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> World:
    """In which the experiments find themselves."""
    made = World(request.param)
    for module in (warm_up, deploy, memory_life, lab):
        monkeypatch.setattr(module, "Local", lambda _: SimpleNamespace(launch=made.launch))
    monkeypatch.setattr(broken_data, "Local", lambda _: SimpleNamespace(launch=made.launch_broken))
    monkeypatch.setattr(load, "run", made.load)
    monkeypatch.setattr(lab, "time", made)
    monkeypatch.setattr(memory_life, "time", made)
    monkeypatch.setattr(Lab, "order_fault", lambda *_: "")
    monkeypatch.setattr(system_calls, "of", lambda _: SimpleNamespace(since=lambda _: SimpleNamespace(reads=0, writes=0)))
    monkeypatch.setattr(memory_life, "_pss", lambda *_: 1000.0)
    monkeypatch.setattr(memory_life.drain, "come_to_rest", lambda *_: "")
    monkeypatch.setattr(start.neighbour, "compiled", lambda *_: Path("first-answer"))
    monkeypatch.setattr(start, "_DROP", Path("/dev/null"))

    def started(*_: object) -> float:
        made.now_s += START_S
        return 1000 * START_S

    monkeypatch.setattr(start, "_start", started)
    return made


@pytest.mark.parametrize("quick", [True, False])
def test_the_plan_of_quick_is_within_twelve_minutes(quick: bool) -> None:
    planned = sum(claim.planned(default_contestants(), quick) for claim in CLAIMS if claim.planned)
    assert planned <= QUICK_LONGEST_S or not quick
    assert {claim.key for claim in STUDY.claims} - {claim.key for claim in CLAIMS} == {"build"}, "builds are not counted"


# Fast servers, such as an interpreter's, and ones that never come to what they are asked for.
@pytest.mark.parametrize("world", [40_000.0, 4_000.0, 400.0], indirect=True)
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.key)
def test_the_experiments_keep_to_their_plan(claim: Any, world: World, cache: Cache, default_dataset: Dataset) -> None:
    contestants = default_contestants()
    with Lab(contestants, True, cache, default_dataset, Pinning(None, None), load, Silent()) as bench:
        claim.measure(bench)
    planned = claim.planned(contestants, True)
    assert 0.4 * planned <= world.now_s <= 1.02 * planned


def test_the_longest_looks_are_cut() -> None:
    assert warm_up.longest_within([1.5, 1.5, 6.0, 6.0], 12.0) == 4.5
    assert warm_up.longest_within([1.0, 2.0, 3.0], 30.0) == 3.0
    assert sum(min(one, warm_up.longest_within([1.0, 3.0, 5.0, 9.0], 10.0)) for one in (1.0, 3.0, 5.0, 9.0)) == pytest.approx(10.0)


def test_few_contestants_are_looked_at_for_longer() -> None:
    assert warm_up.QUICK.first(10).longest_s == 6.0
    assert warm_up.QUICK.first(2).longest_s == 30.0
    assert warm_up.QUICK.later([19.0, 18.0]).longest_s == 19.0
    assert warm_up.QUICK.later([19.0] * 4).longest_s == 12.5
    assert warm_up.QUICK.later([9.0] * 10).longest_s == 2.0


def test_a_look_ends_when_enough_was_answered_but_not_before_its_time() -> None:
    now = [0]
    server = SimpleNamespace(cpu_ns=lambda: now[0])
    watch = warm_up._Watch(server, [], warm_up.Look(1.0, 6.0, 6.0, 2.0, requests=1000))  # type: ignore[arg-type]
    told = []
    for tick in range(1, 31):
        now[0] += 10_000_000
        told.append(watch.take(SoFar(tick * 50_000, tick * 100, 0)))
    assert told.index(True) == 19, "1000 answers after half a second, and a second is the least"


def test_what_is_left_is_corrected_by_what_was_slower() -> None:
    now = [100.0]
    forecast = Forecast([60.0, None, 120.0], lambda: now[0])
    assert forecast.left_s() == 180
    forecast.begin()
    now[0] += 60
    assert forecast.left_s() == 120
    now[0] += 60
    assert forecast.left_s() == 120, "what takes longer than planned is soon over, for all that is known"
    forecast.is_at(0.75)
    assert forecast.left_s() == 40 + 120
    forecast.begin()
    assert forecast.left_s() == 240, "twice as slow as planned"
    forecast.begin()
    now[0] += 40
    assert forecast.left() == "left: 3:20 min"
    assert Forecast([None, None], lambda: 0.0).left() == ""


def test_the_plan_is_told_at_the_beginning(cache: Cache, default_dataset: Dataset) -> None:
    claims = [replace(claim, measure=lambda _: [], judge=lambda _: driver.untold("nothing was measured")) for claim in STUDY.claims]
    reporter = Silent()
    with Lab(default_contestants(), True, cache, default_dataset, Pinning(None, None), load, reporter) as bench:
        driver.run(STUDY, claims, bench, reporter.say)
    assert reporter.said[0].startswith("planned, on a quiet machine: 1")
    assert reporter.said[0].endswith("; not counted: claim 3)")
