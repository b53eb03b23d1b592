"""Claim 7: who loses requests when a new version is put in place under load, each in the way that its server has for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from ...contestants.contestant import Contestant
from ...load import load
from ...load.load import LoadResult, NotAnswered, SoFar
from ...model.errors import StartFailed
from ...model.workloads import ROUTE_ROOT
from ...report import numbers
from ...server.launcher import RunningServer, StartOptions
from ...server.placement import Local
from .. import judging
from ..forecast import LOAD_MORE_S, START_S
from ..lab import Lab
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, FigureTable, Finding
from ..study import Claim

RELOADED, SUCCEEDED, RESTARTED = "SIGHUP", "SO_REUSEPORT", "stopped and started"
RATE_PER_S = 200
CONNECTIONS = 8
WORKERS = 2
ROUNDS = 3
_LONGEST_S = 8.0  # of a load, if the server does not come back to its schedule
_TYPICAL_S = 3.2
_AT_US, _LEAST_US = 1_000_000, 3_000_000  # what a reload does it may do a while after it was told to
_TICK_S = 0.1
_BACK_TICKS = 5  # so many in a row with nothing that waits to be sent
_TIMEOUT_S = 10.0


@dataclass
class _Deploy:
    """Puts the new version in place once, when the load has run for a while."""

    lab: Lab
    server: RunningServer
    stack: ExitStack
    way: str
    connections: int
    done: bool = field(default=False)
    back: int = field(default=0)

    def take(self, so_far: SoFar) -> bool:
        """Whether it has been made, and all requests that were due are answered or under way again."""
        if self.done:
            waiting = RATE_PER_S * so_far.elapsed_us / 1e6 - so_far.answered - so_far.failed
            self.back = self.back + 1 if waiting <= self.connections else 0
            return self.back >= _BACK_TICKS and so_far.elapsed_us >= _LEAST_US
        if so_far.elapsed_us >= _AT_US:
            self._deploy()
        return False

    def _deploy(self) -> None:
        self.done = True
        if self.way == RELOADED:
            os.kill(self.server.pid, signal.SIGHUP)
            return
        if self.way == RESTARTED:
            self.server.stop()
        self.stack.enter_context(Local(self.lab.cache).launch(self.server.contestant, replace(self.server.options, port=self.server.port)))
        self.server.stop()


def measure(lab: Lab) -> list[Cell]:
    """Each contestant in rounds; every time with a server of its own."""
    found: dict[str, list[dict[str, float]]] = {contestant.name: [] for contestant in lab.contestants}
    lost: dict[str, str] = {}
    for number in range(ROUNDS):
        for place, contestant in enumerate(lab.contestants):
            lab.tell(f"deploys: round {number + 1} of {ROUNDS}: {contestant.name}", (number + place / len(lab.contestants)) / ROUNDS)
            if contestant.name not in lost:
                try:
                    found[contestant.name].append(_deployed(lab, contestant))
                except (StartFailed, NotAnswered) as fault:
                    lost[contestant.name] = fault.message
    return [
        Cell(
            {"contestant": one.title, "name": one.name, "way": way_of(one)},
            [] if one.name in lost else found[one.name],
            lost.get(one.name, ""),
        )
        for one in lab.contestants
    ]


def planned_s(contestants: Sequence[Contestant], _quick: bool) -> float:
    """Length of the experiment, seconds; --quick leaves nothing out. A start anew is within the load."""
    return ROUNDS * len(contestants) * (_TYPICAL_S + LOAD_MORE_S + START_S)


def way_of(contestant: Contestant) -> str:
    """How it is deployed, as its manifest has it."""
    if contestant.deploy.reload:
        return RELOADED
    return RESTARTED if contestant.deploy.reuse_port is None else SUCCEEDED


def _deployed(lab: Lab, contestant: Contestant) -> dict[str, float]:
    """Raises StartFailed, NotAnswered."""
    way = way_of(contestant)
    options = StartOptions(lab.dataset.path, workers=WORKERS, cpus=lab.pins.server, shares_port=way == SUCCEEDED)
    with ExitStack() as stack:
        started = contestant.sharing_port() if way == SUCCEEDED else contestant
        server = stack.enter_context(Local(lab.cache).launch(started, options))
        most = contestant.max_connections
        plan = lab.plan(server, ROUTE_ROOT, min(CONNECTIONS, most * WORKERS) if most else CONNECTIONS)
        plan = replace(plan, rate_per_s=RATE_PER_S, duration_s=_LONGEST_S, every_s=_TICK_S, timeout_s=_TIMEOUT_S)
        deploy = _Deploy(lab, server, stack, way, plan.connections)
        result: LoadResult = load.run(plan, every=deploy.take)
        if not deploy.done:
            raise NotAnswered(f"{contestant.name}: the load ended before the deploy")
    kinds = result.errors_by_kind
    return {
        "requests": float(result.requests),
        "lost": float(result.errors - kinds.connect + result.unsent),
        "cut_off": float(kinds.read + kinds.write),
        "refused": float(kinds.connect),
        "unsent": float(result.unsent),
        "longest_ms": result.latency_max_us / 1000,
    }


def judge(cells: Sequence[Cell]) -> Finding:
    """The rule of the claim."""
    stand = judging.standing(cells)
    notes = judging.lost(cells)
    if not stand:
        return judging.untold("; ".join(notes) or "nobody could be deployed")
    table = FigureTable(
        "deploy",
        f"{ROUNDS} deploys under {RATE_PER_S} requests/s on {CONNECTIONS} connections, {WORKERS} workers",
        ["Contestant", "Way", "Requests", "Lost", "Cut off", "Connections refused", "Longest wait, ms"],
        [_row(cell) for cell in stand],
    )
    troubles = {cell.labels["name"]: [lost + refused for lost, refused in zip(cell.values("lost"), cell.values("refused"), strict=True)] for cell in stand}
    losing = [name for name, counts in troubles.items() if min(counts) > 0]
    keeping = [name for name, counts in troubles.items() if max(counts) == 0]
    why = "; ".join(
        f"{cell.labels['contestant']} ({cell.labels['way']}): {sum(cell.values('lost')):,.0f} and {sum(cell.values('refused')):,.0f}" for cell in stand
    )
    verdict = HOLDS if len(losing) == len(stand) else HOLDS_NOT if keeping else OPEN
    return Finding(verdict, f"requests lost, and connections refused, in {ROUNDS} deploys: {why}", tables=[table], notes=notes)


def _row(cell: Cell) -> list[str]:
    sums = [f"{sum(cell.values(figure)):,.0f}" for figure in ("requests", "lost", "cut_off", "refused")]
    return [cell.labels["contestant"], cell.labels["way"], *sums, numbers.plain(max(cell.values("longest_ms")))]


CLAIM = Claim(
    number=7,
    key="deploy",
    sentence="A deploy loses requests.",
    source="What an operator sees on the day of a release; nothing of the two texts.",
    method=(
        f"{RATE_PER_S} requests/s on {CONNECTIONS} kept connections (as many as its workers take, where those are fewer), and in their middle the deploy "
        "that the server has, as [deploy] of its manifest names it: SIGHUP where its manual says that this puts new code in place (uWSGI, gunicorn, "
        "granian, uvicorn, nginx, restmarkd); where it can share its port (Go and Rust), a second one by SO_REUSEPORT, and when that answers SIGTERM to the"
        " first; else SIGTERM, its end, and a new start on the same port, as a service manager does it. Lost is a request that was sent and not answered, "
        f"or waited to be sent for longer than the load lasted: for {_LEAST_US / 1e6:g} s, and until nothing that was due waits any more, {_LONGEST_S:g} s "
        f"at most. A connection that is refused is tried again, and counted apart. {ROUNDS} times each."
    ),
    rule=(
        "Holds if every contestant loses requests or refuses connections each time; does not hold if one does neither in any; cannot be told otherwise."
    ),
    misleads=(
        "Behind a proxy that asks again, requests that were cut off may be none for users. A second one behind SO_REUSEPORT is not what a service "
        "manager does by default, and both have their memory meanwhile; connections in the queue of the socket that closes are reset by the kernel, unless "
        "net.ipv4.tcp_migrate_req is 1. Programs without a reload of their own are not worse written: it is left to others."
    ),
    measure=measure,
    judge=judge,
    planned=planned_s,
)
