"""restmark compare: two runs cell by cell."""

from __future__ import annotations

from pathlib import Path

import click

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("first", type=_PATH)
@click.argument("second", type=_PATH)
@click.option(
    "--fail-above",
    type=click.FloatRange(0),
    metavar="PCT",
    help="End with exit code 4 if a figure got worse by more than PCT percent at the near end of its interval and "
    "beyond noise, or if a cell or contestant that worked no longer does; with 3 if no figure at all can be told.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(first: Path, second: Path, fail_above: float | None, as_json: bool) -> int:
    """Compare two runs, cell by cell, with intervals (FIRST and SECOND: directories, or their results.json)."""
    from ..actions import compare as action

    return action.compare(first, second, fail_above, as_json)
