"""`restmark run` ends when all is decided, and else says what is not and how long it would take."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from . import synthetic_results
from .helpers import Silent, call_rig
from .run_support import fault_folder, make_bench

from restmark_rig.contestants.cache import Cache  # isort: skip
from restmark_rig.report.analysis import Load  # isort: skip
from restmark_rig.run import runner, stopping  # isort: skip
from restmark_rig.run.stopping import Unsettled  # isort: skip

SHORT = ("--duration", "0.1", "--warmup", "0.1", "--connections", "2", "--workload", "/", "--seed", "5")


def test_a_run_stops_when_every_pair_is_settled(tmp_path: Path) -> None:
    """One contestant has no pair but with itself, and lies no further from itself than that."""
    out = tmp_path / "out"
    done = call_rig(
        tmp_path / "cache", "run", "-C", fault_folder(tmp_path, "none"), *SHORT, "--rounds", "60", "--output", out
    )
    assert done.returncode == 0, done.stderr
    said = "stopped after 8 of 60 rounds: every pair of contestants is decided, or known to be equal"
    assert said in done.stderr
    results: dict[str, Any] = json.loads((out / "results.json").read_text())
    assert results["settings"]["rounds"] == 8
    assert said in results["remarks"]
    assert {entry["round"] for cell in results["cells"] for entry in cell["rounds"]} == set(range(1, 9))
    assert max(visit["round"] for visit in results["order"]) == 8


@pytest.mark.parametrize(
    "open_", [[], [Unsettled("/", Load(0, 64), "a", "b", 40), Unsettled("/", Load(0, 64), "a", "c", 90)]]
)
def test_a_run_that_ends_says_what_is_open(
    open_: list[Unsettled], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remarks: list[str] = []
    recording = SimpleNamespace(
        results=synthetic_results.build(rounds=3, memory=False),
        remaining=list,
        remark=remarks.append,
        limited_idle_latency=lambda *_: None,
        finish=lambda *_, **__: None,
    )
    monkeypatch.setattr(stopping, "unsettled", lambda _: open_)
    run = runner.Run(
        cast(Any, recording), {}, make_bench(Cache(tmp_path)), cast(Any, None), Silent(), cast(Any, None), None
    )
    run.go()
    if not open_:
        assert remarks == []
        return
    (said,) = remarks
    assert said.startswith(
        "neither decided nor known to be equal after 3 rounds: a and b on /, a and c on /; half of them would take --rounds 40, about "
    )
    assert said.endswith("more on a machine as it was")
