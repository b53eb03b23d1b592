"""Memory of processes that are not a contestant's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path


def pss_kib(pids: Iterable[int]) -> int:
    """Memory of the processes together, each page divided by those that map it, KiB. Those that have ended have none."""
    total = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
                name, value = line.split(":")
                if name == "Pss":
                    total += int(value.split()[0])
    return total
