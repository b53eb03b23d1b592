"""How figures are written: the same everywhere, so that the page, the Markdown and a comparison agree to the digit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..model.stats import Estimate

MISSING = "–"


def plain(value: float | None) -> str:
    """Three significant digits (four places at most) or all before the point: 0.123, 1.23, 12.3, 123, 12,345."""
    if value is None:
        return MISSING
    for limit, digits in ((0.0995, 4), (0.9995, 3), (9.995, 2), (99.95, 1)):
        if abs(value) < limit:
            text = f"{value:.{digits}f}"
            return text if text.strip("-0.") else "0"
    return f"{value:,.0f}"


def factor(value: float | None) -> str:
    """A ratio: 1.00×, 12.3×."""
    return MISSING if value is None else f"{value:.2f}×" if 0.0995 <= value < 9.995 else f"{plain(value)}×"


def percent(share: float | None, signed: bool = False) -> str:
    """A share as percents: 0.0123 is 1.2 %."""
    return MISSING if share is None else f"{share * 100:+.1f} %" if signed else f"{share * 100:.1f} %"


def plus_minus(estimate: Estimate | None) -> str:
    """Half the interval: ±1.2 %; as a factor up and down, ×÷ 1.8, where that is a quarter or more; empty without an interval."""
    share = estimate.half_width_share if estimate else None
    if estimate is None or share is None or not estimate.low or not estimate.high:
        return ""
    return f"±{share * 100:.1f} %" if share < 0.25 else f"×÷ {plain(math.sqrt(estimate.high / estimate.low))}"


def interval(estimate: Estimate | None) -> str:
    """The interval's ends: 12.1 to 12.9; "no interval" without one."""
    if estimate is None:
        return ""
    if estimate.low is None or estimate.high is None:
        return "no interval"
    return f"{plain(estimate.low)} to {plain(estimate.high)}"


def mib(kib: float | None) -> str:
    """KiB as MiB."""
    return MISSING if kib is None else plain(kib / 1024)


def ms(us: float | None) -> str:
    """Microseconds as milliseconds."""
    return MISSING if us is None else plain(us / 1000)


def counted(count: int, noun: str) -> str:
    """1 round, 2 rounds."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
