"""Everybody alone, before all are up together: memory at rest and after load, and how fast each cell is.

Memory has to be looked at while no other contestant runs, because ΣPSS divides a page among all who map it, and two
servers may share a library or a whole program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..load.load import NotAnswered
from ..model.back_end_records import BackEndFootprint
from ..model.errors import StartFailed
from ..model.memory_records import AFTER, REST, MemoryRecord
from ..model.plan import CellSpec
from ..server import memory_look
from ..server.http_probe import ProbeError
from ..server.launcher import RunningServer
from . import spot_checks
from .bench import Bench, Died
from .participants import Participant

_LOAD_S = 0.2

CellKey = tuple[str, CellSpec]


@dataclass
class Calibration:
    """What came out. rates: requests/s; stalls: for how long answers wait for an acknowledgement, ms; neither has a cell
    of which nothing is known. remarks: what the reader has to know. footprints: what each one holds of the back ends after load."""

    memory: list[MemoryRecord] = field(default_factory=list)
    rates: dict[CellKey, float] = field(default_factory=dict)
    stalls: dict[CellKey, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    footprints: list[BackEndFootprint] = field(default_factory=list)


def hold(participants: Sequence[Participant], cells: Mapping[str, Sequence[CellSpec]], bench: Bench) -> Calibration:
    """Starts one after the other. A second run of a server (A/A) is what its first one is.

    Raises EnvironmentFault when the load generator or restmark-rss fail.
    """
    found = Calibration()
    for participant in participants:
        own = cells.get(participant.name, ())
        if participant.same_as is not None:
            for cell in own:
                for known in (found.rates, found.stalls):
                    if (participant.same_as, cell) in known:
                        known[participant.name, cell] = known[participant.same_as, cell]
            continue
        bench.tell(f"{participant.name} alone: memory, and how fast it is")
        try:
            with bench.placement.launch(participant.contestant, participant.options(bench.options)) as server:
                _tell_limits(server, found)
                _hear(server, participant, own, bench, found)
        except StartFailed as fault:
            found.remarks.append(f"{participant.name} did not start: {fault.message}")
    return found


def _tell_limits(server: RunningServer, found: Calibration) -> None:
    """Once for all: it is the same for everybody."""
    if server.limited_by:
        told = f"each server could use {server.options.limits.text} at most, by {server.limited_by}"
        found.remarks += [] if told in found.remarks else [told]


def _hear(server: RunningServer, participant: Participant, cells: Sequence[CellSpec], bench: Bench, found: Calibration) -> None:
    name, workers = participant.name, server.options.workers
    one = participant.scales or name  # whose memory it is, with so many workers
    found.memory.append(memory_look.look_at_rest(server, one, workers, REST))
    for cell in cells:
        try:
            found.stalls[name, cell] = spot_checks.ack_stall_ms(server, cell.route)
        except ProbeError:
            found.stalls[name, cell] = 0.0  # what is wrong shows when the cell is measured
        try:
            found.rates[name, cell] = bench.load(server, cell, _LOAD_S).requests_per_s
        except (NotAnswered, Died):
            found.rates[name, cell] = 0.0
        if death := server.death():
            found.remarks.append(f"{name} {death.splitlines()[0]} under {cell.route}, alone: its memory after load is not known")
            return
    found.memory.append(memory_look.look(server, one, workers, AFTER))
    if bench.back_ends.running and participant.scales is None:
        found.footprints.append(bench.back_ends.footprint(name))
