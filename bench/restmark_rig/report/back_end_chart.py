"""Where a request's time goes, asked one at a time: a stacked bar for each contestant, from an honest zero."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.workloads import requested
from . import numbers
from .back_ends import Parts
from .dotchart import axis_height, draw_axis
from .layout import NARROW, WIDE, Layout, width_of
from .svg import Figure, LinearAxis, Svg
from .texts import title_of

_BAR = 18.0
_GAP = 6.0
_LEGEND = (("part-server", "server"), ("part-database", "database"), ("part-cache", "cache"), ("part-wait", "waiting"))
_KEY_WIDTH = 110.0


def figure(route: str, found: Sequence[Parts]) -> Figure | None:
    """None where there is nothing to draw."""
    return Figure(_drawing(route, found, WIDE), _drawing(route, found, NARROW)) if found else None


def _drawing(route: str, found: Sequence[Parts], layout: Layout) -> Svg:
    words = "; ".join(
        f"{title_of(parts.contestant)}: " + ", ".join(f"{text} {numbers.plain(us)} µs" for (_, text), us in zip(_LEGEND, parts.values, strict=True))
        for parts in found
    )
    above = 20.0 if layout.stacked else 0.0
    per_line = 3 if layout.stacked else len(_LEGEND)
    top = 8.0 + 20 * -(-len(_LEGEND) // per_line)
    bottom = top + (above + _GAP + _BAR) * len(found)
    key = f"back-ends-{route.strip('/').replace('/', '-')}{layout.key}"
    svg = Svg(key, _title(route, found), f"{words}. Shorter is better.", layout.width, bottom + axis_height(layout))
    figures = width_of("12,345") + 8
    axis = LinearAxis.up_to(max(sum(parts.values) for parts in found), layout.left, layout.right - (figures if layout.stacked else 0))
    draw_axis(svg, axis, layout, top, bottom, "µs for each request, shorter is better")
    for number, (css, text) in enumerate(_LEGEND):
        x, y = layout.left + _KEY_WIDTH * (number % per_line), 12 + 20.0 * (number // per_line)
        svg.rectangle(x, y - 6, 14, 12, f"bar {css}")
        svg.text(x + 20, y, text, "tick")
    y = top
    for parts in found:
        label = "label strong" if parts.contestant.is_ours else "label"
        if layout.stacked:
            svg.text(layout.left, y + 14, title_of(parts.contestant), label)
        else:
            svg.text(layout.left - 14, y + (_GAP + _BAR) / 2, title_of(parts.contestant), label, "end")
        y += above + _GAP / 2
        _draw_bar(svg, axis, parts, y)
        y += _BAR + _GAP / 2
    return svg


def _title(route: str, found: Sequence[Parts]) -> str:
    """What part the server has of the shortest time, and of the longest."""
    by_length = sorted(found, key=lambda parts: sum(parts.values))
    told = [f"{100 * parts.values[0] / sum(parts.values):.0f} % of the time on {title_of(parts.contestant)}" for parts in by_length if sum(parts.values) > 0]
    if not told:
        return f"{requested(route)}: where the time of a request goes, one at a time"
    return f"{requested(route)}, one at a time: the server is " + " and ".join(dict.fromkeys([*told[:1], *told[-1:]]))


def _draw_bar(svg: Svg, axis: LinearAxis, parts: Parts, y: float) -> None:
    total = 0.0
    for (css, _), us in zip(_LEGEND, parts.values, strict=True):
        begin, total = axis.at(total), total + us
        svg.rectangle(begin, y + 2, axis.at(total) - begin, _BAR - 4, f"bar {css}")
    svg.text(axis.at(total) + 6, y + _BAR / 2, numbers.plain(total), "value small")
