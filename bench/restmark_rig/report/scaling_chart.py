"""The figure of scaling: a curve of requests/s over the number of workers for each contestant, both from an honest zero."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from . import numbers
from .dotchart import axis_height, draw_axis
from .layout import NARROW, WIDE, Layout, width_of
from .scaling import Curve, Point
from .svg import Figure, LinearAxis, Svg
from .texts import title_of

_HEIGHT_A_WORKER = 30.0
_GAP = 16.0
_COUNT = 26.0


def figure(number: int, curves: Sequence[Curve]) -> Figure | None:
    """The curves of one workload and load; None where no figure stands. number: of the figure, for its key."""
    shown = [curve for curve in curves if len(_known(curve)) > 1]
    return Figure(_drawing(number, shown, WIDE), _drawing(number, shown, NARROW)) if shown else None


def _known(curve: Curve) -> list[Point]:
    return [point for point in curve.points if point.requests_per_s is not None]


def _speed(point: Point) -> float:
    return point.requests_per_s.value if point.requests_per_s else 0.0


def _drawing(number: int, curves: Sequence[Curve], layout: Layout) -> Svg:
    words = "; ".join(
        f"{title_of(curve.contestant)}: " + ", ".join(f"{point.workers} workers {numbers.plain(_speed(point))}/s" for point in _known(curve))
        for curve in curves
    )
    above = 20.0 if layout.stacked else 0.0
    top = 8.0
    bottom = top + sum(above + _GAP + _HEIGHT_A_WORKER * len(_known(curve)) for curve in curves)
    svg = Svg(f"scaling-{number}{layout.key}", "Requests/s by number of workers", f"{words}. Longer is better.", layout.width, bottom + axis_height(layout))
    figures = width_of("123,456 · 1,234 µs") + 8
    largest = max(_speed(point) for curve in curves for point in curve.points)
    axis = LinearAxis.up_to(largest, layout.left + _COUNT, layout.right - figures)
    draw_axis(svg, axis, layout, top, bottom, "requests/s by number of workers, longer is better; CPU µs per request behind it")
    y = top
    for curve in curves:
        known = _known(curve)
        label = "label strong" if curve.contestant.is_ours else "label"
        if layout.stacked:
            svg.text(layout.left, y + 14, title_of(curve.contestant), label)
        else:
            svg.text(layout.left - 14, y + (_GAP + _HEIGHT_A_WORKER * len(known)) / 2, title_of(curve.contestant), label, "end")
        y += above + _GAP / 2
        _draw_curve(svg, axis, known, y)
        y += _HEIGHT_A_WORKER * len(known) + _GAP / 2
    return svg


def _draw_curve(svg: Svg, axis: LinearAxis, points: Sequence[Point], top: float) -> None:
    places = [(axis.at(_speed(point)), top + _HEIGHT_A_WORKER * (row + 0.5)) for row, point in enumerate(points)]
    for (x, y), (next_x, next_y) in itertools.pairwise(places):
        svg.line(x, y, next_x, next_y, "interval")
    for (x, y), point in zip(places, points, strict=True):
        svg.text(axis.left - 6, y, str(point.workers), "tick", "end")
        svg.circle(x, y, 4, "mark")
        cost = "" if point.cpu_us is None else f" · {numbers.plain(point.cpu_us.value)} µs"
        svg.text(x + 10, y, f"{numbers.plain(_speed(point))}{cost}", "value small")
