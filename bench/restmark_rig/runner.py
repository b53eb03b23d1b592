"""The measured part of a run: sitting after sitting in the recorded order, with progress, until done or interrupted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from . import budget, interruption, plan, sitting
from .budget import Forecast, Span
from .console import Progress
from .entrants import Entrant
from .plan import Sitting
from .recording import Recording
from .results import MemoryRecord, Visit
from .sitting import AckStalls
from .visiting import Bench, Visited


class _Reporter:
    """Passes findings on to the recording, tells them in passing, and takes their time."""

    def __init__(
        self, recording: Recording, progress: Progress, forecast: Forecast, lap: _Lap, ahead: Sequence[Sitting]
    ) -> None:
        self._recording = recording
        self._progress = progress
        self._forecast = forecast
        self._lap = lap
        self._sitting = ahead[0]
        self._ahead = [visit for one in ahead for visit in one.visits]
        self.figures: list[str] = []

    def left(self) -> str:
        """The time that this sitting and those after it still take."""
        return self._forecast.left(self._ahead).text

    def tell(self, text: str) -> None:
        """What is being done now, with the figure before it."""
        prefix = f"round {self._sitting.round}/{self._recording.results.settings.rounds}, left: {self.left()}"
        last = f"; {self.figures[-1]}" if self.figures else ""
        self._progress.progress(f"{prefix}: {text}{last}")

    def ended(self) -> None:
        """Visits that a server did not live to see are not ahead any more."""
        self._ahead = [visit for visit in self._ahead if visit not in self._sitting.visits]

    def visited(self, visit: Visit, found: Visited) -> None:
        self._recording.visited(visit, found)
        self._forecast.took(visit, self._lap.seconds())
        self._ahead.remove(visit)
        rate = found.entry.requests * 1e6 / found.entry.duration_us
        doubts = "".join(f" {name}" for name in dict.fromkeys(v.name for v in found.entry.verdicts))
        self.figures.append(f"{visit.route} {short(rate)}/s{doubts}")

    def memory(self, record: MemoryRecord) -> None:
        self._recording.memory(record)

    def remark(self, text: str) -> None:
        self._recording.remark(text)
        self._progress.say(text)


class _Lap:
    """The time since it was last asked: a visit's, with its share in starting and stopping the server."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def seconds(self) -> float:
        since, self._since = self._since, time.monotonic()
        return self._since - since


def run(
    recording: Recording,
    entrants: Mapping[str, Entrant],
    bench: Bench,
    progress: Progress,
    planned: Span,
    limit: float | None,
) -> None:
    """Makes the visits that remain. planned: expected length of one; limit: time.monotonic() by which to be done.

    The recording is saved after each sitting and at the end, also when Ctrl-C, SIGTERM or an error ends it all, which is
    passed on.
    """
    try:
        # CPUs may sleep again once measuring is over, however it ended.
        with bench.pace.idle.held() as limit_us:
            recording.limited_idle_latency(limit_us)
            length_s = budget.pace_s(planned.low_s * len(recording.remaining()))
            bench.pace.get_to_know(length_s, progress.progress)
            _sit_through(recording, entrants, bench, progress, planned, limit)
    except BaseException as error:
        recording.finish(complete=False, interrupted=interruption.reason(error))
        raise
    recording.finish(complete=not recording.remaining())


def _sit_through(
    recording: Recording,
    entrants: Mapping[str, Entrant],
    bench: Bench,
    progress: Progress,
    planned: Span,
    limit: float | None,
) -> None:
    sittings = plan.sittings(recording.remaining())
    rounds = recording.results.settings.rounds
    stalls, forecast, lap = AckStalls(), Forecast(planned), _Lap()
    round_started, current = time.monotonic(), 0
    for number, one in enumerate(sittings, 1):
        if one.round != current:
            if current and limit is not None and 2 * time.monotonic() - round_started > limit:
                _cut(recording, current, progress)
                return
            round_started, current = time.monotonic(), one.round
        reporter = _Reporter(recording, progress, forecast, lap, sittings[number - 1 :])
        sitting.sit(one, entrants[one.contestant], replace(bench, tell=reporter.tell), stalls, reporter)
        reporter.ended()
        quiet = bench.pace.quiet
        recording.results.reference_ns, recording.results.handover_ns = quiet.work_ns, quiet.handover_ns
        recording.save()
        _say(progress, one, number, len(sittings), rounds, reporter.figures, reporter.left())


def _say(progress: Progress, one: Sitting, number: int, total: int, rounds: int, figures: list[str], eta: str) -> None:
    """A line for the sitting and one for its figures, wrapped at 80 columns."""
    progress.say(f"round {one.round}/{rounds} [{number}/{total}] {one.contestant}; left: {eta}")
    line = " "
    for figure in figures:
        if len(line) + len(figure) + 2 > 78:
            progress.say(line)
            line = " "
        line += f"  {figure}"
    if line.strip():
        progress.say(line)


def _cut(recording: Recording, done: int, progress: Progress) -> None:
    results = recording.results
    text = (
        f"stopped after {done} of {results.settings.rounds} rounds: one more would have taken longer than --quick may"
    )
    results.order = [visit for visit in results.order if visit.round <= done]
    results.settings = replace(results.settings, rounds=done)
    recording.remark(text)
    progress.say(text)


def short(value: float) -> str:
    """A figure in four digits or fewer: 71.2k, 948, 14.1."""
    if value >= 999_500:
        return f"{value / 1e6:.3g}M"
    if value >= 999.5:
        return f"{value / 1e3:.3g}k"
    return f"{value:.3g}"
