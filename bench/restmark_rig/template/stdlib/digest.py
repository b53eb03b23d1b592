"""The digests that `restmark verify` asks for instead of a count or a length: CRC-32 of what was decoded, or encoded.

They prove that the work was done, and need not be fast. Records may be dicts, or objects that are made of their fields
by name (dataclasses, structs): nothing has to be changed here when yours are others.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

FIELDS = ("id", "name", "description", "type", "count", "created_at")


def of_decoded(records: Sequence[Any], repetitions: int, seed: int) -> int:
    """/parse-msgpack: the digest of the records' fields, so many times over, begun with the seed."""
    crc = seed
    for _ in range(repetitions):
        for record in records:
            fields = _fields(record)
            crc = zlib.crc32(struct.pack("<qqd", fields["id"], fields["count"], fields["created_at"]), crc)
            for name in ("name", "description", "type"):
                crc = zlib.crc32(fields[name].encode() + b"\0", crc)
    return crc


def of_encoded(records: Sequence[Any], repetitions: int, seed: int, encode: Callable[[list[Any]], bytes]) -> int:
    """/encode-json: the digest of the JSON of shifted records; shifted and hashed so many times, encoded once."""
    shifted: list[Any] = []
    for _ in range(repetitions):
        shifted = [_shifted(record, seed) for record in records]
    body = encode(shifted)
    crc = seed
    for _ in range(repetitions):
        crc = zlib.crc32(body, crc)
    return crc


def _fields(record: Any) -> dict[str, Any]:
    return record if isinstance(record, dict) else {name: getattr(record, name) for name in FIELDS}


def _shifted(record: Any, seed: int) -> Any:
    fields = dict(_fields(record))
    for name in ("id", "count"):
        fields[name] = (fields[name] + seed + 2**63) % 2**64 - 2**63  # signed 64 bits
    fields["created_at"] += seed * 39 / 2**22
    return type(record)(**fields)
