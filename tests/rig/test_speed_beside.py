"""How fast CPUs are while something else is measured on them."""

from __future__ import annotations

import os
import threading

from restmark_rig.host import reference_work
from restmark_rig.host.speed_beside import SpeedBeside

from .helpers import wait_until


def test_the_work_is_done_on_each_cpu_and_told_once() -> None:
    cpus = sorted(os.sched_getaffinity(0))[:2]
    taken: list[float] = []
    with SpeedBeside(cpus) as speed:

        def take() -> bool:
            found = speed.take_ns()
            taken.extend([] if found is None else [found])
            return found is not None

        assert wait_until(take, 60) and wait_until(take, 60), "again and again"
        assert os.sched_getaffinity(0) >= set(cpus), "only its own threads are pinned"
    assert min(taken) > reference_work.once_ns() / 50
    speed.take_ns()
    assert speed.take_ns() is None, "it has ended"
    assert not any(thread.name.startswith("speed of CPU") for thread in threading.enumerate())


def test_without_cpus_nothing_is_known() -> None:
    with SpeedBeside(()) as speed:
        assert speed.take_ns() is None
