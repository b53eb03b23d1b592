"""The order of a run: complete, balanced, and repeatable from its seed; and how --quick fills its time."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest

from . import run_support  # noqa: F401  (it makes the rig importable)

from restmark_rig import budget, plan  # isort: skip
from restmark_rig.errors import UsageFault  # isort: skip
from restmark_rig.plan import CellSpec  # isort: skip

ROUTES = ("/", "/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop")


def cells(names: int, connections: tuple[int, ...] = (64,)) -> dict[str, list[CellSpec]]:
    return {f"c{n}": [CellSpec(route, count) for count in connections for route in ROUTES] for n in range(names)}


@pytest.mark.parametrize("n", range(1, 14))
def test_williams_square_is_balanced(n: int) -> None:
    blocks = plan.williams_rows(n)
    for block in blocks:
        assert len(block) == n
        for place in range(n):
            assert sorted(row[place] for row in block) == list(range(n)), "each takes each place once in a block"
    followed = Counter(pair for block in blocks for row in block for pair in itertools.pairwise(row))
    assert len(followed) == n * (n - 1), "each follows each other"
    assert set(followed.values()) <= {len(blocks)}, "equally often"


@pytest.mark.parametrize("rounds", [1, 3, 12, 13, 40])
def test_orders_are_complete_and_places_shared(rounds: int) -> None:
    items = list("abcdefghijkl")
    orders = list(plan.balanced_orders(items, rounds, random.Random(5)))
    assert len(orders) == rounds
    assert all(sorted(order) == items for order in orders)
    for place in range(len(items)):
        counts = Counter(order[place] for order in orders)
        fewest = min(counts[item] for item in items)
        assert max(counts.values()) - fewest <= 1, "nobody has a place twice before all have had it"


def test_every_round_visits_every_cell_once_in_sittings() -> None:
    visits = plan.make(cells(5, (16, 64)), rounds=7, seed=11)
    for number in range(1, 8):
        of_round = [visit for visit in visits if visit.round == number]
        assert len(of_round) == len(set(of_round)) == 5 * 5 * 2
        starts = [sitting for sitting in plan.sittings(visits) if sitting.round == number]
        assert len(starts) == 5, "one start of each contestant a round"
    assert [visit for sitting in plan.sittings(visits) for visit in sitting.visits] == visits


def test_the_seed_alone_decides() -> None:
    assert plan.make(cells(6), 4, 1) == plan.make(cells(6), 4, 1)
    assert plan.make(cells(6), 4, 1) != plan.make(cells(6), 4, 2)


def test_order_of_own_cells_does_not_depend_on_others() -> None:
    few, many = plan.make(cells(2), 3, 9), plan.make(cells(6), 3, 9)

    def own(visits: list[plan.Visit]) -> list[tuple[int, str]]:
        return [(visit.round, visit.route) for visit in visits if visit.contestant == "c1"]

    assert own(few) == own(many)


def test_orders_change_between_rounds() -> None:
    visits = plan.make(cells(6), 6, 3)
    orders = {tuple(s.contestant for s in plan.sittings(visits) if s.round == number) for number in range(1, 7)}
    assert len(orders) == 6


@pytest.mark.parametrize(
    ("names", "left_s", "least_rounds"), [(12, 250.0, 2), (12, 140.0, 1), (4, 260.0, 3), (1, 280.0, 5)]
)
def test_quick_fits_into_the_time_left(names: int, left_s: float, least_rounds: int) -> None:
    rounds, duration_ms, warmup_ms = budget.quick(cells(names), left_s)
    assert rounds >= least_rounds
    assert duration_ms >= 400
    assert warmup_ms >= 100
    assert budget.measuring_s(cells(names), rounds, duration_ms / 1e3, warmup_ms / 1e3) < left_s


def test_quick_refuses_what_can_not_fit() -> None:
    with pytest.raises(UsageFault, match="do not fit into 60 s"):
        budget.quick(cells(12, (1, 16, 64)), 60)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (187, "3:07 min"), (3729, "1:02:09 h"), (3599.9, "1:00:00 h")]
)
def test_clock(seconds: float, text: str) -> None:
    assert budget.clock(seconds) == text


@pytest.mark.parametrize("verified_in_s", [10.0, 70.0, 200.0, 3000.0])
def test_a_quick_run_is_not_given_up_because_verification_took_long(verified_in_s: float) -> None:
    """A disturbed machine verified eleven contestants in more than two minutes, and 54 cells "did not fit" into the rest."""
    left_s = budget.quick_measuring_s(budget.QUICK_LIMIT_S - verified_in_s, 11)
    rounds, _, _ = budget.quick(cells(11), left_s)
    assert rounds >= 1
    assert left_s <= budget.QUICK_LIMIT_S
