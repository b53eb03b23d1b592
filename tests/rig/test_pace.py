"""The machine's pace: what counts as quiet, and which load of a visit is kept."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from . import run_support  # noqa: F401  (it makes the rig importable)

from restmark_rig import idle_latency, visiting, yardsticks  # isort: skip
from restmark_rig.errors import EnvironmentFault  # isort: skip
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
    assert pace.slowdown(1.0) == pytest.approx(1.25)


def test_what_was_known_before_an_interruption_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, then=1500, handover=(80,), known=Quiet(1000, 40))
    assert pace.quiet == Quiet(1000, 40)
    assert pace.slowdown(1.0) == pytest.approx(2.0)
    assert pace_of(monkeypatch, then=900, known=Quiet(1000, None)).quiet == Quiet(900, None)


def test_a_machine_faster_than_quiet_is_not_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, *[1000] * 20, then=900)
    assert pace.quiet.work_ns == 1000
    assert pace.slowdown(1.0) == 1.0


def test_the_slower_piece_of_work_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, then=1000, handover=(*[30] * 20, 75))
    assert pace.quiet == Quiet(1000, 30)
    assert pace.slowdown(1.0) == pytest.approx(2.5)


def test_a_handover_counts_for_what_sending_is_of_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, then=1000, handover=(*[31_000] * 20, 79_000))
    assert pace.sending_share(133_800, 46_000) == pytest.approx(0.72, abs=0.02)
    assert pace.sending_share(120, 6_700) == pytest.approx(0.19, abs=0.01)
    assert pace.sending_share(120, 830_000) < 0.002
    assert pace.sending_share(133_800, 10_000) == 1.0
    assert pace.sending_share(120, float("inf")) == 0.0
    assert pace.sending_share(120, 0.0) == 1.0
    assert pace.slowdown(0.72) == pytest.approx(2.11, abs=0.01)
    assert pace.slowdown(0.002) == pytest.approx(1.003, abs=0.001)
    assert pace_of(monkeypatch, then=1000).sending_share(133_800, 46_000) == 0.0


@pytest.mark.parametrize(
    ("quiet", "looks"),
    [(10, 10), (20, 400)],
    ids=["moments before the run are known", "what is slow for long does not pass for quiet"],
)
def test_quiet_stays_quiet(monkeypatch: pytest.MonkeyPatch, quiet: int, looks: int) -> None:
    pace = pace_of(monkeypatch, *[1000] * quiet, then=2000)
    for _ in range(looks):
        pace.look()
    assert pace.quiet.work_ns == 1000
    assert pace.slowdown(1.0) == pytest.approx(2.0)


def test_waiting_for_quiet_ends_with_quiet_or_with_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, *[1000] * 20, 2000, 2000, then=1010)
    assert pace.quiet.work_ns == 1000
    pace.patience_s = 30
    told: list[str] = []
    assert pace.wait_for_quiet(1.05, 1.10, 1.0, told.append) == pytest.approx(1.01)
    assert told == ["waiting: the machine is 2.00 times slower than in quiet"] * 2
    assert 0 < 30 - pace.patience_s < 30
    pace = pace_of(monkeypatch, *[1000] * 20, then=2000)
    pace.patience_s = 0.15
    assert pace.quiet.work_ns == 1000
    assert pace.wait_for_quiet(1.05, 1.10, 1.0, silent) == pytest.approx(2.0)
    assert pace.patience_s <= 0
    assert pace.wait_for_quiet(1.05, 1.10, 1.0, silent) == pytest.approx(2.0)  # at once


def test_what_is_bearable_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, *[1000] * 20, then=1080)
    assert pace.quiet.work_ns == 1000
    pace.patience_s = 1000
    monkeypatch.setattr("restmark_rig.pace._BEARABLE_WAIT_S", 0.1)
    assert pace.wait_for_quiet(1.05, 1.10, 1.0, silent) == pytest.approx(1.08)
    assert 0.1 <= 1000 - pace.patience_s < 60


def test_cpus_may_sleep_while_a_run_waits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = tmp_path / "cpu_dma_latency"
    device.touch()
    monkeypatch.setattr(idle_latency, "DEVICE", device)
    pace = pace_of(monkeypatch, *[1000] * 21, 2000, then=1000)
    assert pace.quiet.work_ns == 1000
    pace.patience_s = 30
    held: list[bool] = []
    monkeypatch.setattr("restmark_rig.pace.time.sleep", lambda _: held.append(pace.idle._device is not None))
    with pace.idle.held():
        pace.look()  # holds it, too, and must not let go
        assert pace.idle._device is not None
        pace.wait_for_quiet(1.05, 1.10, 1.0, silent)
        assert pace.idle._device is not None
    assert (held, pace.idle._device) == ([False], None)


def test_a_machine_that_cannot_be_looked_at_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = pace_of(monkeypatch, then=1000)

    def gone(_: object) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(yardsticks, "work_ns", gone)
    with pytest.raises(EnvironmentFault, match="Invalid argument"):
        pace.look()


def test_the_real_work_takes_time_and_leaves_the_affinity_alone() -> None:
    before = os.sched_getaffinity(0)
    pace = Pace(halves(), IdleLatency())
    pace.get_to_know(0.1, silent)
    assert 10_000 < (pace.quiet.work_ns or 0) < 1_000_000_000
    assert (pace.quiet.handover_ns is None) == halves().shared
    assert pace.slowdown(1.0) >= 1.0
    assert os.sched_getaffinity(0) == before


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")
def test_a_handover_costs_its_sender_time() -> None:
    server, client = sorted(os.sched_getaffinity(0))[:2]
    assert 2_000 < yardsticks.handover_ns(server, client) < 100_000_000


@pytest.mark.parametrize("absent", ["server", "client"])
def test_a_handover_on_a_cpu_that_is_not_there_ends(absent: str) -> None:
    present, gone = min(os.sched_getaffinity(0)), 1023
    with pytest.raises(OSError, match="Invalid argument"):
        yardsticks.handover_ns(*((gone, present) if absent == "server" else (present, gone)))


class _Visits:
    """Stands for everything that a load needs; each load gets the next slowdown and the next number of errors."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        slowdowns: list[float],
        errors: list[int],
        quick: bool = False,
        before: float = 1.0,
    ) -> None:
        self.loads = 0
        self._errors = errors
        waits = iter([before] * len(slowdowns))
        after = iter(slowdowns)
        pace = SimpleNamespace(wait_for_quiet=lambda *_: next(waits), slowdown=lambda share: next(after))
        self.bench: Any = SimpleNamespace(pace=pace, settings=SimpleNamespace(quick=quick, duration_ms=1000), pins=None, tell=silent)
        self.server: Any = SimpleNamespace(death=lambda: "", cpu_ns=lambda: 0)
        monkeypatch.setattr(visiting, "Sampler", lambda server, pins: SimpleNamespace(read=lambda: SimpleNamespace(server_cpu_ns=0)))
        monkeypatch.setattr(visiting.sampler, "between", lambda before, after: None)
        monkeypatch.setattr(visiting.rest, "come_to_rest", lambda server, window_s, backlog_s: "")
        monkeypatch.setattr(visiting, "_load", self._load)

    def _load(self, *_: object) -> Any:
        self.loads += 1
        return SimpleNamespace(errors=self._errors[self.loads - 1], number=self.loads, requests_per_s=1.0)

    def run(self) -> tuple[int, int, float]:
        kept, attempts = visiting._attempts(self.server, SimpleNamespace(rate_per_s=1), self.bench, 64, 1.0, 1.0)  # type: ignore[arg-type]
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


def test_what_was_slow_before_a_load_and_is_bearable_is_not_loaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _Visits(monkeypatch, [1.08], [0], before=1.07).run() == (1, 1, 1.08)
    assert _Visits(monkeypatch, [1.20, 1.02], [0, 0], before=1.07).run() == (2, 2, 1.07)


def test_a_server_that_waited_long_is_warmed_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    visits = _Visits(monkeypatch, [1.0], [0])
    visits.bench.settings.warmup_ms = 100
    warmed_s: list[float] = []
    monkeypatch.setattr(visiting, "_closed_loop", lambda *arguments: warmed_s.append(arguments[-1]))
    visits.run()
    assert warmed_s == []
    visits = _Visits(monkeypatch, [1.0], [0])
    visits.bench.settings.warmup_ms = 100
    monkeypatch.setattr(visiting, "_COLD_AFTER_S", -1.0)
    visits.run()
    assert warmed_s == [0.1]
