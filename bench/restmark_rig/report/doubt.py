"""How far a figure may be off for what disturbed the machine beside it. Disturbance only ever slows down."""

from __future__ import annotations

import statistics

from ..results import NOISY, THROTTLED, Cell

# For a cell that is called noisy or throttled in a record that does not say by how much: the most that a neighbour was seen to take.
UNKNOWN_SLOWDOWN = 0.4


def seen_share(cell: Cell) -> float | None:
    """By what share the machine was slower beside the cell than in quiet, 0.1 is 10 %; None where nobody looked.

    Of the rounds' slowdowns the median, since a minority of disturbed rounds does not move the median of the figures.
    """
    known = [entry.slowdown_permille / 1000 - 1 for entry in cell.rounds if entry.slowdown_permille is not None]
    return max(0.0, statistics.median(known)) if known else None


def slowdown_share(cell: Cell) -> float:
    """By what share the cell's median may be worse than on a quiet machine: what was seen, or has to be assumed."""
    seen = seen_share(cell)
    if seen is None:
        return UNKNOWN_SLOWDOWN if {NOISY, THROTTLED} & set(cell.verdict_names) else 0.0
    return seen
