"""The database: by asyncpg for the routes below /db, by SQLAlchemy's asynchronous sessions for those below /orm. One pool has the connections of both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import dataset
import orm_models
import rows
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

FAULTS = (DBAPIError, PoolTimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
_AWAY = (
    PoolTimeoutError, OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError, asyncpg.CrashShutdownError, asyncpg.TooManyConnectionsError,
)  # fmt: skip


def is_away(error: BaseException) -> bool:
    """Whether the error says that the database could not be reached, or broke off."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_away(error.orig))
    return isinstance(error, _AWAY) or (error.__cause__ is not None and is_away(error.__cause__))


def connected(url: str, connections: int) -> AsyncEngine:
    """The engine, whose pool opens as many connections as it is asked for, and no more."""

    async def connect() -> asyncpg.Connection[Any]:
        return await asyncpg.connect(url)

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, pool_size=connections, max_overflow=0)


async def open_all(engine: AsyncEngine, connections: int) -> None:
    """Opens all connections."""
    opened = [await engine.raw_connection() for _ in range(connections)]
    for one in opened:
        one.close()


class Driver:
    """asyncpg, which prepares each statement once on a connection, and takes rows in PostgreSQL's binary format."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        """A connection in autocommit, which asyncpg's are unless one begins a transaction."""
        pooled = await self.engine.raw_connection()
        connection: asyncpg.Connection[Any] = pooled.driver_connection  # type: ignore[assignment]
        try:
            yield connection
        finally:
            if connection.is_closed():
                pooled.invalidate()
            else:
                pooled.close()

    async def one(self, id_: int) -> dataset.Record:
        async with self._connection() as connection:
            return _record(await connection.fetchrow(rows.ONE, id_))

    async def many(self, ids: Sequence[int]) -> list[dataset.Record]:
        async with self._connection() as connection:
            return rows.arranged(ids, map(_record, await connection.fetch(rows.MANY, ids)))

    async def search(self, category: str, limit: int) -> list[dataset.Record]:
        async with self._connection() as connection:
            return rows.owned(map(tuple, await connection.fetch(rows.SEARCH, category, limit)))

    async def update(self, id_: int) -> dataset.Record:
        async with self._connection() as connection, connection.transaction():
            found = _record(await connection.fetchrow(rows.LOCKED, id_))
            found["count"] = rows.counted_up(found["count"])
            await connection.execute(rows.UPDATE, id_, found["count"])
        return found


def _record(row: asyncpg.Record | None) -> dataset.Record:
    return rows.record(None if row is None else tuple(row))


class Orm:
    """A session for each request, which begins a transaction and ends it."""

    def __init__(self, engine: AsyncEngine) -> None:
        # What is answered is what was written: without this a commit would have it read again.
        self.session = async_sessionmaker(engine, expire_on_commit=False)

    async def one(self, id_: int) -> dataset.Record:
        async with self.session() as session:
            return orm_models.values(await session.get(orm_models.Record, id_))

    async def many(self, ids: Sequence[int]) -> list[dataset.Record]:
        async with self.session() as session:
            return rows.arranged(ids, map(orm_models.values, await session.scalars(orm_models.with_ids(ids))))

    async def search(self, category: str, limit: int) -> list[dataset.Record]:
        async with self.session() as session:
            return [orm_models.owned_values(one) for one in await session.scalars(orm_models.in_category(category, limit))]

    async def update(self, id_: int) -> dataset.Record:
        async with self.session.begin() as session:
            found = await session.get(orm_models.Record, id_, with_for_update=True)
            if found is None:
                raise rows.NoRowError
            found.count = rows.counted_up(found.count)
        return orm_models.values(found)
