"""How connections are handled: kept alive, fed in fragments, with two requests in one packet, and for long."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from ...model.workloads import (
    ALL_ROUTES,
    DATABASE_ROUTES,
    ROUTE_ROOT,
    ROUTE_WAIT,
    UPDATE_ROUTES,
    WorkloadRequest,
    full,
    wait,
)
from ...server.http_probe import ClosedBeforeAnswer, Connection, ConnectionEnded, ProbeError, wire
from .. import draw
from .base import Check, Finding, Mismatch, Subject, compare, each_route, judge

_KEEP_REQUESTS = 5
_FRAGMENT_WAIT_S = 0.002
_SETTLE_S = 0.05

BURST_REQUESTS = 2000
_BURST_CONNECTIONS = 4
_SMALL = draw.Limits(count=30, n=3000, ms=3)
_KEEP_WAIT_MS = 10


def small_request(subject: Subject, route: str, rng: random.Random) -> WorkloadRequest:
    """A request of little work, random where the contestant takes parameters."""
    if not draw.varies(subject.contestant, route):
        return full(route)
    return draw.any_request(route, subject.oracle.records, rng, _SMALL)


def check_keep(subject: Subject) -> Iterator[Finding]:
    """One connection answers request after request and is not closed."""

    def action(route: str) -> None:
        request = wait(_KEEP_WAIT_MS) if route == ROUTE_WAIT else full(route)
        with subject.server.connect() as connection:
            for number in range(1, _KEEP_REQUESTS + 1):
                _exchange(subject, connection, request, number)
            if connection.surplus(_SETTLE_S) is None:
                raise Mismatch(f"{request.line}: the connection is closed after answer {_KEEP_REQUESTS}")

    yield from each_route("keep", subject, ALL_ROUTES, action)


def _exchange(subject: Subject, connection: Connection, request: WorkloadRequest, number: int) -> None:
    """One request on a connection that is to be kept; number counts the requests on it."""
    try:
        response = connection.ask(request)
    except ConnectionEnded as error:
        if number == 1:
            raise
        raise Mismatch(
            f"{request.line}: keep-alive is not kept, the connection ended after answer {number - 1} ({error})"
        ) from None
    compare(subject.oracle, request, response)
    if not response.keeps_alive:
        raise Mismatch(
            f"{request.line}: keep-alive is not kept, answer {number} on the connection announces its end"
        )


def check_frag(subject: Subject) -> Iterator[Finding]:
    """A request that arrives in fragments is answered as one, and not before it is complete."""

    def action(route: str) -> None:
        request = small_request(subject, route, subject.rng("frag"))
        data = wire(request)
        for pieces in (_single_bytes(data), [data[:2], data[2:-3], data[-3:]], [data[:-1], data[-1:]]):
            with subject.server.connect() as connection:
                for piece in pieces[:-1]:
                    connection.send(piece)
                    # Long enough for the server to read the fragment by itself; nothing may come back yet.
                    if connection.waiting(_FRAGMENT_WAIT_S):
                        raise Mismatch(
                            f"{request.line}: answered (or closed) before the request was complete, "
                            f"sent in {len(pieces)} fragments"
                        )
                connection.send(pieces[-1])
                compare(subject.oracle, request, connection.read())

    yield from each_route("frag", subject, ALL_ROUTES, action)


def _single_bytes(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


@dataclass
class _Pair:
    """Two requests of one packet, sent on a connection of their own. fault: why they could not be."""

    first: WorkloadRequest
    second: WorkloadRequest
    connection: Connection | None = None
    fault: ProbeError | None = None


def second_of_pair(offered: Sequence[str], number: int) -> str:
    """The route that follows the one of that number in its packet: the next that changes nothing, or the same if all do."""
    following = (*offered[number + 1 :], *offered)
    return next((name for name in following if name not in UPDATE_ROUTES), offered[number])


def check_pair(subject: Subject) -> Iterator[Finding]:
    """Two requests in one packet: both answered, in order. To answer one and close is allowed, and noted."""
    rng = subject.rng("pair")
    offered = subject.routes
    pairs: dict[str, _Pair] = {}

    def action(route: str) -> str | None:
        pair = pairs[route]
        if pair.connection is None and pair.fault is None:
            send(pair)
        if pair.connection is None:
            raise pair.fault or ProbeError("not sent")
        with pair.connection as connection:  # closed when done: a server may have one worker, for which the next one waits
            compare(subject.oracle, pair.first, connection.read())
            try:
                compare(subject.oracle, pair.second, connection.read())
            except ClosedBeforeAnswer:
                # RFC 9112, 9.3.2: a client that pipelines has to be ready to send again what was not answered.
                return (
                    "of two requests in one packet the first one is answered, then the connection is closed; allowed, "
                    "the client sends the second one again"
                )
            third = small_request(subject, route, rng)
            compare(subject.oracle, third, connection.ask(third))
        return None

    def send(pair: _Pair) -> None:
        try:
            pair.connection = stack.enter_context(subject.server.connect())
            pair.connection.send(wire(pair.first) + wire(pair.second))
        except ProbeError as error:
            pair.connection, pair.fault = None, error

    with ExitStack() as stack:
        # All are sent before the first answer is read: a server that closes may take seconds to come to it. But for those that ask a database: what
        # is expected is read when an answer is compared, and must not have been changed since it was given, by another pair or by the second of this one.
        for number, route in enumerate(offered):
            other = second_of_pair(offered, number)
            pairs[route] = _Pair(small_request(subject, route, rng), small_request(subject, other, rng))
            if route not in DATABASE_ROUTES:
                send(pairs[route])
        yield from each_route("pair", subject, ALL_ROUTES, action)


def check_burst(subject: Subject) -> Iterator[Finding]:
    """Many requests, each answer compared: what breaks only after a while is found out."""
    yield judge("burst", None, lambda: _burst(subject))


def _burst(subject: Subject) -> None:
    rng = subject.rng("burst")
    offered = subject.routes
    # Mostly the cheapest route, so that slow servers get through in a few seconds, too.
    weights = [10 if route == ROUTE_ROOT else 1 for route in offered]
    per_connection = BURST_REQUESTS // _BURST_CONNECTIONS
    done = 0
    # One connection after the other: some servers tie a worker to each connection.
    for _ in range(_BURST_CONNECTIONS):
        with subject.server.connect() as connection:
            for number in range(1, per_connection + 1):
                request = small_request(subject, rng.choices(offered, weights)[0], rng)
                done += 1
                try:
                    _exchange(subject, connection, request, number)
                except Mismatch as mismatch:
                    raise Mismatch(f"request {done} of {BURST_REQUESTS}: {mismatch}") from None
                except ProbeError as error:
                    raise Mismatch(f"request {done} of {BURST_REQUESTS}, {request.line}: {error}") from None
                if done % 200 == 0:
                    subject.tell(f"request {done} of {BURST_REQUESTS}")


KEEP = Check("keep", "a connection is kept for the next request", check_keep)
FRAG = Check("frag", "a request in fragments is answered as a whole one", check_frag)
PAIR = Check("pair", "two requests in one packet get two answers", check_pair)
BURST = Check("burst", f"{BURST_REQUESTS} requests in a row, each answer compared", check_burst)
