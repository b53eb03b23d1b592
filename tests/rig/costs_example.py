"""The results of a study of costs with round figures: those of the worked example in docs/COSTS.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from restmark_rig.studies import driver, files, registry
from restmark_rig.studies.costs import capacity, memory_life
from restmark_rig.studies.record import FORMAT, VERSION, Cell, ClaimRecord, StudyResults, Subject
from restmark_rig.studies.study import Claim

ROUNDS = 3
# Of each: rate for one worker -> p99 in ms; KiB without a worker and of each; whether a worker serves one connection at a time.
SLOW = ("slow", "Slow", {100: 10.0, 200: 30.0, 300: 90.0}, 10_240, 61_440, True)
FAST = ("fast", "Fast", {1000: 1.0, 2000: 2.0, 3000: 60.0}, 4_096, 1_024, False)


def cells_of(name: str, title: str, tried: Mapping[int, float], waits: bool, route: str = "/encode-json") -> list[Cell]:
    """Of the rates that were tried, each in all rounds alike."""
    most = max(tried)
    labels = {"contestant": title, "name": name, "route": route, "workers": "1", "waits": "yes" if waits else "no"}
    return [
        Cell(
            {**labels, "share": f"{rate / most:g}", "asked_per_s": str(rate)},
            [{"requests_per_s": float(rate), "p99_us": p99_ms * 1000, "server_cpu_us": 1e6 / most, "late": 0.0}] * ROUNDS,
        )
        for rate, p99_ms in tried.items()
    ]


def memory_of(name: str, title: str, base_kib: int, worker_kib: int) -> list[Cell]:
    """The two points of a line."""
    labels = {"contestant": title, "name": name}
    few = float(base_kib + worker_kib * memory_life.FEW)
    return [
        Cell({**labels, "workers": str(memory_life.FEW)}, [{"pss_kib": few, "begun_kib": few, "later_kib": few, "requests": 1000.0}]),
        Cell({**labels, "workers": str(memory_life.MANY)}, [{"pss_kib": float(base_kib + worker_kib * memory_life.MANY)}]),
    ]


def results() -> StudyResults:
    """The study."""
    rates = [cell for name, title, tried, _, _, waits in (SLOW, FAST) for cell in cells_of(name, title, tried, waits)]
    memory = [cell for name, title, _, base, worker, _ in (SLOW, FAST) for cell in memory_of(name, title, base, worker)]
    claims = [_record(capacity.CLAIM, rates), _record(memory_life.CLAIM, memory)]
    study = registry.find("costs")
    subjects = [Subject(one[0], one[1], {}) for one in (SLOW, FAST)]
    return StudyResults(FORMAT, VERSION, "costs", study.title, study.notice, study.lead, "0", "2026-11-29T00:00:00+00:00", 1.0, True, {}, subjects, [], claims)


def write(directory: Path) -> Sequence[Path]:
    """Its files."""
    return files.write(results(), directory)


def _record(claim: Claim, cells: list[Cell]) -> ClaimRecord:
    return driver.record_of(claim, claim.judge(cells), cells, 1.0)
