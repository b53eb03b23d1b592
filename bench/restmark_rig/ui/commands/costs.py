"""restmark costs: the study of what a stack costs to live with, by a name of its own."""

from __future__ import annotations

from pathlib import Path

import click

from ...contestants.settings import Settings
from ..shared_options import shared_options
from .study import study_options


@click.command()
@shared_options
@study_options
@click.pass_obj
def costs(settings: Settings, claims: tuple[int, ...], quick: bool, output: Path | None, listing: bool) -> int:
    """Measure what a stack costs to live with, and write a page: warm-up, starts, builds, broken data, deploys, memory, rates that hold.

    It is 'restmark study costs'. 'restmark bill' reckons with what it finds.
    """
    from ..actions import study as action

    return action.study(settings, "costs", claims, quick, output, listing)
