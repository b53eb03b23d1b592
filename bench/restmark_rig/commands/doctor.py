"""restmark doctor: what this machine means for a measurement."""

from __future__ import annotations

import dataclasses
import json

import click
from rich.table import Table
from rich.text import Text

from .. import console
from .. import doctor as examiner
from ..settings import Settings, shared_options

_STYLES = {examiner.OK: "green", examiner.NOTE: "yellow", examiner.WARNING: "bold red"}


@click.command()
@shared_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def doctor(settings: Settings, as_json: bool) -> None:
    """Report what makes this machine noisy, and which tools are missing. Changes nothing."""
    lines = examiner.examine(settings.asked_for())
    if as_json:
        console.show_json(json.dumps([dataclasses.asdict(line) for line in lines], indent=2, ensure_ascii=False))
        return
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
