"""Does /wait wait, and without the CPU? An answer that comes early is one too many; CPU time is decided by votes."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack

from ...host.idle_latency import IdleLatency
from ...model.sequential import Decision, Inequality, Rule, decide
from ...model.workloads import ROUTE_WAIT, WAIT_DEFAULT_MS, WorkloadRequest, full, wait
from ...server.http_probe import Connection, request_bytes, wire
from .base import Check, Finding, Mismatch, Subject, Undecided, compare, each_route
from .meter import Meter

_RANDOM_WAITS = 8
_RANDOM_MAX_MS = 120
_TOGETHER = 8
_CPU_WAIT_MS = 50
# Of the time that is waited: what timers, collectors and clocks of an idle server may take meanwhile. Who spins takes all of it.
_CPU_SHARE_MAX = 0.05
_LEAVERS_WAIT_MS = 1000
_NOTHING, _WAITED = "nothing", "waited"


def check_wait(subject: Subject) -> Iterator[Finding]:
    """Random times, alone and together; the CPU time of waiting; clients that leave."""
    rng = subject.rng("wait")

    def action(_: str) -> str | None:
        for request in (full(ROUTE_WAIT), *(wait(rng.randint(0, _RANDOM_MAX_MS)) for _ in range(_RANDOM_WAITS))):
            with subject.server.connect() as connection:
                _require_waited(subject, connection, request)
        _require_waited_together(subject, rng)
        _require_no_leading_zeros(subject)
        _require_no_cpu(subject)
        return _leavers_note(subject)

    yield from each_route("wait", subject, (ROUTE_WAIT,), action)


def _ms(request: WorkloadRequest) -> int:
    return request.number("ms", WAIT_DEFAULT_MS)


def _require_waited(subject: Subject, connection: Connection, request: WorkloadRequest) -> None:
    started = time.monotonic_ns()
    connection.send(wire(request))
    _read(subject, connection, request, started)


def _read(subject: Subject, connection: Connection, request: WorkloadRequest, started_ns: int) -> None:
    response = connection.read()
    taken_ms = (time.monotonic_ns() - started_ns) / 1e6
    compare(subject.oracle, request, response)
    if taken_ms < _ms(request):
        raise Mismatch(
            f"{request.line}: answered after {taken_ms:.2f} ms, before its time of {_ms(request)} ms; it does not wait, or its "
            "timer rounds down"
        )


def _require_waited_together(subject: Subject, rng: random.Random) -> None:
    """Several at the same time, as many as the contestant holds. Read in the order in which they are due."""
    held = subject.contestant.max_connections
    times = [rng.randint(0, _RANDOM_MAX_MS) for _ in range(_TOGETHER if held is None else min(_TOGETHER, held))]
    with ExitStack() as stack:
        asked = []
        for ms in times:
            connection, request = stack.enter_context(subject.server.connect()), wait(ms)
            asked.append((ms, connection, request, time.monotonic_ns()))
            connection.send(wire(request))
        for _, connection, request, started_ns in sorted(asked, key=lambda one: one[0]):
            _read(subject, connection, request, started_ns)


def _require_no_leading_zeros(subject: Subject) -> None:
    response = subject.fetch_raw(request_bytes(f"{ROUTE_WAIT}?ms=007"))
    if (response.status, response.body) != (200, b"7"):
        raise Mismatch(f"GET {ROUTE_WAIT}?ms=007: {response.status} {response.body[:40]!r} instead of 200 b'7'")


def _require_no_cpu(subject: Subject) -> None:
    requests = {_NOTHING: wait(0), _WAITED: wait(_CPU_WAIT_MS)}
    most_ns = _CPU_SHARE_MAX * _CPU_WAIT_MS * 1e6
    with IdleLatency().held(), Meter(subject) as meter:
        rounds = meter.rounds(lambda: requests, subject.rng("wait order"))
        judge_cpu(decide([Inequality({_NOTHING: 1, _WAITED: -1}, -most_ns)], rounds, Rule()))


def judge_cpu(decision: Decision) -> None:
    """Raises Mismatch if waiting takes CPU time, Undecided if that stays open."""
    if decision.blamed is not None:
        typical = decision.typical
        raise Mismatch(
            f"GET {ROUTE_WAIT}?ms={_CPU_WAIT_MS} takes {typical[_WAITED] / 1e6:.1f} ms of CPU, ms=0 {typical[_NOTHING] / 1e6:.1f} ms: "
            "it spins instead of waiting"
        )
    if decision.first_open is not None:
        raise Undecided(
            f"the machine was too noisy to tell in {decision.rounds} rounds whether GET {ROUTE_WAIT} waits without the CPU; "
            "repeat on a quieter machine"
        )


def _leavers_note(subject: Subject) -> str | None:
    """Whether clients that leave hold the workers, which a server of synchronous workers can not help."""
    request = wait(_LEAVERS_WAIT_MS)
    for _ in range(subject.workers):
        with subject.server.connect() as connection:
            connection.send(wire(request))
            # Waits until the server has it; nothing may come back yet.
            if connection.waiting(_CPU_WAIT_MS / 1e3):
                raise Mismatch(f"{request.line}: answered within {_CPU_WAIT_MS} ms")
    started = time.monotonic()
    subject.require(wait(0))
    if time.monotonic() - started < _LEAVERS_WAIT_MS / 2e3:
        return None
    return (
        "a client that leaves does not end its request: each worker waits on, and serves nobody meanwhile; allowed where workers are "
        "synchronous"
    )


WAIT = Check("wait", "/wait never answers before its time, and waits without the CPU", check_wait)
