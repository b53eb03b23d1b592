"""Claim 6: a proxy that pipelines to the server lets one user freeze all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from ...model.errors import StartFailed
from ...model.workloads import ROUTE_LOOP, ROUTE_ROOT, ROUTE_WAIT
from ...report import numbers
from ...server.http_probe import Connection, ProbeError, request_bytes
from .. import judging, neighbour, proxy, servers
from ..lab import Lab, Setting
from ..neighbour import Neighbour
from ..proxy import PROXIES
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import CannotTell, Claim
from . import natives, texts, users

_SOURCE = Path(__file__).with_name("funnel.c")
FUNNEL = "pipelining proxy, one connection"
POOLS = ("nginx", "haproxy")  # which keep connections to the server and lend each to one request at a time
MULTIPLEXING, STREAMS = "haproxy", "{}, streams of HTTP/2 to the server"
DEAR = (0, 1, 5)
WAIT_MS = 100
DEAR_TARGET = f"{ROUTE_WAIT}?ms={WAIT_MS}"
AT_A_TIME = 2  # dear requests of a user: with one, the others would slip through between its answer and the next
INNOCENT = 8
WORKERS_MIN = 2
VISIT_S = 0.4
FROZEN = 10.0
LITTLE = 3.0


@contextmanager
def funnel(lab: Lab, upstream_port: int) -> Iterator[Neighbour]:
    """The proxy that pipelines, for the length of a with block; on the CPUs of the load."""
    program = neighbour.compiled(_SOURCE, lab.cache, lab.reporter)
    port = neighbour.free_port()
    with neighbour.running(lab, "funnel", [str(program), "--listen", str(port), "--to", str(upstream_port)], port, lab.pins.client) as running:
        yield running


def measure(lab: Lab) -> list[Cell]:
    """GET / of innocent users behind each proxy, while 0, 1 and 5 others ask for what takes its time."""
    server = servers.first(lab, (ROUTE_WAIT,), max(WORKERS_MIN, lab.workers))
    settings, absent = [], []
    with ExitStack() as stack:
        fronts = [(FUNNEL, stack.enter_context(funnel(lab, server.port)))]
        for pool in (one for one in PROXIES if one.name in POOLS and one.is_installed()):
            try:
                fronts.append((f"{pool.title}, a pool", stack.enter_context(proxy.before(lab, pool, server.port))))
            except StartFailed as fault:
                absent.append(Cell({"proxy": pool.title}, lost=fault.message))
        one = next(one for one in PROXIES if one.name == MULTIPLEXING)
        try:
            if not one.is_installed():
                raise CannotTell(f"{one.title} is not installed: restmark setup pipelining")
            native = stack.enter_context(natives.running(lab, natives.GO, natives.IN_THE_CLEAR, max(WORKERS_MIN, lab.workers)))
            values = {"UPSTREAM_PROTOCOL": "proto h2"}
            fronts.append((STREAMS.format(one.title), stack.enter_context(proxy.before(lab, one, native.port, more=values))))
        except (CannotTell, StartFailed) as fault:
            absent.append(Cell({"proxy": STREAMS.format(one.title)}, lost=str(fault)))
        for title, front in fronts:
            for count in DEAR:
                plan = replace(lab.plan(server, ROUTE_ROOT, INNOCENT), port=front.port, duration_s=VISIT_S)
                labels = {"proxy": title, "dear_users": str(count), "contestant": server.contestant.title}
                company = partial(users.asking, front.port, DEAR_TARGET, count * AT_A_TIME)
                check = partial(_wrong, front.port) if title == STREAMS.format(one.title) else None
                settings.append(Setting(labels, server, plan, company=company, check=check))
        return [*lab.measure(settings, "one user against all"), *absent]


def _wrong(port: int) -> str:
    """Whether answers of the server that speaks HTTP/2 come through in the order of pipelined requests; empty if they do."""
    asked = [(f"{ROUTE_LOOP}?n=0&seed={seed}", b"%d" % seed) for seed in range(1, 17)]
    try:
        with Connection("127.0.0.1", port) as connection:
            connection.send(b"".join(request_bytes(target) for target, _ in asked))
            for target, body in asked:
                got = connection.read()
                if got.status != 200 or got.body != body:
                    return f"{target} answered status {got.status} and {got.body[:40]!r}, or out of order"
    except ProbeError as fault:
        return str(fault)
    return ""


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    common = judging.scatter(judging.standing(cells), "p50_us")
    slower = {}
    for name in judging.values_of(judging.standing(cells), "proxy"):
        none, one = (judging.the(cells, proxy=name, dear_users=count) for count in ("0", "1"))
        if none and one and (ratio := judging.ratio(one, none, "p50_us", common)):
            slower[name] = ratio
    charts, tables, notes = [_chart(cells)], [_table(cells)], judging.lost(cells)
    frozen, pools = slower.pop(FUNNEL, None), slower
    if frozen is None or not pools:
        return Finding(OPEN, "the pipelining proxy or all proxies with a pool are missing: restmark setup pipelining", charts, tables, notes)
    told = "; ".join(f"{name} {judging.factor(ratio)}" for name, ratio in pools.items())
    why = f"with one user who asks for what takes {WAIT_MS} ms, the others wait {judging.factor(frozen)} as long behind the pipelining proxy (median); {told}"
    if judging.surely_above(frozen, FROZEN) and all(judging.surely_below(ratio, LITTLE) for ratio in pools.values()):
        return Finding(HOLDS, why, charts, tables, notes)
    if judging.surely_below(frozen, LITTLE):
        return Finding(HOLDS_NOT, why, charts, tables, notes)
    return Finding(OPEN, why, charts, tables, notes)


def _chart(cells: Sequence[Cell]) -> Chart:
    series = []
    for name in judging.values_of(judging.standing(cells), "proxy"):
        found = judging.standing(cells, proxy=name)
        series.append(Series(name, [Point(float(cell.labels["dear_users"]), judging.middle(cell, "p50_us").value / 1000) for cell in found]))
    return Chart("freeze", _title(series), "users with dear requests", "Median of the others' GET /, ms", series, even=True)


def _title(series: Sequence[Series]) -> str:
    """What one user does to the others, behind the pipelining proxy and behind the others."""
    ones = {one.name: point.y * 1000 for one in series for point in one.points if point.x == 1}
    frozen = ones.pop(FUNNEL, None)
    if frozen is None or not ones:
        return f"How long the others wait while some users ask for what takes {WAIT_MS} ms, by proxy"
    return (
        f"One user who asks for what takes {WAIT_MS} ms: the others wait {numbers.ms(frozen)} ms behind the pipelining proxy, "
        f"{numbers.ms(max(ones.values()))} ms at most behind the others"
    )


def _table(cells: Sequence[Cell]) -> FigureTable:
    rows = []
    for name in judging.values_of(judging.standing(cells), "proxy"):
        for cell in judging.standing(cells, proxy=name):
            figures = [numbers.ms(judging.middle(cell, figure).value) for figure in ("p50_us", "p99_us", "max_us")]
            rows.append([name, cell.labels["dear_users"], *figures, numbers.plain(judging.middle(cell, "requests_per_s").value)])
    columns = ["Proxy", "Users with dear requests", "p50 ms", "p99 ms", "max ms", "Requests/s"]
    return FigureTable("freeze", f"What {INNOCENT} innocent users see of GET /, one request at a time each", columns, rows)


CLAIM = Claim(
    number=6,
    key="freeze",
    sentence="A proxy that pipelines to the server lets one user freeze all.",
    source=f"{texts.ESSAY}, scenario 3.",
    method=(
        "The proxy that the essay imagines is a small program of this study: all clients' requests go to the server on one connection, at once, and "
        f"answers go back in their order. {INNOCENT} innocent users ask for GET /, one request at a time, while 0, 1 or 5 others ask for what waits "
        f"{WAIT_MS} ms without using a CPU, {AT_A_TIME} at a time each, on connections of their own; the same behind nginx and HAProxy, which lend each "
        "connection to one request at a time, and behind HAProxy with streams of HTTP/2 in the clear to a server in Go. The server has two workers or "
        "more."
    ),
    rule=(
        f"Holds if one dear user surely makes the innocent ones' median more than {FROZEN:g} times as long behind the pipelining proxy, and surely less "
        f"than {LITTLE:g} times behind each of the others; does not hold if it is surely less than {LITTLE:g} times behind the pipelining one; cannot be "
        "told otherwise."
    ),
    misleads=(
        "A pipelining proxy with several connections freezes only those who share one with the dear request; with as many as users it is a pool. "
        "Retries, which such a proxy owes its clients when a server ends within a pipeline, are not in the picture."
    ),
    measure=measure,
    judge=judge,
    programs=(natives.GO,),
)
