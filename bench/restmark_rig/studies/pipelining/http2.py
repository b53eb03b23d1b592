"""Claim 7: HTTP/2's streams over TLS cost more than pipelining, and wait for nobody."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from ...contestants import requirements
from ...load.load import LoadPlan
from ...model.errors import EnvironmentFault
from ...model.workloads import ROUTE_ROOT, ROUTE_WAIT
from ...report import numbers
from ...server.http_probe import Connection, ProbeError, request_bytes
from ...server.launcher import RunningServer
from ...verify.oracle import WELCOME
from .. import judging, neighbour, servers
from ..lab import Lab, Setting
from ..neighbour import Neighbour
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import CannotTell, Claim
from . import h2load, proxy, texts
from .h2load import H2Load

OWN, OWN_TARGET = "nginx itself", "/own"
IN_FLIGHT = 32
DEPTH = 16
STREAMS = (1, 8, 32)
REQUESTS = 3000
MIX_REQUESTS = 400
PLAIN, PIPELINED, TLS = "HTTP/1.1", f"HTTP/1.1, {DEPTH} pipelined", "HTTP/1.1 over TLS"
MIX = "HTTP/2 over TLS, 16 streams, 1 of 8 waits"
MIX_STREAMS = 16
WAIT_MS = 50
CHEAP, DEAR = 7, 1
DEARER = 1.1
FREE_US, HELD_UP_US = WAIT_MS * 1000 * 0.4, WAIT_MS * 1000 * 0.8


def streams(count: int) -> str:
    """In words."""
    return f"HTTP/2 over TLS, {count} stream{'s' if count > 1 else ''}"


DECIDES = streams(8)


def measure(lab: Lab) -> list[Cell]:
    """nginx's own answer in all ways, and the first contestant's behind it over TLS."""
    lacking = [one for one in (proxy.HTTP2_FRONT.requirement, h2load.REQUIREMENT, h2load.ASKER, proxy.CERTIFIER) if requirements.locate(one) is None]
    if lacking:
        raise CannotTell(f"{lacking[0].command} is not installed: restmark setup pipelining")
    server = servers.first(lab, (ROUTE_WAIT,))
    plain = neighbour.free_port()
    with ExitStack() as stack:
        # On the CPUs of servers: what it costs is what is looked at.
        front = stack.enter_context(proxy.before(lab, proxy.HTTP2_FRONT, server.port, lab.pins.server, {"PLAIN_PORT": plain}))
        settings = [
            _setting(lab, server, front, OWN, PLAIN, _plan(lab, plain, OWN_TARGET, IN_FLIGHT, 1), None, partial(_in_order, plain, 1)),
            _setting(lab, server, front, OWN, PIPELINED, _plan(lab, plain, OWN_TARGET, IN_FLIGHT // DEPTH, DEPTH), None, partial(_in_order, plain, DEPTH)),
        ]
        for whose, target in ((OWN, OWN_TARGET), (f"{server.contestant.title} behind nginx", ROUTE_ROOT)):
            check = partial(_right, front.port, target)
            ways = [(TLS, IN_FLIGHT, H2Load(1, True, len(WELCOME)))]
            ways += [(streams(count), IN_FLIGHT // count, H2Load(count, False, len(WELCOME))) for count in STREAMS]
            for way, connections, engine in ways:
                settings.append(_setting(lab, server, front, whose, way, _plan(lab, front.port, target, connections, 1), engine, check))
        mix = LoadPlan(
            "127.0.0.1", front.port, f"{ROUTE_WAIT}?ms={WAIT_MS}", IN_FLIGHT // MIX_STREAMS, 60.0, cpus=lab.pins.client, requests=MIX_REQUESTS,
            more_targets=(ROUTE_ROOT,), weights=(DEAR, CHEAP),
        )  # fmt: skip
        engine, check = H2Load(MIX_STREAMS, False, None), partial(_right, front.port, ROUTE_ROOT)
        settings.append(_setting(lab, server, front, f"{server.contestant.title} behind nginx", MIX, mix, engine, check))
        return lab.measure(settings, "HTTP/2 over TLS")


def _plan(lab: Lab, port: int, target: str, connections: int, depth: int) -> LoadPlan:
    return LoadPlan("127.0.0.1", port, target, connections, 60.0, cpus=lab.pins.client, depth=depth, requests=REQUESTS)


def _setting(
    lab: Lab, server: RunningServer, front: Neighbour, whose: str, way: str, plan: LoadPlan, engine: H2Load | None, check: partial[str]
) -> Setting:
    labels = {"server": whose, "way": way, "connections": str(plan.connections)}
    return Setting(labels, server, plan, {"front_cpu_us": front.cpu_ns}, engine=engine or lab.engine, check=check)


def _right(port: int, target: str) -> str:
    """By HTTP/2 over TLS: what is wrong with the answer, or nothing."""
    try:
        got = h2load.body_of(port, target)
    except EnvironmentFault as fault:
        return fault.message
    return "" if got == WELCOME else f"GET {target} over TLS answered {got[:40]!r}"


def _in_order(port: int, depth: int) -> str:
    """The same by HTTP/1.1, so many at once, every other of another status."""
    targets = [OWN_TARGET if number % 2 == 0 else "/no-such-path" for number in range(depth)]
    try:
        with Connection("127.0.0.1", port) as connection:
            connection.send(b"".join(map(request_bytes, targets)))
            for number, target in enumerate(targets, 1):
                got = connection.read()
                if (got.status == 200 and got.body == WELCOME) != (target == OWN_TARGET):
                    return f"answer {number} of {depth} pipelined ones is not that of {target}: status {got.status}"
    except ProbeError as fault:
        return str(fault)
    return ""


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    common = judging.scatter(judging.standing(cells, server=OWN), "front_cpu_us")
    pipelined, kept, multiplexed = (judging.the(cells, server=OWN, way=way) for way in (PIPELINED, TLS, DECIDES))
    mixed = judging.the(cells, way=MIX)
    charts, tables, notes = [_chart(cells)], [_table(cells)], judging.lost(cells)
    dearer = judging.ratio(multiplexed, pipelined, "front_cpu_us", common) if multiplexed and pipelined else None
    beside = judging.ratio(multiplexed, kept, "front_cpu_us", common) if multiplexed and kept else None
    if dearer is None or mixed is None:
        return Finding(OPEN, "one of the ways was not answered rightly", charts, tables, notes)
    waits = judging.middle(mixed, "p50_us")
    why = (
        f"a request by HTTP/2 over TLS, 8 streams to a connection, costs nginx {judging.factor(dearer)} the CPU time of a pipelined "
        "one in the clear, and "
        f"{judging.factor(beside)} that of HTTP/1.1 over TLS; where 1 of 8 waits {WAIT_MS} ms on the same connection, half of all are answered in "
        f"{numbers.ms(waits.value)} ms ({numbers.ms(waits.low)} to {numbers.ms(waits.high)})"
    )
    free, held_up = judging.surely_below(waits, FREE_US), judging.surely_above(waits, HELD_UP_US)
    if judging.surely_above(dearer, DEARER) and free:
        return Finding(HOLDS, why, charts, tables, notes)
    if held_up or judging.surely_below(dearer, 1.0):
        return Finding(HOLDS_NOT, why, charts, tables, notes)
    return Finding(OPEN, why, charts, tables, notes)


def _chart(cells: Sequence[Cell]) -> Chart:
    series = []
    for name in judging.values_of(judging.standing(cells), "server"):
        found = [(count, judging.the(cells, server=name, way=streams(count))) for count in STREAMS]
        middles = [(float(count), judging.middle(cell, "front_cpu_us")) for count, cell in found if cell]
        series.append(Series(name, [Point(x, y.value, y.low, y.high) for x, y in middles]))
    title = "CPU time per request of HTTP/2 over TLS, by streams that share a connection"
    return Chart("http2", title, f"streams to a connection, {IN_FLIGHT} requests in flight", "nginx's CPU µs per request", series)


def _table(cells: Sequence[Cell]) -> FigureTable:
    rows = []
    for cell in judging.standing(cells):
        figures = [numbers.plain(judging.middle(cell, figure).value) for figure in ("front_cpu_us", "server_cpu_us", "client_cpu_us")]
        times = [numbers.ms(judging.middle(cell, figure).value) for figure in ("p50_us", "p99_us")]
        rows.append([cell.labels["server"], cell.labels["way"], cell.labels["connections"], *figures, *times])
    columns = ["Server", "Way", "Connections", "nginx's CPU µs", "Server's CPU µs", "Client's CPU µs", "p50 ms", "p99 ms"]
    return FigureTable("http2", f"A small answer, {IN_FLIGHT} requests in flight; per request, handshakes included where there is TLS", columns, rows)


CLAIM = Claim(
    number=7,
    key="http2",
    sentence="HTTP/2 multiplexing over TLS is what to measure: dearer than pipelining, and nothing waits in line.",
    source=f"{texts.ESSAY}: “slower than pipelining, of course”; RFC 9113.",
    method=(
        f"h2load with 1, 8 and 32 streams to a connection, {IN_FLIGHT} requests in flight, against an answer that nginx makes itself, "
        "and against the first contestant "
        "that can wait, behind nginx; beside it HTTP/1.1 over TLS, and in the clear with and without pipelining. CPU time of nginx "
        "and of the server apart. "
        f"Then requests of which one of eight waits {WAIT_MS} ms, 16 streams to a connection, as in claim 3. The certificate is made for the run."
    ),
    rule=(
        f"Holds if 8 streams over TLS surely cost nginx more than {DEARER}× the CPU time of pipelined HTTP/1.1 in the clear, and with "
        "dear requests on the same "
        f"connection the median of all surely stays below {FREE_US / 1000:g} ms; does not hold if it surely lies above "
        f"{HELD_UP_US / 1000:g} ms, or the streams cost less; cannot be told "
        "otherwise."
    ),
    misleads=(
        "TLS and framing are in one sum; HTTP/1.1 over TLS beside it tells them apart. The handshakes are shared out over "
        f"{REQUESTS:,} requests. nginx sends "
        "requests on by HTTP/1.1, one on a connection: what is multiplexed ends there. Servers of ours that speak HTTP/2 themselves "
        "are not in the picture."
    ),
    measure=measure,
    judge=judge,
)
