"""Claim 11: what pipelining was made for is gone with keep-alive: the connection that each request took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...model import stats
from ...model.stats import Estimate
from ...model.workloads import ROUTE_ROOT
from ...report import numbers
from ...server.launcher import RunningServer
from .. import judging, servers
from ..lab import Lab, Setting
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import Claim
from . import distance, texts

IN_FLIGHT = 64
DEPTH = 16
CLOSED, KEPT, PIPELINED = "a connection per request", "keep-alive", f"pipelined, {DEPTH} to a connection"
DEARER = 1.25
HALF, LITTLE = 0.5, 0.4  # of what pipelining saves
FAR_MS = 10.0
NEAR, FAR = "near", f"{FAR_MS:g} ms away"


def measure(lab: Lab) -> list[Cell]:
    """GET / in the three ways, the same number in flight; of the first contestant far away, too."""
    running, absent = servers.started(lab)
    settings = []
    for server in running:
        settings += _settings(lab, server, NEAR, server.port, 0.0)
    with distance.far(lab, running[0], FAR_MS) as far:
        settings += _settings(lab, running[0], FAR, far.port, FAR_MS)
        cells = lab.measure(settings, "closed, kept, pipelined")
        return [*cells, *absent, distance.lateness([(FAR_MS, far)])]


def _settings(lab: Lab, server: RunningServer, where: str, port: int, round_trip_ms: float) -> list[Setting]:
    kept = replace(lab.plan(server, ROUTE_ROOT, IN_FLIGHT * lab.workers), port=port)
    ways = {
        CLOSED: replace(kept, reconnect=1),
        KEPT: kept,
        PIPELINED: replace(kept, connections=kept.connections // DEPTH, depth=DEPTH),
    }
    labels = {"contestant": server.contestant.title, "where": where, "round_trip_ms": f"{round_trip_ms:g}"}
    return [Setting({**labels, "way": way}, server, plan, opening_s=round_trip_ms / 1000) for way, plan in ways.items()]


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    near = judging.standing(cells, where=NEAR)
    names = judging.values_of(near, "contestant")
    common = judging.scatter(near, "server_cpu_us")
    rows, closing = [], {}
    saved: dict[str, Estimate] = {}
    for name in names:
        ways = {way: judging.the(near, contestant=name, way=way) for way in (CLOSED, KEPT, PIPELINED)}
        if any(cell is None for cell in ways.values()):
            continue
        closed, kept, deep = (ways[way] for way in (CLOSED, KEPT, PIPELINED))
        assert closed and kept and deep
        if (dearer := judging.ratio(closed, kept, "server_cpu_us", common, len(names))) is None:
            continue
        closing[name] = dearer
        saved[name] = _saved(closed, kept, deep)
        rows += [_row(cell, judging.factor(dearer) if way == CLOSED else "") for way, cell in ways.items() if cell]
    rows += [_row(cell, "") for cell in judging.standing(cells, where=FAR)]
    table = FigureTable(
        "connections",
        "GET /, the same number in flight; medians",
        ["Contestant", "Where", "Way", "Requests/s", "Server CPU µs", "Client CPU µs", "p50 ms", "p99 ms", "Server CPU, times keep-alive"],
        rows,
    )
    chart = Chart(
        "connections", _title(closing, near), "1 a connection per request, 2 keep-alive, 3 pipelined", "CPU µs of the server per request, GET /",
        [Series(name, _points(near, name)) for name in names], even=True,
    )  # fmt: skip
    notes = [*judging.lost(cells), *distance.notes(cells)]
    if not closing:
        return Finding(OPEN, "no server answered rightly in all three ways", charts=[chart], tables=[table], notes=notes)
    shares = "; ".join(
        f"{name} {numbers.percent(share.value)} ({numbers.percent(share.low)} to {numbers.percent(share.high)})" for name, share in saved.items()
    )
    least = min(closing, key=lambda name: closing[name].value)
    why = (
        f"a connection for each request costs the server at least {judging.factor(closing[least])} the CPU time of one that is kept ({least}); of what "
        f"pipelining saves against it, keep-alive alone saves: {shares}"
    )
    if all(judging.surely_above(dearer, DEARER) for dearer in closing.values()) and all(
        judging.surely_above(share, HALF) for share in saved.values()
    ):
        return Finding(HOLDS, why, charts=[chart], tables=[table], notes=notes)
    if any(judging.surely_below(dearer, DEARER) for dearer in closing.values()) or all(
        judging.surely_below(share, LITTLE) for share in saved.values()
    ):
        return Finding(HOLDS_NOT, why, charts=[chart], tables=[table], notes=notes)
    return Finding(OPEN, why, charts=[chart], tables=[table], notes=notes)


def _saved(closed: Cell, kept: Cell, deep: Cell) -> Estimate:
    """Which share of what pipelining saves against a connection per request keep-alive saves, round by round; no less than nothing."""
    costs = zip(*(cell.values("server_cpu_us") for cell in (closed, kept, deep)), strict=False)
    shares = [max(1e-6, (all_of_it - some) / (all_of_it - none)) if all_of_it > none else 1e-6 for all_of_it, some, none in costs]
    return stats.median(shares)


def _points(near: Sequence[Cell], name: str) -> list[Point]:
    found = [(float(number), judging.the(near, contestant=name, way=way)) for number, way in enumerate((CLOSED, KEPT, PIPELINED), 1)]
    middles = [(number, judging.middle(cell, "server_cpu_us")) for number, cell in found if cell]
    return [Point(number, middle.value, middle.low, middle.high) for number, middle in middles]


def _title(closing: Mapping[str, Estimate], near: Sequence[Cell]) -> str:
    further = []
    for name in closing:
        kept, deep = (judging.the(near, contestant=name, way=way) for way in (KEPT, PIPELINED))
        if kept and deep and (below := judging.middle(deep, "server_cpu_us").value):
            further.append(judging.middle(kept, "server_cpu_us").value / below)
    if not further:
        return "CPU time per request: a connection for each, keep-alive, pipelined"
    gains = sorted(ratio.value for ratio in closing.values())
    return (
        f"Keeping the connection divides the CPU time of a request by {_number(gains[0])} to {_number(gains[-1])}, pipelining by another "
        f"{_number(min(further))} to {_number(max(further))}"
    )


def _number(value: float) -> str:
    return numbers.factor(value).rstrip("×")


def _row(cell: Cell, dearer: str) -> list[str]:
    figures = [numbers.plain(judging.middle(cell, figure).value) for figure in ("requests_per_s", "server_cpu_us", "client_cpu_us")]
    times = [numbers.ms(judging.middle(cell, figure).value) for figure in ("p50_us", "p99_us")]
    return [cell.labels["contestant"], cell.labels["where"], cell.labels["way"], *figures, *times, dearer]


CLAIM = Claim(
    number=11,
    key="connections",
    sentence="A connection per request was the reason for it all.",
    source=f"{texts.ESSAY}; RFC 9112, section 9.3 (persistence), which is the default since HTTP/1.1.",
    method=(
        f"GET / with a connection for each request (opened, asked, closed), on kept connections, and pipelined {DEPTH} to a connection; 64 requests in "
        "flight for each worker. The time of a request includes the opening of its connection where it takes one. The first contestant also "
        f"{FAR_MS:g} ms away. " + distance.FORWARDER_TEXT
    ),
    rule=(
        f"Holds if for every contestant a connection per request surely costs the server more than {DEARER}× the CPU time of a kept one, and keep-alive "
        "alone saves at least half of what pipelining saves against it; does not hold if a connection surely costs less for one, or keep-alive saves "
        "less than 40 % for all; cannot be told otherwise."
    ),
    misleads=(
        "The verdict is on CPU time, near: far from the server the opening of a connection is a round trip more, which the lines from far away show. The "
        "kernel's work on closed connections (TIME-WAIT) is in nobody's CPU time."
    ),
    measure=measure,
    judge=judge,
)
