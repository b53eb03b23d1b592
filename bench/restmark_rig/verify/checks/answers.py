"""The full answers: status and body, Content-Type, and length; then the same for random parameters."""

from __future__ import annotations

from collections.abc import Iterator

from ...model.workloads import (
    LOOP_MAX_SEED,
    RECORD_ROUTES,
    ROUTE_LOOP,
    ROUTE_TRANSFER,
    ROUTES,
    WorkloadRequest,
    counted,
    full,
    loop,
)
from ...server.http_probe import ProbeError, Response, request_bytes
from ...store.dataset import DEFAULT_JSON_SHA256
from .base import Check, Finding, Mismatch, Subject, Verdict, each_route, sha256

# The vectors of DESIGN; the first is what a request without parameters computes.
LOOP_VECTORS = ((1_000_000, 0), (1_000_000, 1), (1_000_000, 12345), (1_000_000, 2147483647), (10, 3), (0, 7))

_RANDOM_REQUESTS = 12
_RANDOM_MAX_N = 300_000
_SURPLUS_WAIT_S = 0.02


def _fixed_requests(subject: Subject, route: str) -> list[WorkloadRequest]:
    """The full request and the corner cases of its parameters."""
    requests = [full(route)]
    if route not in subject.contestant.parameter_routes():
        return requests
    if route in RECORD_ROUTES:
        records = subject.oracle.records
        requests += [counted(route, count) for count in sorted({0, min(1, records), records // 2, records})]
    else:
        requests += [loop(n, seed) for n, seed in LOOP_VECTORS]
        requests += [WorkloadRequest(route, {"seed": 5}), WorkloadRequest(route, {"n": 1001})]
    return requests


def check_body(subject: Subject) -> Iterator[Finding]:
    """Status 200 and the oracle's body, byte for byte."""

    def action(route: str) -> None:
        for request in _fixed_requests(subject, route):
            response = subject.require(request)
            if request == full(ROUTE_TRANSFER) and subject.is_default_dataset:
                digest = sha256(response.body)
                if digest != DEFAULT_JSON_SHA256:
                    raise Mismatch(f"GET {request.target}: SHA-256 {digest} instead of {DEFAULT_JSON_SHA256}")

    yield from each_route("body", subject, ROUTES, action)


def check_type(subject: Subject) -> Iterator[Finding]:
    """The Content-Type: the media type must fit, a charset may be added if it is true."""

    def action(route: str) -> None:
        request = full(route)
        expected = subject.oracle.answer(request).content_type
        given = subject.fetch(request).header("Content-Type")
        if given is None:
            raise Mismatch(f"GET {route}: no Content-Type, expected {expected}")
        media_type, *parameters = (part.strip().lower() for part in given.split(";"))
        if media_type != expected:
            raise Mismatch(f"GET {route}: wrong Content-Type {given!r}, expected {expected}")
        for parameter in parameters:
            if parameter.replace('"', "") not in ("charset=utf-8", "charset=us-ascii"):
                raise Mismatch(f"GET {route}: Content-Type {given!r} has the unexpected parameter {parameter!r}")

    yield from each_route("type", subject, ROUTES, action)


def check_size(subject: Subject) -> Iterator[Finding]:
    """Content-Length is there, as many bytes arrive, and none after them."""

    def action(route: str) -> str | None:
        response, surplus = _with_surplus(subject, route, "GET")
        if surplus:
            raise Mismatch(f"GET {route}: {len(surplus)} bytes follow the answer, first {surplus[:40]!r}")
        if response.framing != "content-length":
            raise Mismatch(
                f"GET {route}: the body is sent with Transfer-Encoding: {response.framing}; "
                "its length is known, so it needs a Content-Length"
            )
        return _head_note(subject, route)

    yield from each_route("size", subject, ROUTES, action)


def _with_surplus(subject: Subject, route: str, method: str) -> tuple[Response, bytes | None]:
    with subject.server.connect() as connection:
        connection.send(request_bytes(route, method))
        return connection.read(method), connection.surplus(_SURPLUS_WAIT_S)


def _head_note(subject: Subject, route: str) -> str | None:
    """HEAD need not be served, but whatever answers it must not have a body."""
    try:
        _, surplus = _with_surplus(subject, route, "HEAD")
    except ProbeError as error:
        return f"HEAD is not answered properly: {error}"
    return (
        "HEAD is answered with a body, which HTTP forbids; on a kept connection clients would stumble"
        if surplus
        else None
    )


def check_vary(subject: Subject) -> Iterator[Finding]:
    """Random count, n and seed: work that nobody can have prepared."""
    rng = subject.rng("vary")
    for route in (*RECORD_ROUTES, ROUTE_LOOP):
        if route in RECORD_ROUTES:
            requests = [counted(route, rng.randint(0, subject.oracle.records)) for _ in range(_RANDOM_REQUESTS)]
        else:
            requests = [
                loop(rng.randint(0, _RANDOM_MAX_N), rng.randint(0, LOOP_MAX_SEED)) for _ in range(_RANDOM_REQUESTS)
            ]

        def action(_: str, requests: list[WorkloadRequest] = requests) -> None:
            for request in requests:
                subject.require(request)

        if route in subject.contestant.parameter_routes():
            yield from each_route("vary", subject, (route,), action)
        else:
            yield Finding("vary", route, Verdict.NOT_OFFERED)


BODY = Check("body", "status 200 and the right body, byte for byte", check_body)
TYPE = Check("type", "the right Content-Type", check_type)
SIZE = Check("size", "Content-Length equals the bytes that arrive, none follow", check_size)
VARY = Check("vary", "right answers for random count, n and seed", check_vary)
