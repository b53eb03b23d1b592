"""The machine's pace: what counts as quiet, and which load of a visit is kept."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from . import run_support  # noqa: F401  (it makes the rig importable)

from restmark_rig import visiting  # isort: skip
from restmark_rig.pace import Pace  # isort: skip


def pace_of(monkeypatch: pytest.MonkeyPatch, *readings: int, then: int) -> Pace:
    """A pace that reads these figures, and from then on the last one."""
    queue = list(readings)
    monkeypatch.setattr(Pace, "_on", lambda self, cpu: queue.pop(0) if queue else then)
    return Pace(frozenset({min(os.sched_getaffinity(0))}))


def test_quiet_is_the_first_decile_of_all_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, 900, 1000, *[1500] * 18, then=1600)
    assert pace.quiet_ns == 1500  # the third smallest of twenty: two fast ones may be whims
    pace = pace_of(monkeypatch, *[1000] * 20, then=1250)
    assert pace.quiet_ns == 1000
    assert pace.slowdown() == pytest.approx(1.25)


def test_a_machine_faster_than_quiet_is_not_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, *[1000] * 20, then=900)
    assert pace.quiet_ns == 1000
    assert pace.slowdown() == 1.0


def test_waiting_for_quiet_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, *[1000] * 20, 2000, 2000, then=1010)
    assert pace.quiet_ns == 1000
    assert pace.wait_for_quiet(1.05, limit_s=30) == pytest.approx(1.01)
    pace = pace_of(monkeypatch, *[1000] * 20, then=2000)
    assert pace.quiet_ns == 1000
    assert pace.wait_for_quiet(1.05, limit_s=0.15) == pytest.approx(2.0)


def test_the_real_work_takes_time_and_leaves_the_affinity_alone() -> None:
    before = os.sched_getaffinity(0)
    pace = Pace(None)
    assert 10_000 < pace.quiet_ns < 1_000_000_000
    assert pace.slowdown() >= 1.0
    assert os.sched_getaffinity(0) == before


class _Visits:
    """Stands for everything that a load needs; each load gets the next slowdown and the next number of errors."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, slowdowns: list[float], errors: list[int], quick: bool) -> None:
        self.loads = 0
        self._errors = errors
        waits = iter([1.0] * len(slowdowns))
        after = iter(slowdowns)
        pace = SimpleNamespace(wait_for_quiet=lambda above, limit_s: next(waits), slowdown=lambda: next(after))
        self.bench: Any = SimpleNamespace(pace=pace, settings=SimpleNamespace(quick=quick), pins=None)
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
