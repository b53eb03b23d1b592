"""How many of the rounds that were asked for the results of a run hold."""

from __future__ import annotations

from dataclasses import dataclass

from .results import Results


@dataclass(frozen=True)
class RoundsHeld:
    """Rounds of the cells: the fewest and the most that one has, a planned cell without any counted, and the number
    asked for; visits made and planned."""

    lowest: int
    highest: int
    asked: int
    visits: int
    planned: int

    @property
    def text(self) -> str:
        """ "7 rounds"; or what there is of them: "0 to 1 of 3 rounds (16 of 75 visits)"."""
        if self.lowest == self.highest == self.asked:
            return f"{self.asked} round{'' if self.asked == 1 else 's'}"
        held = str(self.lowest) if self.lowest == self.highest else f"{self.lowest} to {self.highest}"
        visits = f" ({self.visits} of {self.planned} visits)" if self.planned else ""
        return f"{held} of {self.asked} round{'' if self.asked == 1 else 's'}{visits}"


def rounds_held(results: Results) -> RoundsHeld:
    """What the results hold of the rounds that were asked for."""
    counts = {(v.contestant, v.route, v.connections, v.rate_per_s): 0 for v in results.order}
    counts |= {cell.key: len(cell.rounds) for cell in results.cells}
    visits = sum(counts.values())
    return RoundsHeld(
        lowest=min(counts.values(), default=0),
        highest=max(counts.values(), default=0),
        asked=results.settings.rounds,
        visits=visits,
        planned=len(results.order),
    )
