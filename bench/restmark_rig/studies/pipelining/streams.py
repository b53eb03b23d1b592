"""What the claims about HTTP/2 have in common: the front, checks of answers, and requests of which one of eight waits, as streams of a connection."""

from __future__ import annotations

from dataclasses import replace

from ...contestants import requirements
from ...contestants.contestant import Requirement
from ...load.load import LoadPlan
from ...model.errors import EnvironmentFault
from ...model.workloads import ROUTE_LOOP, ROUTE_ROOT, ROUTE_WAIT
from ...verify.oracle import WELCOME
from .. import proxy, scratch
from ..lab import Lab
from ..proxy import Proxy
from ..study import CannotTell
from . import h2load
from .h2load import H2Load

WAIT_MS = 50
WAITS_US = WAIT_MS * 980  # what a dear request takes at least, by clocks of two sides
DEAR_TARGET = f"{ROUTE_WAIT}?ms={WAIT_MS}"
CHEAP, DEAR = 7, 1  # of 8 requests
MIX_REQUESTS = 320
MIX_VISIT_S = 0.4
ASKED_AT_ONCE = 16


def demand(*more: Requirement) -> None:
    """Raises CannotTell where what makes HTTP/2 requests is not installed, or one of the others."""
    for one in (h2load.REQUIREMENT, h2load.ASKER, *more):
        if requirements.locate(one) is None:
            raise CannotTell(f"{one.command} is not installed: restmark setup pipelining")


def front() -> Proxy:
    """nginx, which takes HTTP/2 over TLS. Raises CannotTell."""
    demand(proxy.HTTP2_FRONT.requirement, scratch.CERTIFIER)
    return proxy.HTTP2_FRONT


def wrong(port: int, target: str = ROUTE_ROOT, clear: bool = False) -> str:
    """By HTTP/2: what is wrong with the answer, or nothing."""
    try:
        got = h2load.body_of(port, target, clear)
    except EnvironmentFault as fault:
        return fault.message
    return "" if got == WELCOME else f"GET {target} by HTTP/2 answered {got[:40]!r}"


def plan(lab: Lab, port: int, target: str, connections: int, requests: int) -> LoadPlan:
    """Of a number of requests for one thing."""
    return LoadPlan("127.0.0.1", port, target, connections, 60.0, cpus=lab.pins.client, requests=requests)


def mix(lab: Lab, port: int, connections: int) -> LoadPlan:
    """Of requests of which one of eight waits; for mix_engine()."""
    return LoadPlan(
        "127.0.0.1", port, DEAR_TARGET, connections, 60.0, cpus=lab.pins.client, requests=MIX_REQUESTS, more_targets=(ROUTE_ROOT,), weights=(DEAR, CHEAP)
    )


def pipelined_mix(plan: LoadPlan) -> LoadPlan:
    """The same for restmark-load, by a plan of the cheap requests alone."""
    return replace(plan, more_targets=(DEAR_TARGET,), weights=(CHEAP, DEAR), duration_s=MIX_VISIT_S)


def mix_engine(streams: int, clear: bool = False) -> H2Load:
    """So many of them under way on a connection."""
    return H2Load(streams, False, None, clear, WAITS_US)


def place_of_dear(port: int, clear: bool = False) -> int:
    """Which of 16 answers, counted from 1, that to a request was that waits, when it was sent first and all at once on one connection.

    Raises EnvironmentFault.
    """
    targets = [DEAR_TARGET, *(f"{ROUTE_LOOP}?n=0&seed={seed}" for seed in range(1, ASKED_AT_ONCE))]
    return h2load.order_of(port, targets, clear).index(DEAR_TARGET) + 1
