"""The figures of a round: what is compared, in which direction it is better, and which verdicts take its rank.

Doubt takes no rank: it widens intervals. Only wrong answers and failures do, because then the figure is not one of the
work; and a client, or a database, that set the pace takes the ranks of what it paced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..model.results import BYTE_MISMATCH, CENSORED, CLIENT_BOUND, DATABASE_BOUND, ERRORS, LOST_CLIENT, Cell, Round
from . import latencies

WRONG = frozenset({BYTE_MISMATCH, ERRORS})
PACED = frozenset((CLIENT_BOUND, LOST_CLIENT, DATABASE_BOUND))  # by somebody else than the server


@dataclass(frozen=True)
class Metric:
    """of: the figure of one round, None where it can not be had; takes_rank: verdicts of a cell with which it is no figure
    to be ranked; tolerates: verdicts that do not touch it at all, and are not shown beside it. grows_with_connections:
    what is asked over fewer of them can not be compared. is_cpu_time: CPUs that others had do not lengthen it. in_blocks:
    the figure by the number of the first of a few rounds that have it together, where single ones have too little of it; whole: of
    all of a cell's rounds, None where the median of its samples stands for it."""

    key: str
    title: str
    unit: str
    higher_is_better: bool
    of: Callable[[Round], float | None]
    takes_rank: frozenset[str] = WRONG
    tolerates: frozenset[str] = frozenset()
    grows_with_connections: bool = False
    is_cpu_time: bool = False
    in_blocks: Callable[[Cell], dict[int, float]] | None = None
    whole: Callable[[Cell], float | None] | None = None

    def samples(self, cell: Cell) -> dict[int, float]:
        """Round number to figure, for the rounds (or blocks of them) that have one."""
        if self.in_blocks is not None:
            return self.in_blocks(cell)
        figures = {entry.round: self.of(entry) for entry in cell.rounds}
        return {number: figure for number, figure in figures.items() if figure is not None}

    def stands(self, cell: Cell) -> bool:
        """Whether the cell may be ranked by this figure."""
        return bool(cell.rounds) and not self.takes_rank & set(cell.verdict_names)

    def is_lower_limit(self, cell: Cell) -> bool:
        """Whether the client or a back end set the pace and nothing else is wrong, so that the server can do as much at least."""
        found = self.takes_rank & set(cell.verdict_names)
        return self.higher_is_better and bool(found) and found <= PACED


def _requests_per_s(entry: Round) -> float | None:
    return entry.requests * 1e6 / entry.duration_us


def _cpu_us_per_request(entry: Round) -> float | None:
    """None also for 0 ns: no clock is that good, the accounting was too coarse for the round."""
    return entry.server_cpu_ns / 1e3 / entry.all_requests if entry.all_requests and entry.server_cpu_ns else None


def _client_us_per_request(entry: Round) -> float | None:
    return entry.client_cpu_ns / 1e3 / entry.all_requests if entry.all_requests and entry.client_cpu_ns else None


def _mib_per_s(entry: Round) -> float | None:
    """The bytes are of all answers, and some of these came in after the time."""
    in_time = entry.requests / entry.all_requests if entry.all_requests else 1.0
    return entry.bytes * in_time / 2**20 / (entry.duration_us / 1e6)


def latency(percentile: str) -> Metric:
    """Latency at a percentile ("50", "99.9"), microseconds."""

    def of(entry: Round) -> float | None:
        return entry.latency.quantiles_us.get(percentile) if entry.latency else None

    return Metric(
        f"p{percentile}_us",
        f"p{percentile}",
        "µs",
        False,
        of,
        WRONG | PACED | {CENSORED},
        grows_with_connections=True,
        in_blocks=lambda cell: latencies.by_block(cell, percentile),
        whole=lambda cell: latencies.whole(cell, percentile),
    )


_PACED = WRONG | PACED
REQUESTS_PER_S = Metric("requests_per_s", "Requests/s", "requests/s", True, _requests_per_s, _PACED)
CPU_US_PER_REQUEST = Metric(
    "cpu_us_per_request", "CPU µs/request", "µs", False, _cpu_us_per_request, tolerates=PACED, is_cpu_time=True
)
CLIENT_US_PER_REQUEST = Metric(
    "client_us_per_request",
    "Client CPU µs/request",
    "µs",
    False,
    _client_us_per_request,
    tolerates=PACED,
    is_cpu_time=True,
)
MIB_PER_S = Metric("mib_per_s", "MiB/s", "MiB/s", True, _mib_per_s, _PACED)
PERCENTILES = ("50", "75", "90", "95", "99", "99.9")
