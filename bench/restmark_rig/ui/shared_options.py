"""The options that all commands share. They may stand before or after the command's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..contestants import targets
from ..contestants.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


def _add_selectors(context: click.Context, _: click.Parameter, value: tuple[str, ...]) -> None:
    context.ensure_object(Settings).selectors.extend(value)


def _set_all(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Settings).all_built_in = True


def _set_peers_dir(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Settings).peers_dir = value.absolute()


def _set_cache(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Settings).cache_dir = value


def _set_target(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(Settings).target_cpu = value


def shared_options(command: F) -> F:
    """Adds the shared options to a command or group; they end up in the context's Settings."""
    options = (
        click.option(
            "--contestant",
            "-C",
            multiple=True,
            metavar="NAME|DIR",
            expose_value=False,
            callback=_add_selectors,
            help="Only this one: a built-in contestant's name, or the folder of your own. Repeatable.",
        ),
        click.option(
            "--all",
            is_flag=True,
            expose_value=False,
            callback=_set_all,
            help="All built-in contestants, optional ones too, in addition to those of -C.",
        ),
        click.option(
            "--peers-dir",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            expose_value=False,
            callback=_set_peers_dir,
            help="Folder of the built-in contestants.",
        ),
        click.option(
            "--cache-dir",
            type=click.Path(file_okay=False, path_type=Path),
            expose_value=False,
            callback=_set_cache,
            help="Folder for builds, logs and datasets [default: $RESTMARK_CACHE or ~/.cache/restmark].",
        ),
        click.option(
            "--target-cpu",
            type=click.Choice(targets.NAMES),
            expose_value=False,
            callback=_set_target,
            help="What all compiled contestants are built for [default: each compiler's own, which is the same].",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
