"""What a run records of its warm-ups."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WarmUpRecord:
    """A cell's load after a start of the servers, which is thrown away. start: the number of the start, from 1; lasted_ms, requests: of the load.
    steady_after_ms, steady_after_requests: when the level of CPU time per request began that lasted to its end, null where none lasted for half of it.
    first_permille: CPU time of its first requests, against that level."""

    contestant: str
    route: str
    connections: int
    rate_per_s: int | None
    start: int
    lasted_ms: int
    requests: int
    steady_after_ms: int | None
    steady_after_requests: int | None
    first_permille: int | None
