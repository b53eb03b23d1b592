"""restmark verify: proves that contestants do the same work."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from ...contestants import builder, placeholders
from ...contestants.cache import Cache
from ...contestants.contestant import Contestant
from ...contestants.registry import selector
from ...contestants.settings import Settings
from ...model import cpulist
from ...model.errors import EnvironmentFault
from ...server.launcher import StartOptions
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
    host: str
    port: int
    no_build: bool
    verbose: bool
    as_json: bool

    def start_options(self, dataset: Dataset) -> StartOptions:
        """How the servers are started."""
        cpus = cpulist.parse(self.server_cpus) if self.server_cpus else None
        return StartOptions(dataset.path, self.host, self.port, self.workers, cpus)


def verify(settings: Settings, options: VerifyOptions) -> int:
    """Verify that contestants do the work, byte for byte (all present, or those named with -C). Returns the exit code."""
    contestants = settings.chosen()
    default = dataset.write_default(settings.cache.folder("datasets") / "default.msgpack")
    chosen = dataset.read(options.dataset_path.absolute()) if options.dataset_path else default
    plan = VerifyPlan(
        dataset=chosen,
        default=default,
        seed=secrets.randbelow(2**31) if options.seed is None else options.seed,
        options=options.start_options(chosen),
        checks=tuple(check for check in CHECKS if not options.names or check.name in options.names),
    )
    reports = []
    with console.progress() as progress:
        prepared = [_prepare(settings, contestant, progress, options.no_build) for contestant in contestants]
        _compare_datasets(settings.cache, prepared, default)
        for number, report in enumerate(prepared, 1):
            if report.state == "verified":
                name = report.contestant.name
                progress.say(f"verifying {name} ({number} of {len(prepared)})")
                report = verifier.verify(report.contestant, plan, settings.cache, progress)
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
