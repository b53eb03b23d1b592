"""restmarkd with its second port, and its answers to calls checked: many at once on a connection, each found by its id."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import msgpack

from ...contestants.contestant import StartPlan
from ...model.errors import StartFailed
from ...model.workloads import ROUTE_ROOT, WorkloadRequest
from ...server.launcher import RunningServer, StartOptions
from ...server.placement import Local
from .. import neighbour, order
from ..lab import Lab
from ..study import CannotTell

NAME = "restmarkd"  # the only one that answers calls
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class CallServer:
    """A running restmarkd and where it answers calls."""

    server: RunningServer
    port: int


@contextmanager
def running(lab: Lab, workers: int) -> Iterator[CallServer]:
    """Raises CannotTell where it does not take part or does not start."""
    found = [contestant for contestant in lab.contestants if contestant.name == NAME]
    if not found:
        raise CannotTell(f"{NAME} is the contestant that answers calls, and does not take part: name it with -C")
    port = neighbour.free_port()
    start = StartPlan((*found[0].start.argv, "-o", f"rpc.listen=127.0.0.1:{port}"), found[0].start.env)
    try:
        with Local(lab.cache).launch(replace(found[0], start=start), StartOptions(lab.dataset.path, workers=workers, cpus=lab.pins.server)) as server:
            yield CallServer(server, port)
    except StartFailed as fault:
        raise CannotTell(fault.message) from None


def wrong(lab: Lab, called: CallServer, depth: int) -> str:
    """Whether so many different calls, sent at once on one connection, have the results of the definition; empty if they have, else what is wrong."""
    routes = called.server.contestant.parameter_routes()
    requests = order.distinct(routes, depth, lab.oracle.records)
    try:
        with socket.create_connection(("127.0.0.1", called.port), _TIMEOUT_S) as connection:
            connection.sendall(b"".join(_call(number, request) for number, request in enumerate(requests)))
            results = _results(connection, depth)
    except (OSError, ValueError) as error:
        return f"of {depth} calls at once not all were answered: {error}"
    for number, request in enumerate(requests):
        if results.get(number) != lab.oracle.answer(request).body:
            return f"the answer to call {number}, {request.target}, is not that of the definition"
    return ""


def _call(number: int, request: WorkloadRequest) -> bytes:
    method = "welcome" if request.route == ROUTE_ROOT else request.route.removeprefix("/")
    parameters = {name: int(value) for name, value in request.params.items()}
    return bytes(msgpack.packb([0, number, method, [parameters] if parameters else []]))


def _results(connection: socket.socket, count: int) -> dict[int, bytes]:
    """By id. Raises ValueError for what is no answer, or one too many."""
    unpacker = msgpack.Unpacker(raw=True, max_buffer_size=1 << 26)
    results: dict[int, bytes] = {}
    while len(results) < count:
        more = connection.recv(1 << 16)
        if not more:
            raise ValueError(f"the connection ended after {len(results)}")
        unpacker.feed(more)
        for kind, number, error, result in unpacker:
            if kind != 1 or error is not None or number in results:
                raise ValueError(f"[{kind}, {number}, {error}, …]")
            results[number] = result
    return results
