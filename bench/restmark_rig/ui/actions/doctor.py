"""restmark doctor: what this machine means for a measurement."""

from __future__ import annotations

import dataclasses
import json

from rich.table import Table
from rich.text import Text

from ...contestants import builder
from ...contestants.settings import Settings
from ...host import pinning
from ...load import wrk
from ...model import stats
from ...model.errors import ExitCode, UsageFault
from ...server.launcher import StartOptions
from ...server.placement import Local
from ...setup import doctor as examiner
from ...store import dataset
from ...study import cross_check as checking
from ...study.cross_check import Cell
from ...terminal import console
from .build import provide_load, require_met

_STYLES = {examiner.OK: "green", examiner.NOTE: "yellow", examiner.WARNING: "bold red"}


def doctor(settings: Settings, as_json: bool, cross_check: bool) -> int:
    """Report what makes this machine noisy, and which tools are missing. Changes nothing."""
    if cross_check:
        return _cross_check(settings, as_json)
    lines = examiner.examine(settings.asked_for())
    if as_json:
        console.show_json(json.dumps([dataclasses.asdict(line) for line in lines], indent=2, ensure_ascii=False))
        return ExitCode.OK
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for line in lines:
        text = Text(line.value)
        if line.advice:
            text.append(f"\n→ {line.advice}")
        table.add_row(line.topic, Text(line.verdict, style=_STYLES[line.verdict]), text)
    console.out.print(table)
    warnings = sum(line.verdict == examiner.WARNING for line in lines)
    count = "1 warning" if warnings == 1 else f"{warnings} warnings"
    closing = f"{count}: figures from this machine need care" if warnings else "no warnings"
    console.plain(console.out, closing)
    return ExitCode.OK


def _cross_check(settings: Settings, as_json: bool) -> int:
    """Both programs on one server with one worker (restmarkd, or the one named with -C). 0: they agree."""
    if not settings.selectors:
        settings.selectors.append("restmarkd")
    chosen = settings.chosen()
    if len(chosen) != 1:
        raise UsageFault("--cross-check looks at one server", "name one with -C")
    contestant, pins = chosen[0], pinning.halves()
    wrk.path()
    require_met(contestant)
    provide_load(settings)
    data = dataset.write_default(settings.cache.folder("datasets") / "default.msgpack")
    with console.progress() as progress:
        builder.build(contestant, settings.cache, progress)
        with Local(settings.cache).launch(contestant, StartOptions(data.path, workers=1, cpus=pins.server)) as server:
            routes = [route for route in checking.ROUTES if route in contestant.routes]
            cells = [checking.compare(server, route, pins, progress.progress) for route in routes]
    if as_json:
        document = [{**dataclasses.asdict(cell), "ratio": dataclasses.asdict(cell.ratio), "verdict": cell.verdict} for cell in cells]
        console.show_json(json.dumps(document, indent=2))
    else:
        _show_cells(cells)
    return exit_code([cell.verdict for cell in cells])


def exit_code(verdicts: list[str]) -> ExitCode:
    """OK if all that could be judged agree, and something could."""
    if checking.DIFFER in verdicts:
        return ExitCode.VERIFICATION
    return ExitCode.OK if checking.AGREE in verdicts and checking.UNDECIDED not in verdicts else ExitCode.ENVIRONMENT


def _show_cells(cells: list[Cell]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Route")
    for title in ("wrk/s", "restmark-load/s", "ratio", "95 %", "server busy"):
        table.add_column(title, justify="right")
    table.add_column("")
    for cell in cells:
        ratio = cell.ratio
        wrk, ours = (stats.median([one.requests_per_s for one in side]).value for side in (cell.wrk, cell.ours))
        interval = f"{ratio.low:.3f} – {ratio.high:.3f}" if ratio.low is not None and ratio.high is not None else "–"
        table.add_row(
            cell.route, f"{wrk:,.0f}", f"{ours:,.0f}", f"{ratio.value:.3f}", interval, f"{cell.busy:.0%}", cell.verdict
        )
    console.out.print(table)
    console.plain(
        console.out,
        f"\nagree: the whole interval is within {checking.WITHIN:.0%}; not judged: the server was busy for less than "
        f"{checking.BUSY_MIN:.0%},\nso that the client set the pace; undecided: the machine is too noisy to tell.",
    )
