"""The digests that verification asks for instead of a count or a length: CRC-32 of what was decoded, or encoded.

docs/SPEC.md defines them. They prove that the work was done, and need not be fast.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import Any

import dataset

_FIELDS = ("id", "count", "created_at", "name", "description", "type")
_of_dict, _of_object = itemgetter(*_FIELDS), attrgetter(*_FIELDS)
_NUMBERS = struct.Struct("<qqd")


def _to_json(records: Sequence[Any]) -> bytes:
    return dataset.to_json(list(records)).encode("utf-8")


def of_decoded(records: Sequence[Any], repetitions: int, seed: int) -> int:
    """The digest of the fields of `records`, dicts or objects, so many times over, begun with `seed`."""
    fields = _of_dict if records and isinstance(records[0], dict) else _of_object
    crc = seed
    for _ in range(repetitions):
        for id_, count, created_at, *texts in map(fields, records):
            crc = zlib.crc32(_NUMBERS.pack(id_, count, created_at), crc)
            crc = zlib.crc32(b"".join(text.encode("utf-8") + b"\0" for text in texts), crc)
    return crc


def of_encoded(
    records: Sequence[Any], repetitions: int, seed: int, encode: Callable[[list[Any]], bytes | bytearray] = _to_json
) -> int:
    """The digest of the JSON of `records`, shifted by `seed`: shifted and hashed so many times, encoded once.

    Records are dicts, or objects that are made of their fields by name.
    """
    shifted: list[Any] = []
    for _ in range(repetitions):
        shifted = [_shifted(record, seed) for record in records]
    body = encode(shifted)
    crc = seed
    for _ in range(repetitions):
        crc = zlib.crc32(body, crc)
    return crc


def _shifted(record: Any, seed: int) -> Any:
    id_, count, created_at, name, description, kind = (_of_dict if isinstance(record, dict) else _of_object)(record)
    return type(record)(
        id=_int64(id_ + seed),
        name=name,
        description=description,
        type=kind,
        count=_int64(count + seed),
        created_at=created_at + seed * 39 / 2**22,
    )


def _int64(number: int) -> int:
    """`number` modulo 2^64, as a signed integer."""
    return (number + 2**63) % 2**64 - 2**63
