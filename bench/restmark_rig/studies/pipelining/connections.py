"""Claim 11: what pipelining was made for is gone with keep-alive: the connection that each request took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...model.workloads import ROUTE_ROOT
from ...report import numbers
from ...server.launcher import RunningServer
from .. import judging, servers
from ..lab import Lab, Setting
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, FigureTable, Finding
from ..study import Claim
from . import distance, texts

IN_FLIGHT = 64
DEPTH = 16
CLOSED, KEPT, PIPELINED = "a connection per request", "keep-alive", f"pipelined, {DEPTH} to a connection"
DEARER = 1.25
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
    saved: dict[str, float] = {}
    for name in names:
        ways = {way: judging.the(near, contestant=name, way=way) for way in (CLOSED, KEPT, PIPELINED)}
        if any(cell is None for cell in ways.values()):
            continue
        closed, kept, deep = (ways[way] for way in (CLOSED, KEPT, PIPELINED))
        assert closed and kept and deep
        if (dearer := judging.ratio(closed, kept, "server_cpu_us", common, len(names))) is None:
            continue
        closing[name] = dearer
        costs = {way: judging.middle(cell, "server_cpu_us").value for way, cell in ways.items() if cell}
        saved[name] = (costs[CLOSED] - costs[KEPT]) / (costs[CLOSED] - costs[PIPELINED]) if costs[CLOSED] > costs[PIPELINED] else 0.0
        rows += [_row(cell, judging.factor(dearer) if way == CLOSED else "") for way, cell in ways.items() if cell]
    rows += [_row(cell, "") for cell in judging.standing(cells, where=FAR)]
    table = FigureTable(
        "connections",
        "GET /, the same number in flight; medians",
        ["Contestant", "Where", "Way", "Requests/s", "Server CPU µs", "Client CPU µs", "p50 ms", "p99 ms", "Server CPU, times keep-alive"],
        rows,
    )
    notes = [*judging.lost(cells), *distance.notes(cells)]
    if not closing:
        return Finding(OPEN, "no server answered rightly in all three ways", tables=[table], notes=notes)
    shares = "; ".join(f"{name} {numbers.percent(share)}" for name, share in saved.items())
    least = min(closing, key=lambda name: closing[name].value)
    why = (
        f"a connection for each request costs the server at least {judging.factor(closing[least])} the CPU time of one that is kept "
        f"({least}); of what "
        f"pipelining saves against it, keep-alive alone saves: {shares}"
    )
    if all(judging.surely_above(dearer, DEARER) for dearer in closing.values()) and min(saved.values()) >= 0.5:
        return Finding(HOLDS, why, tables=[table], notes=notes)
    if any(judging.surely_below(dearer, DEARER) for dearer in closing.values()) or all(share < 0.4 for share in saved.values()):
        return Finding(HOLDS_NOT, why, tables=[table], notes=notes)
    return Finding(OPEN, why, tables=[table], notes=notes)


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
        f"GET / with a connection for each request (opened, asked, closed), on kept connections, and pipelined {DEPTH} to a "
        "connection; 64 requests in "
        "flight for each worker. The time of a request includes the opening of its connection where it takes one. The first contestant also "
        f"{FAR_MS:g} ms away. " + distance.FORWARDER_TEXT
    ),
    rule=(
        f"Holds if for every contestant a connection per request surely costs the server more than {DEARER}× the CPU time of a kept "
        "one, and keep-alive "
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
