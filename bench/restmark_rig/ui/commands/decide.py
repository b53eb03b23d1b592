"""restmark decide: the page for a meeting, from what was measured."""

from __future__ import annotations

from pathlib import Path

import click

from .money_options import RATE, terms_options
from .options import Mix


@click.command()
@click.option("--run", "run", type=click.Path(exists=True, path_type=Path), required=True, metavar="DIR", help="Results of 'restmark run'.")
@click.option(
    "--costs",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    metavar="DIR",
    help="Results of 'restmark costs', for money, builds, warm-up, broken data. Repeatable: of a claim the last counts.",
)
@click.option(
    "--front",
    type=click.Path(exists=True, path_type=Path),
    metavar="DIR",
    help="Results of 'restmark study front', for what a single route brings that is moved behind a front server.",
)
@click.option("--from", "start", required=True, metavar="NAME|DIR", help="The stack that you have now.")
@click.option("--to", metavar="NAME", help="The stack that the sentences are about [default: the cheapest, else that with the least CPU time].")
@click.option("--mix", type=Mix(), metavar="ROUTE=WEIGHT,…", help="The traffic [default: the run's, else /encode-json].")
@terms_options(required=False)
@click.option("--move-days", type=RATE, metavar="N", help="How many days of an engineer the move takes, which the first year has to pay.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Where to write [default: beside the run's results].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and write nothing.")
def decide(
    run: Path,
    costs: tuple[Path, ...],
    front: Path | None,
    start: str,
    to: str | None,
    mix: dict[str, float] | None,
    requests_per_s: float | None,
    p99_us: float,
    cpu_year: float | None,
    gib_year: float | None,
    peak_factor: float,
    headroom: float,
    rest_share: float,
    workers_min: int,
    engineer_day: float | None,
    move_days: float | None,
    output: Path | None,
    as_json: bool,
) -> int:
    """Write one page for a meeting, and print it: what moving from the stack that you have gains and costs, in ten sentences, a table and a picture.

    Each sentence is computed, and says what would turn it: the rate, the price, the share that waits, the noise, the rounds. Money takes
    --requests-per-second, --cpu-year and --memory-gib-year, and rates that held, as 'restmark bill' does. docs/COSTS.md has the rules.
    """
    from ..actions import decide as action

    terms = action.terms_of(requests_per_s, cpu_year, gib_year, peak_factor, headroom, rest_share, workers_min)
    return action.decide(action.Asked(run, costs, front, start, to, mix, terms, p99_us, rest_share, engineer_day, move_days), output, as_json)
