"""Three sentences that say what a run has shown, computed from it; where there is no figure, they say so."""

from __future__ import annotations

import math
from collections import Counter

from ..results import ContestantRecord, Results
from . import numbers
from .analysis import Analysis, Load, Standing
from .memory import Memory
from .metrics import CPU_US_PER_REQUEST, REQUESTS_PER_S
from .texts import VERDICTS


def sentences(results: Results, analysis: Analysis, memory: Memory) -> list[str]:
    """Who leads, against whom and by how much, and how far it can be trusted."""
    load = analysis.main_load
    if load is None:
        return [f"Nothing was measured under load: {_memory_only(memory)}."]
    leader, first = _leader(results, analysis, load)
    return [first, _against(analysis, memory, load, leader), _trust(results, analysis)]


def _memory_only(memory: Memory) -> str:
    return f"memory was looked at for {len(memory.contestants)} contestants" if memory else "the run holds no figures"


def _best(analysis: Analysis, load: Load) -> dict[str, list[Standing]]:
    """Route to those that share rank 1 by CPU per request."""
    found = {}
    for route in analysis.routes:
        first = [s for s in analysis.standings(route, load, CPU_US_PER_REQUEST) if s.rank == 1]
        if first:
            found[route] = first
    return found


def _leader(results: Results, analysis: Analysis, load: Load) -> tuple[ContestantRecord | None, str]:
    best = _best(analysis, load)
    wins = Counter(s.contestant.name for standings in best.values() for s in standings)
    ranked = {cell.contestant for cell in results.cells if _takes_part(results.contestant(cell.contestant))}
    where = results.machine.cpu_model or "a CPU that does not tell its name"
    opening = f"Of {numbers.counted(len(ranked), 'contestant')}, measured over "
    opening += f"{numbers.counted(results.settings.rounds, 'round')} on {where}, "
    if not wins:
        return None, opening + "none has a CPU time per request that can be ranked."
    # Of several with as many first places, the one with fewer ties to share them with.
    leader = max(wins, key=lambda name: (wins[name], sum(1 / len(rows) for rows in best.values() if _has(rows, name))))
    record = results.contestant(leader)
    shared = [f"GET {route}" for route, rows in best.items() if _has(rows, leader) and len(rows) > 1]
    text = f"{opening}{record.title} needed the least server CPU per request on {wins[leader]} of "
    text += numbers.counted(len(best), "workload")
    text += " that can be ranked" if len(best) < len(analysis.routes) else ""
    if shared:
        text += f" (tied with others on {numbers.listed(shared)})"
    lost = [f"{_titles(rows)} on GET {route}" for route, rows in best.items() if not _has(rows, leader)]
    return record, text + (f"; the least elsewhere: {numbers.listed(lost)}." if lost else ".")


def _takes_part(record: ContestantRecord) -> bool:
    return record.same_as is None and not record.is_reference


def _has(rows: list[Standing], name: str) -> bool:
    return any(s.contestant.name == name for s in rows)


def _titles(rows: list[Standing]) -> str:
    return numbers.listed([s.contestant.title for s in rows])


def _against(analysis: Analysis, memory: Memory, load: Load, leader: ContestantRecord | None) -> str:
    """The leader against the best Python, for that is the question; against the slowest where there is no Python."""
    if leader is None:
        return "Without a ranking there is nothing to compare."
    ratios = _ratios(analysis, load, leader)
    if not ratios:
        return "Nobody else was measured on the same workloads."
    pythons = {name: values for name, values in ratios.items() if analysis.contestants[name].language == "Python"}
    if pythons and leader.language != "Python":
        other = min(pythons, key=lambda name: _mean(pythons[name]))
    else:
        other = max(ratios, key=lambda name: _mean(ratios[name]))
    values = ratios[other]
    low, high = min(values, key=lambda r: values[r]), max(values, key=lambda r: values[r])
    title = analysis.contestants[other].title
    text = f"{title} needed {numbers.factor(values[low])} its CPU time on GET {low}"
    text += f" and {numbers.factor(values[high])} on GET {high}" if high != low else ""
    return text + _memory_clause(memory, leader.name, other) + "."


def _ratios(analysis: Analysis, load: Load, leader: ContestantRecord) -> dict[str, dict[str, float]]:
    """Contestant -> route -> how many times the leader's CPU time, where both stand."""
    found: dict[str, dict[str, float]] = {}
    for route in analysis.routes:
        standings = {s.contestant.name: s for s in analysis.standings(route, load, CPU_US_PER_REQUEST) if s.rank}
        mine = standings.get(leader.name)
        for name, standing in standings.items():
            ratio = (
                analysis.ratio(standing.cell, mine.cell, CPU_US_PER_REQUEST) if mine and name != leader.name else None
            )
            if ratio:
                found.setdefault(name, {})[route] = ratio.value
    return found


def _mean(values: dict[str, float]) -> float:
    return math.exp(sum(math.log(value) for value in values.values()) / len(values))


def _memory_clause(memory: Memory, leader: str, other: str) -> str:
    for workers in reversed(memory.worker_counts):
        a, b = memory.footprint(leader, workers), memory.footprint(other, workers)
        if a and b and a.pss_kib and b.pss_kib:
            count = numbers.counted(workers, "worker")
            mine, theirs = numbers.mib(a.pss_kib), numbers.mib(b.pss_kib)
            return f", and {theirs} MiB of memory instead of {mine} (ΣPSS, {count} under load)"
    return ""


def _trust(results: Results, analysis: Analysis) -> str:
    total = len(results.cells)
    ok = sum(cell.ok for cell in results.cells)
    counts = Counter(name for cell in results.cells for name in cell.verdict_names)
    doubts = [f"{counts[name]} {VERDICTS[name][0]}" for name in VERDICTS if counts[name]]
    text = f"{ok} of {total} cells are free of doubt" + (f" ({', '.join(doubts)})" if doubts else "") + "; "
    floors = [
        f"{numbers.percent(floor - 1)} in {what}"
        for metric, what in ((CPU_US_PER_REQUEST, "CPU per request"), (REQUESTS_PER_S, "requests/s"))
        if (floor := analysis.noise_floors[metric.key]) is not None
    ]
    if floors:
        return (
            text
            + f"the same server measured twice differed by up to {numbers.listed(floors)}: less than that is a tie."
        )
    return text + "no server was measured twice, so that only the intervals tell a difference from noise."
