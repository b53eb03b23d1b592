"""What a run will be, before anything is built or started: who is there, on which CPUs, beside whom, for how long."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..backends import back_ends
from ..contestants.contestant import Contestant
from ..contestants.settings import Settings
from ..host import worker_cpus
from ..host.background_load import BackgroundLoad
from ..host.pinning import Pinning
from ..host.topology import Cpu
from ..model import budget, cpulist
from ..model.budget import Span
from ..model.plan import CellSpec
from ..model.results import RunSettings
from ..server.placement import Placement
from . import participants, run_request
from .run_request import RunRequest


@dataclass(frozen=True)
class Preview:
    """present: whose tools are there; absent: who lacks something, in words; unbuilt: who has to be built first.

    asked: the back ends that the workloads need; run: the settings, --quick's number of rounds included, as far as it can be told now.
    """

    present: list[Contestant]
    absent: list[str]
    unbuilt: list[str]
    run: RunSettings
    cells: dict[str, list[CellSpec]]
    asked: tuple[str, ...]

    def span(self, busy: float) -> Span:
        """Length of the whole run, builds and verification included. busy: share of the CPUs that others use."""
        return budget.run_span(self.cells, self.run, len(self.present), len(self.unbuilt), busy)


def look(settings: Settings, request: RunRequest, run: RunSettings, placement: Placement) -> Preview:
    """Raises UsageFault as the run itself would for its options, EnvironmentFault if nobody is present."""
    present, absent, unbuilt = [], [], []
    for contestant in settings.chosen():
        if missing := placement.missing(contestant):
            absent.append(f"{contestant.name}: {'; '.join(m.what for m in missing)}; remedy: {missing[0].remedy}")
            continue
        present.append(contestant)
        if placement.build_state(contestant) != "ready":
            unbuilt.append(contestant.name)
    participants.require_some(present)
    names = participants.scaled(participants.with_again(present), dict.fromkeys((run.workers, *run.more_workers), frozenset()))
    cells = run_request.cells_of(names, request.routes(), run)
    if request.quick:
        left_s = budget.quick_measuring_s(0.0, len(present), cells)
        run = replace(run, rounds=budget.quick_rounds(cells, left_s))
    return Preview(present, absent, unbuilt, run, cells, back_ends.asked_by(present, request.routes()))


def cpus_of(pins: Pinning) -> frozenset[int]:
    """All of this machine's that the run uses."""
    server = frozenset() if pins.apart else pins.server
    return (server or frozenset()) | (pins.client or frozenset()) | (pins.back_ends or frozenset()) or frozenset(os.sched_getaffinity(0))


def cpus_by_workers(run: RunSettings, pins: Pinning, topology: Sequence[Cpu]) -> dict[int, frozenset[int]]:
    """The CPUs of each number of workers of a curve, the run's usual number first."""
    allowed = pins.server or frozenset(cpu.number for cpu in topology)
    return {count: worker_cpus.chosen(topology, allowed, count) for count in (run.workers, *run.more_workers)}


def curve(run: RunSettings, pins: Pinning, topology: Sequence[Cpu]) -> list[str]:
    """Where the workers of a curve run, a line for each number; none without a curve."""
    if not run.more_workers:
        return []
    return [f"{count} worker(s) on {worker_cpus.told(topology, cpus)}" for count, cpus in cpus_by_workers(run, pins, topology).items()]


def too_many_workers(run: RunSettings, pins: Pinning) -> list[str]:
    """What is to be said of a curve that goes on where there are no more CPUs."""
    cpus, most = pins.workers, max((run.workers, *run.more_workers))
    if not run.more_workers or most <= cpus:
        return []
    return [f"the server has {cpus} CPU(s): beyond so many workers the curve shows what more processes cost, not what more CPUs bring"]


def where(pins: Pinning) -> str:
    """The CPUs in words; pinning.remarks() has what makes them doubtful."""
    if not pins.server or not pins.client:
        return "server and client not pinned"
    back_ends = f", back ends on CPU {cpulist.render(pins.back_ends)}" if pins.back_ends else ""
    there = " of its machine" if pins.apart else ""
    return f"server on CPU {cpulist.render(pins.server)}{there}, client on CPU {cpulist.render(pins.client)}{back_ends}"


def busy_warning(found: BackgroundLoad, span: Span) -> str:
    """What is said before a run begins on a busy machine."""
    return (
        f"{found.text}: the run takes about {span.text}, and its figures will be doubtful; "
        "to begin when the CPUs are quiet: --wait-for-quiet[=MINUTES]"
    )
