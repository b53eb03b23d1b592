#!/usr/bin/python3
"""Compares what one request costs several restmarkd binaries: before and after a change, say. For its developers.

Usage: bench/cost [--target TARGET] [--rounds N] [--seconds S] [--limit PERCENT] BASE BINARY...
       bench/cost --instructions [--target TARGET] [--requests N] BASE BINARY...

CPU time: all binaries run at the same time, each with one worker on one CPU; restmark-load loads them in turn from another CPU. Printed are the
worker's CPU time (user and system) per request, the median of the rounds and the least of them, and the median of its ratios to
BASE in the same round with their quartiles, so that what disturbs the machine disturbs both. Some processors and kernels make a figure
depend on where a binary's code comes to lie in memory: compare a copy of BASE with BASE to see how far to trust it.

Instructions: the worker runs under callgrind and serves one connection, N requests and then 2 N in another run; the difference is
divided by N. That repeats to a few instructions, but counts user space only; a block cleared by one string instruction counts once for each
of its bytes, and a clock that is read without a system call elsewhere is a system call there. So look at the difference, not
at the ratio.

Exit code 2 if --limit is given and a binary costs more than BASE by more than that.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import socket
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from restmark_rig.contestants import registry
from restmark_rig.contestants.cache import Cache, default_directory
from restmark_rig.contestants.contestant import Contestant, StartPlan
from restmark_rig.host import installation
from restmark_rig.load import load, load_program
from restmark_rig.load.load import LoadPlan
from restmark_rig.model.errors import RigError
from restmark_rig.server import launcher
from restmark_rig.server.launcher import RunningServer, StartOptions
from restmark_rig.store import dataset
from restmark_rig.terminal import console

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
        with launcher.launch(contestant(binary, tool), StartOptions(data.path, workers=1, cpus=cpus, stop_grace_s=DEADLINE_S), cache) as server:
            yield server


def worker_of(server: RunningServer) -> int:
    """Pid of the one worker."""
    return int(Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()[0])


def worker_ns(worker: int) -> int:
    """What the worker has run for, by the scheduler's own account."""
    return int(Path(f"/proc/{worker}/schedstat").read_text().split()[0])


def cost_us(server: RunningServer, target: str, seconds: int, cpu: int) -> float:
    """Microseconds of CPU time per request; any that is not answered rightly ends the program. Raises RigError."""
    before_ns: list[int] = []
    worker = worker_of(server)
    plan = LoadPlan("127.0.0.1", server.port, target, CONNECTIONS, seconds, frozenset({cpu}), timeout_s=10)
    result = load.run(plan, lambda: before_ns.append(worker_ns(worker)))
    if result.errors or not result.requests:
        raise SystemExit(f"{server.contestant.title}: {result.requests} right answers, {result.errors_by_kind}")
    return (worker_ns(worker) - before_ns[0]) / 1000 / result.requests


def cpu_times(binaries: list[Path], target: str, rounds: int, seconds: int) -> list[list[float]]:
    """[binary][round]: microseconds per request."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise SystemExit("this takes two CPUs: one for the server, one for the load")
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(running(b, cpus[0])) for b in binaries]
        for server in servers:
            cost_us(server, target, 1, cpus[1])  # what is made at first use
        times: list[list[float]] = [[] for _ in servers]
        for n in range(rounds):
            for i in range(len(servers)):
                which = (i + n) % len(servers)  # nobody is always the first
                times[which].append(cost_us(servers[which], target, seconds, cpus[1]))
        return times


def ask(port: int, target: str, requests: int) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as connection, connection.makefile("rb") as answers:
        for _ in range(requests):
            connection.sendall(request)
            if b" 200 " not in answers.readline():
                raise SystemExit(f"{target} is not answered with 200")
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


def report(binaries: list[Path], figures: list[list[float]], unit: str, limit: float | None) -> int:
    code = 0
    for binary, values in zip(binaries, figures, strict=True):
        ratios = sorted(value / base for value, base in zip(values, figures[0], strict=True))
        ratio = statistics.median(ratios)
        spread = ""
        if len(ratios) > 1:
            low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
            spread = f" ({low:.3f} ... {high:.3f}), least {min(values):.2f}"
        missed = limit is not None and ratio > 1 + limit / 100
        code = 2 if missed else code
        print(f"{statistics.median(values):10.2f} {unit}  {ratio:.3f}{spread}  {binary}{'  MISSED' if missed else ''}")
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare what one request costs several restmarkd binaries.")
    parser.add_argument("binaries", metavar="BINARY", type=Path, nargs="+", help="the first is the base")
    parser.add_argument("--target", default="/", help="of the requests (default: %(default)s)")
    parser.add_argument("--instructions", action="store_true", help="count instructions under callgrind, not CPU time")
    parser.add_argument("--requests", type=int, default=2000, help="with --instructions (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="default: %(default)s")
    parser.add_argument("--seconds", type=int, default=2, help="of each round and binary (default: %(default)s)")
    parser.add_argument("--limit", type=float, metavar="PERCENT", help="exit with 2 if a binary costs so much more than the first")
    arguments = parser.parse_args()
    if arguments.instructions and not shutil.which("valgrind"):
        parser.error("valgrind is not installed")
    try:
        return compare(arguments)
    except RigError as error:
        console.show_error(error)
        return error.exit_code


def compare(arguments: argparse.Namespace) -> int:
    """Measures and prints; returns the exit code. Raises RigError."""
    if arguments.instructions:
        n = arguments.requests
        counts = [
            [(instructions_of(b, arguments.target, 2 * n) - instructions_of(b, arguments.target, n)) / n] for b in arguments.binaries
        ]
        return report(arguments.binaries, counts, "instructions/request", arguments.limit)
    with console.progress() as progress:
        load_program.provide(Cache(default_directory()), progress)
    times = cpu_times(arguments.binaries, arguments.target, arguments.rounds, arguments.seconds)
    return report(arguments.binaries, times, "us/request", arguments.limit)


if __name__ == "__main__":
    sys.exit(main())
