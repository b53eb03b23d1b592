"""Lists of CPUs as taskset(1) writes them: 0-3,6."""

from __future__ import annotations

import os
import re

from .errors import UsageFault


def numbers(text: str) -> frozenset[int]:
    """The CPUs in text, of whatever machine. Raises UsageFault if it is no list."""
    cpus: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", part.strip())
        if not match:
            raise UsageFault(f"CPU list {text!r}: {part!r} is no CPU and no range", "write it like 0-3,6")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UsageFault(f"CPU list {text!r}: the range {part} runs backwards", f"write {last}-{first}")
        cpus.update(range(first, last + 1))
    return frozenset(cpus)


def parse(text: str) -> frozenset[int]:
    """The CPUs in text. Raises UsageFault if it is no list, or names a CPU that this process may not use."""
    cpus = numbers(text)
    allowed = os.sched_getaffinity(0)
    if foreign := sorted(cpus - allowed):
        raise UsageFault(
            f"CPU list {text!r}: this process may not run on CPU {', '.join(map(str, foreign))}",
            f"choose out of {render(allowed)}",
        )
    return cpus


def render(cpus: frozenset[int] | set[int]) -> str:
    """The shortest list that names the CPUs."""
    ordered = sorted(cpus)
    parts: list[list[int]] = []
    for cpu in ordered:
        if parts and parts[-1][-1] == cpu - 1:
            parts[-1] = [parts[-1][0], cpu]
        else:
            parts.append([cpu])
    return ",".join("-".join(map(str, part)) for part in parts)
