"""The digests of docs/SPEC.md, computed from their definition with Python's zlib."""

from __future__ import annotations

import struct
import zlib

import peer_dataset
from peer_dataset import Record


def of_decoded(records: list[Record], repetitions: int, seed: int) -> int:
    """What /parse-msgpack?digest=repetitions&seed=seed answers."""
    text = b"".join(
        struct.pack("<qqd", record["id"], record["count"], record["created_at"])
        + "".join(record[name] + "\0" for name in ("name", "description", "type")).encode()
        for record in records
    )
    return zlib.crc32(text * repetitions, seed)


def of_encoded(records: list[Record], repetitions: int, seed: int) -> int:
    """What /encode-json?digest=repetitions&seed=seed answers."""
    return zlib.crc32(peer_dataset.to_json(shifted(records, seed)) * repetitions, seed)


def shifted(records: list[Record], seed: int) -> list[Record]:
    """The records whose JSON the digest of /encode-json is of."""
    return [
        record
        | {name: _wrapped(record[name] + seed) for name in ("id", "count")}
        | {"created_at": record["created_at"] + seed * 39 / 4194304}
        for record in records
    ]


def _wrapped(number: int) -> int:
    """As two's complement of 64 bits."""
    return struct.unpack("<q", struct.pack("<Q", number % 2**64))[0]
