"""wrk as a load engine: another program's count of the same load, to set restmark-load's beside it. Its latencies are none, and left out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import fields

from ..host import ports
from ..model.errors import EnvironmentFault, UsageFault
from . import load_process
from .load import LoadPlan, LoadResult

NAME = "wrk"
RATE = re.compile(r"^Requests/sec:\s+([\d.]+)$", re.MULTILINE)
WRONG = re.compile(r"^ *(Socket errors:.*|Non-2xx.*)$", re.MULTILINE)
_REQUESTS = re.compile(r"^\s*(\d+) requests in ", re.MULTILINE)
_SOCKET_ERRORS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_STATUS_ERRORS = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_BYTES = re.compile(r" requests in [^,]+, ([\d.]+)([KMGT]?)B read$", re.MULTILINE)
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_GRACE_S = 30.0
# What a plan may say to wrk. All else it has no words for, without a script.
_UNDERSTOOD = {"host", "port", "target", "connections", "duration_s", "cpus", "timeout_s", "seed", "check"}


def path() -> str:
    """Raises EnvironmentFault if there is no wrk."""
    found = shutil.which(NAME)
    if found is None:
        raise EnvironmentFault("the cross-check needs wrk, which is not installed", "apt-get install wrk")
    return found


def run(plan: LoadPlan, begin: Callable[[], None] | None = None) -> LoadResult:
    """Loads the server for whole seconds. wrk does not say when its connections are open: begin is called before it starts.

    Raises UsageFault for a plan that wrk can not make, EnvironmentFault when it fails or nothing is answered.
    """
    argv = _argv(plan)
    if begin is not None:
        begin()
    ended = load_process.finish(argv, plan.cpus, plan.duration_s + plan.timeout_s + _GRACE_S)
    count, rate = _REQUESTS.search(ended.output), RATE.search(ended.output)
    if ended.returncode != 0 or count is None or rate is None or float(rate[1]) <= 0:
        raise EnvironmentFault(f"wrk failed: {' '.join(argv)}\n{(ended.output + ended.told).strip()[-2000:]}", "run it by hand")
    return figures(ended.output, client_cpu_ns=ended.cpu_ns, threads=plan.threads)


def figures(output: str, client_cpu_ns: int, threads: int) -> LoadResult:
    """The result from what wrk prints, which has a count and a rate; all that came while requests were being sent."""
    count, rate, size = _REQUESTS.search(output), RATE.search(output), _BYTES.search(output)
    assert count is not None and rate is not None
    socket_errors = _SOCKET_ERRORS.search(output)
    connect, read, write, timeout = map(int, socket_errors.groups()) if socket_errors else (0, 0, 0, 0)
    status = _STATUS_ERRORS.search(output)
    length_us = round(1e6 * int(count[1]) / float(rate[1]))
    status_errors = int(status[1]) if status else 0
    right = int(count[1]) - status_errors
    return LoadResult(
        duration_us=length_us,
        total_us=length_us,
        requests=right,
        in_window=right,
        bytes=round(float(size[1]) * _UNITS[size[2]]) if size else 0,
        connect_errors=connect,
        read_errors=read + write,
        status_errors=status_errors,
        timeouts=timeout,
        latency_min_us=0,
        latency_max_us=0,
        latency_mean_us=0.0,
        latency_quantiles_us={},
        client_cpu_ns=client_cpu_ns,
        threads=threads,
    )


def _argv(plan: LoadPlan) -> list[str]:
    plain = LoadPlan(plan.host, plan.port, plan.target, plan.connections, plan.duration_s)
    alien = [one.name for one in fields(plan) if one.name not in _UNDERSTOOD and getattr(plan, one.name) != getattr(plain, one.name)]
    if alien:
        raise UsageFault(f"wrk can not make a load with {', '.join(alien)}", "make it with restmark-load")
    if plan.duration_s < 1 or plan.duration_s != int(plan.duration_s):
        raise UsageFault(f"wrk loads for whole seconds, not for {plan.duration_s:g}", "give it whole ones")
    url = f"http://{ports.address(plan.host, plan.port)}{plan.target}"
    return [path(), f"-t{plan.threads}", f"-c{plan.connections}", f"-d{int(plan.duration_s)}s", f"--timeout={int(plan.timeout_s)}s", url]
