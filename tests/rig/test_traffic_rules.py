"""Which request stands for which workload: the rules, one by one, and what they add up to."""

from __future__ import annotations

import pytest
from restmark_rig.model import traffic_rules
from restmark_rig.model.errors import UsageFault
from restmark_rig.model.traffic_rules import SMALL_BYTES, Mapping, Seen, parse_rule
from restmark_rig.model.workloads import (
    ROUTE_ENCODE,
    ROUTE_LOOP,
    ROUTE_RECORD,
    ROUTE_ROOT,
    ROUTE_TRANSFER,
    ROUTE_VALIDATE,
)

ALL_BYTES = 100_000
HTTP, RECORD, BODY = {ROUTE_ROOT: 1.0}, {ROUTE_RECORD: 1.0}, {ROUTE_VALIDATE: 1.0}


@pytest.mark.parametrize(
    ("seen", "shares"),
    [
        (Seen("GET", "/", 200, 20), HTTP),
        (Seen("GET", "/health", 200, 0), HTTP),
        (Seen("GET", "/health"), HTTP),
        (Seen("HEAD", "/x/1", 200, 90_000), HTTP),
        (Seen("OPTIONS", "/x", 204, 0), HTTP),
        (Seen("DELETE", "/x/1", 200, 0), HTTP),
        (Seen("GET", "/x/1", 304, 0), HTTP),
        (Seen("GET", "/x/1", 404, 90_000), HTTP),
        (Seen("GET", "/x/1", 200, 340), RECORD),
        (Seen("GET", "/x/1/", 200, SMALL_BYTES), RECORD),
        (Seen("GET", "/v1/x/550e8400-e29b-41d4-a716-446655440000", 200, 340), RECORD),
        (Seen("GET", "/x/507f1f77bcf86cd799439011", 200, 340), RECORD),
        (Seen("GET", "/x/01ARZ3NDEKTSV4RRFFQ69G5FAV", 200, 340), RECORD),
        (Seen("GET", "/x/{ticket_id}"), RECORD),
        (Seen("GET", "/x/1/items", 200, 340), HTTP),
        (Seen("GET", "/x/name", 200, 340), HTTP),
        (Seen("GET", "/decade", 200, 340), HTTP),
        (Seen("POST", "/x", 201, 90_000), BODY),
        (Seen("PUT", "/x/1", 200, 10), BODY),
        (Seen("PATCH", "/x/1", 422, 10), BODY),
        (Seen("GET", "/x", 200, 10_000), {ROUTE_ROOT: 0.8, ROUTE_ENCODE: 0.1, ROUTE_TRANSFER: 0.1}),
        (Seen("GET", "/x/1", 200, 10_000, "application/json; charset=utf-8"), {ROUTE_ROOT: 0.8, ROUTE_ENCODE: 0.1, ROUTE_TRANSFER: 0.1}),
        (Seen("GET", "/x", 200, 100_000), {ROUTE_ENCODE: 1.0, ROUTE_TRANSFER: 1.0}),
        (Seen("GET", "/x", 200, 300_000), {ROUTE_ENCODE: 3.0, ROUTE_TRANSFER: 3.0}),
    ],
)
def test_what_stands_for_a_workload(seen: Seen, shares: dict[str, float]) -> None:
    assert traffic_rules.meant(seen, (), ALL_BYTES).shares == pytest.approx(shares)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (Seen("GET", "/x", 500, 10), "failed (5xx)"),
        (Seen("POST", "/x", 503, 10), "failed (5xx)"),
        (Seen("GET", "/x", 499, 0), "nothing is sent but headers"),
        (Seen("GET", "/x", 101, 0), "an answer before the answer"),
        (Seen("GET", "/logo.PNG", 200, 10), "a static file"),
        (Seen("GET", "/a/b.css", 200, 90_000), "a static file"),
        (Seen("PROPFIND", "/x", 207, 10), "the method PROPFIND"),
        (Seen("CONNECT", "/", 200, 10), "the method CONNECT"),
        (Seen("GET", "/x", 200, 10, "text/html; charset=utf-8"), "an answer of type text/html"),
        (Seen("GET", "/x", None, None, "application/json", True), "a list of unknown size"),
    ],
)
def test_what_stands_for_none_is_named_with_a_remedy(seen: Seen, reason: str) -> None:
    found = traffic_rules.meant(seen, (), ALL_BYTES)
    assert found.reason.startswith(reason)
    assert bool(found.shares) != bool(found.remedy)


def test_the_users_own_rules_come_first_and_in_their_order() -> None:
    rules = [parse_rule("^GET /a=-"), parse_rule("/a=million-loop"), parse_rule(r"\.png$=/transfer-data"), parse_rule("=x=/encode-json")]
    expected = {
        Seen("GET", "/a", 200, 5): {},
        Seen("PUT", "/a", 500, 5): {ROUTE_LOOP: 1.0},
        Seen("GET", "/b.png", 200, 25_000): {ROUTE_ROOT: 0.75, ROUTE_TRANSFER: 0.25},
        Seen("GET", "/b.png"): {ROUTE_TRANSFER: 1.0},
        Seen("GET", "/;y=x", 200, 50_000): {ROUTE_ROOT: 0.5, ROUTE_ENCODE: 0.5},
    }
    for seen, shares in expected.items():
        assert traffic_rules.meant(seen, rules, ALL_BYTES).shares == pytest.approx(shares), seen


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no REGEX=ROUTE"),
        ("=/", "is no REGEX=ROUTE"),
        ("/x", "is no REGEX=ROUTE"),
        ("(=/", "is no regular expression: missing \\), unterminated subpattern at character 1"),
        ("x=/recrod", "there is no workload"),
        ("x=", "there is no workload"),
    ],
)
def test_a_faulty_rule_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageFault, match=told):
        parse_rule(text)


def test_requests_add_up_to_a_mix_of_a_hundred() -> None:
    mapping = Mapping([parse_rule("never=/")], ALL_BYTES)
    for seen in [Seen("GET", "/x/1", 200, 9)] * 5 + [Seen("POST", "/x", 201, 9)] * 2 + [Seen("GET", "/x", 200, 10_000)]:
        mapping.add(seen)
    for _ in range(4):
        mapping.add(Seen("GET", "/x", 502, 9))
    assert mapping.requests == 12
    assert mapping.mix() == {ROUTE_ROOT: 10.0, ROUTE_ENCODE: 1.25, ROUTE_TRANSFER: 1.25, ROUTE_VALIDATE: 25.0, ROUTE_RECORD: 62.5}
    assert [row.requests for row in mapping.rows()] == [5, 4, 2, 1]
    assert mapping.unused() == ["never=/"]


def test_of_nothing_there_is_no_mix() -> None:
    mapping = Mapping((), ALL_BYTES)
    assert (mapping.mix(), mapping.rows()) == ({}, [])
    mapping.add(Seen("GET", "/x", 502, 9))
    assert mapping.mix() == {}
