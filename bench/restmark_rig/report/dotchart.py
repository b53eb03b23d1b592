"""Dots with intervals on a logarithmic axis: what a figure says as data, and its drawing for a desk and for a phone.

No bar is drawn: an axis of doublings has no zero from which its length could begin.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from . import badges
from .layout import NARROW, WIDE, Layout, inside, width_of
from .svg import Figure, LinearAxis, LogAxis, Svg, tick_label

CIRCLE, DIAMOND, TRIANGLE = "circle", "diamond", "triangle"
_GROUP = 30.0
_KEY_LINE = 20.0
_NOTE = 18.0
_FIGURE_GAP = 14.0


@dataclass(frozen=True)
class Mark:
    """A figure on the axis, above 0. css: its colour's class."""

    value: float
    css: str
    shape: str = CIRCLE


@dataclass(frozen=True)
class Row:
    """One contestant. low and high: ends of the line through the marks; text: the figures in digits; doubts: verdict
    names, with which the marks are hollow; missing: why there is no mark."""

    label: str
    marks: Sequence[Mark] = ()
    low: float | None = None
    high: float | None = None
    text: str = ""
    doubts: tuple[str, ...] = ()
    missing: str = ""
    strong: bool = False

    def reason(self) -> str:
        """Why there is no mark, with the verdicts."""
        return ", ".join(part for part in (self.missing, badges.in_words(self.doubts)) if part)

    def spoken(self) -> str:
        """The row as words, for those who do not see the figure."""
        if not self.marks:
            return f"{self.label} {self.reason()}"
        words = badges.in_words(self.doubts)
        return f"{self.label} {self.text}" + (f" ({words})" if words else "")

    def figures(self, layout: Layout) -> str:
        """What stands beside the label: digits, and doubts as far as there is room for words."""
        doubts = badges.in_symbols(self.doubts) if layout.stacked else f" {badges.in_words(self.doubts)}"
        return f"{self.text} {doubts}".strip()


@dataclass(frozen=True)
class Line:
    """A vertical line at a value. short: the text where there is little room; css: its class, also of its text with
    "-label" behind."""

    value: float
    text: str
    short: str
    css: str


@dataclass(frozen=True)
class Key:
    """An entry of the key: a mark, or none with shape "", and what it means."""

    text: str
    css: str = "mark"
    shape: str = CIRCLE


@dataclass(frozen=True)
class DotChart:
    """A whole figure. groups: a title ("" for none) and the rows below it; unit: what is put behind each tick."""

    key: str
    title: str
    axis_title: str
    groups: Sequence[tuple[str, Sequence[Row]]]
    line: Line | None = None
    keys: Sequence[Key] = ()
    notes: Sequence[str] = ()
    unit: str = ""
    spoken: str = field(default="", kw_only=True)

    def values(self) -> list[float]:
        """All that has to be on the axis."""
        found = [self.line.value] if self.line else []
        for row in self.rows():
            found += [mark.value for mark in row.marks]
            found += [end for end in (row.low, row.high) if end]
        return found

    def rows(self) -> Iterator[Row]:
        """The rows of all groups."""
        return itertools.chain.from_iterable(rows for _, rows in self.groups)

    def description(self) -> str:
        """The figure as words."""
        parts = [
            (f"{title}: " if title else "") + "; ".join(row.spoken() for row in rows) for title, rows in self.groups
        ]
        return ". ".join([*parts, *([self.spoken] if self.spoken else [])]) + "."


def figure(chart: DotChart) -> Figure | None:
    """The chart's two drawings; None if no row has a mark."""
    if not any(row.marks for row in chart.rows()):
        return None
    return Figure(_drawing(chart, WIDE), _drawing(chart, NARROW))


def _drawing(chart: DotChart, layout: Layout) -> Svg:
    key_lines = list(_key_lines(chart.keys, layout))
    top = 8 + _KEY_LINE * len(key_lines) + (22 if chart.line else 4)
    bottom = top + sum((_GROUP if title else 0) + layout.row * len(rows) for title, rows in chart.groups)
    foot = bottom + axis_height(layout)
    height = foot + _NOTE * len(chart.notes)
    svg = Svg(chart.key + layout.key, chart.title, chart.description(), layout.width, height)
    axis = LogAxis.around(chart.values(), layout.left, layout.right)
    draw_axis(svg, axis, layout, top, bottom, chart.axis_title, chart.unit)
    for number, line in enumerate(key_lines):
        _draw_key(svg, line, layout, 16 + _KEY_LINE * number)
    if chart.line:
        x = axis.at(chart.line.value)
        svg.line(x, top - 6, x, bottom, chart.line.css)
        text = chart.line.short if layout.stacked else chart.line.text
        svg.text(inside(layout, x, text), top - 14, text, f"{chart.line.css}-label", "middle")
    y = top
    for title, rows in chart.groups:
        if title:
            svg.text(layout.left if layout.stacked else 6, y + 19, title, "group")
            y += _GROUP
        for row in rows:
            _draw_row(svg, axis, layout, row, y)
            y += layout.row
    for number, note in enumerate(chart.notes):
        svg.text(layout.left, foot + _NOTE * number + 6, note, "tick")
    return svg


def axis_height(layout: Layout) -> float:
    """What labels and title of an axis take below the plot."""
    return 54.0 if layout.stacked else 38.0


def draw_axis(
    svg: Svg, axis: LogAxis | LinearAxis, layout: Layout, top: float, bottom: float, title: str, unit: str = ""
) -> None:
    """Grid, labels below (as many as there is room for), and the axis title."""
    ticks = axis.ticks()
    every = 1 + (len(ticks) - 1) // layout.ticks
    for index, tick in enumerate(ticks):
        x = axis.at(tick)
        svg.line(x, top, x, bottom, "grid")
        if index % every == 0:
            label = tick_label(tick) + unit
            svg.text(inside(layout, x, label), bottom + 11, label, "tick", "middle")
    middle = (layout.left + layout.right) / 2
    scale = "each line a doubling" if isinstance(axis, LogAxis) else "linear"
    lines = [title, f"({scale})"] if layout.stacked else [f"{title} ({scale})"]
    for number, line in enumerate(lines):
        svg.text(inside(layout, middle, line), bottom + 27 + 15 * number, line, "axis-title", "middle")


def _draw_row(svg: Svg, axis: LogAxis, layout: Layout, row: Row, y: float) -> None:
    label = "label strong" if row.strong else "label"
    if layout.stacked:
        words, middle = y + 10, y + 25
        svg.text(layout.left, words, row.label, label)
        if row.marks:
            svg.text(layout.right, words, row.figures(layout), "value", "end")
    else:
        middle = y + layout.row / 2
        svg.text(layout.left - _FIGURE_GAP, middle, row.label, label, "end")
        if row.marks:
            svg.text(layout.right + _FIGURE_GAP, middle, row.figures(layout), "value")
    if not row.marks:
        svg.text(layout.left if layout.stacked else layout.left + 4, middle, row.reason(), "value missing")
        return
    svg.line(layout.left, middle, layout.right, middle, "guide")
    if row.low and row.high:
        svg.line(axis.at(row.low), middle, axis.at(row.high), middle, "interval")
        for end in (row.low, row.high):
            svg.line(axis.at(end), middle - 4, axis.at(end), middle + 4, "interval")
    for mark in row.marks:
        css = f"mark {mark.css}" + (" doubtful" if row.doubts else "")
        draw_shape(svg, mark.shape, axis.at(mark.value), middle, css)


def draw_shape(svg: Svg, shape: str, x: float, y: float, css: str) -> None:
    """A mark by the name of its shape."""
    {CIRCLE: svg.circle, DIAMOND: svg.diamond, TRIANGLE: svg.triangle}[shape](x, y, 5 if shape == CIRCLE else 6, css)


def _key_lines(keys: Sequence[Key], layout: Layout) -> Iterator[list[Key]]:
    """The entries in lines that fit."""
    line: list[Key] = []
    for key in keys:
        if line and sum(map(_key_width, [*line, key])) > layout.width - (0 if layout.stacked else layout.left):
            yield line
            line = []
        line.append(key)
    if line:
        yield line


def _key_width(key: Key) -> float:
    return width_of(key.text) + (34 if key.shape else 16)


def _draw_key(svg: Svg, line: Sequence[Key], layout: Layout, y: float) -> None:
    x = layout.left
    for key in line:
        if key.shape:
            draw_shape(svg, key.shape, x + 6, y, key.css)
        svg.text(x + (18 if key.shape else 0), y, key.text, "tick")
        x += _key_width(key)
