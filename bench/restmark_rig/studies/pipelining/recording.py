"""The recording server of this study, and what it has seen."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...server.http_probe import Connection
from .. import neighbour
from ..lab import Lab
from ..neighbour import Neighbour
from .recorder import TOLD


@contextmanager
def recorder(lab: Lab) -> Iterator[Neighbour]:
    """The recording server, for the length of a with block; on the CPUs of servers."""
    port = neighbour.free_port()
    argv = [sys.executable, str(Path(__file__).with_name("recorder.py")), str(port)]
    with neighbour.running(lab, "recorder", argv, port, lab.pins.server) as running:
        yield running


def recorded(behind: Neighbour) -> dict[str, int]:
    """What the recording server has seen since the last look. Raises ProbeError."""
    with Connection("127.0.0.1", behind.port) as connection:
        seen: dict[str, int] = json.loads(connection.get(TOLD).body)
        return seen
