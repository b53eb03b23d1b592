"""Claim 8: what pipelining saves far away is round trips, and whoever asks in parallel saves them too."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from ...load.load import LoadPlan
from ...model.errors import StartFailed
from ...model.workloads import ROUTE_ROOT
from ...report import numbers
from ...server.launcher import RunningServer
from ...verify.oracle import WELCOME
from .. import judging, servers
from ..lab import Lab, Setting
from ..neighbour import Neighbour
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import CannotTell, Claim
from . import distance, natives, streams
from .h2load import H2Load

ROUND_TRIPS_MS = (0.1, 1.0, 10.0, 100.0)
# Connections and depth.
QUICK_SHAPES = ((1, 1), (1, 100), (1, 1000), (100, 1))
FULL_SHAPES = ((1, 1), (1, 10), (1, 100), (1, 1000), (10, 1), (100, 1), (1000, 1))
ALONE = "1 connection, depth 1"
BATCHES = 4
ENOUGH_S = 0.05  # of load where round trips are short
DECIDES_MS, DECIDES = "100", 100
STREAMS = f"{DECIDES} streams of HTTP/2 on a connection"
SAME, OTHER = 1.5, 2.0


def shape(connections: int, depth: int) -> str:
    """In words."""
    return f"{connections:,} connection{'s' if connections > 1 else ''}, depth {depth:,}"


def measure(lab: Lab) -> list[Cell]:
    """GET / of the first contestant, near and far, by depth and by connections."""
    server = servers.first(lab)
    settings, neighbours = [], []
    with ExitStack() as stack:
        for round_trip_ms in (0.0, *ROUND_TRIPS_MS):
            port = server.port
            if round_trip_ms:
                neighbours.append((round_trip_ms, stack.enter_context(distance.far(lab, server, round_trip_ms))))
                port = neighbours[-1][1].port
            for connections, depth in QUICK_SHAPES if lab.quick else FULL_SHAPES:
                labels = {
                    "contestant": server.contestant.title,
                    "round_trip_ms": f"{round_trip_ms:g}",
                    "shape": shape(connections, depth),
                    "in_flight": str(connections * depth),
                    "depth": str(depth),
                }
                plan = _plan(lab, server.host, port, connections, depth, round_trip_ms)
                settings.append(Setting(labels, server, plan, opening_s=round_trip_ms / 1000))
        try:
            settings += _streams(lab, server, stack, neighbours)
            absent = []
        except (CannotTell, StartFailed) as fault:
            absent = [Cell({"shape": STREAMS}, lost=str(fault))]
        cells = lab.measure(settings, "distance by depth")
        return [*cells, *absent, distance.lateness(neighbours)]


def _streams(lab: Lab, server: RunningServer, stack: ExitStack, neighbours: list[tuple[float, Neighbour]]) -> list[Setting]:
    """The same by streams of HTTP/2 on one connection, from a server that speaks it; its forwarders join the others."""
    streams.demand()
    native = stack.enter_context(natives.running(lab, natives.GO, natives.IN_THE_CLEAR))
    settings = []
    for round_trip_ms in ROUND_TRIPS_MS:
        away = stack.enter_context(distance.far(lab, native, round_trip_ms))
        neighbours.append((round_trip_ms, away))
        labels = {
            "contestant": natives.title(natives.GO), "round_trip_ms": f"{round_trip_ms:g}", "shape": STREAMS, "in_flight": str(DECIDES), "depth": "streams",
        }  # fmt: skip
        plan = streams.plan(lab, away.port, ROUTE_ROOT, 1, BATCHES * DECIDES)
        engine = H2Load(DECIDES, False, len(WELCOME), clear=True)
        settings.append(Setting(labels, server, plan, engine=engine, check=partial(streams.wrong, away.port, clear=True)))
    return settings


def _plan(lab: Lab, host: str, port: int, connections: int, depth: int, round_trip_ms: float) -> LoadPlan:
    """As many requests as take some round trips: the time for all, divided by them, is the effective time of one."""
    plan = LoadPlan(host, port, ROUTE_ROOT, connections, 60.0, cpus=lab.pins.client, depth=depth)
    batches = max(BATCHES, round(ENOUGH_S * 1000 / round_trip_ms)) if round_trip_ms else 20
    return replace(plan, requests=min(batches, 200) * connections * depth if connections * depth < 1000 else BATCHES * connections * depth)


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    common = judging.scatter(judging.standing(cells, round_trip_ms=DECIDES_MS), "effective_us")
    deep = judging.the(cells, round_trip_ms=DECIDES_MS, shape=shape(1, DECIDES))
    parallel = judging.the(cells, round_trip_ms=DECIDES_MS, shape=shape(DECIDES, 1))
    table, charts, notes = _table(cells), [_chart(cells)], [*judging.lost(cells), *distance.notes(cells, ALONE)]
    ratio = judging.ratio(parallel, deep, "effective_us", common) if deep and parallel else None
    if ratio is None or deep is None:
        return Finding(OPEN, "the server did not answer rightly far away", charts, [table], notes)
    share = judging.middle(deep, "effective_us")
    why = (
        f"at a round trip of {DECIDES_MS} ms and depth {DECIDES} a request takes {numbers.ms(share.value)} ms effectively (the essay's sum: "
        f"{float(DECIDES_MS) / DECIDES:g} ms); {DECIDES} parallel connections without pipelining take {judging.factor(ratio)} that"
    )
    multiplexed = judging.the(cells, round_trip_ms=DECIDES_MS, shape=STREAMS)
    if multiplexed is not None:
        why += f", {STREAMS} {judging.factor(judging.ratio(multiplexed, deep, 'effective_us', common))}"
    if judging.surely_below(ratio, SAME):
        return Finding(HOLDS, why, charts, [table], notes)
    if judging.surely_above(ratio, OTHER):
        return Finding(HOLDS_NOT, why, charts, [table], notes)
    return Finding(OPEN, why, charts, [table], notes)


def _chart(cells: Sequence[Cell]) -> Chart:
    series = []
    for round_trip in reversed(judging.values_of(cells, "round_trip_ms")):
        if round_trip == "0":
            continue
        for by, found in (
            ("depth", [cell for cell in judging.standing(cells, round_trip_ms=round_trip) if cell.labels["shape"].startswith("1 c")]),
            ("connections", judging.standing(cells, round_trip_ms=round_trip, depth="1")),
            ("streams", judging.standing(cells, round_trip_ms=round_trip, shape=STREAMS)),
        ):
            middles = [(float(cell.labels["in_flight"]), judging.middle(cell, "effective_us")) for cell in found]
            points = [Point(x, y.value / 1000, y.low / 1000 if y.low else None, y.high / 1000 if y.high else None) for x, y in middles]
            series.append(Series(f"{round_trip} ms, by {by}", points))
    return Chart(
        "round-trips",
        _title(cells),
        "requests in flight",
        "Effective ms per request",
        series,
    )


def _title(cells: Sequence[Cell]) -> str:
    """What a request takes far away: alone, pipelined, and on as many connections."""
    shapes = (shape(1, 1), shape(1, DECIDES), shape(DECIDES, 1))
    found = [judging.the(cells, round_trip_ms=DECIDES_MS, shape=one) for one in shapes]
    times = [numbers.ms(judging.middle(cell, "effective_us").value) for cell in found if cell]
    if len(times) < len(shapes):
        return "Effective time of a request by requests in flight: by depth, and by connections"
    alone, deep, parallel = times
    return f"{DECIDES_MS} ms away a request takes {alone} ms alone, {deep} ms with {DECIDES} pipelined, {parallel} ms on {DECIDES} connections"


def _table(cells: Sequence[Cell]) -> FigureTable:
    rows = []
    for round_trip in judging.values_of(cells, "round_trip_ms"):
        for cell in judging.standing(cells, round_trip_ms=round_trip):
            in_flight = int(cell.labels["in_flight"])
            effective = judging.middle(cell, "effective_us")
            by_sum = f"{numbers.plain(float(round_trip) / in_flight)}" if round_trip != "0" else ""
            rows.append([cell.labels["shape"], round_trip, by_sum, numbers.ms(effective.value), f"{numbers.ms(effective.low)} to {numbers.ms(effective.high)}"])
    columns = ["In flight", "Round trip ms", "Round trip ÷ in flight, ms", "Effective ms per request", "95 % interval"]
    contestant = next((cell.labels["contestant"] for cell in cells if "contestant" in cell.labels), "")
    return FigureTable("round-trips", f"GET / of {contestant}, connections open beforehand", columns, rows)


CLAIM = Claim(
    number=8,
    key="distance",
    sentence="Far away, pipelining saves round trips, and parallel connections save the same.",
    source=distance.ESSAY_SUM,
    method=(
        "GET / of the first contestant at round trips of 0, 0.1, 1, 10 and 100 ms: on one connection with 1, 100 and 1000 requests under way, and on 100 "
        "connections with one each (without --quick with 10, and on 10 and 1000 connections, too); at least four round trips long. The same by h2load "
        "with 100 streams of HTTP/2 in the clear on one connection to a server in Go. The effective time of a request is the time for all, divided by "
        "them. "
        + distance.FORWARDER_TEXT
    ),
    rule=(
        f"Holds if at {DECIDES_MS} ms {DECIDES} parallel connections surely take less than {SAME}× the effective time of depth {DECIDES}; does not hold "
        f"if they surely take more than {OTHER:g}×; cannot be told otherwise."
    ),
    misleads=(
        "Connections are open before the clock starts: cold, each costs a round trip more, and browsers open but six. h2load does not wait for that: the "
        "opening of its connection is in the time of its streams, one round trip of five. A forwarder ends TCP on both sides: slow start and losses are "
        "not those of a long way."
    ),
    measure=measure,
    judge=judge,
    programs=(natives.GO,),
)
