"""Does the cost grow with the work? Cached results, closed forms and skipped work are found out here.

Server CPU time is measured, not wall time, because other load on the machine lengthens the latter at will. Sizes are
visited in turn, each figure is the least of several, and a failure counts only if it shows in every attempt: a
cheater's cost is flat each time, noise is not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from ..dataset import Dataset
from ..http_probe import Connection, ConnectionEnded
from ..idle_latency import IdleLatency
from ..workloads import (
    LOOP_DEFAULT_N,
    LOOP_MAX_N,
    ROUTE_ENCODE,
    ROUTE_LOOP,
    ROUTE_PARSE,
    WorkloadRequest,
    counted,
    full,
    loop,
)
from .base import Check, Finding, Mismatch, Subject, Verdict, compare, each_route

_ROUNDS = 5
_ATTEMPTS = 3
_BATCH_CPU_NS = 15_000_000
_BATCH_MAX_REQUESTS = 200
_BATCH_WALL_NS = 150_000_000  # bounds the time that a server that sleeps can take
_TIMEOUT_S = 60.0

_MIN_RECORDS = 200
_MIN_JSON_BYTES = 20_000
_MAX_JSON_BYTES = 2_000_000

# Less than any decoder or encoder of six fields needs for a record (the fastest known take 40 and more).
_MIN_RECORD_NS = 10.0
# The growth has to stand out from the fixed cost of a request, or noise could pass for it.
_MIN_GROWTH_OF_FIXED = 0.25
# Twice the records should cost twice as much; 1.2 leaves room for caches of the CPU and garbage collectors.
_MIN_DOUBLING = 1.2
# A request without parameters does the same work as one that asks for all of it.
_MIN_DEFAULT_SHARE = 0.6

# A step is an addition and, every other time, a subtraction that waits for it: 1.5 cycles, 0.25 ns at 6 GHz.
_MIN_STEP_NS = 0.2
_LOOP_CPU_NS = 8_000_000
_LOOP_SEED = 20231
# Four times the steps cost four times as much; the fixed cost is subtracted.
_LOOP_GROWTH = (3.0, 5.3)

_BLAME = {
    ROUTE_PARSE: "decoding is skipped, or its result is cached",
    ROUTE_ENCODE: "the encoded JSON (or its length) is cached",
}


def measurable(dataset: Dataset) -> bool:
    """Whether the records are enough for their cost to stand out from a request's fixed cost."""
    return len(dataset.records) >= _MIN_RECORDS and dataset.json_bytes >= _MIN_JSON_BYTES


class Meter:
    """Measures the server's CPU time for requests, on one connection as long as the server keeps it."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._connection: Connection | None = None

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def _get(self, request: WorkloadRequest) -> None:
        fresh = self._connection is None
        if self._connection is None:
            self._connection = self._subject.server.connect(_TIMEOUT_S)
        try:
            response = self._connection.get(request.target)
        except ConnectionEnded:
            self._connection.close()
            self._connection = None
            if fresh:
                raise
            self._get(request)
            return
        compare(self._subject.oracle, request, response)

    def batch_ns(self, request: WorkloadRequest, repeat: int) -> float:
        """Server CPU time per request of a batch of equal requests, nanoseconds. Raises Mismatch, ProbeError."""
        before = self._subject.server.cpu_ns()
        for _ in range(repeat):
            self._get(request)
        return (self._subject.server.cpu_ns() - before) / repeat

    def _repeats(self, request: WorkloadRequest) -> int:
        """How many equal requests make a batch whose CPU time can be measured well."""
        started = time.monotonic_ns()
        estimate = min(self.batch_ns(request, 1) for _ in range(3))
        wall = (time.monotonic_ns() - started) / 3
        wanted = min(_BATCH_CPU_NS / max(estimate, 1.0), _BATCH_WALL_NS / wall)
        return max(1, min(_BATCH_MAX_REQUESTS, int(wanted)))

    def least_ns(self, requests: Sequence[WorkloadRequest], rounds: int = _ROUNDS) -> list[float]:
        """For each request the least CPU time per request over the rounds, nanoseconds.

        Every second round goes backwards, so that a machine that becomes slower is no growth with the work.
        """
        pairs = [(request, self._repeats(request)) for request in requests]
        found = []
        for number in range(rounds):
            step = -1 if number % 2 else 1
            found.append([self.batch_ns(request, repeat) for request, repeat in pairs[::step]][::step])
        return [min(column) for column in zip(*found, strict=True)]


def check_cost(subject: Subject) -> Iterator[Finding]:
    """Growth of the server's CPU time with count and with n."""

    def action(route: str) -> None:
        subject.tell(f"growth of {route}")
        with IdleLatency().held(), Meter(subject) as meter:
            if route == ROUTE_LOOP:
                _confirmed(lambda _: _loop_growth(meter))
            else:
                # Longer each time: the more rounds, the less of the noise is left in the least of them.
                _confirmed(lambda attempt: _record_growth(subject, meter, route, _ROUNDS * 2 ** (attempt - 1)))

    for route in (ROUTE_PARSE, ROUTE_ENCODE, ROUTE_LOOP):
        if route in subject.contestant.parameter_routes():
            yield from each_route("cost", subject, (route,), action)
        else:
            yield Finding("cost", route, Verdict.NOT_OFFERED)


def _confirmed(action: Callable[[int], None]) -> None:
    """Runs action(attempt) again if it raises Mismatch; raises what the last of _ATTEMPTS raised."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            action(attempt)
            return
        except Mismatch:
            if attempt == _ATTEMPTS:
                raise


def _record_growth(subject: Subject, meter: Meter, route: str, rounds: int) -> None:
    records = subject.oracle.records
    largest = min(records, int(records * _MAX_JSON_BYTES / subject.oracle.dataset.json_bytes))
    requests = [counted(route, 0), counted(route, largest // 2), counted(route, largest), full(route)]
    nothing, half, most, default = meter.least_ns(requests, rounds)
    judge_record_costs(route, records, largest, nothing, half, most, default)


def judge_record_costs(
    route: str, records: int, largest: int, nothing: float, half: float, most: float, default: float
) -> None:
    """Raises Mismatch if the CPU times (ns per request) of count=0, largest/2, largest and no count do not fit."""
    growth, to_half = most - nothing, half - nothing
    if growth < max(_MIN_RECORD_NS * largest, _MIN_GROWTH_OF_FIXED * nothing):
        # Enough for a fast codec, too little to tell it from noise: said, since an honest server may be behind it.
        doubt = "; or a slow framework hides a fast codec: repeat it on a quieter machine"
        raise Mismatch(
            f"GET {route}: the cost does not grow with count: count=0 takes {us(nothing)} of CPU, "
            f"count={largest} {us(most)}; {_BLAME[route]}{doubt if growth >= _MIN_RECORD_NS * largest else ''}"
        )
    if growth < _MIN_DOUBLING * to_half:
        raise Mismatch(
            f"GET {route}: the cost stops growing with count: {us(to_half)} of CPU for the first {largest // 2} "
            f"records, {us(growth)} for {largest}; {_BLAME[route]}"
        )
    expected = growth * records / largest
    if default - nothing < _MIN_DEFAULT_SHARE * expected:
        raise Mismatch(
            f"GET {route}: without parameters it takes {us(default)} of CPU, all {records} records by count take "
            f"{us(nothing + expected)}; the full result is cached: {_BLAME[route]}"
        )


def _loop_growth(meter: Meter) -> None:
    nothing = meter.least_ns([loop(0, _LOOP_SEED)])[0]
    steps, biggest = 100_000, LOOP_MAX_N // 4
    while True:
        # The least of equal requests: a cached result shows as none of the steps being run.
        used = min(meter.batch_ns(loop(steps, _LOOP_SEED), 1) for _ in range(3)) - nothing
        if used >= _LOOP_CPU_NS or steps == biggest:
            break
        steps = min(biggest, steps * 4)
    once, twice, four = meter.least_ns([loop(factor * steps, _LOOP_SEED) for factor in (1, 2, 4)])
    default, explicit = meter.least_ns([full(ROUTE_LOOP), loop(LOOP_DEFAULT_N)])
    judge_loop_costs(steps, nothing, once, twice, four)
    if default - nothing < _MIN_DEFAULT_SHARE * (explicit - nothing):
        raise Mismatch(
            f"GET {ROUTE_LOOP}: without parameters it takes {us(default)} of CPU, with n={LOOP_DEFAULT_N} "
            f"{us(explicit)}; the result is cached"
        )


def judge_loop_costs(steps: int, nothing: float, once: float, twice: float, four: float) -> None:
    """Raises Mismatch if the CPU times (ns per request) of n = 0, steps, 2 and 4 times steps are no loop's."""
    step_ns = (four - nothing) / (4 * steps)
    if step_ns < _MIN_STEP_NS:
        raise Mismatch(
            f"GET {ROUTE_LOOP}: n={4 * steps} takes {us(four)} of CPU, {max(step_ns, 0):.3f} ns a step; no processor "
            "runs the steps one after another that fast: a closed form, or a cached result"
        )
    ratio = (four - nothing) / max(once - nothing, 1.0)
    low, high = _LOOP_GROWTH
    if not low <= ratio <= high:
        raise Mismatch(
            f"GET {ROUTE_LOOP}: the cost is not linear in n: {us(once)} of CPU for n={steps}, {us(twice)} for twice "
            f"and {us(four)} for four times as many ({ratio:.1f} times as much after subtracting n=0)"
        )


def us(nanoseconds: float) -> str:
    """A CPU time for messages."""
    return f"{nanoseconds / 1000:.1f} µs"


COST = Check("cost", "CPU time grows with count and n: nothing cached, skipped or shortcut", check_cost)
