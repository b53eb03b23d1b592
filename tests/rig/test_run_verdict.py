"""The verdicts on made-up figures: each threshold from both sides, and what a cell makes of its rounds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from .run_support import LOAD_RESULT

from restmark_rig.run import verdict  # isort: skip
from restmark_rig.model.results import VERDICTS, LoadErrors, Round, Verdict  # isort: skip
from restmark_rig.server.sampler import CpuTimes, Sample  # isort: skip
from restmark_rig.run.verdict import Evidence  # isort: skip

SECOND_NS = 1_000_000_000
GOOD_LOAD = replace(LOAD_RESULT, requests=10_000, in_window=10_000, bytes=1_200_000)
GOOD_SAMPLE = Sample(
    wall_ns=SECOND_NS,
    server_cpu_ns=int(0.97 * SECOND_NS),
    runqueue_wait_ns=0,
    throttled_ns=0,
    voluntary_switches=10,
    involuntary_switches=1,
    server_cpus=CpuTimes(int(0.98 * SECOND_NS), 0),
    client_cpus=CpuTimes(int(0.51 * SECOND_NS), 0),
)
GOOD = Evidence(GOOD_LOAD, GOOD_SAMPLE, connections=64, server_capacity=1, server_cpus=1, client_cpus=1)


def with_load(**changes: Any) -> Evidence:
    return replace(GOOD, load=replace(GOOD_LOAD, **changes))


def with_sample(**changes: Any) -> Evidence:
    return replace(GOOD, sample=replace(GOOD_SAMPLE, **changes))


def with_cpu(
    server: float,
    client: float,
    foreign_server: float = 0.0,
    foreign_client: float = 0.0,
    client_wait: float = 0.0,
    server_wait: float | None = 0.0,
    throttled: float = 0.0,
    threads: int = 1,
) -> Evidence:
    """CPU use as shares of the one CPU that each side has."""
    sample = replace(
        GOOD_SAMPLE,
        server_cpu_ns=int(server * SECOND_NS),
        runqueue_wait_ns=None if server_wait is None else int(server_wait * SECOND_NS),
        throttled_ns=int(throttled * SECOND_NS),
        server_cpus=CpuTimes(int((server + foreign_server) * SECOND_NS), 0),
        client_cpus=CpuTimes(int((client + foreign_client) * SECOND_NS), 0),
    )
    wait_ns = int(client_wait * SECOND_NS)
    load = replace(GOOD_LOAD, client_cpu_ns=int(client * SECOND_NS), client_wait_ns=wait_ns, threads=threads)
    return replace(GOOD, load=load, sample=sample)


def names(evidence: Evidence) -> list[str]:
    return [found.name for found in verdict.of_round(evidence)]


def test_a_good_round_has_no_doubts() -> None:
    assert names(GOOD) == []


def test_a_slow_machine_makes_a_round_noisy() -> None:
    assert verdict.slowed(entry(1), 1.09).verdicts == []
    slow = verdict.slowed(entry(1, verdicts=("client_bound",)), 1.12)
    assert [found.name for found in slow.verdicts] == ["noisy", "client_bound"]
    assert "12% longer than in quiet" in slow.verdicts[0].evidence
    assert slow.slowdown_permille == 1120


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        # wrong and failed answers
        (replace(GOOD, wrong_answer="after the load: wrong body"), ["byte_mismatch"]),
        (with_load(read_errors=1), ["errors"]),
        (with_load(status_errors=1), ["errors"]),
        (with_load(connect_errors=1), ["errors"]),
        (with_load(body_errors=1), ["byte_mismatch"]),
        (with_load(malformed=1), ["errors"]),
        (replace(GOOD, death="was killed by SIGSEGV\nlog"), ["errors"]),
        # censored
        (with_load(timeouts=1), ["censored"]),
        (with_load(requests=128, bytes=128 * 120), []),
        (with_load(requests=127, bytes=127 * 120), ["censored"]),
        (with_load(requests=0, bytes=0), ["censored"]),
        # who set the pace
        (with_cpu(server=0.85, client=0.96), ["client_bound"]),
        (with_cpu(server=0.91, client=0.99), []),
        (with_cpu(server=0.85, client=0.94), []),
        (with_cpu(server=0.79, client=0.94), ["starved"]),
        (with_cpu(server=0.79, client=0.96), ["client_bound"]),
        (with_cpu(server=0.45, client=0.30, foreign_server=0.55, server_wait=0.60), ["noisy"]),
        (with_cpu(server=0.45, client=0.30, foreign_server=0.55, server_wait=None), ["noisy"]),
        (with_cpu(server=0.45, client=0.30, foreign_server=0.55, server_wait=0.10), ["starved", "noisy"]),
        (with_cpu(server=0.45, client=0.30, server_wait=0.60), ["starved"]),
        (with_cpu(server=0.45, client=0.30, server_wait=0.5, throttled=0.5), ["throttled"]),
        (with_cpu(server=0.45, client=0.30, foreign_client=0.69, client_wait=0.66), ["noisy", "client_bound"]),
        (with_cpu(server=0.45, client=0.30, foreign_client=0.69, client_wait=0.10), ["starved", "noisy"]),
        (with_cpu(server=0.01, client=0.01, foreign_client=0.99), ["starved", "noisy"]),
        (replace(with_cpu(server=0.2, client=0.1), ack_stall_ms=40), ["ack_stall"]),
        (replace(with_cpu(server=0.2, client=0.1), ack_stall_ms=24), ["starved"]),
        (replace(GOOD, ack_stall_ms=40), []),
        # one thread of the client on four CPUs is full when it is full
        (replace(with_cpu(server=0.85, client=0.97), client_cpus=4), ["client_bound"]),
        (replace(with_cpu(server=0.70, client=0.97, threads=4), client_cpus=4), ["starved"]),
        # what the server does beside
        (replace(GOOD, unrest="busy"), ["noisy"]),
        (replace(GOOD, unanswered="no byte came"), ["errors"]),
        # disturbed
        (with_sample(throttled_ns=SECOND_NS // 101), []),
        (with_sample(throttled_ns=SECOND_NS // 99), ["throttled"]),
        (with_sample(throttled_ns=None), []),
        (with_sample(server_cpus=CpuTimes(int(1.05 * SECOND_NS), 0)), []),
        (with_sample(server_cpus=CpuTimes(int(0.98 * SECOND_NS), int(0.12 * SECOND_NS))), ["noisy"]),
        # at a fixed rate nobody has to be busy, but the rate has to be reached
        (replace(with_cpu(server=0.1, client=0.1), rate_per_s=10_000), []),
        (replace(with_cpu(server=0.1, client=0.1), rate_per_s=10_300), ["censored"]),
        (replace(with_load(late=True, late_quantiles_us={"50": 80, "99": 900}), rate_per_s=10_000), ["client_bound"]),
        (replace(with_load(late=False, late_quantiles_us={"50": 8, "99": 90}), rate_per_s=10_000), []),
    ],
)
def test_thresholds_from_both_sides(evidence: Evidence, expected: list[str]) -> None:
    assert names(evidence) == expected


def test_capacity_is_that_of_the_workers() -> None:
    two_busy = with_sample(server_cpu_ns=int(1.95 * SECOND_NS), server_cpus=CpuTimes(2 * SECOND_NS, 0))
    assert names(replace(two_busy, server_capacity=2, server_cpus=4)) == []
    assert names(replace(two_busy, server_capacity=4, server_cpus=4)) == ["starved"]


def test_shared_cpus_do_not_count_the_other_side_as_foreign() -> None:
    shared = with_sample(
        server_cpu_ns=SECOND_NS // 2, server_cpus=CpuTimes(SECOND_NS, 0), client_cpus=CpuTimes(SECOND_NS, 0)
    )
    assert names(replace(shared, shared_cpus=True)) == ["starved"]


def test_evidence_names_figure_and_threshold() -> None:
    (found,) = verdict.of_round(with_cpu(server=0.5, client=0.3))
    assert "50%" in found.evidence
    assert "80%" in found.evidence


def test_thresholds_are_recorded_with_reasons() -> None:
    assert len(verdict.thresholds()) == len(verdict.THRESHOLDS)
    assert all(len(threshold.reason) > 20 for threshold in verdict.THRESHOLDS)


def entry(number: int, requests: int = 1000, verdicts: tuple[str, ...] = (), cpu_ns: int | None = 10_000_000) -> Round:
    return Round(
        round=number,
        started_unix_ms=0,
        duration_us=1_000_000,
        requests=requests,
        bytes=requests * 120,
        errors=LoadErrors(),
        latency=None,
        server_cpu_ns=cpu_ns,
        client_cpu_ns=0,
        verdicts=[Verdict(name, "because") for name in verdicts],
    )


def of_cell(*entries: Round) -> list[str]:
    return [found.name for found in verdict.of_cell(list(entries))]


@pytest.mark.parametrize("name", ["byte_mismatch", "errors", "censored", "ack_stall"])
def test_one_round_of_wrong_or_lost_answers_is_enough(name: str) -> None:
    assert of_cell(entry(1), entry(2, verdicts=(name,)), entry(3), entry(4), entry(5)) == [name]


def test_who_waits_as_its_work_is_does_not_starve() -> None:
    idle = with_cpu(server=0.02, client=0.03)
    assert names(idle) == ["starved"]
    assert names(replace(idle, waits=True)) == []


@pytest.mark.parametrize("name", ["starved", "throttled", "noisy", "client_bound"])
def test_a_minority_of_disturbed_rounds_is_forgiven(name: str) -> None:
    assert of_cell(entry(1), entry(2, verdicts=(name,)), entry(3), entry(4, verdicts=(name,)), entry(5)) == []
    assert of_cell(entry(1), entry(2, verdicts=(name,)), entry(3, verdicts=(name,))) == [name]
    assert of_cell(entry(1), entry(2, verdicts=(name,))) == [name]


def test_rounds_that_do_not_agree_are_noisy() -> None:
    assert of_cell(entry(1, 1000), entry(2, 1300), entry(3, 700)) == ["noisy"]
    assert of_cell(entry(1, 1000), entry(2, 1010), entry(3, 990)) == []
    assert of_cell(entry(1, 1000), entry(2, 2000)) == [], "two rounds have no spread to speak of"
    assert of_cell(entry(1, cpu_ns=10**7), entry(2, cpu_ns=13 * 10**6), entry(3, cpu_ns=7 * 10**6)) == ["noisy"]


def test_all_verdicts_can_come_out() -> None:
    everything = [entry(number, verdicts=VERDICTS) for number in (1, 2, 3)]
    assert of_cell(*everything) == list(VERDICTS)
