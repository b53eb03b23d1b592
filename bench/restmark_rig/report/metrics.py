"""The figures of a round: what is compared, in which direction it is better, and which verdicts leave it standing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..results import CLIENT_BOUND, Cell, Round


@dataclass(frozen=True)
class Metric:
    """of: the figure of one round, None where it can not be had; tolerates: verdicts of a cell that do not touch it."""

    key: str
    title: str
    unit: str
    higher_is_better: bool
    of: Callable[[Round], float | None]
    tolerates: frozenset[str] = frozenset()

    def samples(self, cell: Cell) -> dict[int, float]:
        """Round number to figure, for the rounds that have one."""
        figures = {entry.round: self.of(entry) for entry in cell.rounds}
        return {number: figure for number, figure in figures.items() if figure is not None}

    def stands(self, cell: Cell) -> bool:
        """Whether the cell may be ranked by this figure."""
        return bool(cell.rounds) and set(cell.verdict_names) <= self.tolerates


def _requests_per_s(entry: Round) -> float | None:
    return entry.requests * 1e6 / entry.duration_us


def _cpu_us_per_request(entry: Round) -> float | None:
    """None also for 0 ns: no clock is that good, the accounting was too coarse for the round."""
    return entry.server_cpu_ns / 1e3 / entry.requests if entry.requests and entry.server_cpu_ns else None


def _client_us_per_request(entry: Round) -> float | None:
    return entry.client_cpu_ns / 1e3 / entry.requests if entry.requests and entry.client_cpu_ns else None


def _mib_per_s(entry: Round) -> float | None:
    return entry.bytes / 2**20 / (entry.duration_us / 1e6)


def latency(percentile: str) -> Metric:
    """Latency at a percentile ("50", "99.9"), microseconds."""

    def of(entry: Round) -> float | None:
        return entry.latency.quantiles_us.get(percentile) if entry.latency else None

    return Metric(f"p{percentile}_us", f"p{percentile}", "µs", False, of)


REQUESTS_PER_S = Metric("requests_per_s", "Requests/s", "requests/s", True, _requests_per_s)
CPU_US_PER_REQUEST = Metric(
    "cpu_us_per_request", "CPU µs/request", "µs", False, _cpu_us_per_request, frozenset({CLIENT_BOUND})
)
CLIENT_US_PER_REQUEST = Metric(
    "client_us_per_request", "Client CPU µs/request", "µs", False, _client_us_per_request, frozenset({CLIENT_BOUND})
)
MIB_PER_S = Metric("mib_per_s", "MiB/s", "MiB/s", True, _mib_per_s)
PERCENTILES = ("50", "75", "90", "95", "99", "99.9")
