"""Which rate of requests a server holds: of the rates that were tried in a round, the highest up to which each held the latency. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median

from ...model import stats
from ...model.stats import Estimate

REACHED = 0.98  # share of the asked rate that has to be answered in time for the rate to be one that was measured


@dataclass(frozen=True)
class Try:
    """A rate that was tried. asked_per_s, reached_per_s: of all workers together; p99_us: from the intended times; late: the client itself sent too
    late for the latencies to be the server's."""

    asked_per_s: float
    reached_per_s: float
    p99_us: float
    late: bool = False

    def held(self, p99_us: float) -> bool:
        """Whether its latency did."""
        return not self.late and self.reached_per_s >= self.asked_per_s * REACHED and self.p99_us <= p99_us


def highest(tries: Iterable[Try], p99_us: float) -> tuple[float | None, float | None]:
    """The highest rate up to which all held, requests/s, and the one above it, which did not; None where there is none."""
    found = None
    for one in sorted(tries, key=lambda one: one.asked_per_s):
        if not one.held(p99_us):
            return found, one.asked_per_s
        found = one.asked_per_s
    return found, None


def estimate(rounds: Iterable[Iterable[Try]], p99_us: float) -> Estimate | None:
    """The median over rounds of what was held; None if in half of them or more nothing was.

    Between the rate that held and the next that was tried nothing is known: the interval reaches up to there, and is never narrower than that. If no rate
    failed, the server may hold any: there is no interval.
    """
    found = [highest(tries, p99_us) for tries in rounds]
    held = [rate for rate, _ in found if rate is not None]
    if not found or 2 * len(held) <= len(found):
        return None
    middle = stats.median(held)
    failed = [rate for _, rate in found if rate is not None]
    if not failed:
        return replace(middle, low=None, high=None)
    if middle.high is None:
        return middle
    return replace(middle, high=max(middle.high, median(failed)))
