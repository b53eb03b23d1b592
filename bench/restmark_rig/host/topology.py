"""How the machine's CPUs belong together: which share a core, which a memory node, which are of one kind. From /sys."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_CPU_DIR = Path("/sys/devices/system/cpu")
_HYBRID = ("cpu_core", "cpu_atom")  # folders of /sys/devices with the CPUs of each kind, on Intel's hybrids


@dataclass(frozen=True)
class Cpu:
    """One logical CPU. core: all CPUs of its core, itself included, also those that this process may not use; node: of memory;
    kind: equal for CPUs that are equally fast; l3: all CPUs of its L3 cache, none where it has none or the kernel does not tell."""

    number: int
    core: frozenset[int]
    node: int = 0
    kind: str = ""
    l3: frozenset[int] = frozenset()

    @property
    def pool(self) -> tuple[int, str]:
        """CPUs of one pool are alike and near each other."""
        return self.node, self.kind


def read(numbers: Iterable[int] | None = None, root: Path = _CPU_DIR) -> tuple[Cpu, ...]:
    """These CPUs, by default those that this process may use. What the kernel does not tell is taken for the simplest: cores of
    one thread, one node, one kind."""
    wanted = sorted(os.sched_getaffinity(0) if numbers is None else numbers)
    return tuple(_describe(number, root) for number in wanted)


def _describe(number: int, root: Path) -> Cpu:
    folder = root / f"cpu{number}"
    siblings = _members(folder / "topology" / "thread_siblings_list")
    nodes = sorted(int(path.name[4:]) for path in folder.glob("node[0-9]*"))
    kind = next((name for name in _HYBRID if number in _members(root.parents[1] / name / "cpus")), "")
    caches = [cache for cache in folder.glob("cache/index[0-9]*") if _text(cache / "level") == "3"]
    l3 = _members(caches[0] / "shared_cpu_list") if caches else frozenset()
    return Cpu(number, siblings | {number}, nodes[0] if nodes else 0, kind or _text(folder / "cpu_capacity"), l3)


def _members(path: Path) -> frozenset[int]:
    """A list such as 0-3,8, without a look at who may use them; empty where there is none."""
    found: set[int] = set()
    for first, last in re.findall(r"([0-9]+)(?:-([0-9]+))?", _text(path)):
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
