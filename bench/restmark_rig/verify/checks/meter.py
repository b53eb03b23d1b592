"""Measures the server's CPU time for several kinds of request, in rounds whose slices lie side by side.

Server CPU time is measured, not wall time, because other load on the machine lengthens the latter at will.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping

from ...model import steadiness
from ...model.workloads import WorkloadRequest
from ...server.http_probe import Connection, ConnectionEnded
from ..oracle import Answer
from .base import Subject, compare_body

# The same request again and again, or another one each time.
Asked = WorkloadRequest | Callable[[], WorkloadRequest]
# What one round asks for, by the names under which its figures are known; may differ from round to round.
RoundRequests = Callable[[], Mapping[str, Asked]]

_SLICE_CPU_NS = 5_000_000
_SLICE_WALL_NS = 30_000_000  # bounds the time that a server that sleeps can take
_SLICE_MAX_REQUESTS = 100
_ESTIMATES = 3
_WARM_UP_NS = 8_000_000_000  # wall time at most
_STEADY_NS = 3_000_000_000  # wall time at least, where it goes on until costs are steady: by then compilers have begun
_PARTS = 12  # of that time: neighbours' moments are no levels
_SAME_FACTOR = 1.1  # levels closer than that are one
_TIMEOUT_S = 60.0


class Meter:
    """Measures the server's CPU time for requests, on one connection as long as the server keeps it.

    warm_up_requests: so many are made before the first round, of all its kinds; a compiler that starts after so many calls, as its manifest says, would
    else still be at work in the rounds, and make the same records cheaper from one kind to the next.
    """

    def __init__(self, subject: Subject, warm_up_requests: int = 0) -> None:
        self._subject = subject
        self._warm_up_requests = self._cold_requests = warm_up_requests
        self._until_steady = False
        self._connection: Connection | None = None

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def warm_up_again(self) -> None:
        """Before the next rounds, and this time until costs are steady, too: there are compilers that no manifest tells of."""
        self._cold_requests, self._until_steady = self._warm_up_requests, True

    def _get(self, request: WorkloadRequest, expected: Answer) -> None:
        fresh = self._connection is None
        if self._connection is None:
            self._connection = self._subject.server.connect(_TIMEOUT_S)
        try:
            response = self._connection.ask(request)
        except ConnectionEnded:
            self._connection.close()
            self._connection = None
            if fresh:
                raise
            self._get(request, expected)
            return
        compare_body(request, response, expected)

    def slice_ns(self, asked: Asked, repeat: int) -> float:
        """Server CPU time per request of a slice of requests of one kind, nanoseconds. Raises Mismatch, ProbeError."""
        answer = self._subject.oracle.answer
        if isinstance(asked, WorkloadRequest):
            exchanges = [(asked, answer(asked))] * repeat
        else:
            exchanges = [(request, answer(request)) for request in (asked() for _ in range(repeat))]
        before = self._subject.server.cpu_ns()
        for request, expected in exchanges:
            self._get(request, expected)
        return (self._subject.server.cpu_ns() - before) / repeat

    def least_ns(self, request: Asked) -> float:
        """CPU time per request in its quietest of a few looks, nanoseconds: an estimate, to plan slices by."""
        return min(self.slice_ns(request, 1) for _ in range(_ESTIMATES))

    def _repeats(self, request: Asked, longer: int) -> int:
        """How many requests of a kind make a slice whose CPU time can be measured well, or one that is so many times longer."""
        started = time.monotonic_ns()
        estimate = self.least_ns(request)
        wall = (time.monotonic_ns() - started) / _ESTIMATES
        wanted = min(_SLICE_CPU_NS / max(estimate, 1.0), _SLICE_WALL_NS / wall)
        return max(1, min(_SLICE_MAX_REQUESTS, int(wanted))) * longer

    def _warm_up(self, requests: RoundRequests) -> None:
        """With all kinds, one request each in turn."""
        begin_ns, parts, part = time.monotonic_ns(), _Parts(), 0
        while part < _WARM_UP_NS * _PARTS // _STEADY_NS and (self._cold_requests > 0 or (self._until_steady and not parts.are_steady())):
            costs = [self.slice_ns(request, 1) for request in requests().values()]
            self._cold_requests -= len(costs)
            part = (time.monotonic_ns() - begin_ns) * _PARTS // _STEADY_NS
            parts.add(part, sum(costs))
        self._cold_requests, self._until_steady = 0, False

    def rounds(self, requests: RoundRequests, rng: random.Random, longer: int = 1) -> Iterator[dict[str, float]]:
        """CPU time per request of each kind, nanoseconds, without end. The kinds stand in another random order each round.

        The round before the first warms up what the server compiles, fills or lets grow, and is not given. longer: how many times as long as
        usual slices are.
        """
        self._warm_up(requests)
        repeats = {name: self._repeats(request, longer) for name, request in requests().items()}
        warm = False
        while True:
            order = list(requests().items())
            rng.shuffle(order)
            figures = {name: self.slice_ns(request, repeats[name]) for name, request in order}
            if warm:
                yield figures
            warm = True


class _Parts:
    """What one request of each kind costs together, in parts of equal length of a warm-up."""

    def __init__(self) -> None:
        self._costs: dict[int, list[float]] = {}

    def add(self, part: int, cost_ns: float) -> None:
        self._costs.setdefault(part, []).append(cost_ns)

    def are_steady(self) -> bool:
        """Whether enough of them are over, and the level that the last one is on has lasted as long as all before it."""
        costs = [max(sum(part) / len(part), 1.0) for part in self._costs.values()][:-1]
        if len(costs) < _PARTS:
            return False
        begin = steadiness.of_start(costs, _SAME_FACTOR).begin
        return begin is not None and 2 * begin <= len(costs)
