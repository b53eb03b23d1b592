"""Which CPUs serve and which ask: disjoint, so that neither takes time from the other."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .cpulist import render
from .errors import UsageFault


@dataclass(frozen=True)
class Pinning:
    """None: not pinned, as there is only one CPU."""

    server: frozenset[int] | None
    client: frozenset[int] | None

    @property
    def workers(self) -> int:
        """As many as the server has CPUs."""
        return len(self.server) if self.server else 1

    @property
    def shared(self) -> bool:
        """Whether server and client take time from each other."""
        return self.server is None or self.client is None or bool(self.server & self.client)


def halves() -> Pinning:
    """The CPUs that this process may use in two halves; the server gets the odd one."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        return Pinning(None, None)
    middle = len(cpus) // 2
    # CPU 0 tends to have the interrupts: it goes to the client.
    return Pinning(frozenset(cpus[middle:]), frozenset(cpus[:middle]))


def chosen(server: frozenset[int] | None, client: frozenset[int] | None) -> Pinning:
    """As the user says; the side that he leaves out gets the rest, and halves if he leaves out both.

    Raises UsageFault if nothing is left.
    """
    if server is None and client is None:
        return halves()
    everything = frozenset(os.sched_getaffinity(0))
    given = server or client or frozenset()
    if (server is None or client is None) and not everything - given:
        raise UsageFault(
            f"the CPUs {render(given)} are all that there are: none is left for the other side",
            "name fewer of them, or name both --server-cpus and --client-cpus",
        )
    return Pinning(server or everything - given, client or everything - given)
