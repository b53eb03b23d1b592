"""The study of the article: its rules, and that its contestants and routes are there."""

from __future__ import annotations

import pytest
from restmark_rig.contestants.settings import Settings
from restmark_rig.studies.article.study import SENTENCES, STUDY
from restmark_rig.studies.article.times import Sentence
from restmark_rig.studies.record import HOLDS, HOLDS_NOT, OPEN, Cell

BETWEEN = Sentence(1, "k", "A is four times slower.", "x", ("a",), ("b",), ("/", "/encode-json"), 2.7, 6, "m")
BELOW = Sentence(2, "k", "A is close to B.", "x", ("a",), ("b",), ("/",), None, 2, "m")
ABOVE = Sentence(3, "k", "A pays more.", "x", ("a",), ("b",), ("/",), 1.1, None, "m")


def cells(times: float, route: str = "/", spread: float = 0.02) -> list[Cell]:
    """Of a, which takes so many times b's CPU time, in rounds that lie apart by that share."""
    wobble = [1 + spread * ((-1) ** number) for number in range(5)]
    return [
        Cell({"contestant": "A", "name": "a", "route": route}, [{"server_cpu_us": 10 * times * one} for one in wobble]),
        Cell({"contestant": "B", "name": "b", "route": route}, [{"server_cpu_us": 10.0} for _ in wobble]),
    ]


@pytest.mark.parametrize(
    ("sentence", "first", "second", "verdict"),
    [
        (BETWEEN, 4.0, 4.0, HOLDS),
        (BETWEEN, 10.0, 10.0, HOLDS_NOT),
        (BETWEEN, 1.0, 10.0, HOLDS_NOT),
        (BETWEEN, 4.0, 10.0, OPEN),
    ],
)
def test_all_routes_count(sentence: Sentence, first: float, second: float, verdict: str) -> None:
    assert sentence.judge([*cells(first), *cells(second, "/encode-json")]).verdict == verdict


@pytest.mark.parametrize(("times", "verdict"), [(1.2, HOLDS), (3.0, HOLDS_NOT)])
def test_a_bound_above(times: float, verdict: str) -> None:
    assert BELOW.judge(cells(times)).verdict == verdict


def test_what_noise_may_turn_round_is_open() -> None:
    assert BELOW.judge(cells(1.95, spread=0.2)).verdict == OPEN
    assert ABOVE.judge(cells(1.3)).verdict == HOLDS
    assert ABOVE.judge(cells(1.0)).verdict == HOLDS_NOT


def test_who_lost_is_named() -> None:
    lost = [Cell({"contestant": "A", "name": "a", "route": "/"}, lost="it crashed")]
    finding = BELOW.judge([*lost, *cells(1.0)[1:]])
    assert finding.verdict == OPEN
    assert "it crashed" in finding.why


def test_its_contestants_are_there_and_have_the_routes() -> None:
    known = {one.name: one for one in Settings(list(STUDY.contestants)).chosen()}
    for sentence in SENTENCES:
        for name in (*sentence.slow, *sentence.fast):
            assert set(sentence.routes) <= set(known[name].routes)
