"""Claim 3: a dear request holds up the cheap ones that were sent behind it on the same connection, unless they are streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from ...model.errors import StartFailed
from ...model.workloads import ROUTE_LOOP, ROUTE_ROOT, ROUTE_WAIT
from ...report import numbers
from ...server.launcher import RunningServer
from .. import judging, neighbour, proxy, servers
from ..lab import Lab, Setting
from ..neighbour import Neighbour
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import CannotTell, Claim
from . import picture, streams, texts

LOOP_STEPS = 3_000_000
WAITS, COMPUTES = f"waits {streams.WAIT_MS} ms", f"computes {LOOP_STEPS:,} steps"
DEAR = ((WAITS, streams.DEAR_TARGET), (COMPUTES, f"{ROUTE_LOOP}?n={LOOP_STEPS}"))
IN_FLIGHT = 32  # few enough to leave the CPU idle where the dear ones wait
SHAPES = ((1, "a connection each"), (4, "4 to a connection"), (16, "16 to a connection"))
EACH, SHARED = SHAPES[0][1], SHAPES[-1][1]
CHEAP, DEAR_ONE = streams.CHEAP, streams.DEAR
WORKERS_MIN = 2
BEHIND = "{} behind nginx, streams of HTTP/2"
PIPELINED_PAGES = {picture.PIPELINED: 1, picture.SIX: picture.BROWSERS, picture.EACH: picture.FILES + 1}
HELD_UP = 10.0  # times the latency without sharing: beyond doubt
HARDLY = 2.0


def measure(lab: Lab) -> list[Cell]:
    """Cheap requests among few dear ones, on shared connections, on their own and as streams; and the essay's page."""
    workers = max(WORKERS_MIN, lab.workers)
    running, absent = servers.started(lab, (ROUTE_WAIT, ROUTE_LOOP), workers)
    with ExitStack() as stack:
        settings = [*_by_http1(lab, running), *_page(lab, running[0], PIPELINED_PAGES)]
        try:
            front = stack.enter_context(proxy.before(lab, streams.front(), running[0].port, lab.pins.server, {"PLAIN_PORT": neighbour.free_port()}))
        except (CannotTell, StartFailed) as fault:
            absent.append(Cell({"contestant": BEHIND.format(running[0].contestant.title)}, lost=str(fault)))
        else:
            settings += _by_http2(lab, running[0], front)
        return [*lab.measure(settings, "cheap requests among dear ones"), *absent]


def _by_http1(lab: Lab, running: Sequence[RunningServer]) -> list[Setting]:
    settings = []
    for server in running:
        for dear, target in DEAR:
            for depth, shape in SHAPES if dear == WAITS else (SHAPES[0], SHAPES[-1]):
                plan = replace(
                    lab.plan(server, ROUTE_ROOT, IN_FLIGHT // depth, depth),
                    more_targets=(target,),
                    weights=(CHEAP, DEAR_ONE),
                    duration_s=streams.MIX_VISIT_S,
                )
                settings.append(Setting({"contestant": server.contestant.title, "dear": dear, "connections": shape}, server, plan))
    return settings


def _page(lab: Lab, server: RunningServer, ways: Mapping[str, int]) -> list[Setting]:
    plan = picture.plan(server.port, lab.pins.client)
    labels = {"what": picture.PAGE, "contestant": server.contestant.title}
    return [Setting({**labels, "way": way}, server, plan, engine=picture.ByHttp1(count)) for way, count in ways.items()]


def _by_http2(lab: Lab, server: RunningServer, front: Neighbour) -> list[Setting]:
    """The same requests as streams, and the page."""
    name, check = BEHIND.format(server.contestant.title), partial(streams.wrong, front.port)
    settings = []
    for depth, shape in SHAPES:
        labels = {"contestant": name, "dear": WAITS, "connections": shape}
        plan = streams.mix(lab, front.port, IN_FLIGHT // depth)
        settings.append(Setting(labels, server, plan, engine=streams.mix_engine(depth), check=check))
    labels = {"what": picture.PAGE, "contestant": name, "way": picture.STREAMS}
    return [*settings, Setting(labels, server, picture.plan(front.port, lab.pins.client), engine=picture.by_http2(), check=check)]


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    names = judging.values_of(judging.standing(cells, dear=WAITS), "contestant")
    common = judging.scatter(judging.standing(cells, dear=WAITS), "target_0_p50_us")
    ratios = {}
    for name in names:
        shared, each = (judging.the(cells, contestant=name, dear=WAITS, connections=shape) for shape in (SHARED, EACH))
        if shared and each and (held := judging.ratio(shared, each, "target_0_p50_us", common, len(names))):
            ratios[name] = held
    multiplexed = {name: ratios.pop(name) for name in list(ratios) if name.endswith(BEHIND.format(""))}
    chart = Chart(
        "head-of-line",
        _title(cells, list(ratios), list(multiplexed)),
        f"requests under way on a connection, {IN_FLIGHT} in all",
        f"median of GET /, ms, where 1 of {CHEAP + DEAR_ONE} {WAITS}",
        [Series(name, _points(cells, name)) for name in names],
    )
    tables, notes = [_table(cells, judging.values_of(judging.standing(cells), "contestant")), picture.table(cells)], judging.lost(cells)
    if not ratios:
        return Finding(OPEN, "no server answered rightly both ways", [chart], tables, notes)
    why = "the median of the cheap requests, 16 to a connection against a connection each: " + "; ".join(
        f"{name} {judging.factor(held)}" for name, held in (ratios | multiplexed).items()
    )
    if all(judging.surely_above(held, HELD_UP) for held in ratios.values()) and all(judging.surely_below(held, HELD_UP) for held in multiplexed.values()):
        return Finding(HOLDS, why, [chart], tables, notes)
    if all(judging.surely_below(held, HARDLY) for held in ratios.values()):
        return Finding(HOLDS_NOT, why, [chart], tables, notes)
    return Finding(OPEN, why, [chart], tables, notes)


def _points(cells: Sequence[Cell], name: str) -> list[Point]:
    found = []
    for depth, shape in SHAPES:
        cell = judging.the(cells, contestant=name, dear=WAITS, connections=shape)
        if cell is not None and min(cell.values("target_0_p50_us")) > 0:
            at = judging.middle(cell, "target_0_p50_us")
            found.append(Point(float(depth), at.value / 1000, at.low / 1000 if at.low else None, at.high / 1000 if at.high else None))
    return found


def _title(cells: Sequence[Cell], names: Sequence[str], multiplexed: Sequence[str]) -> str:
    def worst(of: Sequence[str], shape: str) -> float:
        found = [judging.the(cells, contestant=name, dear=WAITS, connections=shape) for name in of]
        return max((judging.middle(cell, "target_0_p50_us").value for cell in found if cell), default=0.0)

    if not worst(names, EACH) or not worst(names, SHARED):
        return "How long cheap requests wait behind dear ones"
    beside = f", as streams of HTTP/2 {numbers.ms(worst(multiplexed, SHARED))} ms" if worst(multiplexed, SHARED) else ""
    return (
        f"One of {CHEAP + DEAR_ONE} waits: behind it on the same connection the median of the others is up to {numbers.ms(worst(names, SHARED))} ms; where "
        f"each has its own connection, {numbers.ms(worst(names, EACH))} ms{beside}"
    )


def _table(cells: Sequence[Cell], names: Sequence[str]) -> FigureTable:
    rows = []
    for name in names:
        for dear, _ in DEAR:
            for _, shape in SHAPES:
                cell = judging.the(cells, contestant=name, dear=dear, connections=shape)
                if cell is not None:
                    figures = [numbers.ms(judging.middle(cell, f"target_0_{which}_us").value) for which in ("p50", "p99", "max")]
                    rows.append([name, dear, shape, *figures, numbers.plain(judging.middle(cell, "requests_per_s").value)])
    columns = ["Contestant", f"1 of {CHEAP + DEAR_ONE}", f"{IN_FLIGHT} requests in flight", "p50 ms", "p99 ms", "max ms", "Requests/s"]
    caption = (
        "Latency of the cheap requests. Beside one that computes they also wait for the CPU, on whatever connection; beside one that waits, for the "
        "protocol alone"
    )
    return FigureTable("head-of-line", caption, columns, rows)


CLAIM = Claim(
    number=3,
    key="head-of-line",
    sentence="A dear request blocks the cheap ones behind it on the same connection.",
    source=f"{texts.ESSAY}; {texts.RFC_PIPELINING}: a server must send its answers in the order of the requests.",
    method=(
        f"{CHEAP} of {CHEAP + DEAR_ONE} requests are GET /, one is dear, by chance: it waits for {streams.WAIT_MS} ms without using a CPU, or computes "
        f"{LOOP_STEPS:,} steps of the loop. {IN_FLIGHT} requests are in flight: a connection each, or 4 or 16 to a connection. Servers have two workers "
        "or more, so that a dear request leaves one free. Latencies are of the cheap requests alone, each from when it was written to its last byte. The "
        "first contestant also behind nginx, by h2load as streams of HTTP/2 over TLS, 1, 4 and 16 to a connection: its log does not name what was asked "
        f"for, so that as many of the shortest latencies above {streams.WAIT_MS} ms are taken off as there are dear requests, and what is told is never "
        f"too short. And a page as the essay has it: a picture that takes {picture.WAIT_MS} ms, asked for first, and {picture.FILES} small files."
    ),
    rule=(
        f"Holds if for every contestant the median of the cheap requests among those that wait is surely more than {HELD_UP:g} times as long with 16 to a "
        f"connection as with a connection each, and, where streams could be tried, surely less than {HELD_UP:g} times with 16 streams to a connection; "
        f"does not hold if it is surely less than {HARDLY:g} times for all; cannot be told otherwise."
    ),
    misleads=(
        "The loop is closed, so that fewer cheap requests are sent where they wait: their share of what was asked for is the same, their number is not. A "
        "server whose workers do one thing at a time while they wait (threads, processes) has its own queue beside the protocol's. nginx "
        "sends what comes as streams on to the server by HTTP/1.1, one request on a connection at a time."
    ),
    measure=measure,
    judge=judge,
)
