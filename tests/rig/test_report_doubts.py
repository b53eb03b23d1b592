"""Verdicts by cause: one line for what many cells share, and a line for what differs."""

from __future__ import annotations

from restmark_rig.model.results import NOISY, STARVED, THROTTLED, Cell, Verdict
from restmark_rig.report import doubts
from restmark_rig.report.table import Table

from . import synthetic_results

SLOW = "in {} of 3 rounds, e.g.: the machine was slow: the rig's own work took {}% longer than in quiet (allowed 10%)"


def cells() -> list[Cell]:
    found = synthetic_results.build(rounds=1).cells
    for cell in found:
        cell.verdicts = []
    return found


def name_of(cell: Cell) -> str:
    return f"{cell.contestant}{cell.route}"


def rows(table: Table | None) -> list[list[str]]:
    assert table is not None
    return [[cell.text for cell in row] for row in table.rows]


def test_a_cause_that_many_share_is_one_line_with_its_range() -> None:
    some = cells()
    slow = [cell for index, cell in enumerate(some) if index % 5]
    for index, cell in enumerate(slow):
        cell.verdicts.append(Verdict(NOISY, SLOW.format(2 + index % 2, 12 + index)))
    some[0].verdicts.append(Verdict(STARVED, "it waited"))
    some[1].verdicts.append(Verdict(NOISY, "requests/s spreads by 14% over the rounds (allowed 10%)"))
    first, *others = rows(doubts.table(some, name_of))
    assert first[0] == f"noisy in {len(slow)} of {len(some)} cells"
    assert first[2] == SLOW.format("2–3", f"12–{11 + len(slow)}")
    assert sorted(others) == [
        [
            f"noisy in 1 of {len(some)} cells",
            name_of(some[1]),
            "requests/s spreads by 14% over the rounds (allowed 10%)",
        ],
        [f"starved in 1 of {len(some)} cells", name_of(some[0]), "it waited"],
    ]


def test_cells_are_named_where_they_are_few_or_all_but_few() -> None:
    some = cells()
    for cell in some:
        cell.verdicts.append(Verdict(NOISY, "others used 30% of the server's CPUs"))
    assert rows(doubts.table(some, name_of))[0][1:] == ["all", "others used 30% of the server's CPUs"]
    some[3].verdicts = []
    assert rows(doubts.table(some, name_of))[0][1] == f"all but {name_of(some[3])}"
    for cell in some[2:]:
        cell.verdicts = []
    assert rows(doubts.table(some, name_of))[0][1] == f"{name_of(some[0])}; {name_of(some[1])}"
    for cell in some:
        cell.verdicts = [Verdict(NOISY, "x")] if cell.route in ("/", "/encode-json") else []
    assert "go-fasthttp 2 of 5" in rows(doubts.table(some, name_of))[0][1]


def test_ranges_go_by_size_and_not_by_letters() -> None:
    some = cells()[:3]
    for cell, figure in zip(some, ("9", "1,200", "30.5"), strict=True):
        cell.verdicts.append(Verdict(THROTTLED, f"held for {figure} ms"))
    assert rows(doubts.table(some, name_of))[0][2] == "held for 9–1,200 ms"


def test_nothing_to_say() -> None:
    assert doubts.table(cells(), name_of) is None
