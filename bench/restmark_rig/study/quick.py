"""A first look at one running server: each route checked byte for byte, then measured once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..contestants import registry
from ..contestants.contestant import Contestant
from ..host.pinning import Pinning
from ..load.engine import LoadEngine
from ..load.load import LoadPlan, LoadResult, NotAnswered
from ..model.errors import EnvironmentFault, ExitCode, RigError
from ..model.workloads import LOOP_DEFAULT_N, ROUTE_LOOP, ROUTE_ROOT, ROUTES, WorkloadRequest, counted, full, loop
from ..server import drain
from ..server.http_probe import ProbeError
from ..server.launcher import RunningServer
from ..verify.oracle import Oracle

_WARM_UP_S = 1.0
_REST_WINDOW_S = 0.05
_CLIENT_BUSY = 0.95  # of the time of the client's threads
_WORKED_OFF_MAX = 0.05  # of the requests that were answered
_ANSWERS_MIN = 2  # a connection: with fewer, the slower half of all waiting is unseen


class WrongAnswer(RigError):
    """A server did not answer as the definitions say; measuring it would mean nothing."""

    exit_code = ExitCode.VERIFICATION


@dataclass(frozen=True)
class Row:
    """One route's figures. load: None when there was nothing to load any more, for the reason in failure.

    loaded_ns: the server's CPU time within the load; afterwards_ns: from its end until what it left behind was worked off.
    wire_bytes: of one answer, head and body, None when none came; unrest: what the server was busy with when the load began.
    """

    route: str
    connections: int
    load: LoadResult | None
    loaded_ns: int = 0
    afterwards_ns: int = 0
    wire_bytes: int | None = None
    unrest: str = ""
    failure: str = ""

    @property
    def answered(self) -> bool:
        """Whether there is any figure."""
        return self.load is not None and self.load.requests > 0

    @property
    def worked_off(self) -> int:
        """Requests that nobody waited for any more, and which are in the CPU time, too."""
        return drain.worked_off(self.connections, self.load.requests, self.loaded_ns, self.afterwards_ns) if self.load else 0

    @property
    def cpu_us_per_request(self) -> float | None:
        """None without an answer. All that the server worked on counts, until it was at rest."""
        if self.load is None or not self.answered:
            return None
        return (self.loaded_ns + self.afterwards_ns) / 1e3 / (self.load.requests + self.worked_off)

    @property
    def mib_per_s(self) -> float:
        return self.load.bytes / 2**20 / (self.load.total_us / 1e6) if self.load else 0.0

    @property
    def remarks(self) -> list[str]:
        """What makes the row doubtful, in a few words each."""
        if self.load is None:
            return [self.failure]
        found = [self.failure] if self.failure else []
        result, size = self.load, self.wire_bytes
        if not self.answered:
            found.append(f"no answer in {result.duration_us / 1e6:.3g} s")
        elif result.requests < _ANSWERS_MIN * self.connections:
            found.append(f"{result.requests} answers on {self.connections} connections only")
        if result.errors:
            found.append(f"{result.errors} errors")
        if result.requests and size and abs(result.bytes / result.requests / size - 1) > 0.01:
            found.append("wrong size")
        if result.client_load > _CLIENT_BUSY:
            found.append("client-bound")
        if self.unrest:
            found.append("still busy with earlier requests")
        if self.answered and self.worked_off > _WORKED_OFF_MAX * result.requests:
            found.append(f"CPU includes {self.worked_off} abandoned requests")
        return found


def connections_used(asked: int, contestant: Contestant, workers: int) -> int:
    """As many as asked for, or as the contestant can hold."""
    limit = contestant.max_connections
    return asked if limit is None else min(asked, limit * workers)


def check(server: RunningServer, oracle: Oracle) -> int:
    """Asks for full and partial work on every one of the five routes that the server has; returns the number of answers compared.

    Raises WrongAnswer at the first difference, or when no well-framed answer comes.
    """
    requests: list[WorkloadRequest] = []
    for route in (route for route in server.contestant.routes if route in ROUTES):
        requests.append(full(route))
        if route not in server.contestant.parameter_routes():
            continue
        if route == ROUTE_LOOP:
            requests += [loop(0, 7), loop(10, 3), loop(LOOP_DEFAULT_N, 12345)]
        elif route != ROUTE_ROOT:
            requests += [counted(route, count) for count in (0, 1, oracle.records // 2, oracle.records)]
    remedy = f"restmark verify -C {registry.selector(server.contestant)} says where they differ"
    request = requests[0]
    try:
        with server.connect() as connection:
            for request in requests:
                expected, got = oracle.answer(request), connection.get(request.target)
                if got.status != 200 or got.body != expected.body:
                    raise WrongAnswer(
                        f"{server.contestant.name}: GET {request.target} answered {got.status} with {len(got.body)} bytes, "
                        f"not 200 with the {len(expected.body)} bytes of the definition",
                        remedy,
                    )
    except ProbeError as error:
        raise WrongAnswer(f"{server.contestant.name}: GET {request.target}: {error}", remedy) from None
    return len(requests)


def measure(
    engine: LoadEngine,
    server: RunningServer,
    route: str,
    pinning: Pinning,
    connections: int,
    duration_s: float,
    say: Callable[[str], None],
) -> Row:
    """Loads one route, after a short warm-up. Whatever the server does, there is a row that says it.

    Raises EnvironmentFault when the load generator fails while the server lives.
    """
    row = Row(route, connections, None)
    try:
        with server.connect() as connection:
            row = replace(row, wire_bytes=connection.get(route).wire_bytes)
    except ProbeError as error:
        row = replace(row, failure=str(error))
    try:
        return _loaded(engine, row, server, pinning, duration_s, say)
    except (NotAnswered, EnvironmentFault) as fault:
        if death := server.death():
            return replace(row, load=None, failure=f"the server {death.splitlines()[0]}")
        if isinstance(fault, NotAnswered):
            return replace(row, load=None, failure=row.failure or f"no right answer: {fault.message}")
        raise


def _loaded(
    engine: LoadEngine, row: Row, server: RunningServer, pinning: Pinning, duration_s: float, say: Callable[[str], None]
) -> Row:
    plan = LoadPlan(server.host, server.port, row.route, row.connections, duration_s, cpus=pinning.client)
    say(f"{row.route}: warming up")
    warm_up = engine.run(replace(plan, duration_s=_WARM_UP_S))
    unrest = _rest(server, row.connections, warm_up)
    say(f"{row.route}: measuring for {duration_s:g} s with {row.connections} connections")
    before_ns: list[int] = []
    result = engine.run(plan, lambda: before_ns.append(server.cpu_ns()))
    loaded_ns = server.cpu_ns()
    _rest(server, row.connections, result)
    return replace(
        row,
        load=result,
        loaded_ns=loaded_ns - before_ns[0],
        afterwards_ns=server.cpu_ns() - loaded_ns,
        unrest=unrest,
    )


def _rest(server: RunningServer, connections: int, result: LoadResult) -> str:
    return drain.come_to_rest(server, _REST_WINDOW_S, drain.backlog_s(connections, result.requests_per_s))
