"""restmark doctor: what this machine means for a measurement."""

from __future__ import annotations

import click

from ...contestants.settings import Settings
from ..shared_options import shared_options


@click.command()
@shared_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--cross-check", is_flag=True, help="Compare requests/s of wrk and restmark-load instead; takes a minute.")
@click.pass_obj
def doctor(settings: Settings, as_json: bool, cross_check: bool) -> int:
    """Report what makes this machine noisy, and which tools are missing. Changes nothing."""
    from ..actions import doctor as action

    return action.doctor(settings, as_json, cross_check)
