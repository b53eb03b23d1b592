"""Claim 12: from some number of parallel requests on, more of them bring nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from ...load.load import LoadPlan
from ...model.stats import Estimate
from ...model.workloads import ROUTE_ROOT
from ...report import numbers
from .. import judging, servers
from ..lab import Lab, Setting
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import Claim
from . import distance, round_trips, texts

RESOURCES = 1000
IN_FLIGHT = (1, 6, 50, 100, 1000)
ENOUGH, ALL = 50, 1000
ROUND_TRIPS_MS = (0.0, 10.0, 100.0)
BATCHES = 3  # where fewer in flight would take minutes for all: the time for the rest is reckoned
NO_USE, OF_USE = 1.25, 2.0


def measure(lab: Lab) -> list[Cell]:
    """1000 small resources of the first contestant by so many connections, near and far."""
    server = servers.first(lab)
    settings, neighbours = [], []
    with ExitStack() as stack:
        for round_trip_ms in ROUND_TRIPS_MS:
            port = server.port
            if round_trip_ms:
                neighbours.append((round_trip_ms, stack.enter_context(distance.far(lab, server, round_trip_ms))))
                port = neighbours[-1][1].port
            for count in IN_FLIGHT:
                requests = RESOURCES if not round_trip_ms else min(RESOURCES, BATCHES * count)
                plan = LoadPlan(server.host, port, ROUTE_ROOT, count, 60.0, cpus=lab.pins.client, requests=requests)
                labels = {
                    "contestant": server.contestant.title,
                    "round_trip_ms": f"{round_trip_ms:g}",
                    "in_flight": str(count),
                    "shape": round_trips.shape(count, 1),
                }
                settings.append(Setting(labels, server, plan, opening_s=round_trip_ms / 1000))
        return [*lab.measure(settings, "parallel requests"), distance.lateness(neighbours)]


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    ratios = _ratios(cells)
    charts, table = [_chart(cells)], _table(cells)
    notes = [*judging.lost(cells), *distance.notes(cells, round_trips.ALONE)]
    if len(ratios) < len(ROUND_TRIPS_MS):
        return Finding(OPEN, "the server did not answer rightly at all distances", charts, [table], notes)
    why = f"{RESOURCES} resources take by {ENOUGH} in flight, times what they take by {ALL:,}: " + "; ".join(
        f"{judging.factor(ratio)} at {round_trip} ms" for round_trip, ratio in ratios.items()
    )
    if all(judging.surely_below(ratio, NO_USE) for ratio in ratios.values()):
        return Finding(HOLDS, why, charts, [table], notes)
    if any(judging.surely_above(ratio, OF_USE) for ratio in ratios.values()):
        return Finding(HOLDS_NOT, why, charts, [table], notes)
    return Finding(OPEN, why, charts, [table], notes)


def _ratios(cells: Sequence[Cell]) -> dict[str, Estimate]:
    """How many times the time of all in flight it takes with what is said to be enough, by round trip."""
    ratios = {}
    for round_trip in judging.values_of(cells, "round_trip_ms"):
        common = judging.scatter(judging.standing(cells, round_trip_ms=round_trip), "effective_us")
        some, all_at_once = (judging.the(cells, round_trip_ms=round_trip, in_flight=str(count)) for count in (ENOUGH, ALL))
        if some and all_at_once and (ratio := judging.ratio(some, all_at_once, "effective_us", common, len(ROUND_TRIPS_MS))):
            ratios[round_trip] = ratio
    return ratios


def _seconds(cell: Cell) -> float:
    return judging.middle(cell, "effective_us").value * RESOURCES / 1e6


def _chart(cells: Sequence[Cell]) -> Chart:
    series = []
    for round_trip in judging.values_of(cells, "round_trip_ms"):
        found = judging.standing(cells, round_trip_ms=round_trip)
        series.append(Series(f"{round_trip} ms away", [Point(float(cell.labels["in_flight"]), _seconds(cell)) for cell in found]))
    return Chart(
        "parallel",
        _title(cells),
        "requests in flight, a connection each",
        f"Seconds for {RESOURCES:,} resources",
        series,
    )


def _title(cells: Sequence[Cell]) -> str:
    """What the step from 50 in flight to 1000 brings at each distance."""
    gains = [f"{numbers.factor(ratio.value)} {round_trip} ms away" for round_trip, ratio in _ratios(cells).items()]
    if not gains:
        return f"How long {RESOURCES:,} small resources take, by requests in flight and distance"
    return f"{ENOUGH} in flight take, times as long as {ALL:,}: {', '.join(gains)}"


def _table(cells: Sequence[Cell]) -> FigureTable:
    rows = []
    for round_trip in judging.values_of(cells, "round_trip_ms"):
        before = None
        for cell in judging.standing(cells, round_trip_ms=round_trip):
            seconds = _seconds(cell)
            gain = numbers.factor(before / seconds) if before else ""
            reckoned = "" if judging.middle(cell, "requests").value >= RESOURCES else f"of {judging.middle(cell, 'requests').value:.0f} measured"
            rows.append([cell.labels["in_flight"], round_trip, numbers.plain(seconds), gain, reckoned])
            before = seconds
    columns = ["In flight", "Round trip ms", f"Seconds for {RESOURCES:,}", "Faster than the line above", "Reckoned"]
    return FigureTable("parallel", "How long small resources take together, connections open beforehand", columns, rows)


CLAIM = Claim(
    number=12,
    key="parallel",
    sentence="More than 50 parallel requests are of no use.",
    source=f"{texts.ESSAY}.",
    method=(
        f"{RESOURCES:,} times GET / of the first contestant by 1, 6 (as many connections as a browser opens), 50, 100 and 1000 in flight, a connection "
        f"each, at round trips of 0, 10 and 100 ms. Far away at least {BATCHES} for each connection are measured, and the time for {RESOURCES:,} reckoned "
        "from them. "
        + distance.FORWARDER_TEXT
    ),
    rule=(
        f"Holds if at each distance {ENOUGH} in flight surely take less than {NO_USE}× the time of {ALL:,}; does not hold if at one distance they surely "
        f"take more than {OF_USE:g}×; cannot be told otherwise."
    ),
    misleads=(
        "What is of no use near may be of use far away: the rule asks for all distances. Small resources have no bandwidth to share; large ones end the "
        "gain earlier. Connections are open before the clock starts."
    ),
    measure=measure,
    judge=judge,
)
