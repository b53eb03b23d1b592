"""One visit to a cell: a slice of load on one of the servers, all of which are up and warm, and its judgement.

When the slice ends, sending stops; what is under way comes in, and is counted with the CPU time that it takes: nothing is left
behind for the next one, and nobody is charged for what a slice before it began.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..backends import back_ends
from ..backends.back_ends import Use
from ..host import pinning
from ..load.load import LoadResult, NotAnswered
from ..model.plan import CellSpec
from ..model.results import BYTE_MISMATCH, ERRORS, Latency, LoadErrors, Round, Verdict, Visit
from ..model.workloads import ROUTE_WAIT, back_end_of
from ..server import drain, sampler
from ..server.launcher import RunningServer
from ..server.sampler import Reading, Sampler
from . import spot_checks, verdict
from .bench import Bench, Died
from .spot_checks import Checked
from .verdict import BackEndEvidence, Evidence

_REST_WINDOW_S = 0.01
# What a server does after its last answer is work that it has put off, and counts, if it is more than closing connections takes.
CLOSING_SHARE = 0.05
CLOSING_NS = 2_000_000


@dataclass(frozen=True)
class Visited:
    """What a visit brought. death: how the server ended in it, if it did; oom_kills: of its processes, at the limit of its memory."""

    entry: Round
    wire_bytes: int | None
    connections_used: int
    death: str = ""
    oom_kills: int = 0


@dataclass(frozen=True)
class Circumstances:
    """What is known about a cell before it is visited. idle_cpu_ns: reads the CPU time of all other servers."""

    rate_per_s: float
    stall_ms: float
    checked: Checked
    idle_cpu_ns: Callable[[], int]


@dataclass
class _Start:
    """What is read when the load begins."""

    reading: Reading
    idle_cpu_ns: int
    unix_ms: int
    back_ends: Use


def cell_of(visit: Visit) -> CellSpec:
    """The workload and load of a visit."""
    return CellSpec(visit.route, visit.connections, visit.rate_per_s)


def _told(death: str) -> str:
    """The line of it that says how; what follows are the server's own last words."""
    return death.partition("\n")[0]


def visit_cell(server: RunningServer, visit: Visit, bench: Bench, known: Circumstances) -> Visited:
    """Loads one cell once. Raises EnvironmentFault when the load generator fails while the server lives."""
    cell, started = cell_of(visit), time.monotonic()
    used = bench.connections_used(server, cell)
    asks = back_end_of(visit.route) is not None
    probe = Sampler(server, replace(bench.pins, server=server.options.cpus))
    begun: list[_Start] = []

    def begin() -> None:
        use = bench.back_ends.begin() if asks else Use()
        begun.append(_Start(probe.read(), known.idle_cpu_ns(), time.time_ns() // 1_000_000, use))

    try:
        result = bench.load(server, cell, bench.slice_s(known.rate_per_s, used, server.options.workers), begin, visit.round)
    except Died:
        death = _told(server.death() or "ended")
        why = Verdict(ERRORS, f"the server {death} before it was measured")
        return Visited(_nothing(visit, why, started), known.checked.wire_bytes, used, death=death)
    except NotAnswered as fault:
        return Visited(_nothing(visit, _why(server, cell, bench, fault), started), known.checked.wire_bytes, used)
    after, idle_ns = probe.read(), known.idle_cpu_ns()
    use = back_ends.between(begun[0].back_ends, bench.back_ends.end()) if asks else None
    unrest = drain.come_to_rest(server, _REST_WINDOW_S, drain.backlog_s(used, result.requests_per_s))
    afterwards_ns = max(0, server.cpu_ns() - after.server_cpu_ns)
    cpus = len(os.sched_getaffinity(0))
    server_cpus = len(server.options.cpus or ()) or cpus
    evidence = Evidence(
        load=result,
        sample=sampler.between(begun[0].reading, after),
        connections=used,
        server_capacity=min(server.options.workers, server_cpus, server.options.limits.cpus or math.inf),
        server_cpus=server_cpus,
        client_cpus=len(bench.pins.client or ()) or cpus,
        shared_cpus=bench.pins.shared,
        rate_per_s=visit.rate_per_s,
        ack_stall_ms=known.stall_ms,
        wrong_answer=known.checked.wrong,
        unanswered=known.checked.unanswered,
        unrest=unrest,
        death=server.death(),
        waits=visit.route == ROUTE_WAIT,
        back_ends=BackEndEvidence(use.cpu_ns or 0, len(bench.pins.back_ends or ()) or cpus, pinning.shared_with_back_ends(bench.pins)) if use else None,
    )
    entry = replace(_round(visit, evidence, begun[0].unix_ms, max(0, idle_ns - begun[0].idle_cpu_ns), afterwards_ns), back_ends=use)
    return Visited(entry, known.checked.wire_bytes, used, _told(evidence.death), evidence.sample.oom_kills)


def _round(visit: Visit, evidence: Evidence, started_unix_ms: int, idle_cpu_ns: int, afterwards_ns: int) -> Round:
    result, sample = evidence.load, evidence.sample
    put_off = afterwards_ns > CLOSING_SHARE * sample.server_cpu_ns + CLOSING_NS
    return Round(
        round=visit.round,
        started_unix_ms=started_unix_ms,
        duration_us=result.duration_us,
        requests=result.in_window,
        bytes=result.bytes,
        errors=result.errors_by_kind,
        latency=latency_of(result),
        server_cpu_ns=sample.server_cpu_ns + (afterwards_ns if put_off else 0),
        client_cpu_ns=result.client_cpu_ns,
        server_runqueue_wait_ns=sample.runqueue_wait_ns,
        throttled_ns=sample.throttled_ns,
        voluntary_switches=sample.voluntary_switches,
        involuntary_switches=sample.involuntary_switches,
        verdicts=verdict.of_round(evidence),
        foreign_server_permille=round(1000 * evidence.foreign_on_server / evidence.server_cpus),
        foreign_client_permille=round(1000 * evidence.foreign_on_client / evidence.client_cpus),
        server_irq_ns=sample.server_cpus.irq_ns,
        server_cpu_afterwards_ns=afterwards_ns,
        client_threads=result.threads,
        drained_requests=result.requests - result.in_window,
        idle_cpu_ns=idle_cpu_ns,
        machines=list(result.machines),
    )


def latency_of(result: LoadResult) -> Latency | None:
    """For the record; None without an answer."""
    if not result.requests:
        return None
    return Latency(
        result.latency_min_us,
        result.latency_max_us,
        round(result.latency_mean_us),
        result.latency_quantiles_us,
        result.hdr_v2_base64,
    )


def _why(server: RunningServer, cell: CellSpec, bench: Bench, fault: NotAnswered) -> Verdict:
    """What is wrong with a server that did not answer rightly when it was asked before the load."""
    try:
        found = spot_checks.check(server, cell, bench, 0, "before")
    except Died:
        return Verdict(ERRORS, f"the server {server.death().splitlines()[0]} before it was measured")
    if found.wrong:
        return Verdict(BYTE_MISMATCH, found.wrong)
    return Verdict(ERRORS, found.unanswered or f"before the load: {fault.message}")


def _nothing(visit: Visit, why: Verdict, started: float) -> Round:
    """The round of a server that could not be measured: a failure like any other, not a gap."""
    return Round(
        round=visit.round,
        started_unix_ms=time.time_ns() // 1_000_000,
        duration_us=max(1, round((time.monotonic() - started) * 1e6)),
        requests=0,
        bytes=0,
        errors=LoadErrors(),
        latency=None,
        server_cpu_ns=None,
        client_cpu_ns=None,
        attempts=0,
        verdicts=[why],
    )
