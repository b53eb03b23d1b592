"""Planted contestants, dear to live with in ways that are known beforehand, and what the study of costs says of them."""

from __future__ import annotations

import importlib
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.host.pinning import Pinning
from restmark_rig.load import load
from restmark_rig.load.load import LoadPlan, LoadResult, SoFar
from restmark_rig.model import steadiness
from restmark_rig.store.dataset import Dataset
from restmark_rig.studies.costs import broken_data, warm_up
from restmark_rig.studies.lab import Lab
from restmark_rig.studies.record import OPEN, Cell

from .helpers import CHEATER, Silent, cheater, processes_mentioning

CLASSES = [("none", steadiness.FLAT), ("slows-down", steadiness.SLOWDOWN), ("steps-at-random", steadiness.INCONSISTENT)]
STEP_NS, REQUEST_NS = 60, 200_000  # of the loop, and of a request without it, on a CPU of no great speed
NOISE = 0.04


def measured(peers: Path, cheat: str, cache: Cache, dataset: Dataset, measure: Callable[[Lab], list[Cell]] = warm_up.measure) -> list[Cell]:
    with Lab([cheater(peers, cheat)], True, cache, dataset, Pinning(None, None), load, Silent()) as lab:
        return measure(lab)


def classed(cells: Sequence[Cell]) -> set[str]:
    assert not [cell.lost for cell in cells if cell.lost]
    return {kind.name for kind in warm_up.kinds(cells)}


class Simulated:
    """Starts of a planted server, of which only what its answers cost is real: it is asked for it, and a clock moves on by that."""

    def __init__(self, made: Callable[[], Any], seed: int) -> None:
        self.made, self.rng = made, random.Random(seed)
        self.cpu_ns = self.answered = 0

    @contextmanager
    def launch(self, contestant: Contestant, *_: object) -> Iterator[Any]:
        self.server, self.answered = self.made(), 0
        yield SimpleNamespace(contestant=contestant, host="127.0.0.1", port=1, cpu_ns=lambda: self.cpu_ns)

    def load(self, plan: LoadPlan, begin: Callable[[], None], every: Callable[[SoFar], bool | None]) -> LoadResult:
        begin()
        began_ns, due_ns = self.cpu_ns, 0
        assert plan.every_s
        while self.cpu_ns - began_ns < plan.duration_s * 1e9:
            due_ns += round(plan.every_s * 1e9)
            dear = math.exp(self.rng.gauss(0, NOISE))
            while self.cpu_ns - began_ns < due_ns:
                self.answered += 1
                surplus = self.server.surplus(self.answered) if hasattr(self.server, "surplus") else 0
                self.cpu_ns += round((REQUEST_NS + STEP_NS * surplus) * dear)
            if every(SoFar((self.cpu_ns - began_ns) // 1000, self.answered, 0)):
                break
        us = (self.cpu_ns - began_ns) // 1000
        return LoadResult(us, us, self.answered, self.answered, self.answered, 0, 0, 0, 0, 1, 1, 1.0, {}, 1)


@pytest.mark.parametrize(("cheat", "name"), CLASSES)
def test_what_planted_ones_would_cost_has_its_class(
    cheat: str, name: str, tmp_path: Path, cache: Cache, default_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is timed: the costs are those that the planted server plans."""
    monkeypatch.syspath_prepend(str(CHEATER.parent))
    server, drawn = importlib.import_module("server"), random.Random(5)
    monkeypatch.setattr(importlib.import_module("cost_cheats").random, "SystemRandom", lambda: drawn)
    simulated = Simulated(lambda: server.CHEATS[cheat](default_dataset.path), 7)
    monkeypatch.setattr(warm_up, "Local", lambda _: SimpleNamespace(launch=simulated.launch))
    monkeypatch.setattr(load, "run", simulated.load)
    assert classed(measured(tmp_path / "peers", cheat, cache, default_dataset)) == {name}


@pytest.mark.long
@pytest.mark.parametrize(("cheat", "name"), CLASSES[1:])  # that the honest one is flat a busy machine may deny
def test_planted_ones_have_their_class(
    cheat: str, name: str, tmp_path: Path, cache: Cache, default_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real load, on one route. A busy machine may take longer: what counts are requests. The draws of ten starts are all but one alike once in 8 000 times."""
    monkeypatch.setattr(warm_up, "QUICK", replace(warm_up.QUICK, longest_s=120.0, first_s=120.0, mean_s=120.0))
    monkeypatch.setattr(warm_up, "REQUESTS", warm_up.REQUESTS[:1])
    assert classed(measured(tmp_path / "peers", cheat, cache, default_dataset)) == {name}
    assert not processes_mentioning(str(tmp_path))


def test_a_planted_one_that_swallows_a_missing_field_is_silently_wrong(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    cells = measured(tmp_path / "peers", "swallows-missing", cache, default_dataset, broken_data.measure)
    told = {cell.labels["data"]: cell.labels["outcome"] for cell in cells if cell.labels["way"] == broken_data.FILE}
    assert told["a field is missing"] == broken_data.WRONG
    assert told["the file ends in its middle"] in (broken_data.NAMED, broken_data.VAGUE)
    finding = broken_data.judge(cells)
    assert finding.verdict == OPEN, "nobody has typed records"
    assert [table.key for table in finding.tables] == ["broken-dataset", "broken-said"]
