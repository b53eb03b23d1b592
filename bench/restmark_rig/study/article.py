#!/usr/bin/python3
"""Loads a server by wrk's command line, as by hand for the article whose comparison is repeated here, and by restmark-load's beside it.

Usage: bench/article [--threads N] [--connections N] [--duration S] [--print] URL...

The article is "Benchmarking Python vs PyPy vs Go vs Rust" (12 October 2019, deavid.wordpress.com). Which threads, connections and duration it
used is not on record here: the defaults are wrk's own two threads and ten seconds, and the 64 connections of this rig; give others where you
know better. Each command is printed before it runs, so that it can be repeated by hand; --print prints them and runs nothing. wrk's own report
is shown as it is.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from restmark_rig.contestants.cache import Cache, default_directory  # noqa: E402
from restmark_rig.load import load_program  # noqa: E402
from restmark_rig.model.errors import EnvironmentFault, RigError, UsageFault  # noqa: E402
from restmark_rig.study import cross_check  # noqa: E402
from restmark_rig.terminal import console  # noqa: E402

_WRONG = re.compile(r"^ *(Socket errors:.*|Non-2xx.*)$", re.MULTILINE)
_OURS = re.compile(r"^requests +([\d.e+]+)/s answered", re.MULTILINE)


def at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def commands(arguments: argparse.Namespace, url: str, wrk: str, ours: str) -> dict[str, list[str]]:
    """The two programs with the same figures."""
    figures = [f"-t{arguments.threads}", f"-c{arguments.connections}", f"-d{arguments.duration}s"]
    return {"wrk": [wrk, *figures, url], "restmark-load": [ours, *figures, url]}


def requests_per_s(name: str, argv: list[str]) -> float:
    """Runs it, shows what it prints, and takes its requests/s from that."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    print(done.stdout, end="", flush=True)
    found = (cross_check.WRK_RATE if name == "wrk" else _OURS).search(done.stdout)
    if found is None or float(found[1]) <= 0 or (name == "wrk" and done.returncode != 0):
        raise EnvironmentFault(
            f"{shlex.join(argv)}: exit code {done.returncode}\n{(done.stdout + done.stderr).strip()}",
            "does the server run?",
        )
    if wrong := _WRONG.search(done.stdout):
        print(f"# not all was answered rightly: {wrong[1].strip()}")
    return float(found[1])


def load(arguments: argparse.Namespace, url: str, wrk: str, ours: str) -> None:
    rates = {}
    for name, argv in commands(arguments, url, wrk, ours).items():
        print(f"$ {shlex.join(argv)}", flush=True)
        if not arguments.print:
            rates[name] = requests_per_s(name, argv)
            print()
    opened = arguments.connections // arguments.threads * arguments.threads
    if opened < arguments.connections:
        print(
            f"# wrk opens {opened} of the {arguments.connections} connections: {arguments.threads} threads do not divide them"
        )
    if rates:
        print(
            f"# restmark-load {rates['restmark-load']:,.0f}/s, wrk {rates['wrk']:,.0f}/s: {rates['restmark-load'] / rates['wrk']:.3f}"
        )
        print(
            "# wrk's latencies are none: it spreads a long answer over requests that were never sent (docs/METHODOLOGY.md, Load)"
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Load a server with wrk's command line and restmark-load's beside it.", allow_abbrev=False
    )
    parser.add_argument("urls", nargs="+", metavar="URL", help="http://HOST:PORT/TARGET; each in turn")
    parser.add_argument("--threads", type=at_least_one, default=2, metavar="N", help="wrk's -t (default: %(default)s)")
    parser.add_argument(
        "--connections", type=at_least_one, default=64, metavar="N", help="wrk's -c (default: %(default)s)"
    )
    parser.add_argument(
        "--duration", type=at_least_one, default=10, metavar="S", help="wrk's -d, in seconds (default: %(default)s)"
    )
    parser.add_argument("--print", action="store_true", help="print the commands, and run nothing")
    arguments = parser.parse_args()
    try:
        if arguments.threads > arguments.connections:
            raise UsageFault(
                f"{arguments.threads} threads for {arguments.connections} connections", "give each thread one at least"
            )
        wrk, ours = "wrk", "restmark-load"
        if not arguments.print:
            wrk = cross_check.wrk_path()
            with console.progress() as progress:
                ours = str(load_program.provide(Cache(default_directory()), progress))
        for url in arguments.urls:
            load(arguments, url, wrk, ours)
    except RigError as error:
        console.show_error(error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
