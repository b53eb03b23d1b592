"""The oracle against the published vectors and against the loop run step by step."""

from __future__ import annotations

import hashlib
import json
import random
import struct
import zlib
from typing import Any

import pytest
from restmark_rig.model.workloads import LOOP_MAX_N, LOOP_MAX_SEED, WorkloadRequest, counted, digested, full, loop
from restmark_rig.store.dataset import Dataset
from restmark_rig.verify.checks.digest import digest_requests, random_seed
from restmark_rig.verify.oracle import Oracle, digest, loop_result, loop_step_by_step, shifted

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
    assert digested("/encode-json", 2, 7).target == "/encode-json?digest=2&seed=7"
    assert digested("/parse-msgpack", 2, 7, 9).target == "/parse-msgpack?count=9&digest=2&seed=7"


def field_by_field(records: tuple[dict[str, Any], ...], k: int, seed: int) -> int:
    """The digest of /parse-msgpack, each field hashed on its own."""
    crc = seed
    for _ in range(k):
        for record in records:
            for name, form in (("id", "<q"), ("count", "<q"), ("created_at", "<d")):
                crc = zlib.crc32(struct.pack(form, record[name]), crc)
            for name in ("name", "description", "type"):
                crc = zlib.crc32(record[name].encode("utf-8") + b"\0", crc)
    return crc


@pytest.mark.parametrize(("k", "seed", "count"), [(1, 0, 1), (3, 12345, 7), (8, 2**31 - 1, 1000), (2, 5, 0)])
def test_digest_of_parse(default_dataset: Dataset, k: int, seed: int, count: int) -> None:
    body = Oracle(default_dataset).answer(digested("/parse-msgpack", k, seed, count)).body
    assert body == b"%d" % field_by_field(default_dataset.records[:count], k, seed)


def test_digest_of_encode(default_dataset: Dataset) -> None:
    oracle = Oracle(default_dataset)
    text = (
        b'[{"id":4194304,"name":"My name","description":"Some words on here so it looks full","type":"U",'
        b'"count":4194337,"created_at":1569882537.9117897}]'
    )
    expected = zlib.crc32(text * 2, 4194304)
    assert oracle.answer(digested("/encode-json", 2, 4194304, 1)).body == b"%d" % expected
    # Without a seed nothing is shifted: the digest of the JSON of every day.
    plain = oracle.answer(WorkloadRequest("/encode-json", {"digest": 1})).body
    assert plain == b"%d" % zlib.crc32(default_dataset.json(1000))


def test_digests_of_nothing(default_dataset: Dataset) -> None:
    oracle = Oracle(default_dataset)
    assert oracle.answer(digested("/parse-msgpack", 5, 77, 0)).body == b"77"
    assert oracle.answer(digested("/encode-json", 1, 77, 0)).body == b"%d" % zlib.crc32(b"[]", 77)


def test_shifted_integers_stay_within_64_bits(default_dataset: Dataset) -> None:
    record = {**default_dataset.records[0], "id": 2**63 - 1, "count": -5, "created_at": 5e-324}
    moved = shifted(record, 2**22)
    assert (moved["id"], moved["count"], moved["created_at"]) == (-(2**63) + 2**22 - 1, 2**22 - 5, 39.0)
    assert list(moved) == list(record)


@pytest.mark.parametrize("field", ["id", "name", "description", "type", "count", "created_at"])
def test_each_field_is_in_the_digests(default_dataset: Dataset, field: str) -> None:
    record = default_dataset.records[3]
    value = record[field]
    changed = {**record, field: value + "x" if isinstance(value, str) else value + 1}
    for route in ("/parse-msgpack", "/encode-json"):
        assert digest(route, [record], 1, 9) != digest(route, [changed], 1, 9)
    # A text does not pass for the end of the one before it.
    assert digest("/parse-msgpack", [{**record, "name": "a", "type": "bc"}], 1, 9) != digest(
        "/parse-msgpack", [{**record, "name": "ab", "type": "c"}], 1, 9
    )


def test_digest_requests_depend_on_the_seed_alone_and_vary(default_dataset: Dataset) -> None:
    def draw(seed: int) -> list[str]:
        return [request.target for request in digest_requests(random.Random(seed), "/encode-json", default_dataset.records)]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    many = "".join(" ".join(draw(seed)) for seed in range(20))
    assert all(f"digest={k}" in many for k in (1, 2, 3))
    assert "?seed=" in many  # in any order
    assert "seed=2147483647" in many
    for target in draw(3):
        assert target.startswith("/encode-json?")


def test_a_seed_makes_no_whole_number_where_that_can_be_had(default_dataset: Dataset) -> None:
    # 2^22 shifts by 39: whole numbers stay whole, and half ones half.
    class Drawn(random.Random):
        def randint(self, _: int, __: int) -> int:
            return next(seeds)

    seeds = iter((2**21, 2**22))
    half = [{**default_dataset.records[0], "created_at": 1.5}]
    assert random_seed(Drawn(), half) == 2**22
    whole = [{**half[0], "created_at": 1.0}, half[0]]
    seeds = iter([2**22] * 100)
    assert random_seed(Drawn(), whole) == 2**22
    # The one seed that is not drawn.
    assert not any(shifted(r, 2**31 - 1)["created_at"].is_integer() for r in default_dataset.records)
