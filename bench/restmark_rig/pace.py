"""How fast the machine is at this moment: the CPU time of a fixed piece of work on the server's CPUs.

A neighbour on the same host, a busy sibling thread or a hot CPU make every program need more CPU time for the same work, by
half and more, and no counter of the kernel's tells. The work is the rig's own and is done while the server rests, before and
after a load, so it says nothing of the contestant: a visit may be repeated for what the machine did, never for its figure.
"""

from __future__ import annotations

import os
import random
import statistics
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

# Compression is branches, table look-ups and memory traffic within a core's caches, as servers' work is. Of several ways to
# spend a millisecond it followed the cost of requests on a disturbed machine most closely; a chain of dependent additions
# hardly shows a busy sibling thread.
_BYTES = 64 * 1024
_REPEATS = 15
# A CPU that has rested runs slowly at first: after 20 ms of rest the work took 1.5 times as long, and came down within 20 to
# 50 ms of work. A server under load does not rest.
_RAMP_S = 0.05
_FIRST_READINGS = 20
_QUIET_QUANTILE = 0.10  # of all readings: the fastest single one may be a whim of the clock
_WAIT_S = 0.1


def _material() -> bytes:
    rng = random.Random(1)
    words = [f"{rng.getrandbits(20):x}".encode() for _ in range(400)]
    return b" ".join(rng.choice(words) for _ in range(_BYTES // 4))[:_BYTES]


class Pace:
    """Readings of the machine's pace in one run. cpus: the server's, None for all that this process may use."""

    def __init__(self, cpus: frozenset[int] | None) -> None:
        self._cpus = sorted(cpus or os.sched_getaffinity(0))
        self._material = _material()
        self._readings: list[int] = []

    @property
    def quiet_ns(self) -> int:
        """CPU time of the work when the machine was quiet, nanoseconds: the first decile of all readings."""
        while len(self._readings) < _FIRST_READINGS:
            self._read()
        return sorted(self._readings)[int(len(self._readings) * _QUIET_QUANTILE)]

    def slowdown(self) -> float:
        """How many times longer the work takes now than in quiet; the slowest CPU counts. Takes some 60 ms."""
        return max(1.0, self._read() / self.quiet_ns)

    def wait_for_quiet(self, above: float, limit_s: float) -> float:
        """Waits until the slowdown is `above` at most, but no longer than limit_s; returns the last one."""
        deadline = time.monotonic() + limit_s
        while (now := self.slowdown()) > above and time.monotonic() < deadline:
            time.sleep(_WAIT_S)  # what disturbs is not ours to wait for: look again
        return now

    def _read(self) -> int:
        # All at once, as a server keeps them busy; a thread's affinity is its own.
        with ThreadPoolExecutor(len(self._cpus)) as threads:
            reading = max(threads.map(self._on, self._cpus))
        self._readings.append(reading)
        return reading

    def _on(self, cpu: int) -> int:
        os.sched_setaffinity(0, {cpu})
        ramp_ends = time.monotonic() + _RAMP_S
        while time.monotonic() < ramp_ends:
            self._work_ns()
        return round(statistics.median(self._work_ns() for _ in range(_REPEATS)))

    def _work_ns(self) -> int:
        started_ns = time.thread_time_ns()
        zlib.compress(self._material, 1)
        return time.thread_time_ns() - started_ns
