#!/usr/bin/python3
"""Compares what one request costs the load generators: restmark-load with and without its look at every answer, and wrk. For its developers.

Usage: bench/load-cost [--target TARGET] [--rounds N] [--seconds S] [--connections N] URL

Each loads the server at URL in turn from one CPU with one thread; pin the server to another one. Printed are the client's CPU time (user and
system) per answer, the median of the rounds, its ratio to restmark-load's without the look with a 95 % interval, and answers per second of that CPU time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from restmark_rig.contestants.cache import Cache, default_directory
from restmark_rig.load import load_program
from restmark_rig.model import stats
from restmark_rig.model.errors import RigError
from restmark_rig.terminal import console

_WRK_REQUESTS = re.compile(r"^\s*(\d+) requests in ", re.MULTILINE)


def cpu_us_per_answer(argv: list[str], cpu: int) -> float:
    """Microseconds of the program's own CPU time; anything but right answers ends this one."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["taskset", "-c", str(cpu), *argv], capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stderr}{done.stdout}")
    if argv[0].endswith("wrk"):
        found = _WRK_REQUESTS.search(done.stdout)
        answers = int(found[1]) if found else 0
        if "Socket errors" in done.stdout or "Non-2xx" in done.stdout:
            raise SystemExit(done.stdout)
    else:
        answers = json.loads(done.stdout)["requests"]["answered"]
    if not answers:
        raise SystemExit(f"{' '.join(argv)}: no answers")
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1e6 / answers


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare what one request costs the load generators.")
    parser.add_argument("url", metavar="URL", help="http://HOST:PORT of a server on another CPU")
    parser.add_argument("--target", default="/", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=9, help="default: %(default)s")
    parser.add_argument("--seconds", type=int, default=2, help="of each load (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=64, help="default: %(default)s")
    parser.add_argument("--cpu", type=int, default=min(os.sched_getaffinity(0)), help="of the client (default: %(default)s)")
    arguments = parser.parse_args()
    try:
        with console.progress() as progress:
            program = str(load_program.provide(Cache(default_directory()), progress))
    except RigError as error:
        console.show_error(error)
        return error.exit_code
    url, seconds, connections = arguments.url.rstrip("/") + arguments.target, arguments.seconds, arguments.connections
    ours = [program, "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "-j", url]
    commands = {"restmark-load --no-check": [*ours[:-1], "--no-check", url], "restmark-load": ours}
    if wrk := shutil.which("wrk"):
        commands["wrk"] = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", url]
    found: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(arguments.rounds):
        for name in sorted(commands, reverse=number % 2 == 0):
            found[name].append(cpu_us_per_answer(commands[name], arguments.cpu))
    base = next(iter(found.values()))
    for name, values in found.items():
        middle, ratio = stats.median(values), stats.ratio(values, base, paired=True)
        interval = f"({ratio.low:.3f} ... {ratio.high:.3f})" if ratio.low is not None and ratio.high is not None else ""
        print(f"{middle.value:8.2f} us/answer  {ratio.value:.3f} {interval:18}  {1e6 / middle.value:9,.0f}/s of a CPU  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
