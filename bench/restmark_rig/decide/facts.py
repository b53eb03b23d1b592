"""What is known of the stack that one has and of each other one, out of a run and of a study of costs. What is not known has its reason, not a zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..model import stats
from ..model.results import ContestantRecord, Results
from ..model.stats import Estimate
from ..report.analysis import Analysis
from ..report.gains import Gain, Gains
from ..report.memory import Memory
from ..report.metrics import latency
from ..report.texts import title_of
from ..studies import judging
from ..studies.costs import billing, broken_data, build, memory_life, warm_up
from ..studies.costs.billing import Bill, Stack, Terms
from ..studies.record import Cell, StudyResults

P99 = latency("99")


@dataclass(frozen=True)
class Footprint:
    """Memory by workers. at: KiB (sum of PSS) by number of workers, as measured; line: through them, None with fewer than two numbers."""

    at: dict[int, float]
    line: memory_life.Line | None


@dataclass(frozen=True)
class WarmUp:
    """A route of a stack. kind: its class over all starts; lost: requests that a start costs; cpu_us: of a request in the steady state."""

    route: str
    kind: str
    starts: int
    lost: Estimate
    cpu_us: float


@dataclass(frozen=True)
class Sources:
    """From which files, for people. costs, front: empty without a study."""

    run: str
    costs: str = ""
    front: str = ""


@dataclass(frozen=True)
class Stacks:
    """All that sentences are made of. gains: under load; late: where latencies are from, a fixed rate if there is one. mix: routes with their weights;
    route: that of the greatest weight. cpu, p99, memory, builds (seconds after one changed line), warm_ups and broken (outcome by case) are by a stack's
    name, and lack it where it was not measured. wait: share of a request's time that waits elsewhere. bill is None with no_bill for a reason; billed: what
    it was made of."""

    gains: Gains
    late: Gains
    mix: dict[str, float]
    route: str
    own_cpu_us: Estimate | None
    cpu: dict[str, Gain]
    p99: dict[str, Gain]
    memory: dict[str, Footprint]
    builds: dict[str, list[float]]
    warm_ups: dict[str, list[WarmUp]]
    broken: dict[str, dict[tuple[str, str], str]]
    sources: Sources
    wait: float = 0.0
    terms: Terms | None = None
    billed: dict[str, Stack] = field(default_factory=dict)
    bill: Bill | None = None
    no_bill: str = ""

    @property
    def start(self) -> ContestantRecord:
        """The stack that one has."""
        return self.gains.against

    def title(self, name: str) -> str:
        """What a stack is called."""
        return title_of(self.gains.analysis.contestants[name])

    def others(self) -> list[ContestantRecord]:
        """All other stacks, those that need the least CPU time first; references are none."""
        records = self.gains.analysis.in_order(self.gains.load)
        return [record for record in records if record.name != self.start.name and not record.is_reference]


def gather(
    results: Results,
    start: ContestantRecord,
    mix: Mapping[str, float],
    costs: Sequence[StudyResults],
    sources: Sources,
    money: Money | None = None,
    wait: float = 0.0,
) -> Stacks:
    """Everything. The run has to have a cell under load."""
    analysis = Analysis(results)
    load = analysis.main_load
    assert load is not None
    gains = Gains(analysis, load, start)
    # At a fixed rate all are asked alike, also those that take fewer connections.
    late = Gains(analysis, next((one for one in analysis.loads if one.rate_per_s), load), start)
    route = max(mix, key=lambda one: mix[one])
    cells = {key: found for key in (build.CLAIM.key, warm_up.CLAIM.key, broken_data.CLAIM.key, memory_life.KEY) if (found := _cells(costs, key))}
    terms, billed, bill, no_bill = _bill(money, start)
    return Stacks(
        gains=gains,
        late=late,
        mix=dict(mix),
        route=route,
        own_cpu_us=gains.own_of_mix(mix),
        cpu={gain.contestant.name: gain for gain in gains.of_mix(mix)},
        p99={gain.contestant.name: gain for gain in late.of(route, P99)},
        memory=_memory(results, cells.get(memory_life.KEY, [])),
        builds=_builds(cells.get(build.CLAIM.key, [])),
        warm_ups=_warm_ups(cells.get(warm_up.CLAIM.key, [])),
        broken=_broken(cells.get(broken_data.CLAIM.key, [])),
        sources=sources,
        wait=wait,
        terms=terms,
        billed=billed,
        bill=bill,
        no_bill=no_bill,
    )


@dataclass(frozen=True)
class Money:
    """What a bill is made of. stacks: those that were tried on all routes of the mix; lacking: why there is none of them, for people."""

    terms: Terms
    stacks: list[Stack]
    lacking: str = ""


def _bill(money: Money | None, start: ContestantRecord) -> tuple[Terms | None, dict[str, Stack], Bill | None, str]:
    if money is None:
        return None, {}, None, "it takes --requests-per-second, --cpu-year and --memory-gib-year"
    held = {stack.name: stack for stack in money.stacks if stack.seconds is not None}
    if money.lacking or start.name not in held:
        tried = any(stack.name == start.name for stack in money.stacks)
        why = f"at none of the rates that were tried did {title_of(start)} hold the p99" if tried else f"no fixed rates of {title_of(start)} were measured"
        return money.terms, held, None, money.lacking or why
    return money.terms, held, billing.make(list(held.values()), start.name, money.terms), ""


def _cells(costs: Sequence[StudyResults], key: str) -> list[Cell]:
    """Of the last study that made the claim."""
    found = [claim.cells for study in costs for claim in study.claims if claim.key == key]
    return found[-1] if found else []


def _memory(results: Results, cells: Sequence[Cell]) -> dict[str, Footprint]:
    """The run's where it looked at several numbers of workers, else the study's, else what the run has."""
    found: dict[str, Footprint] = {}
    memory = Memory(results)
    for record in memory.contestants:
        at = {n: float(p.pss_kib) for n in memory.worker_counts if (p := memory.footprint(record.name, n)) and p.pss_kib}
        cost = memory.cost(record.name)
        line = memory_life.Line(max(0.0, cost.line.intercept), max(0.0, cost.per_worker_kib)) if cost else None
        if at and record.same_as is None:
            found[record.name] = Footprint(at, line)
    for name in judging.values_of(judging.standing(cells), "name"):
        line = memory_life.line(cells, name)
        if line is not None and (name not in found or found[name].line is None):
            at = {int(cell.labels["workers"]): cell.rounds[0]["pss_kib"] for cell in judging.standing(cells, name=name)}
            found[name] = Footprint(at, line)
    return found


def _builds(cells: Sequence[Cell]) -> dict[str, list[float]]:
    """After one changed line. Of what is not compiled: nothing to wait for."""
    found = {cell.labels["name"]: [0.0] for cell in judging.standing(cells, build=build.CLEAN) if not any(cell.values("seconds"))}
    found |= {cell.labels["name"]: cell.values("seconds") for cell in judging.standing(cells, build=build.CHANGED)}
    return {name: seconds for name, seconds in found.items() if seconds}


def _warm_ups(cells: Sequence[Cell]) -> dict[str, list[WarmUp]]:
    found: dict[str, list[WarmUp]] = {}
    for name in judging.values_of(judging.standing(cells), "name"):
        own = judging.standing(cells, name=name)
        for kind in warm_up.kinds(own):
            each = kind.lost_requests
            lost = stats.median(each)
            if lost.low is None and len(each) > 1:  # some are 0: from the least to the most that a start cost
                lost = Estimate(lost.value, min(each), max(each), len(each))
            found.setdefault(name, []).append(WarmUp(kind.route, kind.name, len(each), lost, kind.steady_us))
    return found


def _broken(cells: Sequence[Cell]) -> dict[str, dict[tuple[str, str], str]]:
    found: dict[str, dict[tuple[str, str], str]] = {}
    for cell in judging.standing(cells):
        found.setdefault(cell.labels["name"], {})[cell.labels["way"], cell.labels["data"]] = cell.labels["outcome"]
    return found
