"""restmark-load's search for the highest rate at which latencies hold."""

from __future__ import annotations

import json
import re

import pytest
from load_support import Planted, Staller, load, run

from timed import undisturbed


def search() -> None:
    with Planted(Staller(0.01, 1e9)) as server:
        done = run("--rate", 400, "--slo", "p90=100ms", "-d", "600ms", "-c", 256, server.url, "/", timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "p90" in lines[0] and "asked/s" in lines[0]
    tried = [(float(line.split()[0]), "not held" in line) for line in lines[1:-1]]
    assert tried[0] == (400, True)  # 240 requests that take 2.4 s
    found = re.fullmatch(r"p90=100ms holds up to (\S+) requests/s, and not at (\S+)", lines[-1])
    assert found
    held, failed = float(found[1]), float(found[2])
    assert held == max(rate for rate, not_held in tried if not not_held)
    assert held < failed <= held * 1.02
    assert held < 125  # what 600 ms and a wait of 100 ms let it seem to do


def test_the_search_finds_what_the_server_can_do() -> None:
    """A server that takes 10 ms for each request can not do more than 100 a second."""
    undisturbed(search)


def test_a_search_that_nothing_holds_says_so() -> None:
    with Planted(Staller(0.03, 1e9)) as server:
        done = run("--json", "--rate", 2, "--slo", "p50=1ms", "-d", "600ms", "-c", 4, server.url, timeout=120)
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert result["schema"] == "restmark-load-slo/1" and result["held_per_s"] is None
    assert [trial["held"] for trial in result["tries"]] == [False] * len(result["tries"])
    assert all(trial["levels"][0]["share_within"] < 0.5 for trial in result["tries"])
    assert result["bound_by"] == ["p50=1ms"]


@pytest.mark.parametrize(
    ("slo", "bound_by"),
    [
        (["--slo", "p50=5s,p95=1ms"], ["p95=1ms"]),
        (["--slo", "p95=1ms", "--slo", "p50=5s"], ["p95=1ms"]),
        (["--slo", "p99=1ms,p99.5=2ms,p10=5s"], ["p99=1ms", "p99.5=2ms"]),
    ],
)
def test_all_levels_have_to_hold_and_the_one_that_binds_is_named(slo: list[str], bound_by: list[str]) -> None:
    """Each request takes 5 ms, whatever the rate."""
    with Planted(Staller(0.005, 1e9)) as server:
        text = run("--rate", 40, *slo, "-d", "150ms", "-c", 16, server.url, timeout=120)
        result = load("--rate", 40, *slo, "-d", "150ms", "-c", 16, server.url, code=1, timeout=120)
    levels = ",".join(slo[1::2])
    assert text.returncode == 1
    assert text.stdout.splitlines()[0].split()[3::2][: levels.count("=")] == [level.split("=")[0] for level in levels.split(",")]
    assert f"not held: {' and '.join(bound_by)}" in text.stdout
    assert re.fullmatch(f"{levels} do not hold together at any rate that was tried: at \\S+ bound by {' and '.join(bound_by)}", text.stdout.splitlines()[-1])
    assert result["slo"] == levels and result["bound_by"] == bound_by
    for trial in result["tries"]:
        assert not trial["held"]
        assert [level["slo"] for level in trial["levels"] if not level["held"]] == bound_by


def search_of_two_levels() -> None:
    with Planted(Staller(0.01, 1e9)) as server:
        result = load("--rate", 200, "--slo", "p50=60s,p90=100ms", "-d", "600ms", "-c", 256, server.url, timeout=120)
    assert result["bound_by"] == ["p90=100ms"]
    assert result["held_per_s"] < 125
    held = [trial for trial in result["tries"] if trial["plan"]["rate_per_s"] == result["held_per_s"]]
    assert held and all(level["held"] for trial in held for level in trial["levels"])


def test_levels_that_hold_together_have_one_rate() -> None:
    """A server that takes 10 ms for each request: at 100 a second at most, whichever of the two limits is the nearer one."""
    undisturbed(search_of_two_levels)
