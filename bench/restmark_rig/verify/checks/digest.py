"""Does the answer depend on what was decoded or encoded? A count and a length do not; a digest of it does."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from ...model.workloads import DIGEST_MAX_SEED, DIGEST_ROUTES, WorkloadRequest, digested
from ..oracle import shifted
from .base import Check, Finding, Mismatch, Subject, compare, each_route, not_offered
from .requests import REFUSED, REFUSED_AS_UNKNOWN

_RANDOM_REQUESTS = 5
_RANDOM_MAX_K = 3
_SEED_TRIES = 100


def random_seed(rng: random.Random, records: Sequence[dict[str, Any]]) -> int:
    """A seed that shifts no created_at to a whole number, where that can be had.

    What JavaScript writes of those is "39" rather than "39.0": a verdict on that would come by chance, once in some hundred runs.
    """
    for _ in range(_SEED_TRIES):
        seed = rng.randint(1, DIGEST_MAX_SEED)
        if not any(shifted(record, seed)["created_at"].is_integer() for record in records):
            break
    return seed


def digest_requests(rng: random.Random, route: str, records: Sequence[dict[str, Any]]) -> list[WorkloadRequest]:
    """Digests of all records, of none and of random many, from random seeds, parameters in random order."""
    requests = [
        digested(route, rng.randint(1, _RANDOM_MAX_K), random_seed(rng, records)),
        digested(route, 1, DIGEST_MAX_SEED),
        digested(route, 2, random_seed(rng, records), 0),
        WorkloadRequest(route, {"digest": 1}),
    ]
    for _ in range(_RANDOM_REQUESTS):
        k, seed = rng.randint(1, _RANDOM_MAX_K), random_seed(rng, records)
        params = list(digested(route, k, seed, rng.randint(0, len(records))).params.items())
        rng.shuffle(params)
        requests.append(WorkloadRequest(route, dict(params)))
    return requests


def check_digest(subject: Subject) -> Iterator[Finding]:
    """The digests of what is decoded and encoded are right."""
    rng = subject.rng("digest")
    for route in DIGEST_ROUTES:
        # Drawn for each route even where it is not offered: the requests are to be equal for all contestants.
        requests = digest_requests(rng, route, subject.oracle.dataset.records)

        def action(_: str, requests: list[WorkloadRequest] = requests) -> None:
            for request in requests:
                _require(subject, request)

        if route in subject.contestant.parameter_routes():
            yield from each_route("digest", subject, (route,), action)
        else:
            yield from not_offered("digest", route)


def _require(subject: Subject, request: WorkloadRequest) -> None:
    response = subject.fetch(request)
    if response.status in (*REFUSED, REFUSED_AS_UNKNOWN):
        raise Mismatch(
            f"GET {request.target}: refused with status {response.status}; the digest proves that each field is decoded "
            "and encoded: docs/SPEC.md defines it"
        )
    compare(subject.oracle, request, response)


DIGEST = Check("digest", "right digests of what was decoded and encoded, for random seeds", check_digest)
