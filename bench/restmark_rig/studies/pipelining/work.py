"""Claim 2: what pipelining gains is a fixed sum per request, which disappears beside work."""

from __future__ import annotations

from collections.abc import Sequence

from ...model.workloads import ROUTE_ENCODE, ROUTE_LOOP, ROUTE_PARSE, ROUTE_ROOT
from ...report import numbers
from .. import judging, servers
from ..lab import Lab, Setting
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import Claim
from . import texts

DEPTH = 16
IN_FLIGHT = 64
LITTLE = 1.33  # what quick rounds on a machine with neighbours can tell from nothing
MUCH = 1.75
_SEED = "{seed:0-2147483647}"
# From none to a good deal of work. Every request has another seed, so that nothing can be answered from memory.
QUICK_WORK = (
    ("nothing", ROUTE_ROOT),
    ("loop, 1,000 steps", f"{ROUTE_LOOP}?n=1000&seed={_SEED}"),
    ("parse 20 records", f"{ROUTE_PARSE}?count=20&digest=1&seed={_SEED}"),
    ("encode 20 records", f"{ROUTE_ENCODE}?count=20&digest=1&seed={_SEED}"),
    ("loop, 1,000,000 steps", f"{ROUTE_LOOP}?n=1000000&seed={_SEED}"),
)
FULL_WORK = (
    *QUICK_WORK[:4],
    ("loop, 30,000 steps", f"{ROUTE_LOOP}?n=30000&seed={_SEED}"),
    ("parse 200 records", f"{ROUTE_PARSE}?count=200&digest=1&seed={_SEED}"),
    ("encode 200 records", f"{ROUTE_ENCODE}?count=200&digest=1&seed={_SEED}"),
    QUICK_WORK[4],
)


def measure(lab: Lab) -> list[Cell]:
    """Each kind of work without and with pipelining, the same number in flight."""
    running, absent = servers.started(lab, (ROUTE_PARSE, ROUTE_ENCODE, ROUTE_LOOP))
    settings = []
    for server in running:
        for work, target in QUICK_WORK if lab.quick else FULL_WORK:
            for depth in (1, DEPTH):
                labels = {"contestant": server.contestant.title, "work": work, "depth": str(depth)}
                settings.append(Setting(labels, server, lab.plan(server, target, IN_FLIGHT * lab.workers // depth, depth)))
    return [*lab.measure(settings, "gain by work"), *absent]


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    names, rows, lines = judging.values_of(cells, "contestant"), [], []
    shrunk, kept, undecided, whys = 0, 0, 0, []
    for name in names:
        points = []
        for work in judging.values_of(cells, "work"):
            one, deep = (judging.the(cells, contestant=name, work=work, depth=depth) for depth in ("1", str(DEPTH)))
            if one is None or deep is None:
                continue
            common = judging.scatter(judging.standing(cells, work=work), "server_cpu_us")
            gain = judging.ratio(one, deep, "server_cpu_us", common, len(names))
            cost = judging.middle(one, "server_cpu_us").value
            rate = judging.ratio(deep, one, "requests_per_s", judging.scatter(cells, "requests_per_s"))
            if gain is None:
                continue
            points.append((cost, gain))
            rows.append([name, work, numbers.plain(cost), judging.factor(gain), judging.factor(rate)])
        points.sort(key=lambda entry: entry[0])
        if len(points) < 2:
            continue
        lines.append(Series(name, [Point(cost, gain.value, gain.low, gain.high) for cost, gain in points]))
        (_, first), (dear, last) = points[0], points[-1]
        if not judging.surely_above(first, LITTLE):
            continue  # nothing was gained that could shrink
        shrunk += judging.surely_below(last, LITTLE)
        kept += judging.surely_above(last, MUCH)
        undecided += not judging.surely_below(last, LITTLE) and not judging.surely_above(last, MUCH)
        whys.append(f"{name} from {numbers.factor(first.value)} to {numbers.factor(last.value)} at {numbers.plain(dear)} µs of work")
    table = FigureTable(
        "work",
        f"How many times less CPU time a request takes at depth {DEPTH} than at depth 1, with the same number in flight",
        ["Contestant", "Work", "Server CPU µs at depth 1", "Times less CPU", "Times the requests/s"],
        rows,
    )
    chart = Chart("work-gain", _title(lines), "CPU µs of a request at depth 1", f"Times less CPU at depth {DEPTH}", lines, logarithmic=False)
    notes = judging.lost(cells)
    if not whys:
        return Finding(OPEN, "nobody gained anything without work that could shrink", [chart], [table], notes)
    why = "the gain in CPU time shrinks: " + "; ".join(whys)
    if shrunk and not kept and not undecided:
        return Finding(HOLDS, why, [chart], [table], notes)
    if kept:
        return Finding(HOLDS_NOT, "the gain in CPU time at the most work: " + "; ".join(whys), [chart], [table], notes)
    return Finding(OPEN, f"{why}; the intervals are too wide to tell it from {numbers.factor(LITTLE)}", [chart], [table], notes)


def _title(lines: Sequence[Series]) -> str:
    if not lines:
        return "What pipelining saves by how much work a request is"
    first, last = (max(line.points[at].y for line in lines) for at in (0, -1))
    return f"What pipelining saves is lost beside work: at most {numbers.factor(first)} where there is none, {numbers.factor(last)} where there is most"


CLAIM = Claim(
    number=2,
    key="work",
    sentence="What pipelining gains shrinks as soon as there is work.",
    source=f"{texts.ESSAY}.",
    method=(
        "GET /, the loop, decoding and encoding, each with a random seed in every request, so that nothing can be answered from memory; at depth 1 and "
        f"at depth {DEPTH}, with 64 requests in flight for each worker. The gain is the CPU time per request at depth 1 divided by that at depth {DEPTH}."
    ),
    rule=(
        f"Looked at are contestants whose gain without work surely lies above {LITTLE}×. Holds if with the most work it surely lies below {LITTLE}× for "
        f"all of them; does not hold if it surely lies above {MUCH}× for one; cannot be told otherwise."
    ),
    misleads=(
        "Answers with random seeds are not compared under load, as nobody knows them beforehand; before and after it 16 pipelined ones with different "
        "seeds are, byte for byte and in their order."
    ),
    measure=measure,
    judge=judge,
)
