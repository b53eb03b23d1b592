"""The measured part of a run: sitting after sitting in the recorded order, with progress, until done or interrupted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from . import budget, plan, sitting
from .budget import clock
from .console import Progress
from .entrants import Entrant
from .errors import RigError, Terminated
from .plan import Sitting
from .recording import Recording
from .results import MemoryRecord, Visit
from .sitting import AckStalls
from .visiting import Bench, Visited


@dataclass
class _Pace:
    """How fast it goes: the time that a visit takes, starts and stops included."""

    planned_s: float
    started: float = field(default_factory=time.monotonic)
    visits: int = 0

    def left_s(self, visits: int) -> float:
        if not self.visits:
            return visits * self.planned_s
        return visits * (time.monotonic() - self.started) / self.visits


class _Reporter:
    """Passes findings on to the recording and tells them in passing."""

    def __init__(self, recording: Recording, progress: Progress, prefix: str) -> None:
        self._recording = recording
        self._progress = progress
        self._prefix = prefix
        self.figures: list[str] = []

    def tell(self, text: str) -> None:
        """What is being done now, with the figure before it."""
        last = f"; {self.figures[-1]}" if self.figures else ""
        self._progress.progress(f"{self._prefix}{text}{last}")

    def visited(self, visit: Visit, found: Visited) -> None:
        self._recording.visited(visit, found)
        rate = found.entry.requests * 1e6 / found.entry.duration_us
        doubts = "".join(f" {name}" for name in dict.fromkeys(v.name for v in found.entry.verdicts))
        self.figures.append(f"{visit.route} {short(rate)}/s{doubts}")

    def memory(self, record: MemoryRecord) -> None:
        self._recording.memory(record)

    def remark(self, text: str) -> None:
        self._recording.remark(text)
        self._progress.say(text)


def run(
    recording: Recording,
    entrants: Mapping[str, Entrant],
    bench: Bench,
    progress: Progress,
    visit_s: float,
    limit: float | None,
) -> None:
    """Makes the visits that remain. visit_s: expected length of one; limit: time.monotonic() by which to be done.

    The recording is saved after each sitting, and also when Ctrl-C or SIGTERM ends it all, which is passed on.
    """
    try:
        bench.pace.get_to_know(budget.pace_s(visit_s * len(recording.remaining())), progress.progress)
        _sit_through(recording, entrants, bench, progress, visit_s, limit)
    except (KeyboardInterrupt, Terminated, RigError):
        path = recording.finish(complete=False)
        progress.say(
            f"interrupted: {len(recording.results.visits_made())} of {len(recording.results.order)} visits are saved in {path}\n"
            f"  go on with: restmark run --resume {recording.directory}"
        )
        raise


def _sit_through(
    recording: Recording,
    entrants: Mapping[str, Entrant],
    bench: Bench,
    progress: Progress,
    visit_s: float,
    limit: float | None,
) -> None:
    sittings = plan.sittings(recording.remaining())
    left = sum(len(one.visits) for one in sittings)
    pace, stalls, rounds = _Pace(visit_s), AckStalls(), bench.settings.rounds
    round_started, current = time.monotonic(), 0
    for number, one in enumerate(sittings, 1):
        if one.round != current:
            if current and limit is not None and 2 * time.monotonic() - round_started > limit:
                _cut(recording, current, progress)
                return
            round_started, current = time.monotonic(), one.round
        reporter = _Reporter(recording, progress, f"round {one.round}/{rounds}, ETA {clock(pace.left_s(left))}: ")
        sitting.sit(one, entrants[one.contestant], replace(bench, tell=reporter.tell), stalls, reporter)
        left -= len(one.visits)
        pace.visits += len(one.visits)
        quiet = bench.pace.quiet
        recording.results.reference_ns, recording.results.handover_ns = quiet.work_ns, quiet.handover_ns
        recording.save()
        _say(progress, one, number, len(sittings), rounds, reporter.figures, clock(pace.left_s(left)))


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
