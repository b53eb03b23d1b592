"""Who else uses the CPUs: said before the start, waited for on request, and never for ever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from restmark_rig.host import background_load
from restmark_rig.host.background_load import BackgroundLoad
from restmark_rig.host.machine import BusyProcess
from restmark_rig.model.errors import EnvironmentFault, ExitCode

from .run_support import fault_folder, hogs, rig

QUIET, BUSY = BackgroundLoad(0.1, 2), BackgroundLoad(1.6, 2, (BusyProcess(7, "wrk", 41.0), BusyProcess(8, "rustc", 30.6)))


def test_it_is_said_in_figures_with_names() -> None:
    assert BUSY.text == "others use 1.6 of the 2 CPUs of this run (wrk 41 %, rustc 31 % of a CPU)"
    assert not BUSY.quiet and QUIET.quiet
    assert "no process that is seen from here" in BackgroundLoad(1.0, 1).text


@pytest.mark.timed
def test_who_takes_all_of_a_cpu_is_seen() -> None:
    cpu = min(os.sched_getaffinity(0))
    with hogs(frozenset({cpu}), 1):
        found = background_load.look({cpu})
    assert not found.quiet
    assert 0.5 < found.used <= 1.05
    assert found.processes


class _Machine:
    """A machine whose looks are given, one a second."""

    def __init__(self, looks: list[BackgroundLoad]) -> None:
        self.looks = looks
        self.seconds = 0.0
        self.told: list[str] = []

    def look(self) -> BackgroundLoad:
        self.seconds += 1
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def wait(self, limit_s: float) -> None:
        background_load.wait_for_quiet(self.look, limit_s, self.told.append, lambda: self.seconds)


def test_quiet_has_to_last_for_some_looks() -> None:
    machine = _Machine([BUSY, QUIET, QUIET, BUSY, QUIET])
    machine.wait(60)
    assert machine.seconds == 7
    assert machine.told[0] == f"waiting for quiet, for 59 s at most: {BUSY.text}"
    assert len(machine.told) == 2


def test_it_is_not_waited_for_ever() -> None:
    machine = _Machine([BUSY])
    with pytest.raises(EnvironmentFault, match="the CPUs were not quiet within 1:30 min: others use 1.6") as caught:
        machine.wait(90)
    assert machine.seconds == 90
    assert "--wait-for-quiet=MINUTES" in caught.value.remedy


def test_quiet_that_begins_at_the_end_is_seen_through() -> None:
    machine = _Machine([*[BUSY] * 9, QUIET])
    machine.wait(10)
    assert machine.seconds == 12


@pytest.fixture()
def busy_cpu() -> int:
    return min(os.sched_getaffinity(0))


def test_a_busy_machine_is_said_before_anything_is_built(tmp_path: Path, busy_cpu: int) -> None:
    folder = fault_folder(tmp_path, "none")
    where = ("--server-cpus", str(busy_cpu), "--client-cpus", str(busy_cpu))
    with hogs(frozenset({busy_cpu}), 1):
        planned = rig(tmp_path / "cache", "run", "-C", folder, "--dry-run", *where)
        waited = rig(
            tmp_path / "cache", "run", "-C", folder, "--output", tmp_path / "out", *where, "--wait-for-quiet=0.05"
        )
    assert planned.returncode == 0
    assert "now: others use" in planned.stdout and "--wait-for-quiet" in planned.stdout
    assert f"doubtful: server and client share CPU {busy_cpu}" in planned.stdout
    assert waited.returncode == ExitCode.ENVIRONMENT
    assert "the CPUs were not quiet within 3 s: others use" in waited.stderr
    assert "verif" not in waited.stderr
    assert not (tmp_path / "out").exists(), "a folder in which nothing was put goes again"
