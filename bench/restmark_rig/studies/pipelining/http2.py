"""Claim 7: HTTP/2's streams over TLS cost more than pipelining, and wait for nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from ...load.load import LoadPlan
from ...model.errors import EnvironmentFault, StartFailed
from ...model.workloads import ROUTE_ROOT, ROUTE_WAIT
from ...report import numbers
from ...server.http_probe import Connection, ProbeError, request_bytes
from ...server.launcher import RunningServer
from ...verify.oracle import WELCOME
from .. import judging, neighbour, proxy, servers
from ..lab import Lab, Setting
from ..neighbour import Neighbour
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import CannotTell, Claim
from . import natives, streams, texts
from .h2load import H2Load

OWN, OWN_TARGET = "nginx itself", "/own"
IN_FLIGHT = 32
DEPTH = 16
STREAMS = (1, 8, 32)
REQUESTS = 3000
NATIVE_REQUESTS = 1500
PLAIN, PIPELINED, TLS = "HTTP/1.1", f"HTTP/1.1, {DEPTH} pipelined", "HTTP/1.1 over TLS"
MIX_STREAMS = 16
MIX = f"HTTP/2 over TLS, {MIX_STREAMS} streams, 1 of 8 waits"
ORDER = f"{streams.ASKED_AT_ONCE} requests at once, the first of which waits"
DEARER = 1.1
FREE_US, HELD_UP_US = streams.WAIT_MS * 1000 * 0.4, streams.WAIT_MS * 1000 * 0.8


def words(count: int) -> str:
    """So many streams to a connection."""
    return f"HTTP/2 over TLS, {count} stream{'s' if count > 1 else ''}"


DECIDES = words(8)


def measure(lab: Lab) -> list[Cell]:
    """nginx's own answer in all ways, the first contestant's behind it over TLS, and servers that speak HTTP/2 themselves."""
    one = streams.front()
    server = servers.first(lab, (ROUTE_WAIT,))
    plain, absent = neighbour.free_port(), []
    with ExitStack() as stack:
        # On the CPUs of servers: what it costs is what is looked at.
        front = stack.enter_context(proxy.before(lab, one, server.port, lab.pins.server, {"PLAIN_PORT": plain}))
        behind = f"{server.contestant.title} behind nginx"
        settings = [
            _setting(server, front, OWN, PLAIN, streams.plan(lab, plain, OWN_TARGET, IN_FLIGHT, REQUESTS), None, partial(_in_order, plain, 1)),
            _setting(server, front, OWN, PIPELINED, _pipelined(lab, plain), None, partial(_in_order, plain, DEPTH)),
            *_ways(lab, server, front, OWN, OWN_TARGET, REQUESTS),
            *_ways(lab, server, front, behind, ROUTE_ROOT, REQUESTS),
            _mixed(lab, server, front, behind),
        ]
        ports = {behind: front.port}
        for folder in natives.ALL:
            title = natives.title(folder)
            try:
                native = stack.enter_context(natives.running(lab, folder))
            except (CannotTell, StartFailed) as fault:
                absent.append(Cell({"server": title}, lost=str(fault)))
                continue
            ports[title] = native.port
            settings += [*_ways(lab, server, native, title, ROUTE_ROOT, NATIVE_REQUESTS), _mixed(lab, server, native, title)]
        cells = lab.measure(settings, "HTTP/2 over TLS")
        return [*cells, *(_ordered(name, port) for name, port in ports.items()), *absent]


def _pipelined(lab: Lab, port: int) -> LoadPlan:
    return LoadPlan("127.0.0.1", port, OWN_TARGET, IN_FLIGHT // DEPTH, 60.0, cpus=lab.pins.client, depth=DEPTH, requests=REQUESTS)


def _ways(lab: Lab, server: RunningServer, front: Neighbour, whose: str, target: str, requests: int) -> list[Setting]:
    """HTTP/1.1 and HTTP/2 over TLS, with the same number in flight."""
    ways = [(TLS, IN_FLIGHT, H2Load(1, True, len(WELCOME)))]
    ways += [(words(count), IN_FLIGHT // count, H2Load(count, False, len(WELCOME))) for count in STREAMS]
    check = partial(streams.wrong, front.port, target)
    return [
        _setting(server, front, whose, way, streams.plan(lab, front.port, target, connections, requests), engine, check)
        for way, connections, engine in ways
    ]


def _mixed(lab: Lab, server: RunningServer, front: Neighbour, whose: str) -> Setting:
    plan = streams.mix(lab, front.port, IN_FLIGHT // MIX_STREAMS)
    return _setting(server, front, whose, MIX, plan, streams.mix_engine(MIX_STREAMS), partial(streams.wrong, front.port))


def _setting(
    server: RunningServer, front: Neighbour, whose: str, way: str, plan: LoadPlan, engine: H2Load | None, check: Callable[[], str]
) -> Setting:
    labels = {"server": whose, "way": way, "connections": str(plan.connections)}
    return Setting(labels, server, plan, {"front_cpu_us": front.cpu_ns}, engine=engine, check=check)


def _ordered(whose: str, port: int) -> Cell:
    """Which of the answers that of a request was that waits, and was asked first."""
    labels = {"server": whose, "way": ORDER}
    try:
        return Cell(labels, [{"place": float(streams.place_of_dear(port))}])
    except EnvironmentFault as fault:
        return Cell(labels, lost=fault.message)


def _in_order(port: int, depth: int) -> str:
    """The same by HTTP/1.1, so many at once, every other of another status."""
    targets = [OWN_TARGET if number % 2 == 0 else "/no-such-path" for number in range(depth)]
    try:
        with Connection("127.0.0.1", port) as connection:
            connection.send(b"".join(map(request_bytes, targets)))
            for number, target in enumerate(targets, 1):
                got = connection.read()
                if (got.status == 200 and got.body == WELCOME) != (target == OWN_TARGET):
                    return f"answer {number} of {depth} pipelined ones is not that of {target}: status {got.status}"
    except ProbeError as fault:
        return str(fault)
    return ""


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    common = judging.scatter(judging.standing(cells, server=OWN), "front_cpu_us")
    pipelined, kept, multiplexed = (judging.the(cells, server=OWN, way=way) for way in (PIPELINED, TLS, DECIDES))
    mixed = {cell.labels["server"]: judging.middle(cell, "target_0_p50_us") for cell in judging.standing(cells, way=MIX)}
    places = {cell.labels["server"]: round(cell.rounds[0]["place"]) for cell in judging.standing(cells, way=ORDER)}
    charts, tables, notes = [_chart(cells)], [_table(cells), _waiting(cells, places)], judging.lost(cells)
    dearer = judging.ratio(multiplexed, pipelined, "front_cpu_us", common) if multiplexed and pipelined else None
    if dearer is None or not mixed or not places:
        return Finding(OPEN, "one of the ways was not answered rightly", charts, tables, notes)
    beside = judging.ratio(multiplexed, kept, "front_cpu_us", common) if multiplexed and kept else None
    rates = judging.scatter(judging.standing(cells, server=OWN), "requests_per_s")
    slower = judging.ratio(pipelined, multiplexed, "requests_per_s", rates) if multiplexed and pipelined else None
    slowest = max(mixed, key=lambda name: mixed[name].value)
    waits = mixed[slowest]
    why = (
        f"a request by HTTP/2 over TLS, 8 streams to a connection, costs nginx {judging.factor(dearer)} the CPU time of a pipelined one in the clear, "
        f"which is {judging.factor(slower)} as fast, and {judging.factor(beside)} that of HTTP/1.1 over TLS; where 1 of 8 waits {streams.WAIT_MS} ms on "
        f"the same connection, half of the others are answered in {numbers.ms(waits.value)} ms ({numbers.ms(waits.low)} to {numbers.ms(waits.high)}) at "
        f"most ({slowest}); of {streams.ASKED_AT_ONCE} asked at once the first, which waits, was answered as number "
        + ", ".join(f"{place} ({name})" for name, place in places.items())
    )
    free = all(judging.surely_below(middle, FREE_US) for middle in mixed.values()) and min(places.values()) > 1
    held_up = any(judging.surely_above(middle, HELD_UP_US) for middle in mixed.values())
    if judging.surely_above(dearer, DEARER) and free:
        return Finding(HOLDS, why, charts, tables, notes)
    if held_up or judging.surely_below(dearer, 1.0):
        return Finding(HOLDS_NOT, why, charts, tables, notes)
    return Finding(OPEN, why, charts, tables, notes)


def _chart(cells: Sequence[Cell]) -> Chart:
    series = []
    for name in judging.values_of(judging.standing(cells, way=DECIDES), "server"):
        found = [(count, judging.the(cells, server=name, way=words(count))) for count in STREAMS]
        sums = [(float(count), judging.middle(_whole(cell), "cpu_us")) for count, cell in found if cell]
        series.append(Series(name, [Point(x, y.value, y.low, y.high) for x, y in sums]))
    return Chart("http2", _title(cells), f"streams to a connection, {IN_FLIGHT} requests in flight", "CPU µs per request, front and server", series)


def _whole(cell: Cell) -> Cell:
    """Front and server in one sum."""
    return Cell(cell.labels, [{"cpu_us": entry["front_cpu_us"] + entry["server_cpu_us"]} for entry in cell.rounds])


def _title(cells: Sequence[Cell]) -> str:
    found = {way: judging.the(cells, server=OWN, way=way) for way in (PIPELINED, TLS, words(1), words(STREAMS[-1]))}
    costs = {way: judging.middle(cell, "front_cpu_us").value for way, cell in found.items() if cell}
    if len(costs) < len(found) or not min(costs.values()):
        return "CPU time per request of HTTP/2 over TLS, by streams that share a connection"
    one, many = (numbers.factor(costs[words(count)] / costs[PIPELINED]) for count in (1, STREAMS[-1]))
    return (
        f"HTTP/2 over TLS costs nginx {one} the CPU time of pipelining in the clear with a stream to a connection, {many} with {STREAMS[-1]}; "
        f"HTTP/1.1 over TLS {numbers.factor(costs[TLS] / costs[PIPELINED])}"
    )


def _table(cells: Sequence[Cell]) -> FigureTable:
    rows = []
    for cell in judging.standing(cells):
        if cell.labels["way"] in (MIX, ORDER):
            continue
        figures = [numbers.plain(judging.middle(cell, figure).value) for figure in ("requests_per_s", "front_cpu_us", "server_cpu_us", "client_cpu_us")]
        if cell.labels["server"] in _NATIVE:
            figures[1], figures[2] = numbers.MISSING, figures[1]  # it has no front
        times = [numbers.ms(judging.middle(cell, figure).value) for figure in ("p50_us", "p99_us")]
        rows.append([cell.labels["server"], cell.labels["way"], cell.labels["connections"], *figures, *times])
    columns = ["Server", "Way", "Connections", "Requests/s", "nginx's CPU µs", "Server's CPU µs", "Client's CPU µs", "p50 ms", "p99 ms"]
    return FigureTable("http2", f"A small answer, {IN_FLIGHT} requests in flight; per request, handshakes included where there is TLS", columns, rows)


def _waiting(cells: Sequence[Cell], places: Mapping[str, int]) -> FigureTable:
    rows = []
    for cell in judging.standing(cells, way=MIX):
        times = [numbers.ms(judging.middle(cell, f"target_0_{which}_us").value) for which in ("p50", "p99", "max")]
        place = places.get(cell.labels["server"])
        rows.append([cell.labels["server"], *times, f"{place} of {streams.ASKED_AT_ONCE}" if place else numbers.MISSING])
    columns = ["Server", "p50 ms", "p99 ms", "max ms", "Place of the answer to the first request, which waits"]
    caption = f"Cheap requests where 1 of 8 waits {streams.WAIT_MS} ms, {MIX_STREAMS} streams to a connection; and the order of answers"
    return FigureTable("http2-waiting", caption, columns, rows)


_NATIVE = tuple(natives.title(folder) for folder in natives.ALL)

CLAIM = Claim(
    number=7,
    key="http2",
    sentence="HTTP/2 multiplexing over TLS is what to measure: dearer than pipelining, and nothing waits in line.",
    source=f"{texts.ESSAY}: “slower than pipelining, of course”; RFC 9113.",
    method=(
        f"h2load with 1, 8 and 32 streams to a connection, {IN_FLIGHT} requests in flight, against an answer that nginx makes itself, against the first "
        "contestant that can wait, behind nginx, and against servers that speak HTTP/2 themselves: Go's net/http, actix-web with rustls, and granian. "
        "Beside it HTTP/1.1 over TLS, and in the clear with and without pipelining. CPU time of nginx and of the server apart. Then requests of which "
        f"one of eight waits {streams.WAIT_MS} ms, {MIX_STREAMS} streams to a connection, as in claim 3: latencies of the others. And "
        f"{streams.ASKED_AT_ONCE} requests at once on one connection, of which the first waits: the place of its answer among all shows in which order "
        "they come. Certificates are made for the run."
    ),
    rule=(
        f"Holds if 8 streams over TLS surely cost nginx more than {DEARER}× the CPU time of pipelined HTTP/1.1 in the clear, and with every server the "
        f"median of cheap requests beside dear ones on the same connection surely stays below {FREE_US / 1000:g} ms, and the request that waits, sent "
        f"first, is not answered first; does not hold if with one server that median surely lies above {HELD_UP_US / 1000:g} ms, or the streams surely "
        "cost less; cannot be told otherwise."
    ),
    misleads=(
        f"TLS and framing are in one sum; HTTP/1.1 over TLS beside it tells them apart. The handshakes are shared out over {REQUESTS:,} requests, of the "
        f"servers that speak HTTP/2 themselves over {NATIVE_REQUESTS:,}. nginx sends requests on by HTTP/1.1, one on a connection: what is multiplexed "
        "ends there. Servers in several languages differ in more than their HTTP/2."
    ),
    measure=measure,
    judge=judge,
    programs=natives.ALL,
)
