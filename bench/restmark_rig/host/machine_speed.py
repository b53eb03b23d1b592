"""How fast the machine is at this moment, by fixed pieces of work of the rig's own (see reference_work.py).

A neighbour on the same host, a busy sibling thread or a hot CPU make every program need more CPU time for the same work, by
half and more; and where a hypervisor moves the virtual CPUs apart, sending costs 2.5 times as much for a minute. No counter of
the kernel's tells. The work is done while the servers rest, before and after each turn, so it says nothing of a contestant.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..model.errors import EnvironmentFault
from . import reference_work
from .idle_latency import Awake
from .pinning import Pinning

# Of the server's CPUs, each with one of the client's: to look at more takes longer than the moment that is looked at, and a
# greatest of many readings is a noisy one.
_CPUS_MAX = 4
_FIRST_READINGS = 20
_QUIET_QUANTILE = 0.10  # of all readings: the fastest single one may be a whim of the clock
_PAUSE_S = 0.5
# What a request costs beside its bytes, as a part of a handover: GET / became 2 µs dearer where a handover became 49 µs dearer.
_REQUEST_PART = 0.04


@dataclass(frozen=True)
class Quiet:
    """CPU time of the pieces of work in quiet, nanoseconds; None: not known, or not looked at."""

    work_ns: int | None = None
    handover_ns: int | None = None


@dataclass(frozen=True)
class Slowdown:
    """How many times longer the pieces of work take than in quiet, 1 at least."""

    work: float = 1.0
    handover: float = 1.0

    def of(self, sending_share: float) -> float:
        """How many times longer a request takes, as far as the pieces of work tell.

        sending_share: how much of its CPU time is sending, for that alone depends on how far apart CPUs are.
        """
        return max(self.work, 1 + (self.handover - 1) * sending_share)

    def __or__(self, other: Slowdown) -> Slowdown:
        """The worse of two, for what lay between them."""
        return Slowdown(max(self.work, other.work), max(self.handover, other.handover))


class Reference:
    """All readings of one piece of work. measure: takes one, and is told whether the CPUs may have rested before it; known_ns: what
    it took in quiet earlier in an interrupted run."""

    def __init__(self, measure: Callable[[bool], int], known_ns: int | None) -> None:
        self._measure = measure
        self._quiet_ns = known_ns
        self._readings: list[int] = []

    def read(self, rested: bool = True) -> int:
        """Does the work; returns its CPU time, nanoseconds. Raises EnvironmentFault."""
        try:
            reading = self._measure(rested)
        except (OSError, RuntimeError) as error:  # a CPU that has gone, no thread, no loopback
            raise EnvironmentFault(
                f"can not look at the machine's speed: {error}", "restmark doctor says what this machine has"
            ) from error
        self._readings.append(reading)
        if len(self._readings) >= _FIRST_READINGS:
            # Once quiet, always quiet: a machine that is slow for long must not pass for quiet by and by.
            decile = sorted(self._readings)[int(len(self._readings) * _QUIET_QUANTILE)]
            self._quiet_ns = min(decile, self._quiet_ns or decile)
        return reading

    @property
    def quiet_ns(self) -> int:
        """CPU time of the work when the machine was quiet, nanoseconds: the least that the first decile of all readings was."""
        rested = True
        while len(self._readings) < _FIRST_READINGS:
            self.read(rested)
            rested = False
        assert self._quiet_ns is not None
        return self._quiet_ns

    def slowdown(self) -> float:
        """How many times longer the work takes now than in quiet, 1 at least."""
        return max(1.0, self.read() / self.quiet_ns)


class MachineSpeed:
    """The speed of the servers' machine in one run. idle: held by the run; known: from earlier in an interrupted run; work_ns: does the
    work there, None for this machine. To hand over between CPUs of two machines is the network's work, which is not looked at."""

    def __init__(
        self, pins: Pinning, idle: Awake, known: Quiet = Quiet(), work_ns: Callable[[list[int], bool], int] | None = None
    ) -> None:
        cpus = sorted(pins.server or os.sched_getaffinity(0))[:_CPUS_MAX]
        pairs = [] if pins.shared or pins.apart else list(zip(cpus, sorted(pins.client or ()), strict=False))
        self.idle = idle

        def handover_ns(rested: bool) -> int:
            # One pair of CPUs after the other, so that each rests while others work.
            return max(reference_work.handover_ns(*pair, rested or len(pairs) > 1) for pair in pairs)

        self._work = Reference(lambda rested: (work_ns or reference_work.work_ns)(cpus, rested), known.work_ns)
        self._handover = Reference(handover_ns, known.handover_ns) if pairs else None

    @property
    def quiet(self) -> Quiet:
        """What the pieces of work take in quiet, as far as it is known by now."""
        return Quiet(self._work.quiet_ns, self._handover.quiet_ns if self._handover else None)

    def look(self) -> None:
        """Takes one reading of each, so that more moments are known than that in which a run begins."""
        with self.idle.held():
            for reference in self._references():
                reference.read()

    def get_to_know(self, length_s: float, tell: Callable[[str], None]) -> None:
        """Looks for so long, with pauses: what is slow for a minute at first would pass for quiet else."""
        ends = time.monotonic() + length_s
        tell("getting to know the machine's speed")
        while time.monotonic() < ends:
            self.look()
            time.sleep(_PAUSE_S)

    def sending_share(self, answer_bytes: int, request_ns: float) -> float:
        """How much of a request's CPU time is sending its answer, estimated; request_ns: that time, 0 if it was too short to tell."""
        if self._handover is None:
            return 0.0
        sending_ns = self._handover.quiet_ns * (answer_bytes / reference_work.HANDOVER_BYTES + _REQUEST_PART)
        return min(1.0, sending_ns / request_ns) if request_ns else 1.0

    def slowdown(self) -> Slowdown:
        """How much slower the machine is now than in quiet. Takes some 0.1 s."""
        return Slowdown(self._work.slowdown(), self._handover.slowdown() if self._handover else 1.0)

    def _references(self) -> list[Reference]:
        return [self._work, *([self._handover] if self._handover else [])]
