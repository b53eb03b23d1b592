"""How throughput and CPU time per request go with the number of workers, of a run that has several.

Contestants with other numbers of workers than the run's usual one are no contestants of the rankings: they stand here alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..model.results import Cell, ContestantRecord, Results
from ..model.stats import Estimate
from ..model.workloads import requested
from . import numbers
from .analysis import Analysis, Load
from .metrics import CPU_US_PER_REQUEST, REQUESTS_PER_S
from .table import CellText, Column, Table
from .texts import title_of


def without(results: Results) -> Results:
    """The results with the usual number of workers alone."""
    more = {record.name for record in results.contestants if record.scales}
    if not more:
        return results
    return replace(
        results,
        contestants=[record for record in results.contestants if record.name not in more],
        verifications=[verification for verification in results.verifications if verification.contestant not in more],
        order=[visit for visit in results.order if visit.contestant not in more],
        cells=[cell for cell in results.cells if cell.contestant not in more],
        warm_ups=[warm_up for warm_up in results.warm_ups if warm_up.contestant not in more],
    )


@dataclass(frozen=True)
class Point:
    """One number of workers. speedup, cost: requests/s and CPU time per request as a multiple of those with the fewest workers; None where a
    figure does not stand."""

    workers: int
    cell: Cell
    requests_per_s: Estimate | None
    cpu_us: Estimate | None
    speedup: Estimate | None
    cost: Estimate | None


@dataclass(frozen=True)
class Curve:
    """All numbers of workers of one contestant on one workload, rising."""

    contestant: ContestantRecord
    route: str
    load: Load
    points: list[Point]


class Scaling:
    """The curves of a run; none where it has one number of workers."""

    def __init__(self, results: Results) -> None:
        self._analysis = Analysis(results)
        self._names = {record.scales for record in results.contestants if record.scales}
        self._records = results.contestants

    def curves(self) -> Iterator[Curve]:
        """Workload by workload, load by load."""
        for route in self._analysis.routes if self._names else ():
            for load in self._analysis.loads:
                for main in (record for record in self._records if record.name in self._names):
                    if points := self._points(main, route, load):
                        yield Curve(main, route, load, points)

    def _points(self, main: ContestantRecord, route: str, load: Load) -> list[Point]:
        records = sorted((r for r in self._records if main.name in (r.name, r.scales)), key=lambda record: record.workers)
        cells = {cell.contestant: cell for cell in self._analysis.cells(route, load)}
        found = [(record, cells[record.name]) for record in records if record.name in cells]
        return [self._point(record, cell, found[0][1]) for record, cell in found]

    def _point(self, record: ContestantRecord, cell: Cell, fewest: Cell) -> Point:
        speed = self._analysis.estimate(cell, REQUESTS_PER_S) if REQUESTS_PER_S.stands(cell) else None
        cost = self._analysis.estimate(cell, CPU_US_PER_REQUEST) if CPU_US_PER_REQUEST.stands(cell) else None
        both = cell is not fewest
        speedup = self._analysis.ratio(cell, fewest, REQUESTS_PER_S) if both and speed and REQUESTS_PER_S.stands(fewest) else None
        dearer = self._analysis.ratio(cell, fewest, CPU_US_PER_REQUEST) if both and cost and CPU_US_PER_REQUEST.stands(fewest) else None
        return Point(record.workers, cell, speed, cost, speedup, dearer)


def tables(scaling: Scaling) -> list[Table]:
    """One for each workload and load: a row for each contestant and number of workers."""
    found: dict[tuple[str, Load], Table] = {}
    for curve in scaling.curves():
        place = (curve.route, curve.load)
        if place not in found:
            caption = f"{requested(curve.route)}, {curve.load.title}: by number of workers, each on CPUs of its own as far as there are"
            columns = ["Workers", "Requests/s", "× the fewest", "CPU µs per request", "× the fewest"]
            found[place] = Table(f"scaling{len(found)}", caption, [Column("Contestant", numeric=False), *map(Column, columns)])
        found[place].rows.extend(_row(curve.contestant, point) for point in curve.points)
    return list(found.values())


def _row(contestant: ContestantRecord, point: Point) -> list[CellText]:
    return [
        CellText(title_of(contestant)),
        CellText(str(point.workers), raw=float(point.workers)),
        _figure(point.requests_per_s, tuple(point.cell.verdict_names)),
        _ratio(point.speedup),
        _figure(point.cpu_us),
        _ratio(point.cost),
    ]


def _figure(estimate: Estimate | None, badges: tuple[str, ...] = ()) -> CellText:
    if estimate is None:
        return CellText(numbers.MISSING, badges=badges)
    return CellText(numbers.plain(estimate.value), raw=estimate.value, note=numbers.plus_minus(estimate), badges=badges)


def _ratio(estimate: Estimate | None) -> CellText:
    if estimate is None:
        return CellText(numbers.MISSING)
    return CellText(numbers.factor(estimate.value), raw=estimate.value, hint=f"95 % interval: {numbers.interval(estimate)}")
