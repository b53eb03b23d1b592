"""restmark attach: a look at a live service."""

from __future__ import annotations

from pathlib import Path

import click

from ...contestants.settings import Settings
from ..shared_options import shared_options


@click.command()
@shared_options
@click.option("--pid", type=click.IntRange(1), metavar="P", help="The service's first process; all below it belong to it.")
@click.option("--unit", metavar="U", help="The service's systemd unit, instead.")
@click.option("--seconds", type=click.FloatRange(1, 3600), default=60.0, show_default=True, metavar="N", help="How long to look.")
@click.option(
    "--access-log",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Count requests and routes by what this access log grows by (nginx's or Apache's formats).",
)
@click.option("--admin", metavar="URL", help="Count them by the admin endpoint of a restmarkd, as http://127.0.0.1:8081.")
@click.option("--run", "run", type=click.Path(exists=True, path_type=Path), metavar="DIR", help="Results of 'restmark run', to say what each stack could save.")
@click.option("--like", metavar="NAME", help="The contestant of that run that works as the service does [default: by what is seen, else the run's baseline].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def attach(
    settings: Settings,
    pid: int | None,
    unit: str | None,
    seconds: float,
    access_log: Path | None,
    admin: str | None,
    run: Path | None,
    like: str | None,
    as_json: bool,
) -> int:
    """Look at a live service without touching it: CPU per request, memory of each worker, waiting, routes, and where its CPU time goes.

    CPU time is sorted into HTTP server, framework, JSON, MessagePack, database driver, ORM and own code, of Python by py-spy, of others by perf
    ('restmark setup costs' brings both). With --run it says what each stack could save at most, by what that run measured on this machine. Nothing is
    stopped, started or changed in the service; what can not be seen is said. docs/COSTS.md has what the figures mean.
    """
    from ..actions import attach as action

    return action.attach(settings, action.Asked(pid, unit, seconds, access_log, admin, run, like), as_json)
