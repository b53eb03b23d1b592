"""JSON Schemas of what record_codec reads and writes, from the types themselves."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

# What the types can not say: the values that a field of a dataclass may have.
Choices = Mapping[tuple[type, str], Sequence[Any]]
_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def of(kind: Any, definitions: dict[str, Any], choices: Choices) -> dict[str, Any]:
    """The schema of a type. Dataclasses go into definitions, under their names and with what their docstrings say of them."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = {}  # so that a type within itself ends here
            definitions[kind.__name__] = _object(kind, definitions, choices)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return {"anyOf": [of(inner, definitions, choices), {"type": "null"}]}
    if origin is list:
        return {"type": "array", "items": of(arguments[0], definitions, choices)}
    if origin is dict:
        return {"type": "object", "additionalProperties": of(arguments[1], definitions, choices)}
    return {"type": _SCALARS[kind]}


def _object(kind: type, definitions: dict[str, Any], choices: Choices) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    properties = {}
    for field in dataclasses.fields(kind):
        properties[field.name] = of(hints[field.name], definitions, choices)
        if (kind, field.name) in choices:
            properties[field.name]["enum"] = list(choices[kind, field.name])
    return {
        "type": "object",
        "description": " ".join((inspect.getdoc(kind) or "").split()),
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
