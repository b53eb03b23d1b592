"""restmark bill: what a rate of requests costs in a year, for each stack that was measured."""

from __future__ import annotations

from pathlib import Path

import click

from .money_options import terms_options
from .options import Mix


@click.command()
@terms_options(required=True)
@click.option(
    "--run",
    "runs",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    required=True,
    metavar="DIR",
    help="What to reckon from: results of 'restmark costs', or of 'restmark run --rate N'. Repeatable.",
)
@click.option("--baseline", metavar="NAME", help="The stack that you have now [default: the dearest].")
@click.option(
    "--mix", type=Mix(), default="/encode-json=1", show_default=True, metavar="ROUTE=WEIGHT,…", help="The traffic, of workloads that were measured."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bill(
    requests_per_s: float,
    p99_us: float,
    cpu_year: float,
    gib_year: float,
    runs: tuple[Path, ...],
    baseline: str | None,
    mix: dict[str, float],
    peak_factor: float,
    headroom: float,
    rest_share: float,
    workers_min: int,
    engineer_day: float | None,
    as_json: bool,
) -> int:
    """Workers, CPUs, memory and money that a rate of requests takes for a year, for each stack that was measured.

    It reckons with the highest rate at which the p99 held, not with that of a saturated server. No prices are built in: money is in whatever unit
    you give it. docs/COSTS.md has an example, step by step.
    """
    from ...studies.costs.billing import Terms
    from ..actions import bill as action

    terms = Terms(requests_per_s, cpu_year, gib_year, peak_factor, headroom, rest_share, workers_min)
    return action.bill(terms, p99_us, runs, baseline, mix, engineer_day, as_json)
