"""Sentences of the kind "A is so many times slower than B": the CPU time of a request, A's divided by B's, route by route."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...load.load import LoadPlan
from ...model.errors import StartFailed
from ...model.workloads import full
from ...report import numbers
from ...server.launcher import RunningServer
from .. import judging
from ..lab import Lab, Setting
from ..record import HOLDS, HOLDS_NOT, OPEN, Cell, FigureTable, Finding
from ..study import CannotTell, Claim

CONNECTIONS = 16
_WARM_UP_S = 20.0  # at most
_HALF_A_SECOND = 0.5


@dataclass(frozen=True)
class Sentence:
    """One of the article's. slow, fast: names of contestants, each of the one against each of the other; routes: where. least, most: what the ratio
    has to lie between for the sentence to hold on a route, None: no bound."""

    number: int
    key: str
    sentence: str
    quoted: str
    slow: tuple[str, ...]
    fast: tuple[str, ...]
    routes: tuple[str, ...]
    least: float | None
    most: float | None
    misleads: str

    def measure(self, lab: Lab) -> list[Cell]:
        """All of its contestants on all of its routes, interleaved; compilers that take their time get it before."""
        servers, absent = self._servers(lab)
        settings = []
        for server in servers:
            for route in self.routes:
                plan = _plan(lab, server, route)
                _warm_up(lab, server, plan)
                labels = {"contestant": server.contestant.title, "name": server.contestant.name, "route": route}
                settings.append(Setting(labels, server, plan))
        return [*lab.measure(settings, self.sentence), *absent]

    def _servers(self, lab: Lab) -> tuple[list[RunningServer], list[Cell]]:
        """Raises CannotTell if one side has nobody."""
        known = {one.name: one for one in lab.contestants}
        servers, absent = [], []
        for name in (*self.slow, *self.fast):
            if name in known:
                try:
                    servers.append(lab.server(known[name]))
                except StartFailed as fault:
                    absent.append(Cell({"contestant": known[name].title, "name": name}, lost=fault.message))
        started = {server.contestant.name for server in servers}
        for side in (self.slow, self.fast):
            if not started & set(side):
                raise CannotTell(f"it takes {' or '.join(side)}: name it with -C, and see 'restmark list' for what it lacks")
        return servers, absent

    def judge(self, cells: Sequence[Cell]) -> Finding:
        """The rule of the claim."""
        rows, within, outside, whys = [], [], [], []
        pairs = len(self.slow) * len(self.fast) * len(self.routes)
        for route in self.routes:
            common = judging.scatter(judging.standing(cells, route=route), "server_cpu_us")
            for slow in (judging.the(cells, name=name, route=route) for name in self.slow):
                for fast in (judging.the(cells, name=name, route=route) for name in self.fast):
                    if slow is None or fast is None or (ratio := judging.ratio(slow, fast, "server_cpu_us", common, pairs)) is None:
                        continue
                    inside = (self.least is None or judging.surely_above(ratio, self.least)) and (
                        self.most is None or judging.surely_below(ratio, self.most)
                    )
                    beyond = (self.least is not None and judging.surely_below(ratio, self.least)) or (
                        self.most is not None and judging.surely_above(ratio, self.most)
                    )
                    within.append(inside)
                    outside.append(beyond)
                    costs = [numbers.plain(judging.middle(cell, "server_cpu_us").value) for cell in (slow, fast)]
                    rows.append([route, slow.labels["contestant"], fast.labels["contestant"], *costs, judging.factor(ratio)])
                    whys.append(f"{slow.labels['contestant']} against {fast.labels['contestant']}, {route}: {judging.factor(ratio)}")
        table = FigureTable(
            self.key,
            "CPU time of a request, µs, and how many times the one is the other's",
            ["Route", "Contestant", "Against", "Its µs", "The other's µs", "Times"],
            rows,
        )
        if not rows:
            return judging.untold("; ".join(judging.lost(cells)) or "no pair has figures")
        verdict = HOLDS if all(within) else HOLDS_NOT if all(outside) else OPEN
        return Finding(verdict, "; ".join(whys), tables=[table], notes=judging.lost(cells))

    def claim(self) -> Claim:
        """What the study is told."""
        if self.most is None:
            bounds = f"above {self.least:g}×"
        else:
            bounds = f"below {self.most:g}×" if self.least is None else f"between {self.least:g}× and {self.most:g}×"
        return Claim(
            number=self.number,
            key=self.key,
            sentence=self.sentence,
            source=f"“Benchmarking Python vs PyPy vs Go vs Rust”, deavid.wordpress.com, 2019: {self.quoted}",
            method=(
                f"The full work of {numbers.listed(list(self.routes))} on {CONNECTIONS} connections (as many as the workers take, where those are "
                "fewer), one request under way on each, in interleaved rounds. CPU time of the server for a request; just-in-time compilers have got "
                "their time before."
            ),
            rule=(
                f"Holds if all the ratios, of {numbers.listed(list(self.slow))} to {numbers.listed(list(self.fast))} on each route, surely lie {bounds}; "
                "does not hold if all of them surely lie outside; cannot be told otherwise."
            ),
            misleads=self.misleads,
            measure=self.measure,
            judge=self.judge,
        )


def _plan(lab: Lab, server: RunningServer, route: str) -> LoadPlan:
    most = server.contestant.max_connections
    plan = lab.plan(server, full(route).target, min(CONNECTIONS, most * lab.workers) if most else CONNECTIONS)
    return replace(plan, duration_s=max(plan.duration_s, _HALF_A_SECOND))


def _warm_up(lab: Lab, server: RunningServer, plan: LoadPlan) -> None:
    if count := server.contestant.warm_up_requests:
        lab.tell(f"warming up {server.contestant.name}")
        lab.engine.run(replace(plan, requests=count, duration_s=_WARM_UP_S))
