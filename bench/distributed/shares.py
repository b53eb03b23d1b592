"""How a load is split among machines: what each gets adds up to the whole. Standard library only, as Locust's master uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """What one machine does: part of parts (from 1) of all requests, over so many of the connections, with so many threads."""

    machine: str
    part: int
    parts: int
    connections: int
    threads: int

    @property
    def words(self) -> list[str]:
        """As restmark-load takes it."""
        return [f"--connections={self.connections}", f"--threads={self.threads}", f"--part={self.part}/{self.parts}"]


def shares(connections: int, cpus: Mapping[str, int]) -> list[Share]:
    """The shares of machines with so many CPUs each, in their order. Connections are spread evenly, the first machines having one more; the
    rate of an open loop needs no splitting, because each part is every parts-th request of one schedule.

    With fewer connections than machines the last ones have nothing to do, and get no share.
    """
    machines: Sequence[str] = list(cpus)[:connections]
    parts = len(machines)
    return [
        Share(name, place + 1, parts, own, max(1, min(own, cpus[name])))
        for place, name in enumerate(machines)
        for own in [connections // parts + (place < connections % parts)]
    ]


def clock_offset_ns(asked_ns: int, told_ns: int, heard_ns: int) -> tuple[int, int]:
    """How far a clock that told told_ns is ahead of one that read asked_ns before and heard_ns after, and how far off that may be."""
    return told_ns - (asked_ns + heard_ns) // 2, (heard_ns - asked_ns) // 2


def better_reading(kept: tuple[int, int] | None, new: tuple[int, int]) -> tuple[int, int]:
    """Of two readings of a clock, each an offset and how far off that may be: the surer one, or the new one if both can not be true."""
    if kept is None or new[1] <= kept[1] or abs(new[0] - kept[0]) > new[1] + kept[1]:
        return new
    return kept
