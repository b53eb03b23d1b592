"""restmark-load's latencies and schedules against the clocks of servers with known stalls.

Timed. What does not need the machine for itself is in test_load_histogram.py and test_load_search.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import pytest
from load_support import PROBES, QUANTILES, STALL_S, Planted, Staller, load, quantile, quantiles_us

from timed import before_others, undisturbed

WORK_S = 0.0011


@pytest.fixture(autouse=True, scope="module")
def timed() -> Iterator[None]:
    with before_others():
        yield


def closed_loop() -> None:
    staller = Staller(WORK_S, 1.0)
    with Planted(staller) as server:
        result = load("-c", 1, "-d", "3s", server.url)
        stamps = server.answered_ns[PROBES:]
    own = [(b - a) / 1000 for a, b in pairwise(stamps)]
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


def rate_far_beyond() -> None:
    with Planted(Staller(0.005, 1e9)) as server:
        result = load("-c", 1, "--rate", 10_000_000, "--poisson", "-d", "2s", server.url)
    assert 19_000_000 < result["requests"]["unsent"] < 21_000_000
    assert result["total_ns"] - result["sending_ns"] < 200_000_000  # 5 ms, and what the machine adds


def test_counting_what_was_not_sent_holds_up_no_answer() -> None:
    """Twenty million requests are counted one by one, for a second: the last answer does not wait for that."""
    undisturbed(rate_far_beyond)
