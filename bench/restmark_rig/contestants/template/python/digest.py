"""The digests that `restmark verify` asks for instead of a count or a length: CRC-32 of what was decoded, or encoded.

They prove that the work was done, and need not be fast. Records may be dicts, or objects that are made of their fields
by name (dataclasses, structs): nothing has to be changed here when yours are others.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import Any

FIELDS = ("id", "name", "description", "type", "count", "created_at")

_numbers = struct.Struct("<qqd").pack


def of_decoded(records: Sequence[Any], repetitions: int, seed: int) -> int:
    """/parse-msgpack: the digest of the records' fields, so many times over, begun with the seed."""
    crc = seed
    for _ in range(repetitions):
        for id_, name, description, kind, count, created_at in map(_getter(records), records):
            texts = f"{name}\0{description}\0{kind}\0".encode()
            crc = zlib.crc32(_numbers(id_, count, created_at) + texts, crc)
    return crc


def of_encoded(records: Sequence[Any], repetitions: int, seed: int, encode: Callable[[list[Any]], bytes]) -> int:
    """/encode-json: the digest of the JSON of shifted records; shifted and hashed so many times, encoded once."""
    shifted: list[Any] = []
    for _ in range(repetitions):
        shifted = _shifted(records, seed)
    body = encode(shifted)
    crc = seed
    for _ in range(repetitions):
        crc = zlib.crc32(body, crc)
    return crc


def _getter(records: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    return itemgetter(*FIELDS) if records and isinstance(records[0], dict) else attrgetter(*FIELDS)


def _shifted(records: Sequence[Any], seed: int) -> list[Any]:
    moved_by = seed * 39 / 2**22
    return [
        type(record)(
            id=_int64(id_ + seed),
            name=name,
            description=description,
            type=kind,
            count=_int64(count + seed),
            created_at=created_at + moved_by,
        )
        for record, (id_, name, description, kind, count, created_at) in zip(
            records, map(_getter(records), records), strict=True
        )
    ]


def _int64(number: int) -> int:
    """The number modulo 2^64, as a signed integer."""
    return (number + 2**63) % 2**64 - 2**63
