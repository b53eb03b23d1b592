"""What a look found, put into sentences; and what it could not see. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..report import numbers
from . import bounds as bounding
from . import classing
from .bounds import Bound, Share, Whole
from .classing import HTTP, PYTHON, LineOf, Stack
from .profile import RATE, Profile
from .requests import Requests
from .service import Window

_ROUTES_MAX = 8
_STACKS_MAX = 4
_TOLD_MIN = 0.005  # share of a class: less would be printed as 0 %
_ASYNC = ("/asyncio/", "/uvloop", "/tornado/", "/gevent/", "/trio/")


@dataclass(frozen=True)
class Memory:
    """A process. kib: PSS, None where it may not be read."""

    pid: int
    command: str
    kib: int | None


@dataclass
class Finding:
    """joules: of all packages of the machine, None where it counts none. shares: of CPU time by class, empty where no stack was seen. waiting: of the time
    that requests occupied workers, the share in which they waited; None where it can not be told. bounds, wholes: with a run alone."""

    window: Window
    requests: Requests
    memory: list[Memory]
    profile: Profile
    joules: float | None = None
    shares: list[Share] = field(default_factory=list)
    waiting: float | None = None
    bounds: list[Bound] = field(default_factory=list)
    wholes: list[Whole] = field(default_factory=list)
    like: str = ""
    unseen: list[str] = field(default_factory=list)

    @property
    def cpu_us_per_request(self) -> float | None:
        """None without a count, or for none."""
        return self.window.cpu_s * 1e6 / self.requests.count if self.requests.count else None


def shares(profile: Profile, window: Window, line_of: LineOf) -> list[Share]:
    """Of CPU time by class, the greatest first; empty where there was none.

    perf samples CPU time itself. py-spy takes a thread that is ready to run for one that runs, so that of the time with frames of Python some was spent
    waiting for a CPU: all of that waiting or none of it, between which the shares lie. What CPU time is left is the server's own, without frames.
    """
    if profile.language != PYTHON:
        counts = classing.counted(profile.active, profile.language, line_of)
        return bounding.shares(counts, sum(counts.values())) if counts else []
    ends = [bounding.shares(*found) for waits in (True, False) if sum((found := _seconds(profile, window, line_of, waits))[0].values()) > 0]
    return bounding.between(ends)


def _seconds(profile: Profile, window: Window, line_of: LineOf, waits: bool) -> tuple[dict[str, float], int]:
    """CPU time by class, and the samples that it was told by. waits: whether what waited for a CPU had frames."""
    seconds: dict[str, float] = {}
    samples = 0
    for use in window.uses:
        own = [stack for stack in profile.active if stack.pid == use.pid and stack.frames]
        counts = classing.counted(own, PYTHON, line_of)
        sampled = sum(counts.values()) / RATE
        samples += sum(counts.values())
        if use.cpu_s <= 0:
            continue
        ran = min(use.cpu_s, sampled * use.cpu_s / (use.cpu_s + use.waited_s) if waits else sampled)
        for key, count in counts.items():
            seconds[key] = seconds.get(key, 0.0) + count / RATE * ran / sampled
        seconds[HTTP] = seconds.get(HTTP, 0.0) + use.cpu_s - ran
    return seconds, samples


def waiting(profile: Profile, line_of: LineOf) -> float | None:
    """Of the samples in which a worker was within a request, the share in which it waited; None where that is not on the stack."""
    if profile.language != PYTHON or not profile.all or is_asynchronous(profile.all):
        return None
    within = sum(stack.count for stack in profile.all if _in_request(stack, line_of))
    active = sum(stack.count for stack in profile.active if _in_request(stack, line_of))
    return max(0.0, 1 - active / within) if within else None


def is_asynchronous(stacks: Sequence[Stack]) -> bool:
    """Whether an event loop runs in it: what its requests wait for is on no stack."""
    return any(place in frame.file for stack in stacks for frame in stack.frames for place in _ASYNC)


def _in_request(stack: Stack, line_of: LineOf) -> bool:
    """Whether it is in something else than the server: accept loops are."""
    return any(classing.class_of((frame,), PYTHON, line_of) not in (HTTP, classing.LIBRARY) for frame in stack.frames)


def lines(found: Finding) -> Iterator[str]:
    """For people."""
    window, requests = found.window, found.requests
    yield f"Looked at for {window.seconds:.0f} s: {len(window.uses)} process{'' if len(window.uses) == 1 else 'es'}."
    share = window.cpu_s / window.seconds
    yield f"CPU: {numbers.plain(window.cpu_s)} s, {share:.1%} of one CPU; ready to run and without one: {numbers.plain(_waited(window))} s."
    each = found.cpu_us_per_request
    if each is not None and requests.count:
        yield f"Requests: {requests.count:,}, {requests.count / window.seconds:,.1f} a second, each {numbers.plain(each)} µs of CPU ({requests.note})."
    else:
        yield f"Requests: {requests.note}." if requests.count is None else f"Requests: none in this window ({requests.note})."
    if found.joules is not None:
        per = f", {found.joules / requests.count * 1e3:.3g} mJ for each request" if requests.count else ""
        yield f"Energy: {found.joules / window.seconds:.1f} W of the machine's packages, whatever runs on them{per}."
    known = [one for one in found.memory if one.kib is not None]
    if known:
        per = ", ".join(f"{one.command} {one.pid}: {numbers.mib(one.kib)}" for one in known[:_ROUTES_MAX])
        more = f", and {len(known) - _ROUTES_MAX} more" if len(known) > _ROUTES_MAX else ""
        yield f"Memory: {numbers.mib(sum(one.kib or 0 for one in known))} MiB (PSS); {per}{more}."
    if found.waiting is not None:
        share_told = f"Waiting: {found.waiting:.0%} of the time in which a request occupied a worker it waited"
        yield f"{share_told}; 'restmark bill --wait' and 'decide --wait' take such a share."
    if requests.routes:
        whole = sum(requests.routes.values())
        yield "Routes: " + ", ".join(f"{name} {count / whole:.0%}" for name, count in requests.routes.most_common(_ROUTES_MAX)) + "."
    yield from _classes(found)


def _waited(window: Window) -> float:
    return sum(use.waited_s for use in window.uses)


def _classes(found: Finding) -> Iterator[str]:
    if not found.shares:
        return
    titles = classing.table().titles
    parts = ", ".join(f"{titles[one.key]} {one.value:.0%} ({one.low:.0%} to {one.high:.0%})" for one in found.shares)
    yield f"Where its CPU time goes: {parts} ({found.profile.how})."
    for bound in found.bounds:
        if sentence := bound_told(bound, titles[bound.share.key], found.like):
            yield sentence
    for whole in [one for one in found.wholes if one.value > 0][:_STACKS_MAX]:
        unknown = f"; of {whole.unknown:.0%} nothing is known" if whole.unknown >= 0.005 else ""
        yield f"All of it as {whole.title} does it: {_percent(whole.value, whole.low, whole.high)} saved, your own code left as it is{unknown}."


def bound_told(bound: Bound, title: str, like: str) -> str:
    """At most 38 % of its CPU can be saved by faster JSON, of which ... alone brings 31 %."""
    share = bound.share
    title = f"{title[:1].upper()}{title[1:]}" + (", if it computes as the loop of /million-loop does" if share.key == "own" else "")
    if share.value < _TOLD_MIN:
        return ""
    if not bound.savings:
        return f"{title}: at most {share.value:.0%} of its CPU time can be saved; by whom, this run does not tell."
    same = [one for one in bound.savings if one.language == like and one.value > 0]
    best = next((one for one in bound.savings if one.value > 0), None)
    text = f"{title}: at most {share.value:.0%} of its CPU time can be saved"
    if best is None:
        return f"{text}; nobody of the run does it for less."
    parts = [f"{one.title} brings {_percent(one.value, one.low, one.high)}" for one in dict.fromkeys([*same[:1], best])]
    language = f", without leaving {like}" if same else ""
    if same and same[0] is not best:
        return f"{text}: {parts[0]}{language}; {parts[1]}."
    return f"{text}: {parts[0]}{language if same else ''}."


def _percent(value: float, low: float, high: float) -> str:
    return f"{value:.0%} ({low:.0%} to {high:.0%})"
