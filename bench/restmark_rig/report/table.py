"""A table as data, rendered as HTML by the template and as Markdown here, so that both show the same digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

HEAT_LIMITS = (1.25, 2.0, 4.0, 10.0, 32.0)  # upper limits of the shades 1 to 5; ties with the best have 0, worse has 6


@dataclass(frozen=True)
class Column:
    """numeric columns are set flush right. hint: a longer title."""

    title: str
    numeric: bool = True
    hint: str = ""


@dataclass(frozen=True)
class CellText:
    """One cell. raw: the unrounded figure behind text; heat: 0 (best) to 6; note: small print behind the text;
    badges: verdict names; dim: shown, but not to be ranked."""

    text: str
    raw: float | None = None
    heat: int | None = None
    note: str = ""
    hint: str = ""
    badges: tuple[str, ...] = ()
    dim: bool = False


@dataclass(frozen=True)
class Table:
    """caption: what the table says, one sentence. The first column is the row's heading."""

    key: str
    caption: str
    columns: list[Column]
    rows: list[list[CellText]] = field(default_factory=list)
    heated: bool = False


def heat(factor: float | None, tied_with_best: bool = False) -> int | None:
    """Shade for a factor to the best."""
    if factor is None:
        return None
    if tied_with_best or factor <= 1:
        return 0
    return 1 + sum(factor > limit for limit in HEAT_LIMITS)


def markdown(table: Table, badge_names: dict[str, str]) -> str:
    """The table in Markdown, with its caption in front."""
    head = [column.title for column in table.columns]
    rule = ["---:" if column.numeric else "---" for column in table.columns]
    rows = [[_markdown_cell(cell, badge_names) for cell in row] for row in table.rows]
    lines = [head, rule, *rows]
    return f"{escape(table.caption)}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _markdown_cell(cell: CellText, badge_names: dict[str, str]) -> str:
    parts: Sequence[str] = [cell.text, cell.note, *(f"[{badge_names[name]}]" for name in cell.badges)]
    return escape(" ".join(part for part in parts if part))


def escape(text: str) -> str:
    """Text that Markdown shows as it is, also within a table."""
    for character in "\\`*_<>|[]":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())
