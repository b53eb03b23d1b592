"""Records of the machines that make a run's load, where these are others than the rig's own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LoadMachine:
    """A machine that took part. name: as the host file or the machine itself says; cpus: that its load may use; tool: its restmark-load;
    clock_offset_us: how far its wall clock was ahead of the coordinator's when the run began, and clock_error_us how far off that may be."""

    name: str
    hostname: str
    kernel: str
    architecture: str
    cpus: int
    tool: str
    clock_offset_us: int
    clock_error_us: int


@dataclass(frozen=True)
class MachineRound:
    """What one machine did in a round. Microseconds, as its own clocks count them; latencies from the intended times at a fixed rate.

    lost: why nothing came of it, empty for a machine that did its share: all figures are None or 0 then. requests and drained_requests:
    as a round's. rate_per_s: its share of a fixed rate. wait_ns: time in which its load had no CPU. late: its requests were sent so late
    that latencies are not the server's alone, by its quantiles late_p50_us and late_p99_us. start_late_us: behind the common instant.
    """

    name: str
    lost: str = ""
    connections: int = 0
    threads: int = 0
    requests: int = 0
    drained_requests: int = 0
    errors: int = 0
    duration_us: int = 0
    total_us: int = 0
    rate_per_s: float | None = None
    cpu_ns: int = 0
    wait_ns: int | None = None
    p50_us: int | None = None
    p99_us: int | None = None
    late: bool = False
    late_p50_us: int | None = None
    late_p99_us: int | None = None
    start_late_us: int | None = None
    clock_offset_us: int = 0

    @property
    def requests_per_s(self) -> float:
        """Right answers while it was sending."""
        return self.requests * 1e6 / self.duration_us if self.duration_us else 0.0

    @property
    def cpu_share(self) -> float:
        """Share of the time in which its threads worked; 1 is all that they can do."""
        return self.cpu_ns / 1e3 / self.total_us / self.threads if self.total_us and self.threads else 0.0

    @property
    def wait_share(self) -> float:
        """Share of the time in which its threads could run and others had the CPU."""
        return (self.wait_ns or 0) / 1e3 / self.total_us / self.threads if self.total_us and self.threads else 0.0

    @property
    def busy_share(self) -> float:
        """Both."""
        return self.cpu_share + self.wait_share

    @property
    def drain_us(self) -> int:
        """From the end of sending to the last answer."""
        return self.total_us - self.duration_us
