"""Claim 6: a proxy that pipelines to the server lets one user freeze all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from ...model.errors import StartFailed
from ...model.workloads import ROUTE_ROOT, ROUTE_WAIT
from ...report import numbers
from .. import judging, neighbour, servers
from ..lab import Lab, Setting
from ..neighbour import Neighbour
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import Claim
from . import proxy, texts, users
from .proxy import PROXIES

_SOURCE = Path(__file__).with_name("funnel.c")
FUNNEL = "pipelining proxy, one connection"
POOLS = ("nginx", "haproxy")  # which keep connections to the server and lend each to one request at a time
DEAR = (0, 1, 5)
WAIT_MS = 100
DEAR_TARGET = f"{ROUTE_WAIT}?ms={WAIT_MS}"
AT_A_TIME = 2  # dear requests of a user: with one, the others would slip through between its answer and the next
INNOCENT = 8
WORKERS_MIN = 2
VISIT_S = 0.6
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
        for one in (one for one in PROXIES if one.name in POOLS and one.is_installed()):
            try:
                fronts.append((f"{one.title}, a pool", stack.enter_context(proxy.before(lab, one, server.port))))
            except StartFailed as fault:
                absent.append(Cell({"proxy": one.title}, lost=fault.message))
        for title, front in fronts:
            for count in DEAR:
                plan = replace(lab.plan(server, ROUTE_ROOT, INNOCENT), port=front.port, duration_s=VISIT_S)
                labels = {"proxy": title, "dear_users": str(count), "contestant": server.contestant.title}
                company = partial(users.asking, front.port, DEAR_TARGET, count * AT_A_TIME)
                settings.append(Setting(labels, server, plan, company=company))
        return [*lab.measure(settings, "one user against all"), *absent]


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
    title = f"How long the others wait while some users ask for what takes {WAIT_MS} ms, by proxy"
    return Chart("freeze", title, "users with dear requests", "Median of the others' GET /, ms", series, even=True)


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
        "The proxy that the essay imagines is a small program of this study: all clients' requests go to the server on one "
        "connection, at once, and answers go "
        f"back in their order. {INNOCENT} innocent users ask for GET /, one request at a time, while 0, 1 or 5 others ask for what "
        f"waits {WAIT_MS} ms without using a "
        f"CPU, {AT_A_TIME} at a time each, on connections of their own; the same behind nginx and HAProxy, which lend each connection "
        "to one request at a time. The "
        "server has two workers or more."
    ),
    rule=(
        f"Holds if one dear user surely makes the innocent ones' median more than {FROZEN:g} times as long behind the pipelining "
        "proxy, and surely less than "
        f"{LITTLE:g} times behind each proxy with a pool; does not hold if it is surely less than {LITTLE:g} times behind the "
        "pipelining one; cannot be told otherwise."
    ),
    misleads=(
        "A pipelining proxy with several connections freezes only those who share one with the dear request; with as many as users it "
        "is a pool. Retries, which "
        "such a proxy owes its clients when a server ends within a pipeline, are not in the picture."
    ),
    measure=measure,
    judge=judge,
)
