"""Claim 13: HTTP/2 in the clear that answers in the order of its streams is pipelining again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from ...model.errors import EnvironmentFault
from ...model.workloads import ROUTE_ROOT, ROUTE_WAIT
from ...report import numbers
from ...server.launcher import RunningServer
from ...verify.oracle import WELCOME
from .. import judging, servers
from ..lab import Lab, Setting
from ..neighbour import Neighbour
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import Claim
from . import natives, streams, texts
from .h2load import H2Load

FREE, ORDERED, PIPELINED = "h2c, any order", "h2c, in one order", "HTTP/1.1, pipelined"
ORDER = "order"
MIXED, CHEAP_ONLY = "1 of 8 waits", "GET / alone"
IN_FLIGHT = 32
SHARED = (1, 4, 16)  # requests under way on a connection
REQUESTS = 2000
HELD_UP, HARDLY = 10.0, 2.0


def measure(lab: Lab) -> list[Cell]:
    """The same server answering in any order and in one, alone and with requests that wait; and a contestant by pipelined HTTP/1.1."""
    streams.demand()
    server = servers.first(lab, (ROUTE_WAIT,), 2)
    settings, ordered = _pipelined(lab, server), []
    with ExitStack() as stack:
        for order, more in ((FREE, natives.IN_THE_CLEAR), (ORDERED, natives.IN_ORDER)):
            native = stack.enter_context(natives.running(lab, natives.GO, more, 2))
            settings += _settings(lab, server, native, order)
            ordered.append(_place(order, native.port))
        return [*lab.measure(settings, "order of streams"), *ordered]


def _settings(lab: Lab, server: RunningServer, native: Neighbour, order: str) -> list[Setting]:
    check, more = partial(streams.wrong, native.port, clear=True), {"native_cpu_us": native.cpu_ns}
    found = []
    for count in SHARED:
        labels = {"order": order, "streams": str(count)}
        plan = streams.mix(lab, native.port, IN_FLIGHT // count)
        found.append(Setting({**labels, "asked": MIXED}, server, plan, more, engine=streams.mix_engine(count, clear=True), check=check))
        plan = streams.plan(lab, native.port, ROUTE_ROOT, IN_FLIGHT // count, REQUESTS)
        found.append(Setting({**labels, "asked": CHEAP_ONLY}, server, plan, more, engine=H2Load(count, False, len(WELCOME), clear=True), check=check))
    return found


def _pipelined(lab: Lab, server: RunningServer) -> list[Setting]:
    found = []
    for count in SHARED:
        plan = streams.pipelined_mix(lab.plan(server, ROUTE_ROOT, IN_FLIGHT // count, count))
        found.append(Setting({"order": PIPELINED, "streams": str(count), "asked": MIXED}, server, plan))
    return found


def _place(order: str, port: int) -> Cell:
    labels = {"order": order, "asked": ORDER}
    try:
        return Cell(labels, [{"place": float(streams.place_of_dear(port, clear=True))}])
    except EnvironmentFault as fault:
        return Cell(labels, lost=fault.message)


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    common = judging.scatter(judging.standing(cells, asked=MIXED), "target_0_p50_us")
    free, ordered = (judging.the(cells, asked=MIXED, order=order, streams=str(SHARED[-1])) for order in (FREE, ORDERED))
    places = {cell.labels["order"]: round(cell.rounds[0]["place"]) for cell in judging.standing(cells, asked=ORDER)}
    charts, tables, notes = [_chart(cells)], [_table(cells)], judging.lost(cells)
    longer = judging.ratio(ordered, free, "target_0_p50_us", common) if free and ordered else None
    if longer is None or len(places) < 2:
        return Finding(OPEN, "the server did not answer rightly in both orders", charts, tables, notes)
    why = (
        f"with {SHARED[-1]} streams to a connection, where 1 of 8 waits {streams.WAIT_MS} ms, the median of the others is {judging.factor(longer)} as "
        f"long if answers come in one order; of {streams.ASKED_AT_ONCE} asked at once the first, which waits, was answered as number {places[FREE]} in "
        f"any order, as number {places[ORDERED]} in one"
    )
    if places[ORDERED] != 1:
        return Finding(OPEN, f"{why}: the server did not keep the order", charts, tables, notes)
    if judging.surely_above(longer, HELD_UP) and places[FREE] > 1:
        return Finding(HOLDS, why, charts, tables, notes)
    if judging.surely_below(longer, HARDLY):
        return Finding(HOLDS_NOT, why, charts, tables, notes)
    return Finding(OPEN, why, charts, tables, notes)


def _chart(cells: Sequence[Cell]) -> Chart:
    series = []
    for order in (FREE, ORDERED, PIPELINED):
        found = judging.standing(cells, asked=MIXED, order=order)
        middles = [(float(cell.labels["streams"]), judging.middle(cell, "target_0_p50_us")) for cell in found]
        points = [Point(x, y.value / 1000, y.low / 1000 if y.low else None, y.high / 1000 if y.high else None) for x, y in middles if y.value > 0]
        series.append(Series(order, points))
    axis = f"requests under way on a connection, {IN_FLIGHT} in all"
    return Chart("in-one-order", _title(series), axis, f"median of GET /, ms, where {MIXED} {streams.WAIT_MS} ms", series)


def _title(series: Sequence[Series]) -> str:
    ends = {one.name: one.points[-1].y * 1000 for one in series if one.points}
    if FREE not in ends or ORDERED not in ends:
        return "What the others wait by the order of answers"
    told = f"One order makes streams wait for each other: {numbers.ms(ends[ORDERED])} ms instead of {numbers.ms(ends[FREE])} ms"
    if ends[ORDERED] < ends[FREE] * HARDLY:
        told = f"Streams wait as long in any order as in one: {numbers.ms(ends[FREE])} ms and {numbers.ms(ends[ORDERED])} ms"
    return f"{told}; by pipelining {numbers.ms(ends[PIPELINED])} ms" if PIPELINED in ends else told


def _table(cells: Sequence[Cell]) -> FigureTable:
    rows = []
    for cell in judging.standing(cells):
        if cell.labels["asked"] == ORDER:
            continue
        figure = "native_cpu_us" if "native_cpu_us" in cell.rounds[0] else "server_cpu_us"
        cpu = numbers.plain(judging.middle(cell, figure).value)
        which = "target_0_{}_us" if cell.labels["asked"] == MIXED else "{}_us"
        times = [numbers.ms(judging.middle(cell, which.format(name)).value) for name in ("p50", "p99")]
        rate = numbers.plain(judging.middle(cell, "requests_per_s").value)
        rows.append([cell.labels["order"], cell.labels["asked"], cell.labels["streams"], rate, cpu, *times])
    columns = ["Answers", "Asked", "On a connection", "Requests/s", "Server CPU µs", "p50 ms", "p99 ms"]
    caption = f"{IN_FLIGHT} requests in flight; where one of eight waits the latencies are those of the others"
    return FigureTable("in-one-order", caption, columns, rows)


CLAIM = Claim(
    number=13,
    key="in-one-order",
    sentence="Cleartext HTTP/2 answered in order would be pipelining again.",
    source=f"{texts.ESSAY}; RFC 9113, section 5 (streams are independent of each other).",
    method=(
        "A server in Go, golang.org/x/net/http2, speaks HTTP/2 in the clear (h2c) twice: once each answer is sent when it is ready, once when those of "
        f"all older streams of the same connection are out. It works on all at once both times. h2load keeps {IN_FLIGHT} requests in flight, 1, 4 and 16 "
        f"to a connection: GET / alone, and with one of eight that waits {streams.WAIT_MS} ms, where the latencies are those of the others; beside it the "
        f"first contestant that can wait, pipelined. And {streams.ASKED_AT_ONCE} requests at once, of which the first waits: the place of its answer "
        "shows that the order is kept."
    ),
    rule=(
        f"Holds if with 16 streams to a connection the median of the cheap requests is surely more than {HELD_UP:g} times as long in one order as in any, "
        f"and the request that waits, sent first, is answered first in one order alone; does not hold if that median is surely less than {HARDLY:g} times "
        "as long; cannot be told otherwise."
    ),
    misleads=(
        "Nobody offers such a server: it is what one would be that kept HTTP/1.1's rule. In any order the library's own scheduler decides which frame is "
        "sent next, which takes time of its own: what GET / alone costs differs by that, too."
    ),
    measure=measure,
    judge=judge,
    programs=(natives.GO,),
)
