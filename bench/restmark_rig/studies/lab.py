"""The bench of a study: its servers, which are started when they are first used and gone with it, and loads of them in interleaved rounds."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from types import TracebackType

from ..contestants.builder import Reporter
from ..contestants.cache import Cache
from ..contestants.contestant import Contestant
from ..host import energy
from ..host.pinning import Pinning
from ..load.engine import LoadEngine
from ..load.load import LoadPlan, LoadResult, NotAnswered
from ..model.errors import EnvironmentFault, StartFailed
from ..model.workloads import ROUTE_TRANSFER
from ..server.http_probe import Connection, ProbeError
from ..server.launcher import RunningServer, StartOptions
from ..server.placement import Local
from ..store.dataset import Dataset
from ..verify.oracle import Oracle
from . import order, system_calls
from .forecast import LOAD_MORE_S, Forecast
from .record import Cell

_ORDER_TIMEOUT_S = 30.0
# A visit in which others left nobody a CPU is made again, twice as long each time: a server that is silent for that long has failed.
_SILENT_S = 5.0
_ROUNDS_MIN = 3
PACKAGE_MJ = "package_mj"  # of a request, by all that runs on the machine's packages: where it counts energy alone


@dataclass(frozen=True)
class Pace:
    """How much of it: rounds of each cell at most, seconds of load of a visit, and seconds in which rounds have to end beyond the first few."""

    rounds: int
    visit_s: float
    budget_s: float


QUICK = Pace(rounds=7, visit_s=0.2, budget_s=40.0)  # thirteen claims in eleven minutes
FULL = Pace(rounds=12, visit_s=0.5, budget_s=600.0)


def pace_of(quick: bool) -> Pace:
    """With --quick, or without it."""
    return QUICK if quick else FULL


def measuring_s(pace: Pace, settings: int, targets: int, visit_s: float) -> float:
    """How long so many settings of so many targets take to be measured, with visits of such a length, seconds. Each target is warmed up once."""
    each_s = max(visit_s, pace.visit_s) + LOAD_MORE_S
    return targets * each_s + min(pace.rounds * settings * each_s, max(_ROUNDS_MIN * settings * each_s, pace.budget_s))

@dataclass(frozen=True)
class Setting:
    """One cell to be measured: what is loaded and how. plan has host and port of what the client connects to, which may stand before the server."""

    labels: dict[str, str]
    server: RunningServer
    plan: LoadPlan
    more_cpu: dict[str, Callable[[], int]] = field(default_factory=dict)  # figure's name -> CPU time so far, ns, of what stands between
    company: Callable[[], AbstractContextManager[object]] = nullcontext  # who else is there during a visit; may raise ProbeError
    engine: LoadEngine | None = None  # another one than the lab's, which does not speak everything
    check: Callable[[], str] | None = None  # in place of the pipelined requests; what is wrong, in words, or nothing
    opening_s: float = 0.0  # until connections that the client takes for open are so at the server, which stands far away


class Lab:
    """A context manager. contestants: those that take part, built."""

    def __init__(
        self, contestants: Sequence[Contestant], quick: bool, cache: Cache, dataset: Dataset, pins: Pinning, engine: LoadEngine, reporter: Reporter
    ) -> None:
        self.contestants = list(contestants)
        self.quick = quick
        self.pace = pace_of(quick)
        self.cache = cache
        self.dataset = dataset
        self.oracle = Oracle(dataset)
        self.pins = pins
        self.engine = engine
        self.reporter = reporter
        self.stack = ExitStack()  # what else is to end with the lab
        self.forecast = Forecast([])  # of the study that is being made
        self._servers: dict[tuple[str, int], RunningServer] = {}
        self._absent: dict[tuple[str, int], str] = {}

    def __enter__(self) -> Lab:
        self.stack.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._servers.clear()
        self.stack.__exit__(kind, error, trace)

    def tell(self, text: str, share: float | None = None) -> None:
        """What is being done now, with the time left. share: how much of the claim's experiment is done, 0 to 1; None where that is not known."""
        if share is not None:
            self.forecast.is_at(share)
        left = self.forecast.left()
        self.reporter.progress(f"{left}: {text}" if left else text)

    @property
    def workers(self) -> int:
        """Of a server where nothing else is asked for: one for each CPU of its."""
        return self.pins.workers

    def server(self, contestant: Contestant, workers: int | None = None) -> RunningServer:
        """Its server, started at the first time. Raises StartFailed, then and ever after."""
        key = (contestant.name, workers or self.workers)
        if key in self._absent:
            raise StartFailed(self._absent[key])
        if key not in self._servers:
            self.tell(f"starting {contestant.name}")
            options = StartOptions(self.dataset.path, workers=key[1], cpus=self.pins.server)
            try:
                self._servers[key] = self.stack.enter_context(Local(self.cache).launch(contestant, options))
            except StartFailed as fault:
                self._absent[key] = fault.message
                raise
        return self._servers[key]

    def plan(self, server: RunningServer, target: str, connections: int, depth: int = 1) -> LoadPlan:
        """A visit's load of a server."""
        return LoadPlan(server.host, server.port, target, connections, self.pace.visit_s, cpus=self.pins.client, depth=depth)

    def order_fault(self, server: RunningServer, host: str, port: int, depth: int) -> str:
        """Whether so many pipelined requests are answered rightly and in order at that address; empty if they are, else what is wrong."""
        contestant = server.contestant
        able = [route for route in contestant.routes if route in contestant.parameter_routes() or route == ROUTE_TRANSFER]
        requests = order.distinct(able, depth, self.oracle.records)
        try:
            with Connection(host, port, _ORDER_TIMEOUT_S) as connection:
                return order.fault(connection, requests, self.oracle)
        except ProbeError as error:
            return str(error)

    def measure(self, settings: Sequence[Setting], what: str) -> list[Cell]:
        """The cells of the settings, measured in rounds in which each has its turn, in an order of the round's own.

        Before and after, each server has to answer as many different requests as are pipelined, rightly and in their order; one that does not
        loses its cells, and so does one that fails under load.
        """
        lost = self._checked(settings, {})
        self._warm_up(settings, lost)
        rounds: list[list[dict[str, float]]] = [[] for _ in settings]
        began, longest_s = time.monotonic(), 0.0
        for number in range(self.pace.rounds):
            at = time.monotonic()
            if number >= _ROUNDS_MIN and at - began + longest_s > self.pace.budget_s:
                break
            self.tell(f"{what}: round {number + 1} of {self.pace.rounds}")
            turns = [index for index in range(len(settings)) if index not in lost]
            random.Random(number).shuffle(turns)
            for index in turns:
                try:
                    rounds[index].append(self.visit(settings[index]))
                except WrongAnswers as wrong:
                    lost[index] = str(wrong)
            longest_s = max(longest_s, time.monotonic() - at)
        lost = self._checked(settings, lost)
        return [
            Cell(setting.labels, [] if index in lost else rounds[index], lost.get(index, "")) for index, setting in enumerate(settings)
        ]

    def _checked(self, settings: Sequence[Setting], lost: dict[int, str]) -> dict[int, str]:
        told: dict[tuple[str, int, int], str] = {}
        for index, setting in enumerate(settings):
            plan = setting.plan
            key = (plan.host, plan.port, plan.depth)
            if setting.check is not None:
                wrong = setting.check()
            else:
                wrong = told[key] if key in told else self.order_fault(setting.server, *key)
                told[key] = wrong
            if wrong:
                lost.setdefault(index, wrong)
        return lost

    def _warm_up(self, settings: Sequence[Setting], lost: dict[int, str]) -> None:
        warm: set[tuple[int, str]] = set()
        for index, setting in enumerate(settings):
            key = (setting.plan.port, setting.plan.target)
            if index not in lost and key not in warm:
                warm.add(key)
                try:
                    self.visit(setting)
                except WrongAnswers as wrong:
                    lost[index] = str(wrong)

    def visit(self, setting: Setting) -> dict[str, float]:
        """One load, and its figures. CPU times, reads, writes and receives are per request. Raises WrongAnswers."""
        while True:
            figures = self._visit_once(setting)
            if figures or setting.plan.duration_s >= _SILENT_S:
                break
            setting = dataclasses.replace(setting, plan=dataclasses.replace(setting.plan, duration_s=2 * setting.plan.duration_s))
        if not figures:
            raise WrongAnswers(f"no answer came in {setting.plan.duration_s:g} s")
        return figures

    def _visit_once(self, setting: Setting) -> dict[str, float]:
        """The same; empty if no answer came, nor any error."""
        server, plan = setting.server, setting.plan
        before: list[tuple[int, system_calls.Calls, dict[str, int], energy.Reading]] = []

        def begin() -> None:
            time.sleep(setting.opening_s)
            before.append((server.cpu_ns(), system_calls.of(server.pids()), {name: now() for name, now in setting.more_cpu.items()}, energy.read()))

        try:
            with setting.company():
                result = (setting.engine or self.engine).run(plan, begin)
        except NotAnswered as fault:
            raise WrongAnswers(fault.message) from None
        except ProbeError as fault:
            raise WrongAnswers(f"company: {fault}") from None
        except EnvironmentFault as fault:
            if death := server.death():
                raise WrongAnswers(f"the server {death.splitlines()[0]}") from None
            raise fault
        cpu_ns, calls, used = server.cpu_ns(), system_calls.of(server.pids()), energy.read()
        if result.errors or not before:
            raise WrongAnswers(told_errors(result))
        if not result.requests:
            return {}
        was_ns, was, more, begun = before[0]
        figures = _figures(result, cpu_ns - was_ns, calls.since(was))
        if (joules := energy.joules(begun, used)) is not None:
            figures[PACKAGE_MJ] = joules * 1000 / result.requests
        for name, now in setting.more_cpu.items():
            figures[name] = (now() - more[name]) / 1000 / result.requests
        return figures


class WrongAnswers(Exception):
    """A server answered wrongly, or not at all: nothing of its cell counts."""


def told_errors(result: LoadResult) -> str:
    """How many answers were wrong or did not come, and of which kinds."""
    kinds = ", ".join(f"{kind} {count}" for kind, count in dataclasses.asdict(result.errors_by_kind).items() if count)
    return f"{result.errors} answers were wrong or did not come ({kinds or 'none came'})"


def _figures(result: LoadResult, server_ns: int, calls: system_calls.Calls) -> dict[str, float]:
    quantiles = result.latency_quantiles_us
    figures = {
        "requests_per_s": result.requests_per_s,
        "server_cpu_us": server_ns / 1000 / result.requests,
        "client_cpu_us": result.client_cpu_ns / 1000 / result.requests,
        "client_load": result.client_load,
        "reads": calls.reads / result.requests,
        "writes": calls.writes / result.requests,
        "p50_us": float(quantiles.get("50", 0)),
        "p99_us": float(quantiles.get("99", 0)),
        "max_us": float(result.latency_max_us),
        "total_us": float(result.total_us),
        "effective_us": result.total_us / result.requests,
        "requests": float(result.requests),
        "unsent": float(result.unsent),
        "late": float(result.late),
    }
    if result.receives is not None:
        figures["client_receives"] = result.receives / result.requests
    for number, target in enumerate(result.targets if len(result.targets) > 1 else ()):
        figures |= {f"target_{number}_{name}_us": float(target.latency_quantiles_us.get(key, 0)) for name, key in (("p50", "50"), ("p99", "99"))}
        figures[f"target_{number}_max_us"] = float(target.latency_max_us)
        figures[f"target_{number}_answered"] = float(target.answered)
    return figures
