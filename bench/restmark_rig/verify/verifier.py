"""Proves that a contestant does the work: starts it, runs the checks, collects what they found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..backends.back_ends import BackEnds
from ..contestants.builder import Reporter
from ..contestants.contestant import Contestant
from ..model.errors import EnvironmentFault
from ..server.launcher import StartOptions
from ..server.placement import Placement
from ..server.server_process import OUT_OF_MEMORY
from ..store.dataset import Dataset
from .checks import CHECKS, COST, STOP, Check, Finding, Subject, Verdict
from .checks.cost import measurable
from .oracle import Oracle

_DEATH_NEWS_S = 0.5


@dataclass(frozen=True)
class VerifyPlan:
    """What to verify with. default: the default dataset, for the costs where the user's is too small to show them.

    routes: the workloads of interest, for which alone the work is proved; None: all that a contestant claims.
    back_ends: those that run, by which the answers of their routes are proved; without one its routes are left out, and that is said.
    """

    dataset: Dataset
    default: Dataset
    seed: int
    options: StartOptions
    checks: tuple[Check, ...] = CHECKS
    routes: tuple[str, ...] | None = None
    back_ends: BackEnds = field(default_factory=BackEnds)

    def of_interest(self, contestant: Contestant) -> Contestant:
        """The contestant with the routes that are to be verified; with all of its own, if it has none of those. Routes of back ends that
        do not run are not among them."""
        contestant = contestant.without(self.back_ends.missing)
        if self.routes is None:
            return contestant
        return replace(contestant, routes=tuple(route for route in contestant.routes if route in self.routes) or contestant.routes)


@dataclass
class Report:
    """What came out for one contestant.

    state: "verified" (the checks ran, see findings), "skipped" (a requirement is missing), "failed" (it could not be
    built or started); problem and remedy tell why.
    """

    contestant: Contestant
    state: str = "verified"
    problem: str = ""
    remedy: str = ""
    findings: list[Finding] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    accounting: str = ""
    remarks: list[str] = field(default_factory=list)
    duration_s: float = 0.0

    @property
    def failures(self) -> list[Finding]:
        """The findings that make verification fail."""
        return [finding for finding in self.findings if finding.verdict is Verdict.FAIL]

    @property
    def undecided(self) -> list[Finding]:
        """The findings of which the machine's noise left open whether they are failures."""
        return [finding for finding in self.findings if finding.verdict is Verdict.UNDECIDED]

    @property
    def passed(self) -> bool:
        """Whether the checks ran, and nothing failed or was left open."""
        return self.state == "verified" and not self.failures and not self.undecided

    @property
    def objection(self) -> str:
        """Why what was checked does not count as the same work; empty if it does."""
        said = "; ".join(
            f"{f.check} {f.route or ''}: {f.message}".replace(" :", ":") for f in (*self.failures, *self.undecided)
        )
        if self.failures:
            return f"verification failed: {said}"
        return f"not the same work as far as can be told: {said}" if said else ""


def verify(contestant: Contestant, plan: VerifyPlan, placement: Placement, reporter: Reporter) -> Report:
    """Runs all checks of the plan on a built contestant. A server that does not start gives a report that says so."""
    report = Report(contestant, versions=placement.versions(contestant))
    started = time.monotonic()
    report.remarks += _left_out(contestant, plan)
    try:
        for dataset, checks in _passes(plan, report):
            is_default = dataset.records == plan.default.records
            with placement.launch(plan.of_interest(contestant), replace(plan.options, dataset=dataset.path)) as server:
                if server.accounting_caveat and not report.accounting:
                    report.remarks.append(
                        f"no control group can be made here; CPU time is read from the {server.accounting}, where "
                        f"{server.accounting_caveat}"
                    )
                report.accounting = server.accounting
                subject = Subject(server, Oracle(dataset, plan.back_ends), plan.seed, is_default, _teller(contestant, reporter), plan.options.workers)
                report.findings += run_checks(subject, checks, reporter)
    except EnvironmentFault as fault:
        report.state, report.problem, report.remedy = "failed", fault.message, fault.remedy
    order = [check.name for check in CHECKS]
    report.findings.sort(key=lambda finding: order.index(finding.check))
    report.duration_s = time.monotonic() - started
    return report


def _left_out(contestant: Contestant, plan: VerifyPlan) -> Iterator[str]:
    """Which of its back ends do not run, so that nothing of their routes is proved."""
    for name in contestant.back_ends:
        if name in plan.back_ends.missing:
            why = plan.back_ends.absent.get(name)
            yield f"its routes of the {name} are not verified: " + (why or f"no {name} was started")


def _passes(plan: VerifyPlan, report: Report) -> Iterator[tuple[Dataset, Sequence[Check]]]:
    """Which checks run on which dataset: one server start for each."""
    if COST not in plan.checks or measurable(plan.dataset):
        yield plan.dataset, plan.checks
        return
    if others := tuple(check for check in plan.checks if check is not COST):
        yield plan.dataset, others
    report.remarks.append(
        f"{len(plan.dataset.records)} records are too few to measure a cost: 'cost' is checked with the default dataset"
    )
    yield plan.default, (COST,)


def _teller(contestant: Contestant, reporter: Reporter) -> Callable[[str], None]:
    """Passes a check's progress on under the contestant's name."""
    return lambda text: reporter.progress(f"verifying {contestant.name}: {text}")


def run_checks(subject: Subject, checks: Sequence[Check], reporter: Reporter) -> list[Finding]:
    """Runs checks on a running server; once it has died, the remaining ones fail without being run."""
    findings: list[Finding] = []
    killed = 0
    for number, check in enumerate(checks):
        reporter.progress(f"verifying {subject.contestant.name}: {check.name} ({check.proves})")
        found = list(check.run(subject))
        findings += found
        if (kills := subject.server.oom_kills()) > killed:
            findings.append(Finding(check.name, None, Verdict.FAIL, f"the kernel killed {kills - killed} of its processes, {OUT_OF_MEMORY}"))
            killed = kills
        # A refused connection is noticed before the news of the server's end arrive.
        wait_s = _DEATH_NEWS_S if any(finding.verdict is Verdict.FAIL for finding in found) else 0.0
        if check is not STOP and (death := subject.server.death(wait_s)):
            findings.append(Finding(check.name, None, Verdict.FAIL, f"during this check the server {death}"))
            findings += [
                Finding(later.name, None, Verdict.FAIL, f"not run: the server died during '{check.name}'")
                for later in checks[number + 1 :]
            ]
            break
    return findings
