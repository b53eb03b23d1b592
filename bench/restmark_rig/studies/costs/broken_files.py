"""Datasets, and bodies of POST /validate, with one fault each: in a record in their middle, or as a whole. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgpack

from ...store import dataset

RECORDS = 100
AT = 57  # the broken one
EXTRA = "colour"
NESTED = 1_000_000


@dataclass(frozen=True)
class Broken:
    """What is wrong, in words, the bytes of a file and of a body that have it, and the field whose fault it is; "" if that of no single one. body:
    None where JSON can not have it. harmless: who reads the file may well answer as if nothing were; a body with it breaks the schema."""

    key: str
    says: str
    content: bytes
    body: bytes | None
    field: str = ""
    harmless: bool = False


def good() -> bytes:
    """The file without a fault."""
    return dataset.encode(dataset.default_records(RECORDS))


def all_of_them() -> Iterator[Broken]:
    """The faults, one after the other."""
    yield _of_fields("missing", "a field is missing", "description", _record(leave_out="description"))
    yield _of_fields("type", "a string stands where an integer is due", "count", _record(count="33"))
    yield _of_fields("extra", "there is a field more", EXTRA, _record(**{EXTRA: "red"}), harmless=True)
    yield _of_fields("null", "a field is nil", "name", _record(name=None))
    yield _of_fields("range", "an integer has more than 64 bits with its sign", "id", _record(id=2**63))
    yield _of_fields("nan", "a float is NaN, which JSON has not", "created_at", _record(created_at=math.nan))
    yield Broken("utf-8", "a string is no UTF-8", _with(_packed(name=b"\xa5My \xff\xfe")), _json(_record()).replace(b"My name", b"My \xff\xfe"), "name")
    yield Broken("cut-record", "a record ends in its middle", _with(msgpack.packb(_record())[:-20]), _json(_record())[:-20])
    yield Broken("cut-file", "the file ends in its middle", good()[: len(good()) // 2], None)
    yield Broken("nested", f"{NESTED:,} arrays within each other", _with(b"\x91" * NESTED + b"\xc0"), b"[" * NESTED)
    yield Broken("length", "a string says that it has 4 GiB", _with(_packed(description=b"\xdb\xff\xff\xff\xff")), None, "description")


def _of_fields(key: str, says: str, field: str, record: dict[str, Any], harmless: bool = False) -> Broken:
    return Broken(key, says, _with(record), _json(record), field, harmless)


def _json(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


def _record(leave_out: str = "", **fields: Any) -> dict[str, Any]:
    record = {**dataset.default_records(RECORDS)[AT], **fields}
    record.pop(leave_out, None)
    return record


def _packed(**raw: bytes) -> bytes:
    """A record in which values are these bytes, whatever they are."""
    parts = [bytes([0x80 + len(dataset.FIELDS)])]
    for name, value in _record().items():
        parts += [msgpack.packb(name), raw.get(name) or msgpack.packb(value)]
    return b"".join(parts)


def _with(record: dict[str, Any] | bytes) -> bytes:
    """The file with this in place of its record."""
    records = [msgpack.packb(one) for one in dataset.default_records(RECORDS)]
    records[AT] = record if isinstance(record, bytes) else msgpack.packb(record)
    packed: bytes = msgpack.packb(records)
    return packed
