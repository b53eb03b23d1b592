"""Which CPUs so many workers get: by what these share, decided from a topology alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..model.cpulist import render
from .topology import Cpu


def in_order(cpus: Sequence[Cpu], allowed: Collection[int]) -> list[int]:
    """The allowed CPUs in the order in which workers get them: a node (and kind) is filled before the next; in it each worker gets a core of
    its own first, of one L3 cache before the next, and the other threads of those cores come last."""
    usable = [cpu for cpu in cpus if cpu.number in allowed]
    # The node with the most of them comes first: fewer curves have a step in them then.
    sizes = {pool: sum(cpu.pool == pool for cpu in usable) for pool in {cpu.pool for cpu in usable}}

    def place(cpu: Cpu) -> tuple[int, tuple[int, str], int, int, int]:
        threads = sorted(cpu.core & set(allowed))
        return -sizes[cpu.pool], cpu.pool, threads.index(cpu.number), min(cpu.l3, default=0), cpu.number

    return [cpu.number for cpu in sorted(usable, key=place)]


def chosen(cpus: Sequence[Cpu], allowed: Collection[int], workers: int) -> frozenset[int]:
    """Those of so many workers: one for each, as far as there are."""
    return frozenset(in_order(cpus, allowed)[:workers])


def told(cpus: Sequence[Cpu], numbers: Collection[int]) -> str:
    """ "CPUs 16-19: 4 cores of node 1, 1 L3 cache"."""
    own = [cpu for cpu in cpus if cpu.number in numbers]
    cores = {min(cpu.core) for cpu in own}
    what = _counted(len(cores), "core") if len(own) == len(cores) else f"{len(own)} threads of {_counted(len(cores), 'core')}"
    nodes = sorted({cpu.node for cpu in own})
    where = f"of node {nodes[0]}" if len(nodes) == 1 else f"of nodes {' and '.join(map(str, nodes))}"
    caches = {min(cpu.l3) for cpu in own if cpu.l3}
    shared = f", {_counted(len(caches), 'L3 cache')}" if caches else ""
    return f"CPU{'' if len(own) == 1 else 's'} {render(set(numbers))}: {what} {where}{shared}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
