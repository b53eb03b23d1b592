"""The full answers: status and body, Content-Type, and length; then the same for random parameters."""

from __future__ import annotations

from collections.abc import Iterator

from ...model.workloads import (
    ALL_ROUTES,
    CACHE_ROUTES,
    DATABASE_ROUTES,
    DB_IDS_MAX,
    DB_ROWS,
    DB_SEARCH_LIMIT,
    DB_SEARCH_LIMIT_MAX,
    RECORD_ROUTES,
    ROUTE_DB_RECORDS,
    ROUTE_DB_SEARCH,
    ROUTE_RECORD,
    ROUTE_ROOT,
    ROUTE_TRANSFER,
    ROUTE_VALIDATE,
    ROUTE_WAIT,
    WorkloadRequest,
    category,
    counted,
    full,
    loop,
    orm_twin,
    record,
    row,
    rows,
    search,
    validated,
    wait,
)
from ...server.http_probe import ProbeError, Response, request_bytes, wire
from ...store.dataset import DEFAULT_JSON_SHA256
from .. import draw
from .base import Check, Finding, Mismatch, Subject, each_route, not_offered, sha256

# The vectors of DESIGN; the first is what a request without parameters computes.
LOOP_VECTORS = ((1_000_000, 0), (1_000_000, 1), (1_000_000, 12345), (1_000_000, 2147483647), (10, 3), (0, 7))

_RANDOM_REQUESTS = 12
_RANDOM = draw.Limits(n=300_000, ms=40)
_SURPLUS_WAIT_S = 0.02


def _fixed_requests(subject: Subject, route: str) -> list[WorkloadRequest]:
    """The full request and the corner cases of its parameters."""
    requests = [full(route)]
    if not draw.varies(subject.contestant, route):
        return requests
    if route == ROUTE_VALIDATE:
        return [*requests, validated(b"[]", 0)]
    if route == ROUTE_WAIT:
        return [*requests, wait(0), wait(1)]
    if route == ROUTE_RECORD:
        return [*requests, record(subject.oracle.records - 1)]
    if route in DATABASE_ROUTES:
        return [*requests, *_of_database(route)]
    if route in (*RECORD_ROUTES, *CACHE_ROUTES):
        records = subject.oracle.records
        requests += [counted(route, count) for count in sorted({0, min(1, records), records // 2, records})]
    else:
        requests += [loop(n, seed) for n, seed in LOOP_VECTORS]
        requests += [WorkloadRequest(route, {"seed": 5}), WorkloadRequest(route, {"n": 1001})]
    return requests


def _of_database(route: str) -> list[WorkloadRequest]:
    """The corner cases of a route that asks the database."""
    twin = orm_twin(route)
    if twin == ROUTE_DB_RECORDS:
        return [rows(route, [DB_ROWS - 1]), rows(route, [7, 3, 7, 0, 3]), rows(route, range(DB_IDS_MAX - 1, -1, -1))]
    if twin == ROUTE_DB_SEARCH:
        limits = (1, DB_SEARCH_LIMIT, DB_SEARCH_LIMIT_MAX)
        return [*(search(route, category(99), limit) for limit in limits), search(route, "nothing"), search(route, "Ω≈ç & 50%_' \"日本\"")]
    return [row(route, DB_ROWS - 1)]


def check_body(subject: Subject) -> Iterator[Finding]:
    """Status 200 and the oracle's body, byte for byte."""

    def action(route: str) -> None:
        for request in _fixed_requests(subject, route):
            response = subject.require(request)
            if request == full(ROUTE_TRANSFER) and subject.is_default_dataset:
                digest = sha256(response.body)
                if digest != DEFAULT_JSON_SHA256:
                    raise Mismatch(f"GET {request.target}: SHA-256 {digest} instead of {DEFAULT_JSON_SHA256}")

    yield from each_route("body", subject, ALL_ROUTES, action)


def check_type(subject: Subject) -> Iterator[Finding]:
    """The Content-Type: the media type must fit, a charset may be added if it is true. Also what the manifest says of Date."""

    def action(route: str) -> str | None:
        request = full(route)
        expected = subject.oracle.answer(request).content_type
        response = subject.fetch(request)
        given = response.header("Content-Type")
        if given is None:
            raise Mismatch(f"{request.line}: no Content-Type, expected {expected}")
        media_type, *parameters = (part.strip().lower() for part in given.split(";"))
        if media_type != expected:
            raise Mismatch(f"{request.line}: wrong Content-Type {given!r}, expected {expected}")
        for parameter in parameters:
            if parameter.replace('"', "") not in ("charset=utf-8", "charset=us-ascii"):
                raise Mismatch(f"{request.line}: Content-Type {given!r} has the unexpected parameter {parameter!r}")
        return _date_note(subject, response)

    yield from each_route("type", subject, ALL_ROUTES, action)


def _date_note(subject: Subject, response: Response) -> str | None:
    said, has_date = subject.contestant.fairness, response.header("Date") is not None
    if said is None or said.date == has_date:
        return None
    return f"the manifest says fairness.date = {str(said.date).lower()}, but answers have {'a' if has_date else 'no'} Date"


def check_size(subject: Subject) -> Iterator[Finding]:
    """Content-Length is there, as many bytes arrive, and none after them."""

    def action(route: str) -> str | None:
        request = full(route)
        response, surplus = _with_surplus(subject, wire(request), request.method)
        if surplus:
            raise Mismatch(f"{request.line}: {len(surplus)} bytes follow the answer, first {surplus[:40]!r}")
        if response.framing != "content-length":
            raise Mismatch(
                f"{request.line}: the body is sent with Transfer-Encoding: {response.framing}; "
                "its length is known, so it needs a Content-Length"
            )
        return _head_note(subject, request)

    yield from each_route("size", subject, ALL_ROUTES, action)


def _with_surplus(subject: Subject, data: bytes, method: str) -> tuple[Response, bytes | None]:
    with subject.server.connect() as connection:
        connection.send(data)
        return connection.read(method), connection.surplus(_SURPLUS_WAIT_S)


def _head_note(subject: Subject, request: WorkloadRequest) -> str | None:
    """HEAD need not be served where GET is, but whatever answers it must not have a body."""
    if request.method != "GET":
        return None
    try:
        _, surplus = _with_surplus(subject, request_bytes(request.target, "HEAD"), "HEAD")
    except ProbeError as error:
        return f"HEAD is not answered properly: {error}"
    return (
        "HEAD is answered with a body, which HTTP forbids; on a kept connection clients would stumble"
        if surplus
        else None
    )


def check_vary(subject: Subject) -> Iterator[Finding]:
    """Random count, n and seed, bodies and paths: work that nobody can have prepared."""
    rng, records = subject.rng("vary"), subject.oracle.records
    for route in (route for route in ALL_ROUTES if route != ROUTE_ROOT):
        drawn = _RANDOM_REQUESTS if records or route != ROUTE_RECORD else 0
        requests = [draw.any_request(route, records, rng, _RANDOM) for _ in range(drawn)]

        def action(_: str, requests: list[WorkloadRequest] = requests) -> None:
            for request in requests:
                subject.require(request)

        if draw.varies(subject.contestant, route):
            yield from each_route("vary", subject, (route,), action)
        else:
            yield from not_offered("vary", route)


BODY = Check("body", "status 200 and the right body, byte for byte", check_body)
TYPE = Check("type", "the right Content-Type", check_type)
SIZE = Check("size", "Content-Length equals the bytes that arrive, none follow", check_size)
VARY = Check("vary", "right answers for random count, n and seed, bodies, ms and ids", check_vary)
