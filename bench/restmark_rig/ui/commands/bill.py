"""restmark bill: what a rate of requests costs in a year, for each stack that was measured."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from .options import Mix

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


_MONEY = click.FloatRange(0)
_RATE = click.FloatRange(0, min_open=True)


@click.command()
@click.option("--requests-per-second", "requests_per_s", type=_RATE, required=True, metavar="N", help="Of all users together, on average.")
@click.option("--p99", "p99_us", type=Time(), default="50ms", show_default=True, metavar="TIME", help="What 99 % of requests have to be answered within.")
@click.option("--cpu-year", type=_MONEY, required=True, metavar="MONEY", help="What one CPU costs for a year.")
@click.option("--memory-gib-year", "gib_year", type=_MONEY, required=True, metavar="MONEY", help="What one GiB of memory costs for a year.")
@click.option(
    "--run",
    "runs",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    required=True,
    metavar="DIR",
    help="What to reckon from: results of 'restmark costs', or of 'restmark run --rate N'. Repeatable.",
)
@click.option("--baseline", metavar="NAME", help="The stack that you have now [default: the dearest].")
@click.option(
    "--mix", type=Mix(), default="/encode-json=1", show_default=True, metavar="ROUTE=WEIGHT,…", help="The traffic, of workloads that were measured."
)
@click.option("--peak-factor", type=click.FloatRange(1), default=2.0, show_default=True, metavar="N", help="How many times the average the peak is.")
@click.option("--headroom", type=Share(), default="30%", show_default=True, metavar="SHARE", help="What is left free at the peak.")
@click.option(
    "--wait",
    "rest_share",
    type=Share(),
    default="0%",
    show_default=True,
    metavar="SHARE",
    help="Of all that a request costs on the baseline, what no language shortens: databases and other services.",
)
@click.option(
    "--workers-min", type=click.IntRange(1), default=2, show_default=True, metavar="N", help="Workers that there are in any case, so that one may fail."
)
@click.option("--engineer-day", type=_RATE, metavar="MONEY", help="What a day of an engineer costs: how many a move may take to pay for itself in a year.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bill(
    requests_per_s: float,
    p99_us: float,
    cpu_year: float,
    gib_year: float,
    runs: tuple[Path, ...],
    baseline: str | None,
    mix: dict[str, float],
    peak_factor: float,
    headroom: float,
    rest_share: float,
    workers_min: int,
    engineer_day: float | None,
    as_json: bool,
) -> int:
    """Workers, CPUs, memory and money that a rate of requests takes for a year, for each stack that was measured.

    It reckons with the highest rate at which the p99 held, not with that of a saturated server. No prices are built in: money is in whatever unit
    you give it. docs/COSTS.md has an example, step by step.
    """
    from ...studies.costs.billing import Terms
    from ..actions import bill as action

    terms = Terms(requests_per_s, cpu_year, gib_year, peak_factor, headroom, rest_share, workers_min)
    return action.bill(terms, p99_us, runs, baseline, mix, engineer_day, as_json)
