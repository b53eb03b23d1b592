"""Draws a study's charts from their data: lines over a logarithmic axis, and ranks as a bump chart, each for a desk and for a phone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..report.dotchart import CIRCLE, DIAMOND, TRIANGLE, draw_shape
from ..report.layout import width_of
from ..report.numbers import plain
from ..report.svg import Figure, LinearAxis, LogAxis, Svg, tick_label
from .record import BUMP, Chart, Point, Series

COLOURS = 8  # classes series-0 … of the style sheet
_SHAPES = (CIRCLE, DIAMOND, TRIANGLE)
_LABEL_GAP = 16.0
_LABEL_LEFT = 30.0  # from the plot to the end labels' text
_TICK_GAP = 8.0  # from the plot to the labels of the axis of y
_TICKED_MAX = 8  # values of x up to which each has its tick
_KEY_LINE = 20.0


@dataclass(frozen=True)
class _Room:
    """Pixels of a drawing: of the plot's edges, and whether names stand at the ends of the lines or in a key above."""

    key: str
    width: float
    left: float
    right: float
    plot: float
    ends: bool


_WIDE = _Room("", 900.0, 76.0, 660.0, 300.0, True)
_NARROW = _Room("-narrow", 358.0, 62.0, 346.0, 240.0, False)


@dataclass(frozen=True)
class _EvenAxis:
    """Values at equal distances. left and right: pixels of the first and the last."""

    values: Sequence[float]
    left: float
    right: float

    def at(self, value: float) -> float:
        """Pixel of one of the values."""
        return self.left + self.values.index(value) / max(1, len(self.values) - 1) * (self.right - self.left)

    def ticks(self) -> list[float]:
        """All of them."""
        return list(self.values)


def figure(chart: Chart) -> Figure | None:
    """The chart's two drawings; None if no series has a point."""
    drawn = [series for series in map(partial(_drawable, chart), chart.series) if series.points]
    if not drawn:
        return None
    longest = max(width_of(_end_text(chart, series)) for series in drawn)
    wide = replace(_WIDE, right=min(_WIDE.right, _WIDE.width - _LABEL_LEFT - longest))
    return Figure(_drawing(chart, drawn, wide), _drawing(chart, drawn, _NARROW))


def _drawable(chart: Chart, series: Series) -> Series:
    """Without the points that a logarithmic axis has no place for: the page is worth more than they are, and described() has them."""
    return replace(series, points=[p for p in series.points if (p.y > 0 or not chart.logarithmic) and (p.x > 0 or chart.even)])


def described(chart: Chart) -> str:
    """The chart as words, for those who do not see it."""
    parts = [
        f"{series.name}: " + (", ".join(f"{plain(p.y)} at {plain(p.x)}" for p in series.points) or series.missing)
        for series in chart.series
    ]
    return f"{chart.y_title} by {chart.x_title}. " + "; ".join(parts) + "."


def style(index: int) -> str:
    """Of the series with that number: the class of its colour."""
    return f"series-{index % COLOURS}"


def _drawing(chart: Chart, drawn: Sequence[Series], room: _Room) -> Svg:
    keys = [] if room.ends else _key_lines(drawn, room)
    top = 26 + _KEY_LINE * len(keys)
    bottom = top + room.plot
    svg = Svg(chart.key + room.key, chart.title, described(chart), room.width, bottom + 46)
    for number, line in enumerate(keys):
        _draw_key(svg, drawn, line, 10 + _KEY_LINE * number)
    points = [point for series in drawn for point in series.points]
    y_axis = _y_axis(chart, points, top, bottom)
    room = replace(room, left=max(room.left, _TICK_GAP + 4 + max(width_of(tick_label(tick)) for tick in y_axis.ticks())))
    xs, edges = sorted({point.x for point in points}), (room.left + 12, room.right - 12)
    x_axis = _EvenAxis(xs, *edges) if chart.even else LogAxis.around(xs, *edges)
    svg.text(4, top - 14, chart.y_title, "axis-title")
    _grid(svg, chart, x_axis, y_axis, room, top, bottom)
    for index, series in enumerate(drawn):
        _draw_series(svg, series, index, x_axis, y_axis)
    if room.ends:
        _end_labels(svg, chart, drawn, y_axis, room, (top, bottom))
    return svg


def _y_axis(chart: Chart, points: Sequence[Point], top: float, bottom: float) -> LogAxis | LinearAxis:
    if chart.kind == BUMP:  # rank 1 is at the top
        worst = max(point.y for point in points)
        return LinearAxis(1.0, worst + 0.5, top - (bottom - top) * 0.5 / worst, bottom)
    values = [value for point in points for value in (point.y, point.low, point.high) if value is not None]
    if chart.logarithmic:
        return LogAxis.around([value for value in values if value > 0], bottom, top)
    return LinearAxis.up_to(max(values), bottom, top)


def _grid(svg: Svg, chart: Chart, x_axis: LogAxis | _EvenAxis, y_axis: LogAxis | LinearAxis, room: _Room, top: float, bottom: float) -> None:
    ticks = y_axis.ticks()
    if chart.kind == BUMP:
        ticks = [tick for tick in ticks if 1 <= tick <= len(chart.series)]
    every = 1 + (len(ticks) - 1) // 9
    for number, tick in enumerate(ticks):
        if number % every == 0:
            svg.line(room.left, y_axis.at(tick), room.right, y_axis.at(tick), "grid")
            svg.text(room.left - _TICK_GAP, y_axis.at(tick), tick_label(tick), "tick", "end")
    xs = sorted({point.x for series in chart.series for point in series.points})
    last = -100.0
    for x in xs if len(xs) <= _TICKED_MAX else x_axis.ticks():
        at = x_axis.at(x)
        svg.line(at, top, at, bottom, "grid")
        label = f"{x:,.0f}" if x >= 10 else f"{x:.3g}"
        if at - last > width_of(label) + 4:
            svg.text(_inside(room, at, label), bottom + 13, label, "tick", "middle")
            last = at
    title = f"{chart.x_title} (logarithmic)" if room.ends and not chart.even else chart.x_title
    svg.text(_inside(room, (room.left + room.right) / 2, title), bottom + 31, title, "axis-title", "middle")


def _inside(room: _Room, x: float, text: str) -> float:
    """Where to put the middle of a text so that it stays within the drawing."""
    half = width_of(text) / 2 + 1
    return min(max(x, half), room.width - half)


def _draw_series(svg: Svg, series: Series, index: int, x_axis: LogAxis | _EvenAxis, y_axis: LogAxis | LinearAxis) -> None:
    css = style(index)
    places = [(x_axis.at(point.x), y_axis.at(point.y)) for point in series.points]
    for (x1, y1), (x2, y2) in itertools.pairwise(places):
        svg.line(x1, y1, x2, y2, f"line {css}")
    for point, (x, y) in zip(series.points, places, strict=True):
        if point.low and point.high:
            svg.line(x, y_axis.at(point.low), x, y_axis.at(point.high), "interval")
        draw_shape(svg, _SHAPES[index % len(_SHAPES)], x, y, f"mark {css}")


def _end_text(chart: Chart, series: Series) -> str:
    return series.name if chart.kind == BUMP else f"{series.name}  {plain(series.points[-1].y)}"


def _end_labels(svg: Svg, chart: Chart, drawn: Sequence[Series], y_axis: LogAxis | LinearAxis, room: _Room, edges: tuple[float, float]) -> None:
    """The names behind the last points, moved apart where they would cover each other."""
    wanted = sorted(
        ((y_axis.at(series.points[-1].y), index, series) for index, series in enumerate(drawn)), key=lambda entry: (entry[0], entry[1])
    )
    places: list[float] = []
    for y, _, _ in wanted:
        places.append(max(y, places[-1] + _LABEL_GAP) if places else y)
    surplus = max(0.0, places[-1] - edges[1])
    for number in range(len(places) - 1, -1, -1):
        limit = edges[1] if number == len(places) - 1 else places[number + 1] - _LABEL_GAP
        places[number] = min(places[number], limit) if surplus else places[number]
    for place, (_, index, series) in zip(places, wanted, strict=True):
        draw_shape(svg, _SHAPES[index % len(_SHAPES)], room.right + 14, place, f"mark {style(index)}")
        svg.text(room.right + 26, place, _end_text(chart, series), "label")


def _key_lines(drawn: Sequence[Series], room: _Room) -> list[list[int]]:
    lines: list[list[int]] = [[]]
    for index, series in enumerate(drawn):
        used = sum(_key_width(drawn[other]) for other in lines[-1])
        if lines[-1] and used + _key_width(series) > room.width:
            lines.append([])
        lines[-1].append(index)
    return lines


def _key_width(series: Series) -> float:
    return width_of(series.name) + 30


def _draw_key(svg: Svg, drawn: Sequence[Series], line: Sequence[int], y: float) -> None:
    x = 4.0
    for index in line:
        draw_shape(svg, _SHAPES[index % len(_SHAPES)], x + 6, y, f"mark {style(index)}")
        svg.text(x + 18, y, drawn[index].name, "tick")
        x += _key_width(drawn[index])
