"""restmark report: the reports of a finished run, made anew from its results.json."""

from __future__ import annotations

from pathlib import Path

import click

from .options import baseline_option, mix_options


@click.command("report")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where to write [default: beside results.json].",
)
@click.option(
    "--price-per-vcpu-hour",
    "price",
    type=click.FloatRange(0, min_open=True),
    metavar="PRICE",
    help="Also show what the CPU time for a billion requests costs, in the unit of this price.",
)
@click.option(
    "--readme",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also renew the table and the picture in this Markdown file, between its restmark:results markers.",
)
@baseline_option
@mix_options
def report_command(
    directory: Path,
    output: Path | None,
    price: float | None,
    readme: Path | None,
    baseline: str | None,
    mix: dict[str, float] | None,
    mix_from: Path | None,
    mix_map: tuple[str, ...],
) -> None:
    """Make rounds.csv, summary.md and index.html anew from DIRECTORY/results.json alone."""
    from ..actions import report as action

    action.report_command(directory, output, price, readme, baseline, mix, mix_from, mix_map)
