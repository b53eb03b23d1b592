"""Workers are as many as a CPU quota is worth."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import Daemon, wait_for

Start = Callable[..., Daemon]


def make_group() -> Path | None:
    """A control group that allows half a CPU; None where this user, or this machine, cannot have one."""
    for root, quota in (("/sys/fs/cgroup", {"cpu.max": "50000 100000"}), ("/sys/fs/cgroup/cpu", {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"})):
        group = Path(root) / f"restmark-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        if all((group / name).exists() for name in quota):
            for name, text in quota.items():
                (group / name).write_text(text)
            return group
        group.rmdir()  # another hierarchy, or a plain folder
    return None


@pytest.fixture
def half_a_cpu() -> Iterator[Path]:
    group = make_group()
    if group is None:
        pytest.skip("no control group with a quota can be made here")
    yield group

    def remove() -> bool:
        try:
            group.rmdir()
        except OSError:
            return False
        return True

    wait_for("the group is empty", remove)


def test_a_quota_of_half_a_cpu_is_one_worker(half_a_cpu: Path, start: Start) -> None:
    join = ("sh", "-c", f'echo $$ >"{half_a_cpu}/cgroup.procs" && exec "$@"', "sh")
    daemon = start(prefix=join)
    assert len(daemon.workers()) == 1
    if len(os.sched_getaffinity(0)) > 1:
        daemon.wait_log(rf"\[server\] processes = auto: 1 worker, as {half_a_cpu} has a quota of 0\.50 CPUs; CPUs that may be used: \d+")
    more = start("server.processes=3", prefix=join)
    assert len(more.workers()) == 3
