"""Do intervals hold the truth, and is no pair decided the wrong way round? Runs of slices with known costs under recorded noise.

Slices are disturbed by 10 to 40 %, as neighbours of a virtual machine disturbed real ones: each one anew, in bursts, in two states
that last for a turn or for minutes, drifting, now and then and then by far, or on one of two CPUs. Everything follows from the
seed. RESTMARK_SIMULATED_RUNS=N makes N runs of each kind and length instead of 7, which are 336 in all; pytest -s shows the figures.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from restmark_rig.model import stats
from restmark_rig.model.results import Results, Round
from restmark_rig.model.stats import Estimate
from restmark_rig.run import stopping

from . import synthetic_results

Floats = npt.NDArray[np.float64]
RUNS = int(os.environ.get("RESTMARK_SIMULATED_RUNS", "7"))
COSTS_US = np.array([60.0, 61, 63, 70, 90, 150, 150, 400, 401, 1400])  # near ones, an equal pair, and far ones
PAIRS = list(itertools.combinations(range(len(COSTS_US)), 2))
JITTER = 0.012  # of a slice on a quiet machine
TURNS = 5  # workloads; a pair's slices of one of them lie this far apart from the next round's
LENGTHS = (5, 8, 12, 20, 50, 200)


def quiet(rng: np.random.Generator, slices: int) -> Floats:
    return np.zeros(slices)


def each_anew(rng: np.random.Generator, slices: int) -> Floats:
    return rng.uniform(0, 0.4, slices)


def now_and_then_by_far(rng: np.random.Generator, slices: int) -> Floats:
    return np.where(rng.random(slices) < 0.1, rng.exponential(0.5, slices), 0.0)


def drift(rng: np.random.Generator, slices: int) -> Floats:
    rising = 0.4 * np.arange(slices) / slices
    return rising if rng.random() < 0.5 else rising[::-1]


def _stretches(rng: np.random.Generator, slices: int, mean: float) -> npt.NDArray[np.intp]:
    """Numbers of the stretches that slices belong to, each of random length."""
    return np.cumsum(rng.random(slices) < 1 / mean)


def bursts(rng: np.random.Generator, slices: int) -> Floats:
    number = _stretches(rng, slices, 10)
    heights = rng.uniform(0.1, 0.4, number[-1] + 1) * (rng.random(number[-1] + 1) < 0.3)
    return heights[number]


def two_states(rng: np.random.Generator, slices: int) -> Floats:
    return 0.4 * ((_stretches(rng, slices, 15) + rng.integers(2)) % 2)


def two_states_for_minutes(rng: np.random.Generator, slices: int) -> Floats:
    return 0.4 * ((_stretches(rng, slices, 300) + rng.integers(2)) % 2)


def a_neighbour_on_one_cpu(rng: np.random.Generator, slices: int) -> Floats:
    """Whether a slice suffers depends on where the scheduler put it as well."""
    return 0.4 * ((_stretches(rng, slices, 40) + rng.integers(2)) % 2) * (rng.random(slices) < 0.5)


Noise = Callable[[np.random.Generator, int], Floats]
NOISES: tuple[Noise, ...] = (
    quiet,
    each_anew,
    now_and_then_by_far,
    drift,
    bursts,
    two_states,
    two_states_for_minutes,
    a_neighbour_on_one_cpu,
)


def figures(noise: Noise, rounds: int, seed: int) -> Floats:
    """CPU time per request, µs: a row for each contestant, a column for each round."""
    rng = np.random.default_rng([NOISES.index(noise), rounds, seed])
    width = len(COSTS_US)
    shares = noise(rng, rounds * TURNS * width).reshape(rounds, TURNS, width)[:, 0, :]
    places = np.argsort(rng.random((rounds, width)), axis=1)
    suffered = np.take_along_axis(shares, places, axis=1).T
    return COSTS_US[:, None] * (1 + suffered) * np.exp(rng.normal(0, JITTER, (width, rounds)))


def ratios(rows: Floats, comparisons: int) -> list[Estimate]:
    """Of all pairs, as the analysis makes them."""
    lists = rows.tolist()
    neighbours = stats.paired_scatter(lists)
    return [stats.ratio(lists[a], lists[b], True, neighbours, comparisons) for a, b in PAIRS]


def true_ratio(pair: tuple[int, int]) -> float:
    return float(COSTS_US[pair[0]] / COSTS_US[pair[1]])


def holds(found: Estimate, truth: float) -> bool:
    assert found.low is not None and found.high is not None
    return found.low <= truth <= found.high


def wrong_way_round(found: Estimate, truth: float) -> bool:
    """Whether the pair is decided, and not as it is."""
    decided = found.widened(stats.LEAST_FLOOR, stats.LEAST_FLOOR)
    return truth != 1 and decided.excludes(1.0) and (found.value > 1) != (truth > 1)


def test_no_pair_is_decided_the_wrong_way_round_and_the_intervals_hold_the_truth() -> None:
    runs = wrong = together = 0
    held: dict[str, list[bool]] = {}
    for noise, rounds, seed in itertools.product(NOISES, LENGTHS, range(RUNS)):
        rows = figures(noise, rounds, seed)
        shown = ratios(rows, len(PAIRS))
        runs += 1
        wrong += any(wrong_way_round(found, true_ratio(pair)) for found, pair in zip(shown, PAIRS, strict=True))
        together += all(holds(found, true_ratio(pair)) for found, pair in zip(shown, PAIRS, strict=True))
        single = [holds(found, true_ratio(pair)) for found, pair in zip(ratios(rows, 1), PAIRS, strict=True)]
        held.setdefault(f"{noise.__name__}, {rounds} rounds", []).extend(single)
    everything = [one for own in held.values() for one in own]
    worst = min(held, key=lambda key: sum(held[key]) / len(held[key]))
    told = (
        f"{runs} runs: {wrong} with a pair the wrong way round; all intervals of a run hold in {together / runs:.1%}, single "
        f"ones in {sum(everything) / len(everything):.1%}, in the worst kind ({worst}) {sum(held[worst]) / len(held[worst]):.1%}"
    )
    print(told)
    assert wrong <= max(1, runs / 1000), told
    # Pairs of a run have their slices in common, so that its intervals hold or fail together: a run counts for one.
    slack = 3 * math.sqrt(0.05 * 0.95 / runs)
    assert together / runs >= 0.95 - slack, told
    assert sum(everything) / len(everything) >= 0.95 - slack / 2, told
    assert min(sum(own) / len(own) for own in held.values()) >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / RUNS), told


def test_rounds_that_follow_each_other_are_not_taken_for_more_than_they_are() -> None:
    """In bursts that last for several rounds, neighbours are alike: without blocks an interval would be far too narrow."""
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        moods = np.repeat(rng.normal(0, 0.05, 25), 8)
        logs = moods + rng.normal(0, 0.01, 200)
        held += holds(stats.ratio(np.exp(logs).tolist(), [1.0] * 200, True), 1.0)
    assert held / 200 >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / 200)


def results_of(rows: Floats) -> Results:
    """A record of one workload with these figures."""
    run = synthetic_results.build(rounds=rows.shape[1], names=("restmarkd",), memory=False)
    keep = [c for c in run.cells if c.route == "/"][:1]
    template = keep[0]
    run.contestants = [
        dataclasses.replace(run.contestant("restmarkd"), name=f"c{n}", title=f"c{n}", same_as=None) for n in range(len(rows))
    ]
    run.cells = [
        dataclasses.replace(
            template,
            contestant=f"c{n}",
            rounds=[with_cost(entry, us) for entry, us in zip(template.rounds, row, strict=True)],
            verdicts=[],
        )
        for n, row in enumerate(rows)
    ]
    return run


def with_cost(entry: Round, us: float) -> Round:
    return dataclasses.replace(entry, server_cpu_ns=round(us * 1e3 * entry.requests))


@pytest.mark.parametrize("noise", [quiet, bursts, each_anew], ids=lambda noise: noise.__name__)
def test_stopping_once_all_is_decided_decides_nothing_wrongly(noise: Noise) -> None:
    wrong = stopped = 0
    for seed in range(max(6, RUNS // 2)):
        rows = figures(noise, 40, 1000 + seed)
        for rounds in range(1, 41):
            if stopping.is_time_to_look(rounds) and not stopping.unsettled(results_of(rows[:, :rounds])):
                stopped += rounds < 40
                shown = ratios(rows[:, :rounds], len(PAIRS))
                wrong += any(wrong_way_round(found, true_ratio(pair)) for found, pair in zip(shown, PAIRS, strict=True))
                break
    assert wrong == 0
    if noise is quiet:
        assert stopped > 0, "a quiet machine decides before the last round"


def test_looks_lie_ever_further_apart() -> None:
    looks = [rounds for rounds in range(1, 200) if stopping.is_time_to_look(rounds)]
    assert looks[:6] == [8, 12, 18, 27, 41, 62]


def test_what_is_not_settled_says_how_many_rounds_it_would_take() -> None:
    rows = figures(each_anew, 8, 1)
    open_ = stopping.unsettled(results_of(rows))
    assert open_
    assert all(pair.rounds > 8 for pair in open_)
    told = stopping.outlook(open_, 8, 20.0)
    assert told.startswith("neither decided nor known to be equal after 8 rounds: c")
    assert "--rounds" in told and "more on a machine" in told
    assert stopping.outlook([], 8, 20.0) == ""
    more = stopping.unsettled(results_of(figures(each_anew, 200, 1)))
    assert len(more) < len(open_)
