"""Options of the commands that reckon money: bill and decide."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s)")
_MICROSECONDS = {"us": 1.0, "ms": 1e3, "s": 1e6}


class Time(click.ParamType):
    """A time with its unit: 50ms, 1.5s, 800us. Microseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        if (found := _TIME.fullmatch(str(value).strip())) is None or float(found[1]) == 0:
            self.fail(f"{value!r} is no time; write it with its unit, as 50ms or 1.5s", param, ctx)
        return float(found[1]) * _MICROSECONDS[found[2]]


class Share(click.ParamType):
    """A share below the whole: 30%, or 0.3."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        text = str(value).strip()
        try:
            share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
        except ValueError:
            share = -1.0
        if not 0 <= share < 1:
            self.fail(f"{value!r} is no share from 0 to below 1; write 30% or 0.3", param, ctx)
        return share


MONEY = click.FloatRange(0)
RATE = click.FloatRange(0, min_open=True)


def _price(name: str, variable: str, what: str, required: bool) -> Callable[..., Any]:
    return click.option(name, variable, type=MONEY, required=required, metavar="MONEY", help=f"What one {what} costs for a year.")


def terms_options(required: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What is asked for and at which prices. required: rate and prices have to be given."""
    options = (
        click.option(
            "--requests-per-second", "requests_per_s", type=RATE, required=required, metavar="N", help="Of all users together, on average."
        ),
        click.option(
            "--p99", "p99_us", type=Time(), default="50ms", show_default=True, metavar="TIME", help="What 99 % of requests have to be answered within."
        ),
        _price("--cpu-year", "cpu_year", "CPU", required),
        _price("--memory-gib-year", "gib_year", "GiB of memory", required),
        click.option("--peak-factor", type=click.FloatRange(1), default=2.0, show_default=True, metavar="N", help="How many times the average the peak is."),
        click.option("--headroom", type=Share(), default="30%", show_default=True, metavar="SHARE", help="What is left free at the peak."),
        click.option(
            "--wait",
            "rest_share",
            type=Share(),
            default="0%",
            show_default=True,
            metavar="SHARE",
            help="Of all that a request costs on the baseline, what no language shortens: databases and other services.",
        ),
        click.option(
            "--workers-min", type=click.IntRange(1), default=2, show_default=True, metavar="N", help="Workers that there are in any case, so that one may fail."
        ),
        click.option(
            "--engineer-day", type=RATE, metavar="MONEY", help="What a day of an engineer costs: how many a move may take to pay for itself in a year."
        ),
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
