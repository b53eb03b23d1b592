"""Claim 9: calls with ids on a second port are what many requests in flight want, not pipelining."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from ...load.engine import LoadEngine
from ...load.load import LoadPlan
from ...model.stats import Estimate
from ...model.workloads import ROUTE_LOOP, ROUTE_ROOT
from ...report import numbers
from .. import judging, neighbour, proxy
from ..lab import Lab, Setting
from ..neighbour import Neighbour
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import CannotTell, Claim
from . import calls, streams, texts
from .calls import CallServer
from .h2load import H2Load

IN_FLIGHT = 32
DEPTH = 16
WORKERS_MIN = 2
REQUESTS = 3000
VISIT_S = 0.4
LOOP_STEPS = 3_000_000
ONE_BY_ONE, PIPELINED = "HTTP/1.1, a connection each", f"HTTP/1.1, {DEPTH} pipelined"
CALL_BY_CALL, CALLS = "calls, a connection each", f"calls, {DEPTH} on a connection"
STREAMS = f"HTTP/2 over TLS, {DEPTH} streams, nginx in front"
WAYS = ((ONE_BY_ONE, 1, False), (PIPELINED, DEPTH, False), (CALL_BY_CALL, 1, True), (CALLS, DEPTH, True))
CHEAP_ONLY = "GET / alone"
WAITS = f"1 of 8 waits {streams.WAIT_MS} ms"
COMPUTES = f"1 of 8 computes {LOOP_STEPS:,} steps"
CHEAP_AS, DEARER = 1.1, 1.5
FREE_US, HELD_UP_US = streams.WAIT_MS * 1000 * 0.4, streams.WAIT_MS * 1000 * 0.8


def measure(lab: Lab) -> list[Cell]:
    """One server in all ways, with as many requests in flight: the cheap one alone, and among dear ones that wait or compute."""
    with calls.running(lab, max(WORKERS_MIN, lab.workers)) as called:
        settings = [one for way, depth, is_call in WAYS for one in _shared(lab, called, way, depth, is_call)]
        absent: list[Cell] = []
        try:
            front = streams.front()
        except CannotTell as fault:
            absent.append(Cell({"way": STREAMS}, lost=str(fault)))
            return [*lab.measure(settings, "calls"), *absent]
        # On the CPUs of servers: what it costs belongs to what this way costs.
        with proxy.before(lab, front, called.server.port, lab.pins.server, {"PLAIN_PORT": neighbour.free_port()}) as running:
            return lab.measure([*settings, *_streams(lab, called, running)], "calls")


def _shared(lab: Lab, called: CallServer, way: str, depth: int, is_call: bool) -> list[Setting]:
    server = called.server
    plan = replace(lab.plan(server, ROUTE_ROOT, IN_FLIGHT // depth, depth), calls=is_call, port=called.port if is_call else server.port)
    check: Callable[[], str] | None = partial(calls.wrong, lab, called, depth) if is_call else None
    among = {
        CHEAP_ONLY: plan,
        WAITS: _mixed(plan, streams.DEAR_TARGET),
        COMPUTES: _mixed(plan, f"{ROUTE_LOOP}?n={LOOP_STEPS}"),
    }
    return [Setting({"way": way, "asked": asked}, server, one, check=check) for asked, one in among.items()]


def _mixed(plan: LoadPlan, dear: str) -> LoadPlan:
    return replace(plan, more_targets=(dear,), weights=(streams.CHEAP, streams.DEAR), duration_s=VISIT_S)


def _streams(lab: Lab, called: CallServer, front: Neighbour) -> list[Setting]:
    connections = IN_FLIGHT // DEPTH
    plans: tuple[tuple[str, LoadPlan, LoadEngine], ...] = (
        (CHEAP_ONLY, streams.plan(lab, front.port, ROUTE_ROOT, connections, REQUESTS), H2Load(DEPTH, False, None)),
        (WAITS, streams.mix(lab, front.port, connections), streams.mix_engine(DEPTH)),
    )
    return [
        Setting({"way": STREAMS, "asked": asked}, called.server, plan, {"front_cpu_us": front.cpu_ns}, engine=engine, check=partial(streams.wrong, front.port))
        for asked, plan, engine in plans
    ]


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    alone = judging.standing(cells, asked=CHEAP_ONLY)
    common = judging.scatter(alone, "server_cpu_us")
    pipelined, called = (judging.the(cells, way=way, asked=CHEAP_ONLY) for way in (PIPELINED, CALLS))
    held, free = (judging.the(cells, way=way, asked=WAITS) for way in (PIPELINED, CALLS))
    charts, tables, notes = [_chart(cells)], [_table(cells)], judging.lost(cells)
    cost = judging.ratio(called, pipelined, "server_cpu_us", common) if called and pipelined else None
    if cost is None or held is None or free is None:
        return Finding(OPEN, "one of the ways was not answered rightly", charts, tables, notes)
    behind, among = (judging.middle(cell, "target_0_p50_us") for cell in (held, free))
    why = (
        f"a call, {DEPTH} on a connection, costs the server {judging.factor(cost)} the CPU time of a pipelined request; where {WAITS}, the median of the "
        f"others is {_ms(among)} ms as calls and {_ms(behind)} ms pipelined"
    )
    if judging.surely_below(cost, CHEAP_AS) and judging.surely_below(among, FREE_US) and judging.surely_above(behind, HELD_UP_US):
        return Finding(HOLDS, why, charts, tables, notes)
    if judging.surely_above(cost, DEARER) or judging.surely_above(among, HELD_UP_US) or judging.surely_below(behind, FREE_US):
        return Finding(HOLDS_NOT, why, charts, tables, notes)
    return Finding(OPEN, why, charts, tables, notes)


def _ms(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return numbers.ms(estimate.value)
    return f"{numbers.ms(estimate.value)} ({numbers.ms(estimate.low)} to {numbers.ms(estimate.high)})"


def _cpu(cell: Cell) -> float:
    """Of the server and of what stands before it."""
    front = judging.middle(cell, "front_cpu_us").value if "front_cpu_us" in cell.rounds[0] else 0.0
    return judging.middle(cell, "server_cpu_us").value + front


def _title(cells: Sequence[Cell]) -> str:
    held, free = (judging.the(cells, way=way, asked=WAITS) for way in (PIPELINED, CALLS))
    if held is None or free is None:
        return "What a cheap request costs, and how long it waits where others on its connection wait"
    behind, among = (numbers.ms(judging.middle(cell, "target_0_p50_us").value) for cell in (held, free))
    return f"{WAITS}: {DEPTH} on a connection, the others take {behind} ms pipelined and {among} ms as calls; low and to the left is best"


def _chart(cells: Sequence[Cell]) -> Chart:
    """A point for each way: what a request costs, and how long one waits among those that wait."""
    series = []
    for way in judging.values_of(judging.standing(cells), "way"):
        alone, among = (judging.the(cells, way=way, asked=asked) for asked in (CHEAP_ONLY, WAITS))
        if alone and among:
            waits = judging.middle(among, "target_0_p50_us")
            low, high = (bound / 1000 if bound is not None else None for bound in (waits.low, waits.high))
            series.append(Series(way, [Point(_cpu(alone), waits.value / 1000, low, high)]))
    return Chart("calls", _title(cells), "CPU µs per request, front included", f"median of the cheap ones, ms, where {WAITS}", series)


def _table(cells: Sequence[Cell]) -> FigureTable:
    rows = []
    for cell in judging.standing(cells):
        is_mixed = cell.labels["asked"] != CHEAP_ONLY
        times = [numbers.ms(judging.middle(cell, f"target_0_{which}_us" if is_mixed else f"{which}_us").value) for which in ("p50", "p99", "max")]
        front = numbers.plain(judging.middle(cell, "front_cpu_us").value) if "front_cpu_us" in cell.rounds[0] else numbers.MISSING
        cpu = [numbers.plain(judging.middle(cell, figure).value) for figure in ("server_cpu_us", "client_cpu_us")]
        rate = numbers.plain(judging.middle(cell, "requests_per_s").value)
        rows.append([cell.labels["way"], cell.labels["asked"], cpu[0], front, cpu[1], *times, rate])
    columns = ["Way", "Asked for", "Server's CPU µs", "nginx's CPU µs", "Client's CPU µs", "p50 ms", "p99 ms", "max ms", "Requests/s"]
    caption = (
        f"{IN_FLIGHT} requests in flight. Times are of the cheap ones; CPU time is per request of any kind. Where others compute, the cheap ones wait for "
        "the CPU as well, on whatever connection"
    )
    return FigureTable("calls", caption, columns, rows)


CLAIM = Claim(
    number=9,
    key="rpc",
    sentence="Many requests in flight want a protocol with ids on a second port: as cheap as pipelining, and nothing waits in line.",
    source=f"{texts.ESSAY}, conclusion 2; MessagePack-RPC, spec.md (github.com/msgpack-rpc/msgpack-rpc): answers in any order, by message id.",
    method=(
        f"restmarkd answers the same workload over HTTP/1.1 ({ONE_BY_ONE.partition(', ')[2]}, and {DEPTH} pipelined) and as calls of MessagePack-RPC (the "
        f"same two), with {IN_FLIGHT} in flight; and over HTTP/2 behind nginx, {DEPTH} streams to a connection. First GET / alone, then with one of eight "
        f"that waits {streams.WAIT_MS} ms without using a CPU, or computes {LOOP_STEPS:,} steps of the loop. It has two workers or more. Before and after, "
        f"{DEPTH} different calls, sent at once, have to have the results of the definition, each by its id."
    ),
    rule=(
        f"Holds if a call surely costs the server less than {CHEAP_AS}× the CPU time of a pipelined request, and where others wait the median of the cheap "
        f"ones surely stays below {FREE_US / 1000:g} ms as calls and lies above {HELD_UP_US / 1000:g} ms pipelined. Does not hold if calls surely cost more "
        f"than {DEARER}×, or wait more than {HELD_UP_US / 1000:g} ms, or pipelined requests less than {FREE_US / 1000:g} ms. Cannot be told otherwise."
    ),
    misleads=(
        "One server, in C, whose HTTP parser and library are a part of what HTTP costs; another one's difference is another. The front's CPU time stands "
        "beside the server's, TLS included. A worker computes one thing at a time: beside calls that compute, cheap ones of the same worker wait for the one "
        "that runs, whatever the protocol; they go before those that have not begun. h2load sends a fixed number of requests, handshakes included."
    ),
    measure=measure,
    judge=judge,
)

