"""restmark quick: a first look at one server, in a minute or two."""

from __future__ import annotations

import click

from ...contestants.settings import Settings
from ..shared_options import shared_options


@click.command()
@shared_options
@click.option(
    "--duration", type=click.IntRange(1, 600), default=10, show_default=True, metavar="SECONDS", help="For each route."
)
@click.option(
    "--connections", type=click.IntRange(1, 10_000), default=64, show_default=True, help="Kept alive, at once."
)
@click.option("--workers", type=click.IntRange(1, 1024), help="Worker processes [default: one per server CPU].")
@click.pass_obj
def quick(settings: Settings, duration: int, connections: int, workers: int | None) -> int:
    """Check and measure each route of one server (restmarkd, or the one named with -C) once."""
    from ..actions import quick as action

    return action.quick(settings, duration, connections, workers)
