"""The servers of a claim's experiment: those of the contestants that have the routes, as far as they start."""

from __future__ import annotations

from collections.abc import Iterable

from ..contestants.contestant import Contestant
from ..model.errors import StartFailed
from ..server.launcher import RunningServer
from .lab import Lab
from .record import Cell
from .study import CannotTell


def started(lab: Lab, routes: Iterable[str] = (), workers: int | None = None) -> tuple[list[RunningServer], list[Cell]]:
    """The servers, and a lost cell for each that did not start. Raises CannotTell if there are none."""
    servers, absent = [], []
    for contestant in _able(lab, routes):
        try:
            servers.append(lab.server(contestant, workers))
        except StartFailed as fault:
            absent.append(Cell({"contestant": contestant.title}, lost=fault.message))
    if not servers:
        raise CannotTell(absent[0].lost)
    return servers, absent


def first(lab: Lab, routes: Iterable[str] = (), workers: int | None = None) -> RunningServer:
    """The server of the first contestant that has the routes and starts; no other is started. Raises CannotTell if there is none."""
    faults = []
    for contestant in _able(lab, routes):
        try:
            return lab.server(contestant, workers)
        except StartFailed as fault:
            faults.append(fault.message)
    raise CannotTell(faults[0])


def _able(lab: Lab, routes: Iterable[str]) -> list[Contestant]:
    """Raises CannotTell if there are none."""
    wanted = set(routes)
    able = [contestant for contestant in lab.contestants if wanted <= set(contestant.routes) and _takes(contestant, wanted)]
    if not able:
        raise CannotTell(f"no contestant of this study has {', '.join(sorted(wanted))}: name one that has with -C")
    return able


def _takes(contestant: Contestant, routes: set[str]) -> bool:
    """Servers of fixed answers have routes, and take no parameters."""
    return contestant.model != "none" or routes <= {"/"}
