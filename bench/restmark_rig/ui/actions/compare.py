"""restmark compare: two runs cell by cell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from ...model.errors import ExitCode, UsageFault
from ...model.stats import Estimate
from ...model.workloads import requested
from ...report import comparison, numbers
from ...report.comparison import UNTOLD, Change, Comparison, Row
from ...report.metrics import CPU_US_PER_REQUEST, REQUESTS_PER_S
from ...store import results_file
from ...terminal import console

_STYLES = {Change.WORSE: "bold red", Change.BETTER: "green", Change.SAME: "", **dict.fromkeys(UNTOLD, "yellow")}
_SHORT = {CPU_US_PER_REQUEST.key: "CPU µs", REQUESTS_PER_S.key: "req/s"}


def compare(first: Path, second: Path, fail_above: float | None, as_json: bool) -> int:
    """Compare two runs, cell by cell, with intervals (FIRST and SECOND: directories, or their results.json)."""
    found = comparison.compare(results_file.read(first), results_file.read(second))
    if not found.rows and not found.memory and not found.lost:
        raise UsageFault(
            f"{first} and {second} have no cell in common",
            "compare runs with the same contestants, workloads and connections",
        )
    failures = [] if fail_above is None else [*found.lost, *(_sentence(row) for row in found.regressions(fail_above))]
    if as_json:
        console.show_json(json.dumps(_document(found, fail_above, failures), indent=2, ensure_ascii=False))
    else:
        _show(found, fail_above, failures)
    if failures:
        return ExitCode.REGRESSION
    # A gate that can not see anything must not pass for an open one.
    return ExitCode.ENVIRONMENT if fail_above is not None and found.tells_nothing else ExitCode.OK


def _show(found: Comparison, fail_above: float | None, failures: list[str]) -> None:
    out = console.out
    if found.differences:
        console.plain(out, "The two runs do not come from the same machine and settings:", "yellow")
        for line in found.differences:
            console.plain(out, f"  {line}")
    else:
        console.plain(out, "Both runs state the same machine, settings and versions.")
    if found.rows:
        out.print()
        out.print(_table(found.rows))
    if found.untold:
        reasons = "; ".join(f"{count} {why}" for why, count in found.untold.items())
        console.plain(out, f"can not be told: {sum(found.untold.values())} figures: {reasons}", "yellow")
    for look in found.memory:
        before, after = numbers.mib(look.first_kib), numbers.mib(look.second_kib)
        change = f"{before} → {after} MiB ({numbers.percent(look.ratio - 1, True)})"
        console.plain(
            out, f"memory of {look.contestant}, {look.workers} workers, ΣPSS under load: {change}, not judged"
        )
    for which, names in (("first", found.only_first), ("second", found.only_second)):
        if names:
            console.plain(out, f"only in the {which} run: {', '.join(names)}", "yellow")
    for line in found.lost:
        console.plain(out, f"lost: {line}", "bold red")
    console.plain(out, "\n" + _closing(found, fail_above, failures), "bold red" if failures else "")
    for failure in failures:
        console.plain(out, f"  {failure}")


def _table(rows: list[Row]) -> Table:
    """A heading for each contestant with its figures below, narrow enough for 80 columns."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("", no_wrap=True)
    for heading in ("first", "second", "change", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    contestant = None
    for row in rows:
        if row.contestant != contestant:
            contestant = row.contestant
            table.add_row(Text(contestant, style="bold"))
        cell = f"  {row.route} {row.load.connections}"
        table.add_row(
            cell + (f" @{row.load.rate_per_s}/s" if row.load.rate_per_s else ""),
            _SHORT[row.metric.key],
            numbers.plain(row.first.value if row.first else None),
            numbers.plain(row.second.value if row.second else None),
            numbers.percent(row.ratio.value - 1, signed=True) if row.ratio else numbers.MISSING,
            _interval(row.ratio),
            Text(row.change.value, style=_STYLES[row.change]),
        )
    return table


def _interval(ratio: Estimate | None) -> str:
    if ratio is None or ratio.low is None or ratio.high is None:
        return numbers.MISSING
    return f"{numbers.percent(ratio.low - 1, True)} … {numbers.percent(ratio.high - 1, True)}"


def _sentence(row: Row) -> str:
    share, least = numbers.percent(row.worse_share), numbers.percent(row.worse_at_least)
    return f"{row.contestant}, {requested(row.route)}, {row.load.title}: {row.metric.title} worse by {share}, {least} at least"


def _closing(found: Comparison, fail_above: float | None, failures: list[str]) -> str:
    counts = {change: sum(row.change is change for row in found.rows) for change in Change}
    text = ", ".join(f"{count} {change.value}" for change, count in counts.items() if count) or "no figure compared"
    if fail_above is None:
        return f"{text}."
    limit = f"more than {fail_above:g} % at the near end of its interval and beyond noise"
    if failures:
        return f"{text}. {len(failures)} failures ({limit}):"
    if found.tells_nothing:
        return (
            f"{text}. Nothing can be told, so that nothing is proved: compare runs of more rounds on a quiet machine."
        )
    return f"{text}. Nothing got worse by {limit}."


def _document(found: Comparison, fail_above: float | None, failures: list[str]) -> dict[str, Any]:
    return {
        "format": "restmark-comparison",
        "version": 2,
        "fail_above_percent": fail_above,
        "failures": failures,
        "differences": found.differences,
        "only_first": found.only_first,
        "only_second": found.only_second,
        "lost": found.lost,
        "noise_floors": found.noise_floors,
        "untold": found.untold,
        "rows": [
            {
                "contestant": row.contestant,
                "route": row.route,
                "connections": row.load.connections,
                "rate_per_s": row.load.rate_per_s or None,
                "metric": row.metric.key,
                "first": _figure(row.first),
                "second": _figure(row.second),
                "ratio": _figure(row.ratio),
                "change": row.change.name.lower(),
                "why": row.why or None,
            }
            for row in found.rows
        ],
        "memory": [
            {
                "contestant": m.contestant,
                "workers": m.workers,
                "first_pss_kib": m.first_kib,
                "second_pss_kib": m.second_kib,
            }
            for m in found.memory
        ],
    }


def _figure(estimate: Estimate | None) -> dict[str, float | int | None] | None:
    if estimate is None:
        return None
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "rounds": estimate.n}
