"""What other stacks could save of a service's CPU time, class by class: by Amdahl, with what a run measured of each class on this machine. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..model import stats
from ..model.results import Cell, ContestantRecord
from ..model.stats import Estimate
from ..model.workloads import ROUTE_ENCODE, ROUTE_LOOP, ROUTE_PARSE, ROUTE_ROOT
from ..report.analysis import Analysis
from ..report.metrics import CPU_US_PER_REQUEST

# Class -> the workload whose CPU time stands for it, less that of an empty request; the HTTP server's and the framework's are the empty request's.
STANDS_FOR = {
    "http": ROUTE_ROOT,
    "framework": ROUTE_ROOT,
    "json": ROUTE_ENCODE,
    "msgpack": ROUTE_PARSE,
    "driver": "/db/records",
    "orm": "/orm/records",
    "own": ROUTE_LOOP,
}
_Z95 = 1.96


@dataclass(frozen=True)
class Share:
    """Of the service's CPU time. low and high: of its sampling, 95 % (Wilson's interval)."""

    key: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Saving:
    """Of the whole CPU time, if the class were done as the stack does it. times: how many times less CPU time its work takes there."""

    name: str
    title: str
    language: str
    times: Estimate
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Bound:
    """A class: at most its share can be saved. savings: what each stack would, the most first; empty where the run did not measure it."""

    share: Share
    savings: list[Saving]


def shares(counts: Mapping[str, float], samples: int) -> list[Share]:
    """Of the classes, the greatest first. counts: in samples, which may be weighed; samples: how many there were."""
    whole = sum(counts.values())
    found = [Share(key, count / whole, *_wilson(count / whole, samples)) for key, count in counts.items() if count > 0]
    return sorted(found, key=lambda share: -share.value)


def between(ends: Sequence[list[Share]]) -> list[Share]:
    """Shares that lie between several ways of counting them: the middle, and the outermost of their ends."""
    found = []
    for key in dict.fromkeys(share.key for one in ends for share in one):
        each = [next((share for share in one if share.key == key), Share(key, 0.0, 0.0, 0.0)) for one in ends]
        found.append(Share(key, sum(share.value for share in each) / len(each), min(share.low for share in each), max(share.high for share in each)))
    return sorted(found, key=lambda share: -share.value)


def _wilson(share: float, n: int) -> tuple[float, float]:
    if n == 0:
        return 0.0, 1.0
    middle = (share + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
    half = _Z95 * math.sqrt(share * (1 - share) / n + _Z95**2 / (4 * n * n)) / (1 + _Z95**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def of_shares(found: list[Share], analysis: Analysis, like: ContestantRecord) -> list[Bound]:
    """What each stack of the run would save of each class. like: the contestant that does the work as the service does."""
    return [Bound(share, sorted(_savings(share, analysis, like), key=lambda saving: -saving.value)) for share in found]


def _savings(share: Share, analysis: Analysis, like: ContestantRecord) -> list[Saving]:
    route, load = STANDS_FOR.get(share.key), analysis.main_load
    if route is None or load is None or route not in analysis.routes:
        return []
    own = _work(analysis, like.name, route)
    savings = []
    for record in analysis.results.contestants:
        other = _work(analysis, record.name, route)
        if record.same_as or record.is_reference or record.name == like.name or not own or not other:
            continue
        rounds = sorted(own.keys() & other.keys())
        if not rounds or min(own[n] for n in rounds) <= 0 or min(other[n] for n in rounds) <= 0:
            continue
        times = stats.ratio([own[n] for n in rounds], [other[n] for n in rounds], paired=True, single=stats.SINGLE_ROUND_FACTOR)
        if times.low is None or times.high is None:
            continue
        ends = [end * (1 - 1 / factor) for end in (share.low, share.high) for factor in (times.low, times.high)]
        savings.append(Saving(record.name, record.title, record.language, times, share.value * (1 - 1 / times.value), min(ends), max(ends)))
    return savings


def _work(analysis: Analysis, name: str, route: str) -> dict[int, float]:
    """CPU µs of the work alone by round: the route's, less an empty request's of the same round."""
    load = analysis.main_load
    assert load is not None
    cell, empty = (_standing(analysis.results.cell(name, one, load.connections, load.rate_per_s or None)) for one in (route, ROUTE_ROOT))
    if cell is None:
        return {}
    figures = CPU_US_PER_REQUEST.samples(cell)
    if route == ROUTE_ROOT or empty is None:
        return figures if route == ROUTE_ROOT else {}
    less = CPU_US_PER_REQUEST.samples(empty)
    return {number: figures[number] - less[number] for number in figures.keys() & less.keys()}


def _standing(cell: Cell | None) -> Cell | None:
    return cell if cell is not None and CPU_US_PER_REQUEST.stands(cell) else None


@dataclass(frozen=True)
class Whole:
    """A stack: what it would save of all classes that the run measured, own code left out. unknown: share of the classes that it did not."""

    name: str
    title: str
    value: float
    low: float
    high: float
    unknown: float


def wholes(bounds: list[Bound]) -> list[Whole]:
    """Of each stack that is there for a class, the most first. Own code is its language's own matter, and in no sum."""
    sums: dict[str, list[float]] = {}
    titles: dict[str, str] = {}
    known: dict[str, float] = {}
    for bound in bounds:
        for saving in bound.savings:
            if bound.share.key == "own":
                continue
            titles[saving.name] = saving.title
            total = sums.setdefault(saving.name, [0.0, 0.0, 0.0])
            for at, part in enumerate((saving.value, saving.low, saving.high)):
                total[at] += part
            known[saving.name] = known.get(saving.name, 0.0) + bound.share.value
    found = [Whole(name, titles[name], value, low, min(high, 1.0), max(0.0, 1.0 - known[name])) for name, (value, low, high) in sums.items()]
    return sorted(found, key=lambda whole: -whole.value)
