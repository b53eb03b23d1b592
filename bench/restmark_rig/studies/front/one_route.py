"""Claim 1: one route at a time. What the dearest route alone brings, when it is moved behind a front server, of what moving all does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...contestants.contestant import Contestant
from ...load.load import LoadPlan
from ...model.errors import StartFailed
from ...model.stats import Estimate
from ...model.workloads import ROUTE_ENCODE, ROUTE_PARSE, ROUTE_ROOT
from ...report import numbers
from ...server.launcher import RunningServer, StartOptions, launch
from .. import judging, neighbour, proxy
from ..lab import Lab, Setting
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import CannotTell, Claim
from . import hop
from .hop import BEHIND, DIRECT

KEY = "one-route"
ROUTES = (ROUTE_ROOT, ROUTE_PARSE, ROUTE_ENCODE)
CONNECTIONS = 16
MOST = 0.5
FRONT = proxy.PROXIES[0]


def measure(lab: Lab) -> list[Cell]:
    """Each contestant twice, since one that serves a connection at a time would wait for the front's to end: alone, and behind nginx."""
    if not FRONT.is_installed():
        raise CannotTell("nginx is not installed: restmark setup front")
    able = [one for one in lab.contestants if set(ROUTES) <= set(one.routes) and one.model != "none"]
    if not able:
        raise CannotTell(f"no contestant of this study has {numbers.listed(list(ROUTES))}: name one that has with -C")
    settings, absent = [], []
    for contestant in able:
        try:
            settings += _settings(lab, contestant)
        except StartFailed as fault:
            absent.append(Cell({"contestant": contestant.title, "name": contestant.name}, lost=fault.message))
    if not settings:
        raise CannotTell(absent[0].lost)
    return [*lab.measure(settings, "one route at a time"), *absent]


def _settings(lab: Lab, contestant: Contestant) -> list[Setting]:
    """Raises StartFailed."""
    options = StartOptions(lab.dataset.path, workers=lab.workers, cpus=lab.pins.server)
    alone = lab.server(contestant)
    upstream = lab.stack.enter_context(launch(contestant, options, lab.cache))
    front = lab.stack.enter_context(proxy.before(lab, FRONT, upstream.port, more={"WORKERS": 1}))
    return [
        *(_setting(lab, alone, route, DIRECT, None) for route in ROUTES),
        *(_setting(lab, upstream, route, BEHIND, front) for route in ROUTES),
    ]


def _setting(lab: Lab, server: RunningServer, route: str, way: str, front: neighbour.Neighbour | None) -> Setting:
    most = server.contestant.max_connections
    plan = lab.plan(server, route, min(CONNECTIONS, most * lab.workers) if most else CONNECTIONS)
    labels = {"contestant": server.contestant.title, "name": server.contestant.name, "route": route, "way": way}
    if front is None:
        return Setting(labels, server, plan)
    return Setting(labels, server, _through(plan, front), {hop.FRONT_CPU: front.cpu_ns})


def _through(plan: LoadPlan, front: neighbour.Neighbour) -> LoadPlan:
    return replace(plan, host="127.0.0.1", port=front.port)


def part(cells: Sequence[Cell], start: str, to: str) -> Estimate | None:
    """Of what moving all routes saves, at equal shares, the part that the dearest one alone brings behind the front; round by round."""
    rounds = _rounds(cells, start, to)
    if not rounds:
        return None
    return hop.difference([_one(direct, front, moved) / _all(direct, other) for direct, front, other, moved in rounds])


Costs = dict[str, float]  # by route


def _rounds(cells: Sequence[Cell], start: str, to: str) -> list[tuple[Costs, Costs, Costs, Costs]]:
    """By round: the own stack's CPU time alone and behind the front, the other's alone and behind it. Rounds in which moving all saves nothing are left out:
    there is nothing to have a part of."""
    columns = []
    for name in (start, to):
        for way in (DIRECT, BEHIND):
            found = {route: cell for route in ROUTES if (cell := judging.the(cells, name=name, route=route, way=way)) is not None}
            if len(found) < len(ROUTES):
                return []
            columns.append({route: hop.totals(cell) for route, cell in found.items()})
    count = min(len(values) for column in columns for values in column.values())
    rounds = [tuple({route: values[at] for route, values in column.items()} for column in columns) for at in range(count)]
    return [(one[0], one[1], one[2], one[3]) for one in rounds if _all(one[0], one[2]) > 0]


def _one(direct: Costs, front: Costs, moved: Costs) -> float:
    dearest = max(direct, key=lambda route: direct[route])
    return sum(direct.values()) - sum(cost for route, cost in front.items() if route != dearest) - moved[dearest]


def _all(direct: Costs, other: Costs) -> float:
    return sum(direct.values()) - sum(other.values())


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    stand = judging.standing(cells)
    names, notes = judging.values_of(stand, "name"), judging.lost(cells)
    if len(names) < 2:
        return Finding(OPEN, "; ".join(notes) or "it takes two contestants", tables=[_table(stand)], notes=notes)
    titles = {cell.labels["name"]: cell.labels["contestant"] for cell in stand}
    found = {name: part(stand, names[0], name) for name in names[1:]}
    known = {name: one for name, one in found.items() if one is not None}
    told = [f"{titles[name]} {one.value:.0%} ({_ends(one)})" for name, one in known.items()]
    why = f"of what moving all of {titles[names[0]]} saves, moving its dearest route alone brings: {'; '.join(told) or 'nobody has figures of all routes'}"
    tables, charts = [_table(stand)], [_chart(stand)]
    if not known:
        return Finding(OPEN, why, charts, tables, notes)
    if all(judging.surely_above(one, MOST) for one in known.values()):
        return Finding(HOLDS, why, charts, tables, notes)
    if all(judging.surely_below(one, MOST) for one in known.values()):
        return Finding(HOLDS_NOT, why, charts, tables, notes)
    return Finding(OPEN, why, charts, tables, notes)


def _ends(one: Estimate) -> str:
    return "no interval" if one.low is None or one.high is None else f"{one.low:.0%} to {one.high:.0%}"


def _table(cells: Sequence[Cell]) -> FigureTable:
    rows = []
    for name in judging.values_of(cells, "name"):
        for route in ROUTES:
            found = hop.of(cells, name, route)
            if found is not None:
                figures = [numbers.plain(one.value) for one in (found.direct, found.behind, found.front)]
                title = judging.standing(cells, name=name)[0].labels["contestant"]
                rows.append([title, route, *figures, f"{numbers.plain(found.more.value)} ({_interval(found.more)})"])
    caption = "CPU µs of a request: of the server alone, of nginx and server together, of nginx, and what the hop costs"
    return FigureTable(KEY, caption, ["Contestant", "Route", "Alone", "Behind nginx", "nginx", "The hop"], rows)


def _interval(one: Estimate) -> str:
    return "no interval" if one.low is None or one.high is None else f"{numbers.plain(one.low)} to {numbers.plain(one.high)}"


def _chart(cells: Sequence[Cell]) -> Chart:
    series = []
    for name in judging.values_of(cells, "name"):
        hops = [(index, found) for index, route in enumerate(ROUTES, 1) if (found := hop.of(cells, name, route)) is not None]
        points = [Point(float(index), found.front.value, found.front.low, found.front.high) for index, found in hops]
        series.append(Series(judging.standing(cells, name=name)[0].labels["contestant"], points))
    values = [point.y for one in series for point in one.points]
    title = "No hop was measured"
    if values:
        title = f"A front server takes {numbers.plain(min(values))} to {numbers.plain(max(values))} µs of CPU time for each request"
    routes = ", ".join(f"{index}: {route}" for index, route in enumerate(ROUTES, 1))
    return Chart("front-hop", title, f"Route ({routes})", "CPU of nginx, µs a request", series, logarithmic=False, even=True)


CLAIM = Claim(
    number=1,
    key=KEY,
    sentence="Moving the dearest route alone, behind a front server, brings most of what moving all does.",
    source="How services are moved in practice, route by route; nothing of the two texts, which compare whole servers.",
    method=(
        f"{numbers.listed(list(ROUTES))} of each contestant alone and behind Debian's nginx (one process, connections to the server kept), in interleaved "
        f"rounds on {CONNECTIONS} connections, or as many as its workers hold. CPU time is of the server, and of nginx. The hop is what both take together "
        "less what the server takes alone. Then, at equal shares of the routes: all requests pass nginx, the dearest route is the other stack's, the others "
        "stay; against all of them on the other stack without nginx."
    ),
    rule=(
        f"The first contestant is the one that is left. Holds if for every other one the part surely lies above {MOST:.0%}; does not hold if it surely lies "
        "below for all of them; cannot be told otherwise. Rounds in which moving all saves nothing have no part."
    ),
    misleads=(
        "Whoever has a front server already pays its hop today, so that a route gains more than is told here. With other shares of the routes it is another "
        "figure: “restmark decide --front” reckons with yours. nginx sends all to one server here; telling routes apart costs it a comparison more."
    ),
    measure=measure,
    judge=judge,
)
