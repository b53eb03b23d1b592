"""How long a study is planned to take, and what is left of it. Pure, but for the clock that it is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..model.budget import clock

START_S = 0.9  # of a server, and its end: 0.6 s for most, twice that under uWSGI and PyPy
LOAD_MORE_S = 0.1  # of a load, beside its length: the load generator's start, and the looks before and after it
_SLOWEST = 5.0  # a machine that took longer than that for a claim was disturbed, and need not be so for the next


class Forecast:
    """The lengths of a study's claims as planned, corrected by what those took that are done."""

    def __init__(self, planned: Sequence[float | None], now: Callable[[], float] = time.monotonic) -> None:
        """planned: seconds for each claim in turn; None where nobody has said."""
        self._planned = list(planned)
        self._now = now
        self._current = -1
        self._began = now()
        self._share = 0.0
        self._done_planned_s = self._done_s = 0.0

    def begin(self) -> None:
        """The next claim begins."""
        self._end_current()
        self._current += 1
        self._began, self._share = self._now(), 0.0

    def is_at(self, share: float) -> None:
        """So much of the current claim is done, 0 to 1."""
        self._share = share

    def left_s(self) -> float | None:
        """Seconds until the end, by what took its time so far; None where nothing of what is to come was planned."""
        current, *later = self._planned[max(self._current, 0) :] or [None]
        if all(one is None for one in (current, *later)):
            return None
        slower = self._slower()
        taken = self._now() - self._began if self._current >= 0 else 0.0
        if self._share > 0:
            own = taken * (1 - self._share) / self._share
        else:
            own = max(0.0, (current or 0.0) * slower - taken)
        return own + slower * sum(one or 0.0 for one in later)

    def left(self) -> str:
        """The same for people; empty where it is not known."""
        seconds = self.left_s()
        return "" if seconds is None else f"left: {clock(seconds)}"

    def _slower(self) -> float:
        """How many times as long as planned claims took so far."""
        return min(_SLOWEST, self._done_s / self._done_planned_s) if self._done_planned_s else 1.0

    def _end_current(self) -> None:
        planned = self._planned[self._current] if self._current >= 0 else None
        if planned:
            self._done_planned_s += planned
            self._done_s += self._now() - self._began
