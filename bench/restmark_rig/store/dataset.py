"""The dataset: a MessagePack array of N bin elements, each one MessagePack map (a record).

The rig reads files strictly, because contestants with typed records and contestants with dictionaries can only
agree on records that have exactly the fields of docs/DESIGN, in its order and of its types.
"""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgpack

from ..model.errors import DatasetError, EnvironmentFault
from .atomic_file import write_atomically

FIELDS: dict[str, type] = {
    "id": int,
    "name": str,
    "description": str,
    "type": str,
    "count": int,
    "created_at": float,
}
DEFAULT_RECORDS = 1000
DEFAULT_JSON_BYTES = 133622
DEFAULT_JSON_SHA256 = "8f7fa66a532c7c0b2c808e8810ca60de5d8d5723722d6ee5c237ed73f5d71f3a"

_FORMAT = "a MessagePack array of bin elements, each one a MessagePack map with " + ", ".join(FIELDS)
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Dataset:
    """Decoded records and the file they came from."""

    path: Path
    records: tuple[dict[str, Any], ...]

    @cached_property
    def json_parts(self) -> tuple[bytes, ...]:
        """The compact JSON text of each record, UTF-8."""
        return tuple(compact_json(record) for record in self.records)

    @cached_property
    def json_bytes(self) -> int:
        """Size of the JSON of all records, in bytes."""
        return len(self.json(len(self.records)))

    def json(self, count: int) -> bytes:
        """The compact JSON array of the first count records."""
        return b"[" + b",".join(self.json_parts[:count]) + b"]"


def compact_json(value: Any) -> bytes:
    """value as UTF-8 JSON: no spaces, keys in their order, only what JSON demands is escaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def default_records(count: int = DEFAULT_RECORDS) -> tuple[dict[str, Any], ...]:
    """The records of the original benchmark, created_at spaced so that no two texts are equal."""
    return tuple(
        {
            "id": i,
            "name": "My name",
            "description": "Some words on here so it looks full",
            "type": "U",
            "count": 33,
            "created_at": 1569882498.9117897 + i * 39 / 2**22,
        }
        for i in range(count)
    )


def encode(records: tuple[dict[str, Any], ...]) -> bytes:
    """The bytes of a dataset file: every value in MessagePack's shortest form, floats as float 64."""
    return msgpack.packb([msgpack.packb(record) for record in records])  # type: ignore[no-any-return]


def read(path: Path) -> Dataset:
    """Reads and checks a dataset file. Raises DatasetError that names the record and the field."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"dataset {path}: can not be read: {error.strerror}", "name a dataset file") from None
    elements = _unpack(raw, f"dataset {path}")
    if type(elements) is not list:  # a map comes as _Pairs, which is a list, too
        raise DatasetError(f"dataset {path}: holds {_kind(elements)}, not an array", f"write {_FORMAT}")
    records = []
    for index, element in enumerate(elements):
        where = f"dataset {path}: record {index}"
        if not isinstance(element, bytes):
            raise DatasetError(f"{where} is {_kind(element)}, not a bin", f"write {_FORMAT}")
        records.append(_checked(_unpack(element, where), where))
    return Dataset(path, tuple(records))


def _unpack(raw: bytes, where: str) -> Any:
    """The one value in raw, each map as a list of its pairs in a _Pairs."""
    limit = len(raw)
    try:
        return msgpack.unpackb(
            raw,
            raw=False,
            object_pairs_hook=_Pairs,
            max_bin_len=limit,
            max_str_len=limit,
            max_array_len=limit,
            max_map_len=limit,
        )
    except msgpack.ExtraData as error:
        extra = len(error.extra)
        raise DatasetError(f"{where}: {extra} bytes follow the first value", f"write {_FORMAT}") from None
    except UnicodeDecodeError as error:
        raise DatasetError(f"{where}: a string is not UTF-8: {error.reason}", "encode all strings in UTF-8") from None
    except (ValueError, msgpack.UnpackException) as error:
        reason = str(error) or "it is empty or ends too early"
        raise DatasetError(f"{where}: not valid MessagePack: {reason}", f"write {_FORMAT}") from None


class _Pairs(list[tuple[Any, Any]]):
    """A decoded map as its pairs: a dict would hide repeated keys."""


_KINDS = {
    _Pairs: "a map",
    list: "an array",
    bytes: "a bin",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    type(None): "nil",
}


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "a MessagePack extension")


def _checked(value: Any, where: str) -> dict[str, Any]:
    """The record in value. Raises DatasetError if fields are missing, unknown, repeated or mistyped."""
    if not isinstance(value, _Pairs):
        raise DatasetError(f"{where} holds {_kind(value)}, not a map", f"write {_FORMAT}")
    names = [name for name, _ in value]
    if names != list(FIELDS):
        raise DatasetError(
            f"{where} has the fields {names}",
            f"give each record exactly these, in this order: {', '.join(FIELDS)}",
        )
    record = dict(value)
    for name, kind in FIELDS.items():
        given = record[name]
        if type(given) is not kind:
            raise DatasetError(f"{where}: field '{name}' is {_kind(given)}", f"make it {_KINDS[kind]}")
        if kind is int and given not in _INT64:
            raise DatasetError(f"{where}: field '{name}' is {given}", "keep integers within 64 bits, signed")
        if kind is float and not math.isfinite(record[name]):
            raise DatasetError(f"{where}: field '{name}' is {given}", "JSON knows finite numbers only")
    return record


def write_default(path: Path) -> Dataset:
    """The default dataset, written to path unless it is there already. Raises EnvironmentFault."""
    records = default_records()
    expected = encode(records)
    try:
        if not path.is_file() or path.read_bytes() != expected:
            write_atomically(path, expected)
    except OSError as error:
        raise EnvironmentFault(
            f"dataset {path}: can not be written: {error.strerror}",
            "choose a writable folder with --cache-dir",
        ) from None
    return Dataset(path, records)


def compare_with_restmarkd(restmarkd: Path, default: Dataset) -> None:
    """Has restmarkd write its built-in dataset and compares it with the rig's, byte for byte.

    Raises EnvironmentFault if the two differ or restmarkd can not write it: nothing measured would be comparable.
    """
    with tempfile.TemporaryDirectory(prefix="restmark-") as folder:
        written = Path(folder) / "dataset"
        try:
            done = subprocess.run(
                [restmarkd, "--write-dataset", written],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnvironmentFault(f"{restmarkd} --write-dataset: {error}", "build restmarkd anew") from None
        if done.returncode != 0:
            raise EnvironmentFault(
                f"{restmarkd} --write-dataset ended with {done.returncode}: {done.stderr.strip()}",
                "build restmarkd anew",
            )
        theirs, ours = written.read_bytes(), default.path.read_bytes()
    if theirs != ours:
        offset = next(
            (i for i, (a, b) in enumerate(zip(theirs, ours, strict=False)) if a != b),
            min(len(theirs), len(ours)),
        )
        raise EnvironmentFault(
            f"the dataset that {restmarkd} writes ({len(theirs)} bytes) differs from the rig's "
            f"({len(ours)} bytes) from byte {offset} on",
            "one of the two does not follow DESIGN's definition of the records",
        )
