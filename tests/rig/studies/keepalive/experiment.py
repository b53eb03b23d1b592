"""Its experiment, and its rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from restmark_rig.studies import judging
from restmark_rig.studies.lab import Lab, Setting
from restmark_rig.studies.record import HOLDS, HOLDS_NOT, LINES, Cell, Chart, FigureTable, Finding, Point, Series
from restmark_rig.studies.study import CannotTell


def measure(lab: Lab) -> list[Cell]:
    """A connection per request, and kept ones, of the first contestant."""
    server = lab.server(lab.contestants[0])
    kept = lab.plan(server, "/", 2)
    return lab.measure([Setting({"way": "kept"}, server, kept), Setting({"way": "closed"}, server, replace(kept, reconnect=1))], "both ways")


def judge(cells: Sequence[Cell]) -> Finding:
    """By the medians alone."""
    rates = {cell.labels["way"]: judging.middle(cell, "requests_per_s").value for cell in cells}
    points = [Point(float(number), rate) for number, rate in enumerate(rates.values(), 1)]
    chart = Chart("ways", "Both ways", "way", "Requests/s", [Series("this one", points)], LINES)
    table = FigureTable("ways", "Both ways", ["Way", "Requests/s"], [[way, f"{rate:.0f}"] for way, rate in rates.items()])
    return Finding(HOLDS if rates["kept"] > rates["closed"] else HOLDS_NOT, "it is <so>", [chart], [table])


def fail(lab: Lab) -> list[Cell]:
    """It takes a moon."""
    raise CannotTell(f"{len(lab.contestants)} contestants, and no moon")
