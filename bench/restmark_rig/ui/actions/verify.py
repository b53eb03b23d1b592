"""restmark verify: proves that contestants do the same work."""

from __future__ import annotations

import secrets
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from ...backends import back_ends
from ...contestants import builder, placeholders
from ...contestants.cache import Cache
from ...contestants.contestant import Contestant
from ...contestants.registry import selector
from ...contestants.settings import Settings
from ...model import cpulist
from ...model.errors import EnvironmentFault
from ...server.launcher import StartOptions
from ...server.placement import Local
from ...store import dataset
from ...store.dataset import Dataset
from ...terminal import console
from ...terminal.console import Progress
from ...verify import verifier
from ...verify.checks import CHECKS
from ...verify.verifier import Report, VerifyPlan
from .. import verify_report
from .build import require_met


@dataclass(frozen=True)
class VerifyOptions:
    """What the command line says of it. names: the checks, none for all. dataset_path: None for the default one."""

    names: tuple[str, ...]
    dataset_path: Path | None
    seed: int | None
    workers: int
    server_cpus: str | None
    workloads: tuple[tuple[str, ...], ...]
    database_url: str | None
    cache_url: str | None
    database_connections: int
    back_end_cpus: str | None
    host: str
    port: int
    no_build: bool
    verbose: bool
    as_json: bool

    def start_options(self, dataset: Dataset) -> StartOptions:
        """How the servers are started, without back ends. Raises UsageFault."""
        cpus = cpulist.parse(self.server_cpus) if self.server_cpus else None
        return StartOptions(dataset.path, self.host, self.port, self.workers, cpus)

    @property
    def routes(self) -> tuple[str, ...] | None:
        """The workloads that are named; None: all."""
        return tuple(dict.fromkeys(route for routes in self.workloads for route in routes)) or None


def verify(settings: Settings, options: VerifyOptions) -> int:
    """Verify that contestants do the work, byte for byte (all present, or those named with -C). Returns the exit code."""
    settings.workloads = options.routes or ()
    contestants = settings.chosen()
    cpus = cpulist.parse(options.back_end_cpus) if options.back_end_cpus else None
    wishes = back_ends.wished(options.database_url, options.cache_url, options.database_connections, cpus)
    default = dataset.write_default(settings.cache.folder("datasets") / "default.msgpack")
    chosen = dataset.read(options.dataset_path.absolute()) if options.dataset_path else default
    start = options.start_options(chosen)
    reports = []
    with console.progress() as progress, ExitStack() as stack:
        prepared = [_prepare(settings, contestant, progress, options.no_build) for contestant in contestants]
        _compare_datasets(settings.cache, prepared, default)
        asked = back_ends.asked_by([report.contestant for report in prepared if report.state == "verified"], options.routes)
        if asked:
            progress.progress(f"starting the {' and the '.join(asked)}")
        running = stack.enter_context(back_ends.running(asked, wishes, options.workers, chosen, settings.cache))
        plan = VerifyPlan(
            dataset=chosen,
            default=default,
            seed=secrets.randbelow(2**31) if options.seed is None else options.seed,
            options=replace(start, back_ends=running.access),
            checks=tuple(check for check in CHECKS if not options.names or check.name in options.names),
            routes=options.routes,
            back_ends=running,
        )
        for number, report in enumerate(prepared, 1):
            if report.state == "verified":
                name = report.contestant.name
                progress.say(f"verifying {name} ({number} of {len(prepared)})")
                report = verifier.verify(report.contestant, plan, Local(settings.cache), progress)
                progress.say(f"{name}: {_outcome(report)} ({report.duration_s:.1f} s)")
            reports.append(report)
    if options.as_json:
        console.show_json(verify_report.as_json(reports, plan))
    else:
        verify_report.show(console.out, reports, plan, options.verbose)
    return verify_report.exit_code(reports)


def _outcome(report: Report) -> str:
    if report.state == "failed":
        return "did not start"
    counts = {"findings": len(report.failures), "undecided": len(report.undecided)}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "all checks passed"


def _prepare(settings: Settings, contestant: Contestant, progress: Progress, no_build: bool) -> Report:
    """A report that says "verified" once the contestant is built, or why it can not be."""
    try:
        require_met(contestant)
    except EnvironmentFault as fault:
        state = "failed" if settings.named(contestant) else "skipped"
        return Report(contestant, state, fault.message.removeprefix(f"{contestant.name}: "), fault.remedy)
    try:
        if not no_build:
            builder.build(contestant, settings.cache, progress)
        elif builder.state(contestant, settings.cache) != "ready":
            raise EnvironmentFault("its build is missing or out of date", f"restmark build -C {selector(contestant)}")
    except EnvironmentFault as fault:
        return Report(contestant, "failed", fault.message, fault.remedy)
    return Report(contestant)


def _compare_datasets(cache: Cache, prepared: list[Report], default: Dataset) -> None:
    """Where a restmarkd is at hand, its built-in dataset has to be the rig's. Raises EnvironmentFault."""
    binaries = []
    for report in prepared:
        contestant = report.contestant
        if contestant.name == "restmarkd" and report.state == "verified":
            values = contestant.placeholder_values(cache.build_dir(contestant))
            binaries.append(placeholders.expand(contestant.start.argv[0], values))
    if installed := shutil.which("restmarkd"):
        binaries.append(installed)
    for binary in binaries:
        dataset.compare_with_restmarkd(Path(binary), default)
