"""restmark bill: what a rate of requests costs in a year, for each stack that was measured."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from ...model import traffic
from ...model.errors import EnvironmentFault, ExitCode, UsageFault
from ...report import numbers
from ...studies.costs import billing, figures
from ...studies.costs.billing import Bill, Line, Range, Saving, Stack, Terms
from ...terminal import console


def bill(
    terms: Terms, p99_us: float, runs: Sequence[Path], baseline: str | None, mix: Mapping[str, float], engineer_day: float | None, as_json: bool
) -> int:
    """Reckon it and print it."""
    sources = figures.read(runs)
    measured = sorted({route for source in sources.values() for route in source.tries})
    traffic.require_measured(dict(mix), measured, "take it out of --mix, or measure it")
    stacks = figures.stacks(sources, mix, p99_us)
    made = billing.make(stacks, _baseline(stacks, baseline, terms, p99_us), terms)
    if as_json:
        console.show_json(json.dumps(_document(made, p99_us, mix, runs, engineer_day), indent=2, ensure_ascii=False))
    else:
        _show(made, p99_us, mix, runs, engineer_day)
    return ExitCode.OK


def _baseline(stacks: Sequence[Stack], named: str | None, terms: Terms, p99_us: float) -> str:
    held = [stack for stack in stacks if stack.seconds is not None]
    if not held:
        raise EnvironmentFault(f"nobody held a p99 of {numbers.ms(p99_us)} ms at any rate that was tried", "give a --p99 that can be held")
    if named is None:
        return billing.make(stacks, held[0].name, dataclasses.replace(terms, rest_share=0.0)).lines[-1].stack.name
    if named not in {stack.name for stack in stacks}:
        raise UsageFault(f"--baseline {named}: it was not measured", f"there are: {', '.join(stack.name for stack in stacks)}")
    if named not in {stack.name for stack in held}:
        raise UsageFault(f"--baseline {named}: it held a p99 of {numbers.ms(p99_us)} ms at no rate that was tried", "give a --p99 that it can hold")
    return named


def _show(made: Bill, p99_us: float, mix: Mapping[str, float], runs: Sequence[Path], engineer_day: float | None) -> None:
    out, terms = console.out, made.terms
    traffic_text = ", ".join(f"{route} {weight:g}" for route, weight in mix.items())
    console.plain(
        out,
        f"{terms.requests_per_s:,g} requests/s on average, {billing.peak(terms):,g} at the peak, p99 within {numbers.ms(p99_us)} ms, "
        f"{terms.headroom:.0%} left free; traffic: {traffic_text}\n",
    )
    out.print(_table(made))
    out.print()
    for sentence in _sentences(made, engineer_day):
        console.plain(out, sentence)
    for stack, reason in made.without:
        console.plain(out, f"{stack.name}: no bill: {reason}", "yellow")
    console.plain(out, f"\nRates and memory are those of {numbers.listed([str(path) for path in runs])}.")


def _table(made: Bill) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("\nstack", overflow="fold")
    # in two lines, so that names stay in one on a terminal of 80 columns
    for heading in ("req/s\na worker", "\nworkers", "\nCPUs", "\nGiB", "money\na year", "\n95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for line in made.lines:
        table.add_row(*_row(line, line.stack.name == made.baseline))
    return table


def _row(line: Line, is_baseline: bool) -> list[str]:
    assert line.stack.seconds is not None
    return [
        line.stack.name + (" (now)" if is_baseline else ""),
        numbers.plain(1 / line.stack.seconds.value),
        f"{line.workers.value:,.0f}",
        f"{line.cpus.value:,.0f}",
        numbers.plain(line.gib.value) if line.gib else numbers.MISSING,
        _money(line.total.value),
        _ends(line.total),
    ]


def _ends(of: Range) -> str:
    return "no interval" if of.low is None or of.high is None else f"{_money(of.low)} to {_money(of.high)}"


def _money(value: float) -> str:
    return f"{value:,.0f}"


def _sentences(made: Bill, engineer_day: float | None) -> list[str]:
    terms = made.terms
    told = [_saving(saving, engineer_day) for saving in billing.savings(made)]
    if terms.rest_share:
        told.append(
            f"{_money(made.rest)} a year of each is what no language shortens: {terms.rest_share:.0%} of all that a request costs on {made.baseline} "
            "(--wait), taken to be the same for all."
        )
    by_minimum = [line.stack.name for line in made.lines if line.decided_by == "minimum"]
    if by_minimum:
        told.append(f"{numbers.listed(by_minimum)} would do with fewer workers than the {terms.workers_min} that there are in any case (--workers-min).")
    waiting = [line.stack.name for line in made.lines if line.decided_by == "waiting"]
    if waiting:
        told.append(f"{numbers.listed(waiting)}: a worker serves one request at a time, so that waiting takes workers, and their memory, but no CPUs.")
    counted = [f"{line.stack.name} {numbers.plain(line.stack.request_mj)} mJ" for line in made.lines if line.stack.request_mj is not None]
    if counted:
        told.append(
            f"Energy of a request: {numbers.listed(counted)}, of the machine's packages (RAPL) at the rate that held, with the client and all else on them."
        )
    else:
        told.append("Energy is in no line: the machine that measured counted none (RAPL in /sys/class/powercap).")
    if any(line.gib is None for line in made.lines):
        told.append("Where no memory was measured none is in the bill; 'restmark costs --claim 5' measures it.")
    return told


def _saving(saving: Saving, engineer_day: float | None) -> str:
    money = saving.money
    if not saving.sure:
        return f"{saving.name}: what moving would save can not be told from nothing ({_ends(money)} a year)."
    if money.value < 0:
        return f"{saving.name}: moving would cost {_money(-money.value)} a year more ({numbers.percent(-saving.share)})."
    text = f"{saving.name}: moving saves {_money(money.value)} a year ({numbers.percent(saving.share)}; {_ends(money)})"
    if engineer_day is None or money.low is None or money.high is None:
        return f"{text}."
    days = [one / engineer_day for one in (money.value, money.low, money.high)]
    return f"{text}, which pays {numbers.plain(days[0])} engineer-days within a year ({numbers.plain(days[1])} to {numbers.plain(days[2])})."


def _document(made: Bill, p99_us: float, mix: Mapping[str, float], runs: Sequence[Path], engineer_day: float | None) -> dict[str, Any]:
    return {
        "terms": {**dataclasses.asdict(made.terms), "p99_us": p99_us, "mix": dict(mix)},
        "baseline": made.baseline,
        "rest_money": made.rest,
        "lines": [dataclasses.asdict(line) for line in made.lines],
        "savings": [
            {**dataclasses.asdict(saving), "engineer_days": saving.money.value / engineer_day if engineer_day else None} for saving in billing.savings(made)
        ],
        "without": [{"name": stack.name, "reason": reason} for stack, reason in made.without],
        "from": [str(path) for path in runs],
    }
