"""One sitting: a contestant is started, its cells of the round are visited, it is stopped.

Servers run one at a time, so that none takes memory, cache or a wake-up from another. Each round starts them afresh,
which samples what differs between two starts of the same program (memory layout, hash seeds, which worker got which
connections) and what no number of requests to one process would show.
"""

from __future__ import annotations

from typing import Protocol

from . import memory_look, visiting
from .entrants import Entrant
from .errors import StartFailed
from .http_probe import ProbeError
from .launcher import RunningServer, launch
from .plan import Sitting
from .results import AFTER, REST, MemoryRecord, Visit
from .visiting import Bench, Visited


class Recorder(Protocol):
    """Where a sitting puts what it has found."""

    def visited(self, visit: Visit, found: Visited) -> None:
        """A round of a cell."""

    def memory(self, record: MemoryRecord) -> None:
        """A look at memory."""

    def remark(self, text: str) -> None:
        """What the reader has to know."""


class AckStalls:
    """How long answers stall for an acknowledgement: a trait of the program, so each route is asked once a run."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], float] = {}

    def of(self, server: RunningServer, route: str) -> float:
        """Milliseconds. A server that gives no answer here has no stall: what is wrong shows in the visit."""
        key = (server.contestant.name, route)
        if key not in self._known:
            try:
                self._known[key] = visiting.ack_stall_ms(server, route)
            except ProbeError:
                return 0.0
        return self._known[key]


def sit(sitting: Sitting, entrant: Entrant, bench: Bench, stalls: AckStalls, recorder: Recorder) -> None:
    """Does the visits of a sitting. A server that does not start, or dies, is recorded as that.

    Raises EnvironmentFault when the load generator or restmark-rss fail.
    """
    try:
        with launch(entrant.contestant, bench.options, bench.cache) as server:
            _visits(server, sitting, bench, stalls, recorder)
    except StartFailed as fault:
        recorder.remark(f"round {sitting.round}: {entrant.name} did not start: {fault.message}")


def _visits(server: RunningServer, sitting: Sitting, bench: Bench, stalls: AckStalls, recorder: Recorder) -> None:
    def look(phase: str) -> None:
        recorder.memory(
            memory_look.look(server, sitting.contestant, bench.settings.workers, phase, sample=sitting.round - 1)
        )

    look(REST)
    for number, visit in enumerate(sitting.visits, 1):
        bench.tell(_telling(sitting, visit, number))
        found = visiting.visit_cell(server, visit, bench, stalls.of(server, visit.route))
        recorder.visited(visit, found)
        if found.died:
            if left := len(sitting.visits) - number:
                recorder.remark(
                    f"round {sitting.round}: {sitting.contestant} died under {visit.route}; {left} visits were not made"
                )
            return
    look(AFTER)


def _telling(sitting: Sitting, visit: Visit, number: int) -> str:
    rate = f" at {visit.rate_per_s}/s" if visit.rate_per_s else ""
    return f"{sitting.contestant} {visit.route} c={visit.connections}{rate} ({number}/{len(sitting.visits)})"
