"""Keeping the CPUs awake: what is written, for how long, and what happens where it may not be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import synthetic_results

from restmark_rig.host import idle_latency  # isort: skip
from restmark_rig.host.idle_latency import IdleLatency  # isort: skip
from restmark_rig.run.recording import Recording  # isort: skip


def holds_open(path: Path) -> bool:
    links = (Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd"))
    return any(link.is_symlink() and os.readlink(link) == str(path) for link in links)


def test_the_limit_is_held_for_the_length_of_the_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "cpu_dma_latency"
    device.touch()
    monkeypatch.setattr(idle_latency, "DEVICE", device)
    with IdleLatency().held() as limit_us:
        assert limit_us == 0
        assert device.read_bytes() == bytes(4)
        assert holds_open(device)
    assert not holds_open(device)
    assert idle_latency.settable()


def test_it_is_lifted_while_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "cpu_dma_latency"
    device.touch()
    monkeypatch.setattr(idle_latency, "DEVICE", device)
    idle = IdleLatency()
    with idle.lifted():  # not held before, nor after
        assert not holds_open(device)
    assert not holds_open(device)
    with idle.held():
        with idle.lifted():
            assert not holds_open(device)
        assert holds_open(device)
    assert not holds_open(device)


def test_where_it_may_not_be_set_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_latency, "DEVICE", tmp_path / "cpu_dma_latency")
    with IdleLatency().held() as limit_us:
        assert limit_us is None
    assert not idle_latency.settable()
    assert list(tmp_path.iterdir()) == []


def test_an_error_within_the_block_lets_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "cpu_dma_latency"
    device.touch()
    monkeypatch.setattr(idle_latency, "DEVICE", device)
    with pytest.raises(ZeroDivisionError), IdleLatency().held():
        raise ZeroDivisionError
    assert not holds_open(device)


def test_a_limit_that_can_not_be_written_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_latency, "DEVICE", Path("/dev/full"))
    with IdleLatency().held() as limit_us:
        assert limit_us is None
    assert not holds_open(Path("/dev/full"))


@pytest.mark.parametrize(
    ("before", "now", "measured", "noted", "remarks"),
    [
        (None, 0, False, 0, []),
        (None, None, False, None, ["CPUs could fall asleep"]),
        (0, 0, True, 0, []),
        (0, None, True, None, ["CPUs could fall asleep", "kept awake in a part of the run only"]),
        (None, 0, True, None, ["kept awake in a part of the run only"]),
    ],
)
def test_what_a_run_and_its_continuation_note(
    tmp_path: Path, before: int | None, now: int | None, measured: bool, noted: int | None, remarks: list[str]
) -> None:
    results = synthetic_results.build()
    results.idle_latency_us, results.remarks = before, []
    if not measured:
        results.cells = []
    Recording(results, tmp_path).limited_idle_latency(now)
    assert results.idle_latency_us == noted
    assert len(results.remarks) == len(remarks)
    assert all(part in remark for part, remark in zip(remarks, results.remarks, strict=True))
