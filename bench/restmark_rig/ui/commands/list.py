"""restmark list: all contestants and whether they can be used."""

from __future__ import annotations

import click

from ...contestants.settings import Settings
from ..shared_options import shared_options


@click.command("list")
@shared_options
@click.option("--not-ready", is_flag=True, help="Only those that can not be started right away.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_contestants(settings: Settings, not_ready: bool, as_json: bool) -> None:
    """List contestants (those that take part by default, or those named with -C): ready, unbuilt, or skipped and why."""
    from ..actions import list as action

    action.list_contestants(settings, not_ready, as_json)
