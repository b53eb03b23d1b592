"""The routes below /db, by pg8000: statements prepared once on a connection. One pool, SQLAlchemy's, has the connections of both ways."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import dataset
import pg8000.dbapi
import rows
from pg8000.converters import make_params
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# What pg8000 raises when a connection breaks: its own type, the socket's, or what comes of reading half a message.
_BROKEN = (pg8000.dbapi.InterfaceError, OSError, struct.error)
_AWAY_STATES = ("08", "57P", "53300")  # connection exceptions, operator intervention, too many connections


def is_away(error: Exception) -> bool:
    """Whether the error says that the database could not be reached, or broke off."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (isinstance(error.orig, Exception) and is_away(error.orig))
    return isinstance(error, (*_BROKEN, PoolTimeoutError)) or _state(error).startswith(_AWAY_STATES)


def _state(error: Exception) -> str:
    """The SQLSTATE of an error, or nothing."""
    told = error.args[0] if isinstance(error, pg8000.dbapi.DatabaseError) and error.args else None
    return told.get("C", "") if isinstance(told, dict) else ""


def connection_arguments(url: str) -> dict[str, Any]:
    """pg8000's arguments for a URL as libpq takes it. A password may stand in PGPASSWORD."""
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    host = options.get("host") or unquote(parts.hostname or "localhost")
    port = int(options.get("port") or parts.port or 5432)
    place = {"unix_sock": f"{host}/.s.PGSQL.{port}"} if host.startswith("/") else {"host": host, "port": port}
    password = unquote(parts.password) if parts.password else os.environ.get("PGPASSWORD")
    return {"user": unquote(parts.username or ""), "password": password, "database": unquote(parts.path.lstrip("/")), **place}


class Connection(pg8000.dbapi.Connection):
    """A connection that remembers its prepared statements, which pg8000 does not by itself."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._prepared: dict[str, tuple[Any, Any, Any]] = {}

    def run(self, sql: str, *values: Any) -> list[list[Any]]:
        """The rows of a statement with $1, $2, … in autocommit, or in the transaction that execute_simple("BEGIN") began."""
        prepared = self._prepared.get(sql)
        if prepared is None:
            prepared = self._prepared[sql] = self.prepare_statement(sql, ())
        name, columns, converters = prepared
        return self.execute_named(name, make_params(self.py_types, values), columns, converters, sql).rows


class Database:
    def __init__(self, url: str, connections: int) -> None:
        arguments = connection_arguments(url)
        self.connections = connections
        self.engine = create_engine("postgresql+pg8000://", creator=lambda: Connection(**arguments), pool_size=connections, max_overflow=0)

    def open(self) -> None:
        """Opens all connections."""
        opened = [self.engine.raw_connection() for _ in range(self.connections)]
        for one in opened:
            one.close()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        pooled = self.engine.raw_connection()
        try:
            yield pooled.driver_connection  # type: ignore[misc]
        except Exception as error:
            if is_away(error):
                pooled.invalidate(error)
            raise
        finally:
            pooled.close()

    def one(self, id_: int) -> dataset.Record:
        with self._connection() as connection:
            return _only(connection.run(rows.ONE, id_))

    def many(self, ids: Sequence[int]) -> list[dataset.Record]:
        with self._connection() as connection:
            return rows.arranged(ids, map(rows.record, connection.run(rows.MANY, ids)))

    def search(self, category: str, limit: int) -> list[dataset.Record]:
        with self._connection() as connection:
            return rows.owned(connection.run(rows.SEARCH, category, limit))

    def update(self, id_: int) -> dataset.Record:
        with self._connection() as connection:
            connection.execute_simple("BEGIN")
            try:
                found = _only(connection.run(rows.LOCKED, id_))
                found["count"] = rows.counted_up(found["count"])
                connection.run(rows.UPDATE, id_, found["count"])
                connection.execute_simple("COMMIT")
            except rows.NoRowError:
                connection.execute_simple("ROLLBACK")  # what else fails is rolled back when the pool takes the connection
                raise
        return found


def _only(found: list[list[Any]]) -> dataset.Record:
    return rows.record(found[0] if found else None)
