"""What a run records of its back ends: which they were, and what they did in each round."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class BackEndUse:
    """What the back ends did while a round's requests were under way. database_cpu_ns, cache_cpu_ns: user + system time of all their
    processes, null where they are the user's own. statements: that the database executed, but for transactions: BEGIN, COMMIT and ROLLBACK.
    rows: read and written. commands: of the cache. Null: not counted."""

    database_cpu_ns: int | None = None
    cache_cpu_ns: int | None = None
    statements: int | None = None
    transactions: int | None = None
    rows: int | None = None
    commands: int | None = None

    @property
    def cpu_ns(self) -> int | None:
        """CPU time of both together; None where neither is known."""
        known = [ns for ns in (self.database_cpu_ns, self.cache_cpu_ns) if ns is not None]
        return sum(known) if known else None


@dataclass(frozen=True)
class BackEndRecord:
    """A back end of a run. name: database or cache. own: the user's, and not one that was started. cpus: where it ran, null where it was not
    pinned or is the user's. shares_with: whose CPUs these are too, "client" or "server", else empty. connections_per_worker: that each server
    was allowed. settings: those that a figure depends on, durability above all, as it says them itself."""

    name: str
    version: str
    own: bool
    cpus: list[int] | None
    shares_with: str
    connections_per_worker: int
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BackEndFootprint:
    """What a contestant, alone and loaded, holds of the back ends. database_memory_kib: of the database's processes for its connections, each
    page divided by those that map it, null where they are the user's own."""

    contestant: str
    database_connections: int
    cache_connections: int
    database_memory_kib: int | None
