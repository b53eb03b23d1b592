"""Load on a server by restmark-load, and its exact figures: without pipelining, but for the studies of it.

Without a rate the loop is closed: each connection has one request under way. With one it is open: requests are due by a
schedule that is fixed beforehand, and latencies count from the intended time, so that no waiting is left out.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..contestants.cache import Cache
from ..host import ports
from ..model import cpulist
from ..model.errors import EnvironmentFault, ExitCode, RigError
from ..model.load_machines import MachineRound
from ..model.results import LoadErrors
from ..store.atomic_file import write_atomically
from . import load_process, load_program

_READY = "ready\n"
_SO_FAR = "so-far "
_GRACE_S = 30.0
_LOADED, _LOADED_WITH_FAILURES, _NOT_ANSWERED = 0, 1, 69  # exit codes of restmark-load
_MALFORMED = "malformed-"
_TOO_LARGE = "too-large-head"


class NotAnswered(RigError):
    """Connections can not be opened, or the server does not answer rightly when it is asked before a load; nothing was loaded."""

    exit_code = ExitCode.VERIFICATION


@dataclass(frozen=True)
class LoadPlan:
    """One load. `timeout_s` is how long an answer is waited for, a minute at most; later, the request has failed.

    cpus: where it may run, None for everywhere. rate_per_s: of all connections together; None: as fast as answers come.
    requests: ends the load before duration_s if so many were sent. seed: of random numbers in the target. expect: a file
    with the body that all answers have to have, see kept(); None: that of two answers to each target, which are asked for before.
    more_targets: what takes turns with target, by chance. body: a file with JSON that each request sends by POST.
    reconnect: answers after which a connection is closed and opened anew; None: never. check: look at the bytes of all answers.
    depth: requests under way on a connection. More than one is for studies of pipelining alone: no run has it.
    calls: as MessagePack-RPC, the target's path being the method; answers then come in any order. For studies, too.
    weights: how often the target and each of more_targets has its turn; empty: all alike. every_s: how often the one who runs it is told how many
    requests were answered; None: never. method: None for GET, or POST with a body.
    """

    host: str
    port: int
    target: str
    connections: int
    duration_s: float
    cpus: frozenset[int] | None = None
    timeout_s: float = 30.0
    rate_per_s: float | None = None
    requests: int | None = None
    seed: int = 1
    expect: Path | None = None
    more_targets: tuple[str, ...] = ()
    body: Path | None = None
    reconnect: int | None = None
    check: bool = True
    depth: int = 1
    weights: tuple[int, ...] = ()
    calls: bool = False
    every_s: float | None = None
    method: str | None = None

    @property
    def threads(self) -> int:
        """How many threads make the load."""
        return threads_for(self.connections, len(self.cpus or os.sched_getaffinity(0)))


@dataclass(frozen=True)
class TargetResult:
    """What became of the requests of one target. Microseconds, 0 and empty without an answer."""

    target: str
    answered: int
    failed: int
    latency_max_us: int
    latency_quantiles_us: dict[str, int]


@dataclass(frozen=True)
class LoadResult:
    """What the client saw. Times are microseconds, 0 without an answer; bytes are those received, heads and all.

    duration_us: of sending; total_us: until the last answer came in. requests: right answers in all; in_window: those up to
    the end of sending. Latencies are those of right answers, with the time that was waited for those that never came.
    """

    duration_us: int
    total_us: int
    requests: int
    in_window: int
    bytes: int
    connect_errors: int
    read_errors: int  # connections that ended before an answer did
    status_errors: int  # other than 200 to 299
    timeouts: int  # answers that did not come in timeout_s
    latency_min_us: int
    latency_max_us: int
    latency_mean_us: float
    latency_quantiles_us: dict[str, int]  # "50", "99", "99.9" …
    client_cpu_ns: int
    body_errors: int = 0  # other bytes than expected
    malformed: int = 0  # no HTTP/1.1, or bytes that nothing had asked for
    client_wait_ns: int | None = None  # time in which the client's threads could run and had no CPU; None: not known
    threads: int = 1  # of the client
    hdr_v2_base64: str | None = None  # all latencies, for histogram.decode(); None without any
    unsent: int = 0  # due by the schedule, and never sent
    late: bool = False  # the client itself sent so late that latencies are not the server's alone
    late_quantiles_us: dict[str, int] = field(default_factory=dict)  # by how much it did; empty in a closed loop
    doubts: tuple[str, ...] = ()  # restmark-load's own
    receives: int | None = None  # calls of recv(); None: not told
    targets: tuple[TargetResult, ...] = ()  # in the order of the plan; empty: not told
    machines: tuple[MachineRound, ...] = ()  # what each did, where others than this one made the load

    @property
    def errors(self) -> int:
        return self.errors_by_kind.total

    @property
    def errors_by_kind(self) -> LoadErrors:
        return LoadErrors(
            connect=self.connect_errors,
            read=self.read_errors,
            status=self.status_errors,
            timeout=self.timeouts,
            body=self.body_errors,
            malformed=self.malformed,
        )

    @property
    def requests_per_s(self) -> float:
        """Right answers while requests were being sent."""
        return self.in_window * 1e6 / self.duration_us if self.duration_us else 0.0

    @property
    def client_load(self) -> float:
        """Share of its time in which the client worked, all its threads together; 1 is all that they can do."""
        return self.client_cpu_ns / 1e3 / self.total_us / self.threads if self.total_us else 0.0


def kept(cache: Cache, body: bytes) -> Path:
    """A file with this body, for a plan's expect or body. Raises EnvironmentFault."""
    path = cache.folder("bodies") / hashlib.sha256(body).hexdigest()
    if not path.exists():
        write_atomically(path, body)
    return path


def threads_for(connections: int, cpus: int) -> int:
    """Threads for so many connections on so many CPUs. They share the connections out exactly."""
    return max(1, min(connections, cpus))


@dataclass(frozen=True)
class SoFar:
    """How far a load is: microseconds since its start, requests answered rightly and failed."""

    elapsed_us: int
    answered: int
    failed: int


def run(plan: LoadPlan, begin: Callable[[], None] | None = None, every: Callable[[SoFar], bool | None] | None = None) -> LoadResult:
    """Loads the server until the last answer has come in.

    begin is called when all connections are open (and the server has answered its first requests), before the load: what a
    caller reads there and after run() has returned is of the load alone. every is called as often as the plan says while it runs; once it
    returns True the sending ends, as if the plan's time were over.

    Raises NotAnswered, or EnvironmentFault when restmark-load fails.
    """
    argv = _argv(plan)
    with load_process.beside(plan.cpus), load_process.start(argv, plan.cpus) as process:
        try:
            # Two answers and the opening of connections, each with its time-out, come before.
            ready = _is_ready(process, 3 * plan.timeout_s + _GRACE_S)
            if ready and begin is not None:
                begin()
            longest_s = plan.duration_s + 2 * plan.timeout_s + _GRACE_S
            if every is None or not ready:
                output, told = process.communicate("go\n", timeout=longest_s)
            else:
                output = _watch(process, every, longest_s)
                told = process.communicate(timeout=longest_s)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            raise EnvironmentFault(f"{load_program.NAME} did not end: {' '.join(argv)}", "run it by hand") from None
        except BaseException:
            process.kill()
            raise
    if process.returncode == _NOT_ANSWERED:
        raise NotAnswered(told.strip().removeprefix(f"{load_program.NAME}: "))
    if process.returncode not in (_LOADED, _LOADED_WITH_FAILURES) or not output:
        raise EnvironmentFault(
            f"{load_program.NAME} failed with exit code {process.returncode}: {' '.join(argv)}\n{told.strip()[-2000:]}",
            "run it by hand",
        )
    return figures(json.loads(output))


def _argv(plan: LoadPlan) -> list[str]:
    argv = [str(load_program.path()), "--json", "--hold", f"--connections={plan.connections}", f"--threads={plan.threads}"]
    if plan.cpus:
        argv.append(f"--cpus={cpulist.render(plan.cpus)}")
    return [*argv, *words(plan)]


def words(plan: LoadPlan) -> list[str]:
    """What restmark-load is told of the load, whichever machine it runs on: all but connections, threads and CPUs."""
    argv = [
        f"--duration={max(1, round(plan.duration_s * 1e6))}us",
        f"--timeout={round(plan.timeout_s * 1e6)}us",
        f"--seed={plan.seed}",
    ]
    if plan.rate_per_s is not None:
        argv.append(f"--rate={plan.rate_per_s:.9g}")
    if plan.requests is not None:
        argv.append(f"--requests={plan.requests}")
    if plan.expect is not None:
        argv += [f"--expect={plan.expect}", "--no-probe"]
    if plan.every_s is not None:
        argv.append(f"--every={round(plan.every_s * 1e6)}us")
    if plan.reconnect is not None:
        argv.append(f"--reconnect={plan.reconnect}")
    if plan.depth != 1:
        argv.append(f"--pipeline={plan.depth}")
    if plan.method is not None:
        argv.append(f"--method={plan.method}")
    if not plan.check:
        argv.append("--no-check")
    if plan.body is not None:
        argv += [f"--body={plan.body}", "--header=Content-Type: application/json"]
    url = f"{'rpc' if plan.calls else 'http'}://{ports.address(plan.host, plan.port)}"
    if not plan.more_targets:
        return [*argv, f"{url}{plan.target}"]
    targets = (plan.target, *plan.more_targets)
    weights = plan.weights or (1,) * len(targets)
    return [*argv, url, *(f"{target}={weight}" for target, weight in zip(targets, weights, strict=True))]


def _is_ready(process: subprocess.Popen[str], patience_s: float) -> bool:
    """Waits until it says so; False if it ends instead."""
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], patience_s)[0]:
        raise subprocess.TimeoutExpired(process.args, patience_s)
    return process.stdout.readline() == _READY


def _watch(process: subprocess.Popen[str], every: Callable[[SoFar], bool | None], patience_s: float) -> str:
    """Lets it go and passes on how far it is, until another line comes, which is all of its results and is returned; empty if it ends without.

    Ends the sending, by the signal that it has for that, when every says so.
    """
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    ending = threading.Timer(patience_s, process.kill)
    ending.start()
    ended = False  # a second signal would end the process, results and all
    try:
        for line in process.stdout:
            if not line.startswith(_SO_FAR):
                return line
            if every(SoFar(*map(int, line.removeprefix(_SO_FAR).split()))) and not ended:
                process.terminate()
                ended = True
    finally:
        ending.cancel()
    return ""


def figures(document: dict[str, Any]) -> LoadResult:
    """The result from restmark-load's JSON."""
    requests, failures, troubles = document["requests"], document["failures"], document["troubles"]
    latency, client, schedule = document["latency"], document["client"], document["schedule"]
    malformed = sum(count for kind, count in failures.items() if kind.startswith(_MALFORMED) or kind == _TOO_LARGE)
    return LoadResult(
        duration_us=document["sending_ns"] // 1000,
        total_us=document["total_ns"] // 1000,
        requests=requests["answered"],
        in_window=requests["answered_while_sending"],
        bytes=document["received_bytes"],
        connect_errors=troubles.get("connect", 0),
        read_errors=failures.get("closed", 0),
        status_errors=failures.get("status", 0),
        timeouts=failures.get("timeout", 0),
        body_errors=failures.get("body", 0),
        malformed=malformed + troubles.get("unasked-bytes", 0),
        latency_min_us=latency["min_us"] if latency else 0,
        latency_max_us=latency["max_us"] if latency else 0,
        latency_mean_us=latency["mean_us"] if latency else 0.0,
        latency_quantiles_us=_quantiles(latency),
        client_cpu_ns=client["cpu_ns"],
        client_wait_ns=client["run_queue_wait_ns"],
        threads=document["plan"]["threads"],
        hdr_v2_base64=latency["hdr_v2_base64"] if latency else None,
        unsent=requests["unsent"],
        late=bool(schedule and schedule["doubtful"]),
        late_quantiles_us=_quantiles(schedule["late"]) if schedule else {},
        doubts=tuple(document["doubts"]),
        receives=client["system_calls"]["recv"],
        targets=tuple(map(_target, document["targets"])),
    )


def _target(document: dict[str, Any]) -> TargetResult:
    latency = document["latency"]
    return TargetResult(
        document["target"], document["answered"], document["failed"], latency["max_us"] if latency else 0, _quantiles(latency)
    )


def _quantiles(summary: dict[str, Any] | None) -> dict[str, int]:
    return {name.removeprefix("p"): value for name, value in summary["quantiles_us"].items()} if summary else {}
