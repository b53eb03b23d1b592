"""What the options say of back ends."""

from __future__ import annotations

from ...backends import addresses
from ...backends.back_ends import Wishes
from ...model import cpulist


def of(database_url: str | None, cache_url: str | None, database_connections: int, cpus: str | None) -> Wishes:
    """Raises UsageFault."""
    return Wishes(
        database=addresses.given(database_url, "--database-url", addresses.DATABASE_SCHEMES, "RESTMARK_DATABASE_PASSWORD"),
        cache=addresses.given(cache_url, "--cache-url", addresses.CACHE_SCHEMES, "RESTMARK_CACHE_PASSWORD"),
        database_connections=database_connections,
        cpus=cpulist.parse(cpus) if cpus else None,
    )
