"""Which CPUs serve and which ask, on described machines, and how a machine is read from /sys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from . import run_support  # noqa: F401  (it makes the rig importable)

from restmark_rig.host import pinning, topology  # isort: skip
from restmark_rig.model.cpulist import render  # isort: skip
from restmark_rig.host.pinning import Pinning  # isort: skip
from restmark_rig.host.topology import Cpu  # isort: skip


def cores(*groups: Sequence[int], node: int = 0, kind: str = "") -> list[Cpu]:
    """CPUs, of which those of a group share a core."""
    return [Cpu(number, frozenset(group), node, kind) for group in groups for number in group]


def machine(*parts: list[Cpu], without: Sequence[int] = ()) -> list[Cpu]:
    """All of the parts, in the order of their numbers, but those that this process may not use."""
    return sorted((cpu for part in parts for cpu in part if cpu.number not in without), key=lambda cpu: cpu.number)


TWO = machine(cores([0], [1]))
FAR = machine(cores([0, 4], [1, 5], [2, 6], [3, 7]))  # siblings i and i + n/2
NEAR = machine(cores([0, 1], [2, 3], [4, 5], [6, 7]))  # siblings 2i and 2i + 1
NODES = machine(cores([0, 8], [1, 9], [2, 10], [3, 11]), cores([4, 12], [5, 13], [6, 14], [7, 15], node=1))


@pytest.mark.parametrize(
    ("cpus", "server", "client"),
    [
        (TWO, "1", "0"),
        (machine(cores([0], [1], [2])), "1-2", "0"),
        (FAR, "2-3,6-7", "0-1,4-5"),
        (NEAR, "4-7", "0-3"),
        (NODES, "4-7,12-15", "0-3,8-11"),
        # a cpuset with a hole: what is left of a core stays together
        (machine(NEAR, without=[2, 3]), "4-7", "0-1"),
        (machine(FAR, without=[1, 6]), "3,5,7", "0,2,4"),
        (machine(FAR, without=[4, 5, 6, 7]), "2-3", "0-1"),
        # a node that is nearly all taken is left out, rather than serve on one CPU
        (machine(NODES, without=[5, 6, 7, 12, 13, 14, 15]), "2-3,10-11", "0-1,8-9"),
        # three cores of one node, one of the other
        (machine(cores([0], [1], [2]), cores([3], node=1)), "1-2", "0"),
        # two nodes of a core each
        (machine(cores([0, 2]), cores([1, 3], node=1)), "1,3", "0,2"),
        # fast and slow cores do not mix
        (machine(cores([0, 1], [2, 3], kind="fast"), cores([4], [5], kind="slow")), "2-3", "0-1"),
        # one core: its threads are all that can be split
        (machine(cores([0, 1])), "1", "0"),
        (machine(cores([0, 1], [2, 3]), without=[2, 3]), "1", "0"),
    ],
)
def test_sides(cpus: list[Cpu], server: str, client: str) -> None:
    pins = pinning.split(cpus)
    assert pins.server is not None
    assert pins.client is not None
    assert (render(pins.server), render(pins.client)) == (server, client)
    assert not pins.shared


def test_one_cpu_is_not_split() -> None:
    assert pinning.split(machine(cores([0]))) == Pinning(None, None)


def sides(server: Sequence[int], client: Sequence[int]) -> Pinning:
    return Pinning(frozenset(server), frozenset(client))


@pytest.mark.parametrize(
    ("cpus", "pins", "expected"),
    [
        (TWO, sides([1], [0]), []),
        (FAR, sides([2, 3, 6, 7], [0, 1, 4, 5]), []),
        (FAR, sides([4, 5, 6, 7], [0, 1, 2, 3]), ["server and client share a core (CPUs 4 and 0, 5 and 1, 6 and 2, 7 and 3)"]),
        (machine(cores([0, 1])), sides([1], [0]), ["server and client share a core (CPUs 1 and 0)"]),
        (TWO, sides([0], [0]), ["server and client share CPU 0: they take time from each other"]),
        (NODES, sides([2, 3, 4], [0, 1]), ["the server's CPUs 2-4 are of several memory nodes"]),
        (TWO, Pinning(None, None), ["server and client share one CPU, not pinned"]),
    ],
)
def test_remarks(cpus: list[Cpu], pins: Pinning, expected: list[str]) -> None:
    found = pinning.remarks(pins, cpus)
    assert len(found) == len(expected)
    for text, start in zip(found, expected, strict=True):
        assert text.startswith(start)


@pytest.mark.parametrize(
    ("cpus", "given", "expected"),
    [(FAR, [0, 4], "1-3,5-7"), (FAR, [0], "1-3,5-7"), (FAR, [0, 1, 2, 3], "4-7"), (TWO, [0], "1"), (TWO, [0, 1], "")],
)
def test_the_other_side_gets_whole_cores(cpus: list[Cpu], given: list[int], expected: str) -> None:
    assert render(pinning.rest_of(cpus, frozenset(given))) == expected


def test_a_machine_is_read_from_sys(tmp_path: Path) -> None:
    root = tmp_path / "devices" / "system" / "cpu"
    for number, siblings, node in ((0, "0,4", 0), (4, "0,4", 0), (9, "8-9", 1)):
        folder = root / f"cpu{number}"
        (folder / "topology").mkdir(parents=True)
        (folder / "topology" / "thread_siblings_list").write_text(f"{siblings}\n")
        (folder / f"node{node}").mkdir()
    (tmp_path / "devices" / "cpu_atom").mkdir()
    (tmp_path / "devices" / "cpu_atom" / "cpus").write_text("8-15\n")
    assert topology.read([0, 4, 9], root) == (
        Cpu(0, frozenset({0, 4}), 0, ""),
        Cpu(4, frozenset({0, 4}), 0, ""),
        Cpu(9, frozenset({8, 9}), 1, "cpu_atom"),
    )


def test_what_the_kernel_does_not_tell_is_simple(tmp_path: Path) -> None:
    assert topology.read([3], tmp_path / "devices" / "system" / "cpu") == (Cpu(3, frozenset({3})),)
