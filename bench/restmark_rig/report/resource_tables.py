"""The tables of memory, and of what CPU time costs."""

from __future__ import annotations

from collections.abc import Callable

from ..model.memory_records import AFTER, LOAD, REST
from ..model.memory_roles import counted
from . import numbers
from .analysis import Analysis, Load
from .badges import missing
from .memory import NO_MISFIT, ORIGINAL_WORKERS, ORIGINALS, Memory, WorkerCost
from .metrics import CPU_US_PER_REQUEST
from .table import CellText, Column, Table
from .tables import figure
from .texts import title_of

_PHASE_TITLES = {REST: "at rest", LOAD: "under load", AFTER: "after it"}


def _mib(kib: float | None) -> CellText:
    return CellText(numbers.mib(kib), raw=kib, hint="" if kib is None else f"{kib:,.0f} KiB")


def footprints(memory: Memory) -> Table:
    """ΣRSS, ΣPSS, ΣUSS of every contestant, worker count and phase, MiB."""
    columns = [
        Column("Contestant", numeric=False),
        Column("Workers"),
        Column("Phase", numeric=False),
        Column("Processes", numeric=False),
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
                        CellText(title_of(contestant), hint=contestant.name),
                        CellText(str(workers), raw=workers),
                        CellText(_PHASE_TITLES[phase]),
                        CellText(counted(print_.roles), raw=len(print_.roles)),
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
            Column(
                "Largest misfit, MiB", hint="largest distance of a point from the line; of two points there is none"
            ),
        ]
    columns.append(Column("Remarks", numeric=False))
    found = [
        (contestant, costs)
        for contestant in memory.contestants
        if any(costs := [memory.cost(contestant.name, phase) for phase in phases])
    ]
    caption = "ΣPSS = fixed part + workers × cost of one, by least squares"
    if any(cost and cost.misfit_kib is None for _, costs in found for cost in costs):
        caption += f"; {NO_MISFIT}"
    table = Table("memory-worker-cost", caption, columns)
    for contestant, costs in found:
        remarks = [
            f"{_PHASE_TITLES[phase]}: {cost.remark}"
            for phase, cost in zip(phases, costs, strict=True)
            if cost and cost.remark
        ]
        cells = [cell for cost in costs for cell in _cost_cells(cost)]
        table.rows.append([CellText(title_of(contestant), hint=contestant.name), *cells, CellText("; ".join(remarks))])
    return table


def _cost_cells(cost: WorkerCost | None) -> list[CellText]:
    """Cost of a worker, fixed part and misfit."""
    if cost is None:
        return [_mib(None)] * 3
    return [_mib(cost.per_worker_kib), _mib(cost.fixed_kib), _mib(cost.misfit_kib)]


def against_original(memory: Memory) -> Table:
    """Under load with eight workers, those that the original article had beside its figures, in its own unit, MB."""
    columns = [
        Column("Contestant", numeric=False),
        Column("ΣPSS MB, here"),
        Column("ΣRSS MB, here"),
        Column("RSS MB, original", hint="the article does not give PSS"),
        Column("In the original", numeric=False),
    ]
    caption = (
        f"With {ORIGINAL_WORKERS} workers under load, beside the figures of the original article (MB = 10⁶ bytes), "
        "which were taken on another machine with other versions"
    )
    table = Table("memory-original", caption, columns)
    for contestant in memory.contestants:
        original, print_ = ORIGINALS.get(contestant.name), memory.footprint(contestant.name, ORIGINAL_WORKERS)
        if original is None or print_ is None:
            continue
        sums = [None if kib is None else kib * 1024 / 1e6 for kib in (print_.pss_kib, print_.rss_kib)]
        total = original.megabytes_each * original.processes
        each = f"{original.megabytes_each} MB in each of {original.processes} processes"
        table.rows.append(
            [
                CellText(title_of(contestant), hint=contestant.name),
                *(CellText(numbers.plain(value), raw=value) for value in sums),
                CellText(str(total), raw=total),
                CellText(f"{original.title}: " + (each if original.processes > 1 else "one process")),
            ]
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
        row, asked = [CellText(title_of(contestant), hint=contestant.name)], False
        for standings in by_route:
            standing = standings.get(contestant.name)
            if standing is None:
                row.append(CellText(numbers.MISSING, hint="not measured"))
                continue
            if standing.estimate is None:
                row.append(CellText(numbers.MISSING, note=missing(standing.cell)))
                asked = True
                continue
            shown, value = figure(standing), cost(standing.estimate.value)
            row.append(CellText(numbers.plain(value), raw=value, heat=shown.heat, dim=shown.dim))
        if asked or any(cell.raw is not None for cell in row):
            table.rows.append(row)
