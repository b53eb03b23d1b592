"""The oracle against the published vectors and against the loop run step by step."""

from __future__ import annotations

import hashlib
import json
import random

import pytest
from restmark_rig.dataset import Dataset
from restmark_rig.oracle import Oracle, loop_result, loop_step_by_step
from restmark_rig.workloads import LOOP_MAX_N, LOOP_MAX_SEED, WorkloadRequest, counted, full, loop

VECTORS = [
    (1_000_000, 0, 249999500000),
    (1_000_000, 1, -250000499999),
    (1_000_000, 12345, -250000487655),
    (1_000_000, 2147483647, -247853016353),
    (10, 3, 1000018),
    (0, 7, 7),
]


@pytest.mark.parametrize(("n", "seed", "result"), VECTORS)
def test_loop_vectors(n: int, seed: int, result: int) -> None:
    assert loop_step_by_step(n, seed) == result
    assert loop_result(n, seed) == result


def test_loop_in_constant_time_equals_the_steps_for_all_small_n() -> None:
    for seed in (0, 1, 2, 3, 999_999, 1_000_000, 1_000_001, LOOP_MAX_SEED - 1, LOOP_MAX_SEED):
        for n in range(200):
            assert loop_result(n, seed) == loop_step_by_step(n, seed), (n, seed)


def test_loop_in_constant_time_equals_the_steps_at_random() -> None:
    rng = random.Random(7)
    for _ in range(200):
        n, seed = rng.randint(0, 20_000), rng.randint(0, LOOP_MAX_SEED)
        assert loop_result(n, seed) == loop_step_by_step(n, seed), (n, seed)


def test_loop_in_constant_time_continues_the_steps_of_a_long_run() -> None:
    # One run of steps passes many n: after each of them the constant-time result has to be where the steps are.
    acc, checked = 4242, 0
    for i in range(1_500_000):
        if i % 9973 == 0:
            assert loop_result(i, 4242) == acc, i
            checked += 1
        acc += i
        if acc & 1:
            acc = 1_000_000 - acc
    assert checked == 151


@pytest.mark.parametrize("seed", [0, 1, LOOP_MAX_SEED])
def test_loop_at_its_largest_n(seed: int) -> None:
    # Four steps more or less, taken one by one from a result, lead to the next result.
    acc = loop_result(LOOP_MAX_N - 5, seed)
    for i in range(LOOP_MAX_N - 5, LOOP_MAX_N):
        acc += i
        if acc & 1:
            acc = 1_000_000 - acc
    assert loop_result(LOOP_MAX_N, seed) == acc
    assert -(2**63) <= acc < 2**63


def test_default_answers(default_dataset: Dataset) -> None:
    oracle = Oracle(default_dataset)
    assert oracle.answer(full("/")).body == b"Welcome!\n"
    assert oracle.answer(full("/parse-msgpack")).body == b"1000"
    assert oracle.answer(full("/encode-json")).body == b"133622"
    assert oracle.answer(full("/million-loop")).body == b"249999500000"
    transfer = oracle.answer(full("/transfer-data"))
    assert transfer.content_type == "application/json"
    assert (
        hashlib.sha256(transfer.body).hexdigest() == "8f7fa66a532c7c0b2c808e8810ca60de5d8d5723722d6ee5c237ed73f5d71f3a"
    )


def test_answers_with_parameters(default_dataset: Dataset) -> None:
    oracle = Oracle(default_dataset)
    assert oracle.answer(counted("/transfer-data", 0)).body == b"[]"
    assert oracle.answer(counted("/encode-json", 0)).body == b"2"
    assert oracle.answer(counted("/parse-msgpack", 17)).body == b"17"
    two = oracle.answer(counted("/transfer-data", 2)).body
    assert json.loads(two) == list(default_dataset.records[:2])
    assert oracle.answer(counted("/encode-json", 2)).body == b"%d" % len(two)
    assert oracle.answer(loop(10, 3)).body == b"1000018"
    assert oracle.answer(WorkloadRequest("/million-loop", {"seed": 1})).body == b"-250000499999"


def test_request_target() -> None:
    assert full("/").target == "/"
    assert loop(10, 3).target == "/million-loop?n=10&seed=3"
