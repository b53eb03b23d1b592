"""restmarkd against the speed, memory and start that it is built to reach; for its developers, `restmark dev targets` runs it.

CPU per request is compared as a ratio to epoll-limit's, both under the same load in turn, so that what disturbs the
machine disturbs both.
"""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ..contestants import own_program
from ..contestants.builder import Reporter
from ..contestants.cache import Cache
from ..contestants.contestant import Contestant
from ..host import pinning
from ..host.pinning import Pinning
from ..load.engine import LoadEngine
from ..load.load import LoadPlan
from ..model.errors import EnvironmentFault
from ..model.memory_records import REST
from ..model.workloads import ROUTE_ENCODE, ROUTE_ROOT, ROUTE_TRANSFER
from ..server import drain, first_answer, memory_look
from ..server.launcher import RunningServer, StartOptions
from ..server.placement import Local

CPU_TARGETS = {ROUTE_ROOT: 1.08, ROUTE_TRANSFER: 1.10}
CONNECTIONS = (16, 64, 256)
MEMORY_WORKERS = 8
PSS_TARGET_MIB = 5.5
MARGINAL_USS_TARGET_MIB = 0.15
FIRST_ANSWER_TARGET_MS = 4.0
_STARTS = 25
_MARGINAL_WORKERS, _PAIRS = (2, 6), 9
_MEMORY_CONNECTIONS = 256
_MEMORY_SETTLE_S = 2.0
_REST_WINDOW_S = 0.05

Say = Callable[[str], None]


@dataclass(frozen=True)
class Finding:
    """One target and what was measured."""

    name: str
    figure: str
    value: float
    target: float

    @property
    def met(self) -> bool:
        return self.value <= self.target


def cpu_us_per_request(
    engine: LoadEngine, server: RunningServer, route: str, pins: Pinning, connections: int, duration_s: float
) -> float:
    """Raises EnvironmentFault if no answer came."""
    if unrest := drain.come_to_rest(server, _REST_WINDOW_S):
        raise EnvironmentFault(f"{server.contestant.name}: GET {route}: {unrest}", "see its log")
    before_ns: list[int] = []
    plan = LoadPlan(server.host, server.port, route, connections, duration_s, cpus=pins.client)
    result = engine.run(plan, lambda: before_ns.append(server.cpu_ns()))
    if not result.requests:
        raise EnvironmentFault(
            f"{server.contestant.name}: GET {route}: no answer in {result.duration_us / 1e6:.3g} s", "a longer --duration"
        )
    return (server.cpu_ns() - before_ns[0]) / 1e3 / result.requests


def compare_cpu(
    engine: LoadEngine,
    ours: RunningServer,
    limit: RunningServer,
    route: str,
    connections: int,
    rounds: int,
    duration_s: float,
    say: Say,
) -> Finding:
    """Rounds of both in turn, the order changing each time; the figure is the median of the rounds' ratios."""
    pins = pinning.halves()
    pairs: list[tuple[float, float]] = []
    for number in range(rounds):
        order = (ours, limit) if number % 2 else (limit, ours)
        us = {server.pid: cpu_us_per_request(engine, server, route, pins, connections, duration_s) for server in order}
        pairs.append((us[ours.pid], us[limit.pid]))
        say(
            f"GET {route}, {connections} connections, round {number + 1} of {rounds}: {pairs[-1][0]:.2f} against {pairs[-1][1]:.2f} µs per request"
        )
    ratios = sorted(a / b for a, b in pairs)
    ours_us, limit_us = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(ratios)
    return Finding(
        f"GET {route}, {connections} connections: server CPU per request against the bare epoll loop",
        f"{ratio:.3f}x ({ours_us:.2f} against {limit_us:.2f} µs; rounds {ratios[0]:.3f} to {ratios[-1]:.3f})",
        ratio,
        CPU_TARGETS[route],
    )


def memory_mib(pids: list[int]) -> tuple[float, float]:
    """Σ PSS and Σ USS of the processes, MiB."""
    pss_kib = uss_kib = 0
    for pid in pids:
        fields = {}
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
            name, value = line.split(":")
            fields[name] = int(value.split()[0])
        pss_kib += fields["Pss"]
        uss_kib += fields["Private_Clean"] + fields["Private_Dirty"]
    return pss_kib / 1024, uss_kib / 1024


def server_pids(server: RunningServer) -> list[int]:
    """The server's processes without the rig's own supervisor."""
    return [pid for pid in server.pids() if Path(f"/proc/{pid}/comm").read_text().strip() == "restmarkd"]


def memory_under_load(engine: LoadEngine, ours: Contestant, options: StartOptions, cache: Cache) -> Finding:
    pins = pinning.halves()
    with Local(cache).launch(ours, options) as server:
        plan = LoadPlan(
            server.host, server.port, ROUTE_ENCODE, _MEMORY_CONNECTIONS, 2 * _MEMORY_SETTLE_S, cpus=pins.client
        )
        client = threading.Thread(target=engine.run, args=(plan,))
        client.start()
        client.join(_MEMORY_SETTLE_S)  # in the middle of it
        pss, _ = memory_mib(server_pids(server))
        client.join()
    return Finding(
        f"Σ PSS of master + {options.workers} workers under {_MEMORY_CONNECTIONS} connections of {ROUTE_ENCODE}",
        f"{pss:.2f} MiB",
        pss,
        PSS_TARGET_MIB,
    )


def marginal_worker(ours: Contestant, options: StartOptions, cache: Cache) -> Finding:
    """The median of some pairs: the master's own pages come and go 64 KiB at a time, with what the kernel maps around a fault."""
    few, many = _MARGINAL_WORKERS
    found = sorted((_uss_mib(ours, options, many, cache) - _uss_mib(ours, options, few, cache)) / (many - few) for _ in range(_PAIRS))
    marginal = statistics.median(found)
    return Finding(
        "USS of one more idle worker",
        f"{marginal:.3f} MiB ({found[0]:.3f} to {found[-1]:.3f} in {_PAIRS} pairs of {few} and {many} workers)",
        marginal,
        MARGINAL_USS_TARGET_MIB,
    )


def _uss_mib(ours: Contestant, options: StartOptions, workers: int, cache: Cache) -> float:
    with Local(cache).launch(ours, StartOptions(options.dataset, workers=workers, cpus=options.cpus)) as server:
        memory_look.look_at_rest(server, ours.name, workers, REST)  # by which what only the start needed is given back
        return memory_mib(server_pids(server))[1]


def start(ours: Contestant, options: StartOptions, cache: Cache, reporter: Reporter) -> Finding:
    """The median of some starts, with the page cache warm."""
    program = own_program.compiled(first_answer.SOURCE, cache, reporter)
    client = pinning.halves().client
    ms = sorted(first_answer.measure_ms(program, ours, options, cache, client) for _ in range(_STARTS))
    lower, median, upper = statistics.quantiles(ms)
    return Finding(
        f"first answer after exec, {options.workers} worker",
        f"{median:.2f} ms (quartiles {lower:.2f} and {upper:.2f} of {_STARTS} starts, least {ms[0]:.2f})",
        median,
        FIRST_ANSWER_TARGET_MS,
    )


def all_findings(
    engine: LoadEngine,
    ours: Contestant,
    limit: Contestant,
    dataset: Path,
    cache: Cache,
    rounds: int,
    duration_s: float,
    reporter: Reporter,
) -> list[Finding]:
    pins = pinning.halves()
    one = StartOptions(dataset, workers=1, cpus=pins.server)
    with ExitStack() as stack:
        servers = [stack.enter_context(Local(cache).launch(contestant, one)) for contestant in (ours, limit)]
        findings = [
            compare_cpu(engine, servers[0], servers[1], route, connections, rounds, duration_s, reporter.say)
            for route in CPU_TARGETS
            for connections in CONNECTIONS
        ]
    options = StartOptions(dataset, workers=MEMORY_WORKERS, cpus=pins.server)
    reporter.say("memory")
    findings += [memory_under_load(engine, ours, options, cache), marginal_worker(ours, options, cache)]
    reporter.say("starts")
    return [*findings, start(ours, one, cache, reporter)]
