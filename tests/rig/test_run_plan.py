"""The order of a run: complete, balanced, and repeatable from its seed; and how --quick fills its time."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest

from . import run_support  # noqa: F401  (it makes the rig importable)

from restmark_rig.model import budget, plan  # isort: skip
from restmark_rig.model.errors import UsageFault  # isort: skip
from restmark_rig.model.plan import CellSpec  # isort: skip

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


def test_every_round_visits_every_cell_once_side_by_side() -> None:
    visits = plan.make(cells(5, (16, 64)), rounds=7, seed=11)
    for number in range(1, 8):
        of_round = [visit for visit in visits if visit.round == number]
        assert len(of_round) == len(set(of_round)) == 5 * 5 * 2
        turns = [turn for turn in plan.turns(visits) if turn.round == number]
        assert len(turns) == 5 * 2, "all contestants of a workload follow each other"
        assert all({visit.contestant for visit in turn.visits} == set(cells(5)) for turn in turns)
    assert [visit for turn in plan.turns(visits) for visit in turn.visits] == visits


def test_who_does_not_offer_a_workload_is_not_in_its_turns() -> None:
    some = {**cells(2), "static": [CellSpec("/", 64)]}
    for turn in plan.turns(plan.make(some, 2, 1)):
        assert ("static" in {visit.contestant for visit in turn.visits}) == (turn.cell.route == "/")


def test_the_seed_alone_decides() -> None:
    assert plan.make(cells(6), 4, 1) == plan.make(cells(6), 4, 1)
    assert plan.make(cells(6), 4, 1) != plan.make(cells(6), 4, 2)


def test_order_in_a_turn_does_not_depend_on_other_workloads() -> None:
    alone = plan.make({name: own[:1] for name, own in cells(4).items()}, 3, 9)
    among = [visit for visit in plan.make(cells(4), 3, 9) if visit.route == "/"]
    assert alone == among


def test_orders_change_between_rounds() -> None:
    turns = plan.turns(plan.make(cells(6), 6, 3))
    assert len({tuple(v.contestant for v in turn.visits) for turn in turns if turn.cell.route == "/"}) == 6
    assert len({tuple(turn.cell.route for turn in turns if turn.round == number) for number in range(1, 7)}) > 1


def test_servers_are_started_anew_after_some_rounds() -> None:
    assert [plan.start_of(number) for number in (1, 10, 11, 20, 40)] == [1, 1, 2, 2, 4]


@pytest.mark.parametrize(("names", "left_s", "least_rounds"), [(12, 160.0, 5), (12, 80.0, 2), (4, 160.0, 15), (1, 280.0, 20)])
def test_quick_fits_into_the_time_left(names: int, left_s: float, least_rounds: int) -> None:
    rounds = budget.quick_rounds(cells(names), left_s, lambda *_: 0.2)
    assert rounds >= least_rounds
    assert budget.start_s(cells(names), budget.QUICK_WARM_UP_MS / 1e3) + rounds * budget.slices_s(cells(names), lambda *_: 0.2) <= left_s
    assert budget.quick_rounds(cells(names), left_s, lambda *_: 0.1) >= rounds


def test_quick_refuses_what_can_not_fit() -> None:
    with pytest.raises(UsageFault, match="do not fit into 60 s"):
        budget.quick_rounds(cells(12, (1, 16, 64)), 60)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (187, "3:07 min"), (3729, "1:02:09 h"), (3599.9, "1:00:00 h")]
)
def test_clock(seconds: float, text: str) -> None:
    assert budget.clock(seconds) == text


@pytest.mark.parametrize("verified_in_s", [10.0, 70.0, 200.0, 3000.0])
def test_a_quick_run_is_not_given_up_because_verification_took_long(verified_in_s: float) -> None:
    """A disturbed machine verified eleven contestants in more than two minutes, and 54 cells "did not fit" into the rest."""
    left_s = budget.quick_measuring_s(budget.quick_limit_s(11) - verified_in_s, 11, cells(11))
    assert budget.quick_rounds(cells(11), left_s) >= 2
    assert left_s <= budget.quick_limit_s(11)
