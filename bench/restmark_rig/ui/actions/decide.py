"""restmark decide: reads what was measured, decides, prints and writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from ...decide import decision, facts, page
from ...decide.decision import Decision
from ...decide.facts import Money, Sources
from ...decide.sentence import Sentence
from ...decide.turning import Stance
from ...model import traffic
from ...model.errors import ExitCode, UsageFault
from ...model.results import Results
from ...model.workloads import ROUTE_ENCODE
from ...report import numbers
from ...report.table import Table as Figures
from ...store import results_file, writing
from ...store.atomic_file import write_atomically
from ...studies import files
from ...studies.costs import billing
from ...studies.costs import figures as measured
from ...studies.costs.billing import Terms
from ...studies.front import one_route
from ...studies.record import StudyResults
from ...terminal import console

PAGE_NAME = "decision.html"
JSON_NAME = "decision.json"
_COLUMNS = 7  # of the table of stacks, for which a terminal has room


@dataclass(frozen=True)
class Asked:
    """What the command line says. terms: None without a rate and prices; rest_share counts without them, too."""

    run: Path
    costs: tuple[Path, ...]
    front: Path | None
    start: str
    to: str | None
    mix: dict[str, float] | None
    terms: Terms | None
    p99_us: float
    rest_share: float
    engineer_day: float | None
    move_days: float | None


def terms_of(
    requests_per_s: float | None, cpu_year: float | None, gib_year: float | None, peak_factor: float, headroom: float, rest_share: float, workers_min: int
) -> Terms | None:
    """None where no money is asked for. Raises UsageFault where only a part of what it takes was given."""
    given = {"--requests-per-second": requests_per_s, "--cpu-year": cpu_year, "--memory-gib-year": gib_year}
    missing = [name for name, value in given.items() if value is None]
    if requests_per_s is None or cpu_year is None or gib_year is None:
        if len(missing) < len(given):
            raise UsageFault(f"money takes {numbers.listed(list(given))}; {numbers.listed(missing)} is missing", "give all three, or none")
        return None
    return Terms(requests_per_s, cpu_year, gib_year, peak_factor, headroom, rest_share, workers_min)


def decide(asked: Asked, output: Path | None, as_json: bool) -> int:
    """Prints the decision, and writes its page and its JSON."""
    if asked.move_days is not None and (asked.engineer_day is None or asked.terms is None):
        raise UsageFault("--move-days is paid by --engineer-day, out of what a bill saves", "give --engineer-day, --requests-per-second and the prices")
    made = _made(asked)
    text = json.dumps(decision.document(made), indent=2, ensure_ascii=False, allow_nan=False)
    if as_json:
        console.show_json(text)
        return ExitCode.OK
    _show(made)
    folder = output or (asked.run if asked.run.is_dir() else asked.run.parent)
    with writing.told(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, content in ((PAGE_NAME, page.render(made)), (JSON_NAME, text + "\n")):
        with writing.told(folder / name):
            write_atomically(folder / name, content.encode())
        console.plain(console.out, str(folder / name))
    return ExitCode.OK


def _made(asked: Asked) -> Decision:
    results = results_file.read(asked.run)
    if not any(cell.rounds for cell in results.cells):
        raise UsageFault(f"{asked.run}: nothing in it was measured under load", "name the results of 'restmark run'")
    names = [record.name for record in results.contestants if record.same_as is None]
    start = results.contestant(traffic.baseline_name(asked.start, names, "name one that took part", "--from"))
    if start.is_reference:
        raise UsageFault(f"--from {start.name}: it sends fixed answers, and has no application in it to be moved", "name a stack")
    routes = [cell.route for cell in results.cells if cell.rounds and cell.contestant == start.name]
    if not routes:
        raise UsageFault(f"--from {start.name}: not measured in this run", "go on with 'restmark run --resume', or name another")
    mix = asked.mix or results.settings.mix or {ROUTE_ENCODE if ROUTE_ENCODE in routes else routes[0]: 1.0}
    traffic.require_measured(mix, routes, f"take it out of --mix, or measure it on {start.name}")
    costs = [_study(path, "--costs", "costs") for path in asked.costs]
    front = [claim for claim in _study(asked.front, "--front", "front").claims if claim.key == one_route.KEY] if asked.front else []
    sources = Sources(str(asked.run), numbers.listed([str(path) for path in asked.costs]), str(asked.front or ""))
    stacks = facts.gather(results, start, mix, costs, sources, _money(asked, results, mix), asked.rest_share)
    return decision.make(stacks, asked.to, asked.engineer_day, asked.move_days, front[0].cells if front else ())


def _study(path: Path, option: str, name: str) -> StudyResults:
    study = files.read(path)
    if study.study != name:
        raise UsageFault(f"{option} {path}: a study of {study.study}", f"name one that 'restmark study {name}' wrote")
    return study


def _money(asked: Asked, results: Results, mix: dict[str, float]) -> Money | None:
    """Of the rates that the studies tried, else of the run's."""
    if asked.terms is None:
        return None
    paths = [path for path in asked.costs if measured.is_source(path)]
    sources = measured.read(paths)
    if not any(source.tries for source in sources.values()) and any(cell.rate_per_s for cell in results.cells):
        sources = measured.read([*paths, asked.run])
    stacks = measured.stacks(sources, mix, asked.p99_us)
    if not stacks:
        routes = sorted({route for source in sources.values() for route in source.tries})
        had = f"they were on {numbers.listed(routes)}" if routes else "there are none"
        return Money(asked.terms, [], f"it takes fixed rates on {numbers.listed(list(mix))}, and {had}")
    return Money(asked.terms, stacks)


def _show(made: Decision) -> None:
    out = console.out
    console.plain(out, made.title, "bold")
    console.plain(out, f"{made.verdict}\n")
    for number, one in enumerate(made.sentences, 1):
        _show_sentence(f"{number}. ", one)
    if made.one_route.stance is not Stance.UNKNOWN:
        console.plain(out, "")
        _show_sentence("", made.one_route)
    if made.routes is not None:
        out.print(_table(made.routes))
    console.plain(out, "")
    out.print(_table(made.table, _COLUMNS))
    console.plain(out, f"\n{made.table.caption}. The page has {numbers.listed([column.title for column in made.table.columns[_COLUMNS:]])} as well.")
    if made.stacks.terms is not None and made.stacks.bill is not None:
        terms = made.stacks.terms
        console.plain(out, f"Money: {billing.peak(terms):,g} requests/s at the peak, {terms.headroom:.0%} left free.")
    console.plain(out, "\nNot measured:")
    for line in made.lacking:
        console.plain(out, f"- {line}")
    console.plain(out, "")


def _show_sentence(begin: str, one: Sentence) -> None:
    console.plain(console.out, f"{begin}{one.label} [{decision.LABELS[one.stance]}]: {one.text}")
    for turn in one.turns:
        console.plain(console.out, f"   {decision.turn_told(turn)}.")
    if one.settles:
        console.plain(console.out, f"   surer: {one.settles}.")


def _table(figures: Figures, most: int | None = None) -> Table:
    """The columns that have figures, of the first so many."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    shown = [at for at in range(len(figures.columns[:most])) if any(row[at].text != numbers.MISSING for row in figures.rows)]
    for at in shown:
        column = figures.columns[at]
        table.add_column(column.title, justify="right" if column.numeric else "left", overflow="fold", min_width=1 if column.numeric else 12)
    for row in figures.rows:
        table.add_row(*(row[at].text for at in shown))
    return table
