"""Pipelined answers are checked byte for byte and in their order: a server that reorders them is caught, whatever its speed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.host.pinning import Pinning
from restmark_rig.load import load
from restmark_rig.model.workloads import ROUTE_ENCODE, ROUTE_LOOP, ROUTE_PARSE, ROUTE_TRANSFER
from restmark_rig.store.dataset import Dataset
from restmark_rig.studies import order
from restmark_rig.studies.lab import Lab, Pace, Setting, WrongAnswers
from restmark_rig.verify.oracle import Oracle

from .helpers import CHEATER, Silent, cheater, script
from .run_support import LOAD_RESULT

# Answers what has come together from the last to the first.
REORDERING = f"""
import asyncio, sys
sys.path.insert(0, {str(CHEATER.parent)!r})
from honest import HonestServer
import itertools
from pathlib import Path

AFTER = {{after}}

class Reordering(HonestServer):
    async def serve(self, reader, writer):
        try:
            while data := await reader.read(65536):
                answers = []
                for head in filter(None, data.split(b"\\r\\n\\r\\n")):
                    method, target, _ = head.split(b"\\r\\n")[0].decode().split(" ")
                    answers.append(self.frame(*self.respond(method, target), method))
                writer.write(b"".join(reversed(answers) if self.answered > AFTER else answers))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

async def main():
    server = await asyncio.start_server(Reordering(Path(sys.argv[2])).serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()

asyncio.run(main())
"""


def lab_of(contestant: Contestant, cache: Cache, dataset: Dataset) -> Lab:
    lab = Lab([contestant], True, cache, dataset, Pinning(None, None), load, Silent())
    lab.pace = Pace(rounds=2, visit_s=0.05, budget_s=60.0)
    return lab


def measured(contestant: Contestant, cache: Cache, dataset: Dataset, depth: int) -> tuple[str, int]:
    """Why the cell was lost, and its rounds."""
    with lab_of(contestant, cache, dataset) as lab:
        server = lab.server(contestant)
        (cell,) = lab.measure([Setting({"depth": str(depth)}, server, lab.plan(server, "/", 2, depth))], "a test")
    return cell.lost, len(cell.rounds)


def test_an_honest_server_keeps_its_cells(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    assert measured(cheater(tmp_path / "peers", "none"), cache, default_dataset, 8) == ("", 2)


class SilentAtFirst:
    """A load generator that gets no answer in a load shorter than answers_from_s. durations_s: those that were asked for."""

    def __init__(self, answers_from_s: float) -> None:
        self._answers_from_s = answers_from_s
        self.durations_s: list[float] = []

    def run(self, plan: load.LoadPlan, begin: Callable[[], None] | None = None) -> load.LoadResult:
        self.durations_s.append(plan.duration_s)
        if begin is not None:
            begin()
        return LOAD_RESULT if plan.duration_s >= self._answers_from_s else replace(LOAD_RESULT, requests=0, in_window=0)


def test_a_visit_in_which_nobody_had_a_cpu_is_made_again_for_longer(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    contestant = cheater(tmp_path / "peers", "none")
    with lab_of(contestant, cache, default_dataset) as lab:
        server = lab.server(contestant)
        setting = Setting({}, server, lab.plan(server, "/", 2, 1))
        slow, dead = SilentAtFirst(0.2), SilentAtFirst(60)
        assert lab.visit(replace(setting, engine=slow))["requests_per_s"] > 0
        assert slow.durations_s == pytest.approx([0.05, 0.1, 0.2])
        with pytest.raises(WrongAnswers, match=r"no answer came in 6\.4 s"):
            lab.visit(replace(setting, engine=dead))
        assert len(dead.durations_s) == 8


def test_a_server_that_reorders_loses_its_cells(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    planted = script(tmp_path / "peers", "reordering", REORDERING.replace("{after}", "0"))
    lost, rounds = measured(planted, cache, default_dataset, 8)
    assert "out of order" in lost and rounds == 0
    assert measured(planted, cache, default_dataset, 1) == ("", 2)  # which is right without pipelining


def test_a_server_that_begins_to_reorder_under_load_is_caught_after_it(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    planted = script(tmp_path / "peers", "late", REORDERING.replace("{after}", "60"))
    lost, rounds = measured(planted, cache, default_dataset, 8)
    assert "out of order" in lost and rounds == 0


def test_a_server_that_reorders_is_caught_by_the_load_itself(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    planted = script(tmp_path / "peers", "reordering", REORDERING.replace("{after}", "0"))
    with lab_of(planted, cache, default_dataset) as lab:
        server = lab.server(planted)
        plan = load.LoadPlan(server.host, server.port, "/", 2, 0.2, depth=8, more_targets=("/million-loop?n=10",), weights=(3, 1))
        result = load.run(plan)
    assert result.body_errors > 0


@pytest.mark.parametrize("routes", [(ROUTE_LOOP, ROUTE_ENCODE, ROUTE_PARSE), (ROUTE_TRANSFER,)])
def test_neighbours_have_different_answers(routes: tuple[str, ...], default_dataset: Dataset) -> None:
    oracle = Oracle(default_dataset)
    answers = [oracle.answer(request).body for request in order.distinct(routes, 16, oracle.records)]
    assert len(answers) == 16
    assert sum(one != other for one, other in itertools.pairwise(answers)) >= 7


def test_what_was_weighed_is_told_apart_by_target(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    contestant = cheater(tmp_path / "peers", "none")
    with lab_of(contestant, cache, default_dataset) as lab:
        server = lab.server(contestant)
        plan = load.LoadPlan(server.host, server.port, "/", 2, 5.0, depth=4, more_targets=("/million-loop?n=1",), weights=(9, 1), requests=1000)
        result = load.run(plan)
    cheap, dear = result.targets
    assert result.errors == 0 and cheap.answered + dear.answered == result.requests == 1000
    assert 0.8 < cheap.answered / 1000 < 0.97
    assert result.receives is not None and result.receives > 0
