"""wrk against restmark-load: two programs that share no line should count the same requests/s where the server sets the pace.

Both load the same cell in turn, from one CPU with one thread. Where the server is not busy all the time, the client sets the
pace, and the two may differ: such a cell is not judged.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from ..host.pinning import Pinning
from ..load import load, wrk
from ..load.engine import LoadEngine
from ..load.load import LoadPlan
from ..model import stats
from ..model.errors import EnvironmentFault
from ..model.stats import Estimate
from ..model.workloads import ROUTE_ENCODE, ROUTE_ROOT
from ..server import drain
from ..server.launcher import RunningServer

ROUTES = (ROUTE_ROOT, ROUTE_ENCODE)
CONNECTIONS = 64
ROUNDS = 9
DURATION_S = 2
BUSY_MIN = 0.95  # share of the time in which the server has to work for a cell to be judged
WITHIN = 0.03  # by how much the two may differ
AGREE, DIFFER, UNDECIDED, IDLE = "agree", "differ", "undecided", "not judged"
_REST_WINDOW_S = 0.05


@dataclass(frozen=True)
class Slice:
    """One load. busy: share of one CPU that the server used in it."""

    requests_per_s: float
    busy: float


@dataclass(frozen=True)
class Cell:
    """A route, loaded by both in turn."""

    route: str
    wrk: tuple[Slice, ...]
    ours: tuple[Slice, ...]

    @property
    def busy(self) -> float:
        """The smaller one of the two programs' median shares."""
        return min(stats.median([one.busy for one in side]).value for side in (self.wrk, self.ours))

    @property
    def ratio(self) -> Estimate:
        """Requests/s of restmark-load divided by wrk's."""
        ours, wrk = ([one.requests_per_s for one in side] for side in (self.ours, self.wrk))
        return stats.ratio(ours, wrk, paired=True)

    @property
    def verdict(self) -> str:
        if self.busy < BUSY_MIN:
            return IDLE
        return judge(self.ratio)


def judge(ratio: Estimate) -> str:
    """AGREE if all of the interval is within 3 % of 1, DIFFER if nothing of it is, else UNDECIDED."""
    low, high = ratio.low, ratio.high
    if low is None or high is None:
        return UNDECIDED
    if low >= 1 - WITHIN and high <= 1 + WITHIN:
        return AGREE
    return DIFFER if high < 1 - WITHIN or low > 1 + WITHIN else UNDECIDED


def compare(
    server: RunningServer,
    route: str,
    pins: Pinning,
    say: Callable[[str], None],
    rounds: int = ROUNDS,
    duration_s: int = DURATION_S,
) -> Cell:
    """Loads the route by both in turn, the order changing each time. Raises EnvironmentFault, and NotAnswered."""
    cpus = frozenset({min(pins.client or os.sched_getaffinity(0))})
    engines: dict[str, LoadEngine] = {"wrk": wrk, "restmark-load": load}
    found: dict[str, list[Slice]] = {name: [] for name in engines}
    _slice(load, server, route, cpus, 1)
    for number in range(rounds):
        for name in sorted(engines, reverse=number % 2 == 0):
            drain.come_to_rest(server, _REST_WINDOW_S)
            found[name].append(_slice(engines[name], server, route, cpus, duration_s))
            say(f"{route}, round {number + 1} of {rounds}: {name} {found[name][-1].requests_per_s:,.0f}/s")
    return Cell(route, tuple(found["wrk"]), tuple(found["restmark-load"]))


def _slice(engine: LoadEngine, server: RunningServer, route: str, cpus: frozenset[int], duration_s: int) -> Slice:
    begun_ns: list[int] = []
    plan = LoadPlan(server.host, server.port, route, CONNECTIONS, duration_s, cpus=cpus)
    result = engine.run(plan, lambda: begun_ns.append(server.cpu_ns()))
    if result.errors:
        raise EnvironmentFault(f"GET {route}: {result.errors} errors beside {result.requests} answers", "see the server's log")
    return Slice(result.requests_per_s, (server.cpu_ns() - begun_ns[0]) / (result.total_us * 1000))
