"""What a bill is made of: which contestants held which rates, and their memory, from the results of a study of costs or of a run at a fixed rate.

Every stack says from which files its figures are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...model import stats
from ...model.errors import UsageFault
from ...model.results import REFERENCE_CONTESTANTS, Cell, Results
from ...model.stats import Estimate
from ...store import results_file
from .. import files, judging
from ..lab import PACKAGE_MJ
from ..record import FORMAT, StudyResults
from . import capacity, memory_life, rates
from .billing import Stack
from .rates import Try


@dataclass
class Source:
    """All that is known of one contestant. tries: by route, of each round; memory: its line; energy: mJ of a request by route and
    rate; waits: a worker serves one connection at a time."""

    name: str
    title: str
    workers: int
    waits: bool = False
    tries: dict[str, list[list[Try]]] = field(default_factory=dict)
    memory: memory_life.Line | None = None
    energy: dict[str, dict[float, float]] = field(default_factory=dict)


def read(paths: Sequence[Path]) -> dict[str, Source]:
    """Of all files together, by name. Raises UsageFault for a file that is neither kind, ResultsError for a damaged one."""
    found: dict[str, Source] = {}
    for path in paths:
        if _format(path) == FORMAT:
            _take_study(files.read(path), path, found)
        else:
            _take_run(results_file.read(path), path, found)
    return found


def is_source(path: Path) -> bool:
    """Whether a study made the claims that a bill is made of; one that made others has nothing to read here."""
    return bool({capacity.KEY, memory_life.KEY} & {claim.key for claim in files.read(path).claims})


def stacks(sources: Mapping[str, Source], mix: Mapping[str, float], p99_us: float) -> list[Stack]:
    """What the bill takes of them: those that were tried on all routes of the mix."""
    return [
        Stack(
            source.name,
            source.title,
            _seconds(source, mix, p99_us),
            source.memory.base_kib if source.memory else None,
            source.memory.worker_kib if source.memory else None,
            source.waits,
            _energy(source, mix, p99_us),
        )
        for source in sources.values()
        if all(route in source.tries for route in mix)
    ]


def _seconds(source: Source, mix: Mapping[str, float], p99_us: float) -> Estimate | None:
    """Worker-seconds of a request of the mix, each at the highest rate of its route that held."""
    whole = sum(mix.values())
    value, low, high, count = 0.0, 0.0, 0.0, 0
    sure = True
    for route, weight in mix.items():
        held = rates.estimate(source.tries[route], p99_us)
        if held is None:
            return None
        share = weight / whole * source.workers
        value += share / held.value
        low += share / (held.high or held.value)
        high += share / (held.low or held.value)
        sure = sure and held.low is not None
        count = held.n if count == 0 else min(count, held.n)
    return stats.Estimate(value, low if sure else None, high if sure else None, count)


def _energy(source: Source, mix: Mapping[str, float], p99_us: float) -> float | None:
    """mJ of a request of the mix, each route's at the highest rate that was tried up to the one that held; None where the machine counted none."""
    total = 0.0
    for route, weight in mix.items():
        held = rates.estimate(source.tries[route], p99_us)
        tried = [rate for rate in source.energy.get(route, {}) if held is not None and rate <= held.value]
        if not tried:
            return None
        total += weight / sum(mix.values()) * source.energy[route][max(tried)]
    return total


def _format(path: Path) -> str:
    file = path / results_file.FILE_NAME if path.is_dir() else path
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""  # the reader says what is wrong with it
    return str(document.get("format", "")) if isinstance(document, dict) else ""


def _take_study(results: StudyResults, path: Path, found: dict[str, Source]) -> None:
    claims = {claim.key: claim for claim in results.claims}
    if results.study != "costs" or not {capacity.KEY, memory_life.KEY} & set(claims):
        raise UsageFault(f"{path}: a study of {results.study} without rates or memory", "name one that 'restmark costs' wrote")
    if capacity.KEY in claims:
        cells = claims[capacity.KEY].cells
        for cell in cells:
            if "asked_per_s" in cell.labels:
                name, route = cell.labels["name"], cell.labels["route"]
                source = found.setdefault(name, Source(name, cell.labels["contestant"], int(cell.labels["workers"])))
                source.waits = cell.labels["waits"] == "yes"
                source.tries[route] = capacity.tries(cells, name, route)
                if cell.rounds and PACKAGE_MJ in cell.rounds[0]:
                    source.energy.setdefault(route, {})[float(cell.labels["asked_per_s"])] = judging.middle(cell, PACKAGE_MJ).value
    if memory_life.KEY in claims:
        cells = claims[memory_life.KEY].cells
        for cell in cells:
            name = cell.labels["name"]
            if (line := memory_life.line(cells, name)) is not None:
                found.setdefault(name, Source(name, cell.labels["contestant"], 1)).memory = line


def _take_run(results: Results, path: Path, found: dict[str, Source]) -> None:
    """Cells at a fixed rate; those in doubt are left out."""
    cells = [cell for cell in results.cells if cell.rate_per_s is not None and cell.contestant not in REFERENCE_CONTESTANTS]
    if not cells:
        raise UsageFault(f"{path}: nothing in it was measured at a fixed rate", "measure with 'restmark run --rate N', or with 'restmark costs'")
    records = {record.name: record for record in results.contestants if record.same_as is None}
    for cell in cells:
        if cell.contestant in records and cell.rounds:
            record = records[cell.contestant]
            source = found.setdefault(record.name, Source(record.name, record.title, record.workers))
            source.waits = record.max_connections_per_worker is not None
            _add(source.tries.setdefault(cell.route, []), [_try(cell, number) for number in range(len(cell.rounds))])


def _add(rounds: list[list[Try]], more: Sequence[Try]) -> None:
    """A further rate, round by round: rounds of several runs at different rates are put beside each other."""
    for number, one in enumerate(more):
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(one)


def _try(cell: Cell, number: int) -> Try:
    entry = cell.rounds[number]
    assert cell.rate_per_s is not None
    p99 = entry.latency.quantiles_us.get("99") if entry.latency else None
    reached = entry.requests * 1e6 / entry.duration_us if entry.duration_us else 0.0
    doubtful = p99 is None or entry.errors.total > 0
    return Try(float(cell.rate_per_s), reached, float(p99 or 0), late=doubtful)
