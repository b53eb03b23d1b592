"""Claim 1: a just-in-time compiler has a warm-up. CPU time per request by the time since a process was started, over many starts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from ...contestants.contestant import Contestant
from ...load import load
from ...load.load import LoadPlan, NotAnswered, SoFar
from ...model import steadiness
from ...model.errors import StartFailed
from ...model.workloads import ROUTE_ENCODE, ROUTE_LOOP, WorkloadRequest, counted, loop
from ...report import numbers
from ...server.launcher import RunningServer, StartOptions
from ...server.placement import Local
from .. import judging
from ..forecast import LOAD_MORE_S, START_S
from ..lab import Lab, told_errors
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, Chart, FigureTable, Finding, Point, Series
from ..study import CannotTell, Claim
from . import texts

STARTS = 10
SLICE_S = 0.05
CONNECTIONS = 8
SLICE_REQUESTS = 8  # of a slice at least: a request more or less is then no level of its own
# Cheap ones: compilers count calls and rounds, and a start is watched for some seconds.
REQUESTS = (counted(ROUTE_ENCODE, 20), loop(1_000))
JIT = "pypy"


@dataclass(frozen=True)
class Look:
    """How long a start is looked at: until it has answered so many requests, but for least_s at least and longest_s at most. first_s, mean_s: what all
    looks of the first round, and of each later one, may take on average; the longest ones are cut for that."""

    least_s: float
    longest_s: float
    first_s: float
    mean_s: float
    requests: int = 30_000  # some compilers begin after thousands, and what changes after 20 000 is to be seen

    def first(self, series: int) -> Look:
        """That of the first round, in which nothing is known yet."""
        return replace(self, longest_s=min(self.longest_s, self.first_s * max(series, _SERIES) / series))

    def later(self, taken: Sequence[float]) -> Look:
        """That of the rounds that follow, by what the looks of the first have taken."""
        return replace(self, longest_s=min(self.longest_s, longest_within(taken, self.later_s(len(taken)))))

    def later_s(self, series: int) -> float:
        """What all looks of a later round may take."""
        return self.mean_s * (series if series > _SERIES else min(_SERIES**2 / series, _FEW * _SERIES))


# Of five contestants on two routes. Fewer have the time of those that are not there, and up to three times as much in all.
_SERIES, _FEW = 10, 3
QUICK, FULL = Look(1.5, 30.0, 6.0, 2.0), Look(5.0, 60.0, 20.0, 10.0)


def planned_s(contestants: Sequence[Contestant], quick: bool) -> float:
    """Length of the experiment, seconds, if no look ends early."""
    look, series = QUICK if quick else FULL, len(_able(contestants)) * len(REQUESTS)
    looks_s = series * look.first(series).longest_s + (STARTS - 1) * look.later_s(series) if series else 0.0
    return looks_s + series * STARTS * (START_S + LOAD_MORE_S)


def longest_within(needed: Sequence[float], whole: float) -> float:
    """Where lengths have to be cut so that their sum is no longer than that; the longest of them if it is not."""
    left = whole
    for place, one in enumerate(sorted(needed)):
        each = left / (len(needed) - place)
        if one > each:
            return each
        left -= one
    return max(needed)


@dataclass
class _Watch:
    """Reads the server's CPU time whenever the load says how far it is, and ends the load when all has been seen."""

    server: RunningServer
    slices: list[dict[str, float]]
    look: Look
    last: tuple[int, int, int] = (0, 0, 0)  # microseconds, requests, CPU ns

    def begin(self) -> None:
        self.last = (0, 0, self.server.cpu_ns())

    def take(self, so_far: SoFar) -> bool:
        """Ends a slice, unless too few requests were answered in it. Whether all has been seen."""
        elapsed_us, answered, cpu_ns = self.last
        count = so_far.answered - answered
        if count < SLICE_REQUESTS:
            return False
        now_ns = self.server.cpu_ns()
        if now_ns > cpu_ns:
            seconds = (so_far.elapsed_us - elapsed_us) / 1e6
            self.slices.append({"at_s": so_far.elapsed_us / 1e6, "seconds": seconds, "requests": count, "server_cpu_us": (now_ns - cpu_ns) / 1000 / count})
        self.last = (so_far.elapsed_us, so_far.answered, now_ns)
        return so_far.answered >= self.look.requests and so_far.elapsed_us >= self.look.least_s * 1e6


def _able(contestants: Sequence[Contestant]) -> list[Contestant]:
    return [one for one in contestants if {request.route for request in REQUESTS} <= set(one.routes) and one.model != "none"]


def measure(lab: Lab) -> list[Cell]:
    """Every contestant is started anew for each series, in rounds, so that what moves the machine moves all of them."""
    able = _able(lab.contestants)
    if not able:
        raise CannotTell(f"no contestant of this study has {ROUTE_ENCODE} and {ROUTE_LOOP}: name one that has with -C")
    cells: list[Cell] = []
    whole = QUICK if lab.quick else FULL
    turns = [(contestant, request) for contestant in able for request in REQUESTS]
    look = whole.first(len(turns))
    for number in range(STARTS):
        random.Random(number).shuffle(turns)
        if number == 1:
            look = whole.later([sum(entry["seconds"] for entry in cell.rounds) for cell in cells])
        for place, (contestant, request) in enumerate(turns):
            lab.tell(f"warm-up: start {number + 1} of {STARTS}: {contestant.name}", (number + place / len(turns)) / STARTS)
            cells.append(_started(lab, contestant, request, number + 1, look))
    return sorted(cells, key=lambda cell: (cell.labels["contestant"], cell.labels["route"], int(cell.labels["start"])))


def _started(lab: Lab, contestant: Contestant, request: WorkloadRequest, number: int, look: Look) -> Cell:
    labels = {"contestant": contestant.title, "name": contestant.name, "route": request.route, "start": str(number)}
    slices: list[dict[str, float]] = []
    try:
        with Local(lab.cache).launch(contestant, StartOptions(lab.dataset.path, workers=1, cpus=lab.pins.server)) as server:
            watch = _Watch(server, slices, look)
            result = load.run(_plan(lab, server, request, look), watch.begin, watch.take)
    except (StartFailed, NotAnswered) as fault:
        return Cell(labels, lost=fault.message)
    if result.errors or not slices:
        return Cell(labels, lost=told_errors(result))
    return Cell(labels, slices)


def _plan(lab: Lab, server: RunningServer, request: WorkloadRequest, look: Look) -> LoadPlan:
    connections = min(CONNECTIONS, server.contestant.max_connections or CONNECTIONS)
    plan = lab.plan(server, request.target, connections)
    expected = load.kept(lab.cache, lab.oracle.answer(request).body)  # so that nothing is asked before the first slice
    return replace(plan, duration_s=look.longest_s, every_s=SLICE_S, expect=expected)


@dataclass(frozen=True)
class Kind:
    """What was found of a contestant's route. begin: the slice in which the steady state began, None without one. steady_us: its cost, or the last
    level's. Other figures are medians of the starts; lost_requests, of each start: that would have been answered if it had been steady from the first
    moment. apart: how many times as dear the dearest start was as the cheapest."""

    title: str
    route: str
    name: str
    begin: int | None
    steady_us: float
    until_s: float
    until_requests: float
    lost_requests: list[float]
    first_factor: float
    apart: float


def kinds(cells: Sequence[Cell]) -> Iterator[Kind]:
    """Of every contestant and route that has starts that stand."""
    for title in judging.values_of(cells, "contestant"):
        for route in judging.values_of(cells, "route"):
            own = judging.standing(cells, contestant=title, route=route)
            if own:
                yield _kind(own, title, route)


def _kind(own: Sequence[Cell], title: str, route: str) -> Kind:
    found = steadiness.over_starts([cell.values("server_cpu_us") for cell in own])
    begin = found.begin or 0
    # Of a start that was looked at for less long than most, what is there.
    early, late = [cell.rounds[:begin] for cell in own], [cell.rounds[begin:] or cell.rounds[-1:] for cell in own]
    levels = [median(entry["server_cpu_us"] for entry in part) for part in late]
    return Kind(
        title,
        route,
        found.name,
        found.begin,
        found.steady,
        until_s=median(sum(entry["seconds"] for entry in part) for part in early),
        until_requests=median(sum(entry["requests"] for entry in part) for part in early),
        lost_requests=[_lost_requests(*parts) for parts in zip(early, late, strict=True)],
        first_factor=median(cell.rounds[0]["server_cpu_us"] for cell in own) / found.steady,
        apart=max(levels) / min(levels),
    )


def _lost_requests(early: Sequence[dict[str, float]], late: Sequence[dict[str, float]]) -> float:
    rate = sum(entry["requests"] for entry in late) / sum(entry["seconds"] for entry in late)
    return sum(entry["seconds"] * rate - entry["requests"] for entry in early)


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    found = list(kinds(cells))
    notes = judging.lost(cells)
    if not found:
        return judging.untold("; ".join(notes) or "no start stood")
    jit_titles = {cell.labels["contestant"] for cell in cells if cell.labels["name"].startswith(JIT)}
    warmed = [kind for kind in found if kind.title in jit_titles]
    table = FigureTable(
        "warm-up",
        f"What {STARTS} starts of a process with one worker are; seconds, requests and loss are medians of the starts",
        [
            "Contestant", "Route", "Class", "Starts apart", "First slice, times steady", "Steady, CPU µs", "Seconds until steady", "Requests until steady",
            "Requests lost",
        ],
        [_row(kind) for kind in found],
    )
    charts = [chart for title in judging.values_of(cells, "contestant") if (chart := _chart(cells, [kind for kind in found if kind.title == title]))]
    why = "; ".join(f"{kind.title}, {kind.route}: {kind.name}" for kind in found)
    if not warmed:
        return Finding(OPEN, f"no contestant with a just-in-time compiler took part (of those whose name begins with “{JIT}”); {why}", charts, [table], notes)
    names = {kind.name for kind in warmed}
    verdict = HOLDS if names == {steadiness.WARM_UP} else HOLDS_NOT if names <= {steadiness.FLAT} else OPEN
    return Finding(verdict, why, charts, [table], notes)


def _row(kind: Kind) -> list[str]:
    row = [kind.title, kind.route, kind.name, numbers.factor(kind.apart), numbers.factor(kind.first_factor)]
    if kind.begin is None:
        return [*row, *[numbers.MISSING] * 4]
    return [*row, *map(numbers.plain, (kind.steady_us, kind.until_s, kind.until_requests, median(kind.lost_requests)))]


def _chart(cells: Sequence[Cell], found: Sequence[Kind]) -> Chart | None:
    """A contestant's costs by time: for each route the median of its starts, and how far they lie apart."""
    if not found:
        return None
    title = found[0].title
    lines = [Series(kind.route, _points(judging.standing(cells, contestant=title, route=kind.route), kind)) for kind in found]
    told = numbers.listed([f"{kind.name} on {kind.route}" for kind in found])
    key = "warm-up-" + judging.standing(cells, contestant=title)[0].labels["name"]
    return Chart(key, f"{title}: {told}", "Seconds since the first answer", "CPU of a request, times its steady state", lines)


def _points(own: Sequence[Cell], kind: Kind) -> list[Point]:
    points = []
    for index in range(max(len(cell.rounds) for cell in own)):
        there = [cell.rounds[index] for cell in own if index < len(cell.rounds)]
        if 2 * len(there) < len(own):
            break  # what few starts have had is not what a start is like
        costs = sorted(entry["server_cpu_us"] / kind.steady_us for entry in there)
        at = median(entry["at_s"] for entry in there)
        points.append(Point(at, median(costs), costs[len(costs) // 10], costs[-1 - len(costs) // 10]))
    return points


CLAIM = Claim(
    number=1,
    key="warm-up",
    sentence="PyPy has a warm-up, and what is compiled ahead has none.",
    source=f"{texts.ARTICLE}: “a high load time, followed by a warm-up”; the classes are those of Barrett et al., OOPSLA 2017.",
    method=(
        f"Each contestant is started {STARTS} times with one worker for each of two routes ({numbers.listed([one.line for one in REQUESTS])}), and loaded "
        f"from its first answer on, on connections that stay, until it has answered {QUICK.requests:,} requests: for {FULL.least_s:g} s at least (with --quick "
        f"{QUICK.least_s:g} s), and as long as it takes if five contestants take no more than {FULL.mean_s:g} s ({QUICK.mean_s:g} s) on average. It is the "
        f"CPU time of a request in slices of {SLICE_S * 1000:g} ms. Where the level changes is found by PELT on the logarithms; levels within "
        f"{steadiness.SAME_OF_STARTS:g}× are one. A contestant is flat, a warm-up (its last level is the cheapest), a slowdown (an earlier one was cheaper), "
        "or has no steady state (its level still changes in the last quarter). "
        "The class of a contestant is that of the median of its starts at each moment, since neighbours, who move what everything costs by half, come at "
        f"another moment in each start. It is inconsistent if for more than a quarter of the time the levels of its starts, all but {steadiness.ODD_ONES}, lie "
        f"{steadiness.APART_FACTOR:g}× or more apart."
    ),
    rule=(
        "Holds if PyPy's starts are a warm-up on both routes; does not hold if they are flat on both; cannot be told otherwise, or without PyPy. The class of "
        "everybody else stands in the table."
    ),
    misleads=(
        "A short look calls a compiler that begins late flat. What a process does before its first answer (loading, compiling at start) is in the "
        f"time of its start, which is a claim of its own. What becomes dearer or cheaper by less than {steadiness.APART_FACTOR:g}×, at another moment in each "
        "start, passes for a neighbour."
    ),
    measure=measure,
    judge=judge,
    planned=planned_s,
)
