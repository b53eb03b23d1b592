"""Shortened names: short enough, never two alike, whatever the names are."""

from __future__ import annotations

import random

import pytest
from restmark_rig.terminal.short_names import short_names


def test_names_that_fit_stay() -> None:
    assert short_names(["restmarkd", "go-nethttp"], 10) == {"restmarkd": "restmarkd", "go-nethttp": "go-nethttp"}


def test_beginning_and_end_are_kept() -> None:
    names = ["python-fastapi-uvicorn", "python-fastapi-uvicorn-again", "python-granian-msgspec"]
    assert list(short_names(names, 14).values()) == ["python-…vicorn", "python-…-again", "python-…sgspec"]


def test_the_same_name_twice_is_one_name() -> None:
    assert short_names(["a" * 20, "a" * 20], 5) == {"a" * 20: "aa…aa"}


def test_a_short_name_that_looks_like_a_shortened_one_stays() -> None:
    assert short_names(["abcdefgh", "ab…gh"], 5)["ab…gh"] == "ab…gh"
    assert short_names(["abcdefgh", "ab…gh"], 5)["abcdefgh"] != "ab…gh"


@pytest.mark.parametrize("seed", range(40))
def test_forms_are_short_and_distinct(seed: int) -> None:
    rng = random.Random(seed)
    width = rng.randint(5, 20)
    # Few letters and common beginnings and ends, so that most of the obvious forms collide.
    middles = {"".join(rng.choices("ab-", k=rng.randint(0, 24))) for _ in range(rng.randint(1, 200))}
    names = [f"python{middle}again" for middle in sorted(middles)]
    shortened = short_names(names, width)
    assert set(shortened) == set(names)
    assert len(set(shortened.values())) == len(names)
    for name, form in shortened.items():
        assert len(form) <= width
        assert form == name or len(name) > width
        assert form[0] == name[0]


def test_too_many_names_for_the_width() -> None:
    with pytest.raises(ValueError, match="2 columns are too few"):
        short_names([f"name-{number:03}" for number in range(100)], 2)
