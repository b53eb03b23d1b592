"""What a run ends with on a terminal of 80 columns: a table for each workload, and the answer."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..model.results import Cell, Results
from ..model.workloads import requested
from ..report import back_ends, badges, load_machines, numbers, scaling
from ..report.analysis import Analysis, Load
from ..report.answer import Answer
from ..report.metrics import CPU_US_PER_REQUEST, REQUESTS_PER_S, Metric, latency
from ..report.table import Table as ReportTable
from ..report.view import View
from ..run.runner import short
from ..terminal.console import plain
from ..terminal.short_names import short_names

_NAME_WIDTH = 20
_WIDTH = 80


def show(console: Console, view: View) -> None:
    """Prints every workload's table, what the reader has to know about them, and last, where the eye is, the answer."""
    results, analysis = view.results, view.analysis
    for route in analysis.routes:
        for load in analysis.loads:
            if analysis.participants(route, load):
                plain(console, f"\n{requested(route)}, {load.title}{_same(analysis, route, load)}", "bold")
                console.print(_table(analysis, route, load))
    if results.load_machines:
        plain(console, "\nLoad machines, medians of all rounds", "bold")
        console.print(_machines(results))
    for found in scaling.tables(view.scaling):
        plain(console, f"\n{found.caption}", "bold")
        console.print(_as_it_is(found))
    if results.cells:
        plain(console, "\n" + _legend(analysis))
    for remark in results.remarks:
        plain(console, textwrap.fill(f"note: {remark}", _WIDTH, subsequent_indent="  ", break_on_hyphens=False))
    for text in back_ends.sentences(results, analysis):
        plain(console, "\n" + textwrap.fill(text, _WIDTH, break_on_hyphens=False))
    plain(console, "")
    show_answer(console, view.answer)


def _as_it_is(shown: ReportTable) -> Table:
    """A table of the report."""
    made = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for column in shown.columns:
        made.add_column(column.title, justify="right" if column.numeric else "left", no_wrap=not column.numeric)
    for row in shown.rows:
        made.add_row(*(" ".join((cell.text, *(f"({name})" for name in cell.badges))) for cell in row))
    return made


def show_answer(console: Console, answer: Answer) -> None:
    """Prints the answer, each line wrapped below its label."""
    for line in textwrap.wrap(answer.title, _WIDTH):
        plain(console, line, "bold")
    for entry in answer.lines:
        label = f"{entry.kind}: "
        wrapped = textwrap.wrap(label + entry.text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
        bold, rest = wrapped[0][: len(label)], wrapped[0][len(label) :]
        console.print(Text.assemble((bold, "bold"), rest), soft_wrap=True)
        for more in wrapped[1:]:
            plain(console, more)


def _same(analysis: Analysis, route: str, load: Load) -> str:
    pair = next(
        (p for p in analysis.same_pairs if (p.route, p.load, p.metric) == (route, load, CPU_US_PER_REQUEST)), None
    )
    return "" if pair is None else f"; A/A: {numbers.percent(max(pair.ratio.value, 1 / pair.ratio.value) - 1)} apart"


def _table(analysis: Analysis, route: str, load: Load) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column("contestant", no_wrap=True)
    for title in ("CPU µs", "× best", "req/s", "p50 ms", "p99 ms"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold")
    names = short_names((record.name for record in analysis.results.contestants), _NAME_WIDTH)
    for standing in analysis.standings(route, load, CPU_US_PER_REQUEST):
        cell, factor = standing.cell, standing.factor
        missing = badges.missing(cell) if standing.estimate is None else ""
        verdicts = ", ".join([*([missing] if missing else []), *cell.verdict_names])
        table.add_row(
            "" if standing.ranks is None else str(standing.ranks),
            names[cell.contestant],
            _figure(analysis, cell, CPU_US_PER_REQUEST),
            "" if factor is None else short(factor.value),
            _figure(analysis, cell, REQUESTS_PER_S),
            _latency_ms(analysis, cell, "50"),
            _latency_ms(analysis, cell, "99"),
            Text(verdicts or "ok", style="yellow" if verdicts else "green"),
        )
    return table


def _machines(results: Results) -> Table:
    found = load_machines.table(results)
    assert found is not None
    wanted = ("Machine", "Requests/s", "Share of its rate", "CPU", "Sent late p99 ms", "p50 ms", "p99 ms", "Remarks")
    places = [place for place, column in enumerate(found.columns) if column.title in wanted]
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    titles = {"Requests/s": "req/s", "Share of its rate": "of rate", "Sent late p99 ms": "late ms", "Remarks": "remarks"}
    for place in places:
        column = found.columns[place]
        table.add_column(titles.get(column.title, column.title), justify="right" if column.numeric else "left", no_wrap=column.numeric)
    for row in found.rows:
        table.add_row(*(row[place].text for place in places))
    return table


def _figure(analysis: Analysis, cell: Cell, metric: Metric) -> Text:
    found = analysis.estimate(cell, metric)
    if found is None:
        return Text(numbers.MISSING)
    return Text(short(found.value), style="" if metric.stands(cell) else "dim")


def _latency_ms(analysis: Analysis, cell: Cell, quantile: str) -> Text:
    metric = latency(quantile)
    found = analysis.estimate(cell, metric)
    if found is None:
        return Text(numbers.MISSING)
    return Text(short(found.value / 1e3), style="" if metric.stands(cell) else "dim")


def _legend(analysis: Analysis) -> str:
    text = (
        "Medians of the rounds, in the order of CPU µs: server CPU time per request. rank: by its interval, a range where "
        "others can not be told from it; none for references (fixed answers), wrong answers and errors. A doubt in the "
        "verdict widens the interval; client_bound: the client set the pace, so that req/s and latency are its own."
    )
    twice = next((record for record in analysis.results.contestants if record.same_as), None)
    if twice:
        text += f" A/A: how far {twice.same_as} lies from itself under a second name."
    return textwrap.fill(text, _WIDTH, break_on_hyphens=False)
