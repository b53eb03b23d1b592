"""Is a row read, changed and written in one transaction? Looked at from the database.

A trigger of the rig's sees whether the transaction that writes the row has locked one before: only then has it an id already. Then others
want the same row: the rig locks the row, changes it, and lets the request wait; behind it a third connection waits for the same row. When the rig commits, the
request goes on. A server that had read before has the old value; one that gives the row free between reading and writing lets the third
one in, which then sees that nothing has been written yet.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...backends.database import Database
from ...model.workloads import DB_COUNT_MODULUS, DB_ROWS, UPDATE_ROUTES, WorkloadRequest, orm_twin, row
from ...server.http_probe import wire
from .base import Check, Finding, Mismatch, Subject, compare, each_route

_DEADLINE_S = 10.0
_POLL_S = 0.01
_TRIGGER = """CREATE FUNCTION restmark_look() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE locked boolean := pg_current_xact_id_if_assigned() IS NOT NULL;
BEGIN
    INSERT INTO public.restmark_seen VALUES (locked);
    RETURN NULL;
END $$"""
_LOCK = "SELECT count FROM record WHERE id = %s FOR UPDATE"


def check_transaction(subject: Subject) -> Iterator[Finding]:
    """Counts up, over the end and under others' locks; an id that no row has leaves nothing behind."""

    def action(route: str) -> None:
        database, rng = subject.oracle.back_ends.database, subject.rng(f"transaction {orm_twin(route)}")
        assert database is not None
        for count in (0, DB_COUNT_MODULUS - 1, rng.randrange(DB_COUNT_MODULUS)):
            _require_step(subject, database, row(route, rng.randrange(DB_ROWS)), count)
        with _watched(database):
            subject.require(row(route, rng.randrange(DB_ROWS)))
            seen = database.execute("SELECT locked FROM restmark_seen")
        if seen != [(True,)]:
            how = "is written in a transaction that has not locked it before" if seen else "is not written by one UPDATE"
            raise Mismatch(f"POST {route}: the row {how}: reading FOR UPDATE and writing have to be one transaction, or others' changes get lost")
        _require_one_transaction(subject, database, row(route, rng.randrange(DB_ROWS)), rng.randrange(DB_COUNT_MODULUS - 2))
        unknown = row(route, DB_ROWS + rng.randrange(10**9))
        if (status := subject.fetch(unknown).status) != 404:
            raise Mismatch(f"{unknown.line}: status {status} instead of 404")
        if not _until(lambda: not database.open_transactions(), 2.0):
            raise Mismatch(f"{unknown.line}: a transaction is left open behind it: its locks, and what it has seen, stay")

    yield from each_route("transaction", subject, UPDATE_ROUTES, action)


@contextmanager
def _watched(database: Database) -> Iterator[None]:
    """Has the database note of each UPDATE whether its transaction has locked a row before, in restmark_seen."""
    try:
        database.execute("CREATE TABLE restmark_seen (locked boolean NOT NULL)")
        database.execute(_TRIGGER)
        database.execute("CREATE TRIGGER restmark_look BEFORE UPDATE ON record FOR EACH STATEMENT EXECUTE FUNCTION restmark_look()")
        yield
    finally:
        database.execute("DROP TRIGGER IF EXISTS restmark_look ON record")
        database.execute("DROP FUNCTION IF EXISTS restmark_look()")
        database.execute("DROP TABLE IF EXISTS restmark_seen")


def _require_step(subject: Subject, database: Database, request: WorkloadRequest, count: int) -> None:
    number = request.number("id", 0)
    database.execute("UPDATE record SET count = %s WHERE id = %s", (count, number))
    subject.require(request)
    _require_count(database, request, (count + 1) % DB_COUNT_MODULUS, f"it was {count}")


def _require_count(database: Database, request: WorkloadRequest, due: int, why: str) -> None:
    found = database.record(request.number("id", 0))
    if found is None or found["count"] != due:
        raise Mismatch(f"{request.line}: count is {found['count'] if found else 'gone'} in the database instead of {due}: {why}")


def _require_one_transaction(subject: Subject, database: Database, request: WorkloadRequest, count: int) -> None:
    number = request.number("id", 0)
    with database.second() as first, database.second() as third, subject.server.connect() as connection:
        first.execute(_LOCK, (number,))
        first.execute("UPDATE record SET count = %s WHERE id = %s", (count, number))
        connection.send(wire(request))
        if not _until(lambda: database.waiting_for_locks() > 0 or connection.waiting(0), _DEADLINE_S) or connection.waiting(0):
            raise Mismatch(f"{request.line}: it does not wait for the row, which another transaction has changed: it neither locks nor writes it")
        seen: list[int] = []
        waiter = threading.Thread(target=_look, args=(third, number, seen), daemon=True)
        waiter.start()
        if not _until(lambda: _rig_waits(database, third), _DEADLINE_S):
            raise Mismatch(f"{request.line}: the row is free, although another transaction has it")
        first.commit()
        waiter.join(_DEADLINE_S)
        if waiter.is_alive():
            raise Mismatch(f"{request.line}: the row is not free again after {_DEADLINE_S:g} s")
        # Whoever waits for us gets the row, and the answer comes, now that we let go of it.
        response = connection.read()
    if seen == [count]:
        raise Mismatch(f"{request.line}: the row was free between its reading and its writing: not one transaction, and others' changes get lost")
    compare(subject.oracle, request, response)
    _require_count(database, request, count + 1, f"another transaction had set it to {count} while the request waited")


def _look(third: Any, number: int, seen: list[int]) -> None:
    """Waits for the row, says what it holds, and lets go of it."""
    seen.append(third.execute(_LOCK, (number,)).fetchone()[0])
    third.rollback()


def _rig_waits(database: Database, connection: Any) -> bool:
    found = database.execute("SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s", (connection.info.backend_pid,))
    return bool(found) and found[0][0] == "Lock"


def _until(condition: Callable[[], bool], patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


TRANSACTION = Check("transaction", "a row is read, changed and written in one transaction, under others' eyes", check_transaction)
