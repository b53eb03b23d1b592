"""One soak, from start to stop: rounds of load with a deck of faults, each round ended by a rest in which is judged."""

from __future__ import annotations

import random
import re
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from restmark_proof.clients import Load, Tally

import processes

from . import proc
from .daemon import Broken, Daemon
from .faults import Scene, inject
from .friends import load_on, recover
from .hostile import Hostile, Place
from .judge import (
    Rest,
    judge_access_log,
    judge_deaths,
    judge_growth,
    judge_log,
    judge_requests,
    judge_workers,
)

WORKERS = 3
CALM_S = 10.0  # the warm-up, too
FAULTS_A_ROUND = 6
CALM_EVERY = 4  # rounds: one without a fault, so that workers are old enough to be seen to grow
HARAKIRI = ("0", "4s")
REST_S = 25.0  # until no connection is left: idle-timeout and request-timeout have gone by
SETTLE_S = 0.3
FINDINGS_MAX = 100  # kinds of them
KIND_LENGTH = 60
TRACES = 12


@dataclass
class Finding:
    """What is wrong, when first, and what was done before. What differs in numbers alone is one finding of several times."""

    at_s: float  # since the beginning
    fault: str
    text: str
    before: tuple[str, ...]  # the last things that the soak did
    log: tuple[str, ...]  # the last lines of the daemon's log
    times: int = 1

    @property
    def kind(self) -> tuple[str, str]:
        return self.fault, re.sub(r"\d+", "N", self.text)[:KIND_LENGTH]


@dataclass
class Result:
    """The sums of a soak. Failed requests of innocent clients are told apart by whether they are allowed."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    recovery_s: dict[str, float] = field(default_factory=dict)  # the slowest by kind of fault
    friends: dict[str, Tally] = field(default_factory=dict)
    allowed: Counter[str] = field(default_factory=Counter)  # by kind of client
    not_allowed: Counter[str] = field(default_factory=Counter)
    hostile: Counter[str] = field(default_factory=Counter)
    cut_off: Counter[str] = field(default_factory=Counter)
    rests: list[Rest] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def summed(self) -> Tally:
        total = Tally()
        for tally in self.friends.values():
            total.merge(tally)
        return total


class Deck:
    """Every kind of fault once, in an order by chance, then again in another."""

    def __init__(self, kinds: tuple[str, ...], rng: random.Random) -> None:
        self._kinds, self._rng, self._left = kinds, rng, []  # type: tuple[str, ...], random.Random, list[str]

    def draw(self) -> str:
        if not self._left:
            self._left = self._rng.sample(self._kinds, len(self._kinds))
        return self._left.pop()


class Soak:
    """Chances of the schedule, of the load and of the hostile clients come from the seed, each from a stream of its own."""

    def __init__(self, build: Path, folder: Path, seed: int, minutes: float, kinds: tuple[str, ...]) -> None:
        self.result = Result(seed)
        self._folder = folder
        self._build = build
        self._kinds = kinds
        self._seconds = 60 * minutes
        self._calm_s = min(CALM_S, self._seconds / 4)
        self._schedule, self._friends, self._foes = (random.Random(f"{seed} {stream}") for stream in ("schedule", "good", "hostile"))
        self._began_s = time.monotonic()
        self._did: list[str] = []
        self._log_lines = 0
        self._load: Load | None = None
        self._hostile: Hostile | None = None
        self.now = "starting"

    # ---- what others see ----

    def age_s(self) -> float:
        return time.monotonic() - self._began_s

    def progress(self) -> str:
        r = self.result
        load, foes = self._load, self._hostile
        now = load.total() if load else Tally()
        requests = r.summed().requests + now.requests
        acts = sum(r.hostile.values()) + (sum(foes.done.values()) if foes else 0)
        return (
            f"{self.age_s():6.0f} s  {self.now:<20} {sum(r.faults.values())} faults, {requests} requests, failed: "
            f"{sum(r.allowed.values())} allowed, {sum(r.not_allowed.values())} not, {now.lost} to be judged; "
            f"{acts} hostile acts, {len(r.findings)} kinds of findings"
        )

    # ---- the run ----

    def run(self) -> Result:
        """All of it; what started is ended whatever happens."""
        daemon = Daemon(self._build, self._folder, WORKERS)
        self._daemon = daemon
        try:
            daemon.wait_started()
            if daemon.no_mount:
                self.result.notes.append(f"no full-disk: {daemon.no_mount}; file-size (RLIMIT_FSIZE) takes its place")
                self._kinds = tuple(kind for kind in self._kinds if kind != "full-disk")
            self._rounds()
            self._end()
        except (Broken, proc.NotInTime, OSError) as error:
            self.result.findings = self.result.findings[: FINDINGS_MAX - 1]
            self._find(f"the soak has ended early: {error}")
        finally:
            daemon.kill()
        return self.result

    def _rounds(self) -> None:
        self._round([])
        deck = Deck(self._kinds, self._schedule) if self._kinds else None
        n = 0
        while self.age_s() < self._seconds - self._calm_s - SETTLE_S:
            n += 1
            faults = [] if deck is None or n % CALM_EVERY == 0 else [deck.draw() for _ in range(FAULTS_A_ROUND)]
            self._configure(HARAKIRI[n % len(HARAKIRI)])
            self._round(faults)
        self._round([])

    def _configure(self, harakiri: str) -> None:
        self._daemon.configure(WORKERS, harakiri)
        self._note(f"harakiri = {harakiri}")
        self._daemon.tell("reload", 60)
        self._daemon.harakiri_s = float(harakiri.rstrip("s"))

    def _round(self, faults: list[str]) -> None:
        """Load with these faults; without any, for a calm while. Then the rest."""
        scene = Scene(self._daemon, random.Random(self._schedule.random()))
        load = load_on(self._daemon, self._friends)
        place = Place(self._daemon.address, self._daemon.admin_address, self._daemon.control)
        foes = Hostile(place, random.Random(self._foes.random()))
        self._load, self._hostile = load, foes
        with load, foes:
            self.now = "calm" if not faults else "load"
            load.wait_requests(2, 30)
            for fault in faults:
                if self.age_s() > self._seconds - self._calm_s:
                    break
                self._one(fault, scene)
            if not faults:
                time.sleep(self._calm_s)
                self._look(scene, "")
            load.wait_requests(2, 60)
        self.now = "judging"
        self._add_foes(foes)
        load.stop()
        self._load = self._hostile = None
        for name, tally in load.tallies.items():
            self.result.friends.setdefault(name, Tally()).merge(tally)
            verdict = judge_requests(tally.failures, scene.victims)
            self.result.allowed[name] += len(verdict.allowed)
            self.result.not_allowed[name] += len(verdict.not_allowed)
            for failure in verdict.not_allowed:
                self._find(f"an innocent request was lost {failure.at_s - self._began_s:.1f} s after the beginning: {failure}")
        self._rest()

    def _one(self, fault: str, scene: Scene) -> None:
        self.now = fault
        self._note(fault)
        self._look(scene, fault)
        inject(fault, scene)
        self.result.faults[fault] += 1
        for sentence in scene.wrong:
            self._find(sentence, fault)
        scene.wrong.clear()
        took_s = recover(self._daemon)
        self.result.recovery_s[fault] = max(took_s, self.result.recovery_s.get(fault, 0.0))
        self._note(f"{fault}: served again after {took_s:.2f} s, victims {[victim.pid for victim in scene.victims]}")
        self._look(scene, fault)

    def _look(self, scene: Scene, fault: str) -> None:
        """What the daemon and the kernel say of deaths."""
        for sentence in judge_deaths(self._daemon.new_events(), scene.victims):
            self._find(sentence, fault)
        lines = self._daemon.listener.lines()
        for sentence in judge_log(lines[self._log_lines :], scene.victims):
            self._find(sentence, fault)
        self._log_lines = len(lines)
        for pid in processes.children(self._daemon.pid):
            if processes.state(pid) == "Z":
                self._still_zombie(pid, fault)

    def _still_zombie(self, pid: int, fault: str) -> None:
        try:
            proc.wait_for(f"zombie {pid} reaped", lambda: processes.state(pid) != "Z", 2)
        except proc.NotInTime as error:
            self._find(str(error), fault)

    def _add_foes(self, foes: Hostile) -> None:
        self.result.hostile += foes.done
        self.result.cut_off += foes.cut_off
        for misdeed in foes.misdeeds:
            self._find(f"hostile client: {misdeed}")

    def _rest(self) -> None:
        """Nobody asks: no connection is left, the workers are as many as at the beginning, and what all use is written down."""
        daemon = self._daemon
        self.now = "rest"
        if daemon.wanted != WORKERS:
            daemon.wanted = WORKERS
            daemon.tell(f"scale {WORKERS}", 60)

        def is_quiet() -> bool:
            status = daemon.status()
            return not judge_workers(status, WORKERS) and sum(worker["connections"] for worker in status["workers"]) == 0

        try:
            proc.wait_for("no connection left at rest", is_quiet, REST_S)
        except proc.NotInTime as error:
            self._find(f"{error}: {judge_workers(daemon.status(), WORKERS) or 'connections are open'}")
            daemon.tell(f"scale {WORKERS}", 60)  # what follows is judged from there
        time.sleep(SETTLE_S)  # the heartbeats of a second, at most a third of one, are no rest to wait for
        workers = {pid: proc.usage(pid) for pid in daemon.workers()}
        self.result.rests.append(Rest(self.age_s(), proc.usage(daemon.pid), workers))
        daemon.disk.move("access.log", "access.log.1")
        daemon.tell("reopen")
        for sentence in judge_access_log(daemon.disk.take("access.log.1")):
            self._find(sentence)

    def _end(self) -> None:
        self.now = "stopping"
        for sentence in judge_growth(self.result.rests):
            self._find(sentence)
        for sentence in self._daemon.stop(self._schedule.choice((signal.SIGTERM, signal.SIGQUIT))):
            self._find(sentence)

    # ---- traces ----

    def _note(self, text: str) -> None:
        self._did.append(f"{self.age_s():.1f} s: {text}")

    def _find(self, text: str, fault: str = "") -> None:
        log = tuple(self._daemon.listener.lines()[-TRACES:])
        finding = Finding(self.age_s(), fault or self.now, text, tuple(self._did[-TRACES:]), log)
        same = next((known for known in self.result.findings if known.kind == finding.kind), None)
        if same:
            same.times += 1
        elif len(self.result.findings) < FINDINGS_MAX:
            self.result.findings.append(finding)
        else:
            raise Broken(f"more than {FINDINGS_MAX} kinds of findings, the last: {text}")
