"""doctor --cross-check: what the ratio of two programs means, and both on a planted server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .run_support import command, environment, faulty, make_bench

from restmark_rig.study import cross_check  # isort: skip
from restmark_rig.contestants.cache import Cache  # isort: skip
from restmark_rig.ui.actions.doctor import exit_code  # isort: skip
from restmark_rig.study.cross_check import AGREE, DIFFER, IDLE, UNDECIDED, Cell, Slice  # isort: skip
from restmark_rig.model.errors import ExitCode  # isort: skip
from restmark_rig.server.launcher import launch  # isort: skip
from restmark_rig.model.stats import Estimate  # isort: skip


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.97, 1.03, AGREE),
        (0.99, 1.031, UNDECIDED),
        (0.969, 1.0, UNDECIDED),
        (0.9, 1.1, UNDECIDED),
        (1.031, 1.05, DIFFER),
        (0.9, 0.969, DIFFER),
        (None, None, UNDECIDED),
    ],
)
def test_the_interval_decides(low: float | None, high: float | None, verdict: str) -> None:
    assert cross_check.judge(Estimate(1.0, low, high, 9)) == verdict


def test_a_server_that_is_not_busy_is_not_judged() -> None:
    def cell(busy: float) -> Cell:
        return Cell("/", (Slice(100.0, 1.0), Slice(101.0, 1.0)) * 4, (Slice(100.5, busy), Slice(101.0, busy)) * 4)

    assert cell(0.96).verdict == AGREE
    assert cell(0.94).verdict == IDLE


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([AGREE, AGREE], ExitCode.OK),
        ([AGREE, IDLE], ExitCode.OK),
        ([IDLE, IDLE], ExitCode.ENVIRONMENT),
        ([AGREE, UNDECIDED], ExitCode.ENVIRONMENT),
        ([DIFFER, AGREE], ExitCode.VERIFICATION),
        ([UNDECIDED, DIFFER], ExitCode.VERIFICATION),
    ],
)
def test_exit_codes(verdicts: list[str], code: ExitCode) -> None:
    assert exit_code(verdicts) == code


@pytest.mark.timed
def test_both_load_a_server_in_turn(tmp_path: Path) -> None:
    bench = make_bench(Cache(tmp_path / "cache"))
    said: list[str] = []
    with launch(faulty(tmp_path, "work"), bench.options, bench.cache) as server:
        cell = cross_check.compare(server, "/", bench.pins, said.append, rounds=2, duration_s=1)
    assert [text.split(": ")[1].split()[0] for text in said] == ["wrk", "restmark-load", "restmark-load", "wrk"]
    assert len(cell.wrk) == len(cell.ours) == 2
    # 2 ms of CPU time an answer: no more than 500 a second, by whomever they are counted.
    assert all(0 < one.requests_per_s <= 505 for one in (*cell.wrk, *cell.ours))
    assert cell.ratio.value == pytest.approx(1, rel=0.3)
    assert all(one.busy > 0.8 * 0.002 * one.requests_per_s for one in (*cell.wrk, *cell.ours)) and cell.busy > 0


def test_without_wrk_the_remedy_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        command("doctor", "--cross-check"),
        env=environment(tmp_path / "cache", PATH=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 3
    assert "apt-get install wrk" in done.stderr
