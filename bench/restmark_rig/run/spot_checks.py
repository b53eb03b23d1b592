"""Single requests to a running server of a run: are its answers right, and does it stall for an acknowledgement?"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from ..model.plan import CellSpec
from ..model.workloads import WorkloadRequest, full, requested
from ..server.http_probe import Connection, FramingError, ProbeError, wire
from ..server.launcher import RunningServer
from ..verify import draw
from ..verify.checks.base import Mismatch, compare
from . import verdict
from .bench import Bench, Died

_MIN_S = 10.0  # for each wait for a byte, and as long as --timeout allows an answer to take
_STALL_REQUESTS = 3
_STALL_WAIT_S = 10.0
_LIMITS = draw.Limits(n=10_000, ms=100)


@dataclass(frozen=True)
class Checked:
    """Answers to single requests. wrong: what is wrong with one; unanswered: why none came, which is no wrong answer."""

    wire_bytes: int | None = None
    wrong: str = ""
    unanswered: str = ""


def check(server: RunningServer, cell: CellSpec, bench: Bench, start: int, when: str) -> Checked:
    """Asks for the full answer and for that to a random request, equal for all contestants in the same start of all.

    Raises Died.
    """
    requests: list[WorkloadRequest] = [full(cell.route)]
    if draw.varies(server.contestant, cell.route):
        requests.append(draw.any_request(cell.route, bench.oracle.records, _rng(cell, bench, f"{start}:{when}"), _LIMITS))
    size = None
    try:
        with server.connect(max(_MIN_S, bench.settings.timeout_ms / 1e3)) as connection:
            for request in requests:
                answer = connection.ask(request)
                size = size or answer.wire_bytes
                compare(bench.oracle, request, answer)
    except Mismatch as mismatch:
        return Checked(size, wrong=f"{when} the load: {mismatch}")
    except ProbeError as error:
        if server.death():
            raise Died from None
        told = f"{when} the load: {requested(cell.route)}: {error}"
        return Checked(size, wrong=told) if isinstance(error, FramingError) else Checked(size, unanswered=told)
    return Checked(size)


def _rng(cell: CellSpec, bench: Bench, when: str) -> random.Random:
    return random.Random(f"{bench.seed}:{cell.route}:{cell.connections}:{when}")


def ack_stall_ms(server: RunningServer, route: str) -> float:
    """By how much an answer takes longer when the client delays its acknowledgements, as clients do; 0 if not at all.

    Raises ProbeError.
    """
    with server.connect() as connection:
        connection.delay_acknowledgements()
        connection.ask(full(route))
        delayed = min(_get_ms(connection, route, acknowledge=False) for _ in range(_STALL_REQUESTS))
        if delayed < verdict.ACK_STALL_MIN.value:
            return 0.0
        return max(0.0, delayed - min(_get_ms(connection, route, acknowledge=True) for _ in range(_STALL_REQUESTS)))


def _get_ms(connection: Connection, route: str, acknowledge: bool) -> float:
    """Time of one request; with or without an acknowledgement of the first bytes of its answer."""
    started = time.monotonic()
    connection.send(wire(full(route)))
    if acknowledge and connection.waiting(_STALL_WAIT_S):
        connection.acknowledge_at_once()  # works for what has arrived only: the next send() ends the mode
    connection.read()
    return (time.monotonic() - started) * 1e3
