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
from contextlib import contextmanager
from pathlib import Path

DEVICE = Path("/dev/cpu_dma_latency")
LIMIT_US = 0  # no idle state but polling


@contextmanager
def limited() -> Iterator[int | None]:
    """Holds the limit for the length of the with block. Gives it in microseconds, or None where it may not be set."""
    try:
        device = os.open(DEVICE, os.O_WRONLY | os.O_CLOEXEC)  # without O_CREAT: where there is no such device, none is made
    except OSError:
        yield None
        return
    try:
        os.write(device, struct.pack("=i", LIMIT_US))
        yield LIMIT_US
    finally:
        os.close(device)


def settable() -> bool:
    """Whether limited() would be granted."""
    with limited() as limit_us:
        return limit_us is not None
