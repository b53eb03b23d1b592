"""A group of commands each of which is imported when it is used: a command starts in a fraction of the time that all of them take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from ..model.errors import EnvironmentFault


@dataclass(frozen=True)
class Place:
    """Where a command is defined, and what it does in a line of the group's help."""

    module: str
    attribute: str
    summary: str
    watches: bool = False  # servers, in /proc


class LazyGroup(click.Group):
    """Commands by name, in the order of the help."""

    def __init__(self, *arguments: Any, places: Mapping[str, Place], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._places = places

    def list_commands(self, _: click.Context) -> list[str]:
        """The names."""
        return list(self._places)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        """The command, imported now."""
        place = self._places.get(name)
        if place is None:
            return None
        if place.watches and not Path("/proc/stat").exists():  # what tells of CPUs
            raise EnvironmentFault("/proc is not there, or without /proc/stat: servers can not be watched", "mount it: mount -t proc proc /proc")
        command: click.Command = getattr(import_module(place.module), place.attribute)
        return command

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help, for which nothing is imported."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in self._places.items()])
