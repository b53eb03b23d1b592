"""Is the time until an answer spent working? A server that sleeps is found out here, and so are ACK stalls.

Each request is one vote in a sequential test: on a busy machine waiting for a CPU may hide a sleep now and then, and a stolen CPU
look like one.

Idle time is the wall time of a request less the time in which the server or the rig computed, and less the time in
which they would have but had no CPU (the kernel's run queue delay). What is left is waiting that nobody else's load
explains.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from ...host import proctree
from ...model.sequential import Inequality, Rule, decide
from ...model.workloads import ALL_ROUTES, BACK_END_ROUTES, ROUTE_LOOP, ROUTE_WAIT, WorkloadRequest, full, loop
from ...server.http_probe import Connection, wire
from .base import Check, Finding, Mismatch, Subject, Undecided, each_route

_CONNECTIONS = 3  # several, because a server may have workers of different kinds
_STALL_REQUESTS = 5
# Steps of a loop on the connections after the first, and where the way of sending is looked at: as good a sign of sleep, where a
# million steps take CPython 0.15 s.
_LOOP_N = 100_000
_RULE = Rule()
_WAITING = (ROUTE_WAIT, *BACK_END_ROUTES)  # whose time passes elsewhere; for back ends the run measures it
_MAX_IDLE_NS = 2_000_000
_MAX_IDLE_OF_CPU = 0.5
_ACK_STALL_NS = 30_000_000  # Linux delays an acknowledgement by 40 ms


@dataclass(frozen=True)
class Sample:
    """One request: wall time, server CPU time and idle time, nanoseconds."""

    wall_ns: int
    cpu_ns: int
    idle_ns: int


def check_idle(subject: Subject) -> Iterator[Finding]:
    """Latency without CPU time."""

    loops = {ROUTE_LOOP} & set(subject.contestant.parameter_routes())

    def action(route: str) -> str | None:
        short = loop(_LOOP_N) if route in loops else full(route)
        for number in range(_CONNECTIONS):
            with subject.server.connect() as connection:
                judge_idle(route, _samples(subject, connection, short if number else full(route)))
                stalled = _typical_stall(subject, connection, short)
            if stalled.idle_ns >= _ACK_STALL_NS:
                return (
                    f"{full(route).line}: answers stall for {stalled.idle_ns / 1e6:.0f} ms unless the client acknowledges at "
                    "once: header and body are sent apart while Nagle's algorithm waits for a delayed "
                    "acknowledgement; set TCP_NODELAY or send both at once"
                )
        return None

    yield from each_route("idle", subject, tuple(route for route in ALL_ROUTES if route not in _WAITING), action)


def judge_idle(route: str, samples: Iterable[Sample]) -> None:
    """Takes samples until they decide. Raises Mismatch if the server waited instead of working, Undecided if that stays open."""
    rounds = (asdict(sample) | {"room_ns": _room_ns(sample)} for sample in samples)
    decision = decide([Inequality({"room_ns": 1})], rounds, _RULE)
    typical = decision.typical
    if decision.blamed is not None:
        raise Mismatch(
            f"{full(route).line}: the answer takes {typical['wall_ns'] / 1e6:.1f} ms, of which the server works "
            f"{typical['cpu_ns'] / 1e6:.1f} ms and {typical['idle_ns'] / 1e6:.1f} ms nobody does: it sleeps"
        )
    if decision.first_open is not None:
        raise Undecided(
            f"the machine was too noisy to tell by {decision.rounds} requests whether {full(route).line} works or sleeps until "
            "its answer; repeat on a quieter machine"
        )


def _room_ns(sample: Sample) -> float:
    """How much longer the server could have waited without it being said."""
    return max(_MAX_IDLE_NS, _MAX_IDLE_OF_CPU * sample.cpu_ns) - sample.idle_ns


def _samples(subject: Subject, connection: Connection, request: WorkloadRequest) -> Iterator[Sample]:
    while True:
        yield _sample(subject, connection, request, acknowledge=True)


def _typical_stall(subject: Subject, connection: Connection, request: WorkloadRequest) -> Sample:
    samples = [_sample(subject, connection, request, acknowledge=False) for _ in range(_STALL_REQUESTS)]
    return sorted(samples, key=lambda sample: sample.idle_ns)[_STALL_REQUESTS // 2]


def _sample(subject: Subject, connection: Connection, request: WorkloadRequest, acknowledge: bool) -> Sample:
    server, me = subject.server, [os.getpid()]
    data = wire(request)
    cpu_before, wait_before = server.cpu_ns(), server.runqueue_wait_ns()
    own_before = time.process_time_ns() + proctree.runqueue_wait_ns(me)
    started = time.monotonic_ns()
    connection.acknowledge_all(acknowledge)
    if not acknowledge:
        connection.delay_acknowledgements()  # what came before may have ended that mode
    connection.send(data)
    connection.read()
    wall = time.monotonic_ns() - started
    own = time.process_time_ns() + proctree.runqueue_wait_ns(me) - own_before
    cpu = server.cpu_ns() - cpu_before
    # A thread that ended meanwhile takes its run queue delay with it.
    waited = max(0, server.runqueue_wait_ns() - wait_before)
    return Sample(wall, cpu, max(0, wall - cpu - waited - own))


IDLE = Check("idle", "the time until an answer is spent working, not sleeping", check_idle)
