"""restmark setup: brings what contestants need."""

from __future__ import annotations

import click

from ...contestants.settings import Settings
from ..shared_options import shared_options


@click.command("setup")
@shared_options
@click.option("--dry-run", is_flag=True, help="Print what would be installed, and for whom; change nothing.")
@click.argument("contestants", nargs=-1, metavar="[NAME|DIR|STUDY|backends|distributed]...")
@click.pass_obj
def setup(settings: Settings, dry_run: bool, contestants: tuple[str, ...]) -> int:
    """Install what contestants need (those that take part by default, or those named), or what a study does; "backends": a database, a
    cache, and what those contestants need that ask them; "distributed": Locust, by which many machines make the load.

    Packages come from Debian, by apt-get as root or through sudo; a toolchain of which Debian has none that is
    new enough comes from a language registry, into the cache folder. No service is started. What is on PATH and
    new enough is used as it is.
    """
    from ..actions import setup as action

    return action.setup(settings, dry_run, contestants)
