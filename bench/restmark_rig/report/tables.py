"""The tables of speed: matrices over all workloads, one table a workload, latency quantiles, and the A/A check."""

from __future__ import annotations

from ..model import warm_ups as warm_up_model
from ..model.results import Cell, ContestantRecord
from ..model.workloads import ROUTE_TRANSFER, requested
from . import badges, numbers
from .analysis import Analysis, Load, Standing
from .metrics import CPU_US_PER_REQUEST, MIB_PER_S, PERCENTILES, REQUESTS_PER_S, Metric, latency
from .table import CellText, Column, Table, heat
from .texts import title_of

_NOTHING = CellText(numbers.MISSING, hint="not measured")


def remarks(analysis: Analysis, contestant: ContestantRecord, cell: Cell) -> str:
    """What has to be known to read the row."""
    parts = []
    if contestant.is_reference:
        parts.append("reference, not ranked")
    if cell.connections_used != cell.connections:
        parts.append(f"{cell.connections_used} of {cell.connections} connections: it holds no more")
    if len(cell.rounds) != analysis.results.settings.rounds:
        parts.append(f"{len(cell.rounds)} of {analysis.results.settings.rounds} rounds")
    return "; ".join(parts)


def figure(standing: Standing, with_interval: bool = True) -> CellText:
    """An estimate, dim when it does not stand."""
    estimate = standing.estimate
    if estimate is None or estimate.value <= 0:
        return CellText(numbers.MISSING, hint=badges.missing(standing.cell))
    return CellText(
        numbers.plain(estimate.value),
        raw=estimate.value,
        note=numbers.plus_minus(estimate) if with_interval else "",
        hint=f"95 % interval: {numbers.interval(estimate)}; {estimate.n} rounds",
        heat=heat(standing.factor.value, standing.may_be_first) if standing.factor and standing.ranks else None,
        dim=standing.ranks is None,
    )


def _factor(standing: Standing) -> CellText:
    factor = standing.factor
    if factor is None:
        return CellText(numbers.MISSING)
    hint = f"95 % interval: {numbers.interval(factor)}"
    if standing.at_least:
        hint += "; the fastest was held back by the client, so that the true factor is larger"
    return CellText(("≥ " if standing.at_least else "") + numbers.factor(factor.value), raw=factor.value, hint=hint)


def _rank(standing: Standing) -> CellText:
    if standing.ranks is None:
        return CellText(numbers.MISSING)
    return CellText(str(standing.ranks), raw=float(standing.ranks.low))


def matrix(analysis: Analysis, load: Load, metric: Metric, caption: str) -> Table:
    """Contestants × workloads, each column shaded by the factor to its best, in the order of all workloads together."""
    columns = [Column("Contestant", numeric=False), *(Column(route) for route in analysis.routes)]
    table = Table(f"matrix-{metric.key}-{load.rate_per_s}-{load.connections}", caption, columns, heated=True)
    by_route = {
        route: {s.contestant.name: s for s in analysis.standings(route, load, metric)} for route in analysis.routes
    }
    for contestant in analysis.in_order(load):
        standings = [by_route[route].get(contestant.name) for route in analysis.routes]
        if any(standings):
            cells = [_matrix_cell(standing, metric) if standing else _NOTHING for standing in standings]
            table.rows.append([CellText(title_of(contestant), hint=contestant.name), *cells])
    return table


def _matrix_cell(standing: Standing, metric: Metric) -> CellText:
    shown = figure(standing, with_interval=False)
    badges = tuple(name for name in standing.cell.verdict_names if name not in metric.tolerates)
    return CellText(shown.text, shown.raw, shown.heat, hint=shown.hint, badges=badges, dim=shown.dim)


def workload(analysis: Analysis, route: str, load: Load) -> Table:
    """One workload: requests/s and CPU per request with intervals, factors, ranks and verdicts; MiB/s for transfer."""
    by_cpu = {s.contestant.name: s for s in analysis.standings(route, load, CPU_US_PER_REQUEST)}
    by_rate = {s.contestant.name: s for s in analysis.standings(route, load, REQUESTS_PER_S)}
    transfer = (
        {s.contestant.name: s for s in analysis.standings(route, load, MIB_PER_S)} if route == ROUTE_TRANSFER else {}
    )
    columns = [
        Column("Contestant", numeric=False),
        Column("CPU µs/request", hint="server CPU time per request, median and half of the 95 % interval"),
        Column("× best", hint="how many times the best contestant's CPU time"),
        Column("Rank", hint="by CPU per request; a range where the intervals do not tell"),
        Column("Requests/s", hint="median and half of the 95 % interval"),
        Column(
            "× slower", hint="how many times slower than the fastest contestant; ≥ where the client held that one back"
        ),
        Column(
            "Rank",
            hint="by requests/s; a range where the intervals do not tell; client-bound cells have none, but count in the others'",
        ),
        *([Column("MiB/s", hint="bytes received by the client, heads included")] if transfer else []),
        Column("Verdict", numeric=False),
        Column("Remarks", numeric=False),
    ]
    caption = f"{requested(route)}, {load.title}, ordered by CPU per request"
    table = Table(
        f"workload-{route.strip('/') or 'root'}-{load.rate_per_s}-{load.connections}", caption, columns, heated=True
    )
    for name, cpu in by_cpu.items():
        rate = by_rate[name]
        badges = tuple(cpu.cell.verdict_names) or ("ok",)
        table.rows.append(
            [
                CellText(title_of(cpu.contestant), hint=name),
                *(figure(cpu), _factor(cpu), _rank(cpu)),
                *(figure(rate), _factor(rate), _rank(rate)),
                *([figure(transfer[name])] if transfer else []),
                CellText("", badges=badges, hint="; ".join(v.evidence for v in cpu.cell.verdicts)),
                CellText(remarks(analysis, cpu.contestant, cpu.cell)),
            ]
        )
    return table


def latencies(analysis: Analysis, route: str, load: Load) -> Table:
    """Latency quantiles in milliseconds: for each the median over rounds; the slowest answer of any round."""
    columns = [Column("Contestant", numeric=False), *(Column(f"p{p} ms") for p in PERCENTILES)]
    columns += [Column("max ms", hint="the slowest answer of any round")]
    columns += [Column("Verdict", numeric=False), Column("Remarks", numeric=False)]
    caption = f"{requested(route)}, {load.title}: latency quantiles, ms, medians over rounds"
    table = Table(f"latency-{route.strip('/') or 'root'}-{load.rate_per_s}-{load.connections}", caption, columns)
    for standing in analysis.standings(route, load, latency("50")):
        cell, cells = standing.cell, []
        for percentile in PERCENTILES:
            estimate = analysis.estimate(cell, latency(percentile))
            value = estimate.value if estimate else None
            hint = f"95 % interval, µs: {numbers.interval(estimate)}" if estimate else ""
            cells.append(CellText(numbers.ms(value), raw=value, hint=hint, dim=bool(cell.verdicts)))
        slowest = max((entry.latency.max_us for entry in cell.rounds if entry.latency), default=None)
        table.rows.append(
            [
                CellText(title_of(standing.contestant), hint=standing.contestant.name),
                *cells,
                CellText(numbers.ms(slowest), raw=slowest, dim=bool(cell.verdicts)),
                CellText("", badges=tuple(cell.verdict_names) or ("ok",)),
                CellText(remarks(analysis, standing.contestant, cell)),
            ]
        )
    return table


def sweep(analysis: Analysis, route: str, metric: Metric) -> Table | None:
    """One figure over the numbers of connections; None unless the run was a sweep."""
    loads = [load for load in analysis.loads if not load.rate_per_s]
    if len(loads) < 2:
        return None
    columns = [Column("Contestant", numeric=False), *(Column(f"{load.connections}") for load in loads)]
    caption = f"{requested(route)}: {metric.title} by number of connections"
    table = Table(f"sweep-{route.strip('/') or 'root'}-{metric.key}", caption, columns, heated=True)
    by_load = [{s.contestant.name: s for s in analysis.standings(route, load, metric)} for load in loads]
    for contestant in analysis.in_order(loads[0]):
        standings = [standings.get(contestant.name) for standings in by_load]
        if any(standings):
            cells = [_matrix_cell(s, metric) if s else _NOTHING for s in standings]
            table.rows.append([CellText(title_of(contestant), hint=contestant.name), *cells])
    return table


def warm_ups(analysis: Analysis) -> Table:
    """How long each contestant was loaded after a start until the CPU time of its requests was steady."""
    columns = [
        Column("Contestant", numeric=False),
        Column("Steady after, s", hint="of the cell that took longest, of all starts"),
        Column("Requests until then"),
        Column("First requests, times steady", hint="CPU time"),
        Column("On", numeric=False),
        Column("Longest load, s"),
        Column("Not steady at its end", numeric=False),
    ]
    table = Table("warm-ups", "Warm-up after each start, until CPU time per request was steady; all of it is thrown away", columns)
    titles = {record.name: title_of(record) for record in analysis.results.contestants}
    for one in warm_up_model.summaries(analysis.results.warm_ups):
        steady = [_NOTHING] * 4
        if one.latest is not None:
            after_s, first = (one.latest.steady_after_ms or 0) / 1000, (one.latest.first_permille or 0) / 1000
            steady = [
                CellText(f"{after_s:.2f}", raw=after_s),
                CellText(f"{one.latest.steady_after_requests:,}", raw=float(one.latest.steady_after_requests or 0)),
                CellText(numbers.factor(first), raw=first),
                CellText(requested(one.latest.route)),
            ]
        routes = dict.fromkeys(requested(record.route) for record in one.unsteady)
        unsteady = ", ".join(f"{route} ({sum(requested(r.route) == route for r in one.unsteady)}×)" for route in routes)
        title = CellText(titles[one.contestant], hint=one.contestant)
        table.rows.append([title, *steady, CellText(f"{one.lasted_ms / 1000:.2f}", raw=one.lasted_ms / 1000), CellText(unsteady)])
    return table


def same_server(analysis: Analysis) -> Table:
    """The A/A check: one server under two names, cell by cell."""
    columns = [
        Column("Cell", numeric=False),
        Column("Figure", numeric=False),
        Column("First"),
        Column("Again"),
        Column("Again ÷ first"),
    ]
    columns.append(Column("95 % interval"))
    table = Table("same-server", "One server measured under two names (A/A)", columns)
    for pair in analysis.same_pairs:
        table.rows.append(
            [
                CellText(f"{pair.route}, {pair.load.title}"),
                CellText(pair.metric.title),
                CellText(numbers.plain(pair.first.value), raw=pair.first.value),
                CellText(numbers.plain(pair.second.value), raw=pair.second.value),
                CellText(f"{pair.ratio.value:.4f}", raw=pair.ratio.value),
                CellText("" if pair.ratio.low is None else f"{pair.ratio.low:.4f} to {pair.ratio.high:.4f}"),
            ]
        )
    return table
