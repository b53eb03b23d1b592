"""Which CPUs serve and which ask: disjoint, whole cores, near each other, so that neither side takes time from the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..model.cpulist import render
from ..model.errors import UsageFault
from . import topology
from .topology import Cpu


@dataclass(frozen=True)
class Pinning:
    """None: not pinned, as there is only one CPU. back_ends: for those that a run starts, which may be others' CPUs, too.

    apart: the server's CPUs are another machine's than the rest.
    """

    server: frozenset[int] | None
    client: frozenset[int] | None
    back_ends: frozenset[int] | None = None
    apart: bool = False

    @property
    def workers(self) -> int:
        """As many as the server has CPUs."""
        return len(self.server) if self.server else 1

    @property
    def shared(self) -> bool:
        """Whether server and client take time from each other."""
        return not self.apart and (self.server is None or self.client is None or bool(self.server & self.client))


def halves() -> Pinning:
    """The CPUs that this process may use in two halves, see split()."""
    return split(topology.read())


def split(cpus: Sequence[Cpu]) -> Pinning:
    """Two sides of whole cores: of one node and kind, or each of one, whichever gives the smaller side more CPUs.

    The server gets the odd core. CPU 0, which tends to have the interrupts, goes to the client, or to nobody. Where there is
    but one core its threads are split.
    """
    if len(cpus) < 2:
        return Pinning(None, None)
    pools = sorted(_pools(cpus), key=len, reverse=True)
    choices = [_halves_of(pool) for pool in pools]
    if len(pools) > 1:
        # The pool with the first CPU asks, for the interrupts' sake.
        asking, serving = sorted(pools[:2], key=lambda pool: min(pool[0]))
        choices.append((_joined(serving), _joined(asking)))
    if not any(client for _, client in choices):
        choices = [_halves_of([frozenset({cpu.number}) for cpu in cpus])]
    return Pinning(*max(choices, key=lambda choice: min(map(len, choice))))


def _pools(cpus: Sequence[Cpu]) -> Iterator[list[frozenset[int]]]:
    """The usable parts of the cores of each pool, in the order of their L3 caches and CPUs, so that a half has whole caches where it can."""
    for pool in dict.fromkeys(cpu.pool for cpu in cpus):
        own = sorted((cpu for cpu in cpus if cpu.pool == pool), key=lambda cpu: min(cpu.l3, default=0))
        yield list(dict.fromkeys(_usable_core(cpu, cpus) for cpu in own))


def _usable_core(cpu: Cpu, cpus: Sequence[Cpu]) -> frozenset[int]:
    return cpu.core & {other.number for other in cpus}


def _halves_of(cores: Sequence[frozenset[int]]) -> tuple[frozenset[int], frozenset[int]]:
    """Server's and client's; the client's is empty if there is one core only."""
    middle = len(cores) // 2
    return _joined(cores[middle:]), _joined(cores[:middle])


def _joined(cores: Sequence[frozenset[int]]) -> frozenset[int]:
    return frozenset().union(*cores)


def chosen(server: frozenset[int] | None, client: frozenset[int] | None) -> Pinning:
    """As the user says; the side that he leaves out gets the rest, and halves if he leaves out both.

    Raises UsageFault if nothing is left.
    """
    if server is None and client is None:
        return halves()
    cpus = topology.read()
    if server is not None and client is not None:
        return Pinning(server, client)
    given = server or client or frozenset()
    rest = rest_of(cpus, given)
    if not rest:
        raise UsageFault(
            f"the CPUs {render(given)} are all that there are: none is left for the other side",
            "name fewer of them, or name both --server-cpus and --client-cpus",
        )
    return Pinning(server or rest, client or rest)


def with_back_ends(pins: Pinning, given: frozenset[int] | None, cpus: Sequence[Cpu] | None = None) -> Pinning:
    """The same with CPUs for back ends: those given, else cores of the client's, which keeps the smaller half, or has to share its one."""
    if given is not None or pins.client is None:
        return replace(pins, back_ends=given)
    own = [cpu for cpu in (topology.read() if cpus is None else cpus) if cpu.number in pins.client]
    serving, asking = _halves_of(list(dict.fromkeys(_usable_core(cpu, own) for cpu in own)))
    return replace(pins, client=asking, back_ends=serving) if asking else replace(pins, back_ends=pins.client)


def shared_with_back_ends(pins: Pinning) -> str:
    """Whose CPUs the back ends run on, too: "client", "server", or "" for nobody's."""
    if pins.back_ends is None:
        return ""
    return "client" if pins.back_ends & (pins.client or frozenset()) else "server" if pins.back_ends & (pins.server or frozenset()) else ""


def two_machines(serving: Sequence[Cpu], server: frozenset[int] | None, client: frozenset[int] | None) -> Pinning:
    """The server on another machine, of whose CPUs it gets those of the largest pool if the user names none; all of this one ask then."""
    largest = max(_pools(serving), key=len)
    return Pinning(server or _joined(largest), client or frozenset(cpu.number for cpu in topology.read()), apart=True)


def rest_of(cpus: Sequence[Cpu], given: frozenset[int]) -> frozenset[int]:
    """What is left beside the given CPUs: of other cores, or, if they are on all cores, the other threads."""
    left = [cpu for cpu in cpus if cpu.number not in given]
    return frozenset(cpu.number for cpu in left if not cpu.core & given) or frozenset(cpu.number for cpu in left)


def remarks(pins: Pinning, cpus: Sequence[Cpu] | None = None) -> list[str]:
    """What makes the choice doubtful, a sentence each. cpus: those that the server's machine has for it."""
    if pins.server is None or pins.client is None:
        return ["server and client share one CPU, not pinned: they take time from each other, and no cell can be ranked"]
    machine = topology.read() if cpus is None else cpus
    if pins.apart:
        return list(_of_several_pools("server", pins.server, machine))
    found = []
    if side := shared_with_back_ends(pins):
        assert pins.back_ends is not None
        found.append(
            f"the back ends share CPU {render(pins.back_ends)} with the {side}: CPU time is told apart all the same, but they wait for each other; "
            "with three CPUs or more each has its own"
        )
    if both := pins.server & pins.client:
        found.append(
            f"server and client share CPU {render(both)}: they take time from each other, and no cell can be ranked"
        )
    on_core = [
        f"{cpu.number} and {other}"
        for cpu in machine
        for other in sorted(cpu.core & pins.client)
        if cpu.number in pins.server and other not in pins.server and cpu.number not in pins.client
    ]
    if on_core:
        found.append(
            f"server and client share a core (CPUs {', '.join(on_core)}): each is slower while the other works; give them whole "
            "cores with --server-cpus and --client-cpus"
        )
    for side, own in (("server", pins.server), ("client", pins.client)):
        found += _of_several_pools(side, own, machine)
    return found


def _of_several_pools(side: str, own: frozenset[int], machine: Sequence[Cpu]) -> Iterator[str]:
    if len({cpu.pool for cpu in machine if cpu.number in own}) > 1:
        yield f"the {side}'s CPUs {render(own)} are of several memory nodes or kinds: its workers are not equally fast"
