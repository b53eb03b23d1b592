"""Keeps all CPUs awake while something is measured.

A CPU that falls asleep between two requests comes back slowly: its clock has to rise again, and a virtual one may find another
machine's work on its core. The kernel's power management (PM QoS) leaves out every idle state that takes longer to wake from
than what a process asks for, as long as that process holds the file open.
https://docs.kernel.org/power/pm_qos_interface.html
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

DEVICE = Path("/dev/cpu_dma_latency")
LIMIT_US = 0  # no idle state but polling


class Awake(Protocol):
    """Keeps the CPUs of one or several machines awake."""

    def held(self) -> AbstractContextManager[int | None]:
        """For the length of the with block; gives the limit in microseconds, None where it may not be set."""
        ...


class IdleLatency:
    """A limit on the time that idle CPUs take to wake. Not held at first."""

    def __init__(self) -> None:
        self._device: int | None = None

    @contextmanager
    def held(self) -> Iterator[int | None]:
        """Holds the limit for the length of the with block. Gives it in microseconds, or None where it may not be set.

        Within another one of the same object it changes nothing.
        """
        if self._device is not None:
            yield LIMIT_US
            return
        self._hold()
        try:
            yield None if self._device is None else LIMIT_US
        finally:
            self._let_go()

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Within held(): lets the CPUs sleep for the length of the with block."""
        was_held = self._device is not None
        self._let_go()
        try:
            yield
        finally:
            if was_held:
                self._hold()

    def _hold(self) -> None:
        try:
            # Without O_CREAT: where there is no such device, none is made.
            self._device = os.open(DEVICE, os.O_WRONLY | os.O_CLOEXEC)
            os.write(self._device, struct.pack("=i", LIMIT_US))
        except OSError:
            self._let_go()

    def _let_go(self) -> None:
        if self._device is not None:
            os.close(self._device)
            self._device = None


def settable() -> bool:
    """Whether a limit would be granted."""
    with IdleLatency().held() as limit_us:
        return limit_us is not None
