"""Claim 10: QUIC costs more CPU time than TCP with TLS, and suffers less from what is lost on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ...contestants import requirements
from ...contestants.contestant import Requirement
from ...load.load import LoadPlan, NotAnswered
from ...model.errors import EnvironmentFault, StartFailed
from ...model.stats import Estimate
from ...model.workloads import ROUTE_ROOT
from ...report import numbers
from ...server.launcher import RunningServer
from ...verify.oracle import WELCOME
from .. import judging, neighbour, servers
from ..lab import Lab, Setting, told_errors
from ..neighbour import Neighbour
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import CannotTell, Claim
from . import natives, streams, texts
from .native_client import NativeClient

_SOURCE = Path(__file__).with_name("lossy.c")
ENTER = Requirement("/usr/bin/nsenter", ("util-linux",))
TCP, QUIC = "HTTP/2 over TLS (TCP)", "HTTP/3 (QUIC)"
NEAR = "loopback"
LOSS_PERCENT = (0, 1, 5)
ROUND_TRIP_MS = 10
SERVER_ADDRESS, CLIENT_SEES = "10.0.0.1", "10.0.0.2"
STREAMS = 8
SHARED, ALONE, LARGE = f"small, {STREAMS} streams to a connection", "small, one to a connection", "134 kB"


@dataclass(frozen=True)
class Kind:
    """Of requests near the server."""

    target: str
    body: str | None
    connections: int
    streams: int
    requests: int


_BODY = WELCOME.decode()
KINDS = {
    SHARED: Kind(ROUTE_ROOT, _BODY, 4, STREAMS, 3000),
    ALONE: Kind(ROUTE_ROOT, _BODY, 32, 1, 3000),
    LARGE: Kind("/large", None, 4, STREAMS, 300),
}
FAR = Kind(ROUTE_ROOT, _BODY, 1, STREAMS, 400)
DEARER, CHEAPER = 1.25, 1.0
DEVICE = "the way"


def measure(lab: Lab) -> list[Cell]:
    """The same answers by both, on loopback, and on a way that takes time and loses packets."""
    program = natives.client(lab)
    server = servers.first(lab)
    with ExitStack() as stack:
        near = stack.enter_context(natives.running(lab, natives.GO))
        settings: list[Setting] = []
        for asked, kind in KINDS.items():
            settings += _settings(lab, server, near, program, {"way": NEAR, "asked": asked}, kind)
        devices, absent = [], []
        try:
            _demand_ways()
            for percent in LOSS_PERCENT:
                device = stack.enter_context(_way(lab, percent))
                within = _entering(device)
                far = stack.enter_context(natives.running(lab, natives.GO, within=within, host=SERVER_ADDRESS))
                settings += _settings(lab, server, far, program, {"way": f"{percent} %", "asked": SHARED}, FAR, CLIENT_SEES, within)
                devices.append((percent, device))
        except (CannotTell, StartFailed) as fault:
            absent.append(Cell({"way": "with loss"}, lost=f"packets can not be lost here: {fault}"))
        return [*lab.measure(settings, "HTTP/2 and HTTP/3"), *(_device(percent, device) for percent, device in devices), *absent]


def _demand_ways() -> None:
    if requirements.locate(ENTER) is None:
        raise CannotTell(f"{ENTER.command} is not installed: restmark setup pipelining")


@contextmanager
def _way(lab: Lab, percent: int) -> Iterator[Neighbour]:
    """A network namespace with a device that loses packets, for the length of a with block; on the CPUs of the load."""
    program = neighbour.compiled(_SOURCE, lab.cache, lab.reporter)
    argv = [str(program), "--loss-ppm", str(percent * 10_000), "--delay-us", str(ROUND_TRIP_MS * 500), "--seed", str(percent)]
    with neighbour.running(lab, f"lossy-{percent}", argv, 0, lab.pins.client, told="ready") as found:
        yield found


def _entering(device: Neighbour) -> list[str]:
    """The command within whose namespace what follows it runs."""
    user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
    return [ENTER.command, "--target", str(device.pid), *user, "--net"]


def _settings(
    lab: Lab, server: RunningServer, native: Neighbour, program: Path, labels: dict[str, str], kind: Kind, host: str = "127.0.0.1", within: Sequence[str] = ()
) -> list[Setting]:
    found = []
    plan = replace(streams.plan(lab, native.port, kind.target, kind.connections, kind.requests), host=host)
    for protocol in (TCP, QUIC):
        engine = NativeClient(program, protocol == QUIC, kind.streams, kind.body, within)
        check = partial(_wrong, engine, replace(plan, requests=kind.connections))
        found.append(Setting({**labels, "protocol": protocol}, server, plan, {"native_cpu_us": native.cpu_ns}, engine=engine, check=check))
    return found


def _wrong(engine: NativeClient, plan: LoadPlan) -> str:
    """What is wrong with an answer on each connection, or nothing."""
    try:
        result = engine.run(plan)
    except (NotAnswered, EnvironmentFault) as fault:
        return fault.message
    return told_errors(result) if result.errors else ""


def _device(percent: int, device: Neighbour) -> Cell:
    """Stops it; a cell with how many packets it lost, and how late it was."""
    told = json.loads(device.stop().splitlines()[-1])
    return Cell({"what": DEVICE, "set": f"{percent} %"}, [{name: float(value) for name, value in told.items()}])


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    dearer = {asked: ratio for asked in KINDS if (ratio := _dearer(cells, asked, "native_cpu_us"))}
    charts, tables, notes = [_chart(cells, dearer)], [_table(cells)], [*judging.lost(cells), *_told_devices(cells)]
    if len(dearer) < len(KINDS):
        return Finding(OPEN, "the server did not answer rightly both ways", charts, tables, notes)
    client = judging.factor(_dearer(cells, SHARED, "client_cpu_us"))
    why = (
        "a request by HTTP/3 costs the server, times the CPU time of one by HTTP/2 over TLS: "
        + "; ".join(f"{asked} {judging.factor(ratio)}" for asked, ratio in dearer.items())
        + f"; the client {client} ({SHARED})"
    )
    for percent in LOSS_PERCENT[1:]:
        lossy = [judging.the(cells, way=f"{percent} %", protocol=protocol) for protocol in (TCP, QUIC)]
        if lossy[0] and lossy[1]:
            half, most = ([numbers.ms(judging.middle(cell, figure).value) for cell in lossy if cell] for figure in ("p50_us", "p99_us"))
            why += (
                f"; where {percent} % of packets are lost half of the requests are answered in {half[1]} ms by HTTP/3, in {half[0]} ms by HTTP/2, "
                f"99 % in {most[1]} and {most[0]} ms"
            )
    if all(judging.surely_above(ratio, DEARER) for ratio in dearer.values()):
        return Finding(HOLDS, why, charts, tables, notes)
    if any(judging.surely_below(ratio, CHEAPER) for ratio in dearer.values()):
        return Finding(HOLDS_NOT, why, charts, tables, notes)
    return Finding(OPEN, why, charts, tables, notes)


def _dearer(cells: Sequence[Cell], asked: str, figure: str) -> Estimate | None:
    near = judging.standing(cells, way=NEAR)
    tcp, quic = (judging.the(near, protocol=protocol, asked=asked) for protocol in (TCP, QUIC))
    return judging.ratio(quic, tcp, figure, judging.scatter(near, figure), len(KINDS)) if tcp and quic else None


def _told_devices(cells: Sequence[Cell]) -> Iterator[str]:
    for cell in judging.standing(cells, what=DEVICE):
        told = cell.rounds[0]
        share = told["lost"] / told["packets"] if told["packets"] else 0.0
        yield (
            f"Set to {cell.labels['set']} loss, the way lost {told['lost']:,.0f} of {told['packets']:,.0f} packets ({numbers.percent(share)}) by chance "
            f"and {told['overflown']:,.0f} for want of room; it handed them on later than due by up to {numbers.ms(told['late_p50_us'])} ms (half of "
            f"them), {numbers.ms(told['late_p99_us'])} ms (99 %), {numbers.ms(told['late_max_us'])} ms (all)."
        )


def _chart(cells: Sequence[Cell], dearer: Mapping[str, Estimate]) -> Chart:
    series = []
    for protocol in (TCP, QUIC):
        found = [(percent, judging.the(cells, protocol=protocol, way=f"{percent} %")) for percent in LOSS_PERCENT]
        middles = [(float(percent), judging.middle(cell, "p50_us")) for percent, cell in found if cell]
        points = [Point(x, y.value / 1000, y.low / 1000 if y.low else None, y.high / 1000 if y.high else None) for x, y in middles]
        series.append(Series(protocol, points))
    axis = f"% of packets lost, round trip {ROUND_TRIP_MS} ms"
    return Chart("quic", _title(cells, dearer), axis, "Half of requests answered within ms", series, even=True)


def _title(cells: Sequence[Cell], dearer: Mapping[str, Estimate]) -> str:
    told = []
    if dearer:
        times = sorted(ratio.value for ratio in dearer.values())
        told.append(f"HTTP/3 takes {numbers.factor(times[0])} to {numbers.factor(times[-1])} the server's CPU time of HTTP/2 over TLS")
    percent = LOSS_PERCENT[-1]
    tcp, quic = (judging.the(cells, way=f"{percent} %", protocol=protocol) for protocol in (TCP, QUIC))
    if tcp and quic and (longer := judging.ratio(tcp, quic, "p50_us", judging.scatter([tcp, quic], "p50_us"))):
        sure = judging.surely_above(longer, 1.0) or judging.surely_below(longer, 1.0)
        what = f"HTTP/2 is {judging.factor(longer)} as slow" if sure else "which of them is slower can not be told"
        told.append(f"with {percent} % of packets lost {what}")
    return "; ".join(told) or "HTTP/2 over TLS and HTTP/3 where packets are lost"


def _table(cells: Sequence[Cell]) -> FigureTable:
    rows = []
    for cell in judging.standing(cells):
        if "protocol" in cell.labels:
            figures = [numbers.plain(judging.middle(cell, name).value) for name in ("requests_per_s", "native_cpu_us", "client_cpu_us")]
            times = [numbers.ms(judging.middle(cell, name).value) for name in ("p50_us", "p99_us", "max_us")]
            rows.append([cell.labels["way"], cell.labels["asked"], cell.labels["protocol"], *figures, *times])
    columns = ["Way, or packets lost", "Asked", "Protocol", "Requests/s", "Server CPU µs", "Client CPU µs", "p50 ms", "p99 ms", "max ms"]
    caption = f"One server in Go, {STREAMS * 4} requests under way near, connections open beforehand; one connection where packets are lost"
    return FigureTable("quic", caption, columns, rows)


CLAIM = Claim(
    number=10,
    key="quic",
    sentence="QUIC costs more CPU time than TCP.",
    source=f"{texts.ESSAY}: “massive use of CPU compared to raw TCP”, yet the best for RPC where packets are lost; RFC 9114.",
    method=(
        "One server in Go answers by HTTP/2 over TLS (net/http) and, at the same port of UDP, by HTTP/3 (quic-go); one client in Go asks by either, as "
        f"h2load of Debian speaks no HTTP/3: on loopback {STREAMS * 4} small answers at a time on 4 connections and on as many connections, and answers "
        f"of 134 kB, all compared byte for byte. Then one connection of {STREAMS} streams in a network namespace whose device takes {ROUND_TRIP_MS} ms "
        "for a round trip and loses 0, 1 and 5 % of packets each way, TCP's as well as UDP's; what it lost and how late it was is measured, and told "
        "below. It runs on the load's CPUs. Certificates are made for the run."
    ),
    rule=(
        f"Holds if on loopback each of the three kinds of requests by HTTP/3 surely costs the server more than {DEARER}× the CPU time of one by HTTP/2 "
        "over TLS; does not hold if one of them surely costs less; cannot be told otherwise."
    ),
    misleads=(
        "It is one implementation of each: others have other prices, and those in C with the kernel's offloads lower ones. Loopback has packets of 64 KB "
        "for TCP. Loss by chance is not that of a full queue, and the rule does not look at it. Without a right to make network namespaces loss can not "
        "be told."
    ),
    measure=measure,
    judge=judge,
    programs=(natives.GO,),
)
