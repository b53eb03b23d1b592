"""The figures: dot plots with intervals, the original's graph remade, latency ranges, and stacked memory."""

from __future__ import annotations

from collections.abc import Sequence

from ..results import LIMIT_CONTESTANT, LOAD, Cell, ContestantRecord
from ..statistics import Estimate
from ..workloads import ROUTE_ROOT, ROUTE_TRANSFER
from . import numbers
from .analysis import Analysis, Load, Standing
from .memory import Memory
from .metrics import CPU_US_PER_REQUEST, REQUESTS_PER_S, Metric, latency
from .svg import LinearAxis, LogAxis, Svg, tick_label
from .texts import VERDICTS

_WIDTH = 820.0
_LEFT = 200.0
_RIGHT = 640.0
_ROW = 24.0
_TOP = 44.0
_BOTTOM = 34.0
_LANGUAGE_CLASSES = 6


def _axis(svg: Svg, axis: LogAxis | LinearAxis, top: float, bottom: float, title: str) -> None:
    """Grid, labels below (every second one where they would touch), and the axis title."""
    ticks = axis.ticks()
    every = 1 + (len(ticks) - 1) // 8
    for index, tick in enumerate(ticks):
        x = axis.at(tick)
        svg.line(x, top, x, bottom, "grid")
        if index % every == 0:
            label = tick_label(tick)
            svg.text(x, bottom + 11, label, "tick", "middle")
    scale = "logarithmic, each line a doubling" if isinstance(axis, LogAxis) else "linear"
    svg.text((axis.left + axis.right) / 2, bottom + 26, f"{title} ({scale})", "axis-title", "middle")


def _label(svg: Svg, standing: Standing, x: float, y: float, css: str = "label") -> None:
    """The contestant's title; a dagger where it was asked over fewer connections than the others."""
    fewer = standing.cell.connections_used < standing.cell.connections
    ours = " ours" if standing.contestant.is_ours else ""
    svg.text(x, y, standing.contestant.title + (" †" if fewer else ""), css + ours, "end")


def _dagger_note(svg: Svg, standings: Sequence[Standing]) -> None:
    """What the dagger means, if one is drawn: such a contestant is asked less, and its queue is shorter."""
    if any(standing.cell.connections_used < standing.cell.connections for standing in standings):
        svg.text(_LEFT - 12, svg.height - 8, "† over fewer connections", "tick", "end")


def _badges(cell: Cell, metric: Metric) -> str:
    """The first verdict and how many there are beside it: figures have room for no more, the tables have them all."""
    names = [VERDICTS[name][0] for name in cell.verdict_names if name not in metric.tolerates]
    return names[0] + (f" +{len(names) - 1}" if len(names) > 1 else "") if names else ""


def limit_of(analysis: Analysis, route: str, load: Load, metric: Metric) -> tuple[Estimate, str] | None:
    """What a bare epoll loop reaches, and on which route: /transfer-data has its own, small answers share that of /."""
    own = ROUTE_TRANSFER if route == ROUTE_TRANSFER else ROUTE_ROOT
    cell = analysis.results.cell(LIMIT_CONTESTANT, own, load.connections, load.rate_per_s or None)
    estimate = analysis.estimate(cell, metric) if cell else None
    if cell is None or estimate is None or estimate.value <= 0:
        return None
    doubts = _badges(cell, metric)
    return estimate, f"GET {own}" + (f", {doubts}" if doubts else "")


def dot_plot(analysis: Analysis, route: str, load: Load, metric: Metric) -> Svg | None:
    """One workload: a dot a contestant with its interval, and the limit as a line. None without figures."""
    rows = [s for s in analysis.standings(route, load, metric) if s.estimate is not None and s.estimate.value > 0]
    rows = [s for s in rows if not s.contestant.is_limit]
    rows.sort(key=lambda s: s.estimate.value if s.estimate else 0, reverse=metric.higher_is_better)
    limit = limit_of(analysis, route, load, metric)
    if not rows:
        return None
    bottom = _TOP + _ROW * len(rows)
    words = "; ".join(f"{s.contestant.title} {numbers.plain(s.estimate.value)}" for s in rows if s.estimate)
    key = f"dots-{metric.key}-{route.strip('/') or 'root'}-{load.rate_per_s}-{load.connections}"
    limit_words = f" Limit of a bare epoll loop: {numbers.plain(limit[0].value)}." if limit else ""
    better = "right" if metric.higher_is_better else "left"
    title = f"GET {route}: {metric.title}, {load.title}"
    svg = Svg(key, title, f"{words}.{limit_words} Further {better} is better.", _WIDTH, bottom + _BOTTOM)
    ends = [end for s in rows if s.estimate for end in (s.estimate.value, s.estimate.low, s.estimate.high) if end]
    axis = LogAxis.around([*ends, *([limit[0].value] if limit else [])], _LEFT, _RIGHT)
    _axis(svg, axis, _TOP, bottom, f"{metric.title}, further {better} is better")
    if limit:
        x = axis.at(limit[0].value)
        svg.line(x, _TOP - 6, x, bottom, "limit")
        text = f"limit: bare epoll loop {numbers.plain(limit[0].value)} ({limit[1]})"
        half = 3.6 * len(text)  # about half the width of the text, which has to stay within the drawing
        svg.text(min(max(x, half), _WIDTH - half), _TOP - 16, text, "limit-label", "middle")
    for index, standing in enumerate(rows):
        _dot(svg, axis, standing, _TOP + _ROW * (index + 0.5), _badges(standing.cell, metric))
    _dagger_note(svg, rows)
    return svg


def _dot(svg: Svg, axis: LogAxis, standing: Standing, y: float, doubts: str) -> None:
    estimate = standing.estimate
    assert estimate is not None
    x = axis.at(estimate.value)
    _label(svg, standing, _LEFT - 12, y)
    svg.line(_LEFT, y, x, y, "lead")
    if estimate.low and estimate.high:
        svg.line(axis.at(estimate.low), y, axis.at(estimate.high), y, "interval")
        for end in (estimate.low, estimate.high):
            svg.line(axis.at(end), y - 4, axis.at(end), y + 4, "interval")
    if standing.contestant.is_reference:
        svg.diamond(x, y, 6, "mark reference")
    elif standing.factor is None:
        svg.circle(x, y, 5, "mark doubtful")
    else:
        svg.circle(x, y, 5, "mark ours" if standing.contestant.is_ours else "mark")
    text = numbers.plain(estimate.value) + (f"  {doubts}" if doubts else "")
    svg.text(_RIGHT + 12, y, text, "value")


def _language_class(analysis: Analysis, contestant: ContestantRecord) -> str:
    languages = list(dict.fromkeys(record.language for record in analysis.results.contestants))
    return f"language-{languages.index(contestant.language) % _LANGUAGE_CLASSES}"


def overview(analysis: Analysis, load: Load) -> Svg | None:
    """The original's graph remade: requests/s of all contestants on all workloads, each tick a doubling."""
    groups: list[tuple[str, list[Standing]]] = []
    for route in analysis.routes:
        by_name = {s.contestant.name: s for s in analysis.standings(route, load, REQUESTS_PER_S)}
        found = [by_name[record.name] for record in analysis.results.contestants if record.name in by_name]
        groups.append((route, [s for s in found if s.estimate is not None and s.estimate.value > 0]))
    groups = [(route, rows) for route, rows in groups if rows]
    if not groups:
        return None
    row, gap, top = 17.0, 34.0, 40.0
    height = top + sum(gap + row * len(rows) for _, rows in groups)
    values = [s.estimate.value for _, rows in groups for s in rows if s.estimate]
    words = "; ".join(f"GET {route}: " + _spoken(rows) for route, rows in groups)
    svg = Svg("overview", f"Requests/s of all contestants and workloads, {load.title}", words, _WIDTH, height + _BOTTOM)
    axis = LogAxis.around([*values, min(values) / 1.2], _LEFT, _RIGHT)
    _axis(svg, axis, top, height, "Requests/s, longer is better")
    _dagger_note(svg, [s for _, rows in groups for s in rows])
    _language_key(svg, analysis, [s.contestant for _, rows in groups for s in rows])
    y = top
    for route, rows in groups:
        svg.text(_LEFT - 12, y + gap / 2 + 4, f"GET {route}", "group", "end")
        y += gap
        for standing in rows:
            _bar(svg, axis, standing, y, row, _language_class(analysis, standing.contestant))
            y += row
    return svg


def _language_key(svg: Svg, analysis: Analysis, shown: Sequence[ContestantRecord]) -> None:
    x = _LEFT
    for language, contestant in {record.language: record for record in shown}.items():
        svg.rectangle(x, 12, 14, 12, f"bar {_language_class(analysis, contestant)}")
        svg.text(x + 20, 18, language, "tick")
        x += 46 + 7 * len(language)
    svg.text(x, 18, "pale, dashed: the cell has a verdict", "tick")


def _spoken(rows: Sequence[Standing]) -> str:
    return ", ".join(f"{s.contestant.title} {numbers.plain(s.estimate.value)}" for s in rows if s.estimate)


def _bar(svg: Svg, axis: LogAxis, standing: Standing, y: float, row: float, css: str) -> None:
    assert standing.estimate is not None
    x = axis.at(standing.estimate.value)
    doubts = _badges(standing.cell, REQUESTS_PER_S)
    css += " doubtful-bar" if doubts else ""
    _label(svg, standing, _LEFT - 12, y + row / 2, "label small")
    svg.rectangle(_LEFT, y + 2.5, x - _LEFT, row - 5, f"bar {css}")
    text = numbers.plain(standing.estimate.value) + (f"  {doubts}" if doubts else "")
    svg.text(x + 6, y + row / 2, text, "value small")


def latency_ranges(analysis: Analysis, route: str, load: Load) -> Svg | None:
    """Latency of one workload: from the median over p99 to p99.9."""
    marks = {name: latency(name) for name in ("50", "99", "99.9")}
    rows = []
    for standing in analysis.standings(route, load, marks["50"]):
        points = {name: analysis.estimate(standing.cell, metric) for name, metric in marks.items()}
        values = {name: point.value / 1000 for name, point in points.items() if point and point.value > 0}
        if "50" in values:
            rows.append((standing, values))
    if not rows:
        return None
    rows.sort(key=lambda row: row[1]["50"])
    bottom = _TOP + _ROW * len(rows)
    key = f"latency-figure-{route.strip('/') or 'root'}-{load.rate_per_s}-{load.connections}"
    words = "; ".join(
        f"{s.contestant.title} " + ", ".join(f"p{n} {numbers.plain(v)} ms" for n, v in values.items())
        for s, values in rows
    )
    svg = Svg(key, f"GET {route}: latency, {load.title}", f"{words}. Further left is better.", _WIDTH, bottom + _BOTTOM)
    axis = LogAxis.around([value for _, values in rows for value in values.values()], _LEFT, _RIGHT)
    _axis(svg, axis, _TOP, bottom, "Latency, ms, further left is better")
    _latency_key(svg)
    _dagger_note(svg, [standing for standing, _ in rows])
    for index, (standing, values) in enumerate(rows):
        y = _TOP + _ROW * (index + 0.5)
        _label(svg, standing, _LEFT - 12, y)
        svg.line(axis.at(min(values.values())), y, axis.at(max(values.values())), y, "interval")
        doubt = " doubtful" if standing.cell.verdicts else ""
        _latency_marks(svg, {name: axis.at(value) for name, value in values.items()}, y, doubt)
        shown = " / ".join(numbers.plain(values[name]) if name in values else numbers.MISSING for name in marks)
        svg.text(_RIGHT + 12, y, shown, "value small")
    return svg


def _latency_marks(svg: Svg, xs: dict[str, float], y: float, doubt: str) -> None:
    svg.circle(xs["50"], y, 5, "mark" + doubt)
    if "99" in xs:
        svg.diamond(xs["99"], y, 6, "mark" + doubt)
    if "99.9" in xs:
        svg.triangle(xs["99.9"], y, 6, "mark" + doubt)


def _latency_key(svg: Svg) -> None:
    y, x = _TOP - 22, _LEFT
    for draw, radius, text in ((svg.circle, 5, "p50"), (svg.diamond, 6, "p99"), (svg.triangle, 6, "p99.9")):
        draw(x + 6, y, radius, "mark")
        svg.text(x + 18, y, text, "tick")
        x += 70
    svg.text(x, y, "hollow: the cell has a verdict", "tick")
    svg.text(_RIGHT + 12, y, "p50 / p99 / p99.9 ms", "tick")


def memory_bars(memory: Memory, phase: str = LOAD) -> Svg | None:
    """Stacked bars for each worker count: what each process has alone, and what they share, counted once."""
    groups = []
    for contestant in memory.contestants:
        found = [memory.footprint(contestant.name, workers, phase) for workers in memory.worker_counts]
        known = [f for f in found if f and f.pss_kib is not None and f.uss_kib is not None]
        if known:
            groups.append((contestant, known))
    if not groups:
        return None
    row, gap = 15.0, 10.0
    bottom = _TOP + sum(gap + row * len(prints) for _, prints in groups)
    words = "; ".join(
        f"{contestant.title}: " + ", ".join(f"{f.workers} workers {numbers.mib(f.pss_kib)} MiB" for f in prints)
        for contestant, prints in groups
    )
    svg = Svg(
        f"memory-{phase}", "Memory by number of workers", f"{words}. Shorter is better.", _WIDTH, bottom + _BOTTOM
    )
    axis = LinearAxis.up_to(
        max((f.pss_kib or 0) / 1024 for _, prints in groups for f in prints), _LEFT + 24, _RIGHT + 60
    )
    _axis(svg, axis, _TOP, bottom, "ΣPSS, MiB, shorter is better")
    for x, css, text in (
        (_LEFT + 24, "bar private", "private to one process (ΣUSS)"),
        (_LEFT + 250, "bar shared", "shared, counted once (ΣPSS − ΣUSS)"),
    ):
        svg.rectangle(x, _TOP - 28, 14, 12, css)
        svg.text(x + 20, _TOP - 22, text, "tick")
    y = _TOP
    for contestant, prints in groups:
        y += gap / 2
        middle = y + row * len(prints) / 2
        svg.text(_LEFT - 20, middle, contestant.title, "label ours" if contestant.is_ours else "label", "end")
        for print_ in prints:
            svg.text(_LEFT + 16, y + row / 2, str(print_.workers), "tick", "end")
            private = axis.at((print_.uss_kib or 0) / 1024)
            total = axis.at(((print_.uss_kib or 0) + (print_.shared_once_kib or 0)) / 1024)
            svg.rectangle(axis.left, y + 2, private - axis.left, row - 4, "bar private")
            svg.rectangle(private, y + 2, total - private, row - 4, "bar shared")
            svg.text(total + 6, y + row / 2, numbers.mib(print_.pss_kib), "value small")
            y += row
        y += gap / 2
    return svg


def workload_figures(analysis: Analysis, route: str, load: Load) -> list[Svg]:
    """CPU per request first, since it stands where the client is the limit; then requests/s."""
    metrics = [CPU_US_PER_REQUEST] if load.rate_per_s else [CPU_US_PER_REQUEST, REQUESTS_PER_S]
    return [svg for metric in metrics if (svg := dot_plot(analysis, route, load, metric)) is not None]
