"""The machine's pace: what counts as quiet, and which load of a visit is kept."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from . import run_support  # noqa: F401  (it makes the rig importable)

from restmark_rig import visiting, yardsticks  # isort: skip
from restmark_rig.idle_latency import IdleLatency  # isort: skip
from restmark_rig.pace import Pace, Quiet  # isort: skip
from restmark_rig.pinning import Pinning, halves  # isort: skip


def pace_of(
    monkeypatch: pytest.MonkeyPatch, *work: int, then: int, handover: tuple[int, ...] = (), known: Quiet = Quiet()
) -> Pace:
    """A pace that reads these figures, and from then on `then`; without handovers unless their figures are given."""
    queue, handovers = list(work), list(handover)
    monkeypatch.setattr(yardsticks, "work_ns", lambda cpus: queue.pop(0) if queue else then)
    monkeypatch.setattr(yardsticks, "handover_ns", lambda *cpus: handovers.pop(0) if handovers else handover[-1])
    monkeypatch.setattr("restmark_rig.pace._PAUSE_S", 0.001)
    pins = Pinning(frozenset({1}), frozenset({0})) if handover else Pinning(frozenset({1}), frozenset({1}))
    return Pace(pins, IdleLatency(), known)


def silent(_: str) -> None:
    """Takes progress."""


def test_quiet_is_the_first_decile_of_all_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, 900, 1000, *[1500] * 18, then=1600)
    assert pace.quiet == Quiet(1500, None)  # the third smallest of twenty: two fast ones may be whims
    pace = pace_of(monkeypatch, *[1000] * 20, then=1250)
    assert pace.quiet.work_ns == 1000
    assert pace.slowdown() == pytest.approx(1.25)


def test_what_was_known_before_an_interruption_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, then=1500, handover=(80,), known=Quiet(1000, 40))
    assert pace.quiet == Quiet(1000, 40)
    assert pace.slowdown() == pytest.approx(2.0)
    assert pace_of(monkeypatch, then=900, known=Quiet(1000, None)).quiet == Quiet(900, None)


def test_a_machine_faster_than_quiet_is_not_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, *[1000] * 20, then=900)
    assert pace.quiet.work_ns == 1000
    assert pace.slowdown() == 1.0


def test_the_slower_piece_of_work_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, then=1000, handover=(*[30] * 20, 75))
    assert pace.quiet == Quiet(1000, 30)
    assert pace.slowdown() == pytest.approx(2.5)


def test_moments_before_the_run_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, *[1000] * 10, then=2000)
    for _ in range(10):
        pace.look()
    assert pace.quiet.work_ns == 1000
    assert pace.slowdown() == pytest.approx(2.0)


def test_waiting_for_quiet_ends_with_quiet_or_with_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, *[1000] * 20, 2000, 2000, then=1010)
    assert pace.quiet.work_ns == 1000
    pace.patience_s = 30
    told: list[str] = []
    assert pace.wait_for_quiet(1.05, told.append) == pytest.approx(1.01)
    assert told == ["waiting: the machine is 2.00 times slower than in quiet"] * 2
    assert 0 < 30 - pace.patience_s < 30
    pace = pace_of(monkeypatch, *[1000] * 20, then=2000)
    pace.patience_s = 0.15
    assert pace.quiet.work_ns == 1000
    assert pace.wait_for_quiet(1.05, silent) == pytest.approx(2.0)
    assert pace.patience_s <= 0
    assert pace.wait_for_quiet(1.05, silent) == pytest.approx(2.0)  # at once


def test_the_real_work_takes_time_and_leaves_the_affinity_alone() -> None:
    before = os.sched_getaffinity(0)
    pace = Pace(halves(), IdleLatency())
    pace.get_to_know(0.1, silent)
    assert 10_000 < (pace.quiet.work_ns or 0) < 1_000_000_000
    assert (pace.quiet.handover_ns is None) == halves().shared
    assert pace.slowdown() >= 1.0
    assert os.sched_getaffinity(0) == before


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")
def test_a_handover_costs_its_sender_time() -> None:
    server, client = sorted(os.sched_getaffinity(0))[:2]
    assert 2_000 < yardsticks.handover_ns(server, client) < 100_000_000


class _Visits:
    """Stands for everything that a load needs; each load gets the next slowdown and the next number of errors."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, slowdowns: list[float], errors: list[int], quick: bool) -> None:
        self.loads = 0
        self._errors = errors
        waits = iter([1.0] * len(slowdowns))
        after = iter(slowdowns)
        pace = SimpleNamespace(wait_for_quiet=lambda above, tell: next(waits), slowdown=lambda: next(after))
        self.bench: Any = SimpleNamespace(pace=pace, settings=SimpleNamespace(quick=quick), pins=None, tell=silent)
        self.server: Any = SimpleNamespace(death=lambda: "")
        monkeypatch.setattr(visiting, "Sampler", lambda server, pins: SimpleNamespace(read=lambda: None))
        monkeypatch.setattr(visiting.sampler, "between", lambda before, after: None)
        monkeypatch.setattr(visiting.rest, "come_to_rest", lambda server, window_s: True)
        monkeypatch.setattr(visiting, "_load", self._load)

    def _load(self, *_: object) -> Any:
        self.loads += 1
        return SimpleNamespace(errors=self._errors[self.loads - 1], number=self.loads)

    def run(self) -> tuple[int, int, float]:
        kept, attempts = visiting._attempts(self.server, None, self.bench, 64, 1.0)  # type: ignore[arg-type]
        assert attempts == self.loads
        return kept.load.number, attempts, kept.slowdown  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("slowdowns", "errors", "quick", "expected"),
    [
        ([1.01], [0], False, (1, 1, 1.01)),
        ([1.30, 1.05], [0, 0], False, (2, 2, 1.05)),
        ([1.30, 1.12, 1.20], [0, 0, 0], False, (2, 3, 1.12)),  # never quiet: that of the quietest moment
        ([1.30, 1.40], [0, 7], False, (2, 2, 1.40)),  # a failure is kept, not repeated away
        ([1.30], [3], False, (1, 1, 1.30)),
        ([1.30], [0], True, (1, 1, 1.30)),  # --quick has no time to repeat
    ],
)
def test_which_load_is_kept(
    monkeypatch: pytest.MonkeyPatch,
    slowdowns: list[float],
    errors: list[int],
    quick: bool,
    expected: tuple[int, int, float],
) -> None:
    assert _Visits(monkeypatch, slowdowns, errors, quick).run() == expected
