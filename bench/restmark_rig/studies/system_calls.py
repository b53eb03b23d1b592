"""What the kernel has counted of a server's reads and writes. Calls of recv() and send() are in neither count."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Calls:
    """Calls of read() and write() and their like so far, of processes that are alive: syscr and syscw of /proc/PID/io."""

    reads: int
    writes: int

    def since(self, before: Calls) -> Calls:
        """Those in between; of processes that have ended meanwhile nothing is known."""
        return Calls(max(0, self.reads - before.reads), max(0, self.writes - before.writes))


def of(pids: Iterable[int]) -> Calls:
    """The sums of the processes. One that has ended, or may not be looked at, counts for nothing."""
    reads = writes = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            fields = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines())
            reads += int(fields["syscr"])
            writes += int(fields["syscw"])
    return Calls(reads, writes)
