"""What POST /validate takes. What fits is found out by PyPy's own JSON parser and comparisons in line; what does not, schema.py describes."""

from __future__ import annotations

import json
from typing import Any

import schema
from records import Record


def checked(body: bytes, count: int | None) -> list[Record]:
    """The records of a body: one, or as many as were announced. Raises SchemaError."""
    records = _fitting(body, count)
    if records is not None:
        return records
    found = schema.checked(body, count)
    return [Record(**record) for record in (found if isinstance(found, list) else [found])]


def _fitting(body: bytes, count: int | None) -> list[Record] | None:
    """The records, if all is as it should be, else None."""
    try:
        text = body.decode("utf-8")
        # json.loads() takes NaN and Infinity; told not to, it takes another parser, in Python. They may be texts as well: schema.py knows.
        value = None if "NaN" in text or "Infinity" in text else json.loads(text)
    except (ValueError, RecursionError):
        return None
    values = [value] if count is None else value
    if type(values) is not list or len(values) != (1 if count is None else count):
        return None
    records = []
    for item in values:
        if type(item) is not dict or len(item) != 6:
            return None
        record = _record(**item) if item.keys() == _NAMES else None
        if record is None:
            return None
        records.append(record)
    return records


_NAMES = frozenset(Record.__slots__)


def _record(id: Any, name: Any, description: Any, type: Any, count: Any, created_at: Any) -> Record | None:
    """The record, if each value fits."""
    fits = (
        id.__class__ is int and -(2**63) <= id < 2**63
        and name.__class__ is str and 1 <= len(name) <= 100
        and description.__class__ is str and len(description) <= 1000
        and type.__class__ is str and type in ("U", "G", "S")
        and count.__class__ is int and 0 <= count <= 1_000_000
        and created_at.__class__ in (int, float) and 0 <= created_at <= 4_102_444_800
    )  # fmt: skip
    return Record(id, name, description, type, count, created_at) if fits else None
