"""What all measuring of a run has in common, and the loads that are made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..backends.back_ends import BackEnds
from ..contestants.cache import Cache
from ..host.machine_speed import MachineSpeed
from ..host.pinning import Pinning
from ..load import load
from ..load.engine import LoadEngine, WatchedEngine
from ..load.load import LoadPlan, LoadResult, NotAnswered, SoFar
from ..model.errors import EnvironmentFault
from ..model.plan import CellSpec
from ..model.results import RunSettings
from ..model.workloads import UPDATE_ROUTES, loaded
from ..server.launcher import RunningServer, StartOptions
from ..server.placement import Placement
from ..verify.oracle import Oracle

# A slice is long enough for this many answers, so that one more or less is little, and for so many of each worker, since what
# a worker has begun at the end of the slice is in no requests/s.
ANSWERS_MIN = 30
ANSWERS_MIN_PER_WORKER = 15
# With those that come in behind it that is two answers for each connection and some: see verdict.ANSWERS_MIN_PER_CONNECTION.
ANSWERS_MIN_PER_CONNECTION = 1.2
SLICE_LONGEST_S = 3.0


class Died(Exception):
    """The server ended before it could be measured."""


@dataclass(frozen=True)
class Bench:
    """What all visits of a run have in common. cache: of the load; placement: where the servers run; tell: takes progress, in a few words;
    engine: what makes the load; watched: the same, where it tells how far it is, else None; back_ends: those that run."""

    settings: RunSettings
    options: StartOptions
    pins: Pinning
    oracle: Oracle
    cache: Cache
    placement: Placement
    machine_speed: MachineSpeed
    seed: int
    tell: Callable[[str], None]
    engine: LoadEngine = load
    watched: WatchedEngine | None = load
    back_ends: BackEnds = field(default_factory=BackEnds)

    def connections_used(self, server: RunningServer, cell: CellSpec) -> int:
        """As many as asked for, or as the contestant can hold."""
        most = server.contestant.max_connections
        return cell.connections if most is None else min(cell.connections, most * server.options.workers)

    def slice_s(self, requests_per_s: float, connections: int, workers: int) -> float:
        """How long to load a cell with this speed at a time, seconds: as asked for, or longer where requests are slow."""
        asked = self.settings.duration_ms / 1e3
        answers = max(
            ANSWERS_MIN,
            ANSWERS_MIN_PER_WORKER * workers,
            ANSWERS_MIN_PER_CONNECTION * connections,
        )
        needed = answers / requests_per_s if requests_per_s else SLICE_LONGEST_S
        return round(min(max(asked, needed), max(asked, SLICE_LONGEST_S)), 3)

    def load(
        self,
        server: RunningServer,
        cell: CellSpec,
        duration_s: float,
        begin: Callable[[], None] | None = None,
        draw: int = 0,
        every: Callable[[SoFar], bool | None] | None = None,
        every_s: float | None = None,
    ) -> LoadResult:
        """Loads a cell; begin is called when all connections are open and no request has been sent yet. draw: which requests, where they are
        drawn from the run's seed; equal for all contestants. every: is told how far it is every every_s seconds, and ends it by returning True; for
        an engine that is watched.

        Raises Died if no server listens any more, which is its fault and not the load generator's; NotAnswered if the server
        lives and does not answer rightly when it is asked before the load; EnvironmentFault if the load generator fails.
        """
        first, *others = loaded(cell.route, self.oracle.records, f"{self.seed}:{draw}")
        updates = cell.route in UPDATE_ROUTES  # whose answers differ from each other: verification has looked at them
        plan = LoadPlan(
            host=server.host,
            port=server.port,
            target=first.target,
            more_targets=tuple(other.target for other in others),
            body=None if first.body is None else load.kept(self.cache, first.body),
            connections=self.connections_used(server, cell),
            duration_s=duration_s,
            cpus=self.pins.client,
            timeout_s=self.settings.timeout_ms / 1e3,
            rate_per_s=cell.rate_per_s,
            method=first.method if updates else None,
            check=not updates,
            expect=None if others or updates else load.kept(self.cache, self.oracle.answer(first).body),
            every_s=every_s,
        )
        try:
            if every is None:
                return self.engine.run(plan, begin)
            assert self.watched is not None
            return self.watched.run(plan, begin, every)
        except (EnvironmentFault, NotAnswered):
            if server.death():
                raise Died from None
            raise
