"""What every answer has to be, computed from the definitions of the workloads and from nothing else."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..backends import answers
from ..backends.back_ends import BackEnds
from ..model.workloads import (
    BACK_END_ROUTES,
    JSON,
    LOOP_DEFAULT_N,
    ROUTE_CACHE_RECORDS,
    ROUTE_ENCODE,
    ROUTE_LOOP,
    ROUTE_PARSE,
    ROUTE_RECORD,
    ROUTE_ROOT,
    ROUTE_TRANSFER,
    ROUTE_VALIDATE,
    ROUTE_WAIT,
    TEXT,
    WAIT_DEFAULT_MS,
    WorkloadRequest,
)
from ..store.dataset import Dataset, compact_json
from . import bodies

WELCOME = b"Welcome!\n"
MILLION = 1_000_000
_FRACTION = b".0"


@dataclass(frozen=True)
class Answer:
    """The expected answer of a valid request: always status 200. optional: offsets in the body at which a ".0" may stand besides."""

    content_type: str
    body: bytes
    optional: tuple[int, ...] = ()

    def like(self, got: bytes) -> bytes:
        """The body that is expected, with each optional ".0" that got has in the same place."""
        pieces, begin, at = [], 0, 0
        for offset in self.optional:
            at += offset - begin
            pieces.append(self.body[begin:offset])
            begin = offset
            if got.startswith(_FRACTION, at):
                pieces.append(_FRACTION)
                at += len(_FRACTION)
        return b"".join((*pieces, self.body[begin:]))


def loop_step_by_step(n: int, seed: int) -> int:
    """The loop as it is defined. Within the allowed n and seed no value leaves 64 signed bits."""
    acc = seed
    for i in range(n):
        acc = acc + i
        if acc & 1:
            acc = MILLION - acc
    return acc


def loop_result(n: int, seed: int) -> int:
    """Result of the loop in constant time, for the rig only: a contestant that computes this cheats.

    1 000 000 − acc has the parity of acc, so the parity after step i is that of seed + i(i+1)/2, which repeats
    every four steps. Therefore four steps i = 4k … 4k+3 change acc always in the same way:

        seed even (parities after the steps 0 1 1 0):  acc → acc + 8k + 2
        seed odd  (parities after the steps 1 0 0 1):  acc → acc − 8k − 6

    Summed over k = 0 … b−1 that is + 4b(b−1) + 2b, or − 4b(b−1) − 6b. At most three steps are left over.
    """
    blocks, rest = divmod(n, 4)
    if seed & 1:
        acc = seed - 4 * blocks * (blocks - 1) - 6 * blocks
    else:
        acc = seed + 4 * blocks * (blocks - 1) + 2 * blocks
    for i in range(n - rest, n):
        acc = acc + i
        if acc & 1:
            acc = MILLION - acc
    return acc


def record_bytes(record: dict[str, Any]) -> bytes:
    """What a record is in the digest of /parse-msgpack: its numbers little-endian, its texts each followed by a zero byte."""
    numbers = struct.pack("<qqd", record["id"], record["count"], record["created_at"])
    return numbers + b"".join(record[name].encode() + b"\0" for name in ("name", "description", "type"))


def shifted(record: dict[str, Any], seed: int) -> dict[str, Any]:
    """The record that the digest of /encode-json encodes. Integers stay within 64 signed bits by wrapping."""
    return {
        **record,
        "id": _wrapped(record["id"] + seed),
        "count": _wrapped(record["count"] + seed),
        "created_at": record["created_at"] + seed * 39 / 2**22,
    }


def _wrapped(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


def digest(route: str, records: Sequence[dict[str, Any]], k: int, seed: int) -> int:
    """CRC-32 as zlib's, from seed on, over k repetitions of what the route decodes or encodes: docs/SPEC.md."""
    if route == ROUTE_PARSE:
        once = b"".join(map(record_bytes, records))
    else:
        once = compact_json([shifted(record, seed) for record in records])
    crc = seed
    for _ in range(k):
        crc = zlib.crc32(once, crc)
    return crc


class Oracle:
    """Expected answers for one dataset; those of back ends' routes are read from the back ends, when they are asked for."""

    def __init__(self, dataset: Dataset, back_ends: BackEnds | None = None) -> None:
        self.dataset = dataset
        self.back_ends = back_ends or BackEnds()

    @property
    def records(self) -> int:
        """N, the number of records."""
        return len(self.dataset.records)

    def answer(self, request: WorkloadRequest) -> Answer:
        """The answer to a request whose parameters are valid; to one that changes a row, once it has."""
        count = request.number("count", self.records)
        if request.route == ROUTE_ROOT:
            return Answer(TEXT, WELCOME)
        if "digest" in request.params:
            k, seed = request.number("digest", 0), request.number("seed", 0)
            return Answer(TEXT, b"%d" % digest(request.route, self.dataset.records[:count], k, seed))
        if request.route == ROUTE_PARSE:
            return Answer(TEXT, b"%d" % count)
        if request.route == ROUTE_ENCODE:
            return Answer(TEXT, b"%d" % len(self.dataset.json(count)))
        if request.route == ROUTE_TRANSFER:
            return Answer(JSON, self.dataset.json(count))
        if request.route == ROUTE_LOOP:
            n, seed = request.number("n", LOOP_DEFAULT_N), request.number("seed", 0)
            return Answer(TEXT, b"%d" % loop_result(n, seed))
        if request.route == ROUTE_VALIDATE:
            body, optional = bodies.answered(request.body or b"")
            return Answer(JSON, body, optional)
        if request.route == ROUTE_WAIT:
            return Answer(TEXT, b"%d" % request.number("ms", WAIT_DEFAULT_MS))
        if request.route == ROUTE_RECORD:
            return Answer(JSON, self.dataset.json_parts[int(request.segment)])
        if request.route in BACK_END_ROUTES:
            return Answer(TEXT if request.route == ROUTE_CACHE_RECORDS else JSON, answers.expected(self.back_ends, request, self.records))
        raise ValueError(f"no such workload: {request.route}")
