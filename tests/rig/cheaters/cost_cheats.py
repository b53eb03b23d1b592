"""Servers that are dear to live with: what the study of costs says of each of them is known beforehand."""

from __future__ import annotations

import random
from pathlib import Path

from honest import HonestServer, Record, run_loop

SLOW_AFTER = 20_000
SLOW_STEPS = 6000  # of the loop, beside the work: some times what a request takes
STEADY_AFTER = (4000, 8000)  # answers, where a step is drawn
TIMES = {0: 0, 1: 2, 2: 9}  # how dear a level is, in thirds of SLOW_STEPS


class Paced(HonestServer):
    """Its answers are dearer by how many there were before."""

    def surplus(self, answered: int) -> int:
        """Steps of the loop that the request with this number takes beside its work."""
        raise NotImplementedError

    def work(self, path: str, query: str) -> bytes:
        run_loop(self.surplus(self.answered), 0)
        return super().work(path, query)


class SlowsDown(Paced):
    """Fast for 20 000 requests, slow for all that follow."""

    def surplus(self, answered: int) -> int:
        return SLOW_STEPS if answered > SLOW_AFTER else 0


class StepsAtRandom(Paced):
    """Draws at its start when its cost changes, and whether that is to the better, to the worse, or both; or that it never does."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        draw = random.SystemRandom()
        self.levels = draw.choice([(0, 0, 0), (2, 0, 0), (0, 2, 2), (2, 1, 2)])
        self.at = draw.randint(*STEADY_AFTER)

    def surplus(self, answered: int) -> int:
        level = self.levels[min(2, answered // self.at)]
        return SLOW_STEPS * TIMES[level] // 3


class SwallowsMissing(HonestServer):
    """Puts something in the place of what is missing, and says nothing."""

    def to_json(self, records: list[Record]) -> bytes:
        return super().to_json([{"description": "", **record} for record in records])
