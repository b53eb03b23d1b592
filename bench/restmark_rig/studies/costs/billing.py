"""The bill: workers, CPUs, memory and money that a rate of requests takes for a year, for each stack. Pure arithmetic; no price is built in.

Of each stack it takes the highest rate of requests for each worker at which the latencies were held, as that is what can be sold, and not what a
saturated server answers. docs/COSTS.md has a worked example.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...model.stats import Estimate

KIB_PER_GIB = 2**20


@dataclass(frozen=True)
class Terms:
    """What is asked for, and at which prices. requests_per_s: on average; peak_factor: how many times the average the peak is; headroom: share of
    what a worker can do that is left free at the peak (0 to below 1). cpu_year, gib_year: money for one CPU and one GiB for a year. rest_share:
    of all that a request costs on the baseline, what no language shortens (0 to below 1). workers_min: for reasons other than load."""

    requests_per_s: float
    cpu_year: float
    gib_year: float
    peak_factor: float
    headroom: float
    rest_share: float = 0.0
    workers_min: int = 1


@dataclass(frozen=True)
class Stack:
    """A contestant's figures. seconds: of a worker, for one request at the highest rate that held; None: no rate that was tried held. base_kib and
    worker_kib: PSS of the server without a worker, and of each worker; None: not measured. waits: a worker that waits for a back end serves
    nobody else meanwhile. request_mj: energy of the whole machine for a request at that rate, where it counts any."""

    name: str
    title: str
    seconds: Estimate | None
    base_kib: float | None
    worker_kib: float | None
    waits: bool = False
    request_mj: float | None = None


@dataclass(frozen=True)
class Range:
    """A figure with its ends; low and high are None where one round was all there is."""

    value: float
    low: float | None
    high: float | None



@dataclass(frozen=True)
class Line:
    """A stack's bill. workers: processes; cpus: that they keep busy at the peak, one for each worker that computes; gib: None without a measurement of
    memory; own: money a year for CPUs and memory; total: with what no language shortens. decided_by: "load", "waiting" or "minimum"."""

    stack: Stack
    workers: Range
    cpus: Range
    gib: Range | None
    own: Range
    total: Range
    decided_by: str


@dataclass(frozen=True)
class Bill:
    """Lines in the order of their totals, and the stacks for which there is none, with the reason. rest: money a year for what no language shortens."""

    terms: Terms
    baseline: str
    lines: list[Line]
    without: list[tuple[Stack, str]]
    rest: float

    def line(self, name: str) -> Line | None:
        """That stack's."""
        return next((line for line in self.lines if line.stack.name == name), None)


@dataclass(frozen=True)
class Saving:
    """What moving from the baseline saves a year; negative: costs more. share: of the baseline's total. sure: the whole interval lies on one
    side of 0."""

    name: str
    money: Range
    share: float
    sure: bool


def peak(terms: Terms) -> float:
    """Requests per second at the peak."""
    return terms.requests_per_s * terms.peak_factor


def make(stacks: Sequence[Stack], baseline: str, terms: Terms) -> Bill:
    """The bill of all. The baseline has to be one of the stacks, and to have a rate that held: ValueError."""
    known = {stack.name: stack for stack in stacks}
    if baseline not in known or known[baseline].seconds is None:
        raise ValueError(baseline)
    rest_seconds = _rest_seconds(known[baseline], terms)
    base_line = _line(known[baseline], terms, rest_seconds, 0.0)
    rest = base_line.own.value * terms.rest_share / (1 - terms.rest_share)
    lines = [_line(stack, terms, rest_seconds, rest) for stack in stacks if stack.seconds is not None]
    without = [(stack, "at none of the rates that were tried did its latencies hold") for stack in stacks if stack.seconds is None]
    return Bill(terms, baseline, sorted(lines, key=lambda line: line.total.value), without, rest)


def savings(bill: Bill) -> list[Saving]:
    """Of each other stack against the baseline, greatest first. Both intervals are taken at their worst."""
    base = bill.line(bill.baseline)
    assert base is not None
    found = []
    for line in bill.lines:
        if line.stack.name == bill.baseline:
            continue
        low, high = _less(base.total.low, line.total.high), _less(base.total.high, line.total.low)
        value = base.total.value - line.total.value
        sure = low is not None and high is not None and (low > 0 or high < 0)
        found.append(Saving(line.stack.name, Range(value, low, high), value / base.total.value if base.total.value else 0.0, sure))
    return sorted(found, key=lambda saving: -saving.money.value)


def _rest_seconds(baseline: Stack, terms: Terms) -> float:
    """Of one request, spent elsewhere: the same for all stacks."""
    assert baseline.seconds is not None
    return baseline.seconds.value * terms.rest_share / (1 - terms.rest_share)


def _line(stack: Stack, terms: Terms, rest_seconds: float, rest: float) -> Line:
    assert stack.seconds is not None
    rest_each = rest_seconds if stack.waits else 0.0
    cpus = _range(stack.seconds, lambda seconds: max(_needed(seconds, terms), terms.workers_min))
    workers = _range(stack.seconds, lambda seconds: max(_needed(seconds + rest_each, terms), terms.workers_min))
    gib = _gib(stack, workers)
    own = _money(cpus, gib, terms)
    total = Range(own.value + rest, _plus(own.low, rest), _plus(own.high, rest))
    return Line(stack, workers, cpus, gib, own, total, _decided_by(stack, terms, rest_seconds))


def _range(seconds: Estimate, of: Callable[[float], float]) -> Range:
    """A figure that grows with the seconds of a request, with its ends."""
    low, high = (None if end is None else float(of(end)) for end in (seconds.low, seconds.high))
    return Range(float(of(seconds.value)), low, high)


def _needed(seconds: float, terms: Terms) -> int:
    """Workers, whole ones, that are occupied for so long by each request."""
    return max(1, math.ceil(round(peak(terms) * seconds / (1 - terms.headroom), 9)))


def _decided_by(stack: Stack, terms: Terms, rest_seconds: float) -> str:
    assert stack.seconds is not None
    computing = _needed(stack.seconds.value, terms)
    occupied = _needed(stack.seconds.value + rest_seconds, terms) if stack.waits else computing
    if occupied < terms.workers_min:
        return "minimum"
    return "waiting" if occupied > computing else "load"


def _gib(stack: Stack, workers: Range) -> Range | None:
    if stack.base_kib is None or stack.worker_kib is None:
        return None

    def of(count: float | None) -> float | None:
        assert stack.base_kib is not None and stack.worker_kib is not None
        return None if count is None else (stack.base_kib + stack.worker_kib * count) / KIB_PER_GIB

    value = of(workers.value)
    assert value is not None
    return Range(value, of(workers.low), of(workers.high))


def _money(cpus: Range, gib: Range | None, terms: Terms) -> Range:
    def of(cpu: float | None, memory: float | None) -> float | None:
        return None if cpu is None or memory is None else cpu * terms.cpu_year + memory * terms.gib_year

    gib = gib or Range(0.0, 0.0, 0.0)
    value = of(cpus.value, gib.value)
    assert value is not None
    return Range(value, of(cpus.low, gib.low), of(cpus.high, gib.high))


def _plus(a: float | None, b: float) -> float | None:
    return None if a is None else a + b


def _less(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b
