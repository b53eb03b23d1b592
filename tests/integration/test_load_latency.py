"""restmark-load's latencies against the clocks of servers with known stalls, and its histogram against independent readers."""

from __future__ import annotations

import importlib
import json
import math
import re
import time
from pathlib import Path
from typing import Any

import pytest
from load_support import PROBES, Client, Planted, answer, decode_histogram, load, quantile, run, undisturbed

WORK_S, STALL_S = 0.0011, 0.5
QUANTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}


class Staller:
    """Answers after `work_s`, and once, `after_s` behind the first request of the load, after STALL_S."""

    def __init__(self, work_s: float, after_s: float) -> None:
        self.work_s, self.after_s = work_s, after_s
        self.n = 0
        self.begin = 0.0
        self.stalled = False

    def __call__(self, server: Planted, client: Client, target: str) -> bytes:
        self.n += 1
        now = time.monotonic()
        if self.n == PROBES + 1:
            self.begin = now
        if self.n > PROBES and not self.stalled and now - self.begin > self.after_s:
            self.stalled = True
            time.sleep(STALL_S)  # the stall itself is the subject
        elif self.work_s:
            time.sleep(self.work_s)
        return answer()


def quantiles_us(result: dict[str, Any]) -> dict[str, int]:
    return result["latency"]["quantiles_us"]  # type: ignore[no-any-return]


def closed_loop() -> None:
    staller = Staller(WORK_S, 1.0)
    with Planted(staller) as server:
        result = load("-c", 1, "-d", "3s", server.url)
        stamps = server.answered_ns[PROBES:]
    own = [(b - a) / 1000 for a, b in zip(stamps, stamps[1:], strict=False)]
    assert staller.stalled and result["requests"]["answered"] == len(stamps)
    assert result["latency"]["count"] == len(stamps)
    for name in ("p50", "p75", "p90", "p95", "p99"):
        assert quantiles_us(result)[name] == pytest.approx(quantile(own, QUANTILES[name]), rel=0.02), name
    assert STALL_S * 1e6 <= result["latency"]["max_us"] == pytest.approx(max(own), rel=0.02)
    assert result["latency"]["mean_us"] == pytest.approx(sum(own) / len(own), rel=0.02)
    assert 0.95 < result["in_flight_mean"] < 1.05  # Little's law of one connection


def test_closed_loop_has_the_quantiles_of_the_servers_own_clock() -> None:
    """On one connection in a closed loop a client waits from answer to answer; so does the server, and it has its own clock."""
    undisturbed(closed_loop)


def open_loop(connections: int) -> None:
    staller = Staller(0, 1.0)
    with Planted(staller) as server:
        result = load("-c", connections, "--rate", 200, "-d", "4s", server.url)
        stamps = server.answered_ns[PROBES:]
    start_ns = result["start_monotonic_ns"]
    assert staller.stalled and result["requests"]["answered"] == len(stamps) == 800
    expected = [(stamp - start_ns - i * 5_000_000) / 1000 for i, stamp in enumerate(stamps)]
    assert quantile(expected, 0.9) > 80_000  # a tenth of all waited
    for name in ("p90", "p95", "p99"):
        assert quantiles_us(result)[name] == pytest.approx(quantile(expected, QUANTILES[name]), rel=0.02), name
    assert result["latency"]["max_us"] == pytest.approx(max(expected), rel=0.02)
    assert (result["schedule"]["waited_for_connection"] > 50) == (connections == 8)
    assert result["requests"]["unsent"] == 0


@pytest.mark.parametrize("connections", [128, 8])
def test_open_loop_has_the_latencies_of_the_schedule(connections: int) -> None:
    """The i-th request is due at i / 200 s and gets the i-th answer, however few connections there are to wait for."""
    undisturbed(lambda: open_loop(connections))


MASK = 2**64 - 1


def mixed(x: int) -> int:
    """The finaliser of splitmix64."""
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def poisson_ns(rate: float, seed: int, n: int) -> list[float]:
    """When the requests of a Poisson schedule are due, as docs and headers have it: gap k is exponential, of random number k of the seed's stream 1."""
    due, at = [], 0.0
    stream = mixed(mixed(seed + 0x9E3779B97F4A7C15 & MASK) + 1 & MASK)
    for k in range(n):
        bits = mixed(stream + (k + 1) * 0x9E3779B97F4A7C15 & MASK)
        at += -math.log(((bits >> 11) + 1) / 2**53) * 1e9 / rate
        due.append(at)
    return due


def poisson_schedule(threads: int) -> None:
    due = poisson_ns(400, 7, 200)
    with Planted(Staller(0, 1e9)) as server:
        result = load("-c", 32, "-t", threads, "--rate", 400, "--poisson", "--seed", 7, "-n", 200, server.url)
        stamps = server.answered_ns[PROBES:]
    assert len(stamps) == 200
    behind_us = [(stamp - result["start_monotonic_ns"] - at) / 1000 for stamp, at in zip(stamps, due, strict=True)]
    assert min(behind_us) >= -1  # never early
    assert quantile(behind_us, 0.5) < 1000
    assert result["schedule"]["late"]["quantiles_us"]["p50"] < 1000
    # What is late is late against this very schedule: the latency of each is behind its own time.
    assert result["latency"]["max_us"] >= max(behind_us) * 0.999


@pytest.mark.parametrize("threads", [1, 3])
def test_a_poisson_schedule_is_kept_request_by_request(threads: int) -> None:
    undisturbed(lambda: poisson_schedule(threads))


def test_what_the_schedule_could_not_send_counts_with_its_wait() -> None:
    """One connection, a server that stalls up to the end: what was due meanwhile is not left out."""
    with Planted(Staller(0, 0.6)) as server:
        result = load("-c", 1, "--rate", 100, "-d", "1s", server.url)
        answered = len(server.answered_ns) - PROBES
    requests = result["requests"]
    assert requests["answered"] == answered
    assert requests["unsent"] == 100 - answered > 20
    assert result["latency"]["count"] == 100
    assert result["given_up"]["count"] == requests["unsent"]
    assert any("never sent" in doubt for doubt in result["doubts"])


def rate_far_beyond() -> None:
    with Planted(Staller(0.005, 1e9)) as server:
        result = load("-c", 1, "--rate", 10_000_000, "--poisson", "-d", "2s", server.url)
    assert 19_000_000 < result["requests"]["unsent"] < 21_000_000
    assert result["total_ns"] - result["sending_ns"] < 200_000_000  # 5 ms, and what the machine adds


def test_counting_what_was_not_sent_holds_up_no_answer() -> None:
    """Twenty million requests are counted one by one, for a second: the last answer does not wait for that."""
    undisturbed(rate_far_beyond)


def test_answers_that_are_under_way_at_the_end_are_awaited() -> None:
    with Planted(Staller(0.1, 1e9)) as server:
        result = load("-c", 4, "-d", "250ms", server.url)
        assert result["requests"]["sent"] == result["requests"]["answered"] == len(server.answered_ns) - PROBES
    assert result["requests"]["answered_while_sending"] < result["requests"]["answered"]
    assert result["sending_ns"] == 250_000_000 < result["total_ns"]
    assert result["requests_per_s"] == pytest.approx(result["requests"]["answered_while_sending"] / 0.25, rel=1e-6)


def test_the_histogram_reads_back(tmp_path: Path) -> None:
    """The log, the JSON and the quantiles that are printed have the same counts."""
    log = tmp_path / "load.hlog"
    with Planted(Staller(0.0005, 0.2)) as server:
        result = load("-c", 2, "-d", "1500ms", "--hdr-log", log, server.url)
    counts = decode_histogram(result["latency"]["hdr_v2_base64"])
    values = [low for low, n in sorted(counts.items()) for _ in range(n)]
    assert len(values) == result["latency"]["count"] == result["requests"]["answered"]
    for name, share in QUANTILES.items():
        assert quantile(list(map(float, values)), share) == pytest.approx(quantiles_us(result)[name], rel=0.001), name
    lines = log.read_text().splitlines()
    assert lines[1] == "#[Histogram log format version 1.3]" and lines[2].startswith("#[StartTime: ")
    start, length, maximum, encoded = lines[-1].split(",")
    assert encoded == result["latency"]["hdr_v2_base64"]
    assert float(start) == pytest.approx(result["start_realtime_ms"] / 1000, abs=0.001)
    assert float(length) == pytest.approx(result["total_ns"] / 1e9, abs=0.001)
    assert float(maximum) == pytest.approx(result["latency"]["max_us"] / 1000, abs=0.001)


@pytest.mark.usefixtures("public_reader")
def test_a_public_reader_opens_the_log(tmp_path: Path) -> None:
    histogram, reader = importlib.import_module("hdrh.histogram"), importlib.import_module("hdrh.log")
    log = tmp_path / "load.hlog"
    with Planted(Staller(0.0005, 0.2)) as server:
        result = load("-c", 2, "-d", "1500ms", "--hdr-log", log, server.url)
    reference = histogram.HdrHistogram(1, 60_000_000, 3)
    read = reader.HistogramLogReader(str(log), reference).get_next_interval_histogram()
    again = histogram.HdrHistogram.decode(result["latency"]["hdr_v2_base64"])
    counts = decode_histogram(result["latency"]["hdr_v2_base64"])
    for theirs in (read, again):
        assert theirs.get_total_count() == result["latency"]["count"]
        assert theirs.get_max_value() == result["latency"]["max_us"]
        assert {theirs.get_lowest_equivalent_value(item.value_iterated_to): item.count_at_value_iterated_to for item in theirs.get_recorded_iterator()} == counts
    # Ranks are rounded up here and to the nearest there: a quantile may be that of the value before.
    values = sorted(low for low, n in counts.items() for _ in range(n))
    for name, share in QUANTILES.items():
        rank = int(share * len(values) + 0.5)
        assert read.get_value_at_percentile(share * 100) == read.get_highest_equivalent_value(values[max(rank, 1) - 1]), name
        assert read.get_value_at_percentile(share * 100) <= quantiles_us(result)[name] <= read.get_highest_equivalent_value(values[min(rank + 1, len(values)) - 1])


def test_the_search_finds_what_the_server_can_do() -> None:
    """A server that takes 10 ms for each request can not do more than 100 a second."""
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


def test_levels_that_hold_together_have_one_rate() -> None:
    """A server that takes 10 ms for each request: at 100 a second at most, whichever of the two limits is the nearer one."""
    with Planted(Staller(0.01, 1e9)) as server:
        result = load("--rate", 200, "--slo", "p50=60s,p90=100ms", "-d", "600ms", "-c", 256, server.url, timeout=120)
    assert result["bound_by"] == ["p90=100ms"]
    assert result["held_per_s"] < 125
    held = [trial for trial in result["tries"] if trial["plan"]["rate_per_s"] == result["held_per_s"]]
    assert held and all(level["held"] for trial in held for level in trial["levels"])
