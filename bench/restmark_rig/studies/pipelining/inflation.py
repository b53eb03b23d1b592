"""Claim 1: depth multiplies the figures of GET /, and those of one server more than those of another."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

from ...model.stats import Estimate
from ...model.workloads import ROUTE_ROOT
from ...report import numbers
from .. import judging, servers
from ..lab import Lab, Setting
from ..record import BUMP, HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import Claim
from . import texts

QUICK_DEPTHS = (1, 4, 16, 64)
FULL_DEPTHS = (1, 2, 4, 8, 16, 32, 64)
QUICK_VISIT_S = 0.12  # of 35 settings: more rounds tell more than longer ones
IN_FLIGHT = 64  # for each worker
INFLATED = 1.5  # times the requests/s of depth 1: what nobody would call a detail
UNEVEN = 1.5  # between the largest gain and the smallest
EVEN = 1.2


def measure(lab: Lab) -> list[Cell]:
    """GET / of all contestants at each depth, at equal connections and at equal requests in flight."""
    depths = QUICK_DEPTHS if lab.quick else FULL_DEPTHS
    connections = IN_FLIGHT * lab.workers
    running, absent = servers.started(lab)
    settings = []
    for server in running:
        for depth in depths:
            for held, count in ((texts.EQUAL_CONNECTIONS, connections), (texts.EQUAL_FLIGHT, connections // depth)):
                if depth == 1 and held == texts.EQUAL_FLIGHT:
                    continue  # the same
                labels = {"contestant": server.contestant.title, "held": held, "depth": str(depth), "connections": str(count)}
                plan = lab.plan(server, ROUTE_ROOT, count, depth)
                settings.append(Setting(labels, server, replace(plan, duration_s=QUICK_VISIT_S) if lab.quick else plan))
    cells = lab.measure(settings, "depth by contestant")
    return [*cells, *(replace(cell, labels={**cell.labels, "held": texts.EQUAL_FLIGHT}) for cell in cells if cell.labels["depth"] == "1"), *absent]


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of RULE."""
    fixed = judging.standing(cells, held=texts.EQUAL_CONNECTIONS)
    depths = sorted({int(depth) for depth in judging.values_of(fixed, "depth")})
    names = [name for name in judging.values_of(fixed, "contestant") if len(judging.standing(fixed, contestant=name)) == len(depths)]
    if len(names) < 2 or len(depths) < 2:
        return Finding(OPEN, "fewer than two contestants answered rightly at all depths", notes=judging.lost(cells))
    top = max(depth for depth in depths if depth <= 16) if min(depths) < 16 else depths[-1]
    verdict, why = _verdict(fixed, names, top)
    return Finding(verdict, why, _charts(cells, names, depths), [_table(cells, names, depths, top), _calls(cells, names, depths)], judging.lost(cells))


def _verdict(fixed: Sequence[Cell], names: Sequence[str], depth: int) -> tuple[str, str]:
    common = judging.scatter(fixed, "requests_per_s")
    gains = {}
    for name in names:
        one, deep = judging.the(fixed, contestant=name, depth="1"), judging.the(fixed, contestant=name, depth=str(depth))
        gain = judging.ratio(deep, one, "requests_per_s", common, len(names)) if one and deep else None
        if gain is not None:
            gains[name] = gain
    if len(gains) < 2:
        return OPEN, "fewer than two gains could be computed"
    most, least = max(gains, key=lambda name: gains[name].value), min(gains, key=lambda name: gains[name].value)
    high, low = gains[most], gains[least]
    why = (
        f"at depth {depth} and equal connections {most} answers {judging.factor(high)} the requests/s of depth 1, "
        f"{least} {judging.factor(low)}"
    )
    apart = _apart(fixed, most, least, depth)
    if judging.surely_above(high, INFLATED) and judging.surely_above(apart, UNEVEN):
        return HOLDS, f"{why}: {judging.factor(apart)} apart"
    if all(judging.surely_below(gain, INFLATED) for gain in gains.values()) or judging.surely_below(apart, EVEN):
        return HOLDS_NOT, why
    return OPEN, f"{why}; the intervals are too wide for a verdict"


def _apart(fixed: Sequence[Cell], most: str, least: str, depth: int) -> Estimate | None:
    """The gain of the one divided by that of the other, round by round."""
    gains = []
    for name in judging.values_of(fixed, "contestant"):
        one, deep = judging.the(fixed, contestant=name, depth="1"), judging.the(fixed, contestant=name, depth=str(depth))
        if one and deep:
            pairs = zip(deep.values("requests_per_s"), one.values("requests_per_s"), strict=False)
            gains.append(Cell({"contestant": name}, [{"gain": above / below} for above, below in pairs]))
    above, below = judging.the(gains, contestant=most), judging.the(gains, contestant=least)
    pairs_looked_at = len(gains) * (len(gains) - 1) // 2  # the farthest apart of all
    return judging.ratio(above, below, "gain", judging.scatter(gains, "gain"), pairs_looked_at) if above and below else None


def _series(cells: Sequence[Cell], names: Sequence[str], held: str, figure: str) -> list[Series]:
    found = []
    for name in names:
        points = []
        for cell in judging.standing(cells, contestant=name, held=held):
            middle = judging.middle(cell, figure)
            points.append(Point(float(cell.labels["depth"]), middle.value, middle.low, middle.high))
        found.append(Series(name, sorted(points, key=lambda point: point.x)))
    return found


_DRAWN = ((texts.EQUAL_CONNECTIONS, "requests_per_s"), (texts.EQUAL_FLIGHT, "server_cpu_us"))


def _charts(cells: Sequence[Cell], names: Sequence[str], depths: Sequence[int]) -> list[Chart]:
    rates, costs = (_series(cells, names, held, figure) for held, figure in _DRAWN)
    return [
        _bump(rates, depths),
        Chart("inflation-rate", _spread_title(rates), "requests under way on a connection", "Requests/s of GET /, equal connections", rates),
        Chart(
            "inflation-cpu",
            _cost_title(costs),
            "requests under way on a connection",
            "CPU µs of the server per request, GET /",
            costs,
        ),
    ]


def _spread_title(rates: Sequence[Series]) -> str:
    def spread(at: int) -> float:
        values = [series.points[at].y for series in rates]
        return max(values) / min(values)

    return f"The first and the last are {numbers.factor(spread(0))} apart without pipelining, and {numbers.factor(spread(-1))} at the deepest"


def _cost_title(costs: Sequence[Series]) -> str:
    """Who saves the most CPU time by depth alone, and who the least."""
    saved = {one.name: one.points[0].y / one.points[-1].y for one in costs if len(one.points) > 1 and one.points[-1].y > 0}
    if not saved:
        return "CPU time per request by depth, with the same number of requests in flight"
    most, least = max(saved, key=lambda name: saved[name]), min(saved, key=lambda name: saved[name])
    by = [f"{numbers.factor(saved[name]).rstrip('×')} ({name})" for name in (most, least)]
    return f"With the same number in flight the deepest pipeline divides the CPU time per request by {by[0]}, and by {by[1]}"


def ranks(series: Sequence[Series], at: int) -> list[str]:
    """The names by their points at this place, the highest first."""
    return [one.name for one in sorted(series, key=lambda one: -one.points[at].y)]


def _bump(rates: Sequence[Series], depths: Sequence[int]) -> Chart:
    orders = [ranks(rates, at) for at in range(len(depths))]
    swaps = sum(
        (orders[0].index(a) < orders[0].index(b)) != (orders[-1].index(a) < orders[-1].index(b))
        for a, b in itertools.combinations(orders[0], 2)
    )
    pairs = len(orders[0]) * (len(orders[0]) - 1) // 2
    title = (
        f"Pipelining turns {swaps} of {pairs} comparisons round: the order of contestants on GET / by depth"
        if swaps
        else "Pipelining leaves the order of contestants on GET / as it is"
    )
    lines = [Series(name, [Point(float(depth), float(orders[at].index(name) + 1)) for at, depth in enumerate(depths)]) for name in orders[0]]
    by_name = {line.name: line for line in lines}
    # As in the other charts, so that a contestant has one colour.
    return Chart(
        "inflation-order", title, "requests under way on a connection", "Place by requests/s", [by_name[one.name] for one in rates], BUMP, False, True
    )


def _table(cells: Sequence[Cell], names: Sequence[str], depths: Sequence[int], top: int) -> FigureTable:
    common = judging.scatter(judging.standing(cells), "requests_per_s")
    rows = []
    for name in names:
        for held in (texts.EQUAL_CONNECTIONS, texts.EQUAL_FLIGHT):
            one = judging.the(cells, contestant=name, held=held, depth="1")
            for depth in depths:
                cell = judging.the(cells, contestant=name, held=held, depth=str(depth))
                if cell is None or one is None or depth not in (1, top, depths[-1]):
                    continue
                gain = judging.ratio(cell, one, "requests_per_s", common) if depth > 1 else None
                rows.append(_row(cell, judging.factor(gain) if gain else ""))
    columns = ["Contestant", "Held", "Depth", "Requests/s", "Times depth 1", "Server CPU µs", "Client CPU µs", "p99 ms"]
    return FigureTable("inflation", "Requests/s, CPU time per request and latency, medians", columns, rows)


def _row(cell: Cell, gain: str) -> list[str]:
    return [
        cell.labels["contestant"], cell.labels["held"].removeprefix("equal "), cell.labels["depth"], _told(cell, "requests_per_s"), gain,
        _told(cell, "server_cpu_us"), _told(cell, "client_cpu_us"), numbers.ms(judging.middle(cell, "p99_us").value),
    ]  # fmt: skip


def _told(cell: Cell, figure: str) -> str:
    return numbers.plain(judging.middle(cell, figure).value) if figure in cell.rounds[0] else numbers.MISSING


def _calls(cells: Sequence[Cell], names: Sequence[str], depths: Sequence[int]) -> FigureTable:
    rows = []
    for name in names:
        for depth in depths:
            cell = judging.the(cells, contestant=name, held=texts.EQUAL_CONNECTIONS, depth=str(depth))
            if cell is not None:
                rows.append([name, str(depth), _told(cell, "reads"), _told(cell, "writes"), _told(cell, "client_receives")])
    caption = (
        "System calls per request, equal connections. The kernel counts read() and write(), not recv() and send(): a server that uses these shows none. "
        "How often the client has to call recv() tells in how many pieces answers come"
    )
    return FigureTable("inflation-calls", caption, ["Contestant", "Depth", "read()", "write()", "recv() of the client"], rows)


CLAIM = Claim(
    number=1,
    key="inflation",
    sentence="Pipelining inflates the number, and unevenly.",
    source=f"{texts.ESSAY}; {texts.RFC_PIPELINING}; TechEmpower's plaintext test and japronto's README, which publish such numbers.",
    method=(
        "restmark-load sends GET / with 1 to 64 requests under way on each connection: with 64 connections for each worker at all depths, as "
        "published benchmarks have it, and with connections × depth held at 64. Rounds are interleaved over all contestants and depths. CPU time of "
        "server and client, system calls by /proc/PID/io, and latency come with each."
    ),
    rule=(
        f"Holds if at depth 16 and equal connections the interval of one contestant's gain in requests/s lies above {INFLATED}×, and the largest and "
        f"the smallest gain are more than {UNEVEN}× apart, intervals taken into account. Does not hold if all gains surely lie below {INFLATED}×, or "
        f"largest and smallest surely within {EVEN}×. Cannot be told otherwise."
    ),
    misleads=(
        "With two CPUs the client may be full before the server is: then requests/s at depth 1 is the client's, and the gain too large; the CPU "
        "time per request beside it does not suffer from that. Fewer connections than workers would leave workers idle, so that the number in flight "
        "grows with the workers. A server that answers a batch with one write saves the client's receives, too."
    ),
    measure=measure,
    judge=judge,
)
