"""One visit to a cell of a running server: probe, warm up, measure, probe again, judge.

The warm-up goes on until a request no longer gets cheaper, so that a just-in-time compiler gets its time, and everybody
else the same rule: CPU time per request shows it. A compiler that starts only after so many calls has that number in its
manifest. A slow cell is measured for longer than asked, because a round in which connections wait for their first answer
shows only the fast ones. A load beside which the machine itself was slow is repeated (see pace.py).
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from . import load, rest, sampler, verdict
from .cache import Cache
from .checks.base import Mismatch, compare
from .errors import EnvironmentFault
from .http_probe import Connection, FramingError, ProbeError, request_bytes
from .launcher import RunningServer, StartOptions
from .load import LoadPlan, LoadResult, NotAnswered
from .oracle import Oracle
from .pinning import Pinning
from .pace import Pace
from .results import BYTE_MISMATCH, ERRORS, Latency, LoadErrors, Round, RunSettings, Verdict, Visit
from .sampler import Sample, Sampler
from .verdict import Evidence
from .workloads import LOOP_MAX_SEED, ROUTE_LOOP, WorkloadRequest, counted, full, loop

# Lengths of the slices of a warm-up, in quarters of the one asked for. Each is as long as all before it together,
# because compilers rest between their steps: PyPy under gunicorn needs 13 000 requests, of which many bring nothing.
WARM_UP_QUARTERS = (1, 1, 2, 4, 8, 16)
WARM_UP_GAIN = 0.05  # a slice brings something if its requests are so much cheaper than the cheapest before
WARM_UP_SETTLED = 2  # slices in a row that brought nothing end the warm-up
STRETCH_ANSWERS = 3  # answers that each connection should get in a round, on average
_COLD_AFTER_S = 1.0
ATTEMPTS_MAX = 3  # loads of a visit, until the machine is quiet beside one
STRETCH_MAX = 5  # times the duration asked for, at most
_PROBE_MIN_S = 10.0  # for each wait for a byte, and as long as --timeout allows an answer to take
_STALL_REQUESTS = 3
_STALL_WAIT_S = 10.0
_REST_WINDOW_S = 0.03
_CHECK_MAX_N = 10_000


@dataclass(frozen=True)
class Bench:
    """What all visits of a run have in common. tell: takes progress, in a few words."""

    settings: RunSettings
    options: StartOptions
    pins: Pinning
    oracle: Oracle
    cache: Cache
    pace: Pace
    seed: int
    tell: Callable[[str], None]


@dataclass(frozen=True)
class Visited:
    """What a visit brought. died: the server ended in it, so that no further visit is possible."""

    entry: Round
    wire_bytes: int | None
    connections_used: int
    died: bool = False


@dataclass(frozen=True)
class _Attempt:
    """One load, with how slow the machine was beside it."""

    load: LoadResult
    sample: Sample
    started_unix_ms: int
    slowdown: float
    unrest: str  # what the server was still doing when it began
    afterwards_ns: int  # CPU time of the server from its end until rest


@dataclass(frozen=True)
class _Checked:
    """Answers to single requests. wrong: what is wrong with one; unanswered: why none came, which is no wrong answer."""

    wire_bytes: int | None = None
    wrong: str = ""
    unanswered: str = ""


class _Died(Exception):
    """The server ended, or gave no right answer, before it could be measured; the text says which."""


def connections_used(visit: Visit, max_per_worker: int | None, workers: int) -> int:
    """As many as asked for, or as the contestant can hold."""
    return visit.connections if max_per_worker is None else min(visit.connections, max_per_worker * workers)


def visit_cell(server: RunningServer, visit: Visit, bench: Bench, ack_stall_ms: float) -> Visited:
    """Measures one cell once. ack_stall_ms: what ack_stall_ms() found for the route.

    Raises EnvironmentFault when the load generator fails while the server lives.
    """
    used = connections_used(visit, server.contestant.max_connections, bench.settings.workers)
    started_unix_ms, started = time.time_ns() // 1_000_000, time.monotonic()
    before = _Checked()
    try:
        before = _check(server, visit, bench, "before")
        rate, request_ns = _warm_up(server, visit, bench, used)
        sending_share = bench.pace.sending_share(before.wire_bytes or 1, request_ns)
        kept, attempts = _attempts(server, visit, bench, used, rate, sending_share)
    except _Died as fault:
        why = before.wrong or f"the server {server.death().splitlines()[0] if server.death() else fault} before it was measured"
        entry = _nothing(visit, Verdict(BYTE_MISMATCH if before.wrong else ERRORS, why), started_unix_ms, started)
        return Visited(entry, before.wire_bytes, used, died=bool(server.death()))
    after = _check_after(server, visit, bench)
    wire_bytes = before.wire_bytes or after.wire_bytes
    cpus = len(os.sched_getaffinity(0))
    server_cpus = len(bench.pins.server or ()) or cpus
    evidence = Evidence(
        load=kept.load,
        sample=kept.sample,
        slowdown=kept.slowdown,
        connections=used,
        wire_bytes=wire_bytes or 1,
        server_capacity=min(bench.settings.workers, server_cpus),
        server_cpus=server_cpus,
        client_cpus=len(bench.pins.client or ()) or cpus,
        shared_cpus=bench.pins.shared,
        rate_per_s=visit.rate_per_s,
        ack_stall_ms=ack_stall_ms,
        wrong_answer=before.wrong or after.wrong,
        unanswered=before.unanswered or after.unanswered,
        unrest=kept.unrest,
        afterwards_ns=kept.afterwards_ns,
        death=server.death(),
    )
    return Visited(_round(visit, evidence, kept.started_unix_ms, attempts), wire_bytes, used, died=bool(evidence.death))


def _attempts(
    server: RunningServer, visit: Visit, bench: Bench, used: int, rate: float, sending_share: float
) -> tuple[_Attempt, int]:
    """The load, again if the machine was disturbed beside it; returns that of the quietest moment and how many there were.

    Which one is kept depends on the machine's pace alone. One in which anything failed is kept at once: failures are
    not repeated until they go away. rate: requests/s in the warm-up.
    """
    duration_s = bench.settings.duration_ms / 1e3
    if visit.rate_per_s is None:
        duration_s = _duration_s(bench.settings, used, rate)
    best, enough = None, 1 + verdict.REPEATED_ABOVE.value
    for number in range(1, (1 if bench.settings.quick else ATTEMPTS_MAX) + 1):
        before_slowdown = _wait_for_quiet(server, visit, bench, used, sending_share)
        unrest = rest.come_to_rest(server, _REST_WINDOW_S, rest.backlog_s(used, rate))
        probe = Sampler(server, bench.pins)
        begun: list[Sample] = []
        result = _load(server, visit, bench, used, duration_s, lambda begun=begun, probe=probe: begun.append(probe.read()))  # type: ignore[misc]
        before, after, started_unix_ms = begun[0], probe.read(), time.time_ns() // 1_000_000 - result.total_us // 1000
        rest.come_to_rest(server, _REST_WINDOW_S, rest.backlog_s(used, result.requests_per_s))
        afterwards_ns = max(0, server.cpu_ns() - after.server_cpu_ns)
        slowdown = max(before_slowdown, bench.pace.slowdown(sending_share))
        sample = sampler.between(before, after)
        attempt = _Attempt(result, sample, started_unix_ms, slowdown, unrest, afterwards_ns)
        if result.errors or server.death():
            return attempt, number
        best = attempt if best is None or slowdown < best.slowdown else best
        # Of what was so before the load, and for longer than it is waited for, a repetition would find no less.
        if slowdown <= enough or enough < before_slowdown and slowdown <= 1 + verdict.SLOWDOWN_MAX.value:
            break
    assert best is not None
    return best, number


def _wait_for_quiet(server: RunningServer, visit: Visit, bench: Bench, used: int, sending_share: float) -> float:
    """Returns the slowdown. A server that had to wait long is warmed up once more: its caches were others' meanwhile."""
    started = time.monotonic()
    enough, bearable = 1 + verdict.REPEATED_ABOVE.value, 1 + verdict.SLOWDOWN_MAX.value
    slowdown = bench.pace.wait_for_quiet(enough, bearable, sending_share, bench.tell)
    if time.monotonic() - started > _COLD_AFTER_S:
        _closed_loop(server, visit, bench, used, bench.settings.warmup_ms / 1e3)
    return slowdown


def ack_stall_ms(server: RunningServer, route: str) -> float:
    """By how much an answer takes longer when the client delays its acknowledgements, as clients do; 0 if not at all.

    Raises ProbeError.
    """
    with server.connect() as connection:
        connection.delay_acknowledgements()
        connection.get(route)
        delayed = min(_get_ms(connection, route, acknowledge=False) for _ in range(_STALL_REQUESTS))
        if delayed < verdict.ACK_STALL_MIN.value:
            return 0.0
        return max(0.0, delayed - min(_get_ms(connection, route, acknowledge=True) for _ in range(_STALL_REQUESTS)))


def _get_ms(connection: Connection, route: str, acknowledge: bool) -> float:
    """Time of one request; with or without an acknowledgement of the first bytes of its answer."""
    started = time.monotonic()
    connection.send(request_bytes(route))
    if acknowledge and connection.waiting(_STALL_WAIT_S):
        connection.acknowledge_at_once()  # works for what has arrived only: the next send() ends the mode
    connection.read()
    return (time.monotonic() - started) * 1e3


def _check(server: RunningServer, visit: Visit, bench: Bench, when: str) -> _Checked:
    """Asks for the full answer and for that to a random request."""
    requests: list[WorkloadRequest] = [full(visit.route)]
    if visit.route in server.contestant.parameter_routes():
        requests.append(_random_request(visit, bench, when))
    size = None
    try:
        with server.connect(max(_PROBE_MIN_S, bench.settings.timeout_ms / 1e3)) as connection:
            for request in requests:
                answer = connection.get(request.target)
                size = size or answer.wire_bytes
                compare(bench.oracle, request, answer)
    except Mismatch as mismatch:
        return _Checked(size, wrong=f"{when} the load: {mismatch}")
    except ProbeError as error:
        if server.death():
            raise _Died from None
        told = f"{when} the load: GET {visit.route}: {error}"
        return _Checked(size, wrong=told) if isinstance(error, FramingError) else _Checked(size, unanswered=told)
    return _Checked(size)


def _check_after(server: RunningServer, visit: Visit, bench: Bench) -> _Checked:
    """The same once it has been loaded; nothing is wrong with the answers of a server that is dead."""
    try:
        return _Checked() if server.death() else _check(server, visit, bench, "after")
    except _Died:
        return _Checked()


def _random_request(visit: Visit, bench: Bench, when: str) -> WorkloadRequest:
    """Equal for all contestants in the same round."""
    rng = random.Random(f"{bench.seed}:{visit.round}:{visit.route}:{visit.connections}:{when}")
    if visit.route == ROUTE_LOOP:
        return loop(rng.randint(0, _CHECK_MAX_N), rng.randint(0, LOOP_MAX_SEED))
    return counted(visit.route, rng.randint(0, bench.oracle.records))


def _warm_up(server: RunningServer, visit: Visit, bench: Bench, used: int) -> tuple[float, float]:
    """Loads the cell for as long as asked, and longer if requests still get cheaper; returns the requests/s at last and the
    least CPU time per request, nanoseconds (infinite without requests)."""
    cheapest_ns, settled, rate, requests = math.inf, 0, 0.0, 0
    for quarters in WARM_UP_QUARTERS:
        before_ns = server.cpu_ns()
        result = _closed_loop(server, visit, bench, used, quarters * bench.settings.warmup_ms / 1e3 / 4)
        unrest = rest.come_to_rest(server, _REST_WINDOW_S, rest.backlog_s(used, result.requests_per_s))
        rate, requests = result.requests_per_s, requests + result.requests
        cost_ns = (server.cpu_ns() - before_ns) / result.requests if result.requests else math.inf
        settled = 0 if cost_ns < cheapest_ns * (1 - WARM_UP_GAIN) else settled + 1
        cheapest_ns = min(cheapest_ns, cost_ns)
        if settled >= WARM_UP_SETTLED and requests >= (server.contestant.warm_up_requests or 0):
            break
        if unrest:  # another slice would only add to what it has yet to do
            break
    return rate, cheapest_ns


def _duration_s(settings: RunSettings, used: int, rate: float) -> float:
    """The duration asked for, or longer where requests are slow."""
    asked = settings.duration_ms / 1e3
    needed = STRETCH_ANSWERS * used / rate if rate else STRETCH_MAX * asked
    return round(min(max(asked, needed), STRETCH_MAX * asked), 1)


def _load(
    server: RunningServer, visit: Visit, bench: Bench, used: int, duration_s: float, begin: Callable[[], None]
) -> LoadResult:
    plan = replace(_plan(server, visit, bench, used, duration_s), rate_per_s=visit.rate_per_s)
    return _guarded(server, lambda: load.run(plan, begin))


def _closed_loop(server: RunningServer, visit: Visit, bench: Bench, used: int, duration_s: float) -> LoadResult:
    return _guarded(server, lambda: load.run(_plan(server, visit, bench, used, duration_s)))


def _guarded(server: RunningServer, action: Callable[[], LoadResult]) -> LoadResult:
    """That no server listens any more, or that it does not answer, is its fault, not the load generator's."""
    try:
        return action()
    except NotAnswered as fault:
        raise _Died(f"did not answer rightly ({fault.message})") from None
    except EnvironmentFault:
        if server.death():
            raise _Died from None
        raise


def _plan(server: RunningServer, visit: Visit, bench: Bench, used: int, duration_s: float) -> LoadPlan:
    return LoadPlan(
        host=server.host,
        port=server.port,
        target=visit.route,
        connections=used,
        duration_s=duration_s,
        cpus=bench.pins.client,
        timeout_s=bench.settings.timeout_ms / 1e3,
        expect=load.expected(bench.cache, bench.oracle.answer(full(visit.route)).body),
    )


def _round(visit: Visit, evidence: Evidence, started_unix_ms: int, attempts: int) -> Round:
    result, sample = evidence.load, evidence.sample
    return Round(
        round=visit.round,
        started_unix_ms=started_unix_ms,
        duration_us=result.total_us,
        requests=result.requests,
        bytes=result.bytes,
        errors=result.errors_by_kind,
        latency=Latency(
            result.latency_min_us, result.latency_max_us, round(result.latency_mean_us), result.latency_quantiles_us
        )
        if result.requests
        else None,
        server_cpu_ns=sample.server_cpu_ns,
        client_cpu_ns=result.client_cpu_ns,
        server_runqueue_wait_ns=sample.runqueue_wait_ns,
        throttled_ns=sample.throttled_ns,
        voluntary_switches=sample.voluntary_switches,
        involuntary_switches=sample.involuntary_switches,
        slowdown_permille=round(1000 * evidence.slowdown),
        attempts=attempts,
        verdicts=verdict.of_round(evidence),
        foreign_server_permille=round(1000 * evidence.foreign_on_server / evidence.server_cpus),
        foreign_client_permille=round(1000 * evidence.foreign_on_client / evidence.client_cpus),
        server_irq_ns=sample.server_cpus.irq_ns,
        server_cpu_afterwards_ns=evidence.afterwards_ns,
        client_threads=result.threads,
    )


def _nothing(visit: Visit, why: Verdict, started_unix_ms: int, started: float) -> Round:
    """The round of a server that did not live to be measured: a failure like any other, not a gap."""
    return Round(
        round=visit.round,
        started_unix_ms=started_unix_ms,
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
