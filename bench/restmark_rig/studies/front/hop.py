"""What passing a front server costs in CPU time, by contestant and route: of the front itself, and what it changes at the server. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...model import stats
from ...model.stats import Estimate
from .. import judging
from ..record import Cell

DIRECT, BEHIND = "direct", "behind nginx"
FRONT_CPU = "front_cpu_us"


@dataclass(frozen=True)
class Hop:
    """CPU µs of a request. direct: of the server alone; behind: of front and server together; front: of the front alone; more: behind less direct, round by
    round, its mean with Student's interval."""

    direct: Estimate
    behind: Estimate
    front: Estimate
    more: Estimate


def of(cells: Sequence[Cell], name: str, route: str) -> Hop | None:
    """None where a cell of the two is missing."""
    direct, behind = (judging.the(cells, name=name, route=route, way=way) for way in (DIRECT, BEHIND))
    if direct is None or behind is None:
        return None
    alone = direct.values("server_cpu_us")
    together = totals(behind)
    differences = [b - a for a, b in zip(alone, together, strict=False)]
    return Hop(stats.median(alone), stats.median(together), judging.middle(behind, FRONT_CPU), difference(differences))


def totals(cell: Cell) -> list[float]:
    """CPU µs of all that a request passes, by round."""
    return [entry["server_cpu_us"] + entry.get(FRONT_CPU, 0.0) for entry in cell.rounds]


def difference(values: Sequence[float]) -> Estimate:
    """The mean with its interval. Differences may lie on both sides of 0, so that they are taken as they are and not by their logarithms."""
    n = len(values)
    middle = sum(values) / n
    if n < 2:
        return Estimate(middle, None, None, n)
    sd = (sum((value - middle) ** 2 for value in values) / (n - 1)) ** 0.5
    half = float(stats.t_quantile(1 - stats.CONFIDENCE, n - 1) * sd / n**0.5)
    return Estimate(middle, middle - half, middle + half, n)
