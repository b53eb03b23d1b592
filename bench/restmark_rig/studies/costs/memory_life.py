"""Claim 5: what becomes of memory: by workers, by requests, in a burst of connections and after it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...contestants.contestant import Contestant
from ...load import load
from ...load.load import NotAnswered
from ...model.errors import EnvironmentFault, StartFailed
from ...model.workloads import ROUTE_ENCODE, ROUTE_ROOT
from ...report import numbers
from ...server import drain, memory_look
from ...server.launcher import RunningServer, StartOptions
from ...server.placement import Local
from .. import judging
from ..forecast import LOAD_MORE_S, START_S
from ..lab import Lab, told_errors
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, FigureTable, Finding
from ..study import Claim

KEY = "memory"
BURST = 1000  # connections
FEW, MANY = 1, 3  # workers: the second point of a line
CONNECTIONS = 16
_LOAD_S = 1.0
_MANY_S = 2.0  # each of the workers has to come to what it takes
_QUICK_GROWING_S, _FULL_GROWING_S = 3.0, 60.0
_REST_WINDOW_S = 0.05
_QUICK_REST_S, _FULL_REST_S = 4.0, 60.0  # after the burst: who gives back does it by and by
_LOOK_S = 0.5
GIVEN_BACK = 0.8  # share of what a burst took
LITTLE = 0.1  # of what was there before: no burst that could be given back
KEPT = 0.5


def measure(lab: Lab) -> list[Cell]:
    """Each contestant by itself, as nothing of it is a time."""
    cells = []
    able = [contestant for contestant in lab.contestants if ROUTE_ENCODE in contestant.routes]
    for place, contestant in enumerate(able):
        lab.tell(f"memory: {contestant.name}", place / len(able))
        labels = {"contestant": contestant.title, "name": contestant.name}
        try:
            cells += [_few(lab, contestant, labels), _many(lab, contestant, labels)]
        except (StartFailed, NotAnswered, EnvironmentFault) as fault:
            cells.append(Cell(labels, lost=fault.message))
    return cells


def planned_s(contestants: Sequence[Contestant], quick: bool) -> float:
    """Length of the experiment, seconds."""
    loads = 3 * _LOAD_S + _growing_s(quick) + _MANY_S + 5 * LOAD_MORE_S + _rest_s(quick)
    return len(contestants) * (2 * START_S + loads)


def _growing_s(quick: bool) -> float:
    """For how long growth is looked at, seconds."""
    return _QUICK_GROWING_S if quick else _FULL_GROWING_S


def _rest_s(quick: bool) -> float:
    """For how long it is looked at what a burst has left, seconds."""
    return _QUICK_REST_S if quick else _FULL_REST_S


def _few(lab: Lab, contestant: Contestant, labels: dict[str, str]) -> Cell:
    """Of one worker: after a load, after a longer one, in a burst, and afterwards."""
    with Local(lab.cache).launch(contestant, StartOptions(lab.dataset.path, workers=FEW, cpus=lab.pins.server)) as server:
        _load(lab, server, CONNECTIONS, _LOAD_S)
        before = _pss(server, FEW)
        _load(lab, server, CONNECTIONS, _LOAD_S, ROUTE_ROOT)
        begun = _pss(server, FEW)
        requests = _load(lab, server, CONNECTIONS, _growing_s(lab.quick), ROUTE_ROOT)
        figures = {"pss_kib": before, "begun_kib": begun, "later_kib": _pss(server, FEW), "requests": float(requests)}
        if contestant.max_connections is None:
            figures["burst_kib"] = _in_burst(lab, server)
            drain.come_to_rest(server, _REST_WINDOW_S)
            figures["after_kib"] = _least_within(server, _rest_s(lab.quick))
    return Cell({**labels, "workers": str(FEW)}, [figures])


def _many(lab: Lab, contestant: Contestant, labels: dict[str, str]) -> Cell:
    with Local(lab.cache).launch(contestant, StartOptions(lab.dataset.path, workers=MANY, cpus=lab.pins.server)) as server:
        _load(lab, server, CONNECTIONS * MANY, _MANY_S)
        return Cell({**labels, "workers": str(MANY)}, [{"pss_kib": _pss(server, MANY)}])


def _load(lab: Lab, server: RunningServer, connections: int, seconds: float, route: str = ROUTE_ENCODE) -> int:
    """Requests that were answered. Raises NotAnswered if some were not."""
    most = server.contestant.max_connections
    plan = lab.plan(server, route, min(connections, most) if most else connections)
    result = lab.engine.run(replace(plan, duration_s=seconds))
    if result.errors:
        raise NotAnswered(told_errors(result))
    return result.requests


def _in_burst(lab: Lab, server: RunningServer) -> float:
    """The memory while so many connections are open and have been asked something. They are still open when the look is taken: the load counts itself
    ended only after it."""
    seen: list[float] = []
    plan = replace(lab.plan(server, "/", BURST), duration_s=_LOAD_S, every_s=_LOAD_S / 2)
    result = load.run(plan, every=lambda _: seen.append(_pss(server, FEW)))
    if result.errors:
        raise NotAnswered(told_errors(result))
    return max(seen)


def _least_within(server: RunningServer, seconds: float) -> float:
    """The least that it has, of looks all the time."""
    until, least = time.monotonic() + seconds, _pss(server, FEW)
    while time.monotonic() < until:
        time.sleep(_LOOK_S)
        least = min(least, _pss(server, FEW))
    return least


def _pss(server: RunningServer, workers: int) -> float:
    """Raises EnvironmentFault if it can not be read."""
    kib = memory_look.look(server, server.contestant.name, workers, "load").totals.pss_kib
    if kib is None:
        raise EnvironmentFault(f"{server.contestant.name}: its memory can not be read", "run it as root, or as the server's user")
    return float(kib)


@dataclass(frozen=True)
class Line:
    """Memory by workers, KiB: of the server without one, and of each."""

    base_kib: float
    worker_kib: float


def line(cells: Sequence[Cell], name: str) -> Line | None:
    """Through the two points; None where one of them is missing."""
    few, many = (judging.the(cells, name=name, workers=str(workers)) for workers in (FEW, MANY))
    if few is None or many is None:
        return None
    low, high = few.rounds[0]["pss_kib"], many.rounds[0]["pss_kib"]
    each = max(0.0, (high - low) / (MANY - FEW))
    return Line(max(0.0, low - each * FEW), each)


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    rows, back, kept, whys = [], [], [], []
    for name in judging.values_of(judging.standing(cells), "name"):
        few = judging.the(cells, name=name, workers=str(FEW))
        if few is None:
            continue
        figures, through, title = few.rounds[0], line(cells, name), few.labels["contestant"]
        grown_kib = (figures["later_kib"] - figures["begun_kib"]) / figures["requests"] * 1e6 if figures["requests"] else 0.0
        growth = f"{numbers.mib(grown_kib)} ({figures['requests']:,.0f})"
        row = [title, numbers.mib(figures["pss_kib"]), numbers.mib(through.worker_kib) if through else numbers.MISSING, growth]
        if "burst_kib" not in figures:
            rows.append([*row, *[numbers.MISSING] * 3])
            continue
        took, now = figures["burst_kib"] - figures["later_kib"], figures["after_kib"] - figures["later_kib"]
        little = took <= LITTLE * figures["later_kib"]
        share = 1.0 if took <= 0 else min(1.0, max(0.0, (took - now) / took))
        rows.append([*row, numbers.mib(figures["burst_kib"]), numbers.mib(figures["after_kib"]), "little was taken" if little else numbers.percent(share)])
        back.append(little or share >= GIVEN_BACK)
        kept.append(not little and share < KEPT)
        whys.append(f"{title} {'took little' if little else numbers.percent(share)}")
    table = FigureTable(
        KEY,
        "PSS in MiB: with one worker under /encode-json, for one worker more, growth in a million requests to / (reckoned from so many), "
        f"with {BURST} connections, and at rest after them",
        ["Contestant", "One worker", "One more", "Growth in a million requests", "In the burst", "After it", "Given back"],
        rows,
    )
    notes = judging.lost(cells)
    if not back:
        return judging.untold("; ".join(notes) or "no contestant takes a burst of connections")
    why = f"of what {BURST} connections took was given back: {'; '.join(whys)}"
    verdict = HOLDS if all(back) else HOLDS_NOT if any(kept) else OPEN
    return Finding(verdict, why, tables=[table], notes=notes)


CLAIM = Claim(
    number=5,
    key=KEY,
    sentence="Memory that a burst of connections took is given back.",
    source="What an operator sees a week later; nothing of the two texts.",
    method=(
        f"The sum of PSS of a server with one worker after a load of /encode-json, before and after one of / (growth), while {BURST} connections are open and "
        f"asked, and the least within {_FULL_REST_S:g} s after them ({_QUICK_REST_S:g} s with --quick); and "
        f"with {MANY} workers, from which the memory of one worker more comes. “restmark bill” reckons with that line."
    ),
    rule=(
        f"Holds if every contestant gives back {GIVEN_BACK:.0%} of what the burst took, or the burst took less than {LITTLE:.0%} of what was there before; "
        f"does not hold if one keeps more than {1 - KEPT:.0%}; cannot be told otherwise. Contestants that serve one connection for each worker take no burst."
    ),
    misleads=(
        "Memory that a collector would give back later counts as kept. Growth within seconds may be what a runtime takes once; without --quick it is "
        "looked at for a minute."
    ),
    measure=measure,
    judge=judge,
    planned=planned_s,
)
