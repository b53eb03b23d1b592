"""The soak's judgement: pure, from what was seen to what is wrong with it. Times are time.monotonic()."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from restmark_proof.clients import Failure, Outcome

from .proc import Usage

# How a request ends whose worker dies: before a byte of the answer, or inside it.
BY_DEATH = {Outcome.RESET, Outcome.EOF, Outcome.TRUNCATED}
# A slow reader meets the end of its connection when it has read what the kernel had for it.
NOTICED_WITHIN_S = 15.0
# Workers that end for these reasons were asked to, or had reached what the configuration says.
ORDERLY = {"drain", "reload", "scale", "stop", "max-requests", "max-worker-lifetime", "reload-on-rss", "reload-on-pss"}
ACCESS_LINE = re.compile(r'127\.0\.0\.1 - - \[[^][]+\] "(?:[^"\\]|\\.)*" \d+ \d+ \d+us w\d+')  # status 0: there was no answer
COMPLAINTS = re.compile(r"\] (?:error|critical|alert|emerg): |AddressSanitizer|LeakSanitizer|runtime error:|[Aa]ssertion")

# Growth from one rest to a later one that is no leak: heaps that reach their working size, and fractions of shared pages.
MEMORY_SLACK_KIB = 1536
DESCRIPTOR_SLACK = 2
TREND_POINTS_MIN = 6


@dataclass(frozen=True)
class Victim:
    """A worker that a fault has killed, or has had killed: what it held when it could not take more."""

    pid: int
    at_s: float
    ports: frozenset[int]
    causes: frozenset[str]


@dataclass
class Verdict:
    """Failed requests of innocent clients, told apart."""

    allowed: list[Failure] = field(default_factory=list)
    not_allowed: list[Failure] = field(default_factory=list)


def judge_requests(failures: Iterable[Failure], victims: Sequence[Victim]) -> Verdict:
    """A failure is allowed if its connection was in the hands of a worker that was killed, and it failed as such a one does."""
    verdict = Verdict()
    for failure in failures:
        allowed = failure.outcome in BY_DEATH and any(
            failure.port in victim.ports and 0 <= failure.at_s - victim.at_s <= NOTICED_WITHIN_S for victim in victims
        )
        (verdict.allowed if allowed else verdict.not_allowed).append(failure)
    return verdict


def judge_deaths(events: Iterable[dict[str, Any]], victims: Sequence[Victim]) -> list[str]:
    """Which deaths, of the daemon's own events, nobody has caused."""
    by_pid = {victim.pid: victim for victim in victims}
    wrong = []
    for event in events:
        if event["kind"] != "death":
            continue
        pid = re.match(r"pid (\d+) ", event["text"])
        cause = re.search(r"cause: ([\w-]+)", event["text"])
        if cause and cause[1] in ORDERLY:
            continue
        victim = by_pid.get(int(pid[1])) if pid else None
        if not (victim and cause and cause[1] in victim.causes):
            wrong.append(f"unexpected death, slot {event['slot']}: {event['text']}")
    return wrong


def judge_workers(status: dict[str, Any], wanted: int) -> str:
    """What of the number and the state of workers is not as wanted; empty: nothing."""
    states = Counter(str(worker["state"]) for worker in status["workers"])
    if status["state"] != "running":
        return f"the daemon is {status['state']}, not running"
    if states != {"ready": wanted}:
        return f"{wanted} ready workers are wanted; there are {', '.join(f'{n} {name}' for name, n in states.items()) or 'none'}"
    if any(worker["beside"] is not None for worker in status["workers"]):
        return "a worker is still being replaced"
    return ""


@dataclass(frozen=True)
class Rest:
    """What processes used while nobody asked the daemon for anything."""

    at_s: float
    master: Usage
    workers: dict[int, Usage]  # by pid


def _grown(what: str, first: Usage, later: Usage) -> list[str]:
    pairs = (
        ("PSS", "KiB", first.pss_kib, later.pss_kib, MEMORY_SLACK_KIB),
        ("RSS", "KiB", first.rss_kib, later.rss_kib, MEMORY_SLACK_KIB),
        ("descriptors", "", first.descriptors, later.descriptors, DESCRIPTOR_SLACK),
    )
    return [
        f"{what}: {name} grew from {before} to {after} {unit}".strip() + f", more than {slack}"
        for name, unit, before, after, slack in pairs
        if after - before > slack
    ]


def rise(points: Sequence[tuple[float, float]]) -> float:
    """How much the least-squares line rises from the first point's time to the last's."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
    return slope * (points[-1][0] - points[0][0])


def judge_growth(rests: Sequence[Rest]) -> list[str]:
    """Whether memory and descriptors are flat: the master from first to last and over all rests, the largest worker from first to last,
    and each worker from one rest to the next that it has lived to see. The first rest comes after a warm-up."""
    if len(rests) < 2:
        return [f"only {len(rests)} rests: nothing can be said of memory"]
    first, last = rests[0], rests[-1]
    wrong = _grown("master, first to last rest", first.master, last.master)
    if len(rests) >= TREND_POINTS_MIN:
        for name, limit in (("pss_kib", MEMORY_SLACK_KIB), ("rss_kib", MEMORY_SLACK_KIB), ("descriptors", DESCRIPTOR_SLACK)):
            gain = rise([(rest.at_s, float(getattr(rest.master, name))) for rest in rests])
            if gain > limit:
                wrong.append(f"master: {name} rises by {gain:.1f} over {len(rests)} rests, more than {limit}")
    wrong += _grown("largest worker, first to last rest", largest(first), largest(last))
    for before, after in pairwise(rests):
        for pid in before.workers.keys() & after.workers.keys():
            wrong += _grown(f"worker {pid}, from one rest to the next", before.workers[pid], after.workers[pid])
    return wrong


def largest(rest: Rest) -> Usage:
    """The largest of each figure over all workers."""
    every = rest.workers.values()
    return Usage(max(u.pss_kib for u in every), max(u.rss_kib for u in every), max(u.descriptors for u in every))


def judge_access_log(text: str) -> list[str]:
    """Lines that are not whole, or glued together: none may be while there was room for them."""
    lines = text.splitlines()
    wrong = [line for line in lines if not ACCESS_LINE.fullmatch(line)]
    found = [f"access log: {len(wrong)} of {len(lines)} lines are torn or glued, such as {wrong[0][:160]!r}"] if wrong else []
    if text and not text.endswith("\n"):
        found.append(f"access log: the last line is not ended: {lines[-1][:160]!r}")
    return found


def judge_torn(text: str) -> list[str]:
    """After a disk was full: lines may be cut, as what did not fit is lost; nothing may be written behind the cut on the same line."""
    glued = [line for line in text.splitlines() if any(match.start() > 0 for match in ACCESS_LINE.finditer(line))]
    return [f"access log: a line was written behind a torn one: {glued[0][:200]!r}"] if glued else []


def judge_log(lines: Iterable[str], victims: Sequence[Victim]) -> list[str]:
    """Lines of the daemon's log that no fault explains: errors but those about a victim."""
    about_victims = tuple(f"(pid {victim.pid})" for victim in victims)
    return [f"log: {line}" for line in lines if COMPLAINTS.search(line) and not any(text in line for text in about_victims)]
