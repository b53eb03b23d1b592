"""Load machines that stood still in a round: one that began behind the others, or had its last answers long after them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .load_machines import MachineRound

START_LATE_MAX = 0.02  # of the time of sending


@dataclass(frozen=True)
class Stall:
    """Of a machine, for how long, and what was seen of it. at_start: it was not there when the others began."""

    name: str
    late_us: int
    text: str
    at_start: bool


def of(machines: Sequence[MachineRound]) -> list[Stall]:
    """Those of one round."""
    there = [machine for machine in machines if not machine.lost]
    return [found for machine in there for found in (_at_the_start(machine), _on_the_way(machine, there)) if found is not None]


def _at_the_start(machine: MachineRound) -> Stall | None:
    late_us = machine.start_late_us or 0
    if late_us <= START_LATE_MAX * machine.duration_us:
        return None
    return Stall(machine.name, late_us, f"{machine.name} began {_told(late_us)} behind the common start", True)


def _on_the_way(machine: MachineRound, there: Sequence[MachineRound]) -> Stall | None:
    """A stopped process ends its sending in time by the clock, and sees its answers when it goes on. Nothing else takes one machine longer than the
    others by more than the time of sending, but for a server that lets it alone wait."""
    others = [other.drain_us for other in there if other is not machine]
    late_us = machine.drain_us - max(others) if others else 0
    if late_us <= machine.duration_us:
        return None
    text = f"{machine.name} had its last answer {_told(late_us)} after all others: it stood still, or the server let it alone wait"
    return Stall(machine.name, late_us, text, False)


def _told(late_us: int) -> str:
    return f"{late_us / 1e6:.1f} s" if late_us >= 1_000_000 else f"{late_us / 1e3:.0f} ms"
