"""What the rig needs of a program that makes load; runs and studies know no more of it.

A module with this function is one: load (restmark-load) and wrk are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .load import LoadPlan, LoadResult, SoFar


class LoadEngine(Protocol):
    """Makes loads, one at a time."""

    def run(self, plan: LoadPlan, begin: Callable[[], None] | None = None) -> LoadResult:
        """Loads the server as planned, until the last answer has come in.

        begin is called when the load is about to begin, with connections open if the program tells when they are: what a
        caller reads there and after run() has returned is of the load alone.

        Raises NotAnswered if the server does not answer rightly when it is asked beforehand, UsageFault for a plan that the
        program can not make, EnvironmentFault if the program fails.
        """
        ...


class WatchedEngine(LoadEngine, Protocol):
    """One that tells how far it is, and can be ended."""

    def run(
        self, plan: LoadPlan, begin: Callable[[], None] | None = None, every: Callable[[SoFar], bool | None] | None = None
    ) -> LoadResult:
        """The same; every is called as often as the plan says, and ends the sending when it returns True."""
        ...
