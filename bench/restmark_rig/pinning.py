"""Which CPUs serve and which ask: disjoint, so that neither takes time from the other."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Pinning:
    """None: not pinned, as there is only one CPU."""

    server: frozenset[int] | None
    client: frozenset[int] | None

    @property
    def workers(self) -> int:
        """As many as the server has CPUs."""
        return len(self.server) if self.server else 1


def halves() -> Pinning:
    """The CPUs that this process may use in two halves; the server gets the odd one."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        return Pinning(None, None)
    middle = len(cpus) // 2
    # CPU 0 tends to have the interrupts: it goes to the client.
    return Pinning(frozenset(cpus[middle:]), frozenset(cpus[:middle]))
