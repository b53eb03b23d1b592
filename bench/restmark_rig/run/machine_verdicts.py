"""Doubts about single load machines, where several make the load: who is saturated, late, or lost is named, and never averaged away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..model.load_machines import LoadMachine, MachineRound
from ..model.results import CLIENT_BOUND, LOST_CLIENT, Verdict

BUSY_MIN = 0.95  # of its threads' time, worked or waited for a CPU
START_LATE_MAX = 0.02  # of the time of sending
CLOCK_OFF_MAX_US = 100_000


def of(machines: Sequence[MachineRound], server_full: bool, server_idle: bool = False) -> Iterator[Verdict]:
    """At most one verdict of each kind, that names all whom it concerns. server_full: the server worked on all its CPUs, and no rate was asked
    for, so that a saturated machine did not set the pace. server_idle: it had time, though no rate was asked for."""
    lost = [f"{machine.name} was lost: {machine.lost}" for machine in machines if machine.lost]
    if lost:
        left = len(machines) - len(lost)
        yield Verdict(LOST_CLIENT, f"{'; '.join(lost)}; {left} of {len(machines)} load machines made the load to its end")
    doubted = [text for machine in machines if not machine.lost and (text := "; ".join(_doubts(machine, server_full)))]
    if server_idle and not doubted:
        doubted = ["neither the server nor a load machine was busy: the network between them, or too few connections for its latency, set the pace"]
    if doubted:
        yield Verdict(CLIENT_BOUND, "; ".join(doubted))


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
    if (machine.start_late_us or 0) > START_LATE_MAX * machine.duration_us:
        yield f"{machine.name} began {(machine.start_late_us or 0) / 1e3:.0f} ms behind the common start"
    if abs(machine.clock_offset_us) > CLOCK_OFF_MAX_US:
        yield f"the clock of {machine.name} {_off(machine.clock_offset_us)}, so that it was told the start in its own time"
