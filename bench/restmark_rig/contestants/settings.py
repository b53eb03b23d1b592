"""The options that all commands share. They may stand before or after the command's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

from ..model.errors import EnvironmentFault
from . import registry, toolchains
from .cache import Cache, default_directory
from .contestant import Contestant

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Settings:
    """What the shared options say."""

    selectors: list[str] = field(default_factory=list)
    all_built_in: bool = False
    peers_dir: Path = registry.DEFAULT_PEERS_DIR
    cache_dir: Path | None = None

    @property
    def cache(self) -> Cache:
        """That of --cache-dir, else the default one. Raises EnvironmentFault if there is no place for that."""
        return Cache(self.cache_dir or default_directory())

    def asked_for(self) -> list[Contestant]:
        """Those named with -C; those that are not optional if none is named; all with --all. May be none at all."""
        selected = registry.select(self.selectors, self.peers_dir, self.all_built_in)
        return [toolchains.equip(contestant, self.cache) for contestant in selected]

    def chosen(self) -> list[Contestant]:
        """asked_for(). Raises EnvironmentFault if there are none at all."""
        chosen = self.asked_for()
        if not chosen:
            raise EnvironmentFault(
                f"no contestants in {self.peers_dir}",
                "name their folder with --peers-dir, or one contestant with -C DIR",
            )
        return chosen

    def named(self, contestant: Contestant) -> bool:
        """Whether the command line names this contestant, so that it must not be skipped quietly."""
        return any(
            registry.resolve(selector, self.peers_dir).directory == contestant.directory for selector in self.selectors
        )


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
    )
    for option in reversed(options):
        command = option(command)
    return command
