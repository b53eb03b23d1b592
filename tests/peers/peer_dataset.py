"""Writes dataset files from the definition in docs, without any MessagePack package."""

from __future__ import annotations

import json
import struct
from typing import Any

Record = dict[str, Any]


def reference_records(size: int = 1000) -> list[Record]:
    """The first `size` records of the reference dataset."""
    return [
        {
            "id": i,
            "name": "My name",
            "description": "Some words on here so it looks full",
            "type": "U",
            "count": 33,
            "created_at": 1569882498.9117897 + i * 39 / 2**22,
        }
        for i in range(size)
    ]


def to_json(records: list[Record]) -> bytes:
    return json.dumps(records, separators=(",", ":"), ensure_ascii=False).encode()


def to_file(records: list[Record]) -> bytes:
    """The dataset file: an array of bin elements, each one a map."""
    return _head(len(records), 0x90, 15, (0xDC, 0xDD)) + b"".join(_bin(pack(record)) for record in records)


def _head(size: int, fix: int, fix_max: int, wide: tuple[int, ...]) -> bytes:
    """The head of a sized value; `wide` holds the first bytes for lengths of (1,) 2 and 4 bytes."""
    if size <= fix_max:
        return bytes([fix | size])
    formats = (">BB", ">BH", ">BI")[-len(wide) :]
    for code, fmt in zip(wide, formats, strict=True):
        if size < 1 << 8 * (struct.calcsize(fmt) - 1):
            return struct.pack(fmt, code, size)
    raise ValueError(f"{size} is too large")


def _bin(data: bytes) -> bytes:
    return _head(len(data), 0, -1, (0xC4, 0xC5, 0xC6)) + data


def _integer(value: int) -> bytes:
    """The shortest encoding."""
    if -32 <= value <= 127:
        return struct.pack("b", value) if value < 0 else bytes([value])
    codes = zip((">BB", ">BH", ">BI", ">BQ"), (0xCC, 0xCD, 0xCE, 0xCF), strict=True)
    if value < 0:
        codes = zip((">Bb", ">Bh", ">Bi", ">Bq"), (0xD0, 0xD1, 0xD2, 0xD3), strict=True)
    for fmt, code in codes:
        try:
            return struct.pack(fmt, code, value)
        except struct.error:
            continue
    raise ValueError(f"{value} does not fit into 64 bits")


def pack(value: Any) -> bytes:
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    if isinstance(value, str):
        data = value.encode()
        return _head(len(data), 0xA0, 31, (0xD9, 0xDA, 0xDB)) + data
    if isinstance(value, dict):
        items = b"".join(pack(key) + pack(item) for key, item in value.items())
        return _head(len(value), 0x80, 15, (0xDE, 0xDF)) + items
    raise TypeError(f"{type(value).__name__} has no place in a dataset")
