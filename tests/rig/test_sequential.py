"""The sequential test: what decides, what stays open, and how seldom it errs under noise, by simulation."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator

import pytest
from restmark_rig.model.sequential import Decision, Figures, Inequality, Outcome, Rule, decide

RULE = Rule()
GROWS = Inequality({"most": 1, "nothing": -1.25})
RUNS = 2000


def votes(text: str) -> Iterator[Figures]:
    """Rounds in which x is at least 0 where the text has a plus."""
    return ({"x": 1.0 if vote == "+" else -1.0} for vote in text)


def outcome(text: str, rule: Rule = RULE) -> tuple[Outcome, int]:
    found = decide([Inequality({"x": 1})], votes(text), rule)
    return found.outcomes[0], found.rounds


def test_the_lead_is_walds() -> None:
    assert RULE.lead == math.ceil(math.log((1 - 1e-5) / 1e-5) / math.log(0.7 / 0.3)) == 14
    assert Rule(share=0.9, error=0.01).lead == 3


def test_votes_that_agree_decide_at_once() -> None:
    assert outcome("+" * 50) == (Outcome.ACCEPTED, 14)
    assert outcome("-" * 50) == (Outcome.REJECTED, 14)


def test_each_vote_against_costs_two_more() -> None:
    assert outcome("-" * 3 + "+" * 50) == (Outcome.ACCEPTED, 20)
    assert outcome("+" * 13 + "-" * 50) == (Outcome.REJECTED, 40)


def test_what_is_not_decided_within_the_limit_is_open() -> None:
    assert outcome("+-" * 100) == (Outcome.OPEN, RULE.max_rounds)
    assert outcome("+" * 13) == (Outcome.OPEN, 13)
    assert outcome("") == (Outcome.OPEN, 0)


def test_a_single_rejection_ends_it_and_acceptance_needs_all() -> None:
    x, y = Inequality({"x": 1}), Inequality({"y": 1})
    rounds = ({"x": 1.0, "y": float(number % 2) - 0.5} for number in itertools.count())
    found = decide([x, y], rounds, RULE)
    assert (found.outcomes, found.rounds) == ((Outcome.ACCEPTED, Outcome.OPEN), RULE.max_rounds)
    assert (found.blamed, found.first_open) == (None, 1)
    found = decide([x, y], itertools.repeat({"x": 1.0, "y": -1.0}), RULE)
    assert (found.outcomes, found.rounds) == ((Outcome.ACCEPTED, Outcome.REJECTED), 14)


def test_the_first_of_those_that_fail_together_is_blamed() -> None:
    def blamed(first: str, second: str) -> int | None:
        rounds = ({"x": x["x"], "y": y["x"]} for x, y in zip(votes(first), votes(second), strict=True))
        return decide([Inequality({"x": 1}), Inequality({"y": 1})], rounds, RULE).blamed

    assert blamed("-" * 12 + "+-", "-" * 14) == 0
    assert blamed("-" * 7 + "+" * 7, "-" * 14) == 1
    assert blamed("+" * 14, "-" * 14) == 1
    assert blamed("+" * 14, "+" * 14) is None


def test_what_is_typical_is_the_median() -> None:
    rounds = [{"x": value} for value in (5.0, 1e9, 6.0)]
    assert decide([Inequality({"x": 1})], rounds, RULE).typical == {"x": 6.0}


def test_the_sign_of_what_a_round_has_in_common_is_kept() -> None:
    # The whole machine three times as slow in some rounds: without a threshold no vote changes.
    assert GROWS.holds({"most": 126, "nothing": 100})
    assert GROWS.holds({"most": 378, "nothing": 300})
    assert not GROWS.holds({"most": 372, "nothing": 300})
    assert not Inequality({"x": 1}, least=2).holds({"x": 1.9})


Noise = Callable[[random.Random], Callable[[], float]]


def symmetric(rng: random.Random) -> Callable[[], float]:
    """Each slice off by 10 % on its own."""
    return lambda: rng.gauss(1, 0.1)


def bursts(rng: random.Random) -> Callable[[], float]:
    """A neighbour that comes and goes, over several slices at a time, and makes them up to twice as dear."""
    left = 0

    def slice_factor() -> float:
        nonlocal left
        if left == 0 and rng.random() < 0.05:
            left = rng.randint(1, 20)
        left = max(0, left - 1)
        return rng.gauss(1, 0.03) * (rng.uniform(1.2, 2) if left else 1)

    return slice_factor


def two_states(rng: random.Random) -> Callable[[], float]:
    """A machine that changes its pace by half, for long."""
    pace = 1.0

    def slice_factor() -> float:
        nonlocal pace
        if rng.random() < 0.02:
            pace = 2.5 - pace
        return pace * rng.gauss(1, 0.05)

    return slice_factor


def simulated(noise: Noise, nothing: float, most: float, seed: int) -> Decision:
    """One decision on a server whose true costs are these."""
    rng = random.Random(seed)
    factor = noise(rng)

    def rounds() -> Iterator[Figures]:
        while True:
            kinds = [("nothing", nothing), ("most", most)]
            rng.shuffle(kinds)
            yield {name: cost * factor() for name, cost in kinds}

    return decide([GROWS], rounds(), RULE)


@pytest.mark.parametrize("noise", [symmetric, bursts, two_states])
def test_a_flat_cost_never_passes(noise: Noise) -> None:
    found = [simulated(noise, 100, 100, seed) for seed in range(RUNS)]
    outcomes = [decision.outcomes[0] for decision in found]
    assert outcomes.count(Outcome.ACCEPTED) == 0
    assert outcomes.count(Outcome.REJECTED) >= 0.999 * RUNS
    assert sum(decision.rounds for decision in found) < 40 * RUNS


@pytest.mark.parametrize("noise", [symmetric, bursts, two_states])
def test_a_cost_that_grows_never_fails(noise: Noise) -> None:
    found = [simulated(noise, 100, 250, seed) for seed in range(RUNS)]
    assert {decision.outcomes[0] for decision in found} == {Outcome.ACCEPTED}
    assert sum(decision.rounds for decision in found) < 18 * RUNS


def test_at_the_boundary_most_is_left_open() -> None:
    found = [simulated(symmetric, 100, 125, seed).outcomes[0] for seed in range(RUNS)]
    assert found.count(Outcome.OPEN) > 0.6 * RUNS


def test_the_error_at_the_share_itself_is_what_the_rule_allows() -> None:
    # 30 % of votes for it, the most that a wrong inequality is taken to get: by Wald's bound 1 % pass at most with this error.
    rule = Rule(error=0.01, max_rounds=10_000)
    rng = random.Random(11)
    wrong = 0
    for _ in range(RUNS):
        rounds = ({"x": 1.0 if rng.random() < 0.3 else -1.0} for _ in itertools.count())
        wrong += decide([Inequality({"x": 1})], rounds, rule).outcomes[0] is Outcome.ACCEPTED
    assert 0 < wrong <= 0.01 * RUNS * 1.5
