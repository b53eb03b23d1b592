"""Sentences about what a stack costs to live with: memory, money, builds, warm-up, broken data. Each with the quantity at which it turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from statistics import median
from typing import Any

from ..model.stats import Estimate
from ..report import numbers
from ..studies.costs import billing, broken_data
from ..studies.costs.billing import Saving, Terms
from . import sentence
from .facts import Footprint, Stacks
from .sentence import Sentence
from .turning import Knob, Stance

ALIKE = 1.1  # two looks at the memory of the same server lie up to so many times apart
LITTLE = 0.05  # of the whole bill: less is no reason to move
DAYS = 220.0  # on which a developer works in a year
DAY_S = 8 * 3600.0
WORKERS_MAX = 4096.0
BAD = (broken_data.CRASH, broken_data.WRONG)
_SURER = "'restmark memory' on the machine that it is to run on"
_LOOKS = f"a look each, and two looks at one server lie up to {ALIKE:g} × apart"
TAKEN_REQUESTS = 1e6  # between two starts, where no rate is given


def memory(stacks: Stacks, name: str) -> Sentence:
    """At the number of workers that the bill has for each, else at one that both were looked at with."""
    key, label = "memory", "Memory"
    own, other = stacks.memory.get(stacks.start.name), stacks.memory.get(name)
    if own is None or other is None:
        return sentence.unmeasured(key, label, "no memory under load of both", "restmark memory, or restmark costs --claim 5")
    if stacks.terms is not None and (sizes := billed_kib(stacks, name, stacks.terms)) is not None:
        return _memory_at_rate(stacks, name, stacks.terms, sizes)
    common = sorted(set(own.at) & set(other.at))
    if not common:
        return sentence.unmeasured(key, label, "the two were looked at with different numbers of workers", "restmark memory")
    workers = common[0]
    text = (
        f"With {numbers.counted(workers, 'worker')} {stacks.title(name)} takes {numbers.mib(other.at[workers])} MiB, {stacks.title(stacks.start.name)} "
        f"{numbers.mib(own.at[workers])}: {_times(own.at[workers] / other.at[workers])} ({_LOOKS})."
    )
    return _memory_by_workers(stacks, own, other, workers, text)


def billed_kib(stacks: Stacks, name: str, terms: Terms) -> tuple[float, float] | None:
    """Memory of both for a rate, KiB; None without a bill, or without memory in it."""
    if stacks.start.name not in stacks.billed or name not in stacks.billed:
        return None
    made = billing.make([stacks.billed[one] for one in (stacks.start.name, name)], stacks.start.name, terms)
    own, other = made.line(stacks.start.name), made.line(name)
    if own is None or other is None or own.gib is None or other.gib is None:
        return None
    return own.gib.value * billing.KIB_PER_GIB, other.gib.value * billing.KIB_PER_GIB


def _memory_at_rate(stacks: Stacks, name: str, terms: Terms, sizes: tuple[float, float]) -> Sentence:
    text = (
        f"For {terms.requests_per_s:,g} requests/s {stacks.title(name)} takes {numbers.mib(sizes[1])} MiB with all its workers, "
        f"{stacks.title(stacks.start.name)} {numbers.mib(sizes[0])}: {_times(sizes[0] / sizes[1])} ({_LOOKS})."
    )

    def probe(knob: str, value: float) -> Stance:
        at = billed_kib(stacks, name, _changed(terms, knob, value))
        return _alike(*at, ALIKE) if at else Stance.UNKNOWN

    knobs = [knob for knob in _money_knobs(terms, None, None) if knob.key in ("requests_per_s", "rest_share")]
    return sentence.turned("memory", "Memory", text, stacks.sources.costs or stacks.sources.run, knobs, probe, _SURER)


def _memory_by_workers(stacks: Stacks, own: Footprint, other: Footprint, workers: int, text: str) -> Sentence:
    lines = (own.line, other.line)
    if lines[0] is None or lines[1] is None:
        knob = Knob("apart", "the distance of two looks at one server", ALIKE, 1.0, 1000.0, "×")
        settles = "'restmark memory', which looks at 1, 2, 4 and 8 workers"
        sizes = (own.at[workers], other.at[workers])
        return sentence.turned("memory", "Memory", text, stacks.sources.run, [knob], lambda _, value: _alike(*sizes, value), settles)
    (base, each), (other_base, other_each) = ((line.base_kib, line.worker_kib) for line in lines if line)

    def probe(_: str, count: float) -> Stance:
        if count == workers:  # what was looked at, and not the line through it
            return _alike(own.at[workers], other.at[workers], ALIKE)
        return _alike(base + count * each, other_base + count * other_each, ALIKE)

    knob = Knob("workers", "the number of workers of both", float(workers), 1.0, WORKERS_MAX, "worker", whole=True)
    source = stacks.sources.costs or stacks.sources.run
    return sentence.turned("memory", "Memory", text, source, [knob], probe, _SURER)


def _alike(own: float, other: float, apart: float) -> Stance:
    if own > apart * other:
        return Stance.GAIN
    return Stance.LOSS if other > apart * own else Stance.OPEN


def _times(value: float) -> str:
    if 1 / ALIKE <= value <= ALIKE:
        return "no difference that counts"
    return f"{numbers.factor(value)} less" if value > 1 else f"{numbers.factor(1 / value)} more"


def saving(stacks: Stacks, name: str, terms: Terms) -> Saving | None:
    """Of moving there, with other terms; None without a bill of both."""
    if stacks.start.name not in stacks.billed or name not in stacks.billed:
        return None
    pair = [stacks.billed[stacks.start.name], stacks.billed[name]]
    return next(iter(billing.savings(billing.make(pair, stacks.start.name, terms))), None)


def money_stance(found: Saving, whole: float, once: float = 0.0) -> Stance:
    """once: what the move costs, which the first year has to pay. whole: the bill of the own stack."""
    low, high = found.money.low, found.money.high
    if low is None or high is None or whole <= 0:
        return Stance.OPEN
    low, high = low - once, high - once
    if low >= LITTLE * whole:
        return Stance.GAIN
    if high <= -LITTLE * whole:
        return Stance.LOSS
    return Stance.LITTLE if low > -LITTLE * whole and high < LITTLE * whole else Stance.OPEN


def money(stacks: Stacks, name: str, engineer_day: float | None, move_days: float | None) -> Sentence:
    """What moving saves in the first year."""
    key, label, terms = "money", "Money", stacks.terms
    found = saving(stacks, name, terms) if terms else None
    if terms is None or stacks.bill is None or found is None:
        why = stacks.no_bill or f"no fixed rate of {stacks.title(name)} was measured that holds the p99"
        return sentence.unmeasured(key, label, why, "'restmark costs --claim 5 --claim 6' on a quiet machine, a --p99 that can be held, and your prices")
    once = (engineer_day or 0.0) * (move_days or 0.0)
    line = stacks.bill.line(stacks.start.name)
    assert line is not None

    def probe(knob: str, value: float) -> Stance:
        changed = _changed(terms, knob, value)
        cost = (engineer_day or 0.0) * (value if knob == "move_days" else move_days or 0.0)
        there = saving(stacks, name, changed)
        pair = billing.make([stacks.billed[stacks.start.name]], stacks.start.name, changed).lines[0]
        return money_stance(there, pair.total.value, cost) if there else Stance.UNKNOWN

    text = f"At {terms.requests_per_s:,g} requests/s {_saved(found)} a year on {stacks.title(name)}, of {line.total.value:,.0f}"
    if once:
        text += f"; the move itself costs {once:,.0f} ({move_days:g} days of an engineer)"
    stance = money_stance(found, line.total.value, once)
    verdicts = {
        Stance.GAIN: "it pays in the first year" if once else "a saving",
        Stance.LOSS: "it does not pay in the first year" if once else "dearer",
        Stance.LITTLE: f"less than {LITTLE:.0%} of the bill either way",
        Stance.OPEN: "whether it pays can not be told",
    }
    return sentence.turned(
        key, label, f"{text}: {verdicts[stance]}.", stacks.sources.costs or stacks.sources.run, _money_knobs(terms, engineer_day, move_days), probe,
        "more rates near the one that holds: 'restmark costs --claim 6' without --quick",
    )


def _saved(found: Saving) -> str:
    low, high = found.money.low, found.money.high
    ends = "no interval" if low is None or high is None else f"{low:,.0f} to {high:,.0f}"
    return f"{found.money.value:,.0f} ({ends}) are saved"


def _changed(terms: Terms, knob: str, value: float) -> Terms:
    change: dict[str, Any] = {knob: value}
    return terms if knob == "move_days" else replace(terms, **change)


def _money_knobs(terms: Terms, engineer_day: float | None, move_days: float | None) -> list[Knob]:
    found = [
        Knob("requests_per_s", "the rate", terms.requests_per_s, min(0.1, terms.requests_per_s), max(1e6, terms.requests_per_s), "requests/s"),
        Knob("rest_share", "the share that no language shortens", terms.rest_share, 0.0, 0.9999, "of a request", even=True),
        Knob("cpu_year", "the price of a CPU", terms.cpu_year, 0.0, max(1e6, terms.cpu_year * 1000), "a year"),
        Knob("gib_year", "the price of a GiB", terms.gib_year, 0.0, max(1e6, terms.gib_year * 1000), "a year"),
    ]
    if engineer_day is not None:
        found.append(Knob("move_days", "the number of days that the move takes", move_days or 0.0, 0.0, max(1e5, (move_days or 0.0) * 100), "days"))
    return found


def builds(stacks: Stacks, name: str, engineer_day: float | None) -> Sentence:
    """How long one waits after a changed line, and how often a day that may be until it costs what moving saves."""
    key, label = "builds", "Builds"
    own, other = stacks.builds.get(stacks.start.name), stacks.builds.get(name)
    if own is None or other is None:
        return sentence.unmeasured(key, label, "no builds of both", "restmark costs --claim 3")
    longer = median(other) - median(own)
    ends = (min(other) - max(own), max(other) - min(own))
    text = f"After one changed line a build takes {_seconds(other)} on {stacks.title(name)}, {_seconds(own)} on {stacks.title(stacks.start.name)}"
    found = saving(stacks, name, stacks.terms) if stacks.terms and engineer_day else None
    source = stacks.sources.costs
    if found is None or engineer_day is None:
        knob = Knob("seconds", "a build there", median(other), 0.0, max(1e4, 10 * median(other)), "s")
        apart = (longer - ends[0], ends[1] - longer)
        return sentence.turned(
            key, label, f"{text}.", source, [knob], lambda _, value: _slower(value - median(own), apart),
            "with --engineer-day and a bill: how many builds a day cost what moving saves",
        )
    price = engineer_day

    def probe(_: str, each_day: float) -> Stance:
        costs = [end * each_day * DAYS / DAY_S * price for end in ends]
        low, high = found.money.low, found.money.high
        if low is None or high is None:
            return Stance.OPEN
        return Stance.GAIN if low - costs[1] > 0 else Stance.LOSS if high - costs[0] < 0 else Stance.OPEN

    knob = Knob("builds_a_day", "the number of builds of all developers on a day", 20.0, 0.0, 1e7, "builds a day")
    cost = longer * knob.now * DAYS / DAY_S * price
    text += f": at {knob.now:g} builds a day waiting costs {cost:,.0f} a year more ({DAYS:g} days of 8 hours), and moving saves {found.money.value:,.0f}."
    return sentence.turned(key, label, text, source, [knob], probe, "count your own builds")


def _slower(longer: float, apart: tuple[float, float]) -> Stance:
    """Of builds that take so much longer, give or take how far they lay apart."""
    if longer > apart[0]:
        return Stance.LOSS
    if longer < -apart[1]:
        return Stance.GAIN
    return Stance.OPEN if any(apart) else Stance.LITTLE


def _seconds(values: list[float]) -> str:
    if not any(values):
        return "no time, as nothing has to be built,"
    return f"{numbers.plain(median(values))} s ({numbers.plain(min(values))} to {numbers.plain(max(values))})"


def warm_up(stacks: Stacks, name: str) -> Sentence:
    """What a start loses against what moving saves until the next one."""
    key, label = "warm-up", "Warm-up"
    found, gain = stacks.warm_ups.get(name), stacks.cpu.get(name)
    if not found:
        return sentence.unmeasured(key, label, f"no starts of {stacks.title(name)}", "restmark costs --claim 1")
    worst = max(found, key=lambda one: one.lost.value * one.cpu_us)
    text = f"{numbers.counted(worst.starts, 'start')} of {stacks.title(name)} are {worst.kind} on {worst.route} and lose {_range(worst.lost)} requests each"
    own = next((one for one in stacks.warm_ups.get(stacks.start.name, []) if one.route == worst.route), None)
    text += f", those of {stacks.title(stacks.start.name)} {own.kind} and {_range(own.lost)}" if own else ""
    if gain is None or gain.times is None or gain.value is None or stacks.own_cpu_us is None:
        text += "; what moving saves between two starts is not known without CPU times."
        return Sentence(key, label, text, Stance.OPEN, stacks.sources.costs, "restmark run")
    saved_us = stacks.own_cpu_us.value - gain.value
    line = stacks.bill.line(name) if stacks.bill and stacks.terms else None
    between = stacks.terms.requests_per_s * 86_400 / line.workers.value if line and stacks.terms else TAKEN_REQUESTS
    taken = "a start a day at this rate" if line else "a start every so many requests, which is taken"

    def probe(_: str, requests: float) -> Stance:
        ends = [requests * saved_us - (end if end is not None else worst.lost.value) * worst.cpu_us for end in (worst.lost.high, worst.lost.low)]
        return Stance.GAIN if min(ends) > 0 else Stance.LOSS if max(ends) < 0 else Stance.OPEN

    stance = {Stance.GAIN: "saves more", Stance.LOSS: "saves less", Stance.OPEN: "saves about as much"}[probe("", between)]
    text += f"; in {between:,.0f} requests ({taken}) moving {stance} CPU time than a start costs."
    knob = Knob("requests_between_starts", "the number of requests of a worker between two starts", between, 1.0, max(1e12, between), "requests")
    return sentence.turned(key, label, text, stacks.sources.costs, [knob], probe, "count your own deploys and recycled workers")


def _range(of: Estimate) -> str:
    value = numbers.plain(max(0.0, of.value))
    return value if of.low is None or of.high is None else f"{value} ({numbers.plain(max(0.0, of.low))} to {numbers.plain(max(0.0, of.high))})"


def bad(outcomes: Mapping[tuple[str, str], str]) -> int:
    """Cases in which it crashes or answers with what is not there."""
    return sum(outcome in BAD for outcome in outcomes.values())


def broken(stacks: Stacks, name: str) -> Sentence:
    """Counts of what broken data does."""
    key, label = "broken", "Broken data"
    own, other = stacks.broken.get(stacks.start.name), stacks.broken.get(name)
    common = sorted(set(own or {}) & set(other or {}))
    if own is None or other is None or not common:
        return sentence.unmeasured(key, label, "no broken data was given to both", "restmark costs --claim 4")
    shared = [{case: outcomes[case] for case in common} for outcomes in (own, other)]
    text = (
        f"Of {numbers.counted(len(common), 'case')} of broken data {stacks.title(name)} {_outcomes(shared[1])}, "
        f"{stacks.title(stacks.start.name)} {_outcomes(shared[0])}."
    )
    before = bad(shared[0])
    knob = Knob("bad_cases", "the number of its cases that crash or go silently wrong", float(bad(shared[1])), 0.0, float(len(common)), "case", whole=True)

    def probe(_: str, count: float) -> Stance:
        return Stance.GAIN if count < before else Stance.LOSS if count > before else Stance.LITTLE

    return sentence.turned(key, label, text, stacks.sources.costs, [knob], probe, "your own handlers: name your service with -C")


def _outcomes(outcomes: Mapping[tuple[str, str], str]) -> str:
    counts = [(outcome, sum(one == outcome for one in outcomes.values())) for outcome in BAD]
    told = [f"{outcome} in {count}" if outcome == broken_data.CRASH else f"is {outcome} in {count}" for outcome, count in counts if count]
    return numbers.listed(told) if told else "never crashes and is never silently wrong"


def all_of(stacks: Stacks, name: str, engineer_day: float | None, move_days: float | None) -> Iterator[Sentence]:
    """In the order of the page."""
    yield memory(stacks, name)
    yield money(stacks, name, engineer_day, move_days)
    yield builds(stacks, name, engineer_day)
    yield warm_up(stacks, name)
    yield broken(stacks, name)
