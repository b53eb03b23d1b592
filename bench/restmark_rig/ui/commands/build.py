"""restmark build: builds contestants into the cache."""

from __future__ import annotations

import click

from ...contestants.settings import Settings
from ..shared_options import shared_options


@click.command()
@shared_options
@click.option("--force", is_flag=True, help="Build also what is up to date.")
@click.pass_obj
def build(settings: Settings, force: bool) -> int:
    """Build contestants (all that this machine has the tools for, or those named with -C)."""
    from ..actions import build as action

    return action.build(settings, force)
