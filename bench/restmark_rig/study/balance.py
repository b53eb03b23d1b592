#!/usr/bin/python3
"""Compares the ways in which restmarkd spreads connections over its workers ([server] balance): latency and fairness.

Usage: bench/balance [--build FOLDER] [--workers N] [--duration SECONDS] [--connections N,N…] [--ways WAY,WAY…] [--target PATH] [--close]

For each way and number of connections a fresh restmarkd is loaded by restmark-load, with kept connections (--close: each is used for one
request). A line of the Markdown table that is printed:

  p50, p99, max   milliseconds from request to answer, the opening of a connection included where each request takes one
  busiest, idlest the largest and the smallest share of the requests that a worker has served; fair would be 100 % / workers
  failed          errors that restmark-load counts (connections that did not open or broke, time-outs, wrong status or bytes)
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "bench"))

from restmark_rig.contestants import registry  # noqa: E402
from restmark_rig.contestants.cache import Cache, default_directory  # noqa: E402
from restmark_rig.contestants.contestant import Contestant, StartPlan  # noqa: E402
from restmark_rig.host import installation  # noqa: E402
from restmark_rig.load import load, load_process, load_program  # noqa: E402
from restmark_rig.load.load import LoadResult  # noqa: E402
from restmark_rig.model.errors import EnvironmentFault, RigError  # noqa: E402
from restmark_rig.server import launcher  # noqa: E402
from restmark_rig.server.launcher import RunningServer, StartOptions  # noqa: E402
from restmark_rig.store import dataset  # noqa: E402
from restmark_rig.terminal import console  # noqa: E402

WAYS = ("reuseport", "shared", "cpu")
WARM_UP_S = 0.5
TIMEOUT_S = 30
GRACE_S = 60.0


def restmarkd(build: Path, way: str, control: Path) -> Contestant:
    """The daemon of a build tree, with a control socket. Raises EnvironmentFault."""
    for program in (build / "src" / "restmarkd", build / "src" / "restmarkctl"):
        if shutil.which(program) is None:
            raise EnvironmentFault(f"{program}: no program is there", "cmake --preset release && cmake --build --preset release")
    options = (
        "server.listen={address}", "server.processes={workers}", f"server.balance={way}", "workloads.dataset={dataset}",
        f"admin.control={control}", "limits.max-connections=2048",
    )  # fmt: skip
    argv = (str(build / "src" / "restmarkd"), *(word for option in options for word in ("-o", option)))
    return replace(registry.resolve("restmarkd", installation.PEERS), build=None, start=StartPlan(argv, {}))


def served(build: Path, control: Path) -> list[int]:
    """Requests of each worker so far."""
    command = [str(build / "src" / "restmarkctl"), "-s", str(control), "status", "-j"]
    status = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=20).stdout)
    return [sum(route["requests"] for route in worker["routes"].values()) for worker in status["workers"]]


def loaded(server: RunningServer, arguments: argparse.Namespace, connections: int, seconds: float) -> LoadResult:
    """Loads it from all CPUs, a thread on each, since their CPU is what `cpu` goes by. Raises EnvironmentFault."""
    cpus = frozenset(os.sched_getaffinity(0))
    command = [
        str(load_program.path()), "--json", f"--connections={connections}", f"--threads={load.threads_for(connections, len(cpus))}",
        "--cpus=auto", f"--duration={round(seconds * 1e6)}us", f"--timeout={TIMEOUT_S}s", *(["--reconnect=1"] if arguments.close else []),
        f"http://127.0.0.1:{server.port}{arguments.target}",
    ]  # fmt: skip
    with load_process.start(command, cpus) as process:
        output, told = process.communicate(timeout=seconds + 2 * TIMEOUT_S + GRACE_S)
    if not output:
        raise EnvironmentFault(f"{' '.join(command)} ended with {process.returncode}: {told.strip()}", server.death() or "run it by hand")
    return load.figures(json.loads(output))


def measure(arguments: argparse.Namespace, way: str, connections: int, folder: Path) -> str:
    """The table's line."""
    control, cache = folder / "control.sock", Cache(folder)
    data = dataset.write_default(folder / "default.msgpack")
    options = StartOptions(data.path, workers=arguments.workers)
    with launcher.launch(restmarkd(arguments.build, way, control), options, cache) as server:
        loaded(server, arguments, connections, WARM_UP_S)
        before = served(arguments.build, control)
        result = loaded(server, arguments, connections, arguments.duration)
        shares = [after - was for was, after in zip(before, served(arguments.build, control), strict=True)]
    total = max(1, sum(shares))
    quantiles = result.latency_quantiles_us
    waits_us = (quantiles.get("50", 0), quantiles.get("99", 0), result.latency_max_us)
    milliseconds = " | ".join(f"{us / 1000:.2f}" for us in waits_us)
    fairness = f"{100 * max(shares) / total:.0f} % | {100 * min(shares) / total:.0f} %"
    return f"| {way} | {connections} | {result.requests_per_s:,.0f} | {milliseconds} | {fairness} | {result.errors} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares restmarkd's [server] balance settings: latency and fairness.")
    parser.add_argument("--build", type=Path, default=SOURCE / "build" / "release", help="the build tree (build/release)")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="one per CPU if not given")
    parser.add_argument("--duration", type=float, default=3, metavar="SECONDS", help="of each load (3)")
    parser.add_argument("--connections", default="1,8,64,256", metavar="N,N…", help="(1,8,64,256)")
    parser.add_argument("--ways", default=",".join(WAYS), metavar="WAY,WAY…", help="(all)")
    parser.add_argument("--target", default="/encode-json", metavar="PATH", help="(/encode-json)")
    parser.add_argument("--close", action="store_true", help="a connection for each request")
    arguments = parser.parse_args()
    arguments.build = arguments.build.absolute()
    kind = "a connection for each request" if arguments.close else "kept connections"
    try:
        with console.progress() as progress:
            load_program.provide(Cache(default_directory()), progress)
        print(f"`GET {arguments.target}`, {kind}, {arguments.workers} workers, {len(os.sched_getaffinity(0))} CPUs, Linux {platform.release()}\n")
        print("| balance | connections | requests/s | p50 ms | p99 ms | max ms | busiest | idlest | failed |")
        print("|---|---:|---:|---:|---:|---:|---:|---:|---:|", flush=True)
        for way in arguments.ways.split(","):
            for connections in (int(text) for text in arguments.connections.split(",")):
                with tempfile.TemporaryDirectory(prefix="balance-") as folder:
                    print(measure(arguments, way, connections, Path(folder)), flush=True)
    except RigError as error:
        console.show_error(error)
        sys.exit(error.exit_code)


main()
