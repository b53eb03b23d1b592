"""restmark run: measures all contestants in balanced rounds and says what may be believed."""

from __future__ import annotations

from pathlib import Path

import click

from ...model.timeouts import DEFAULT_TIMEOUT_S, TIMEOUT_MAX_S
from ..shared_options import shared_options
from .options import (
    CountList,
    Workload,
    back_end_options,
    baseline_option,
    limit_options,
    load_machine_options,
    mix_options,
    server_options,
    ssh_config_option,
)


@click.command()
@shared_options
@click.option(
    "--workload",
    "workloads",
    multiple=True,
    type=Workload(),
    metavar="ROUTE|GROUP",
    help="Only this route, or group of routes that ask a database or a cache: db, orm, cache. Repeatable [default: the five that all have].",
)
@click.option(
    "--connections",
    multiple=True,
    type=CountList(),
    metavar="N[,N…]",
    help="Connections kept alive at once; several make a sweep [default: 64; 16 with --quick].",
)
@click.option(
    "--duration",
    type=click.FloatRange(0.05, 3600),
    metavar="SECONDS",
    help="Load of each visit, longer where it brings fewer than 30 answers [default: 0.25].",
)
@click.option(
    "--warmup",
    type=click.FloatRange(0.1, 600),
    metavar="SECONDS",
    help="Load of each cell after a start of the servers, until CPU time per request is steady, at most 8 times as long [default: 0.5].",
)
@click.option("--rounds", type=click.IntRange(1, 1000), help="Visits to each cell, fewer if they decide all [default: 40].")
@click.option(
    "--workers",
    type=CountList(),
    metavar="N[,N…]",
    help="Workers of each server; several, 1,2,4 say, make a curve, each on CPUs of its own by topology [default: one per server CPU].",
)
@click.option("--server-cpus", metavar="LIST", help="CPUs of the servers, e.g. 2-3 [default: one half].")
@click.option("--client-cpus", metavar="LIST", help="CPUs of the load generator [default: the other half].")
@click.option(
    "--rate",
    type=click.IntRange(1, 10_000_000),
    metavar="PER_SECOND",
    help="The same fixed rate of requests for all: latencies from the intended times, and CPU per request.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(1, TIMEOUT_MAX_S),
    default=DEFAULT_TIMEOUT_S,
    show_default=True,
    metavar="SECONDS",
    help="Slower answers cost the cell its rank by latency.",
)
@click.option("--dataset", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Your own records.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Repeat a run's order [default: a new one, recorded].")
@click.option(
    "--quick",
    is_flag=True,
    help="A first answer in under 5 minutes (10 with back ends; half a minute for each contestant beyond ten): fewer connections and rounds.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of the results [default: restmark-DATE-TIME here].",
)
@limit_options
@server_options
@load_machine_options
@ssh_config_option
@back_end_options
@baseline_option
@mix_options
@click.option(
    "--wait-for-quiet",
    is_flag=False,
    flag_value="30",
    type=click.FloatRange(0, 24 * 60, min_open=True),
    metavar="[=MINUTES]",
    help="Begin when nobody else uses the CPUs, and give up after so many minutes [30 if not said].",
)
@click.option("--dry-run", "dry", is_flag=True, help="Print the plan and the time it takes; measure nothing.")
@click.option(
    "--resume",
    "resumed",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Go on with an interrupted run, in its recorded order.",
)
@click.pass_context
def run(
    context: click.Context,
    seed: int | None,
    output: Path | None,
    dry: bool,
    resumed: Path | None,
    wait_for_quiet: float | None,
    **options: object,
) -> int:
    """Verify and measure contestants (all present, or those named with -C) in balanced, shuffled rounds.

    Results go to stdout and to results.json in DIR, progress to stderr. Ctrl-C keeps what was measured.
    """
    from ..actions import run as action

    return action.run(context, seed, output, dry, resumed, wait_for_quiet, **options)
