"""restmark verify: proves that contestants do the same work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...contestants.settings import Settings
from ...verify.checks import CHECKS
from ..shared_options import shared_options
from .options import Workload, back_end_options

_EPILOG = "Checks: " + "; ".join(f"{check.name} - {check.proves}" for check in CHECKS) + "."


@click.command(epilog=_EPILOG)
@shared_options
@click.option(
    "--check",
    "names",
    multiple=True,
    type=click.Choice([check.name for check in CHECKS]),
    help="Only this check. Repeatable.",
)
@click.option(
    "--workload",
    "workloads",
    multiple=True,
    type=Workload(),
    metavar="ROUTE|GROUP",
    help="Only this route, or group of routes: db, orm, cache. Repeatable [default: all that a contestant claims].",
)
@back_end_options
@click.option(
    "--dataset",
    "dataset_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own records instead of the default ones.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    help="Repeat a run's random requests [default: a new one, printed].",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    default=2,
    show_default=True,
    help="Worker processes or threads of each server.",
)
@click.option("--server-cpus", metavar="LIST", help="Pin servers to these CPUs, e.g. 0-3,6 [default: not pinned].")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address on which servers listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the servers [default: a free one].")
@click.option("--no-build", is_flag=True, help="Do not build what is unbuilt or out of date; fail instead.")
@click.option("--verbose", is_flag=True, help="Show every single case of a failure, not the first few.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, complete in any case.")
@click.pass_obj
def verify(settings: Settings, **options: Any) -> int:
    """Verify that contestants do the work, byte for byte (all present, or those named with -C)."""
    from ..actions import verify as action

    return action.verify(settings, action.VerifyOptions(**options))
