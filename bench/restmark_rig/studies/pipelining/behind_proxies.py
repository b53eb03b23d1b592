"""Claim 4: a reverse proxy answers pipelined requests and hands none of it on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from ...contestants import requirements
from ...load.load import LoadPlan, NotAnswered
from ...model.errors import StartFailed
from ...model.stats import Estimate
from ...model.workloads import ROUTE_ROOT
from ...report import numbers
from ...server.http_probe import ProbeError
from ...server.launcher import RunningServer
from .. import judging, proxy, servers
from ..lab import Lab, Setting, told_errors
from ..neighbour import Neighbour
from ..proxy import PROXIES, Proxy
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import CannotTell, Claim
from . import recording, texts

DEPTH = 16
CONNECTIONS = 4
DIRECT = "no proxy"
RECORDED = "recorded"
SPEED = "measured"
RECORD_REQUESTS = 1000
SEEN_DIRECT_MIN = 8  # outstanding: else the recorder would see nothing anyway
PROXIES_MIN = 2


def measure(lab: Lab) -> list[Cell]:
    """What a recorder behind each proxy sees, and what becomes of the figures of the first contestant behind it."""
    installed = [one for one in PROXIES if one.is_installed()]
    absent = [
        Cell({"proxy": one.title, "what": RECORDED}, lost=f"not installed: {requirements.remedy_of(one.requirement)}")
        for one in PROXIES
        if one not in installed
    ]
    if not installed:
        raise CannotTell("no reverse proxy is installed: restmark setup pipelining")
    server = servers.first(lab)
    recorded = _record_all(lab, installed)
    with ExitStack() as stack:
        settings = [_setting(lab, server, DIRECT, server.port, depth, None) for depth in (1, DEPTH)]
        for one in installed:
            try:
                front = stack.enter_context(proxy.before(lab, one, server.port))
            except StartFailed:
                continue  # which its record tells
            settings += [_setting(lab, server, one.title, front.port, depth, front) for depth in (1, DEPTH)]
        return [*recorded, *lab.measure(settings, "behind proxies"), *absent]


def _setting(lab: Lab, server: RunningServer, title: str, port: int, depth: int, front: Neighbour | None) -> Setting:
    plan = LoadPlan(server.host, port, ROUTE_ROOT, CONNECTIONS * DEPTH // depth, lab.pace.visit_s, cpus=lab.pins.client, depth=depth)
    labels = {"proxy": title, "what": SPEED, "depth": str(depth), "contestant": server.contestant.title}
    return Setting(labels, server, plan, {"proxy_cpu_us": front.cpu_ns} if front else {})


def _record_all(lab: Lab, installed: Sequence[Proxy]) -> list[Cell]:
    cells = []
    with recording.recorder(lab) as behind:
        for depth in (1, DEPTH):
            cells.append(_record(lab, DIRECT, behind, behind.port, depth, ""))
        for one in installed:
            lab.tell(f"what {one.title} sends to a server")
            try:
                with proxy.before(lab, one, behind.port) as front:
                    cells += [_record(lab, one.title, behind, front.port, depth, one.version_text()) for depth in (1, DEPTH)]
            except StartFailed as fault:
                cells.append(Cell({"proxy": one.title, "what": RECORDED}, lost=fault.message))
    return cells


def _record(lab: Lab, title: str, behind: Neighbour, port: int, depth: int, version: str) -> Cell:
    """One load, and what the recorder has seen of it."""
    labels = {"proxy": title, "what": RECORDED, "depth": str(depth), "version": version}
    plan = LoadPlan("127.0.0.1", port, ROUTE_ROOT, CONNECTIONS, 20.0, cpus=lab.pins.client, depth=depth, requests=RECORD_REQUESTS)
    try:
        recording.recorded(behind)
        result = lab.engine.run(plan)
        seen = recording.recorded(behind)
    except NotAnswered as fault:
        return Cell(labels, lost=fault.message)
    except ProbeError as fault:
        return Cell(labels, lost=f"the recorder: {fault}")
    if result.errors:
        return Cell(labels, lost=told_errors(result))
    return Cell(labels, [{name: float(value) for name, value in seen.items()}])


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    seen = {
        cell.labels["proxy"]: int(cell.rounds[0]["outstanding_max"]) for cell in judging.standing(cells, what=RECORDED, depth=str(DEPTH))
    }
    direct = seen.pop(DIRECT, 0)
    charts, tables, notes = [_chart(cells)], [_table(cells, seen), _speeds(cells)], judging.lost(cells)
    if direct < SEEN_DIRECT_MIN:
        why = f"without a proxy the recorder saw {direct} outstanding requests on a connection at most: it would see nothing"
        return Finding(OPEN, why, charts, tables, notes)
    told = "; ".join(f"{name} {count}" for name, count in seen.items())
    why = f"with {DEPTH} requests under way on each of the client's connections, so many were ever outstanding on one to the server: {told}; no proxy {direct}"
    if any(count > 1 for count in seen.values()):
        return Finding(HOLDS_NOT, why, charts, tables, notes)
    if len(seen) >= PROXIES_MIN:
        return Finding(HOLDS, why, charts, tables, notes)
    return Finding(OPEN, f"{why}: fewer than {PROXIES_MIN} proxies could be tried", charts, tables, notes)


def _chart(cells: Sequence[Cell]) -> Chart:
    series = []
    for name in judging.values_of(judging.standing(cells, what=SPEED), "proxy"):
        found = judging.standing(cells, what=SPEED, proxy=name)
        middles = [(float(cell.labels["depth"]), judging.middle(cell, "requests_per_s")) for cell in found]
        series.append(Series(name, [Point(depth, y.value, y.low, y.high) for depth, y in middles]))
    return Chart("behind-proxies", _title(cells), "requests under way on a connection of the client's", "Requests/s of GET /", series, even=True)


def _gains(cells: Sequence[Cell]) -> dict[str, Estimate]:
    """How many times the requests/s of depth 1 there are at the other, by proxy."""
    speeds = judging.standing(cells, what=SPEED)
    common, found = judging.scatter(speeds, "requests_per_s"), {}
    for name in judging.values_of(speeds, "proxy"):
        one, deep = (judging.the(cells, what=SPEED, proxy=name, depth=depth) for depth in ("1", str(DEPTH)))
        if one and deep and (gain := judging.ratio(deep, one, "requests_per_s", common)):
            found[name] = gain
    return found


def _title(cells: Sequence[Cell]) -> str:
    """How much the client's depth changes requests/s, through proxies and without one."""
    gains = {name: gain.value for name, gain in _gains(cells).items()}
    direct = gains.pop(DIRECT, None)
    if direct is None or not gains:
        return "Requests/s through each proxy, by the depth at which its client pipelines"
    least, most = min(gains.values()), max(gains.values())
    return f"Pipelining multiplies requests/s by {numbers.factor(direct).rstrip('×')} without a proxy, by {_span(least, most)} through one"


def _span(least: float, most: float) -> str:
    low, high = (numbers.factor(value).rstrip("×") for value in (least, most))
    return low if low == high else f"{low} to {high}"


def _table(cells: Sequence[Cell], seen: dict[str, int]) -> FigureTable:
    rows = []
    for name in [DIRECT, *seen]:
        cell = judging.the(cells, what=RECORDED, depth=str(DEPTH), proxy=name)
        if cell is not None:
            figures = cell.rounds[0]
            accepts = "" if name == DIRECT else "yes, in order"
            on = "" if name == DIRECT else "yes" if figures["outstanding_max"] > 1 else "no"
            rows.append([name, accepts, on, f"{figures['outstanding_max']:.0f}", f"{figures['connections']:.0f}", cell.labels["version"]])
    for cell in cells:
        if cell.lost and cell.labels.get("what") == RECORDED and "depth" not in cell.labels:
            rows.append([cell.labels["proxy"], "", "", numbers.MISSING, numbers.MISSING, "not tried"])
    columns = ["Proxy", "Takes pipelined requests", "Pipelines to the server", "Most outstanding to the server", "Connections to the server", "Version"]
    caption = (
        f"What a recording server sees of {RECORD_REQUESTS:,} requests, {DEPTH} to a connection on {CONNECTIONS} connections, and of two first ones that "
        "look at the answer"
    )
    return FigureTable("behind-proxies", caption, columns, rows)


def _speeds(cells: Sequence[Cell]) -> FigureTable:
    gains, rows = _gains(cells), []
    for name in judging.values_of(judging.standing(cells, what=SPEED), "proxy"):
        one, deep = (judging.the(cells, what=SPEED, proxy=name, depth=depth) for depth in ("1", str(DEPTH)))
        for cell in filter(None, (one, deep)):
            gain = judging.factor(gains.get(name)) if cell is deep and one else ""
            own = numbers.plain(judging.middle(cell, "proxy_cpu_us").value) if "proxy_cpu_us" in cell.rounds[0] else numbers.MISSING
            figures = [numbers.plain(judging.middle(cell, figure).value) for figure in ("requests_per_s", "server_cpu_us")]
            rows.append([name, cell.labels["depth"], figures[0], gain, figures[1], own])
    contestant = next((cell.labels["contestant"] for cell in cells if "contestant" in cell.labels), "")
    columns = ["Proxy", "Depth at the client", "Requests/s", "Times depth 1", "Server CPU µs", "Proxy CPU µs"]
    return FigureTable("behind-speeds", f"GET / of {contestant} behind each, {CONNECTIONS * DEPTH} requests in flight", columns, rows)


CLAIM = Claim(
    number=4,
    key="behind-proxies",
    sentence="Behind a reverse proxy pipelining is nothing.",
    source=(
        f"{texts.ESSAY}, scenario 1; {texts.RFC_PIPELINING}, by which an intermediary may pipeline what it forwards, but need not; HAProxy's "
        "configuration manual: pipelining “has been totally abandoned for its lack of reliability on certain servers”, and servers have to support it."
    ),
    method=(
        "Debian's nginx, HAProxy, Varnish and Apache httpd, with the configurations of the rig's folder studies/proxies, in front "
        f"of a server that records the most requests outstanding on one of its connections, while a client keeps {DEPTH} under way on each of "
        f"{CONNECTIONS}. The same without a proxy shows that it would be seen. Then in front of the first contestant, with 1 and 16 requests under way on "
        "a connection, 64 in all; proxy and client share CPUs."
    ),
    rule=(
        f"Holds if no proxy of at least {PROXIES_MIN} ever had more than one request outstanding on a connection to the server, while without one at "
        f"least {SEEN_DIRECT_MIN} were seen; does not hold if one had; cannot be told otherwise."
    ),
    misleads=(
        "“Nothing” is what reaches the server: all four take pipelined requests, and answer them one after the other. Requests/s may rise by the system "
        "calls that client and proxy save between them, or fall, as there is but one request at the server for each connection of the client's. A proxy "
        "that pipelines exists (Tempesta FW, in the kernel) and can not be tried here."
    ),
    measure=measure,
    judge=judge,
)
