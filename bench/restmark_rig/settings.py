"""The options that all commands share. They may stand before or after the command's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

from . import registry, toolchains
from .cache import Cache, default_directory
from .contestant import Contestant
from .errors import EnvironmentFault

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Settings:
    """What the shared options say."""

    selectors: list[str] = field(default_factory=list)
    peers_dir: Path = registry.DEFAULT_PEERS_DIR
    cache: Cache = field(default_factory=lambda: Cache(default_directory()))

    def everything(self) -> list[Contestant]:
        """All built-in contestants and those named with -C."""
        return self._equipped(include_built_in=True)

    def chosen(self, all_built_in: bool = False) -> list[Contestant]:
        """Those named with -C; all built-in ones if none is named, or in addition if all_built_in.

        Raises EnvironmentFault if there are none at all.
        """
        chosen = self._equipped(all_built_in or not self.selectors)
        if not chosen:
            raise EnvironmentFault(
                f"no contestants in {self.peers_dir}",
                "name their folder with --peers-dir, or one contestant with -C DIR",
            )
        return chosen

    def _equipped(self, include_built_in: bool) -> list[Contestant]:
        selected = registry.select(self.selectors, self.peers_dir, include_built_in)
        return [toolchains.equip(contestant, self.cache) for contestant in selected]

    def named(self, contestant: Contestant) -> bool:
        """Whether the command line names this contestant, so that it must not be skipped quietly."""
        return any(
            registry.resolve(selector, self.peers_dir).directory == contestant.directory for selector in self.selectors
        )


def _add_selectors(context: click.Context, _: click.Parameter, value: tuple[str, ...]) -> None:
    context.ensure_object(Settings).selectors.extend(value)


def _set_peers_dir(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Settings).peers_dir = value.absolute()


def _set_cache(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Settings).cache = Cache(value)


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
            help="A built-in contestant's name, or the folder of your own. Repeatable.",
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
