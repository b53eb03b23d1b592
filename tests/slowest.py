#!/usr/bin/python3
"""Prints the ten tests that took longest by ctest's logs: of pytest's the single tests, of programs the whole.

Usage: tests/slowest.py LOG…
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

SHOWN = 10
# What ctest writes around the output of each test, and what pytest's --durations adds to it.
NAMED = re.compile(r"^\d+/\d+ Test: (\S+)$")
TOOK = re.compile(r"^Test time = +([\d.]+) sec$")
SINGLE = re.compile(r"^([\d.]+)s (call|setup|teardown) +(\S+)$")


def durations(preset: str, lines: list[str]) -> list[tuple[float, str]]:
    """(seconds, name) of each test in a log: those that pytest tells, or the whole where it tells none."""
    found: list[tuple[float, str]] = []
    name, singles = "", list[tuple[float, str]]()
    for line in lines:
        if match := NAMED.match(line):
            name, singles = match[1], []
        elif match := SINGLE.match(line):
            step = "" if match[2] == "call" else f" ({match[2]})"
            singles.append((float(match[1]), f"{preset} {name}: {match[3].rpartition('/')[2]}{step}"))
        elif match := TOOK.match(line):
            found += singles or [(float(match[1]), f"{preset} {name}")]
    return found


def main(logs: list[str]) -> int:
    """Reads the logs build/PRESET/Testing/Temporary/LastTest.log and prints a line for each of the slowest tests."""
    found = []
    for log in map(Path, logs):
        found += durations(log.parents[2].name, log.read_text(encoding="utf-8", errors="replace").splitlines())
    for seconds, name in sorted(found, reverse=True)[:SHOWN]:
        print(f"{seconds:7.1f} s  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
