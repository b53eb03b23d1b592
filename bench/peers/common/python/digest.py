"""The digests that verification asks for instead of a count or a length: CRC-32 of what was decoded, or encoded.

docs/SPEC.md defines them. They prove that the work was done, and need not be fast.
"""

from __future__ import annotations

import struct
import zlib

import dataset
from dataset import Record

_NUMBERS = struct.Struct("<qqd")


def of_decoded(records: list[Record], repetitions: int, seed: int) -> int:
    """The digest of the fields of `records`, so many times over, begun with `seed`."""
    crc = seed
    for _ in range(repetitions):
        for record in records:
            crc = zlib.crc32(_NUMBERS.pack(record["id"], record["count"], record["created_at"]), crc)
            texts = (record["name"], record["description"], record["type"])
            crc = zlib.crc32(b"".join(text.encode("utf-8") + b"\0" for text in texts), crc)
    return crc


def of_encoded(records: list[Record], repetitions: int, seed: int) -> int:
    """The digest of the JSON of `records`, shifted by `seed`: shifted and hashed so many times, encoded once."""
    shifted: list[Record] = []
    for _ in range(repetitions):
        shifted = [_shifted(record, seed) for record in records]
    body = dataset.to_json(shifted).encode("utf-8")
    crc = seed
    for _ in range(repetitions):
        crc = zlib.crc32(body, crc)
    return crc


def _shifted(record: Record, seed: int) -> Record:
    return {
        **record,
        "id": _int64(record["id"] + seed),
        "count": _int64(record["count"] + seed),
        "created_at": record["created_at"] + seed * 39 / 2**22,
    }


def _int64(number: int) -> int:
    """`number` modulo 2^64, as a signed integer."""
    return (number + 2**63) % 2**64 - 2**63
