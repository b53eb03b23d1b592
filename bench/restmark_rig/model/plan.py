"""The order of a run: rounds of short slices, in which everybody does each workload once, beside the others.

All servers are up and warm. A round goes through the workloads in random order, and in each, one contestant after the other
is loaded for a moment: a turn. What slows the machine down for longer than a turn slows all of a turn down alike, and cancels
out of their ratios. Over n rounds of n contestants each one takes each place in a turn once, and over a whole square (n
rounds, 2n if n is odd) each one also follows each other one equally often: what a server leaves behind for the next one (a warm
CPU, a full cache) is spread over all. The squares are those of E. J. Williams (1949); contestants, workloads and rows are
shuffled by the seed. After every few rounds all servers are started afresh, which samples what differs between two starts
of the same program (memory layout, hash seeds).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from .results import Visit

T = TypeVar("T")


@dataclass(frozen=True)
class CellSpec:
    """A workload at a load, which a contestant is given once a round."""

    route: str
    connections: int
    rate_per_s: int | None = None


ROUNDS_PER_START = 10


@dataclass(frozen=True)
class Turn:
    """One workload at one load in one round: the contestants in the order in which they are loaded."""

    round: int
    cell: CellSpec
    visits: tuple[Visit, ...]


def start_of(round_: int) -> int:
    """Which start of the servers a round belongs to, from 1."""
    return (round_ - 1) // ROUNDS_PER_START + 1


def williams_rows(n: int) -> list[list[list[int]]]:
    """Blocks of n rows of the numbers 0 … n-1, balanced as said above: one block, two if n is odd."""
    first = [(k + 1) // 2 if k % 2 else (n - k // 2) % n for k in range(n)]
    block = [[(number + shift) % n for number in first] for shift in range(n)]
    return [block, [row[::-1] for row in block]] if n % 2 and n > 1 else [block]


def balanced_orders(items: Sequence[T], rounds: int, rng: random.Random) -> Iterator[list[T]]:
    """One order of the items for each round."""
    done = 0
    while done < rounds:
        labels = rng.sample(list(items), len(items))
        for block in williams_rows(len(items)):
            for row in rng.sample(block, len(block)):
                if done == rounds:
                    return
                yield [labels[number] for number in row]
                done += 1


def make(cells: Mapping[str, Sequence[CellSpec]], rounds: int, seed: int) -> list[Visit]:
    """All visits in their order. cells: those of each contestant; the same arguments give the same order."""
    loads = list(dict.fromkeys(cell for own in cells.values() for cell in own))
    participants = {load: [name for name, own in cells.items() if load in own] for load in loads}
    # A stream of its own for each workload: what else is measured does not change the order in its turns.
    turns = {
        load: balanced_orders(names, rounds, random.Random(f"{seed}:{load.route}:{load.connections}"))
        for load, names in participants.items()
    }
    return [
        Visit(number, name, load.route, load.connections, load.rate_per_s)
        for number, order in enumerate(balanced_orders(loads, rounds, random.Random(f"{seed}:workloads")), 1)
        for load in order
        for name in next(turns[load])
    ]


def turns(visits: Sequence[Visit]) -> list[Turn]:
    """The visits by the turns that they belong to, in their order."""

    def key(visit: Visit) -> tuple[int, CellSpec]:
        return visit.round, CellSpec(visit.route, visit.connections, visit.rate_per_s)

    return [Turn(number, cell, tuple(members)) for (number, cell), members in groupby(visits, key=key)]
