"""The machine's speed: what counts as quiet, and how much slower a moment is."""

from __future__ import annotations

import os

import pytest

from . import run_support  # noqa: F401  (it makes the rig importable)

from restmark_rig.host import reference_work  # isort: skip
from restmark_rig.model.errors import EnvironmentFault  # isort: skip
from restmark_rig.host.idle_latency import IdleLatency  # isort: skip
from restmark_rig.host.machine_speed import MachineSpeed, Quiet, Slowdown  # isort: skip
from restmark_rig.host.pinning import Pinning, halves  # isort: skip


_UNKNOWN = Quiet()


def speed_of(
    monkeypatch: pytest.MonkeyPatch, *work: int, then: int, handover: tuple[int, ...] = (), known: Quiet = _UNKNOWN
) -> MachineSpeed:
    """A speed that reads these figures, and from then on `then`; without handovers unless their figures are given."""
    queue, handovers = list(work), list(handover)
    monkeypatch.setattr(reference_work, "work_ns", lambda cpus, rested: queue.pop(0) if queue else then)
    monkeypatch.setattr(reference_work, "handover_ns", lambda *cpus: handovers.pop(0) if handovers else handover[-1])
    monkeypatch.setattr("restmark_rig.host.machine_speed._PAUSE_S", 0.001)
    pins = Pinning(frozenset({1}), frozenset({0})) if handover else Pinning(frozenset({1}), frozenset({1}))
    return MachineSpeed(pins, IdleLatency(), known)


def silent(_: str) -> None:
    """Takes progress."""


def test_quiet_is_the_first_decile_of_all_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    speed = speed_of(monkeypatch, 900, 1000, *[1500] * 18, then=1600)
    assert speed.quiet == Quiet(1500, None)  # the third smallest of twenty: two fast ones may be whims
    speed = speed_of(monkeypatch, *[1000] * 20, then=1250)
    assert speed.quiet.work_ns == 1000
    assert speed.slowdown().of(1.0) == pytest.approx(1.25)


def test_what_was_known_before_an_interruption_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    speed = speed_of(monkeypatch, then=1500, handover=(80,), known=Quiet(1000, 40))
    assert speed.quiet == Quiet(1000, 40)
    assert speed.slowdown().of(1.0) == pytest.approx(2.0)
    assert speed_of(monkeypatch, then=900, known=Quiet(1000, None)).quiet == Quiet(900, None)


def test_a_machine_faster_than_quiet_is_not_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    speed = speed_of(monkeypatch, *[1000] * 20, then=900)
    assert speed.quiet.work_ns == 1000
    assert speed.slowdown().of(1.0) == 1.0


def test_the_slower_piece_of_work_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    speed = speed_of(monkeypatch, then=1000, handover=(*[30] * 20, 75))
    assert speed.quiet == Quiet(1000, 30)
    assert speed.slowdown().of(1.0) == pytest.approx(2.5)


def test_a_handover_counts_for_what_sending_is_of_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    speed = speed_of(monkeypatch, then=1000, handover=(*[31_000] * 20, 79_000))
    assert speed.sending_share(133_800, 46_000) == pytest.approx(0.72, abs=0.02)
    assert speed.sending_share(120, 6_700) == pytest.approx(0.19, abs=0.01)
    assert speed.sending_share(120, 830_000) < 0.002
    assert speed.sending_share(133_800, 10_000) == 1.0
    assert speed.sending_share(120, float("inf")) == 0.0
    assert speed.sending_share(120, 0.0) == 1.0
    assert speed.slowdown().of(0.72) == pytest.approx(2.11, abs=0.01)
    assert speed.slowdown().of(0.002) == pytest.approx(1.003, abs=0.001)
    assert speed_of(monkeypatch, then=1000).sending_share(133_800, 46_000) == 0.0


@pytest.mark.parametrize(
    ("quiet", "looks"),
    [(10, 10), (20, 400)],
    ids=["moments before the run are known", "what is slow for long does not pass for quiet"],
)
def test_quiet_stays_quiet(monkeypatch: pytest.MonkeyPatch, quiet: int, looks: int) -> None:
    speed = speed_of(monkeypatch, *[1000] * quiet, then=2000)
    for _ in range(looks):
        speed.look()
    assert speed.quiet.work_ns == 1000
    assert speed.slowdown().of(1.0) == pytest.approx(2.0)


def test_the_worse_of_two_looks_counts() -> None:
    assert (Slowdown(1.2, 1.0) | Slowdown(1.1, 1.5)) == Slowdown(1.2, 1.5)
    assert Slowdown(1.2, 1.5).of(0.0) == pytest.approx(1.2)
    assert Slowdown(1.2, 1.5).of(1.0) == pytest.approx(1.5)


def test_a_machine_that_cannot_be_looked_at_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    speed = speed_of(monkeypatch, then=1000)

    def gone(*_: object) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(reference_work, "work_ns", gone)
    with pytest.raises(EnvironmentFault, match="Invalid argument"):
        speed.look()


def test_the_real_work_takes_time_and_leaves_the_affinity_alone() -> None:
    before = os.sched_getaffinity(0)
    speed = MachineSpeed(halves(), IdleLatency())
    speed.get_to_know(0.1, silent)
    assert 10_000 < (speed.quiet.work_ns or 0) < 1_000_000_000
    assert (speed.quiet.handover_ns is None) == halves().shared
    assert speed.slowdown().of(1.0) >= 1.0
    assert os.sched_getaffinity(0) == before


def test_what_follows_a_reading_at_once_finds_the_cpus_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    speed = speed_of(monkeypatch, then=1000)
    monkeypatch.setattr(reference_work, "work_ns", lambda cpus, rested: asked.append(rested) or 1000)
    speed.look()
    assert speed.quiet.work_ns == 1000
    assert asked == [True, True, *[False] * 18]
    speed.slowdown()
    assert asked[20:] == [True], "servers have rested or worked elsewhere since"


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")
def test_a_handover_costs_its_sender_time() -> None:
    server, client = sorted(os.sched_getaffinity(0))[:2]
    assert 2_000 < reference_work.handover_ns(server, client) < 100_000_000


@pytest.mark.parametrize("absent", ["server", "client"])
def test_a_handover_on_a_cpu_that_is_not_there_ends(absent: str) -> None:
    present, gone = min(os.sched_getaffinity(0)), 1023
    with pytest.raises(OSError, match="Invalid argument"):
        reference_work.handover_ns(*((gone, present) if absent == "server" else (present, gone)))
