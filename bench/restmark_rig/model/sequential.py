"""Decides inequalities between noisy figures by as many looks as it takes, or says that it can not be told. Pure.

What is compared is measured again and again, in rounds whose slices lie side by side. In each round an inequality holds or
it does not: one vote. A vote says nothing of how far the figures lie apart, so that one burst of noise, however large, is
one vote. The votes are a sequential probability ratio test (Wald, 1945) of "at least 70 % of the rounds say yes" against
"at most 30 % do". Between the two, where the truth lies within the noise, the votes go on to the limit and the
inequality stays open.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

Figures = Mapping[str, float]


class Outcome(Enum):
    """What the votes say of an inequality."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    OPEN = "open"


@dataclass(frozen=True)
class Rule:
    """When votes suffice. share: of the votes, held by those that decide; error: of a decision against such a share."""

    share: float = 0.7
    error: float = 1e-5
    max_rounds: int = 100

    @property
    def lead(self) -> int:
        """How many votes the one side has to be ahead."""
        one_vote = math.log(self.share / (1 - self.share))
        return math.ceil(math.log((1 - self.error) / self.error) / one_vote)


def weighted(weights: Figures, figures: Figures) -> float:
    """The sum of weight × figure over the names that have a weight."""
    return sum(weight * figures[name] for name, weight in weights.items())


@dataclass(frozen=True)
class Inequality:
    """The sum of weight × figure, over the figures of one round, is at least `least`.

    Noise that all slices of a round have in common scales the sum and leaves its sign alone, as long as `least` is small.
    """

    weights: Figures
    least: float = 0.0

    def holds(self, figures: Figures) -> bool:
        """Whether it does in one round."""
        return weighted(self.weights, figures) >= self.least


class Ballot:
    """The votes on one inequality. Once it is decided, later votes change nothing."""

    def __init__(self, rule: Rule) -> None:
        self._lead = rule.lead
        self.ahead = 0
        self.outcome = Outcome.OPEN

    def vote(self, yes: bool) -> None:
        """Counts the vote of one round."""
        if self.outcome is not Outcome.OPEN:
            return
        self.ahead += 1 if yes else -1
        if self.ahead >= self._lead:
            self.outcome = Outcome.ACCEPTED
        elif self.ahead <= -self._lead:
            self.outcome = Outcome.REJECTED


@dataclass(frozen=True)
class Decision:
    """outcomes: of each inequality, in their order; ahead: by how many votes yes leads; typical: the medians of the figures."""

    outcomes: tuple[Outcome, ...]
    ahead: tuple[int, ...]
    rounds: int
    typical: Figures

    @property
    def first_open(self) -> int | None:
        """The first inequality that was not decided."""
        return self.outcomes.index(Outcome.OPEN) if Outcome.OPEN in self.outcomes else None

    @property
    def blamed(self) -> int | None:
        """The first inequality that was rejected, or was half way to it when another one was.

        Often several fail for one reason, and chance says which of them is rejected first.
        """
        if Outcome.REJECTED not in self.outcomes:
            return None
        half = min(self.ahead) / 2
        return next(i for i, ahead in enumerate(self.ahead) if ahead <= half)


def decide(inequalities: Sequence[Inequality], rounds: Iterable[Figures], rule: Rule) -> Decision:
    """Takes rounds until one inequality is rejected, or all are accepted, or the rule's limit (or their end) is reached."""
    ballots = [Ballot(rule) for _ in inequalities]
    seen: list[Figures] = []
    for figures in rounds:
        seen.append(figures)
        for inequality, ballot in zip(inequalities, ballots, strict=True):
            ballot.vote(inequality.holds(figures))
        reached = {ballot.outcome for ballot in ballots}
        if Outcome.REJECTED in reached or reached <= {Outcome.ACCEPTED} or len(seen) == rule.max_rounds:
            break
    names = seen[0] if seen else {}
    typical = {name: median(figures[name] for figures in seen) for name in names}
    outcomes = tuple(ballot.outcome for ballot in ballots)
    return Decision(outcomes, tuple(ballot.ahead for ballot in ballots), len(seen), typical)
