"""What a server may use at most: the same for every contestant of a run. Standard library only."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import UsageFault

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
MEMORY_MIN = 1 << 20
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """None: no limit. cpus: so many CPUs' worth of time, wherever it runs; memory_bytes: all its processes, their files in the page cache included."""

    cpus: float | None = None
    memory_bytes: int | None = None

    def __bool__(self) -> bool:
        return self.cpus is not None or self.memory_bytes is not None

    @property
    def text(self) -> str:
        """ "2 CPUs and 512 MiB"."""
        parts = [] if self.cpus is None else [f"{self.cpus:g} CPU{'' if self.cpus == 1 else 's'}"]
        parts += [] if self.memory_bytes is None else [f"{self.memory_bytes / (1 << 20):.4g} MiB"]
        return " and ".join(parts)


UNLIMITED = Limits()


def parse_memory(text: str) -> int:
    """Bytes from 512M, 1.5GiB or 536870912; units are powers of 1024. Raises UsageFault."""
    found = _MEMORY.fullmatch(text.strip())
    size = round(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if size < MEMORY_MIN:
        raise UsageFault(f"{text!r} is no amount of memory for a server", "write e.g. 512M or 2G; a mebibyte is the least")
    return size
