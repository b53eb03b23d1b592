"""What another worker costs: a server's memory with several numbers of workers, at rest, under load and after it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..contestants.builder import Reporter
from ..contestants.cache import Cache
from ..contestants.contestant import Contestant
from ..host.pinning import Pinning
from ..load.engine import LoadEngine
from ..load.load import LoadPlan
from ..model.errors import EnvironmentFault, RigError
from ..model.memory_records import AFTER, LOAD, REST, MemoryRecord
from ..model.workloads import ROUTE_ENCODE, ROUTE_ROOT, ROUTE_TRANSFER
from ..server import drain, memory_look
from ..server.launcher import RunningServer, StartOptions
from ..server.placement import Local

LOOKS_UNDER_LOAD = 3
_REST_WINDOW_S = 0.2
# restmark-rss reads process after process and the control group after them, while the server goes on.
CHECK_MAX_SHARE = 0.10
CHECK_MAX_BYTES = 2 * 2**20


@dataclass(frozen=True)
class MemoryPlan:
    """What to do with each contestant. duration_s: length of the load, of which the last two thirds are looked at."""

    workers: tuple[int, ...]
    connections: int
    duration_s: float
    options: StartOptions
    pins: Pinning
    engine: LoadEngine


@dataclass(frozen=True)
class Outcome:
    """All looks at one contestant. disagreements: where control group and processes did not add up, in words."""

    records: list[MemoryRecord]
    disagreements: list[str]


def loaded_route(contestant: Contestant) -> str:
    """The route whose work needs memory: /encode-json, or what comes next to it in a server of fixed replies."""
    return next(route for route in (ROUTE_ENCODE, ROUTE_TRANSFER, ROUTE_ROOT) if route in contestant.routes)


def measure(contestant: Contestant, plan: MemoryPlan, cache: Cache, reporter: Reporter) -> Outcome:
    """Starts the contestant once for each number of workers. Raises EnvironmentFault."""
    records: list[MemoryRecord] = []
    disagreements: list[str] = []
    for workers in plan.workers:
        reporter.progress(f"{contestant.name}, {workers} worker(s)")
        with Local(cache).launch(contestant, replace(plan.options, workers=workers)) as server:
            records.append(memory_look.look_at_rest(server, contestant.name, workers, REST))
            records += _under_load(server, workers, plan)
            drain.come_to_rest(server, _REST_WINDOW_S)
            records.append(memory_look.look(server, contestant.name, workers, AFTER))
            if reason := _disagreement(server):
                disagreements.append(f"{contestant.name}, {workers} worker(s): {reason}")
    return Outcome(records, disagreements)


def _under_load(server: RunningServer, workers: int, plan: MemoryPlan) -> list[MemoryRecord]:
    """Looks in the middle of a load. Raises what the load generator raises."""
    contestant = server.contestant
    limit = contestant.max_connections
    connections = plan.connections if limit is None else min(plan.connections, limit * workers)
    failures: list[RigError] = []

    def make_load() -> None:
        try:
            plan.engine.run(
                LoadPlan(
                    server.host,
                    server.port,
                    loaded_route(contestant),
                    connections,
                    plan.duration_s,
                    cpus=plan.pins.client,
                )
            )
        except RigError as fault:
            failures.append(fault)

    client = threading.Thread(target=make_load)
    client.start()
    records = []
    try:
        for sample in range(LOOKS_UNDER_LOAD):
            client.join(plan.duration_s / (LOOKS_UNDER_LOAD + 1))
            if not client.is_alive():
                break
            records.append(memory_look.look(server, contestant.name, workers, LOAD, sample))
    finally:
        client.join()
    if failures:
        raise failures[0]
    if not records:
        raise EnvironmentFault(
            f"{contestant.name}: the load ended before its memory could be read", "a longer --duration"
        )
    return records


def _disagreement(server: RunningServer) -> str:
    """Compares the anonymous memory of the processes with what their control group is charged for it.

    File pages are left out: the group pays for those that it was the first to read, which tells nothing of the server.
    """
    group = memory_look.group_memory(server.pid)
    if group is None:
        return ""
    return disagreement(memory_look.anonymous_bytes(server.pids()), group.anonymous_bytes)


def disagreement(processes_bytes: int, group_bytes: int) -> str:
    """What to say if the two are not about equal; empty if they are."""
    difference = abs(processes_bytes - group_bytes)
    if difference <= max(CHECK_MAX_BYTES, CHECK_MAX_SHARE * group_bytes):
        return ""
    return (
        f"its processes hold {processes_bytes / 2**20:.1f} MiB of anonymous memory, its control group is charged for "
        f"{group_bytes / 2**20:.1f} MiB"
    )


def by_workers(records: Sequence[MemoryRecord], phase: str, figure: str) -> dict[int, int]:
    """Number of workers -> the sum in KiB, the largest of several looks."""
    found: dict[int, int] = {}
    for record in records:
        value = getattr(record.totals, figure)
        if record.phase == phase and value is not None:
            found[record.workers] = max(value, found.get(record.workers, 0))
    return dict(sorted(found.items()))
