"""Loads a cell until the CPU time of its requests is steady.

A just-in-time compiler gets its time that way, and everybody else the same rule: where the CPU time per request changes its level is found as in
the study of costs (model/changepoints.py), and the last level has to have lasted as long as all before it, because compilers rest between their
steps. A compiler that starts only after so many calls has that number in its manifest.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..load.load import LoadResult, SoFar
from ..model import changepoints, steadiness
from ..model.plan import CellSpec
from ..model.warm_up_records import WarmUpRecord
from ..server import drain
from ..server.launcher import RunningServer
from .bench import Bench

LONGEST = 8  # times the length asked for: then it ends, steady or not
_SLICES = 12  # of the length asked for; longer ones where answers are rare
_SAME_FACTOR = 1.1  # levels closer than that are one
_SUNK = 1.05  # from its beginning to its end: a level that has surely sunk by more is none, its steps are too small to be found
_LOOK_EVERY = 1.15  # times as long: a look at all slices takes its time
_REST_WINDOW_S = 0.03


@dataclass(frozen=True)
class Slice:
    """A part of a warm-up: when it ended and how long it was, microseconds, and what it took."""

    end_us: int
    length_us: int
    requests: int
    cpu_ns: int


@dataclass(frozen=True)
class WarmUp:
    """Of a cell after a start: how fast it is now (requests/s, and CPU time per request, nanoseconds; 0 without requests), how long it was loaded, and when
    the level began that it is on: microseconds and requests, None if it is on none."""

    requests_per_s: float
    request_ns: float
    lasted_us: int = 0
    requests: int = 0
    steady_after_us: int | None = None
    steady_after_requests: int | None = None
    first_factor: float | None = None

    def record(self, contestant: str, cell: CellSpec, start: int) -> WarmUpRecord:
        """For results.json."""
        return WarmUpRecord(
            contestant,
            cell.route,
            cell.connections,
            cell.rate_per_s,
            start,
            lasted_ms=round(self.lasted_us / 1000),
            requests=self.requests,
            steady_after_ms=None if self.steady_after_us is None else round(self.steady_after_us / 1000),
            steady_after_requests=self.steady_after_requests,
            first_permille=None if self.first_factor is None else round(1000 * self.first_factor),
        )


@dataclass
class _Watch:
    """Cuts a load into slices, and says when it is steady. least_us, least_requests: not before so much of both."""

    server: RunningServer
    slice_us: int
    least_us: int
    least_requests: int
    slices: list[Slice] = field(default_factory=list)
    next_look_us: int = 0
    last: SoFar = field(default_factory=lambda: SoFar(0, 0, 0))
    last_ns: int = 0
    steady_from: int | None = None

    def begin(self) -> None:
        self.last_ns = self.server.cpu_ns()

    def take(self, so_far: SoFar) -> bool:
        """Whether it is. Once it was, nothing is taken any more: what comes in while the load ends is no slice."""
        if self.steady_from is not None:
            return True
        length_us, count = so_far.elapsed_us - self.last.elapsed_us, so_far.answered - self.last.answered
        if length_us < self.slice_us / 2 or not count:
            return False
        now_ns = self.server.cpu_ns()
        if now_ns > self.last_ns:
            self.slices.append(Slice(so_far.elapsed_us, length_us, count, now_ns - self.last_ns))
        self.last, self.last_ns = so_far, now_ns
        if so_far.elapsed_us < max(self.least_us, self.next_look_us) or so_far.answered < self.least_requests:
            return False
        self.next_look_us = round(so_far.elapsed_us * _LOOK_EVERY)
        self.steady_from = steady_from(self.slices)
        return self.steady_from is not None


def steady_from(slices: list[Slice]) -> int | None:
    """The slice in which the level began that has lasted for as long as all before it, or longer; None if there is none, or too little to tell."""
    if len(slices) < 2 * changepoints.SHORTEST:
        return None
    costs = [part.cpu_ns / part.requests for part in slices]
    begin = steadiness.of_start(costs, _SAME_FACTOR).begin
    if begin is None or sum(part.length_us for part in slices[begin:]) * 2 < slices[-1].end_us:
        return None
    return None if steadiness.sinks(costs[begin:], _SUNK) else begin


def warm_up(server: RunningServer, cell: CellSpec, bench: Bench) -> WarmUp:
    """Loads the cell for as long as asked, and longer until it is steady, LONGEST times as long at most. Raises Died, NotAnswered."""
    asked_us = bench.settings.warmup_ms * 1000
    if bench.watched is None:
        return _unwatched(server, cell, bench, asked_us)
    watch = _Watch(server, asked_us // _SLICES, asked_us, server.contestant.warm_up_requests or 0)
    result = bench.load(server, cell, LONGEST * asked_us / 1e6, watch.begin, every=watch.take, every_s=asked_us / _SLICES / 1e6)
    _come_to_rest(server, cell, bench, result)
    begin = watch.steady_from
    if not watch.slices:
        return WarmUp(result.requests_per_s, 0.0, result.duration_us, result.requests)
    last = watch.slices[begin if begin is not None else len(watch.slices) // 2 :]
    count = sum(part.requests for part in last)
    request_ns, first = sum(part.cpu_ns for part in last) / count, watch.slices[0]
    rate = count * 1e6 / sum(part.length_us for part in last)
    if begin is None:
        return WarmUp(rate, request_ns, result.duration_us, result.requests)
    early = watch.slices[:begin]
    return WarmUp(
        rate,
        request_ns,
        result.duration_us,
        result.requests,
        steady_after_us=early[-1].end_us if early else 0,
        steady_after_requests=sum(part.requests for part in early),
        first_factor=first.cpu_ns / first.requests / request_ns,
    )


def _unwatched(server: RunningServer, cell: CellSpec, bench: Bench, asked_us: int) -> WarmUp:
    """Loads the cell for as long as asked: machines that make a load together do not tell how far it is."""
    before_ns = 0

    def begin() -> None:
        nonlocal before_ns
        before_ns = server.cpu_ns()

    result = bench.load(server, cell, asked_us / 1e6, begin)
    request_ns = (server.cpu_ns() - before_ns) / result.requests if result.requests else 0.0
    _come_to_rest(server, cell, bench, result)
    return WarmUp(result.requests_per_s, request_ns, result.duration_us, result.requests)


def _come_to_rest(server: RunningServer, cell: CellSpec, bench: Bench, result: LoadResult) -> None:
    """What comes next would have to wait for what the server has yet to do."""
    if result.timeouts:
        drain.come_to_rest(server, _REST_WINDOW_S, drain.backlog_s(bench.connections_used(server, cell), result.requests_per_s))
