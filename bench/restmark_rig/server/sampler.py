"""What the kernel knows about a window of load: whose CPU time it was, who waited for a CPU, who was held back."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..host import cgroup, machine
from ..host.pinning import Pinning

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class CpuTimes:
    """Of some CPUs together, nanoseconds (the kernel counts ticks of 10 ms).

    busy_ns: what processes are charged for, so that the rest of it after one's own is others'; irq_ns: of interrupts, soft
    ones included, which are mostly the network's work for the load.
    """

    busy_ns: int
    steal_ns: int
    irq_ns: int = 0


@dataclass(frozen=True)
class Counters:
    """What the kernel of a server's machine has counted until a moment; only differences mean something. at_ns: by that machine's clock;
    server_cpus: of the CPUs that were asked for; oom_kills: processes that it killed at the limit of the server's memory."""

    at_ns: int
    server_cpu_ns: int
    runqueue_wait_ns: int | None
    throttled_ns: int | None
    voluntary_switches: int
    involuntary_switches: int
    server_cpus: CpuTimes
    oom_kills: int = 0


@dataclass(frozen=True)
class Reading:
    """Counters at one moment, and the client's CPUs, which may be another machine's."""

    server: Counters
    client_cpus: CpuTimes

    @property
    def server_cpu_ns(self) -> int:
        """CPU time of the server so far."""
        return self.server.server_cpu_ns


@dataclass(frozen=True)
class Sample:
    """A window. server_cpus and client_cpus: use of the CPUs of each side, by anyone."""

    wall_ns: int
    server_cpu_ns: int
    runqueue_wait_ns: int | None
    throttled_ns: int | None
    voluntary_switches: int
    involuntary_switches: int
    server_cpus: CpuTimes
    client_cpus: CpuTimes
    oom_kills: int = 0


class Counted(Protocol):
    """A running server, wherever it runs."""

    def counters(self, cpus: frozenset[int] | None) -> Counters:
        """Its counters now, and the use of these CPUs of its machine, None for all that may be used there."""
        ...


class Sampler:
    """Reads the counters that belong to one running server. It takes no time within the window that it looks at."""

    def __init__(self, server: Counted, pins: Pinning) -> None:
        self._server = server
        self._server_cpus = pins.server
        self._client_cpus = pins.client or frozenset(os.sched_getaffinity(0))

    def read(self) -> Reading:
        """The counters now."""
        return Reading(self._server.counters(self._server_cpus), cpu_times(self._client_cpus))


def count(pid: int, pids: Sequence[int], cpu_ns: int, wait_ns: int, cpus: frozenset[int] | None, oom_kills: int = 0) -> Counters:
    """The counters of a server of this machine. pid: its main process; pids: all of them; cpu_ns, wait_ns: their CPU time, and wait for one, so far."""
    voluntary, involuntary = context_switches(pids)
    return Counters(
        at_ns=time.monotonic_ns(),
        server_cpu_ns=cpu_ns,
        runqueue_wait_ns=wait_ns if Path("/proc/self/schedstat").exists() else None,
        throttled_ns=throttled_ns(pid),
        voluntary_switches=voluntary,
        involuntary_switches=involuntary,
        server_cpus=cpu_times(cpus or os.sched_getaffinity(0)),
        oom_kills=oom_kills,
    )


def between(start: Reading, end: Reading) -> Sample:
    """The window from one reading to the next. What ended within it takes its counters along, hence never below 0."""

    def used(earlier: CpuTimes, later: CpuTimes) -> CpuTimes:
        return CpuTimes(
            max(0, later.busy_ns - earlier.busy_ns),
            max(0, later.steal_ns - earlier.steal_ns),
            max(0, later.irq_ns - earlier.irq_ns),
        )

    before, after = start.server, end.server
    return Sample(
        wall_ns=after.at_ns - before.at_ns,
        server_cpu_ns=max(0, after.server_cpu_ns - before.server_cpu_ns),
        runqueue_wait_ns=_grown(before.runqueue_wait_ns, after.runqueue_wait_ns),
        throttled_ns=_grown(before.throttled_ns, after.throttled_ns),
        voluntary_switches=max(0, after.voluntary_switches - before.voluntary_switches),
        involuntary_switches=max(0, after.involuntary_switches - before.involuntary_switches),
        server_cpus=used(before.server_cpus, after.server_cpus),
        client_cpus=used(start.client_cpus, end.client_cpus),
        oom_kills=max(0, after.oom_kills - before.oom_kills),
    )


def _grown(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else max(0, after - before)


def context_switches(pids: Iterable[int]) -> tuple[int, int]:
    """Voluntary and involuntary context switches of all threads of the processes. /proc/PID/status has one thread's."""
    counts = {"voluntary_ctxt_switches": 0, "nonvoluntary_ctxt_switches": 0}
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                for line in Path(f"/proc/{pid}/task/{thread}/status").read_text(errors="replace").splitlines():
                    name, _, value = line.partition(":")
                    if name in counts:
                        counts[name] += int(value)
    return counts["voluntary_ctxt_switches"], counts["nonvoluntary_ctxt_switches"]


def cpu_times(cpus: Iterable[int]) -> CpuTimes:
    """Use of these CPUs since boot, from /proc/stat."""
    return times_in(Path("/proc/stat").read_text(), cpus, machine.interrupts_counted_apart() is not False)


def times_in(stat: str, cpus: Iterable[int], irq_apart: bool) -> CpuTimes:
    """The same from the text of /proc/stat.

    irq_apart: whether the kernel charges no process for interrupts. Their time is then in no server's and no client's, though
    it comes with the load; counted as busy, it would pass for the time of others.
    """
    wanted = {f"cpu{number}" for number in cpus}
    busy = steal = interrupts = 0
    for line in stat.splitlines():
        name, *values = line.split()
        if name in wanted:
            user, nice, system, _idle, _iowait, irq, softirq, stolen = map(int, values[:8])
            busy += user + nice + system + (0 if irq_apart else irq + softirq)
            interrupts += irq + softirq
            steal += stolen
    return CpuTimes(busy * TICK_NS, steal * TICK_NS, interrupts * TICK_NS)


def throttled_ns(pid: int) -> int | None:
    """Time for which CPU quotas of the process's group, and of all groups above it, were used up.

    None where no group tells. A quota on a group above (a container's) holds the client as well as the server. That which the rig itself has
    put on the process's own group is left out: it is no disturbance.
    """
    try:
        mounts = cgroup.hierarchies("cpu", pid)
    except (FileNotFoundError, ProcessLookupError):
        return None
    folders = [folder for mount in mounts for folder in mount.groups() if not folder.name.startswith("restmark-")]
    found = [value for folder in folders if (value := _throttled_in(folder)) is not None]
    return sum(found) if found else None


def _throttled_in(folder: Path) -> int | None:
    """Version 2 counts throttled_usec, version 1's cpu controller throttled_time in nanoseconds."""
    try:
        lines = (folder / "cpu.stat").read_text().splitlines()
    except OSError:
        return None
    fields = dict(line.split() for line in lines)
    if "throttled_usec" in fields:
        return int(fields["throttled_usec"]) * 1000
    return int(fields["throttled_time"]) if "throttled_time" in fields else None
