"""Bodies of POST /validate: random records that fit its schema, written as JSON in any way that JSON allows. Pure."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from ..model.workloads import VALIDATE_MAX_BYTES
from ..store.dataset import FIELDS, compact_json

NAME_MAX, DESCRIPTION_MAX, COUNT_MAX, CREATED_AT_MAX = 100, 1000, 1_000_000, 4_102_444_800
TYPES = ("U", "G", "S")
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

# U+2028 and U+2029 are left out, as some encoders write them escaped: a verdict on that would come by chance.
_CHARACTERS = tuple('abc XYZ 0189 "\\/<>&\'{}[]:,\b\f\n\r\t\x00\x1f\x7fäßéΩ≈日本語あ́😀𝄞')
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPACES = ("", "", " ", "  ", "\n", "\t", "\r\n  ")
_LONG_TEXTS = 0.1  # of all
_ESCAPED = 0.15  # of the characters that need not be


def text(rng: random.Random, low: int, high: int) -> str:
    """A text of low to high code points, mostly a short one."""
    longest = high if rng.random() < _LONG_TEXTS else min(high, 24)
    return "".join(rng.choices(_CHARACTERS, k=rng.randint(low, max(low, longest))))


def random_record(rng: random.Random) -> dict[str, Any]:
    """A record that fits the schema. No created_at is below 1 but 0: how exponents are written is a matter of the language."""
    return {
        "id": rng.choice((rng.randint(INT64_MIN, INT64_MAX), rng.randint(-1000, 1000))),
        "name": text(rng, 1, NAME_MAX),
        "description": text(rng, 0, DESCRIPTION_MAX),
        "type": rng.choice(TYPES),
        "count": rng.choice((0, COUNT_MAX, rng.randint(0, COUNT_MAX))),
        "created_at": rng.choice((rng.uniform(1, CREATED_AT_MAX), rng.uniform(1, 100), rng.randint(0, CREATED_AT_MAX))),
    }


def plain_record(rng: random.Random, number: int) -> dict[str, Any]:
    """A record as the dataset has them, for bodies of many: short, ASCII, with a time that has a fraction."""
    return {
        "id": number,
        "name": f"Name {rng.randrange(10**9):09}",
        "description": "Some words on here so it looks full",
        "type": rng.choice(TYPES),
        "count": rng.randint(0, COUNT_MAX),
        "created_at": rng.randint(10**9, CREATED_AT_MAX - 1) + rng.randint(1, 63) / 64,
    }


def quoted(value: str, rng: random.Random) -> str:
    """The text in quotation marks, some of its characters escaped that need not be."""
    return '"' + "".join(_character(c, rng) for c in value) + '"'


def _character(c: str, rng: random.Random) -> str:
    if c not in '"\\' and c >= " " and rng.random() >= _ESCAPED:
        return c
    if c in _SHORT_ESCAPES and rng.random() < 0.5:
        return _SHORT_ESCAPES[c]
    units = c.encode("utf-16-be")
    escapes = "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
    return escapes if rng.random() < 0.5 else "\\u".join(part.upper() for part in escapes.split("\\u"))


def _number(value: float, rng: random.Random) -> str:
    """The number in one of the ways to write it; a whole one with or without a fraction."""
    if isinstance(value, int):
        return rng.choice((str(value), f"{value}.0", f"{value}e0"))
    exact = Decimal(repr(value))
    return rng.choice((repr(value), f"{exact:e}", f"{exact:E}", f"{exact.scaleb(3):f}e-3"))


def _value(name: str, value: Any, rng: random.Random) -> str:
    if name == "created_at":
        return _number(value, rng)
    return quoted(value, rng) if isinstance(value, str) else str(value)


def spelled(
    record: Mapping[str, Any], rng: random.Random, raw: Mapping[str, str] | None = None, without: str | None = None
) -> bytes:
    """The record as JSON, fields in any order, spaces anywhere, escapes at will. raw: texts in place of values, and further fields."""
    values = {name: _value(name, value, rng) for name, value in record.items()} | dict(raw or {})
    names = [name for name in values if name != without]
    rng.shuffle(names)

    def space() -> str:
        return rng.choice(_SPACES)

    members = (f"{space()}{quoted(name, rng)}{space()}:{space()}{values[name]}{space()}" for name in names)
    return f"{space()}{{{','.join(members)}}}{space()}".encode()


def many(records: Sequence[bytes]) -> bytes:
    """An array of records that are written already."""
    return b"[" + b", ".join(records) + b"]"


def filled_up(body: bytes, size: int = VALIDATE_MAX_BYTES) -> bytes:
    """The body with so many spaces behind it that it has that size."""
    return body.ljust(size)


def answered(body: bytes) -> tuple[bytes, tuple[int, ...]]:
    """What a right body is answered with, whole doubles without fraction, and the offsets at which their ".0" may stand."""
    value = json.loads(body)
    if isinstance(value, dict):
        return _encoded(value, 0)
    parts: list[bytes] = []
    ends: list[int] = []
    at = 1
    for record in value:
        part, own = _encoded(record, at)
        parts.append(part)
        ends += own
        at += len(part) + 1
    return b"[" + b",".join(parts) + b"]", tuple(ends)


def _encoded(record: Mapping[str, Any], offset: int) -> tuple[bytes, tuple[int, ...]]:
    ordered = {name: record[name] for name in FIELDS}
    whole = float(ordered["created_at"]).is_integer()
    if whole:
        ordered["created_at"] = int(ordered["created_at"])
    part = compact_json(ordered)
    return part, (offset + len(part) - 1,) if whole else ()
