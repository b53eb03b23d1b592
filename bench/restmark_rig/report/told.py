"""How a factor with its interval is said: what the interval holds and no more."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum

from ..model.stats import Estimate

_NBSP = "\N{NO-BREAK SPACE}"  # a number and its sign stay on one line
LEAST_SAID = 1.01  # less would be printed as 1.00
SAID_WITH_INTERVAL = 1.5  # an interval whose ends lie further apart than this factor is said by its near end: "≥ 5 ×"


class Side(Enum):
    """What a factor against the baseline is known to be."""

    BETTER = "better"
    WORSE = "worse"
    TIED = "tied"  # the interval holds 1: no difference can be told
    UNKNOWN = "unknown"


def side(times: Estimate | None) -> Side:
    """times: how many times better, with its interval."""
    if times is None or times.low is None or times.high is None:
        return Side.UNKNOWN
    if times.low >= LEAST_SAID:
        return Side.BETTER
    return Side.WORSE if times.high <= 1 / LEAST_SAID else Side.TIED


def amount(times: Estimate) -> str:
    """How far better or worse, as a factor above 1: "31 × (28–35)", or "≥ 5 ×" where the interval is wide.

    Ends are rounded outwards, so that what is printed holds what was found. The interval has to leave 1 out.
    """
    away = times if side(times) is Side.BETTER else times.inverse()
    assert away.low is not None and away.high is not None
    if away.high / away.low > SAID_WITH_INTERVAL:
        return f"≥{_NBSP}{_digits(away.low, math.floor)}{_NBSP}×"
    return f"{_digits(away.value, round)}{_NBSP}×{_NBSP}({_digits(away.low, math.floor)}–{_digits(away.high, math.ceil)})"


def amount_below(times: Estimate) -> str:
    """The same without its sign, to stand behind a ÷: "2.3 (2.2–2.5)", or "≥ 5"."""
    return amount(times).replace(f"{_NBSP}×", "")


def point(times: Estimate) -> str:
    """The same without the interval's ends, for enumerations: "23 ×" or "≥ 5 ×"."""
    return amount(times).split(f"{_NBSP}(")[0]


def interval(times: Estimate) -> str:
    """The interval of what can not be told from 1: "0.9–1.2 ×"."""
    assert times.low is not None and times.high is not None
    return f"{_digits(times.low, math.floor)}–{_digits(times.high, math.ceil)}{_NBSP}×"


def rounded_up(factor: float) -> str:
    """A factor in two or three digits, never less than it is."""
    return _digits(factor, math.ceil)


def _digits(value: float, rounded: Callable[[float], int]) -> str:
    """Two significant digits (1.6, 31), three from 100 on, and where two would say 1 of what is not (1.04)."""
    for digits in (3 if value >= 100 else 2, 3):
        scale = 10.0 ** (digits - 1 - math.floor(math.log10(value)))
        shown = rounded(round(value * scale, 6)) / scale
        if shown != 1.0 or value == 1.0:
            break
    return f"{shown:,.{max(0, round(math.log10(scale)))}f}"
