"""The routes below /db, by psycopg 3. One pool, SQLAlchemy's, has the connections of both ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dataset
import psycopg
import rows
from psycopg.types.numeric import Int8Dumper
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

Connection = psycopg.Connection[tuple[Any, ...]]


def is_away(error: Exception) -> bool:
    """Whether the error says that the database could not be reached, or broke off."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error.orig, psycopg.OperationalError)
    return isinstance(error, (psycopg.OperationalError, PoolTimeoutError))


class Database:
    def __init__(self, url: str, connections: int) -> None:
        self.url = url
        self.connections = connections
        self.engine = create_engine(
            "postgresql+psycopg://", creator=self._connect, pool_size=connections, max_overflow=0, use_native_hstore=False
        )

    def _connect(self) -> Connection:
        # Each statement is prepared when it is first sent; the default is after it was sent five times. The raw cursor knows $1, as PostgreSQL does.
        connection = psycopg.connect(self.url, prepare_threshold=0)
        # An int is a bigint, which the columns are; otherwise its size decides, and each size is a statement of its own.
        connection.adapters.register_dumper(int, Int8Dumper)
        return connection

    def open(self) -> None:
        """Opens all connections."""
        opened = [self.engine.raw_connection() for _ in range(self.connections)]
        for one in opened:
            one.close()

    @contextmanager
    def _connection(self) -> Iterator[psycopg.RawCursor[tuple[Any, ...]]]:
        """A cursor in autocommit, which spares reads a BEGIN and its ROLLBACK. SQLAlchemy begins its transactions itself, so it is put back."""
        pooled = self.engine.raw_connection()
        connection: Connection = pooled.driver_connection  # type: ignore[assignment]
        try:
            connection.autocommit = True
            yield psycopg.RawCursor(connection)
        finally:
            if connection.closed:
                pooled.invalidate()
            else:
                connection.autocommit = False
                pooled.close()

    def one(self, id_: int) -> dataset.Record:
        with self._connection() as cursor:
            return rows.record(cursor.execute(rows.ONE, (id_,)).fetchone())

    def many(self, ids: Sequence[int]) -> list[dataset.Record]:
        with self._connection() as cursor:
            return rows.arranged(ids, map(rows.record, cursor.execute(rows.MANY, (ids,)).fetchall()))

    def search(self, category: str, limit: int) -> list[dataset.Record]:
        with self._connection() as cursor:
            return rows.owned(cursor.execute(rows.SEARCH, (category, limit)).fetchall())

    def update(self, id_: int) -> dataset.Record:
        with self._connection() as cursor, cursor.connection.transaction():
            found = rows.record(cursor.execute(rows.LOCKED, (id_,)).fetchone())
            found["count"] = rows.counted_up(found["count"])
            cursor.execute(rows.UPDATE, (id_, found["count"]))
        return found
