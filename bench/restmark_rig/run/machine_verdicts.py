"""Doubts about single load machines, where several make the load: who is saturated, late, or lost is named, and never averaged away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..model import stalls
from ..model.load_machines import LoadMachine, MachineRound
from ..model.results import CLIENT_BOUND, LOST_CLIENT, Verdict

BUSY_MIN = 0.95  # of its threads' time, worked or waited for a CPU
WAIT_MIN = 0.10  # of its threads' time: a machine that waits less for a CPU has one
CLOCK_OFF_MAX_US = 100_000
_SERVER_HAD_TIME = "the server had time, and "


def of(machines: Sequence[MachineRound], server_full: bool, server_idle: bool = False) -> Iterator[Verdict]:
    """At most one verdict of each kind, that names all whom it concerns. server_full: the server worked on all its CPUs, and no rate was asked
    for, so that a saturated machine did not set the pace. server_idle: it had time, though no rate was asked for."""
    lost = [f"{machine.name} was lost: {machine.lost}" for machine in machines if machine.lost]
    if lost:
        left = len(machines) - len(lost)
        yield Verdict(LOST_CLIENT, f"{'; '.join(lost)}; {left} of {len(machines)} load machines made the load to its end")
    there = [machine for machine in machines if not machine.lost]
    # A server that worked meanwhile may have let one machine wait.
    doubted = [stall.text for stall in stalls.of(machines) if stall.at_start or server_idle]
    doubted += [text for machine in there if (text := "; ".join(_doubts(machine, server_full)))]
    if server_idle and not doubted:
        doubted = [_SERVER_HAD_TIME + _idle(there)]
    if doubted:
        yield Verdict(CLIENT_BOUND, "; ".join(doubted))


def telling(evidence: Sequence[str]) -> str:
    """Of what was said of several rounds, that which names who is to be doubted, if any does."""
    return next((text for text in evidence if not text.startswith(_SERVER_HAD_TIME)), evidence[0])


def _idle(machines: Sequence[MachineRound]) -> str:
    """What set the pace, if neither the server nor a machine was busy all the time."""
    waited = [f"{machine.name} for {machine.wait_share:.0%} of the time" for machine in machines if machine.wait_share >= WAIT_MIN]
    if waited:
        return f"load machines waited for a CPU that others had ({', '.join(waited)}): what took their CPUs set the pace"
    return "no load machine was busy either: the network between them, or too few connections for its latency, set the pace"


def clock_remarks(machines: Sequence[LoadMachine]) -> list[str]:
    """Who has a clock that is off."""
    return [
        f"the clock of the load machine {machine.name} {_off(machine.clock_offset_us)}: it is told when to begin in its own time, which is only as exact as a "
        "message's way there and back; set its clock (chronyc makestep)"
        for machine in machines
        if abs(machine.clock_offset_us) - machine.clock_error_us > CLOCK_OFF_MAX_US
    ]


def _off(offset_us: int) -> str:
    return f"is {abs(offset_us) / 1e6:.1f} s {'ahead' if offset_us > 0 else 'behind'}"


def _doubts(machine: MachineRound, server_full: bool) -> Iterator[str]:
    if machine.busy_share >= BUSY_MIN and not server_full:
        yield f"{machine.name} worked or waited for a CPU for {min(machine.busy_share, 1):.0%} of the time"
    if machine.late:
        yield (
            f"{machine.name} itself sent requests late (half of them by {machine.late_p50_us} µs or more, one in a hundred by "
            f"{machine.late_p99_us} µs or more)"
        )
    if abs(machine.clock_offset_us) > CLOCK_OFF_MAX_US:
        yield f"the clock of {machine.name} {_off(machine.clock_offset_us)}, so that it was told the start in its own time"
