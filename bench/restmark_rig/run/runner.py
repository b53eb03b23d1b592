"""The measured part of a run: start after start and round after round in the recorded order, with progress, until all that
can be decided is, all rounds are made, or somebody interrupts it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from ..host.machine_speed import Slowdown
from ..load.load import NotAnswered
from ..model import plan, stalls, warm_ups
from ..model.budget import Forecast
from ..model.load_machines import MachineRound
from ..model.plan import Turn
from ..model.results import Visit
from ..model.workloads import back_end_of
from ..terminal.console import Progress
from . import interruption, servers, slices, spot_checks, stopping, verdict, warm_up
from .bench import Bench, Died
from .calibration import Calibration, CellKey
from .participants import Participant
from .recording import Recording
from .servers import Fleet
from .slices import Circumstances, Visited
from .spot_checks import Checked
from .warm_up import WarmUp

_SAVE_EVERY_S = 5.0
# A server that lets connections wait until the time-out makes each slice that long: that it does so is known by then.
_TIMED_OUT_MAX = 2
_FAR_LONGER = 4


@dataclass
class _Known:
    """What the warm-up after one start of all servers has brought about cells."""

    checked: dict[CellKey, Checked] = field(default_factory=dict)
    speeds: dict[CellKey, WarmUp] = field(default_factory=dict)


class Run:
    """One run's measuring. forecast: what is known of the time it takes; limit: time.monotonic() by which to be done."""

    def __init__(
        self,
        recording: Recording,
        participants: Mapping[str, Participant],
        bench: Bench,
        calibrated: Calibration,
        progress: Progress,
        forecast: Forecast,
        limit: float | None,
    ) -> None:
        self._recording = recording
        self._participants = participants
        self._bench = replace(bench, tell=self._tell)
        self._calibrated = calibrated
        self._progress = progress
        self._limit = limit
        self._forecast = forecast
        self._lost: set[CellKey] = set()
        self._timed_out: Counter[CellKey] = Counter()
        self._lost_machines: set[str] = set()
        self._stalled: dict[str, int] = {}  # for how long, microseconds, the longest that was said
        self._round = 0
        self._round_s = 0.0
        self._ahead: list[Turn] = []
        self._saved = time.monotonic()

    def go(self) -> None:
        """Makes the visits that remain. The recording is saved now and then and at the end, also when Ctrl-C, SIGTERM or an error
        ends it all, which is passed on."""
        try:
            # CPUs may sleep again once measuring is over, however it ended.
            with self._bench.machine_speed.idle.held() as limit_us:
                self._recording.limited_idle_latency(limit_us)
                self._starts()
        except BaseException as error:
            self._recording.finish(complete=False, interrupted=interruption.reason(error))
            raise
        done = self._recording.results.settings.rounds
        open_ = stopping.unsettled(self._recording.results) if done > 1 else []
        if text := stopping.outlook(open_, done, self._round_s):
            self._recording.remark(text)
        self._recording.finish(complete=not self._recording.remaining())

    def _starts(self) -> None:
        self._ahead = plan.turns(self._recording.remaining())
        for number, turns in groupby(list(self._ahead), key=lambda turn: plan.start_of(turn.round)):
            if self._start(number, list(turns)):
                return

    def _start(self, number: int, turns: Sequence[Turn]) -> bool:
        """One start of all servers, and its rounds; returns whether no more are needed, or there is no time for them."""
        began = time.monotonic()
        names = list(dict.fromkeys(visit.contestant for turn in turns for visit in turn.visits))
        with servers.running(
            {name: self._participants[name] for name in names}, self._bench.options, self._bench.placement, self._tell
        ) as running:
            for name, why in running.absent.items():
                self._recording.remark(f"start {number}: {name} did not start: {why}")
            cells = dict.fromkeys((visit.contestant, turn.cell) for turn in turns for visit in turn.visits)
            known = self._warm(running, [key for key in cells if key not in self._lost], number)
            self._forecast.started(time.monotonic() - began)
            over = False
            for _, of_round in groupby(turns, key=lambda turn: turn.round):
                if over := self._make_round(running, list(of_round), known):
                    break
            self._look_after(running, known, number)
        return over

    def _warm(self, running: Fleet, cells: Sequence[CellKey], start: int) -> _Known:
        known = _Known()
        for place, key in enumerate(cells, 1):
            name, cell = key
            server = running.servers.get(name)
            if server is None:
                continue
            self._tell(f"start {start}: warming up {name} {cell.route} ({place}/{len(cells)})")
            try:
                known.checked[key] = spot_checks.check(server, cell, self._bench, start, "before")
                if not _is_warm_by_another(key, cells):
                    known.speeds[key] = warm_up.warm_up(server, cell, self._bench)
                    self._recording.warmed_up(known.speeds[key].record(name, cell, start))
            except (Died, NotAnswered):  # the first visit says so
                known.speeds.setdefault(key, WarmUp(0.0, 0.0))
        made = [record for record in self._recording.results.warm_ups if record.start == start]
        for text in warm_ups.told(made):
            self._progress.say(f"start {start}: {text}")
        return known

    def _make_round(self, running: Fleet, turns: Sequence[Turn], known: _Known) -> bool:
        """All turns of a round; returns whether the run is over."""
        started, self._round = time.monotonic(), turns[0].round
        before = self._bench.machine_speed.slowdown()
        self._bench.back_ends.tidy()
        for turn in turns:
            turn_started = time.monotonic()
            self._tell(f"{turn.cell.route} c={turn.cell.connections}")
            found = [(visit, made) for visit in turn.visits if (made := self._visit(running, visit, known))]
            after = self._bench.machine_speed.slowdown()
            self._record(found, before | after, known)
            before = after
            self._ahead.remove(turn)
            self._forecast.took(turn, time.monotonic() - turn_started)
        rounds = self._recording.results.settings.rounds
        self._progress.say(f"round {self._round}/{rounds}; left: {self._forecast.left(self._ahead).text}")
        self._save_now_and_then()
        self._round_s = time.monotonic() - started
        return self._over()

    def _visit(self, running: Fleet, visit: Visit, known: _Known) -> Visited | None:
        """None where there is nobody to visit."""
        key = (visit.contestant, slices.cell_of(visit))
        server = running.servers.get(visit.contestant)
        if server is None or key in self._lost:
            return None
        speed = known.speeds.get(key)
        about = Circumstances(
            rate_per_s=speed.requests_per_s if speed else self._calibrated.rates.get(key, 0.0),
            stall_ms=self._calibrated.stalls.get(key, 0.0),
            checked=known.checked.get(key, Checked()),
            idle_cpu_ns=lambda: running.idle_cpu_ns(visit.contestant),
        )
        found = slices.visit_cell(server, visit, self._bench, about)
        self._say_of_machines(found.entry.machines, f"round {self._round}, {visit.contestant}, {key[1].route}")
        if found.oom_kills and not found.death:
            self._say(f"round {self._round}: {verdict.out_of_memory(found.oom_kills)} under {key[1].route}: {key[0]} gets {self._bench.options.limits.text}")
        if found.death:
            self._lose(key, found.death, running)
        elif found.entry.errors.timeout:
            self._timed_out[key] += 1
            if self._timed_out[key] == _TIMED_OUT_MAX:
                self._give_up(key)
                self._say(
                    f"round {self._round}: {key[0]} lets requests of {key[1].route} wait until the time-out, and is not asked "
                    "for it any more"
                )
        return found

    def _say_of_machines(self, machines: Sequence[MachineRound], where: str) -> None:
        """Who was lost, and who stood still, when it is first seen; and again when it was for far longer."""
        for machine in machines:
            if machine.lost and machine.name not in self._lost_machines:
                self._lost_machines.add(machine.name)
                self._say(f"{where}: the load machine {machine.name} was lost: {machine.lost}")
        for stall in stalls.of(machines):
            if stall.late_us > _FAR_LONGER * self._stalled.get(stall.name, 0):
                self._stalled[stall.name] = stall.late_us
                self._say(f"{where}: of the load machines {stall.text}")

    def _give_up(self, key: CellKey) -> None:
        """What is not tried again is not planned any more: the run is complete without it, and a run that is resumed leaves it out, too."""
        self._lost.add(key)
        given_up = {
            visit
            for visit in self._recording.remaining()
            if (visit.contestant, slices.cell_of(visit)) == key and visit.round != self._round  # this one is made, and recorded with its round
        }
        results = self._recording.results
        results.order = [visit for visit in results.order if visit not in given_up]

    def _lose(self, key: CellKey, death: str, running: Fleet) -> None:
        """Under what a server died is not tried again; for its other cells it is started anew."""
        name, cell = key
        self._give_up(key)
        self._say(f"round {self._round}: {name} {death} under {cell.route}, which is not tried again")
        running.restart(name)
        if name in running.absent:
            self._say(f"{name} did not start again: {running.absent[name]}")

    def _say(self, text: str) -> None:
        self._recording.remark(text)
        self._progress.say(text)

    def _record(self, found: Sequence[tuple[Visit, Visited]], slowdown: Slowdown, known: _Known) -> None:
        for visit, made in found:
            speed = known.speeds.get((visit.contestant, slices.cell_of(visit)))
            share = self._bench.machine_speed.sending_share(made.wire_bytes or 1, speed.request_ns if speed else 0.0)
            self._recording.visited(visit, replace(made, entry=verdict.slowed(made.entry, slowdown.of(share))))
        quiet = self._bench.machine_speed.quiet
        self._recording.results.reference_ns, self._recording.results.handover_ns = quiet.work_ns, quiet.handover_ns

    def _look_after(self, running: Fleet, known: _Known, start: int) -> None:
        """A server that answers otherwise after the load than before it gets that said in its last round."""
        for key in known.checked:
            name, cell = key
            server = running.servers.get(name)
            if server is None or key in self._lost:
                continue
            try:
                after = spot_checks.check(server, cell, self._bench, start, "after")
            except Died:
                self._say(f"{name} died after the load, when it was asked for {cell.route} once more")
                running.stop(name)
                continue
            if after.wrong or after.unanswered:
                self._recording.doubt(name, cell, after)

    def _save_now_and_then(self) -> None:
        if time.monotonic() - self._saved >= _SAVE_EVERY_S:
            self._recording.save()
            self._saved = time.monotonic()

    def _over(self) -> bool:
        """Whether all that can be decided is, or there is no time for another round."""
        if not self._ahead:
            return True
        if self._limit is not None and time.monotonic() + self._round_s > self._limit:
            self._cut("one more would have taken longer than --quick may")
            return True
        if stopping.is_time_to_look(self._round) and not stopping.unsettled(self._recording.results):
            self._cut("every pair of contestants is decided, or known to be equal")
            return True
        return False

    def _cut(self, why: str) -> None:
        results, done = self._recording.results, self._round
        self._say(f"stopped after {done} of {results.settings.rounds} rounds: {why}")
        results.order = [visit for visit in results.order if visit.round <= done]
        results.settings = replace(results.settings, rounds=done)

    def _tell(self, text: str) -> None:
        """What is being done now."""
        rounds = self._recording.results.settings.rounds
        prefix = f"round {self._round}/{rounds}, " if self._round else ""
        self._progress.progress(f"{prefix}left: {self._forecast.left(self._ahead).text}: {text}")


def _is_warm_by_another(key: CellKey, cells: Sequence[CellKey]) -> bool:
    """Whether the same work is warmed up over more connections: of back ends' routes, which are also asked one request at a time."""
    name, cell = key
    more = (other for who, other in cells if who == name and other.route == cell.route and other.connections > cell.connections)
    return back_end_of(cell.route) is not None and any(more)


def short(value: float) -> str:
    """A figure in four digits or fewer: 71.2k, 948, 14.1."""
    if value >= 999_500:
        return f"{value / 1e6:.3g}M"
    if value >= 999.5:
        return f"{value / 1e3:.3g}k"
    return f"{value:.3g}"
