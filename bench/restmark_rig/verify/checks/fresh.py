"""Are answers read when they are asked for? Rows and values are changed behind the server's back, and what they are now is demanded.

What is put there is hard to carry unharmed: quotes, other scripts, what would be a statement if somebody wrote it into one. All is put back.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import msgpack

from ...backends.database import Database
from ...model.workloads import (
    BACK_END_ROUTES,
    CACHE_ROUTES,
    DB_ROWS,
    ROUTE_CACHE_RECORDS,
    ROUTE_DB_RECORDS,
    ROUTE_DB_SEARCH,
    UPDATE_ROUTES,
    WorkloadRequest,
    counted,
    orm_twin,
    row,
    rows,
    search,
)
from .base import Check, Finding, Mismatch, Subject, each_route

_TEXTS = (
    "O'Hara said \"no\" \\ and left",
    "'; DROP TABLE record; --",
    "Ω≈ç 日本 😀",  # and not U+2028, which is written in two ways where that is said
    "tab\t, newline\n, bell\x07",
    "%_ 50%",
    "",
)
# Categories that only one row is in, or none: neither patterns nor statements.
_CATEGORIES = ("c' OR '1'='1", "%", "_00", "c0_", "Zoë's \"50%\" \\", "日本 & 1=1; --", "c00 ")
_COLUMNS = "owner_id, category, name, description, type, count, created_at"
_GARBAGE = b"\xc1"  # which is no MessagePack
_READS = tuple(route for route in BACK_END_ROUTES if route not in UPDATE_ROUTES)


def check_fresh(subject: Subject) -> Iterator[Finding]:
    """Changes what is asked for, and asks; unknown ids; searches that would be something else to a careless server."""

    def action(route: str) -> None:
        rng = subject.rng(f"fresh {orm_twin(route)}")
        if route in CACHE_ROUTES:
            _of_cache(subject, route, rng)
            return
        _of_database(subject, route, rng)

    yield from each_route("fresh", subject, _READS, action)


def _of_database(subject: Subject, route: str, rng: random.Random) -> None:
    database, twin = subject.oracle.back_ends.database, orm_twin(route)
    assert database is not None
    before = _sums(database)
    for text in _TEXTS:
        number = rng.randrange(DB_ROWS)
        with _as_it_was(database, number) as kept:
            subject.require(_asking(route, number, str(kept[1])))
            changed = (text, rng.choice(_TEXTS), rng.choice(_TEXTS), rng.randrange(10**6), rng.random() * 2e9, number)
            database.execute("UPDATE record SET name = %s, description = %s, type = %s, count = %s, created_at = %s WHERE id = %s", changed)
            subject.require(_asking(route, number, str(kept[1])))
    if twin == ROUTE_DB_SEARCH:
        _search_oddly(subject, database, route, rng)
    else:
        _require_unknown(subject, route)
    if _sums(database) != before:
        raise Mismatch(f"GET {route}: rows of the table were changed or removed by a request that only reads")


def _asking(route: str, number: int, of_category: str) -> WorkloadRequest:
    """A request in whose answer the row is."""
    twin = orm_twin(route)
    if twin == ROUTE_DB_RECORDS:
        return rows(route, [number, (number + 1) % DB_ROWS, number])
    return search(route, of_category, 100) if twin == ROUTE_DB_SEARCH else row(route, number)


@contextmanager
def _as_it_was(database: Database, number: int) -> Iterator[tuple[object, ...]]:
    """The row of that id, which is as it was behind a with block."""
    (kept,) = database.execute(f"SELECT {_COLUMNS} FROM record WHERE id = %s", (number,))
    try:
        yield kept
    finally:
        database.execute(f"UPDATE record SET ({_COLUMNS}) = (%s, %s, %s, %s, %s, %s, %s) WHERE id = %s", (*kept, number))


def _search_oddly(subject: Subject, database: Database, route: str, rng: random.Random) -> None:
    for name in _CATEGORIES:
        subject.require(search(route, name))
        number = rng.randrange(DB_ROWS)
        with _as_it_was(database, number):
            database.execute("UPDATE record SET category = %s WHERE id = %s", (name, number))
            subject.require(search(route, name))
    zero = search(route, "c00\0")
    response = subject.fetch(zero)
    if response.status not in (200, 400, 422) or (response.status == 200 and response.body != b"[]"):
        raise Mismatch(f"{zero.line}: status {response.status}; a zero character is in no row: [], 400 or 422 is due")


def _require_unknown(subject: Subject, route: str) -> None:
    for number in (DB_ROWS, 2**31, 2**32, 2**63 - 1):
        request = rows(route, [1, number, 2]) if orm_twin(route) == ROUTE_DB_RECORDS else row(route, number)
        if (status := subject.fetch(request).status) != 404:
            raise Mismatch(f"{request.line}: status {status} instead of 404, as there is no row {number}")


def _sums(database: Database) -> list[tuple[object, ...]]:
    return database.execute("SELECT count(*), sum(count), sum(hashtext(category || name || description || type)::bigint), sum(created_at::numeric) FROM record")


def _of_cache(subject: Subject, route: str, rng: random.Random) -> None:
    cache, records = subject.oracle.back_ends.cache, subject.oracle.records
    assert cache is not None
    if not records:
        return
    number = rng.randrange(records)
    request = counted(route, rng.randint(number + 1, records))
    subject.require(request)
    old = cache.get(number)
    try:
        if route != ROUTE_CACHE_RECORDS:
            for text in _TEXTS:
                record = {"id": number, "name": text, "description": rng.choice(_TEXTS), "type": "U", "count": rng.randrange(10**6), "created_at": rng.random()}
                cache.put(number, msgpack.packb(record))
                subject.require(request)
        for value, what in ((None, "is missing"), (_GARBAGE, "holds no MessagePack")):
            cache.put(number, value)
            _require_failure(subject, request, f"the key record:{number} {what}")
    finally:
        cache.put(number, old)
    subject.require(request)


def _require_failure(subject: Subject, request: WorkloadRequest, why: str) -> None:
    if (status := subject.fetch(request).status) != 500:
        raise Mismatch(f"{request.line}: status {status} instead of 500, although {why}")



FRESH = Check("fresh", "what back ends hold is read for each request: changed behind the server's back, the new is answered", check_fresh)
