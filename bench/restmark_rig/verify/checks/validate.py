"""Does /validate parse, check and encode? Right bodies in any spelling come back as they have to; each broken rule is refused."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

from ...model.workloads import ROUTE_VALIDATE, VALIDATE_MAX_BYTES, VALIDATE_MAX_COUNT, WorkloadRequest, validated
from ...server.http_probe import ConnectionEnded, ProbeError, Response, json_headers, request_bytes
from ...store.dataset import FIELDS
from .. import bodies, difference
from ..bodies import COUNT_MAX, CREATED_AT_MAX, DESCRIPTION_MAX, INT64_MAX, INT64_MIN, NAME_MAX, TYPES
from ..broken_bodies import Broken, faults
from .base import Check, Finding, Mismatch, Subject, each_route
from .requests import REFUSED

_RANDOM_RECORDS = 12
_RANDOM_ARRAYS = 4
_ARRAY_MAX = 30
_TOO_LARGE = 413
_PIECE_BYTES = 65_536
_EARLY_S = 0.05  # in which a server answers that looks at Content-Length alone

_BOUNDARIES: dict[str, tuple[Any, ...]] = {
    "id": (INT64_MIN, INT64_MAX, 0),
    "name": ("x", "é" * NAME_MAX, "😀" * NAME_MAX),
    "description": ("", "x" * DESCRIPTION_MAX, "😀" * DESCRIPTION_MAX),
    "type": TYPES,
    "count": (0, COUNT_MAX),
    "created_at": (0, CREATED_AT_MAX, float(CREATED_AT_MAX), CREATED_AT_MAX - 0.5),
}


def right_requests(rng: random.Random) -> Iterator[WorkloadRequest]:
    """Requests that have to be accepted: random ones, the ends of all ranges, arrays, and as large a body as is taken."""
    for _ in range(_RANDOM_RECORDS):
        yield validated(bodies.spelled(bodies.random_record(rng), rng))
    for name, values in _BOUNDARIES.items():
        for value in values:
            yield validated(bodies.spelled({**bodies.random_record(rng), name: value}, rng))
    for count in (0, 1, *(rng.randint(2, _ARRAY_MAX) for _ in range(_RANDOM_ARRAYS))):
        yield validated(bodies.many([bodies.spelled(bodies.random_record(rng), rng) for _ in range(count)]), count)
    full = [bodies.spelled(bodies.plain_record(rng, i), rng) for i in range(VALIDATE_MAX_COUNT)]
    yield validated(bodies.many(full), VALIDATE_MAX_COUNT)
    yield validated(bodies.filled_up(bodies.spelled(bodies.random_record(rng), rng)))


def check_validate(subject: Subject) -> Iterator[Finding]:
    """Bodies of all kinds, random from the run's seed."""
    rng = subject.rng("validate")

    def action(_: str) -> None:
        right, wrong = list(right_requests(rng)), list(faults(rng))  # thousands of bodies: for who has the route alone
        for request in right:
            subject.require(request)
        _require_refused(subject, wrong)
        _require_too_large(subject, bodies.filled_up(bodies.spelled(bodies.random_record(rng), rng), VALIDATE_MAX_BYTES + 1))
        subject.require(right[0])

    yield from each_route("validate", subject, (ROUTE_VALIDATE,), action)


def _require_refused(subject: Subject, wrong: list[Broken]) -> None:
    accepted, unnamed = [], []
    for broken in wrong:
        try:
            response = subject.fetch(broken.request)
        except ProbeError as error:
            accepted.append(f"{broken.says}: {error}")
            continue
        said = difference.escaped(response.body[:80])
        if response.status not in REFUSED:
            accepted.append(f"{broken.says}: {response.status}")
        elif broken.field is not None and not names_field(response.body, broken.field):
            unnamed.append(f"{broken.says}: it said {said or 'nothing'}")
    if accepted:
        raise Mismatch(
            f"POST {ROUTE_VALIDATE}: {len(accepted)} of {len(wrong)} broken bodies not refused with 400 or 422", accepted
        )
    if unnamed:
        raise Mismatch(
            f"POST {ROUTE_VALIDATE}: {len(unnamed)} refusals do not hold the name of the field whose fault it is, or hold all six",
            unnamed,
        )


def names_field(body: bytes, field: str) -> bool:
    """Whether a refusal names the field, as a word of its own, and does not name all there are."""
    words = set(re.findall(rb"[A-Za-z0-9_]+", body))
    return field.encode() in words and not words >= {name.encode() for name in FIELDS}


def _require_too_large(subject: Subject, body: bytes) -> None:
    response = _fetch_large(subject, body)
    if response.status != _TOO_LARGE:
        raise Mismatch(f"POST {ROUTE_VALIDATE}: a body of {len(body)} bytes gets status {response.status} instead of {_TOO_LARGE}")


def _fetch_large(subject: Subject, body: bytes) -> Response:
    """The answer to a body that the server may refuse before it has all of it, and close upon."""
    with subject.server.connect() as connection:
        connection.send(request_bytes(ROUTE_VALIDATE, "POST", json_headers(len(body))))
        wait_s = _EARLY_S
        for start in range(0, len(body), _PIECE_BYTES):
            if connection.waiting(wait_s):
                break
            wait_s = 0.0
            try:
                connection.send(body[start : start + _PIECE_BYTES])
            except ConnectionEnded:
                break  # the answer came before that
        return connection.read()


VALIDATE = Check("validate", "bodies are parsed, checked by the schema, and encoded from what was decoded", check_validate)

