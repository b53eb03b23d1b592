"""Load at a fixed rate by h2load, speaking HTTP/1.1: the same work for every server, so that CPU per request compares.

wrk has no rate. Figures come from h2load's log, a line a request with its start, status and time; the bytes, which the
log does not have, from the count in parentheses of its closing "traffic:" line.
A connection sends its next request when the rate says so, or when the answer has come, whichever is later: as long as
the rate is reached, latencies hide no waiting; verdict.py marks the rounds in which it was not.
"""

from __future__ import annotations

import math
import re
import shutil
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from . import load_process, ports
from .errors import EnvironmentFault
from .load import LoadPlan, LoadResult

_GRACE_S = 30.0
_TRAFFIC = re.compile(r"^traffic: \S+ \((\d+)\) total", re.MULTILINE)
_QUANTILES = ("50", "75", "90", "95", "99", "99.9")  # as in load.lua


def h2load_path() -> str:
    """Raises EnvironmentFault if there is no h2load."""
    path = shutil.which("h2load")
    if path is None:
        raise EnvironmentFault(
            "a fixed rate needs the load generator h2load, which is not installed (wrk has no rate)",
            "apt-get install nghttp2-client, or leave --rate out",
        )
    return path


def run(plan: LoadPlan, rate_per_s: int) -> LoadResult:
    """Runs h2load to its end; rate_per_s is that of all connections together. Raises EnvironmentFault when it fails."""
    seconds = max(1, math.ceil(plan.duration_s))
    with tempfile.TemporaryDirectory(prefix="restmark-") as folder:
        log = Path(folder) / "requests.log"
        argv = [
            h2load_path(),
            "--h1",
            f"--clients={plan.connections}",
            f"--threads={plan.threads}",
            f"--duration={seconds}",
            f"--rps={rate_per_s / plan.connections:.6f}",
            f"--connection-inactivity-timeout={math.ceil(plan.timeout_s)}",
            f"--log-file={log}",
            f"http://{ports.address(plan.host, plan.port)}{plan.target}",
        ]
        before_ns = load_process.children_cpu_ns()
        with load_process.beside(plan.cpus), load_process.start(argv, plan.cpus) as process:
            try:
                output, _ = process.communicate(timeout=seconds + plan.timeout_s + _GRACE_S)
            except BaseException:
                process.kill()
                raise
        client_cpu_ns = load_process.children_cpu_ns() - before_ns
        traffic = _TRAFFIC.search(output)
        if process.returncode != 0 or traffic is None:
            raise EnvironmentFault(
                f"h2load failed with exit code {process.returncode}: {' '.join(argv)}\n{output.strip()[-2000:]}",
                "run it by hand",
            )
        return replace(figures(log.read_text(), int(traffic[1]), seconds, client_cpu_ns), threads=plan.threads)


def figures(log: str, received_bytes: int, duration_s: int, client_cpu_ns: int) -> LoadResult:
    """The result from the log's lines: start (µs since 1970), status (-1: no answer), time (µs)."""
    times, failed, refused = [], 0, 0
    for line in log.splitlines():
        _, status, micros = line.split("\t")[:3]
        if int(status) < 0:
            failed += 1
            continue
        times.append(int(micros))
        refused += int(status) >= 400
    times.sort()
    return LoadResult(
        duration_us=duration_s * 1_000_000,
        requests=len(times),
        bytes=received_bytes,
        connect_errors=0,
        read_errors=failed,
        write_errors=0,
        status_errors=refused,
        timeouts=0,
        latency_min_us=times[0] if times else 0,
        latency_max_us=times[-1] if times else 0,
        latency_mean_us=statistics.fmean(times) if times else 0.0,
        latency_quantiles_us={name: _quantile(times, float(name) / 100) for name in _QUANTILES},
        client_cpu_ns=client_cpu_ns,
    )


def _quantile(ordered: list[int], share: float) -> int:
    """The smallest value that at least this share of the values does not exceed; 0 of none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0
