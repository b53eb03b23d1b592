"""Room for a figure: on a desk with labels on the left, on a phone with labels above, each drawn for its width."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """Coordinates of a drawing, CSS pixels on a phone. key: what is added to the figure's key; left and right: of the
    plot; stacked: labels and figures stand above each row, not beside it; ticks: labels that an axis has room for."""

    key: str
    width: float
    left: float
    right: float
    row: float
    stacked: bool
    ticks: int


WIDE = Layout("", 900.0, 214.0, 676.0, 22.0, False, 9)
# 390 px of a phone less the page's margins, so that 12 px of text are 12 px.
NARROW = Layout("-narrow", 358.0, 8.0, 350.0, 34.0, True, 6)
LAYOUTS = (WIDE, NARROW)

_CHARACTER = 7.0  # about the width of one at 12 px, some room included


def width_of(text: str) -> float:
    """About the width of a small text, pixels."""
    return _CHARACTER * len(text)


def inside(layout: Layout, x: float, text: str) -> float:
    """Where to put the middle of a text so that it stays within the drawing."""
    half = width_of(text) / 2 + 2  # a sign such as × is wider than a letter
    return min(max(x, half), layout.width - half)
