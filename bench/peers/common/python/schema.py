"""What POST /validate takes: the schema of docs/SPEC.md, checked value by value.

Written out, because one check has to run on CPython and on PyPy without compiled packages.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

BODY_BYTES_MAX = 2**20
COUNTS = range(1001)

Record = dict[str, Any]

_IDS = range(-(2**63), 2**63)
_COUNTS = range(1_000_001)
_TYPES = ("U", "G", "S")


class SchemaError(ValueError):
    """A body that has to be refused; the message says why, and names the field if it is one's fault."""


def _is_integer(value: Any, allowed: range) -> bool:
    return type(value) is int and value in allowed  # True is an int, too


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 4_102_444_800


# The order is the order of the keys in the answer.
_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "id": (lambda value: _is_integer(value, _IDS), "a signed integer of 64 bits"),
    "name": (lambda value: type(value) is str and 1 <= len(value) <= 100, "a string of 1 to 100 characters"),
    "description": (lambda value: type(value) is str and len(value) <= 1000, "a string of at most 1000 characters"),
    "type": (lambda value: type(value) is str and value in _TYPES, '"U", "G" or "S"'),
    "count": (lambda value: _is_integer(value, _COUNTS), "an integer from 0 to 1000000"),
    "created_at": (_is_time, "a number from 0 to 4102444800"),
}


def checked(body: bytes, count: int | None) -> Record | list[Record]:
    """The record of a body, or its array of `count`, keys in the schema's order. Raises SchemaError."""
    value = _decoded(body)
    if count is None:
        return _record(value)
    if type(value) is not list:
        raise SchemaError(f"not an array of {count} records")
    if len(value) != count:
        raise SchemaError(f"{len(value)} records instead of {count}")
    return [_record(item) for item in value]


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_number)  # of bytes it would take UTF-16 as well
    except UnicodeDecodeError as error:
        raise SchemaError(f"no UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise SchemaError("no JSON that can be read: too deep") from error
    except ValueError as error:
        raise SchemaError(f"no JSON: {error}") from error


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number in JSON")


def _record(value: Any) -> Record:
    if type(value) is not dict:
        raise SchemaError("a record has to be an object")
    for name, (fits, what) in _CHECKS.items():
        if name not in value:
            raise SchemaError(f"{name} is missing; it has to be {what}")
        if not fits(value[name]):
            raise SchemaError(f"{name} has to be {what}")
    if len(value) > len(_CHECKS):
        raise SchemaError(f"not in the schema: {', '.join(value.keys() - _CHECKS.keys())}")
    return {name: value[name] for name in _CHECKS}
