"""restmark memory: what each server takes, process by process, and what one more worker costs."""

from __future__ import annotations

from pathlib import Path

import click

from ...contestants.settings import Settings
from ..shared_options import shared_options
from .options import CountList


@click.command()
@shared_options
@click.option(
    "--workers",
    type=CountList(),
    default="1,2,4,8",
    show_default=True,
    metavar="N[,N…]",
    help="Numbers of workers to start each server with.",
)
@click.option("--connections", type=click.IntRange(1, 10_000), default=64, show_default=True, help="Under the load.")
@click.option(
    "--duration", type=click.FloatRange(1, 600), default=4, show_default=True, metavar="SECONDS", help="Of each load."
)
@click.option("--server-cpus", metavar="LIST", help="CPUs of the servers [default: one half].")
@click.option("--client-cpus", metavar="LIST", help="CPUs of the load generator [default: the other half].")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of the results; those of a run there are added to [default: restmark-memory-DATE-TIME here].",
)
@click.pass_obj
def memory(
    settings: Settings,
    workers: tuple[int, ...],
    connections: int,
    duration: float,
    server_cpus: str | None,
    client_cpus: str | None,
    output: Path | None,
) -> int:
    """Measure memory at rest, under /encode-json and after it (all contestants present, or those named with -C).

    Speed is not measured, and answers are not verified: see 'restmark run'.
    """
    from ..actions import memory as action

    return action.memory(settings, workers, connections, duration, server_cpus, client_cpus, output)
