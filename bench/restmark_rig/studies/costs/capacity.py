"""Claim 6: a saturated server's rate can not be sold. The highest rate at which latencies hold, for the bill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...contestants.contestant import Contestant
from ...model.workloads import ROUTE_ENCODE, ROUTE_ROOT
from ...report import numbers
from ...server.launcher import RunningServer
from .. import judging, servers
from ..forecast import LOAD_MORE_S, START_S
from ..lab import Lab, Setting, WrongAnswers, measuring_s, pace_of
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import Claim
from . import rates

KEY = "capacity"
P99_MS = 50.0
SHARES = (0.5, 0.7, 0.85, 0.95, 1.05)  # of what the saturated server answers
QUICK_SHARES = (0.5, 0.7, 0.85, 1.05)
CONNECTIONS = 64  # for each worker, as many as it takes
VISIT_S = 0.6  # at least: a queue needs time to grow
ROUTES = (ROUTE_ROOT, ROUTE_ENCODE)


def measure(lab: Lab) -> list[Cell]:
    """Each server at shares of the rate that it answers when it is saturated."""
    running, absent = servers.started(lab, ROUTES)
    settings, lost = [], []
    for server in running:
        for route in ROUTES:
            labels = {
                "contestant": server.contestant.title,
                "name": server.contestant.name,
                "route": route,
                "workers": str(lab.workers),
                "waits": "yes" if server.contestant.max_connections else "no",
            }
            try:
                settings += list(_settings(lab, server, route, labels))
            except WrongAnswers as wrong:
                lost.append(Cell(labels, lost=str(wrong)))
    return [*lab.measure(settings, "rates that hold"), *absent, *lost]


def shares(quick: bool) -> tuple[float, ...]:
    """Of the saturated rate, that are tried."""
    return QUICK_SHARES if quick else SHARES


def planned_s(contestants: Sequence[Contestant], quick: bool) -> float:
    """Length of the experiment, seconds."""
    pace, cells = pace_of(quick), len(contestants) * len(ROUTES)
    saturated_s = cells * 2 * (pace.visit_s + LOAD_MORE_S)
    return len(contestants) * START_S + saturated_s + measuring_s(pace, cells * len(shares(quick)), cells, VISIT_S)


def _settings(lab: Lab, server: RunningServer, route: str, labels: dict[str, str]) -> Iterator[Setting]:
    """Raises WrongAnswers."""
    each = server.contestant.max_connections
    plan = lab.plan(server, route, (min(CONNECTIONS, each) if each else CONNECTIONS) * lab.workers)
    saturated = Setting(labels, server, plan)
    lab.visit(saturated)  # a first one warms it up
    most = lab.visit(saturated)["requests_per_s"]
    for share in shares(lab.quick):
        asked = max(1, round(most * share))
        at_rate = replace(plan, rate_per_s=asked, duration_s=max(VISIT_S, plan.duration_s))
        yield Setting({**labels, "share": f"{share:g}", "asked_per_s": str(asked)}, server, at_rate)


def tries(cells: Sequence[Cell], name: str, route: str) -> list[list[rates.Try]]:
    """What was tried of a contestant, round by round."""
    own = judging.standing(cells, name=name, route=route)
    count = min((len(cell.rounds) for cell in own), default=0)
    return [[_try(cell, number) for cell in own] for number in range(count)]


def _try(cell: Cell, number: int) -> rates.Try:
    figures = cell.rounds[number]
    return rates.Try(float(cell.labels["asked_per_s"]), figures["requests_per_s"], figures["p99_us"], bool(figures["late"]))


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    rows, lines, less, most_held, whys = [], [], [], [], []
    for name in judging.values_of(cells, "name"):
        for route in judging.values_of(cells, "route"):
            own = judging.standing(cells, name=name, route=route)
            if not own:
                continue
            saturated = float(own[-1].labels["asked_per_s"]) / float(own[-1].labels["share"])
            title = own[0].labels["contestant"]
            held = rates.estimate(tries(cells, name, route), P99_MS * 1000)
            rows.append(_row(own, route, saturated, held.value if held else None))
            points = [Point(float(cell.labels["share"]) * 100, judging.middle(cell, "p99_us").value / 1000) for cell in own]
            lines += [Series(title, points)] if route == ROUTE_ENCODE else []
            share = held.value / saturated if held else 0.0
            client_late = held is None and sum(own[0].values("late")) * 2 >= len(own[0].rounds)  # at the lowest rate already
            less.append(share < 1 and not client_late)
            most_held.append(share >= 1)
            told = numbers.percent(share) if held else "can not be told, as the client was late" if client_late else "none of the rates"
            whys.append(f"{title}, {route}: {told}")
    table = FigureTable(
        KEY,
        f"The highest of the rates that were tried at which the 99th percentile stayed within {P99_MS:g} ms",
        ["Contestant", "Route", "Saturated, requests/s", "Held, requests/s", "p99 ms there", "Server CPU µs there", "Share of saturation"],
        rows,
    )
    chart = Chart(
        "capacity", _title(lines), "Share of the saturated rate, %", f"p99 of {ROUTE_ENCODE}, ms", lines, even=True
    )
    notes = [*judging.lost(cells), *_late(cells)]
    if not whys:
        return judging.untold("no server answered at a fixed rate")
    why = f"the p99 held up to this share of the saturated rate: {'; '.join(whys)}"
    verdict = HOLDS if all(less) else HOLDS_NOT if all(most_held) else OPEN
    return Finding(verdict, why, [chart], [table], notes)


def _row(own: Sequence[Cell], route: str, saturated: float, held: float | None) -> list[str]:
    there = next((cell for cell in own if held is not None and float(cell.labels["asked_per_s"]) <= held < float(cell.labels["asked_per_s"]) + 1), None)
    figures = (
        [numbers.ms(judging.middle(there, "p99_us").value), numbers.plain(judging.middle(there, "server_cpu_us").value)] if there else [numbers.MISSING] * 2
    )
    share = numbers.percent(held / saturated) if held is not None else numbers.MISSING
    return [own[0].labels["contestant"], route, numbers.plain(saturated), numbers.plain(held), *figures, share]


def _late(cells: Sequence[Cell]) -> list[str]:
    late = [cell for cell in judging.standing(cells) if any(cell.values("late"))]
    if not late:
        return []
    return [
        f"in {sum(sum(map(bool, cell.values('late'))) for cell in late)} visits the client itself sent so late that the latencies are not the server's "
        "alone: those rates do not count as held"
    ]


def _title(lines: Sequence[Series]) -> str:
    over = [line.name for line in lines if any(point.x < 100 and point.y > P99_MS for point in line.points)]
    if over:
        return f"Beyond {P99_MS:g} ms before saturation: {numbers.listed(over)}"
    return f"p99 by share of the saturated rate: all stay within {P99_MS:g} ms until saturation"


CLAIM = Claim(
    number=6,
    key=KEY,
    sentence="What a server answers when it is saturated can not be sold.",
    source="The article's “yearly cost of operation … scales linearly with user visits” needs a rate for each worker; queueing theory says which it is not.",
    method=(
        f"Of GET / and /encode-json the rate of a saturated server, and then fixed rates at {', '.join(f'{share:.0%}' for share in SHARES)} of "
        f"it (with --quick {', '.join(f'{share:.0%}' for share in QUICK_SHARES)}), for {VISIT_S:g} s and longer, in interleaved rounds. "
        "Latencies count from the intended time of each request. The highest rate up to "
        f"which the 99th percentile stays within {P99_MS:g} ms and {rates.REACHED:.0%} of the rate is answered is the one that “restmark bill” "
        "reckons with, for the p99 that it is given."
    ),
    rule=(
        f"Holds if for every contestant and route the highest rate that holds {P99_MS:g} ms lies below that of saturation; does not hold if for all of them "
        "a rate at or above saturation still does; cannot be told otherwise."
    ),
    misleads=(
        "Rates between those that were tried are not known; the interval of the bill reaches up to the lowest that did not hold. A client on a neighbouring "
        "CPU may send late; such rates do not count."
    ),
    measure=measure,
    judge=judge,
    planned=planned_s,
)
