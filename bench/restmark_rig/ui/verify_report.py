"""How the outcome of verify is shown: a table contestant × check, one contestant × route, what differed, and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .. import __version__
from ..model.errors import ExitCode
from ..model.workloads import BACK_END_ROUTES, MORE_ROUTES, ROUTES
from ..terminal.console import plain
from ..terminal.short_names import short_names
from ..verify.checks import WRONG_BODY, Check, Finding, Verdict
from ..verify.verifier import Report, VerifyPlan

JSON_FORMAT = 1

# Words, not colours alone, so that a pipe and a colour-blind reader see the same.
_WORDS = {
    Verdict.OK: Text("ok", style="green"),
    Verdict.NOTE: Text("note", style="yellow"),
    Verdict.UNDECIDED: Text("undecided", style="bold yellow"),
    Verdict.FAIL: Text("FAIL", style="bold red"),
    Verdict.NOT_OFFERED: Text("–", style="dim"),
}
_WEIGHT = {Verdict.NOT_OFFERED: 0, Verdict.OK: 1, Verdict.NOTE: 2, Verdict.UNDECIDED: 3, Verdict.FAIL: 4}
_NAME_WIDTH = 14  # what 80 columns leave; a wider terminal gets longer names
_DETAILS_SHOWN = 6


def exit_code(reports: Iterable[Report]) -> ExitCode:
    """2 if any contestant failed a check or one was left open, else 3 if any could not be built or started (or none was
    checked), else 0."""
    reports = list(reports)
    if any(report.failures or report.undecided for report in reports):
        return ExitCode.VERIFICATION
    if any(report.state == "failed" for report in reports) or not any(r.state == "verified" for r in reports):
        return ExitCode.ENVIRONMENT
    return ExitCode.OK


def worst(findings: Iterable[Finding]) -> Verdict:
    """The verdict that a cell shows for several findings."""
    return max((finding.verdict for finding in findings), key=_WEIGHT.__getitem__, default=Verdict.NOT_OFFERED)


def _word(findings: Iterable[Finding]) -> Text:
    return _WORDS[worst(findings)]


def show(console: Console, reports: Sequence[Report], plan: VerifyPlan, verbose: bool = False) -> None:
    """Prints tables, what differed, who was skipped, and a closing sentence; if verbose, nothing of it shortened."""
    dataset = plan.dataset
    plain(
        console,
        f"seed {plan.seed}; dataset {dataset.path}: {len(dataset.records)} records, {dataset.json_bytes} bytes of JSON",
    )
    checked = [report for report in reports if report.findings]
    if checked:
        for table in (*_check_tables(checked, plan.checks, console.width), *_route_tables(checked, console.width)):
            console.print(table)
    for report in reports:
        _show_details(console, report, verbose)
    plain(console, _closing_sentence(reports))


def _table(headings: Sequence[str], rows: Sequence[tuple[str, Sequence[Text]]], width: int) -> Table:
    """A row for each name, whose column gets what the others leave of the width."""
    taken = sum(_column_widths(headings, rows))
    names = short_names((name for name, _ in rows), max(_NAME_WIDTH, width - taken - 1))
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("contestant", *headings):
        table.add_column(heading, no_wrap=True)
    for name, cells in rows:
        table.add_row(names[name], *cells)
    return table


def _column_widths(headings: Sequence[str], rows: Sequence[tuple[str, Sequence[Text]]]) -> list[int]:
    """The width of each column but the names', with the space beside it."""
    columns = zip(*(cells for _, cells in rows), strict=True)
    return [1 + max(len(heading), *map(len, cells)) for heading, cells in zip(headings, columns, strict=True)]


def _check_tables(reports: Sequence[Report], checks: Sequence[Check], width: int) -> Iterator[Table]:
    """The checks that were made of anybody here."""
    made = {finding.check for r in reports for finding in r.findings}
    names = [check.name for check in checks if check.name in made]
    rows = [(r.contestant.name, [_word(f for f in r.findings if f.check == name) for name in names]) for r in reports]
    yield from _tables(names, rows, width)


def _tables(names: Sequence[str], rows: Sequence[tuple[str, Sequence[Text]]], width: int) -> Iterator[Table]:
    """The columns in as few tables, one below the other, as the width allows; each of about as many columns."""
    widths = _column_widths(names, rows)
    for tables in range(1, len(names) + 1):
        size = -(-len(names) // tables)
        starts = range(0, len(names), size)
        if size == 1 or all(_NAME_WIDTH + 1 + sum(widths[start : start + size]) <= width for start in starts):
            break
    for start in starts:
        end = start + size
        yield _table(names[start:end], [(name, cells[start:end]) for name, cells in rows], width)


def _route_tables(reports: Sequence[Report], width: int) -> Iterator[Table]:
    """The five routes, and those of the others that anybody here offers."""
    shown = (*ROUTES, *(route for route in (*MORE_ROUTES, *BACK_END_ROUTES) if any(route in r.contestant.routes for r in reports)))
    headings = [route.removeprefix("/") or "/" for route in shown]  # five slashes do not fit into 80 columns
    routes = (*shown, None)
    rows = [(r.contestant.name, [_word(f for f in r.findings if f.route == x) for x in routes]) for r in reports]
    yield from _tables([*headings, "server"], rows, width)


def _show_details(console: Console, report: Report, verbose: bool) -> None:
    name = report.contestant.name
    if report.state == "skipped":
        plain(console, f"{name}: skipped: {report.problem}; remedy: {report.remedy}", "dim")
    elif report.state == "failed":
        plain(console, f"{name}: {_without_name(report.problem, name)}", "red")
        if report.remedy:
            plain(console, f"  remedy: {report.remedy}")
    for remark in report.remarks:
        plain(console, f"{name}: {remark}")
    told, repeated = (report.findings, []) if verbose else _without_repeated_bodies(report.findings)
    for finding, routes in _grouped(told):
        style = "red" if finding.verdict is Verdict.FAIL else "yellow"
        lines = [finding.message + (":" if finding.details else ""), *_shown_details(finding, verbose)]
        text = "\n".join(lines).replace("\n", "\n    ")
        where = f" on {', '.join(routes)}" if len(routes) > 1 else ""
        plain(console, f"{name}: {finding.check}: {finding.verdict.value.upper()}{where}: {text}", style)
    if repeated:
        checks = ", ".join(repeated)
        plain(console, f"{name}: wrong bodies on the same routes also in: {checks} (--verbose shows them)", "red")
    if (report.failures or report.undecided) and report.contestant.notes:
        notes = report.contestant.notes.replace("\n", "\n    ")
        plain(console, f"{name}: its manifest notes:\n    {notes}")


def _shown_details(finding: Finding, verbose: bool) -> list[str]:
    """The details, indented; the first few of many unless verbose."""
    surplus = 0 if verbose else max(0, len(finding.details) - _DETAILS_SHOWN)
    shown = [f"  {detail}" for detail in finding.details[: len(finding.details) - surplus]]
    return [*shown, f"  and {surplus} more: --verbose shows all"] if surplus else shown


def _without_repeated_bodies(findings: Iterable[Finding]) -> tuple[list[Finding], list[str]]:
    """Findings without those that tell of a wrong body on a route once more, and the checks that those came from.

    A server that writes a text differently fails every check that compares bodies; one example a route says it all.
    """
    told: list[Finding] = []
    routes_told: set[str] = set()
    repeated: dict[str, None] = {}
    for finding in findings:
        if WRONG_BODY in finding.message and finding.route is not None:
            if finding.route in routes_told:
                repeated[finding.check] = None
                continue
            routes_told.add(finding.route)
        told.append(finding)
    return told, list(repeated)


def _grouped(findings: Iterable[Finding]) -> list[tuple[Finding, list[str]]]:
    """Findings that have something to say, those that say the same of several routes as one with all the routes."""
    groups: dict[tuple[object, ...], tuple[Finding, list[str]]] = {}
    for finding in findings:
        if finding.message:
            key = (finding.check, finding.verdict, finding.message, finding.details)
            groups.setdefault(key, (finding, []))[1].append(finding.route or "the server")
    return list(groups.values())


def _without_name(problem: str, name: str) -> str:
    return problem.removeprefix(f"{name}: ")


def _closing_sentence(reports: Sequence[Report]) -> str:
    passed = [r for r in reports if r.passed]
    parts = [f"{len(passed)} of {len(reports)} contestants do the same work"]
    groups = {
        "differ": [r for r in reports if r.failures],
        "undecided": [r for r in reports if r.undecided and not r.failures],
        "could not be built or started": [r for r in reports if r.state == "failed" and not r.failures and not r.undecided],
        "skipped": [r for r in reports if r.state == "skipped"],
    }
    parts += [f"{what}: {', '.join(r.contestant.name for r in members)}" for what, members in groups.items() if members]
    return "; ".join(parts)


def as_json(reports: Sequence[Report], plan: VerifyPlan) -> str:
    """The outcome as one JSON document."""
    document: dict[str, Any] = {
        "format": JSON_FORMAT,
        "restmark": __version__,
        "seed": plan.seed,
        "workers": plan.options.workers,
        "server_cpus": sorted(plan.options.cpus) if plan.options.cpus else None,
        "dataset": {
            "path": str(plan.dataset.path),
            "records": len(plan.dataset.records),
            "json_bytes": plan.dataset.json_bytes,
        },
        "checks": {check.name: check.proves for check in plan.checks},
        "exit_code": int(exit_code(reports)),
        "contestants": [_contestant_document(report) for report in reports],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _contestant_document(report: Report) -> dict[str, Any]:
    contestant = report.contestant
    return {
        "name": contestant.name,
        "title": contestant.title,
        "language": contestant.language,
        "model": contestant.model,
        "state": report.state,
        "problem": report.problem or None,
        "remedy": report.remedy or None,
        "versions": report.versions,
        "accounting": report.accounting or None,
        "remarks": report.remarks,
        "duration_ms": round(report.duration_s * 1000),
        "findings": [
            {
                "check": finding.check,
                "route": finding.route,
                "verdict": finding.verdict.value,
                "message": finding.message or None,
                "details": list(finding.details),
            }
            for finding in report.findings
        ],
    }
