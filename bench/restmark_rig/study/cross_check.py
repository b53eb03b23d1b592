"""wrk against restmark-load: two programs that share no line should count the same requests/s where the server sets the pace.

Both load the same cell in turn, from one CPU with one thread. Where the server is not busy all the time, the client sets the
pace, and the two may differ: such a cell is not judged.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..host import ports
from ..host.pinning import Pinning
from ..load import load, load_process
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
_GRACE_S = 30.0
_WRK_REQUESTS = re.compile(r"^\s*(\d+) requests in ", re.MULTILINE)
WRK_RATE = re.compile(r"^Requests/sec:\s+([\d.]+)$", re.MULTILINE)


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


def wrk_path() -> str:
    """Raises EnvironmentFault if there is no wrk."""
    path = shutil.which("wrk")
    if path is None:
        raise EnvironmentFault("the cross-check needs wrk, which is not installed", "apt-get install wrk")
    return path


def compare(
    server: RunningServer,
    route: str,
    pins: Pinning,
    say: Callable[[str], None],
    rounds: int = ROUNDS,
    duration_s: int = DURATION_S,
) -> Cell:
    """Loads the route by both in turn, the order changing each time. Raises EnvironmentFault, and NotAnswered."""
    cpus = frozenset({min(pins.client)}) if pins.client else None
    found: dict[str, list[Slice]] = {"wrk": [], "restmark-load": []}
    loads = {"wrk": _by_wrk, "restmark-load": _by_restmark_load}
    _by_restmark_load(server, route, cpus, 1)
    for number in range(rounds):
        for name in sorted(loads, reverse=number % 2 == 0):
            drain.come_to_rest(server, _REST_WINDOW_S)
            found[name].append(loads[name](server, route, cpus, duration_s))
            say(f"{route}, round {number + 1} of {rounds}: {name} {found[name][-1].requests_per_s:,.0f}/s")
    return Cell(route, tuple(found["wrk"]), tuple(found["restmark-load"]))


def _by_restmark_load(server: RunningServer, route: str, cpus: frozenset[int] | None, duration_s: int) -> Slice:
    begun: list[tuple[int, int]] = []
    plan = LoadPlan(server.host, server.port, route, CONNECTIONS, duration_s, cpus=cpus or frozenset({min(os.sched_getaffinity(0))}))
    result = load.run(plan, lambda: begun.append((time.monotonic_ns(), server.cpu_ns())))
    if result.errors:
        raise EnvironmentFault(f"GET {route}: {result.errors} errors beside {result.requests} answers", "see the server's log")
    return Slice(result.requests_per_s, (server.cpu_ns() - begun[0][1]) / (result.total_us * 1000))


def _by_wrk(server: RunningServer, route: str, cpus: frozenset[int] | None, duration_s: int) -> Slice:
    url = f"http://{ports.address(server.host, server.port)}{route}"
    argv = [wrk_path(), "-t1", f"-c{CONNECTIONS}", f"-d{duration_s}s", "--timeout=30s", url]
    before_ns = server.cpu_ns()
    with load_process.beside(cpus), load_process.start(argv, cpus) as process:
        try:
            output, told = process.communicate(timeout=duration_s + _GRACE_S)
        except BaseException as error:
            process.kill()
            if isinstance(error, subprocess.TimeoutExpired):
                raise EnvironmentFault(f"wrk did not end: {' '.join(argv)}", "run it by hand") from None
            raise
    count, rate = _WRK_REQUESTS.search(output), WRK_RATE.search(output)
    if process.returncode != 0 or count is None or rate is None or float(rate[1]) <= 0:
        raise EnvironmentFault(f"wrk failed: {' '.join(argv)}\n{(output + told).strip()[-2000:]}", "run it by hand")
    length_ns = 1e9 * int(count[1]) / float(rate[1])
    return Slice(float(rate[1]), (server.cpu_ns() - before_ns) / length_ns)
