"""Types of options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ...model import traffic
from ...model.errors import UsageFault
from ...model.workloads import ALL_ROUTES

_CONNECTIONS = click.IntRange(1, 10_000)


class CountList(click.ParamType):
    """Numbers: 64, or 1,16,256."""

    name = "counts"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(_CONNECTIONS.convert(part.strip(), param, ctx) for part in str(value).split(","))


class Route(click.Choice):
    """A workload, with or without its slash."""

    def __init__(self) -> None:
        super().__init__(ALL_ROUTES)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return traffic.parse_route(str(value))
        except UsageFault as fault:
            self.fail(f"{fault.message}; {fault.remedy}", param, ctx)


class Mix(click.ParamType):
    """Routes with their weights: /=5,/encode-json=3."""

    name = "mix"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, float]:
        if isinstance(value, dict):
            return value
        try:
            return traffic.parse_mix(str(value))
        except UsageFault as fault:
            self.fail(f"{fault.message}; {fault.remedy}", param, ctx)


baseline_option = click.option(
    "--baseline",
    metavar="NAME|DIR",
    help="Show the others against this contestant, e.g. the one that you have now.",
)
_mix_option = click.option(
    "--mix",
    type=Mix(),
    metavar="ROUTE=WEIGHT,…",
    help="Also show one figure for a traffic of these workloads, e.g. '/=5,/encode-json=3'.",
)
_mix_from_option = click.option(
    "--mix-from",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Make the mix of your own traffic: an access log (nginx, Apache; also .gz), a HAR file, or an OpenAPI document. "
    "What is taken for what is printed.",
)
_mix_map_option = click.option(
    "--mix-map",
    multiple=True,
    metavar="REGEX=ROUTE",
    help="What requests of --mix-from whose 'METHOD /path' matches stand for; - leaves them out. Repeatable; the first that fits counts.",
)


def mix_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--mix, --mix-from and --mix-map."""
    return _mix_option(_mix_from_option(_mix_map_option(command)))
