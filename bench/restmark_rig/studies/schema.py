"""The JSON Schema of a study's results, generated from the types of record.py.

study.schema.json is what this prints: PYTHONPATH=bench python3 -m restmark_rig.studies.schema > bench/restmark_rig/studies/study.schema.json
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
import typing
from pathlib import Path
from typing import Any

from . import record

SCHEMA_PATH = Path(__file__).with_name("study.schema.json")
_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
# What the types can not say: the values that a text may have.
_CHOICES: dict[tuple[type, str], list[Any]] = {
    (record.Finding, "verdict"): list(record.VERDICTS),
    (record.Chart, "kind"): list(record.CHART_KINDS),
    (record.StudyResults, "format"): [record.FORMAT],
    (record.StudyResults, "version"): [record.VERSION],
}


def generate() -> dict[str, Any]:
    """The schema."""
    definitions: dict[str, Any] = {}
    root = _of(record.StudyResults, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Results of a restmark study",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def text() -> str:
    """The file's."""
    return json.dumps(generate(), indent=1, ensure_ascii=False) + "\n"


def _of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = {}  # so that a type within itself ends here
            definitions[kind.__name__] = _object(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return {"anyOf": [_of(inner, definitions), {"type": "null"}]}
    if origin is list:
        return {"type": "array", "items": _of(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(arguments[1], definitions)}
    return {"type": _SCALARS[kind]}


def _object(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    properties = {}
    for field in dataclasses.fields(kind):
        properties[field.name] = _of(hints[field.name], definitions)
        if (kind, field.name) in _CHOICES:
            properties[field.name]["enum"] = _CHOICES[kind, field.name]
    return {
        "type": "object",
        "description": " ".join((inspect.getdoc(kind) or "").split()),
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


if __name__ == "__main__":
    print(text(), end="")
