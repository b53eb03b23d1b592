"""What makes load is exchangeable: runs and studies need run() of it, which a fake has, too; and wrk says what it can not do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from .helpers import Silent
from .run_support import LOAD_RESULT, faulty, make_bench

from restmark_rig.contestants.cache import Cache  # isort: skip
from restmark_rig.host.pinning import Pinning  # isort: skip
from restmark_rig.load import load, wrk  # isort: skip
from restmark_rig.load.engine import LoadEngine  # isort: skip
from restmark_rig.load.load import LoadPlan, LoadResult, SoFar  # isort: skip
from restmark_rig.model.errors import EnvironmentFault, UsageFault  # isort: skip
from restmark_rig.model.plan import CellSpec  # isort: skip
from restmark_rig.server.launcher import StartOptions, launch  # isort: skip
from restmark_rig.study import client_cost, quick, request_cost, targets  # isort: skip
from restmark_rig.study.client_cost import Client  # isort: skip

RESULT = replace(LOAD_RESULT, client_cpu_ns=500_000)
PLAN = LoadPlan("127.0.0.1", 8080, "/", 64, 1)


@dataclass
class FakeEngine:
    """Says that all was answered, without a request. plans: what it was asked for."""

    result: LoadResult = RESULT
    plans: list[LoadPlan] = field(default_factory=list)

    def run(self, plan: LoadPlan, begin: Callable[[], None] | None = None, every: Callable[[SoFar], bool | None] | None = None) -> LoadResult:
        """Calls begin, as a program does once its connections are open; ends before every is due."""
        self.plans.append(plan)
        if begin is not None:
            begin()
        return self.result


def test_a_run_and_a_quick_look_take_any_engine(tmp_path: Path) -> None:
    engine = FakeEngine()
    bench = replace(make_bench(Cache(tmp_path / "cache")), engine=engine)
    begun: list[bool] = []
    with launch(faulty(tmp_path, "none"), bench.options, bench.cache) as server:
        assert bench.load(server, CellSpec("/", 4, None), 0.5, lambda: begun.append(True)) is RESULT
        row = quick.measure(engine, server, "/", Pinning(None, None), 8, 30, lambda _text: None)
        us = targets.cpu_us_per_request(engine, server, "/", Pinning(None, None), 2, 60)
        port = server.port
    assert begun == [True]
    assert row.load is RESULT and 0 <= us < 1000
    # The warm-up of a second is the quick look's; a real program would have needed a minute and a half for the rest.
    assert [(plan.port, plan.connections, plan.duration_s) for plan in engine.plans] == [(port, 4, 0.5), (port, 8, 1.0), (port, 8, 30), (port, 2, 60)]


def test_clients_are_compared_by_their_cpu_time() -> None:
    engines = {"cheap": FakeEngine(), "dear": FakeEngine(replace(RESULT, client_cpu_ns=1_500_000))}
    clients = {"cheap": Client(engines["cheap"], check=False), "dear": Client(engines["dear"])}
    costs = client_cost.compare(clients, PLAN, 3, lambda _text: None)
    assert {name: cost.us_per_answer for name, cost in costs.items()} == {"cheap": 0.5, "dear": 1.5}
    assert {name: cost.ratio.value for name, cost in costs.items()} == pytest.approx({"cheap": 1.0, "dear": 3.0})
    assert [plan.check for plan in engines["cheap"].plans] == [False] * 3 and all(plan.check for plan in engines["dear"].plans)


@pytest.mark.parametrize("wrong", [{"status_errors": 1}, {"requests": 0}], ids=["error", "nothing"])
def test_wrong_answers_have_no_cost(wrong: dict[str, int]) -> None:
    with pytest.raises(EnvironmentFault, match="right answers"):
        client_cost.cpu_us_per_answer(Client(FakeEngine(replace(RESULT, **wrong))), PLAN)


def test_costs_are_told_as_ratios_of_the_same_round() -> None:
    base, other = request_cost.compared([[10.0, 20.0, 40.0], [11.0, 24.0, 40.0]])
    assert (base.median, base.least, base.ratio, base.quartiles) == (20.0, 10.0, 1.0, (1.0, 1.0))
    assert (other.median, other.least, round(other.ratio, 9)) == (24.0, 11.0, 1.1)
    assert other.quartiles == pytest.approx((1.05, 1.15))
    assert request_cost.compared([[5.0]])[0].quartiles is None


WRK = """Running 2s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.02ms    2.11ms  40.51ms   97.21%
  20000 requests in 2.00s, 2.50MB read
{more}Requests/sec:   9950.25
Transfer/sec:      1.25MB
"""
WRONG = "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 50\n"


def test_what_wrk_prints_is_read() -> None:
    right = wrk.figures(WRK.format(more=""), 7, 1)
    assert (right.requests, right.bytes, right.errors, right.client_cpu_ns) == (20000, 2_621_440, 0, 7)
    assert right.requests_per_s == pytest.approx(9950.25)
    wrong = wrk.figures(WRK.format(more=WRONG), 7, 1)
    assert (wrong.requests, wrong.connect_errors, wrong.read_errors, wrong.timeouts, wrong.status_errors) == (19950, 1, 5, 4, 50)
    assert wrong.errors == 60


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (replace(PLAN, rate_per_s=5.0), "rate_per_s"),
        (replace(PLAN, reconnect=1, requests=3), "requests, reconnect"),
        (replace(PLAN, expect=Path("body")), "expect"),
        (replace(PLAN, duration_s=0.5), "whole seconds, not for 0.5"),
    ],
)
def test_wrk_refuses_what_it_can_not_do(plan: LoadPlan, said: str) -> None:
    engine: LoadEngine = wrk
    with pytest.raises(UsageFault, match=said):
        engine.run(plan)


def test_both_programs_are_engines() -> None:
    engines: tuple[LoadEngine, ...] = (load, wrk)  # which mypy checks
    assert all(callable(engine.run) for engine in engines)


@pytest.mark.parametrize(("slow", "met"), [(12, True), (13, False)])
def test_a_start_is_judged_by_the_median(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, slow: int, met: bool) -> None:
    took = iter([9.0] * slow + [3.5] * (25 - slow))
    monkeypatch.setattr(targets.own_program, "compiled", lambda *_: tmp_path)
    monkeypatch.setattr(targets.first_answer, "measure_ms", lambda *_: next(took))
    found = targets.start(faulty(tmp_path, "none"), StartOptions(tmp_path, workers=1), Cache(tmp_path / "cache"), Silent())
    assert (found.met, found.value) == (met, 3.5 if met else 9.0)
    assert not list(took)
