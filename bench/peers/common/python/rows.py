"""Rows of the database as records: what the peers that ask it by a driver have in common. The SQL is that of docs/SPEC.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import dataset

COUNT_MODULUS = 1_000_000

_COLUMNS = "id, name, description, type, count, created_at"
ONE = f"SELECT {_COLUMNS} FROM record WHERE id = $1"
MANY = f"SELECT {_COLUMNS} FROM record WHERE id = ANY($1)"
SEARCH = (
    "SELECT r.id, r.name, r.description, r.type, r.count, r.created_at, o.name FROM record r JOIN owner o ON o.id = r.owner_id"
    " WHERE r.category = $1 ORDER BY r.created_at DESC, r.id DESC LIMIT $2"
)
LOCKED = f"{ONE} FOR UPDATE"
UPDATE = "UPDATE record SET count = $2 WHERE id = $1"

_FIELDS = tuple(dataset.FIELDS)
_OWNED = (*_FIELDS, "owner")


class NoRowError(LookupError):
    """No row has the id that is asked for."""


class BadRowError(ValueError):
    """A row that is not as the schema has it."""


def record(row: Sequence[Any] | None) -> dataset.Record:
    """The record of a row of ONE or LOCKED. Raises NoRowError if there is none, BadRowError if it has a NULL."""
    if row is None:
        raise NoRowError
    return _named(_FIELDS, row)


def owned(rows: Iterable[Sequence[Any]]) -> list[dataset.Record]:
    """The records of the rows of SEARCH, each with its owner."""
    return [_named(_OWNED, row) for row in rows]


def arranged(ids: Iterable[int], found: Iterable[dataset.Record]) -> list[dataset.Record]:
    """One record for each id, in their order. Raises NoRowError if one has none."""
    by_id = {one["id"]: one for one in found}
    try:
        return [by_id[id_] for id_ in ids]
    except KeyError:
        raise NoRowError from None


def counted_up(count: int) -> int:
    return (count + 1) % COUNT_MODULUS


def _named(names: Sequence[str], row: Sequence[Any]) -> dataset.Record:
    if None in row:
        raise BadRowError(f"NULL in the row {row!r}")
    return dict(zip(names, row))  # noqa: B905  (Python 3.9 has no strict)
