"""The dataset file: one MessagePack array of N `bin` elements, each one a MessagePack map.

Shared by the Python peers and by the start scripts of the peers that only send the JSON.
Runs on CPython 3.11 and on PyPy 3.9.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

Record = dict[str, Any]
Unpack = Callable[..., Any]

# The order is the order of the keys in the JSON.
FIELDS: dict[str, type] = {
    "id": int,
    "name": str,
    "description": str,
    "type": str,
    "count": int,
    "created_at": float,
}
_INT64_MAX = 2**63 - 1


class DatasetError(Exception):
    """The dataset file cannot be used; the message names the file, the record and the remedy."""


def to_json(records: list[Record] | Record) -> str:
    """Encode `records`, or one record, as compact JSON, non-ASCII characters left as they are."""
    return json.dumps(records, separators=(",", ":"), ensure_ascii=False)


def load(path: str, unpackb: Unpack) -> tuple[list[bytes], list[Record]]:
    """Read the dataset `path` with the decoder `unpackb`.

    Returns the encoded records and the decoded ones (keys in the order of FIELDS).
    Raises DatasetError when the file cannot be read or a field is missing, unknown or of a wrong type.
    """
    try:
        encoded = unpackb(Path(path).read_bytes())
    except OSError as error:
        raise DatasetError(f"cannot read the dataset {path}: {error.strerror}") from error
    except Exception as error:  # each MessagePack library raises types of its own
        raise DatasetError(
            f"{path}: not a MessagePack file: {error}; write one with restmarkd --write-dataset"
        ) from error
    if not isinstance(encoded, list) or not all(isinstance(item, bytes) for item in encoded):
        raise DatasetError(f"{path}: must be one MessagePack array of bin elements; see restmarkd --write-dataset")
    return encoded, [_decode(path, number, item, unpackb) for number, item in enumerate(encoded)]


def _decode(path: str, number: int, item: bytes, unpackb: Unpack) -> Record:
    where = f"{path}: record {number}"
    try:
        pairs = unpackb(item, object_pairs_hook=list)
    except Exception as error:
        raise DatasetError(f"{where} is not valid MessagePack: {error}") from error
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        raise DatasetError(f"{where} is not a map")
    if not all(isinstance(key, str) for key, _ in pairs):
        raise DatasetError(f"{where} has a key that is not a string")
    record: Record = dict(pairs)
    if len(pairs) != len(FIELDS) or record.keys() != FIELDS.keys():
        raise DatasetError(f"{where} must have exactly the keys {', '.join(FIELDS)}, each of them once")
    for key, kind in FIELDS.items():
        value = record[key]
        if type(value) is not kind:
            raise DatasetError(f"{where}: {key} must be {kind.__name__}, not {type(value).__name__}")
        if kind is int and not -_INT64_MAX - 1 <= record[key] <= _INT64_MAX:
            raise DatasetError(f"{where}: {key} does not fit into 64 bits, signed")
        if kind is float and not math.isfinite(record[key]):
            raise DatasetError(f"{where}: {key} is {value}, which JSON cannot express")
    return {key: record[key] for key in FIELDS}
