"""The tables of memory, and of what CPU time costs."""

from __future__ import annotations

from collections.abc import Callable

from ..results import AFTER, LOAD, REST
from . import numbers
from .analysis import Analysis, Load
from .memory import ORIGINAL_MB, ORIGINAL_WORKERS, Memory
from .metrics import CPU_US_PER_REQUEST
from .table import CellText, Column, Table
from .tables import figure

_PHASE_TITLES = {REST: "at rest", LOAD: "under load", AFTER: "after it"}


def _mib(kib: float | None) -> CellText:
    return CellText(numbers.mib(kib), raw=kib, hint="" if kib is None else f"{kib:,.0f} KiB")


def footprints(memory: Memory) -> Table:
    """ΣRSS, ΣPSS, ΣUSS of every contestant, worker count and phase, MiB."""
    columns = [
        Column("Contestant", numeric=False),
        Column("Workers"),
        Column("Phase", numeric=False),
        Column("Processes"),
    ]
    columns += [
        Column("ΣRSS MiB"),
        Column("ΣPSS MiB"),
        Column("ΣUSS MiB"),
        Column("Control group MiB", hint="page cache included"),
    ]
    table = Table("memory-footprints", "Memory of all processes of each server, MiB", columns)
    for contestant in memory.contestants:
        for workers in memory.worker_counts:
            for phase in memory.phases():
                print_ = memory.footprint(contestant.name, workers, phase)
                if print_ is None:
                    continue
                table.rows.append(
                    [
                        CellText(contestant.title, hint=contestant.name),
                        CellText(str(workers), raw=workers),
                        CellText(_PHASE_TITLES[phase]),
                        CellText(str(print_.processes), raw=print_.processes),
                        *(_mib(kib) for kib in (print_.rss_kib, print_.pss_kib, print_.uss_kib, print_.cgroup_kib)),
                    ]
                )
    return table


def worker_costs(memory: Memory) -> Table:
    """What one more worker costs: the line through ΣPSS over worker counts, at rest and under load."""
    columns = [Column("Contestant", numeric=False)]
    phases = [phase for phase in (REST, LOAD) if phase in memory.phases()]
    for phase in phases:
        columns += [
            Column(f"One more worker, {_PHASE_TITLES[phase]}, MiB", hint="slope of ΣPSS over the worker counts"),
            Column(f"Fixed part, {_PHASE_TITLES[phase]}, MiB", hint="intercept of the line"),
            Column("Largest misfit, MiB", hint="largest distance of a point from the line"),
        ]
    table = Table("memory-worker-cost", "ΣPSS = fixed part + workers × cost of one, by least squares", columns)
    for contestant in memory.contestants:
        costs = [memory.cost(contestant.name, phase) for phase in phases]
        if not any(costs):
            continue
        row = [CellText(contestant.title, hint=contestant.name)]
        for cost in costs:
            line = cost.line if cost else None
            row += [
                _mib(line.slope if line else None),
                _mib(line.intercept if line else None),
                _mib(line.residual if line else None),
            ]
        table.rows.append(row)
    return table


def against_original(memory: Memory) -> Table:
    """Under load with eight workers, beside the original article's figures in its own unit, MB."""
    columns = [Column("Server", numeric=False), Column("ΣPSS MB"), Column("ΣRSS MB"), Column("Source", numeric=False)]
    caption = f"With {ORIGINAL_WORKERS} workers, beside the figures of the original article (MB = 10⁶ bytes)"
    table = Table("memory-original", caption, columns)
    for contestant in memory.contestants:
        print_ = memory.footprint(contestant.name, ORIGINAL_WORKERS)
        if print_ is not None:
            sums = [None if kib is None else kib * 1024 / 1e6 for kib in (print_.pss_kib, print_.rss_kib)]
            cells = [CellText(numbers.plain(value), raw=value) for value in sums]
            table.rows.append(
                [CellText(contestant.title, hint=contestant.name), *cells, CellText("this run, under load")]
            )
    for name, megabytes, processes in ORIGINAL_MB if table.rows else ():
        each = f"original: {megabytes} MB" + (
            f" in each of {processes} processes" if processes > 1 else " in one process"
        )
        missing = CellText(numbers.MISSING, hint="the article does not give it")
        table.rows.append(
            [CellText(name), missing, CellText(str(megabytes * processes), raw=megabytes * processes), CellText(each)]
        )
    return table


def cpu_seconds_per_million(cpu_us_per_request: float) -> float:
    """CPU seconds for a million requests: the same number as µs for one."""
    return cpu_us_per_request * 1e6 / 1e6


def price_per_billion(cpu_us_per_request: float, price_per_vcpu_hour: float) -> float:
    """Price of the CPU time for a billion requests, in the unit of the price."""
    return cpu_us_per_request * 1e-6 * 1e9 / 3600 * price_per_vcpu_hour


def cpu_cost(analysis: Analysis, load: Load) -> Table:
    """Server CPU seconds for a million requests."""
    columns = [Column("Contestant", numeric=False), *(Column(route) for route in analysis.routes)]
    table = Table("cpu-cost", f"Server CPU seconds for a million requests, {load.title}", columns, heated=True)
    _fill_cost(table, analysis, load, cpu_seconds_per_million)
    return table


def money(analysis: Analysis, load: Load, price_per_vcpu_hour: float) -> Table:
    """Price of a billion requests."""
    columns = [Column("Contestant", numeric=False), *(Column(route) for route in analysis.routes)]
    caption = (
        f"Price of the server CPU time for a billion requests, in the unit of the price given "
        f"({price_per_vcpu_hour:g} per vCPU hour, fully used)"
    )
    table = Table("money", caption, columns, heated=True)
    _fill_cost(table, analysis, load, lambda value: price_per_billion(value, price_per_vcpu_hour))
    return table


def _fill_cost(table: Table, analysis: Analysis, load: Load, cost: Callable[[float], float]) -> None:
    by_route = [
        {s.contestant.name: s for s in analysis.standings(route, load, CPU_US_PER_REQUEST)} for route in analysis.routes
    ]
    for contestant in analysis.results.contestants:
        row = [CellText(contestant.title, hint=contestant.name)]
        for standings in by_route:
            standing = standings.get(contestant.name)
            if standing is None or standing.estimate is None:
                row.append(CellText(numbers.MISSING, hint="not measured"))
                continue
            shown, value = figure(standing), cost(standing.estimate.value)
            row.append(CellText(numbers.plain(value), raw=value, heat=shown.heat, dim=shown.dim))
        if any(cell.raw is not None for cell in row):
            table.rows.append(row)
