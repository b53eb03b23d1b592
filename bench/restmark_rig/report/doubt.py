"""How far a figure may be off for what disturbed the machine beside it. Disturbance only ever slows down."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from ..model.results import NOISY, THROTTLED, Cell
from .metrics import Metric

# For a cell that is called noisy or throttled in a record that does not say by how much: the most that a neighbour was seen to take.
UNKNOWN_SLOWDOWN = 0.4


def seen_share(cell: Cell) -> float | None:
    """By what share the machine was slower beside the cell than in quiet, 0.1 is 10 %; None where nobody looked.

    Of the rounds' slowdowns the median, since a minority of disturbed rounds does not move the median of the figures.
    """
    known = [entry.slowdown_permille / 1000 - 1 for entry in cell.rounds if entry.slowdown_permille is not None]
    return max(0.0, statistics.median(known)) if known else None


def slowdown_share(cell: Cell, metric: Metric) -> float:
    """By what share the cell's median may be worse than on a quiet machine: what was seen, or has to be assumed.

    CPUs that others had take answers from a second, and time from an answer, but no CPU time from a request.
    """
    seen = seen_share(cell)
    slow = seen if seen is not None else UNKNOWN_SLOWDOWN if {NOISY, THROTTLED} & set(cell.verdict_names) else 0.0
    if metric.is_cpu_time:
        return slow
    taken = max(
        _median_share([entry.foreign_server_permille for entry in cell.rounds]),
        _median_share([entry.foreign_client_permille for entry in cell.rounds]),
    )
    return (1 + slow) / (1 - min(taken, 0.9)) - 1


def _median_share(permille: Sequence[int | None]) -> float:
    known = [value / 1000 for value in permille if value is not None]
    return statistics.median(known) if known else 0.0
