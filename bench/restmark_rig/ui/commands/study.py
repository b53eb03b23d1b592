"""restmark study: experiments that answer a question, claim by claim."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ...contestants.settings import Settings
from ..shared_options import shared_options

F = TypeVar("F", bound=Callable[..., Any])


def study_options(command: F) -> F:
    """Adds what every study takes: --claim, --quick, --output and --list."""
    options = (
        click.option("--claim", "claims", type=click.IntRange(min=1), multiple=True, metavar="N", help="Only this claim. Repeatable [default: all]."),
        click.option("--quick", is_flag=True, help="Fewer and shorter rounds."),
        click.option(
            "--output",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="Folder for page, summary and results [default: restmark-study-NAME-DATE-TIME].",
        ),
        click.option("--list", "listing", is_flag=True, help="Print the claims, and run nothing."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@shared_options
@study_options
@click.argument("name", metavar="NAME|DIR")
@click.pass_obj
def study(settings: Settings, claims: tuple[int, ...], quick: bool, output: Path | None, listing: bool, name: str) -> int:
    """Run a study (pipelining, costs, article, or one of your own in a folder) and write its page.

    Each claim is put to the test on this machine, and gets a verdict by a rule that is stated beforehand: holds, does not hold, or cannot be told
    here. Figures of a study never enter the tables of a run. Contestants are those that the study names, or those of -C.
    """
    from ..actions import study as action

    return action.study(settings, name, claims, quick, output, listing)
