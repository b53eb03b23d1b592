"""The tables with which a run ends: one for each workload, for a terminal of 80 columns."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .console import plain
from .results import CLIENT_BOUND, Cell, Results, Round
from .runner import short
from .workloads import ROUTES

_NAME_WIDTH = 16


def show(console: Console, results: Results) -> None:
    """Prints every workload's table, and what the reader has to know about them."""
    groups = {(cell.route, cell.connections, cell.rate_per_s) for cell in results.cells}
    for route, connections, rate in sorted(groups, key=lambda group: (ROUTES.index(group[0]), group[1])):
        cells = [c for c in results.cells if (c.route, c.connections, c.rate_per_s) == (route, connections, rate)]
        pace = f" at {rate} requests/s" if rate else ""
        noise = noise_floor(results, cells)
        same = "" if noise is None else f"; A/A: {noise:.1%} apart"
        plain(console, f"\nGET {route}, {connections} connections{pace}{same}", "bold")
        console.print(_table(results, cells))
    plain(console, "\n" + _legend(results))
    for remark in results.remarks:
        plain(console, f"note: {remark}")


def ordered(results: Results, cells: Iterable[Cell]) -> list[tuple[bool, Cell]]:
    """(ties with the one before it, cell): ranked cells, the fastest first; after them all others by CPU time.

    Ranked are ok cells by median requests/s. Two tie when they differ by no more than the two runs of the same server
    (A/A) do. References send fixed bodies and are not ranked; at a fixed rate nobody is.
    """
    present = [cell for cell in cells if cell.rounds]
    references = {record.name for record in results.contestants if record.is_reference}
    ranked = [c for c in present if c.ok and c.rate_per_s is None and c.contestant not in references]
    ranked.sort(key=_rate, reverse=True)
    noise = noise_floor(results, present) or 0.0
    ties = [number > 0 and _rate(ranked[number - 1]) <= _rate(cell) * (1 + noise) for number, cell in enumerate(ranked)]
    others = sorted((cell for cell in present if cell not in ranked), key=_cpu_us)
    return [*zip(ties, ranked, strict=True), *((False, cell) for cell in others)]


def noise_floor(results: Results, cells: Iterable[Cell]) -> float | None:
    """Share by which the median requests/s of the two runs of the same server differ; None without two."""
    rates = {cell.contestant: _rate(cell) for cell in cells if cell.rounds}
    for record in results.contestants:
        a, b = rates.get(record.name), rates.get(record.same_as or "")
        if a and b:
            return abs(a - b) / min(a, b)
    return None


def _table(results: Results, cells: Sequence[Cell]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("contestant", no_wrap=True, overflow="ellipsis", max_width=_NAME_WIDTH)
    for title in ("req/s", "rounds", "CPU µs", "p50 ms", "p99 ms"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold")
    for tied, cell in ordered(results, cells):
        verdicts = ", ".join(cell.verdict_names)
        stands = set(cell.verdict_names) <= {CLIENT_BOUND}
        rates = [_rate_of(entry) for entry in cell.rounds]
        table.add_row(
            "≈" if tied else "",
            cell.contestant,
            Text(short(_rate(cell)), style="" if cell.ok else "dim"),
            f"{short(min(rates))}–{short(max(rates))}",
            Text(_optional(_cpu_us(cell)), style="" if stands else "dim"),
            _latency_ms(cell, "50"),
            _latency_ms(cell, "99"),
            Text(verdicts or "ok", style="yellow" if verdicts else "green"),
        )
    return table


def _legend(results: Results) -> str:
    lines = [
        "Medians of the rounds; CPU µs: server CPU time per request. Only ok cells are",
        "ranked by requests/s; for client_bound ones, whose limit was the client, CPU µs",
        "and memory stand.",
    ]
    twice = next((record for record in results.contestants if record.same_as), None)
    if twice:
        lines += [
            f"{twice.name} is {twice.same_as} once more:",
            "what separates them is noise. ≈ ties with the line above.",
        ]
    return "\n".join(lines)


def _rate_of(entry: Round) -> float:
    return entry.requests * 1e6 / entry.duration_us


def _rate(cell: Cell) -> float:
    return statistics.median(_rate_of(entry) for entry in cell.rounds)


def _cpu_us(cell: Cell) -> float:
    values = [
        entry.server_cpu_ns / 1e3 / entry.requests for entry in cell.rounds if entry.server_cpu_ns and entry.requests
    ]
    return statistics.median(values) if values else float("inf")


def _optional(value: float) -> str:
    return "–" if value == float("inf") else short(value)


def _latency_ms(cell: Cell, quantile: str) -> str:
    values = [entry.latency.quantiles_us[quantile] / 1e3 for entry in cell.rounds if entry.latency]
    return short(statistics.median(values)) if values else "–"
