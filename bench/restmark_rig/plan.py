"""The order of a run: rounds that visit every cell once, shuffled, and balanced so that no place favours anybody.

Within a round each contestant is started once and visits its own cells in one sitting. Over n rounds of n contestants
each one takes each place in the round once, and over a whole square (n rounds, 2n if n is odd) each one also follows
each other one equally often: what a server leaves behind for the next one (a warm CPU, a full cache) is spread over
all. The squares are those of E. J. Williams (1949); contestants and rows are shuffled by the seed.
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
    """A contestant's cell, to be visited once a round."""

    route: str
    connections: int
    rate_per_s: int | None = None


@dataclass(frozen=True)
class Sitting:
    """One start of one contestant in a round, and the visits it is started for."""

    round: int
    contestant: str
    visits: tuple[Visit, ...]


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
    contestants = balanced_orders(list(cells), rounds, random.Random(f"{seed}:contestants"))
    # A stream of its own for each contestant: who else takes part does not change the order of its cells.
    inner = {name: balanced_orders(own, rounds, random.Random(f"{seed}:{name}")) for name, own in cells.items()}
    return [
        Visit(number, name, cell.route, cell.connections, cell.rate_per_s)
        for number, names in enumerate(contestants, 1)
        for name in names
        for cell in next(inner[name])
    ]


def sittings(visits: Sequence[Visit]) -> list[Sitting]:
    """The visits by the starts that they need, in their order."""
    return [
        Sitting(number, name, tuple(members))
        for (number, name), members in groupby(visits, key=lambda visit: (visit.round, visit.contestant))
    ]
