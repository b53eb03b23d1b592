"""The figure of memory: stacked bars from an honest zero, a bar for each number of workers."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.memory_records import LOAD
from ..model.results import ContestantRecord
from . import numbers
from .dotchart import axis_height, draw_axis
from .layout import NARROW, WIDE, Layout, width_of
from .memory import Footprint, Memory
from .svg import Figure, LinearAxis, Svg
from .texts import title_of

_BAR = 16.0
_GAP = 10.0
_COUNT = 26.0  # for the number of workers before each bar
_KEYS = (
    ("bar private", "private to one process (ΣUSS)"),
    ("bar shared", "shared, counted once (ΣPSS − ΣUSS)"),
)
Group = tuple[ContestantRecord, Sequence[Footprint]]


def memory_bars(memory: Memory, phase: str = LOAD) -> Figure | None:
    """What each process has alone, and what they share, counted once."""
    groups: list[Group] = []
    for contestant in memory.contestants:
        found = [memory.footprint(contestant.name, workers, phase) for workers in memory.worker_counts]
        known = [f for f in found if f and f.pss_kib is not None and f.uss_kib is not None]
        if known:
            groups.append((contestant, known))
    return Figure(_drawing(groups, phase, WIDE), _drawing(groups, phase, NARROW)) if groups else None


def _drawing(groups: Sequence[Group], phase: str, layout: Layout) -> Svg:
    words = "; ".join(
        f"{title_of(contestant)}: " + ", ".join(f"{f.workers} workers {numbers.mib(f.pss_kib)} MiB" for f in prints)
        for contestant, prints in groups
    )
    above = 20.0 if layout.stacked else 0.0
    top = 8.0 + 20 * (len(_KEYS) if layout.stacked else 1)
    bottom = top + sum(above + _GAP + _BAR * len(prints) for _, prints in groups)
    height = bottom + axis_height(layout)
    key = f"memory-{phase}{layout.key}"
    svg = Svg(key, "Memory by number of workers", f"{words}. Shorter is better.", layout.width, height)
    largest = max((f.pss_kib or 0) / 1024 for _, prints in groups for f in prints)
    figures = width_of("1,234") + 8  # the digits stand behind the bars
    axis = LinearAxis.up_to(largest, layout.left + _COUNT, layout.right - (figures if layout.stacked else 0))
    draw_axis(svg, axis, layout, top, bottom, "ΣPSS, MiB, shorter is better")
    _draw_keys(svg, layout)
    y = top
    for contestant, prints in groups:
        label = "label strong" if contestant.is_ours else "label"
        if layout.stacked:
            svg.text(layout.left, y + 14, title_of(contestant), label)
        else:
            svg.text(layout.left - 14, y + (_GAP + _BAR * len(prints)) / 2, title_of(contestant), label, "end")
        y += above + _GAP / 2
        for print_ in prints:
            _draw_bar(svg, axis, print_, y)
            y += _BAR
        y += _GAP / 2
    return svg


def _draw_keys(svg: Svg, layout: Layout) -> None:
    for number, (css, text) in enumerate(_KEYS):
        x = layout.left + (0 if layout.stacked else 270 * number)
        y = 12 + (20 * number if layout.stacked else 0)
        svg.rectangle(x, y - 6, 14, 12, css)
        svg.text(x + 20, y, text, "tick")


def _draw_bar(svg: Svg, axis: LinearAxis, print_: Footprint, y: float) -> None:
    private = axis.at((print_.uss_kib or 0) / 1024)
    total = axis.at(((print_.uss_kib or 0) + (print_.shared_once_kib or 0)) / 1024)
    svg.text(axis.left - 6, y + _BAR / 2, str(print_.workers), "tick", "end")
    svg.rectangle(axis.left, y + 2, private - axis.left, _BAR - 4, "bar private")
    svg.rectangle(private, y + 2, total - private, _BAR - 4, "bar shared")
    svg.text(total + 6, y + _BAR / 2, numbers.mib(print_.pss_kib), "value small")
