"""What one request costs several restmarkd binaries: before and after a change, say. For its developers, `restmark dev cost` runs it.

CPU time: all binaries run at the same time, each with one worker on one CPU; the load comes in turn from another CPU, so that what
disturbs the machine disturbs all. Some processors and kernels make a figure depend on where a binary's code comes to lie in
memory: compare a copy of a binary with itself to see how far to trust it.

Instructions: the worker runs under callgrind and serves one connection, N requests and then 2 N in another run; the difference is
divided by N. That repeats to a few instructions, but counts user space only; a block cleared by one string instruction counts once for each
of its bytes, and a clock that is read without a system call elsewhere is a system call there. So look at the difference, not
at the ratio.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..contestants import registry
from ..contestants.cache import Cache
from ..contestants.contestant import Contestant, StartPlan
from ..host import installation
from ..load.engine import LoadEngine
from ..load.load import LoadPlan
from ..model.errors import EnvironmentFault
from ..server.launcher import RunningServer, StartOptions
from ..server.placement import Local
from ..store import dataset

DEADLINE_S = 60.0
CONNECTIONS = 64
OPTIONS = ("server.listen={address}", "server.processes=1", "admin.control=none", "limits.idle-timeout=10min")


def contestant(binary: Path, tool: Sequence[str]) -> Contestant:
    """The daemon of one build with one worker, run by a tool if one is named."""
    argv = (*tool, str(binary.absolute()), *(word for option in OPTIONS for word in ("-o", option)))
    ours = registry.resolve("restmarkd", installation.PEERS)
    return replace(ours, name=binary.name, title=str(binary), build=None, start=StartPlan(argv, {}), ready_timeout_s=DEADLINE_S)


@contextlib.contextmanager
def running(binary: Path, cpu: int | None = None, tool: Sequence[str] = ()) -> Iterator[RunningServer]:
    """The server. Raises StartFailed."""
    with tempfile.TemporaryDirectory(prefix="restmark-cost-") as folder:
        cache = Cache(Path(folder))
        data = dataset.write_default(cache.folder("datasets") / "default.msgpack")
        cpus = None if cpu is None else frozenset({cpu})
        with Local(cache).launch(contestant(binary, tool), StartOptions(data.path, workers=1, cpus=cpus, stop_grace_s=DEADLINE_S)) as server:
            yield server


def worker_of(server: RunningServer) -> int:
    """Pid of the one worker."""
    return int(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()[0])


def worker_ns(worker: int) -> int:
    """What the worker has run for, by the scheduler's own account."""
    return int(Path(f"/proc/{worker}/schedstat").read_text().split()[0])


def cost_us(engine: LoadEngine, server: RunningServer, target: str, seconds: int, cpu: int) -> float:
    """Microseconds of CPU time per request. Raises EnvironmentFault if any is not answered rightly, and what the engine raises."""
    before_ns: list[int] = []
    worker = worker_of(server)
    plan = LoadPlan("127.0.0.1", server.port, target, CONNECTIONS, seconds, frozenset({cpu}), timeout_s=10)
    result = engine.run(plan, lambda: before_ns.append(worker_ns(worker)))
    if result.errors or not result.requests:
        raise EnvironmentFault(f"{server.contestant.title}: {result.requests} right answers, {result.errors_by_kind}", "choose another --target")
    return (worker_ns(worker) - before_ns[0]) / 1000 / result.requests


def cpu_times(engine: LoadEngine, binaries: Sequence[Path], target: str, rounds: int, seconds: int) -> list[list[float]]:
    """[binary][round]: microseconds per request. Raises EnvironmentFault, and what the engine raises."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise EnvironmentFault("this takes two CPUs: one for the server, one for the load", "count --instructions")
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(running(b, cpus[0])) for b in binaries]
        for server in servers:
            cost_us(engine, server, target, 1, cpus[1])  # what is made at first use
        times: list[list[float]] = [[] for _ in servers]
        for n in range(rounds):
            for i in range(len(servers)):
                which = (i + n) % len(servers)  # nobody is always the first
                times[which].append(cost_us(engine, servers[which], target, seconds, cpus[1]))
        return times


def ask(port: int, target: str, requests: int) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as connection, connection.makefile("rb") as answers:
        for _ in range(requests):
            connection.sendall(request)
            if b" 200 " not in answers.readline():
                raise EnvironmentFault(f"{target} is not answered with 200", "choose another --target")
            length = 0
            while (line := answers.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            answers.read(length)


def instructions_of(binary: Path, target: str, requests: int) -> int:
    """All that the worker executed, from the fork to its end."""
    with tempfile.TemporaryDirectory(prefix="restmark-cost-") as out:
        tool = ("valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}/%p")
        with running(binary, tool=tool) as server:
            ask(server.port, target, requests)
            worker = worker_of(server)
        return int(re.findall(r"^(?:summary|totals): (\d+)", (Path(out) / str(worker)).read_text(), re.MULTILINE)[-1])


def instructions(binaries: Sequence[Path], target: str, requests: int) -> list[list[float]]:
    """[binary][0]: instructions per request. Raises EnvironmentFault."""
    if not shutil.which("valgrind"):
        raise EnvironmentFault("instructions are counted by valgrind, which is not installed", "apt-get install valgrind")
    return [[(instructions_of(b, target, 2 * requests) - instructions_of(b, target, requests)) / requests] for b in binaries]


@dataclass(frozen=True)
class Cost:
    """A binary's figure, and the median of its ratios to the first binary's in the same round. quartiles: None for a single round."""

    median: float
    least: float
    ratio: float
    quartiles: tuple[float, float] | None


def compared(figures: Sequence[Sequence[float]]) -> list[Cost]:
    """[binary][round] -> what to say of each binary; the first one is the base."""
    costs = []
    for values in figures:
        ratios = sorted(value / base for value, base in zip(values, figures[0], strict=True))
        low, _, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else (0.0, 0.0, 0.0)
        costs.append(Cost(statistics.median(values), min(values), statistics.median(ratios), (low, high) if len(ratios) > 1 else None))
    return costs
