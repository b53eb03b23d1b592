"""What rules of verdicts have in common: cells by their labels, ratios of two cells with an interval, and tables of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..model import stats
from ..model.stats import Estimate, Scatter
from ..report import numbers
from .record import OPEN, Cell, Finding


def standing(cells: Sequence[Cell], **labels: str) -> list[Cell]:
    """Those with these labels that have figures and lost none."""
    return [cell for cell in cells if cell.rounds and not cell.lost and all(cell.labels.get(name) == value for name, value in labels.items())]


def the(cells: Sequence[Cell], **labels: str) -> Cell | None:
    """The one with these labels that stands; None if there is none."""
    found = standing(cells, **labels)
    return found[0] if found else None


def values_of(cells: Sequence[Cell], label: str) -> list[str]:
    """The different values of a label, in their order."""
    return list(dict.fromkeys(cell.labels[label] for cell in cells if label in cell.labels))


def scatter(cells: Sequence[Cell], figure: str) -> Scatter | None:
    """What cells of the same rounds have in common of it."""
    rows = [cell.values(figure) for cell in standing(cells) if figure in cell.rounds[0] and min(cell.values(figure)) > 0]
    length = min((len(row) for row in rows), default=0)
    return stats.paired_scatter([row[:length] for row in rows])


def ratio(above: Cell, below: Cell, figure: str, neighbours: Scatter | None, comparisons: int = 1) -> Estimate | None:
    """How many times the figure of the one is that of the other, round by round; None where a figure is 0."""
    pairs = list(zip(above.values(figure), below.values(figure), strict=False))
    if not pairs or any(low <= 0 or high <= 0 for low, high in pairs):
        return None
    return stats.ratio([a for a, _ in pairs], [b for _, b in pairs], paired=True, neighbours=neighbours, comparisons=comparisons)


def middle(cell: Cell, figure: str) -> Estimate:
    """The median of its rounds."""
    return stats.median(cell.values(figure))


def surely_above(estimate: Estimate | None, limit: float) -> bool:
    """Whether the whole interval lies above."""
    return estimate is not None and estimate.low is not None and estimate.low > limit


def surely_below(estimate: Estimate | None, limit: float) -> bool:
    """Whether the whole interval lies below."""
    return estimate is not None and estimate.high is not None and estimate.high < limit


def factor(estimate: Estimate | None) -> str:
    """A ratio with its interval: 2.10× (2.04 to 2.17)."""
    if estimate is None:
        return numbers.MISSING
    return f"{numbers.factor(estimate.value)} ({numbers.interval(estimate)})"


def lost(cells: Sequence[Cell]) -> list[str]:
    """Who lost cells, and why, each reason once."""
    return list(dict.fromkeys(f"{' / '.join(cell.labels.values())}: {cell.lost}" for cell in cells if cell.lost))


def untold(why: str) -> Finding:
    """Nothing could be found out."""
    return Finding(OPEN, why)
