"""Redis, by redis-py's asynchronous client."""

from __future__ import annotations

import dataset
import record_cache
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


class RecordCache:
    def __init__(self, url: str, connections: int, records: int) -> None:
        # A request waits for a connection that another one has; the plain pool would refuse it. One that is lost is opened anew at once.
        pool = BlockingConnectionPool.from_url(url, max_connections=connections, timeout=None, retry=Retry(NoBackoff(), 1))
        self.client = Redis(connection_pool=pool)
        self.keys = record_cache.keys(records)

    async def open(self) -> None:
        """Opens the connection. Raises one of record_cache.AWAY."""
        await self.client.ping()

    async def records(self, count: int) -> list[dataset.Record]:
        """The first so many records, decoded from what one MGET answers."""
        if count == 0:
            return []
        asked = self.keys[:count]
        return record_cache.decoded(asked, await self.client.mget(asked))
