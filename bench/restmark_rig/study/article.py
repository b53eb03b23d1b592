"""A server loaded by wrk's command line, as by hand for the article whose comparison is repeated here, and by restmark-load's beside it.

The article is "Benchmarking Python vs PyPy vs Go vs Rust" (12 October 2019, deavid.wordpress.com). Which threads, connections and duration it
used is not on record here: the defaults of `restmark dev article` are wrk's own two threads and ten seconds, and the 64 connections of this
rig. Not the engines' plans, but the very words that one would type are what is run here, and what they print is shown as it is.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass

from ..load import wrk
from ..model.errors import EnvironmentFault

_OURS = re.compile(r"^requests +([\d.e+]+)/s answered", re.MULTILINE)


@dataclass(frozen=True)
class ByHand:
    """The figures that both programs are given."""

    threads: int
    connections: int
    duration_s: int

    @property
    def opened_by_wrk(self) -> int:
        """wrk opens no more connections than its threads can share out evenly."""
        return self.connections // self.threads * self.threads

    def commands(self, url: str, wrk_path: str, our_path: str) -> dict[str, list[str]]:
        """The two programs with the same figures."""
        figures = [f"-t{self.threads}", f"-c{self.connections}", f"-d{self.duration_s}s"]
        return {"wrk": [wrk_path, *figures, url], "restmark-load": [our_path, *figures, url]}


@dataclass(frozen=True)
class Said:
    """What a program printed, its requests/s, and what it says was not answered rightly; empty if nothing."""

    text: str
    requests_per_s: float
    wrong: str


def run(name: str, argv: list[str]) -> Said:
    """Raises EnvironmentFault if it tells no requests/s."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    found = (wrk.RATE if name == "wrk" else _OURS).search(done.stdout)
    if found is None or float(found[1]) <= 0 or (name == "wrk" and done.returncode != 0):
        raise EnvironmentFault(f"{shlex.join(argv)}: exit code {done.returncode}\n{(done.stdout + done.stderr).strip()}", "does the server run?")
    wrong = wrk.WRONG.search(done.stdout)
    return Said(done.stdout, float(found[1]), wrong[1].strip() if wrong else "")
