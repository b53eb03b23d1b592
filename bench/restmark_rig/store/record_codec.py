"""Dataclasses to plain JSON values and back, by their type annotations. Standard library only.

Understood: dataclasses, str, int, float, bool, Path, list[T], tuple[T, ...], frozenset[T], dict[str, T], T | None.
None is written as null, never left out.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class CodecError(ValueError):
    """A JSON value does not fit the annotation; the text starts with the dotted key."""


def encode(record: Any) -> Any:
    """A dataclass as dicts, lists and scalars, keys in the order of the fields."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {field.name: encode(getattr(record, field.name)) for field in dataclasses.fields(record)}
    if isinstance(record, dict):
        return {key: encode(value) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [encode(value) for value in record]
    if isinstance(record, set | frozenset):
        return sorted(record)
    return str(record) if isinstance(record, Path) else record


def decode(cls: type[T], value: Any, where: str = "") -> T:
    """The dataclass cls from JSON values. Raises CodecError naming the key that does not fit."""
    return typing.cast(T, _decode(cls, value, where))


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _decode(kind: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind, value, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return _decode(inner, value, where)
    if origin in (list, tuple, frozenset):
        _expect(isinstance(value, list), where, "a list", value)
        return origin(_decode(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is dict:
        _expect(isinstance(value, dict), where, "an object", value)
        return {key: _decode(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if kind is Path:
        _expect(isinstance(value, str), where, "a path", value)
        return Path(value)
    if kind is float:
        _expect(isinstance(value, int | float) and not isinstance(value, bool), where, "a number", value)
        return value
    _expect(type(value) is kind, where, kind.__name__, value)
    return value


def _decode_dataclass(cls: type, value: Any, where: str) -> Any:
    _expect(isinstance(value, dict), where, "an object", value)
    hints = _hints(cls)
    names = [field.name for field in dataclasses.fields(cls)]
    for key in [*value, *names]:
        if key not in names or key not in value:
            state = "is missing" if key in names else "is not known"
            raise CodecError(f"{where}.{key}".lstrip(".") + f": {state}")
    return cls(**{name: _decode(hints[name], value[name], f"{where}.{name}".lstrip(".")) for name in names})


def _expect(holds: bool, where: str, wanted: str, value: Any) -> None:
    if not holds:
        raise CodecError(f"{where or 'document'}: expected {wanted}, got {value!r:.60}")
