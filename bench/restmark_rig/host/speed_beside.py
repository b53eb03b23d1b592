"""How fast CPUs are while something else is measured on them, by a fixed piece of the rig's own work that is done there again and again.

A neighbour of a virtual machine, or a busy sibling thread, moves what everything costs by half, for a tenth of a second or for minutes, and no
counter of the kernel's tells. The work takes some 3 % of a CPU, and its memory goes through the caches; it is the same for whoever is measured.
"""

from __future__ import annotations

import os
import statistics
import threading
from collections.abc import Iterable
from types import TracebackType

from . import reference_work

_EVERY_S = 0.0125  # four in the shortest time of which a mean is asked


class SpeedBeside:
    """For the length of a with block, on each of these CPUs. None of them: nothing is done, and nothing known."""

    def __init__(self, cpus: Iterable[int]) -> None:
        self._found: list[list[int]] = []
        self._lock, self._done = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(cpu, place), name=f"speed of CPU {cpu}") for place, cpu in enumerate(sorted(cpus))]

    def __enter__(self) -> SpeedBeside:
        self._found = [[] for _ in self._threads]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def take_ns(self) -> float | None:
        """CPU time of the work since this was last asked, nanoseconds: the mean of the CPUs' medians; None if it was not done on one of them."""
        with self._lock:
            found, self._found = self._found, [[] for _ in self._threads]
        if not found or not all(found):
            return None
        return statistics.fmean(map(statistics.median, found))

    def _work(self, cpu: int, place: int) -> None:
        os.sched_setaffinity(0, {cpu})  # of this thread
        while not self._done.wait(_EVERY_S):
            taken = reference_work.once_ns()
            with self._lock:
                self._found[place].append(taken)
