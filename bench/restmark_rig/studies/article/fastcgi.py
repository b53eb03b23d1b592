"""Sentence 5: FastCGI is slower than raw HTTP. One uWSGI with a socket for each protocol, nginx in front of each; whatever differs is the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from ...contestants.contestant import Contestant, StartPlan
from ...load.load import LoadPlan
from ...model.errors import StartFailed
from ...model.stats import Estimate
from ...model.workloads import ROUTE_ROOT, ROUTE_TRANSFER, full
from ...report import numbers
from ...server.launcher import RunningServer, StartOptions
from ...server.placement import Local
from .. import judging, neighbour, proxy
from ..lab import Lab, Setting
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, FigureTable, Finding
from ..study import CannotTell, Claim

SERVER = "python-uwsgi"
ROUTES = (ROUTE_ROOT, ROUTE_TRANSFER)
CONNECTIONS = 16
HTTP, FASTCGI, UWSGI, DIRECT = "HTTP", "FastCGI", "uwsgi", "HTTP, no front"
WHOLE, SERVERS, FRONTS = "whole_cpu_us", "server_cpu_us", "front_cpu_us"
_KEPT_ALIVE = "--http11-socket"  # of the contestant's: a worker stays with a connection, and would serve no other protocol meanwhile
_VISIT_S = 0.5
_PARAMETERS = (
    ("REQUEST_METHOD", "$request_method"),
    ("REQUEST_URI", "$request_uri"),
    ("PATH_INFO", "$document_uri"),
    ("QUERY_STRING", "$query_string"),
    ("CONTENT_TYPE", "$content_type"),
    ("CONTENT_LENGTH", "$content_length"),
    ("SERVER_PROTOCOL", "$server_protocol"),
    ("SERVER_NAME", "$server_name"),
    ("SERVER_PORT", "$server_port"),
    ("REMOTE_ADDR", "$remote_addr"),
    ("REMOTE_PORT", "$remote_port"),
)
NGINX = replace(proxy.PROXIES[0], name="nginx-protocol", template="nginx-protocol.conf.in")


@dataclass(frozen=True)
class Protocol:
    """option: uWSGI's for such a socket; directive: nginx's that asks it."""

    name: str
    option: str
    directive: str

    def passes(self, port: int) -> str:
        """The lines of nginx's configuration."""
        prefix = "http://" if self.name == HTTP else ""
        asked = f"{self.directive}_pass {prefix}127.0.0.1:{port};"
        parameters = [] if self.name == HTTP else [f"{self.directive}_param {name} {value};" for name, value in _PARAMETERS]
        return " ".join([asked, *parameters])


PROTOCOLS = (Protocol(HTTP, "--http-socket", "proxy"), Protocol(FASTCGI, "--fastcgi-socket", "fastcgi"), Protocol(UWSGI, "--socket", "uwsgi"))


def measure(lab: Lab) -> list[Cell]:
    """All protocols on both routes, interleaved."""
    contestant = next((one for one in lab.contestants if one.name == SERVER), None)
    if contestant is None:
        raise CannotTell(f"it takes {SERVER}: name it with -C, and see 'restmark list' for what it lacks")
    if not NGINX.is_installed():
        raise CannotTell("nginx is not installed: restmark setup article")
    ports = {protocol.name: neighbour.free_port() for protocol in PROTOCOLS[1:]}
    with ExitStack() as stack:
        try:
            options = StartOptions(lab.dataset.path, workers=lab.workers, cpus=lab.pins.server)
            server = stack.enter_context(Local(lab.cache).launch(speaking_all(contestant, ports), options))
            fronts = {protocol.name: _front(lab, stack, protocol, ports.get(protocol.name, server.port)) for protocol in PROTOCOLS}
        except StartFailed as fault:
            raise CannotTell(fault.message) from None
        settings = [*_settings(lab, server, DIRECT, None), *(one for name, front in fronts.items() for one in _settings(lab, server, name, front))]
        return [_with_sum(cell) for cell in lab.measure(settings, "protocols")]


def speaking_all(contestant: Contestant, ports: dict[str, int]) -> Contestant:
    """The same server, with a socket for each protocol. HTTP is on the port that it is started with."""
    argv = [PROTOCOLS[0].option if word == _KEPT_ALIVE else word for word in contestant.start.argv]
    for protocol in PROTOCOLS[1:]:
        argv += [protocol.option, f"127.0.0.1:{ports[protocol.name]}"]
    return replace(contestant, start=StartPlan(tuple(argv), contestant.start.env), max_connections=None)


def _front(lab: Lab, stack: ExitStack, protocol: Protocol, port: int) -> neighbour.Neighbour:
    """Raises StartFailed."""
    return stack.enter_context(proxy.before(lab, NGINX, port, more={"PASS": protocol.passes(port)}))


def _settings(lab: Lab, server: RunningServer, name: str, front: neighbour.Neighbour | None) -> Iterator[Setting]:
    for route in ROUTES:
        plan = LoadPlan(
            server.host,
            front.port if front else server.port,
            full(route).target,
            CONNECTIONS,
            max(lab.pace.visit_s, _VISIT_S),
            cpus=lab.pins.client,
            reconnect=None if front else 1,
        )
        labels = {"protocol": name, "route": route, "contestant": server.contestant.title}
        yield Setting(labels, server, plan, {FRONTS: front.cpu_ns} if front else {})


def _with_sum(cell: Cell) -> Cell:
    """With the CPU time of front and server together."""
    return replace(cell, rounds=[{**entry, WHOLE: entry[SERVERS] + entry.get(FRONTS, 0.0)} for entry in cell.rounds])


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    dearer, cheaper, whys, rows = [], [], [], []
    for route in ROUTES:
        own = judging.standing(cells, route=route)
        common, http = judging.scatter(own, WHOLE), judging.the(cells, protocol=HTTP, route=route)
        for name in (HTTP, FASTCGI, UWSGI, DIRECT):
            cell = judging.the(cells, protocol=name, route=route)
            if cell is None:
                continue
            ratio = judging.ratio(cell, http, WHOLE, common, 2 * len(ROUTES)) if http and name != HTTP else None
            rows.append(_row(cell, name, route, ratio))
            if name in (FASTCGI, UWSGI) and ratio is not None:
                whys.append(f"{name} takes {judging.factor(ratio)} of HTTP's CPU time on {route}")
                if name == FASTCGI:
                    dearer.append(judging.surely_above(ratio, 1.0))
                    cheaper.append(judging.surely_below(ratio, 1.0))
    table = FigureTable(
        "fastcgi",
        "CPU time of a request, µs: nginx and uWSGI apart, and both together against HTTP behind nginx",
        ["Route", "Between nginx and uWSGI", "nginx µs", "uWSGI µs", "Both µs", "Times HTTP", "Requests/s"],
        rows,
    )
    notes = judging.lost(cells)
    if len(dearer) < len(ROUTES):
        return judging.untold("; ".join(notes) or "no pair has figures")
    verdict = HOLDS if all(dearer) else HOLDS_NOT if all(cheaper) else OPEN
    return Finding(verdict, "; ".join(whys), tables=[table], notes=notes)


def _row(cell: Cell, name: str, route: str, ratio: Estimate | None) -> list[str]:
    front = numbers.plain(judging.middle(cell, FRONTS).value) if FRONTS in cell.rounds[0] else numbers.MISSING
    figures = [numbers.plain(judging.middle(cell, figure).value) for figure in (SERVERS, WHOLE)]
    return [route, name, front, *figures, judging.factor(ratio), numbers.plain(judging.middle(cell, "requests_per_s").value)]


CLAIM = Claim(
    number=5,
    key="fastcgi",
    sentence="FastCGI is slower than raw HTTP.",
    source="“Benchmarking Python vs PyPy vs Go vs Rust”, deavid.wordpress.com, 2019: FastCGI is slower than HTTP between the front and the server.",
    method=(
        f"One uWSGI with the application of {SERVER} listens by HTTP ({PROTOCOLS[0].option}), by FastCGI and by its own protocol, and an nginx stands in "
        f"front of each socket; {numbers.listed(list(ROUTES))} on {CONNECTIONS} connections to nginx, which opens one to uWSGI for each request, as uWSGI "
        "closes it after each answer in all three. Rounds are interleaved; before and after, a request has to be answered byte for byte through each front. "
        "CPU time of nginx and of uWSGI apart, and together. Beside them HTTP without a front, with a connection for each request."
    ),
    rule=(
        "Holds if nginx and uWSGI together surely take more CPU time for a request by FastCGI than by HTTP, on both routes; does not hold if they surely "
        "take less on both; cannot be told otherwise."
    ),
    misleads=(
        "It is uWSGI's FastCGI, and nginx's. A server that keeps connections to its front saves more than a protocol does. nginx and the load's client "
        "share CPUs, so that requests/s are not the server's alone."
    ),
    measure=measure,
    judge=judge,
)
