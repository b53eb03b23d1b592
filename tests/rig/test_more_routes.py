"""The three more routes: an honest server passes, and who skips their work is found out by the check that is meant for it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from restmark_rig.contestants.cache import Cache
from restmark_rig.model.workloads import MORE_ROUTES, VALIDATE_BODY, loaded, record, validated, wait
from restmark_rig.store.dataset import Dataset
from restmark_rig.verify import bodies
from restmark_rig.verify.broken_bodies import faults
from restmark_rig.verify.checks.record import near_misses, siblings
from restmark_rig.verify.checks.validate import names_field, right_requests
from restmark_rig.verify.oracle import Oracle

from .test_cheaters import failing, messages, verify


def test_a_route_that_is_not_listed_is_not_asked_for(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    report = verify(tmp_path, cache, default_dataset, "none", ("body", "validate", "wait", "record"))
    assert failing(report) == {}
    assert [f for f in report.findings if f.route in MORE_ROUTES] == []


# cheat, the check that is meant for it, its route, what its message says.
PLANTED = [
    ("validation-skipped", "validate", "/validate", "broken bodies not refused with 400 or 422"),
    ("validation-skipped", "validate", "/validate", "id null: 200"),
    ("echo", "validate", "/validate", "POST /validate: wrong body, first difference at byte"),
    ("bytes-for-characters", "validate", "/validate", "status 422 instead of 200; it said name is too long"),
    ("names-no-field", "validate", "/validate", "name \"\": it said invalid"),
    ("names-all-fields", "validate", "/validate", "refusals do not hold the name of the field"),
    ("takes-too-much", "validate", "/validate", "a body of 1048577 bytes gets status 200 instead of 413"),
    ("cached-bodies", "cost", "/validate", "answers to bodies are kept"),
    ("waits-not", "wait", "/wait", "GET /wait: answered after"),
    ("waits-less", "wait", "/wait", "before its time of"),
    ("spinning-wait", "wait", "/wait", "it spins instead of waiting"),
    ("prefix-router", "record", "/record", "paths that no route has do not get 404"),
    ("first-record", "record", "/record", "wrong body, first difference at byte"),
    ("falls-over-digits", "record", "/record", "GET /record/%D9%A3: the server closed the connection without an answer"),
    ("lacks-a-route", "record", "/record", "1 of the 99 routes beside it do not answer as they have to"),
]


@pytest.mark.parametrize(("cheat", "check", "route", "message"), PLANTED, ids=[f"{row[0]}-{i}" for i, row in enumerate(PLANTED)])
def test_planted_cheater(
    tmp_path: Path, cache: Cache, default_dataset: Dataset, cheat: str, check: str, route: str, message: str
) -> None:
    report = verify(tmp_path, cache, default_dataset, cheat, (check,), routes=["/", route])
    assert failing(report) == {check: {route}}
    assert report.undecided == []
    assert message in messages(report, check)


def test_an_honest_server_keeps_no_bodies(tmp_path: Path, cache: Cache, default_dataset: Dataset) -> None:
    report = verify(tmp_path, cache, default_dataset, "none-of-eight", ("cost",), routes=["/", "/validate"])
    assert [(f.route, f.message) for f in report.findings if f.route == "/validate"] == [("/validate", "")]


def test_bodies_come_from_the_seed_alone() -> None:
    assert list(right_requests(random.Random(7))) == list(right_requests(random.Random(7)))
    assert list(faults(random.Random(7))) == list(faults(random.Random(7)))
    assert list(right_requests(random.Random(7))) != list(right_requests(random.Random(8)))


@pytest.mark.parametrize("seed", range(20))
def test_right_bodies_fit_the_schema_and_broken_ones_do_not(seed: int) -> None:
    import sys

    from .helpers import ROOT

    sys.path.insert(0, str(ROOT / "bench" / "peers" / "common" / "python"))
    import schema

    for request in right_requests(random.Random(seed)):
        assert request.body is not None
        schema.checked(request.body, request.params.get("count"))
        assert len(request.body) <= 2**20
    wrong = list(faults(random.Random(seed)))
    for broken in wrong:
        assert broken.request.body is not None
        with pytest.raises(schema.SchemaError) as caught:
            schema.checked(broken.request.body, broken.request.params.get("count"))
        assert broken.field is None or names_field(str(caught.value).encode(), broken.field), broken.says
    assert len({broken.says for broken in wrong}) == len(wrong)


def test_the_answer_is_in_the_schemas_order_with_or_without_a_fraction(default_dataset: Dataset) -> None:
    oracle = Oracle(default_dataset)
    body = b'[{"created_at": 5e0, "type":"U", "count":1, "id":2, "name":"\\u00e9\\/", "description":""}, ' \
        b'{"created_at": 7, "type":"G", "count":1, "id":2, "name":"x", "description":""}]'
    answer = oracle.answer(validated(body, 2))
    first = '{"id":2,"name":"é/","description":"","type":"U","count":1,"created_at":5'
    second = '{"id":2,"name":"x","description":"","type":"G","count":1,"created_at":7'
    for one in ("", ".0"):
        for two in ("", ".0"):
            got = f"[{first}{one}}},{second}{two}}}]".encode()
            assert answer.like(got) == got
    for got in (f"[{first}.00}},{second}}}]", f"[{first}.5}},{second}}}]", f"[{first}}},{second}}}.0]"):
        assert answer.like(got.encode()) != got.encode()


def test_what_a_load_sends_is_not_what_comes_back(default_dataset: Dataset) -> None:
    oracle = Oracle(default_dataset)
    answer = oracle.answer(validated(VALIDATE_BODY))
    assert answer.body.startswith(b'{"id":4711,"name":')
    assert answer.optional == ()
    assert len(answer.body) < len(VALIDATE_BODY)


def test_a_load_goes_over_the_dataset() -> None:
    targets = [request.target for request in loaded("/record", 1000)]
    assert (len(targets), targets[0], targets[-1]) == (16, "/record/0", "/record/999")
    assert [request.target for request in loaded("/record", 1)] == ["/record/0"]
    assert [request.target for request in loaded("/wait", 1000)] == ["/wait"]


def test_answers_of_wait_and_record(default_dataset: Dataset) -> None:
    oracle = Oracle(default_dataset)
    assert oracle.answer(wait(7)).body == b"7"
    assert oracle.answer(loaded("/wait", 1)[0]).body == b"100"
    assert oracle.answer(record(3)).body == default_dataset.json_parts[3]


@pytest.mark.parametrize("seed", range(5))
def test_no_near_miss_is_a_route(seed: int) -> None:
    rng = random.Random(seed)
    routes = siblings(rng)
    assert len(routes) == 99
    assert not set(near_misses(rng)) & set(routes)


def test_a_name_is_a_word_of_its_own() -> None:
    assert names_field(b'{"loc":["body","id"]}', "id")
    assert not names_field(b"invalid", "id")
    assert not names_field(b"id name description type count created_at", "id")
    assert bodies.TYPES == ("U", "G", "S")
