"""Claim 2: how long a server takes from being executed to its first right answer."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...contestants.contestant import Contestant
from ...model.errors import StartFailed
from ...report import numbers
from ...server import first_answer
from ...server.launcher import StartOptions
from .. import judging, neighbour
from ..forecast import START_S
from ..lab import Lab
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, FigureTable, Finding
from ..study import Claim
from . import texts

FEW, MANY = 1, 8
WARM, COLD = "warm", "cold"
STARTS = 10
COLD_STARTS = 3
_DROP = Path("/proc/sys/vm/drop_caches")
_PAGES = "1\n"  # drops clean pages of files; nothing is lost, and everybody reads them again
JIT, INTERPRETED = "pypy", "python"


@dataclass(frozen=True, eq=False)
class _Turn:
    contestant: Contestant
    workers: int
    cache: str

    @property
    def labels(self) -> dict[str, str]:
        return {"contestant": self.contestant.title, "name": self.contestant.name, "workers": str(self.workers), "page_cache": self.cache}


def measure(lab: Lab) -> list[Cell]:
    """Starts in rounds, in an order of each round's own. Cold ones only where this process may drop the page cache."""
    program = neighbour.compiled(first_answer.SOURCE, lab.cache, lab.reporter)
    warm = [_Turn(contestant, workers, WARM) for contestant in lab.contestants for workers in (FEW, MANY)]
    cold = [_Turn(contestant, FEW, COLD) for contestant in lab.contestants] if os.access(_DROP, os.W_OK) else []
    found: dict[_Turn, list[dict[str, float]]] = {turn: [] for turn in (*warm, *cold)}
    lost: dict[_Turn, str] = {}
    for number in range(STARTS):
        turns = [*warm, *(cold if number < COLD_STARTS else ())]
        random.Random(number).shuffle(turns)
        for place, turn in enumerate(turns):
            lab.tell(f"starts: round {number + 1} of {STARTS}: {turn.contestant.name}", (number + place / len(turns)) / STARTS)
            if turn not in lost:
                try:
                    found[turn].append({"first_answer_ms": _start(lab, program, turn)})
                except StartFailed as fault:
                    lost[turn] = fault.message
    return [Cell(turn.labels, [] if turn in lost else rounds, lost.get(turn, "")) for turn, rounds in found.items()]


def planned_s(contestants: Sequence[Contestant], _quick: bool) -> float:
    """Length of the experiment, seconds; --quick leaves nothing out."""
    return len(contestants) * START_S * (2 * STARTS + COLD_STARTS)


def _start(lab: Lab, program: Path, turn: _Turn) -> float:
    """Milliseconds. Raises StartFailed."""
    if turn.cache == COLD:
        os.sync()
        _DROP.write_text(_PAGES)
    options = StartOptions(lab.dataset.path, workers=turn.workers, cpus=lab.pins.server)
    return first_answer.measure_ms(program, turn.contestant, options, lab.cache, lab.pins.client)


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    warm = judging.standing(cells, workers=str(FEW), page_cache=WARM)
    notes = judging.lost(cells)
    rows = [_row(cells, name) for name in judging.values_of(judging.standing(cells), "name")]
    table = FigureTable(
        "start",
        "From being executed to the first right answer, milliseconds; medians of the starts, the slowest of them in brackets",
        ["Contestant", "One worker", "Interval", f"{MANY} workers", "One worker, nothing in the page cache"],
        rows,
    )
    if not judging.standing(cells, page_cache=COLD):
        notes.append("cold starts can not be told: this user may not drop the page cache (root may)")
    jit = [cell for cell in warm if cell.labels["name"].startswith(JIT)]
    interpreted = [cell for cell in warm if cell.labels["name"].startswith(INTERPRETED)]
    if not jit or not interpreted:
        return Finding(OPEN, "it takes a contestant on PyPy and one on CPython", tables=[table], notes=notes)
    common = judging.scatter(warm, "first_answer_ms")
    ratios = [judging.ratio(a, b, "first_answer_ms", common, len(jit) * len(interpreted)) for a in jit for b in interpreted]
    why = "; ".join(
        f"{a.labels['contestant']} takes {judging.factor(judging.ratio(a, b, 'first_answer_ms', common))} as long as {b.labels['contestant']}"
        for a in jit
        for b in interpreted
    )
    if all(judging.surely_above(ratio, 1.0) for ratio in ratios):
        return Finding(HOLDS, why, tables=[table], notes=notes)
    if all(judging.surely_below(ratio, 1.0) for ratio in ratios):
        return Finding(HOLDS_NOT, why, tables=[table], notes=notes)
    return Finding(OPEN, why, tables=[table], notes=notes)


def _row(cells: Sequence[Cell], name: str) -> list[str]:
    one = judging.the(cells, name=name, workers=str(FEW), page_cache=WARM)
    many = judging.the(cells, name=name, workers=str(MANY), page_cache=WARM)
    cold = judging.the(cells, name=name, workers=str(FEW), page_cache=COLD)
    title = next(cell.labels["contestant"] for cell in cells if cell.labels["name"] == name)
    return [title, _told(one), numbers.interval(judging.middle(one, "first_answer_ms")) if one else numbers.MISSING, _told(many), _told(cold)]


def _told(cell: Cell | None) -> str:
    if cell is None:
        return numbers.MISSING
    return f"{numbers.plain(judging.middle(cell, 'first_answer_ms').value)} ({numbers.plain(max(cell.values('first_answer_ms')))})"


CLAIM = Claim(
    number=2,
    key="start",
    sentence="PyPy takes long to load.",
    source=f"{texts.ARTICLE}: “a high load time, followed by a warm-up”.",
    method=(
        "From the moment when a server is executed until GET / is answered with the right bytes, asked every 50 µs from another CPU: "
        f"{STARTS} starts with one worker and with {MANY}, in rounds; and {COLD_STARTS} with one worker after the page cache was dropped, which root "
        "may. The dataset is the default one."
    ),
    rule=(
        "Holds if each contestant on PyPy surely takes longer to its first answer than each on CPython, with one worker and a warm page cache; does "
        "not hold if each surely takes less; cannot be told otherwise."
    ),
    misleads=(
        "Who listens before it has loaded its data answers late, and that counts. A start with a cold page cache is one of this machine's disk, and what other "
        "processes have mapped stays. The client's question takes some 0.1 ms of it."
    ),
    measure=measure,
    judge=judge,
    planned=planned_s,
)
