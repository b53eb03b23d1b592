"""Made-up cells of the study of front servers."""

from __future__ import annotations

import random

from restmark_rig.studies.front import hop
from restmark_rig.studies.front.hop import BEHIND, DIRECT
from restmark_rig.studies.record import Cell


def cells(name: str, costs: dict[str, float], front: float, noise: float = 0.01, rounds: int = 7) -> list[Cell]:
    """A contestant with these µs of CPU time by route, alone and behind a front that takes so much of each request."""
    rng = random.Random(name)
    found = []
    for route, cost in costs.items():
        for way in (DIRECT, BEHIND):
            labels = {"contestant": name.title(), "name": name, "route": route, "way": way}
            more = {hop.FRONT_CPU: front} if way == BEHIND else {}
            figures = {"server_cpu_us": cost, **more}
            found.append(Cell(labels, [{key: value * rng.gauss(1, noise) for key, value in figures.items()} for _ in range(rounds)]))
    return found
