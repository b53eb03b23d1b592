"""Load on a server by wrk, without pipelining, and its exact figures."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from . import load_process, ports, proctree
from .errors import EnvironmentFault

_SCRIPT = Path(__file__).with_name("load.lua")
_MARKER = "restmark-load "
_GRACE_S = 30.0
_READY_DEADLINE_S = 10.0
_POLL_S = 0.005


@dataclass(frozen=True)
class LoadPlan:
    """One run of wrk. `timeout_s` is the longest answer that still counts; slower ones are errors, not latencies.

    wrk counts timeouts in whole seconds. `duration_s` may be a fraction; what counts is the length that wrk reports.
    cpus: where it may run, None for everywhere.
    """

    host: str
    port: int
    target: str
    connections: int
    duration_s: float
    cpus: frozenset[int] | None = None
    timeout_s: float = 30.0

    @property
    def threads(self) -> int:
        """How many threads make the load."""
        return threads_for(self.connections, len(self.cpus or os.sched_getaffinity(0)))


@dataclass(frozen=True)
class LoadResult:
    """What the client saw. Bytes are those received, heads and all; times are microseconds, 0 without an answer."""

    duration_us: int
    requests: int
    bytes: int
    connect_errors: int
    read_errors: int
    write_errors: int
    status_errors: int  # answers above 399
    timeouts: int
    latency_min_us: int
    latency_max_us: int
    latency_mean_us: float
    latency_quantiles_us: dict[str, int]  # "50", "99", "99.9" …
    client_cpu_ns: int
    client_wait_ns: int | None = None  # time in which the client's threads could run and had no CPU; None: not known
    threads: int = 1  # of the client

    @property
    def errors(self) -> int:
        return self.connect_errors + self.read_errors + self.write_errors + self.status_errors + self.timeouts

    @property
    def answers(self) -> int:
        """Those that came in time."""
        return self.requests - self.timeouts

    @property
    def requests_per_s(self) -> float:
        return self.requests * 1e6 / self.duration_us

    @property
    def client_load(self) -> float:
        """Share of its time in which the client worked, all its threads together; 1 is all that they can do."""
        return self.client_cpu_ns / 1e3 / self.duration_us / self.threads


def threads_for(connections: int, cpus: int) -> int:
    """Threads for so many connections on so many CPUs: the most that share the connections out evenly.

    wrk gives each thread the same number of connections and opens fewer than asked for where that does not come out
    even; and all contestants have to get the same load.
    """
    return max(count for count in range(1, max(1, min(connections, cpus)) + 1) if connections % count == 0)


def wrk_path() -> str:
    """Raises EnvironmentFault if there is no wrk."""
    path = shutil.which("wrk")
    if path is None:
        raise EnvironmentFault("the load generator wrk is not installed", "apt-get install wrk")
    return path


def run(plan: LoadPlan) -> LoadResult:
    """Runs wrk to its end. Raises EnvironmentFault when it fails."""
    argv = [
        wrk_path(),
        f"-t{plan.threads}",
        f"-c{plan.connections}",
        f"-d{math.ceil(plan.duration_s + _GRACE_S)}s",  # never reached: see _end_after()
        f"--timeout={math.ceil(plan.timeout_s)}s",
        f"--script={_SCRIPT}",
        f"http://{ports.address(plan.host, plan.port)}{plan.target}",
    ]
    cpu_before_ns = load_process.children_cpu_ns()
    with load_process.beside(plan.cpus), load_process.start(argv, plan.cpus) as process:
        try:
            wait_share = _end_after(process, plan.duration_s)
            output, _ = process.communicate(timeout=plan.timeout_s + _GRACE_S)
        except BaseException:
            process.kill()
            raise
    result = _parse(output, process.returncode, argv, load_process.children_cpu_ns() - cpu_before_ns)
    result = replace(result, threads=plan.threads)
    if wait_share is None:
        return result
    return replace(result, client_wait_ns=round(wait_share * result.duration_us * 1000))


def _end_after(process: subprocess.Popen[str], duration_s: float) -> float | None:
    """Ends wrk after duration_s; returns how many of its threads waited for a CPU meanwhile, on average.

    wrk itself takes whole seconds only, but ends in good order on SIGINT (before it has its handler, that would kill
    it); and while it is still there, its threads can be asked how long they waited. None: the kernel does not tell,
    or wrk ended by itself.
    """
    deadline = time.monotonic() + _READY_DEADLINE_S
    while process.poll() is None and not _catches_interrupts(process.pid) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    started = time.monotonic()
    try:
        process.wait(duration_s)
        return None
    except subprocess.TimeoutExpired:
        waited_ns, elapsed_s = proctree.runqueue_wait_ns([process.pid]), time.monotonic() - started
        process.send_signal(signal.SIGINT)
    return waited_ns / 1e9 / elapsed_s if Path("/proc/self/schedstat").exists() else None


def _catches_interrupts(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1)


def _parse(output: str, code: int, argv: list[str], client_cpu_ns: int) -> LoadResult:
    lines = [line for line in output.splitlines() if line.startswith(_MARKER)]
    if code != 0 or not lines:
        raise EnvironmentFault(
            f"wrk failed with exit code {code}: {' '.join(argv)}\n{output.strip()[-2000:]}", "run it by hand"
        )
    figures = json.loads(lines[-1].removeprefix(_MARKER))
    errors, latency = figures["errors"], figures["latency_us"]
    answered = figures["requests"] > errors["timeout"]
    return LoadResult(
        duration_us=figures["duration_us"],
        requests=figures["requests"],
        bytes=figures["bytes"],
        connect_errors=errors["connect"],
        read_errors=errors["read"],
        write_errors=errors["write"],
        status_errors=errors["status"],
        timeouts=errors["timeout"],
        latency_min_us=latency["min"] if answered else 0,  # wrk has no smallest of nothing
        latency_max_us=latency["max"],
        latency_mean_us=latency["mean"],
        latency_quantiles_us=latency["quantiles"],
        client_cpu_ns=client_cpu_ns,
    )
