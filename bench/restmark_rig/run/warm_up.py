"""Loads a cell until its requests no longer get cheaper.

A just-in-time compiler gets its time that way, and everybody else the same rule: CPU time per request shows it. A compiler that
starts only after so many calls has that number in its manifest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..model.plan import CellSpec
from ..server import drain
from ..server.launcher import RunningServer
from .bench import Bench

# Lengths of the parts of a warm-up, in quarters of the one asked for. Each is as long as all before it together,
# because compilers rest between their steps: PyPy under gunicorn needs 13 000 requests, of which many bring nothing.
QUARTERS = (1, 1, 2, 4, 8, 16)
GAIN = 0.05  # a part brings something if its requests are so much cheaper than the cheapest before
SETTLED = 2  # parts in a row that brought nothing end the warm-up
_REST_WINDOW_S = 0.03


@dataclass(frozen=True)
class Speed:
    """Of a warm cell: requests/s, and the least CPU time per request, nanoseconds; 0 without requests."""

    requests_per_s: float
    request_ns: float


def warm_up(server: RunningServer, cell: CellSpec, bench: Bench) -> Speed:
    """Loads the cell for as long as asked, and longer if requests still get cheaper. Raises Died, NotAnswered."""
    cheapest_ns, settled, rate, requests = math.inf, 0, 0.0, 0
    for quarters in QUARTERS:
        before_ns = server.cpu_ns()
        result = bench.load(server, cell, quarters * bench.settings.warmup_ms / 1e3 / 4)
        rate, requests = result.requests_per_s, requests + result.requests
        cost_ns = (server.cpu_ns() - before_ns) / result.requests if result.requests else math.inf
        settled = 0 if cost_ns < cheapest_ns * (1 - GAIN) else settled + 1
        cheapest_ns = min(cheapest_ns, cost_ns)
        if settled >= SETTLED and requests >= (server.contestant.warm_up_requests or 0):
            break
        if result.timeouts:  # another part would only add to what it has yet to do
            drain.come_to_rest(server, _REST_WINDOW_S, drain.backlog_s(bench.connections_used(server, cell), rate))
            break
    return Speed(rate, cheapest_ns if requests else 0.0)
