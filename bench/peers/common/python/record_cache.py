"""What the synchronous peers on real back ends ask Redis, by redis-py."""

from __future__ import annotations

from typing import Any

import dataset
from msgpack import unpackb
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisAwayError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

AWAY = (RedisAwayError, RedisTimeoutError)


class BadValueError(ValueError):
    """A key that is missing, or a value that is no record."""


def keys(records: int) -> list[str]:
    """The keys of the dataset's records, in their order."""
    return [f"record:{number}" for number in range(records)]


def decoded(asked: list[str], values: list[Any]) -> list[dataset.Record]:
    """The records of the values of the keys. Raises BadValueError."""
    if None in values:
        raise BadValueError(f"{asked[values.index(None)]} is missing")
    try:
        found = [unpackb(value) for value in values]
    except Exception as error:  # msgpack raises types of its own, and UnicodeDecodeError
        raise BadValueError(f"a value that is no record: {error}") from error
    for number, one in enumerate(found):
        if type(one) is not dict:
            raise BadValueError(f"{asked[number]} is no record")
    return found


class RecordCache:
    def __init__(self, url: str, connections: int, records: int) -> None:
        # A connection that is lost is opened anew at once; the default would wait between three attempts, and all other requests with it.
        self.client = Redis.from_url(url, max_connections=connections, retry=Retry(NoBackoff(), 1))
        self.keys = keys(records)

    def open(self) -> None:
        """Opens the connection. Raises one of AWAY."""
        self.client.ping()

    def records(self, count: int) -> list[dataset.Record]:
        """The first so many records, decoded from what one MGET answers."""
        if count == 0:
            return []
        asked = self.keys[:count]
        return decoded(asked, self.client.mget(asked))
