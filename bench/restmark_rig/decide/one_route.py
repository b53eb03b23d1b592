"""One route at a time: what moving a single route of the traffic behind a front server saves, against moving all of them without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..model.stats import Estimate
from ..report import numbers
from ..report.metrics import CPU_US_PER_REQUEST
from ..report.table import CellText, Column, Table
from ..studies.front import hop
from ..studies.record import Cell
from . import sentence
from .facts import Stacks
from .sentence import Sentence
from .turning import Knob, Stance

KEY, LABEL = "one-route", "One route at a time"
_MEASURE = "'restmark study front', and --front with its results"


@dataclass(frozen=True)
class Part:
    """A route of the traffic. weight: its share of the requests; own_us: CPU µs of a request of it today; saved: CPU µs that it saves there."""

    route: str
    weight: float
    own_us: float
    saved: Estimate


def parts(stacks: Stacks, name: str) -> list[Part]:
    """Of the routes of the traffic; empty if a figure of one is missing."""
    whole = sum(stacks.mix.values())
    found = []
    for route, weight in stacks.mix.items():
        own = stacks.gains.own_value(route, CPU_US_PER_REQUEST)
        gain = next((one for one in stacks.gains.of(route, CPU_US_PER_REQUEST) if one.contestant.name == name), None)
        if own is None or gain is None or gain.times is None or gain.times.low is None or gain.times.high is None:
            return []
        low, value, high = (own * (1 - 1 / times) for times in (gain.times.low, gain.times.value, gain.times.high))
        found.append(Part(route, weight / whole, own, Estimate(value, low, high, gain.times.n)))
    return found


def front_us(stacks: Stacks, name: str, cells: Sequence[Cell]) -> Estimate | None:
    """CPU µs of the front for an average request of the traffic, by what was measured before either stack, whichever is the worse; None where a route is
    missing."""
    whole = sum(stacks.mix.values())
    low, value, high, n = 0.0, 0.0, 0.0, 0
    for route, weight in stacks.mix.items():
        fronts = [found.front for one in (stacks.start.name, name) if (found := hop.of(cells, one, route)) is not None]
        if not fronts:
            return None
        front = max(fronts, key=lambda one: one.value)
        share = weight / whole
        low, value, high = low + share * (front.low or front.value), value + share * front.value, high + share * (front.high or front.value)
        n = front.n if n == 0 else min(n, front.n)
    return Estimate(value, low, high, n)


def saved(part: Part, front: Estimate) -> Estimate:
    """CPU µs of an average request if this route alone is moved, and all pass the front. Both intervals at their worst."""
    assert part.saved.low is not None and part.saved.high is not None and front.low is not None and front.high is not None
    return Estimate(
        part.weight * part.saved.value - front.value, part.weight * part.saved.low - front.high, part.weight * part.saved.high - front.low, part.saved.n
    )


def stance(one: Estimate) -> Stance:
    """Whether it saves anything for sure."""
    assert one.low is not None and one.high is not None
    return Stance.GAIN if one.low > 0 else Stance.LOSS if one.high < 0 else Stance.OPEN


def told(stacks: Stacks, name: str, cells: Sequence[Cell]) -> tuple[Sentence, Table | None]:
    """The sentence about the route that brings the most, and a table of all."""
    if len(stacks.mix) < 2:
        return sentence.unmeasured(KEY, LABEL, "the traffic has a single route", "--mix with the routes of your own"), None
    found, front = parts(stacks, name), front_us(stacks, name, cells)
    if not found:
        return sentence.unmeasured(KEY, LABEL, "a route of the traffic has no figure on one of the two", "restmark run"), None
    if front is None:
        return sentence.unmeasured(KEY, LABEL, "no front server was measured on all routes of the traffic", _MEASURE), None
    total = sum(part.weight * part.own_us for part in found)
    all_of = sum(part.weight * part.saved.value for part in found)
    best = max(found, key=lambda part: part.weight * part.saved.value)
    one = saved(best, front)
    text = (
        f"Moving {best.route} alone to {stacks.title(name)}, behind nginx, saves {_share(one, total)} of the CPU time of all requests, moving all of them "
        f"without it {all_of / total:.0%}; nginx takes {numbers.plain(front.value)} µs ({numbers.interval(front)}) of each request, which is paid already "
        "where there is one."
    )

    def probe(_: str, value: float) -> Stance:
        factor = value / front.value if front.value else 1.0
        assert front.low is not None and front.high is not None
        return stance(saved(best, Estimate(value, front.low * factor, front.high * factor, front.n)))

    knob = Knob("front_us", "the CPU time of the front for a request", front.value, 0.0, max(1e6, 10 * front.value), "µs")
    made = sentence.turned(KEY, LABEL, text, stacks.sources.front, [knob], probe, "your own front server, and your own shares of routes")
    return made, _table(found, front, total)


def _table(found: Sequence[Part], front: Estimate, total: float) -> Table:
    titles = ("of the requests", "of the CPU time", "saved by it alone", "saved if a front is there")
    columns = [Column("Route", numeric=False), *(Column(title) for title in titles)]
    table = Table("one-route", "Each route moved alone: shares of the CPU time of all requests, with the front's in it", columns)
    free = Estimate(0.0, 0.0, 0.0, front.n)
    for part in sorted(found, key=lambda part: -part.weight * part.saved.value):
        texts = (f"{part.weight:.0%}", f"{part.weight * part.own_us / total:.0%}", _share(saved(part, front), total), _share(saved(part, free), total))
        table.rows.append([CellText(part.route), *(CellText(text) for text in texts)])
    return table


def _share(one: Estimate, total: float) -> str:
    assert one.low is not None and one.high is not None
    return f"{one.value / total:.0%} ({one.low / total:.0%} to {one.high / total:.0%})"
