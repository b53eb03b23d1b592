"""A study that the rig knows nothing of, as an example: what a keep-alive request costs two servers, a few loads of each in turn.

All that it takes is imported: contestants from their folders, servers started and stopped, load, and the statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from restmark_rig.contestants import contestant
from restmark_rig.contestants.cache import Cache
from restmark_rig.load import load
from restmark_rig.load.load import LoadPlan
from restmark_rig.model import stats
from restmark_rig.model.stats import Estimate
from restmark_rig.server.launcher import RunningServer, StartOptions, launch


def cpu_us(server: RunningServer, target: str, seconds: float) -> float:
    """Server CPU time of a request, microseconds. Raises NotAnswered if the server does not answer rightly."""
    before_ns = server.cpu_ns()
    result = load.run(LoadPlan(server.host, server.port, target, connections=2, duration_s=seconds))
    return (server.cpu_ns() - before_ns) / 1000 / result.requests


def ratio(folders: Sequence[Path], dataset: Path, cache: Cache, rounds: int, seconds: float = 0.1) -> Estimate:
    """The second server's cost of a request to the first's."""
    with ExitStack() as stack:
        servers = [stack.enter_context(launch(contestant.load(folder), StartOptions(dataset, workers=1), cache)) for folder in folders]
        figures = [[cpu_us(server, "/", seconds) for server in servers] for _ in range(rounds)]
    first, second = zip(*figures, strict=True)
    return stats.ratio(second, first, paired=True)
