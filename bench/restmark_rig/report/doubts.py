"""Verdicts by cause: one line for what many cells share, with the range of its figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..model.results import Cell
from . import numbers
from .table import CellText, Column, Table
from .texts import VERDICTS

_FIGURE = re.compile(r"\d[\d,]*(?:\.\d+)?")
_MASK = "\N{REPLACEMENT CHARACTER}"
NAMED_AT_MOST = 6  # cells of a line that are named; of more there is the number, and those without the verdict


@dataclass
class Cause:
    """A verdict with one kind of evidence. pattern: the evidence with its figures masked; cells: those that have it;
    figures: for each place the figures that stood there, as they were written."""

    verdict: str
    pattern: str
    cells: list[Cell] = field(default_factory=list)
    figures: list[list[str]] = field(default_factory=list)

    def evidence(self) -> str:
        """The evidence with ranges where the cells differ: took 12–62% longer."""
        parts = self.pattern.split(_MASK)
        text = parts[0]
        for written, part in zip(self.figures, parts[1:], strict=True):
            text += _range(written) + part
        return text


def causes(cells: Sequence[Cell]) -> list[Cause]:
    """The verdicts of the cells by cause, the one that most cells share first."""
    found: dict[tuple[str, str], Cause] = {}
    for cell in cells:
        for verdict in cell.verdicts:
            pattern, figures = _FIGURE.sub(_MASK, verdict.evidence), _FIGURE.findall(verdict.evidence)
            cause = found.setdefault((verdict.name, pattern), Cause(verdict.name, pattern))
            cause.figures = cause.figures or [[] for _ in figures]
            cause.cells.append(cell)
            for written, figure in zip(cause.figures, figures, strict=True):
                written.append(figure)
    return sorted(found.values(), key=lambda cause: -len(cause.cells))


def table(cells: Sequence[Cell], name_of: Callable[[Cell], str]) -> Table | None:
    """One row a cause; None without a verdict. name_of: how a cell is called."""
    columns = [Column("Verdict", numeric=False), Column("Cells", numeric=False), Column("Evidence", numeric=False)]
    rows = [
        [
            CellText(f"{VERDICTS[cause.verdict][0]} in {len(cause.cells)} of {numbers.counted(len(cells), 'cell')}"),
            CellText(_which(cause, cells, name_of)),
            CellText(cause.evidence()),
        ]
        for cause in causes(cells)
    ]
    caption = "Verdicts by cause, and the figures that gave them"
    return Table("doubts", caption, columns, rows) if rows else None


def _which(cause: Cause, cells: Sequence[Cell], name_of: Callable[[Cell], str]) -> str:
    """The cells by name where they are few, or those without the cause where these are."""
    if len(cause.cells) <= NAMED_AT_MOST:
        return "; ".join(name_of(cell) for cell in cause.cells)
    keys = {cell.key for cell in cause.cells}
    others = [cell for cell in cells if cell.key not in keys]
    if not others:
        return "all"
    if len(others) <= NAMED_AT_MOST:
        return "all but " + "; ".join(name_of(cell) for cell in others)
    return _by_contestant(cause, cells)


def _by_contestant(cause: Cause, cells: Sequence[Cell]) -> str:
    """How many of each contestant's cells."""
    parts = []
    for name in dict.fromkeys(cell.contestant for cell in cause.cells):
        mine, all_of = (sum(cell.contestant == name for cell in some) for some in (cause.cells, cells))
        parts.append(f"{name} {mine} of {all_of}")
    return numbers.listed(parts)


def _range(written: Sequence[str]) -> str:
    """The least and the largest, as they were written."""
    ordered = sorted(set(written), key=lambda text: float(text.replace(",", "")))
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]}–{ordered[-1]}"
