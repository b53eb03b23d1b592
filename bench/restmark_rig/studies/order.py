"""Answers to pipelined requests, checked byte for byte and in their order: on one connection all requests are sent before an answer is read."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.workloads import (
    ROUTE_ENCODE,
    ROUTE_LOOP,
    ROUTE_PARSE,
    ROUTE_ROOT,
    ROUTE_TRANSFER,
    WorkloadRequest,
    counted,
    digested,
    loop,
)
from ..server.http_probe import Connection, ProbeError, wire
from ..verify.oracle import Oracle

_STEP = 7919  # seeds far apart
_LOOP_STEPS = 100
_ENCODED_MAX = 16  # records: the oracle has to shift and encode them, too


def distinct(routes: Sequence[str], depth: int, records: int) -> list[WorkloadRequest]:
    """As many requests, whose answers all differ from their neighbours' as far as the routes allow it, and "/" in between."""
    found: list[WorkloadRequest] = []
    for number in range(depth):
        if ROUTE_LOOP in routes and number % 4 == 0:
            found.append(loop(_LOOP_STEPS, 1 + number * _STEP))
        elif ROUTE_ENCODE in routes and number % 4 == 1:
            found.append(digested(ROUTE_ENCODE, 1, number * _STEP, 1 + number % min(records, _ENCODED_MAX)))
        elif ROUTE_PARSE in routes and number % 4 == 2:
            found.append(counted(ROUTE_PARSE, 1 + number % records))
        elif ROUTE_LOOP not in routes and ROUTE_TRANSFER in routes and number % 4 == 0:
            found.append(WorkloadRequest(ROUTE_TRANSFER))  # a server of fixed answers: two kinds of them
        else:
            found.append(WorkloadRequest(ROUTE_ROOT))
    return found


def fault(connection: Connection, requests: Sequence[WorkloadRequest], oracle: Oracle) -> str:
    """Sends all, reads all; empty if each answer is what the oracle says of its request, else what was wrong, in words.

    An answer that belongs to another of the requests is named as that: the server has reordered them.
    """
    expected = [oracle.answer(request).body for request in requests]
    try:
        connection.send(b"".join(map(wire, requests)))
        for number, request in enumerate(requests):
            got = connection.read()
            if got.status == 200 and got.body == expected[number]:
                continue
            where = f"answer {number + 1} of {len(requests)} pipelined ones, to {request.line},"
            if got.status == 200 and got.body in expected:
                return f"{where} is that of request {expected.index(got.body) + 1}: out of order"
            return f"{where} has status {got.status} and {len(got.body)} bytes, not those of the definition"
    except ProbeError as error:
        return f"of {len(requests)} pipelined requests not all were answered: {error}"
    return ""
