"""Made-up studies of costs for the stacks of synthetic_results, so that every sentence of a decision has its data."""

from __future__ import annotations

import random

from restmark_rig.studies import driver, registry
from restmark_rig.studies.costs import broken_data, build, capacity, memory_life, warm_up
from restmark_rig.studies.record import FORMAT, VERSION, Cell, ClaimRecord, StudyResults, Subject
from restmark_rig.studies.study import Claim

from . import costs_example

PYTHON, C, GO = "python-uwsgi", "restmarkd", "go-nethttp"
TITLES = {PYTHON: "Python 3, uWSGI", C: "restmarkd, C structs", GO: "Go, net/http"}
# Rate for one worker -> p99 in ms.
RATES = {
    PYTHON: {200: 9.0, 300: 30.0, 340: 90.0},
    C: {7000: 2.0, 10_000: 9.0, 13_000: 80.0},
    GO: {800: 4.0, 1000: 20.0, 1200: 80.0},
}
BASE_AND_WORKER_KIB = {PYTHON: (9_000, 14_000), C: (2_000, 900), GO: (11_000, 1_500)}
SECONDS = {C: [4.1, 4.4, 4.6], GO: [0.5, 0.6, 0.6]}  # after one changed line
WARM = {PYTHON: [(2900.0, 40)], C: [(72.0, 40)], GO: [(1500.0, 10), (742.0, 30)]}


def rates() -> list[Cell]:
    """Claim 6."""
    return [cell for name, tried in RATES.items() for cell in costs_example.cells_of(name, TITLES[name], tried, name == PYTHON)]


def memory() -> list[Cell]:
    """Claim 5."""
    return [cell for name, (base, worker) in BASE_AND_WORKER_KIB.items() for cell in costs_example.memory_of(name, TITLES[name], base, worker)]


def builds() -> list[Cell]:
    """Claim 3. Python has nothing to build."""
    cells = []
    for name, title in TITLES.items():
        labels = {"contestant": title, "name": name, "language": "", "lines_of_code": "", "dependencies": "0", "toolchain_mib": ""}
        none = {"seconds": 0.0, "cpu_s": 0.0, "peak_mib": 0.0}
        seconds = SECONDS.get(name)
        cells.append(Cell({**labels, "build": build.IMAGE}, [{"files": 20.0, "tar_mib": 30.0, "packed_mib": 10.0}]))
        cells.append(Cell({**labels, "build": build.LOOP}, [{"seconds": 99.0}]))
        cells.append(Cell({**labels, "build": build.CLEAN}, [none if seconds is None else {**none, "seconds": 30.0}]))
        if seconds:
            cells.append(Cell({**labels, "build": build.CHANGED}, [{**none, "seconds": one} for one in seconds]))
    return cells


def starts() -> list[Cell]:
    """Claim 1."""
    cells = []
    for name, levels in WARM.items():
        for number in range(10):
            rng = random.Random(number)
            costs = [level * rng.uniform(0.97, 1.03) for level, count in levels for _ in range(count)]
            slices = [{"at_s": (at + 1) * 0.05, "seconds": 0.05, "requests": 50_000 / cost, "server_cpu_us": cost} for at, cost in enumerate(costs)]
            cells.append(Cell({"contestant": TITLES[name], "name": name, "route": "/encode-json", "start": str(number + 1)}, slices))
    return cells


def broken() -> list[Cell]:
    """Claim 4. Python goes silently wrong in two of five, Go crashes in one."""
    outcomes = {
        PYTHON: [broken_data.WRONG, broken_data.WRONG, broken_data.RIGHT, broken_data.NAMED, broken_data.VAGUE],
        C: [broken_data.NAMED] * 5,
        GO: [broken_data.CRASH, broken_data.NAMED, broken_data.NAMED, broken_data.NAMED, broken_data.VAGUE],
    }
    return [
        Cell(
            {
                "way": broken_data.FILE, "contestant": TITLES[name], "name": name, "model": "struct", "language": "", "data": f"case {at}",
                "outcome": outcome, "told": "",
            },
            [{"asked": 3.0}],
        )
        for name, all_of in outcomes.items()
        for at, outcome in enumerate(all_of)
    ]


def study(*claims: tuple[Claim, list[Cell]]) -> StudyResults:
    """A study of costs with these claims; without any, with all that a decision looks at."""
    chosen = claims or (
        (warm_up.CLAIM, starts()),
        (build.CLAIM, builds()),
        (broken_data.CLAIM, broken()),
        (memory_life.CLAIM, memory()),
        (capacity.CLAIM, rates()),
    )
    about = registry.find("costs")
    subjects = [Subject(name, title, {}) for name, title in TITLES.items()]
    records: list[ClaimRecord] = [driver.record_of(claim, claim.judge(cells), cells, 1.0) for claim, cells in chosen]
    return StudyResults(
        FORMAT, VERSION, "costs", about.title, about.notice, about.lead, "0", "2026-11-29T00:00:00+00:00", 1.0, True, {}, subjects, [], records
    )
