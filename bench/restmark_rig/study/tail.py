"""How long requests take at rates that a server holds, and what one more worker brings; for restmark's developers, `restmark dev tail` runs it.

A server's capacity is what it answers in a closed loop of as many connections. Then it is loaded at shares of that, open-loop: latencies count from
when a request was due. All contestants run at the same time, and each load of one comes between those of the others, in an order that changes from round
to round.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..contestants.cache import Cache
from ..contestants.contestant import Contestant
from ..host import pinning
from ..load.engine import LoadEngine
from ..load.load import LoadPlan, LoadResult
from ..model.errors import EnvironmentFault
from ..server.launcher import RunningServer, StartOptions, launch

SHARES = (0.5, 0.8)  # of the capacity

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class TailPlan:
    """What to load. workers: one table line each; connections: of all workers together."""

    dataset: Path
    target: str
    connections: int
    workers: tuple[int, ...]
    rounds: int
    duration_s: float


@dataclass(frozen=True)
class Rate:
    """What came of a share of the capacity. p99_us: of each round. late: rounds in which the client itself sent too late for that to be the server's."""

    share: float
    p99_us: tuple[int, ...]
    late: int

    @property
    def middle_us(self) -> float:
        return statistics.median(self.p99_us)


@dataclass(frozen=True)
class Tail:
    """One contestant with so many workers. capacity_per_s: of each round, requests/s of all workers together."""

    contestant: str
    workers: int
    capacity_per_s: tuple[float, ...]
    rates: tuple[Rate, ...]

    @property
    def per_worker(self) -> float:
        return statistics.median(self.capacity_per_s) / self.workers


def in_turn(items: Sequence[T], rounds: int) -> Iterator[tuple[int, T]]:
    """(round, item): nobody is always the first."""
    for number in range(rounds):
        for i in range(len(items)):
            yield number, items[(i + number) % len(items)]


def _load(engine: LoadEngine, server: RunningServer, plan: TailPlan, rate_per_s: float | None) -> LoadResult:
    """Raises EnvironmentFault if any request was not answered rightly."""
    load = LoadPlan(server.host, server.port, plan.target, plan.connections, plan.duration_s, cpus=pinning.halves().client, rate_per_s=rate_per_s)
    result = engine.run(load, lambda: None)
    if result.errors or not result.requests:
        raise EnvironmentFault(
            f"{server.contestant.name}: GET {plan.target}: {result.requests} right answers, {result.errors_by_kind}", "another --target, or a longer --duration"
        )
    return result


def of_workers(engine: LoadEngine, contestants: Sequence[Contestant], workers: int, plan: TailPlan, cache: Cache, say: Say) -> list[Tail]:
    """All contestants with so many workers each. Raises EnvironmentFault, StartFailed and what the engine raises."""
    options = StartOptions(plan.dataset, workers=workers, cpus=pinning.halves().server)
    with ExitStack() as stack:
        servers = [stack.enter_context(launch(contestant, options, cache)) for contestant in contestants]
        capacity: dict[int, list[float]] = {server.pid: [] for server in servers}
        for server in servers:
            _load(engine, server, plan, None)  # what is made at first use
        for number, server in in_turn(servers, plan.rounds):
            capacity[server.pid].append(_load(engine, server, plan, None).requests_per_s)
            say(f"{server.contestant.title}, {workers} workers, capacity, round {number + 1} of {plan.rounds}")
        asked = [(server, share) for share in SHARES for server in servers]
        found: dict[tuple[int, float], list[LoadResult]] = {(server.pid, share): [] for server, share in asked}
        for number, (server, share) in in_turn(asked, plan.rounds):
            rate = max(1.0, statistics.median(capacity[server.pid]) * share)
            found[server.pid, share].append(_load(engine, server, plan, rate))
            say(f"{server.contestant.title}, {workers} workers, {share:.0%} of it, round {number + 1} of {plan.rounds}")
        return [
            Tail(
                server.contestant.title,
                workers,
                tuple(capacity[server.pid]),
                tuple(
                    Rate(share, tuple(r.latency_quantiles_us["99"] for r in results), sum(r.late for r in results))
                    for share in SHARES
                    for results in [found[server.pid, share]]
                ),
            )
            for server in servers
        ]


def measure(engine: LoadEngine, contestants: Sequence[Contestant], plan: TailPlan, cache: Cache, say: Say) -> list[Tail]:
    """A line for each number of workers and contestant. Raises EnvironmentFault, StartFailed and what the engine raises."""
    return [tail for workers in plan.workers for tail in of_workers(engine, contestants, workers, plan, cache, say)]
