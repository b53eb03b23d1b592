"""Claim 3: a dear request holds up the cheap ones that were sent behind it on the same connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...model.workloads import ROUTE_LOOP, ROUTE_ROOT, ROUTE_WAIT
from ...report import numbers
from .. import judging, servers
from ..lab import Lab, Setting
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import Claim
from . import texts

WAIT_MS = 50
LOOP_STEPS = 3_000_000
WAITS, COMPUTES = f"waits {WAIT_MS} ms", f"computes {LOOP_STEPS:,} steps"
DEAR = ((WAITS, f"{ROUTE_WAIT}?ms={WAIT_MS}"), (COMPUTES, f"{ROUTE_LOOP}?n={LOOP_STEPS}"))
IN_FLIGHT = 32  # few enough to leave the CPU idle where the dear ones wait
SHAPES = ((1, "a connection each"), (4, "4 to a connection"), (16, "16 to a connection"))
EACH, SHARED = SHAPES[0][1], SHAPES[-1][1]
CHEAP, DEAR_ONE = 7, 1  # of 8 requests
WORKERS_MIN = 2
VISIT_S = 0.4
HELD_UP = 10.0  # times the latency without sharing: beyond doubt
HARDLY = 2.0


def measure(lab: Lab) -> list[Cell]:
    """Cheap requests among few dear ones, on shared connections and on their own."""
    workers = max(WORKERS_MIN, lab.workers)
    running, absent = servers.started(lab, (ROUTE_WAIT, ROUTE_LOOP), workers)
    settings = []
    for server in running:
        for dear, target in DEAR:
            for depth, shape in SHAPES if dear == WAITS else (SHAPES[0], SHAPES[-1]):
                plan = replace(
                    lab.plan(server, ROUTE_ROOT, IN_FLIGHT // depth, depth),
                    more_targets=(target,),
                    weights=(CHEAP, DEAR_ONE),
                    duration_s=VISIT_S,
                )
                settings.append(Setting({"contestant": server.contestant.title, "dear": dear, "connections": shape}, server, plan))
    return [*lab.measure(settings, "cheap requests among dear ones"), *absent]


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    names = judging.values_of(judging.standing(cells), "contestant")
    common = judging.scatter(judging.standing(cells, dear=WAITS), "target_0_p50_us")
    ratios = {}
    for name in names:
        shared, each = (judging.the(cells, contestant=name, dear=WAITS, connections=shape) for shape in (SHARED, EACH))
        if shared and each and (held := judging.ratio(shared, each, "target_0_p50_us", common, len(names))):
            ratios[name] = held
    chart = Chart(
        "head-of-line",
        _title(cells, names),
        f"requests under way on a connection, {IN_FLIGHT} in all",
        f"median of GET /, ms, where 1 of {CHEAP + DEAR_ONE} {WAITS}",
        [Series(name, _points(cells, name)) for name in names],
    )
    notes = judging.lost(cells)
    if not ratios:
        return Finding(OPEN, "no server answered rightly both ways", [chart], [_table(cells, names)], notes)
    why = "the median of the cheap requests, 16 to a connection against a connection each: " + "; ".join(
        f"{name} {judging.factor(held)}" for name, held in ratios.items()
    )
    if all(judging.surely_above(held, HELD_UP) for held in ratios.values()):
        return Finding(HOLDS, why, [chart], [_table(cells, names)], notes)
    if all(judging.surely_below(held, HARDLY) for held in ratios.values()):
        return Finding(HOLDS_NOT, why, [chart], [_table(cells, names)], notes)
    return Finding(OPEN, why, [chart], [_table(cells, names)], notes)


def _points(cells: Sequence[Cell], name: str) -> list[Point]:
    found = []
    for depth, shape in SHAPES:
        cell = judging.the(cells, contestant=name, dear=WAITS, connections=shape)
        if cell is not None and min(cell.values("target_0_p50_us")) > 0:
            at = judging.middle(cell, "target_0_p50_us")
            found.append(Point(float(depth), at.value / 1000, at.low / 1000 if at.low else None, at.high / 1000 if at.high else None))
    return found


def _title(cells: Sequence[Cell], names: Sequence[str]) -> str:
    def worst(shape: str) -> float:
        found = [judging.the(cells, contestant=name, dear=WAITS, connections=shape) for name in names]
        return max((judging.middle(cell, "target_0_p50_us").value for cell in found if cell), default=0.0)

    if not worst(EACH) or not worst(SHARED):
        return "How long cheap requests wait behind dear ones"
    return (
        f"One of {CHEAP + DEAR_ONE} waits, and all wait: the median of the others is up to {numbers.ms(worst(SHARED))} ms; where each has its own "
        f"connection, {numbers.ms(worst(EACH))} ms"
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
        f"{CHEAP} of {CHEAP + DEAR_ONE} requests are GET /, one is dear, by chance: it waits for {WAIT_MS} ms without using a CPU, or computes "
        f"{LOOP_STEPS:,} steps of the loop. {IN_FLIGHT} requests are in flight: a connection each, or 4 or 16 to a connection. Servers "
        "have two workers or more, so "
        "that a dear request leaves one free. Latencies are of the cheap requests alone, each from when it was written to its last byte."
    ),
    rule=(
        f"Holds if for every contestant the median of the cheap requests among those that wait is surely more than {HELD_UP:g} times "
        "as long with 16 to a "
        f"connection as with a connection each; does not hold if it is surely less than {HARDLY:g} times for all; cannot be told otherwise."
    ),
    misleads=(
        "The loop is closed, so that fewer cheap requests are sent where they wait: their share of what was asked for is the same, their number is not. A "
        "server whose workers do one thing at a time while they wait (threads, processes) has its own queue beside the protocol's. The streams of HTTP/2 "
        "stand in claim 7."
    ),
    measure=measure,
    judge=judge,
)
