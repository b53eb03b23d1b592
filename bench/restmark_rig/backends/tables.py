"""What the tables and the cache hold, computed from the dataset. Pure. docs/SPEC.md, "Back ends"."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack

from ..model.errors import DatasetError
from ..model.workloads import DB_OWNERS, DB_ROWS, category
from ..store.dataset import Dataset

SCHEMA = Path(__file__).with_name("schema.sql")
RECORD_COLUMNS = ("id", "owner_id", "category", "name", "description", "type", "count", "created_at")
_DAY_S = 86400
_STEP = 7919  # a prime: neighbours are of different categories


def owners() -> Iterator[tuple[int, str]]:
    """Rows of the table owner."""
    return ((number, f"Owner {number:02}") for number in range(DB_OWNERS))


def records(data: Dataset) -> Iterator[tuple[Any, ...]]:
    """Rows of the table record, in the order of RECORD_COLUMNS. Raises DatasetError for what PostgreSQL can not hold."""
    n = len(data.records)
    if not n:
        raise DatasetError(f"{data.path}: has no records, and the tables of a database are made of them", "give a dataset with one or more")
    for i in range(DB_ROWS):
        record = data.records[i % n]
        texts = (record["name"], record["description"], record["type"])
        if i < n and any("\0" in text for text in texts):
            raise DatasetError(f"{data.path}: record {i} has a zero character in a text, which PostgreSQL can not hold", "leave it out")
        yield (i, i % DB_OWNERS, category(i * _STEP % 100), *texts, record["count"], record["created_at"] + i // n * _DAY_S)


def key(number: int) -> str:
    """The cache's key of a record."""
    return f"record:{number}"


def values(data: Dataset) -> dict[str, bytes]:
    """What the cache holds: key to the record's MessagePack map."""
    return {key(number): msgpack.packb(record) for number, record in enumerate(data.records)}
