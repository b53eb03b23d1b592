"""A first look at one running server: each route checked byte for byte, then measured once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import load
from .errors import RigError
from .launcher import RunningServer
from .load import LoadPlan, LoadResult
from .oracle import Oracle
from .pinning import Pinning
from .workloads import LOOP_DEFAULT_N, ROUTE_LOOP, ROUTE_ROOT, WorkloadRequest, counted, full, loop

_WARM_UP_S = 1.0


class WrongAnswer(RigError):
    """A server did not answer as the definitions say; measuring it would mean nothing."""

    exit_code = 2  # ExitCode.VERIFICATION


@dataclass(frozen=True)
class Row:
    """One route's figures."""

    route: str
    load: LoadResult
    server_cpu_ns: int
    wire_bytes: int  # of one answer, head and body

    @property
    def cpu_us_per_request(self) -> float:
        return self.server_cpu_ns / 1e3 / self.load.requests

    @property
    def mib_per_s(self) -> float:
        return self.load.bytes / 2**20 / (self.load.duration_us / 1e6)

    @property
    def remarks(self) -> list[str]:
        """What makes the row doubtful, in a word or two each."""
        found = []
        if self.load.errors:
            found.append(f"{self.load.errors} errors")
        if self.load.requests and abs(self.load.bytes / self.load.requests / self.wire_bytes - 1) > 0.01:
            found.append("wrong size")
        if self.load.client_load > 0.95:
            found.append("client-bound")
        return found


def check(server: RunningServer, oracle: Oracle) -> int:
    """Asks for full and partial work on every route that the server has; returns the number of answers compared.

    Raises WrongAnswer at the first difference.
    """
    requests: list[WorkloadRequest] = []
    for route in server.contestant.routes:
        requests.append(full(route))
        if route == ROUTE_LOOP:
            requests += [loop(0, 7), loop(10, 3), loop(LOOP_DEFAULT_N, 12345)]
        elif route != ROUTE_ROOT:
            requests += [counted(route, count) for count in (0, 1, oracle.records // 2, oracle.records)]
    with server.connect() as connection:
        for request in requests:
            expected, got = oracle.answer(request), connection.get(request.target)
            if got.status != 200 or got.body != expected.body:
                raise WrongAnswer(
                    f"{server.contestant.name}: GET {request.target} answered {got.status} with {len(got.body)} bytes, "
                    f"not 200 with the {len(expected.body)} bytes of the definition",
                    f"restmark verify -C {server.contestant.name} says where they differ",
                )
    return len(requests)


def measure(
    server: RunningServer, route: str, pinning: Pinning, connections: int, duration_s: float, say: Callable[[str], None]
) -> Row:
    """Loads one route, after a short warm-up."""
    with server.connect() as connection:
        wire_bytes = connection.get(route).wire_bytes
    plan = LoadPlan(server.host, server.port, route, connections, duration_s, cpus=pinning.client)
    say(f"{route}: warming up")
    load.run(LoadPlan(server.host, server.port, route, connections, _WARM_UP_S, cpus=pinning.client))
    say(f"{route}: measuring for {duration_s:g} s with {connections} connections")
    before_ns = server.cpu_ns()
    result = load.run(plan)
    return Row(route, result, server.cpu_ns() - before_ns, wire_bytes)
