"""What the figures of speed say: one workload, all workloads, gains against one's own server, and latency."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.results import LIMIT_CONTESTANT, TUNED, Cell, ContestantRecord
from ..model.workloads import ROUTE_ROOT, ROUTE_TRANSFER, ROUTE_WAIT, requested
from . import badges, numbers
from .analysis import Analysis, Load
from .dotchart import CIRCLE, DIAMOND, TRIANGLE, DotChart, Key, Line, Mark, Row, figure
from .gains import Gain, Gains
from .languages import css_class
from .memory_chart import memory_bars
from .metrics import CPU_US_PER_REQUEST, REQUESTS_PER_S, Metric, latency
from .svg import Figure
from .texts import TUNED_MEANS, title_of

__all__ = ["against", "dot_plot", "latency_ranges", "memory_bars", "overview", "workload_figures"]

_LATENCY_MARKS = (("50", CIRCLE), ("99", DIAMOND), ("99.9", TRIANGLE))


def workload_figures(analysis: Analysis, route: str, load: Load) -> list[Figure]:
    """CPU per request first, since it stands where the client is the limit; then requests/s."""
    metrics = [CPU_US_PER_REQUEST] if load.rate_per_s else [CPU_US_PER_REQUEST, REQUESTS_PER_S]
    return [drawn for metric in metrics if (drawn := dot_plot(analysis, route, load, metric)) is not None]


def dot_plot(analysis: Analysis, route: str, load: Load, metric: Metric) -> Figure | None:
    """One workload: a dot a contestant with its interval, and the limit as a line. None without figures."""
    limit = _limit(analysis, route, load, metric)
    rows = _rows(analysis, route, load, metric, with_limit=limit is None)
    better = "right" if metric.higher_is_better else "left"
    return figure(
        DotChart(
            key=f"dots-{metric.key}-{_key(route)}-{load.rate_per_s}-{load.connections}",
            title=f"{requested(route)}: {metric.title}, {load.title}",
            axis_title=f"{metric.title}, further {better} is better",
            groups=[("", [row for _, row in rows])],
            line=limit,
            keys=_keys(rows),
            notes=_notes(rows),
            spoken=f"Further {better} is better" + (f"; {limit.text}" if limit else ""),
        )
    )


def overview(analysis: Analysis, load: Load) -> Figure | None:
    """The original's graph remade, with dots: requests/s of all contestants on all workloads, each line a doubling."""
    groups = [(route, _rows(analysis, route, load, REQUESTS_PER_S, with_limit=True)) for route in analysis.routes]
    everybody = [pair for _, rows in groups for pair in rows]
    return figure(
        DotChart(
            key="overview",
            title=f"Requests/s of all contestants and workloads, {load.title}",
            axis_title="Requests/s, further right is better",
            groups=[(requested(route), [row for _, row in rows]) for route, rows in groups if rows],
            keys=_keys(everybody),
            notes=_notes(everybody),
            spoken="Further right is better",
        )
    )


def against(gains: Gains) -> Figure | None:
    """How many times less CPU time than the baseline each contestant needs, by workload; the baseline is the line at 1 ×.

    None without a factor.
    """
    title = title_of(gains.against)
    rows = [
        (route, [(gain.contestant, _gain_row(gain)) for gain in gains.of(route, CPU_US_PER_REQUEST)])
        for route in gains.analysis.routes
    ]
    return figure(
        DotChart(
            key="against",
            title=f"How many times less CPU time per request than {title}, {gains.load.title}",
            axis_title="times less CPU time per request, further right is better",
            groups=[(requested(route), [row for _, row in found]) for route, found in rows if found],
            line=Line(1.0, f"{title} = 1×", f"{title} = 1×", "baseline"),
            keys=_keys([pair for _, found in rows for pair in found]),
            unit="×",
            spoken=f"{title} is 1; further right is better",
        )
    )


def _gain_row(gain: Gain) -> Row:
    times, record = gain.times, gain.contestant
    return Row(
        label=_label(record, gain.cell),
        marks=[Mark(times.value, css_class(record.language), _shape(record))] if times else [],
        low=times.low if times else None,
        high=times.high if times else None,
        text=numbers.factor(times.value) if times else "",
        doubts=badges.shown(gain.cell, CPU_US_PER_REQUEST) if gain.cell else (),
        missing="" if times else "no figure that stands",
        strong=record.is_ours,
    )


def latency_ranges(analysis: Analysis, route: str, load: Load) -> Figure | None:
    """Latency of one workload: from the median over p99 to p99.9."""
    found = []
    for cell in _cells(analysis, route, load):
        record = analysis.contestants[cell.contestant]
        points = {name: analysis.estimate(cell, latency(name)) for name, _ in _LATENCY_MARKS}
        values = {name: point.value / 1000 for name, point in points.items() if point and point.value > 0}
        if "50" not in values:
            found.append((float("inf"), record, _missing_row(record, cell)))
            continue
        css = css_class(record.language)
        row = Row(
            label=_label(record, cell),
            marks=[Mark(values[name], css, shape) for name, shape in _LATENCY_MARKS if name in values],
            low=min(values.values()),
            high=max(values.values()),
            text=" / ".join(numbers.plain(values.get(name)) for name, _ in _LATENCY_MARKS),
            doubts=tuple(cell.verdict_names),
            strong=record.is_ours,
        )
        found.append((values["50"], record, row))
    found.sort(key=lambda entry: entry[0])
    rows = [(record, row) for _, record, row in found]
    shapes = [Key(f"p{name}", "mark", shape) for name, shape in _LATENCY_MARKS]
    return figure(
        DotChart(
            key=f"latency-figure-{_key(route)}-{load.rate_per_s}-{load.connections}",
            title=f"{requested(route)}: latency, {load.title}",
            axis_title="p50 / p99 / p99.9, ms, further left is better",
            groups=[("", [row for _, row in rows])],
            keys=[*shapes, *_keys(rows, with_references=False)],
            notes=_notes(rows),
            spoken="Figures are p50, p99 and p99.9 in ms; further left is better",
        )
    )


def _rows(
    analysis: Analysis, route: str, load: Load, metric: Metric, with_limit: bool
) -> list[tuple[ContestantRecord, Row]]:
    """All that were asked, in the order of all tables; after them those without a figure, each with its reason."""
    found = [s for s in analysis.standings(route, load, metric) if s.estimate is not None and s.estimate.value > 0]
    rows = []
    for standing in found:
        record, estimate = standing.contestant, standing.estimate
        assert estimate is not None
        row = Row(
            label=_label(record, standing.cell),
            marks=[Mark(estimate.value, css_class(record.language), _shape(record))],
            low=estimate.low,
            high=estimate.high,
            text=numbers.plain(estimate.value),
            doubts=badges.shown(standing.cell, metric),
            strong=record.is_ours,
        )
        rows.append((record, row))
    with_figure = {record.name for record, _ in rows}
    for cell in _cells(analysis, route, load):
        if cell.contestant not in with_figure:
            record = analysis.contestants[cell.contestant]
            rows.append((record, _missing_row(record, cell)))
    return [(record, row) for record, row in rows if with_limit or not record.is_limit]


def _cells(analysis: Analysis, route: str, load: Load) -> list[Cell]:
    """One cell for each that was asked, without second runs of one server."""
    return [cell for cell in analysis.cells(route, load) if analysis.contestants[cell.contestant].same_as is None]


def _missing_row(record: ContestantRecord, cell: Cell) -> Row:
    missing, doubts = badges.missing(cell), tuple(cell.verdict_names)
    return Row(_label(record, cell), missing=missing, doubts=doubts, strong=record.is_ours)


def _label(record: ContestantRecord, cell: Cell | None = None) -> str:
    """The title; a dagger where it was asked over fewer connections than the others."""
    fewer = cell is not None and cell.connections_used < cell.connections
    return title_of(record) + (" †" if fewer else "")


def _shape(record: ContestantRecord) -> str:
    return DIAMOND if record.is_reference else CIRCLE


def _limit(analysis: Analysis, route: str, load: Load, metric: Metric) -> Line | None:
    """What a bare epoll loop reaches: on its own route for / and /transfer-data, else on /, whose answers are as small.

    None where anybody is beyond it, there or here: then it is a server like others, and no limit. None of requests that wait, too.
    """
    if route == ROUTE_WAIT:
        return None
    own = ROUTE_TRANSFER if route == ROUTE_TRANSFER else ROUTE_ROOT
    cell = analysis.results.cell(LIMIT_CONTESTANT, own, load.connections, load.rate_per_s or None)
    estimate = analysis.estimate(cell, metric) if cell else None
    if cell is None or estimate is None or estimate.value <= 0:
        return None
    for other in (other for place in {own, route} for other in _cells(analysis, place, load)):
        reached = analysis.estimate(other, metric)
        if other.contestant == LIMIT_CONTESTANT or reached is None or reached.value <= 0:
            continue
        if (reached.value > estimate.value) == metric.higher_is_better and reached.value != estimate.value:
            return None
    doubts = badges.shown(cell, metric)
    text = f"limit: bare epoll loop {numbers.plain(estimate.value)}"
    where = requested(own) + (f", {badges.in_words(doubts)}" if doubts else "")
    return Line(estimate.value, f"{text} ({where})", f"{text} {badges.in_symbols(doubts)}".strip(), "limit")


def _keys(rows: Iterable[tuple[ContestantRecord, Row]], with_references: bool = True) -> list[Key]:
    """The languages that are drawn, and what shapes mean that occur."""
    rows = list(rows)
    drawn = {record.language: record for record, row in rows if row.marks}
    found = [Key(language, f"mark {css_class(language)}") for language in sorted(drawn)]
    if with_references and any(record.is_reference and row.marks for record, row in rows):
        found.append(Key("reference, not ranked", "mark", DIAMOND))
    if any(row.doubts and row.marks for _, row in rows):
        found.append(Key("hollow: has a verdict", "mark doubtful"))
    return found


def _notes(rows: Iterable[tuple[ContestantRecord, Row]]) -> list[str]:
    """What the marks mean that are drawn. Over fewer connections a contestant is asked less, and its queue is shorter."""
    marked = list(rows)
    found = [TUNED_MEANS] if any(record.level == TUNED for record, _ in marked) else []
    return [*found, "† over fewer connections"] if any(row.label.endswith("†") for _, row in marked) else found


def _key(route: str) -> str:
    return route.strip("/") or "root"
