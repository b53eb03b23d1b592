"""A Redis that has the records, and the rig's own connection to it."""

from __future__ import annotations

from typing import Any

from ..host.supervised import SupervisedProcess
from ..model.errors import EnvironmentFault
from ..store.dataset import Dataset
from . import tables
from .addresses import Address
from .statements import Counts

RIG = "restmark-rig"
_OURS = "restmark:made-by-restmark"  # a key that says so
_TIMEOUT_S = 10
_OWN_COMMANDS = ("cmdstat_info", "cmdstat_client", "cmdstat_config", "cmdstat_hello", "cmdstat_auth", "cmdstat_select", "cmdstat_ping")


def connect(address: Address) -> Any:
    """A client of the rig's. Raises EnvironmentFault."""
    try:
        import redis
    except ModuleNotFoundError:
        raise EnvironmentFault("the Python package redis is missing, by which the rig reads the cache", "restmark setup backends") from None
    secret = {"password": address.password} if address.password else {}
    client = redis.Redis.from_url(address.url, client_name=RIG, socket_timeout=_TIMEOUT_S, **secret)
    try:
        client.ping()
    except redis.RedisError as error:
        raise EnvironmentFault(f"no connection to the cache: {error}", "see that it runs and lets you in: redis-cli with the same URL") from None
    return client


class KeyValues:
    """The cache of a run. process: None for the user's own."""

    def __init__(self, address: Address, process: SupervisedProcess | None = None) -> None:
        """Raises EnvironmentFault."""
        self.address = address
        self._process = process
        self._client = connect(address)
        self.version = str(self._client.info("server")["redis_version"])
        self._filled = 0

    def close(self) -> None:
        """Ends the rig's connection."""
        self._client.close()

    def fill(self, data: Dataset) -> None:
        """Puts the dataset's records in. Raises EnvironmentFault if there are keys of these names that restmark has not put there."""
        values = tables.values(data)
        if not self._client.exists(_OURS) and self._client.exists(tables.key(0)):
            raise EnvironmentFault(
                f"the cache has a key {tables.key(0)} that restmark has not put there; a run would overwrite it",
                "name an empty database with --cache-url, such as redis://localhost:6379/9",
            )
        self._client.set(_OURS, "1")
        if values:
            self._client.mset(values)
        self._filled = len(values)
        if self._process is not None:
            self._client.save()  # a snapshot now, so that none falls due while somebody is measured

    def drop(self) -> None:
        """Takes the keys out again, of the user's own cache."""
        names = [_OURS, *(tables.key(number) for number in range(self._filled))]
        for begin in range(0, len(names), 1000):
            self._client.delete(*names[begin : begin + 1000])

    def get(self, number: int) -> bytes | None:
        """The value of a record's key."""
        value: bytes | None = self._client.get(tables.key(number))
        return value

    def values(self, count: int) -> list[bytes | None]:
        """The values of the first keys."""
        return list(self._client.mget([tables.key(number) for number in range(count)])) if count else []

    def put(self, number: int, value: bytes | None) -> None:
        """Changes a record's value; None takes the key out."""
        if value is None:
            self._client.delete(tables.key(number))
        else:
            self._client.set(tables.key(number), value)

    def counts(self) -> Counts:
        """Commands so far that read or write keys. The rig's own are among them: it sends none while it measures."""
        stats = self._client.info("commandstats")
        return Counts(commands=sum(entry["calls"] for name, entry in stats.items() if not name.startswith(_OWN_COMMANDS)))

    def settings(self) -> dict[str, str]:
        """What figures depend on, as it says itself; nothing where it may not be asked."""
        import redis

        try:
            return {name: str(self._client.config_get(name)[name]) for name in ("save", "appendonly", "maxmemory-policy", "io-threads")}
        except redis.ResponseError:
            return {}

    def connections(self) -> list[dict[str, str]]:
        """Those of others than the rig, as CLIENT LIST has them."""
        return [entry for entry in self._client.client_list() if entry["name"] != RIG]

    def end_connections(self) -> int:
        """Ends all connections of others than the rig; returns how many there were."""
        found = self.connections()
        for entry in found:
            self._client.client_kill_filter(_id=entry["id"])
        return len(found)

    def cpu_ns(self) -> int | None:
        """CPU time of the cache so far, nanoseconds; None where it is the user's own."""
        return self._process.scope.cpu_ns() if self._process is not None else None
