"""Does a server come back after a back end was away? Its connections are ended, as a restart would; that it never opens others is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ...model.workloads import (
    CACHE_ROUTES,
    DATABASE_ROUTES,
    ROUTE_CACHE_JSON,
    UPDATE_ROUTES,
    WorkloadRequest,
    counted,
    orm_twin,
    usual_back_end_request,
)
from ...server.http_probe import ProbeError
from .base import Check, Finding, Mismatch, Subject, compare, judge

_DEADLINE_S = 10.0
_PAUSE_S = 0.05
_RIGHT_IN_A_ROW = 20  # more than any pool has connections, each of which may fail once


def check_survive(subject: Subject) -> Iterator[Finding]:
    """Ends the connections to each back end that it asks, and waits until it answers again."""
    back_ends = subject.oracle.back_ends
    ends: list[tuple[tuple[str, ...], Callable[[], int]]] = []
    if back_ends.database:
        ends.append((DATABASE_ROUTES, back_ends.database.end_connections))
    if back_ends.cache:
        ends.append((CACHE_ROUTES, back_ends.cache.end_connections))
    for routes, end in ends:
        readable = [route for route in routes if route in subject.routes and route not in UPDATE_ROUTES]
        if readable:
            yield judge("survive", readable[0], lambda route=readable[0], end=end: _survives(subject, route, end))  # type: ignore[misc]


def _survives(subject: Subject, route: str, end: Callable[[], int]) -> str | None:
    subject.require(_request(subject, route, 0))
    count = end()
    started, failed, last, right = time.monotonic(), 0, "", 0
    while right < _RIGHT_IN_A_ROW:
        request = _request(subject, route, failed + right)
        try:
            response = subject.fetch(request)
        except ProbeError as error:
            last, right, failed = str(error), 0, failed + 1
        else:
            if response.status == 200:
                compare(subject.oracle, request, response)
                right += 1
                continue
            last, right, failed = f"status {response.status}", 0, failed + 1
            if response.status < 500:
                raise Mismatch(f"{request.line}: {last} after its connections were ended; 503 says whose fault it is")
        if time.monotonic() - started > _DEADLINE_S:
            return (
                f"it never reconnects: {_DEADLINE_S:g} s after its {count} connections were ended it still does not answer {route} ({last}); "
                "after a restart of the back end somebody has to restart it, too"
            )
        time.sleep(_PAUSE_S)
    return None


def _request(subject: Subject, route: str, number: int) -> WorkloadRequest:
    if route in CACHE_ROUTES:
        return counted(ROUTE_CACHE_JSON if ROUTE_CACHE_JSON in subject.routes else route, min(3, subject.oracle.records))
    return usual_back_end_request(route, subject.oracle.records, subject.rng(f"survive {orm_twin(route)} {number}"))


SURVIVE = Check("survive", "it answers again after its connections to the back ends were ended", check_survive)
