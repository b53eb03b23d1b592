"""What the sampler reads, on processes that do a known thing and on files with a known content."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from .run_support import PYTHON, wait_for

from restmark_rig.host import cgroup, machine  # isort: skip
from restmark_rig.server import sampler  # isort: skip
from restmark_rig.host.cgroup import Mount  # isort: skip
from restmark_rig.server.sampler import Counters, CpuTimes, Reading  # isort: skip


def test_context_switches_of_all_threads() -> None:
    code = (
        "import threading, time\n"
        "def nap():\n    for _ in range(200): time.sleep(0.001)\n"
        "threads = [threading.Thread(target=nap) for _ in range(3)]\n"
        "[t.start() for t in threads]\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([PYTHON, "-c", code]) as process:
        try:
            main_only = Path(f"/proc/{process.pid}/status")
            assert wait_for(lambda: sampler.context_switches([process.pid])[0] > 150)
            alone = int(main_only.read_text().split("\nvoluntary_ctxt_switches:")[1].split()[0])
            assert alone < 100, "the naps are those of other threads"
        finally:
            process.kill()


def test_context_switches_of_nobody() -> None:
    assert sampler.context_switches([2**22 + 1]) == (0, 0)


def test_cpu_times_see_work() -> None:
    cpu = min(os.sched_getaffinity(0))
    before_set = os.sched_getaffinity(0)
    before = sampler.cpu_times({cpu})
    os.sched_setaffinity(0, {cpu})
    try:
        end = time.thread_time() + 0.3
        while time.thread_time() < end:
            pass
    finally:
        os.sched_setaffinity(0, before_set)
    assert sampler.cpu_times({cpu}).busy_ns - before.busy_ns >= 200_000_000


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"own": "usage_usec 5\nnr_throttled 3\nthrottled_usec 700\n"}, 700_000),
        ({"own": "nr_periods 0\nnr_throttled 2\nthrottled_time 900\n"}, 900),
        ({"own": "throttled_usec 1\n", ".": "throttled_usec 2\n"}, 3_000),
        ({"own": "usage_usec 5\n"}, None),
        ({}, None),
    ],
)
def test_throttling_of_the_group_and_those_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: int | None
) -> None:
    (tmp_path / "own").mkdir()
    for folder, text in files.items():
        (tmp_path / folder / "cpu.stat").write_text(text)
    monkeypatch.setattr(cgroup, "hierarchies", lambda _controller, _pid: [Mount(2, tmp_path, tmp_path / "own")])
    assert sampler.throttled_ns(1) == expected


def test_throttling_of_nobody_is_unknown() -> None:
    assert sampler.throttled_ns(2**22 + 1) is None


def test_a_window_never_goes_below_zero() -> None:
    """A worker that ends takes its counters along."""
    before = Reading(Counters(0, 100, 50, 7, 10, 10, CpuTimes(5, 0)), CpuTimes(5, 0))
    after = Reading(Counters(10, 150, 20, None, 4, 12, CpuTimes(9, 1)), CpuTimes(5, 0))
    sample = sampler.between(before, after)
    assert (sample.wall_ns, sample.server_cpu_ns) == (10, 50)
    assert sample.runqueue_wait_ns == 0
    assert sample.throttled_ns is None
    assert (sample.voluntary_switches, sample.involuntary_switches) == (0, 2)
    assert sample.server_cpus == CpuTimes(4, 1)


STAT = """cpu  10 0 10 80 0 4 6 0 0 0
cpu0 100 10 50 900 5 20 30 7 0 0
cpu1 1 1 1 1 1 1 1 1 0 0
"""


def test_interrupts_that_no_process_is_charged_for_are_nobodys_use() -> None:
    """They come with the load; as busy time without an owner they would pass for others'."""
    tick_ns = 10_000_000
    assert sampler.times_in(STAT, {0}, irq_apart=True) == CpuTimes(160 * tick_ns, 7 * tick_ns, 50 * tick_ns)
    assert sampler.times_in(STAT, {0}, irq_apart=False) == CpuTimes(210 * tick_ns, 7 * tick_ns, 50 * tick_ns)
    assert sampler.times_in(STAT, {0, 1}, irq_apart=True).irq_ns == 52 * tick_ns


@pytest.mark.parametrize("apart", [True, False, None])
def test_how_the_kernel_counts_interrupts_decides(monkeypatch: pytest.MonkeyPatch, apart: bool | None) -> None:
    told: list[bool] = []
    monkeypatch.setattr(machine, "interrupts_counted_apart", lambda: apart)
    monkeypatch.setattr(sampler, "times_in", lambda _stat, _cpus, irq_apart: told.append(irq_apart))
    sampler.cpu_times({0})
    assert told == [apart is not False]
