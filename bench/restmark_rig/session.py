"""A run from its options to its record: build, verify, plan, measure."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from . import (
    __version__,
    budget,
    console,
    contestant_record,
    cpulist,
    dataset,
    entrants,
    machine_record,
    plan,
    report,
    resume,
    rig_identity,
    run_request,
    runner,
    verdict,
    verifier,
)
from .console import Progress
from .contestant import Contestant
from .dataset import Dataset
from .entrants import Entrant
from .errors import EnvironmentFault, ExitCode
from .idle_latency import IdleLatency
from .launcher import StartOptions
from .oracle import Oracle
from .pace import Pace, Quiet
from .pinning import Pinning
from .recording import Recording
from .results import ContestantRecord, Results, RunSettings, Skipped, Verification
from .run_request import RunRequest
from .settings import Settings
from .verifier import VerifyPlan
from .visiting import Bench


@dataclass
class _Field:
    """Who may be measured. failed: whether anybody that was chosen may not."""

    contestants: list[Contestant]
    skipped: list[Skipped]
    verifications: list[Verification]
    accounting: dict[str, str]
    failed: ExitCode = ExitCode.OK


@dataclass(frozen=True)
class _Ground:
    """What the run stands on, equal for new and for resumed ones."""

    pins: Pinning
    data: Dataset
    default: Dataset
    run: RunSettings
    seed: int

    @property
    def options(self) -> StartOptions:
        return StartOptions(self.data.path, workers=self.run.workers, cpus=self.pins.server)


def start(settings: Settings, request: RunRequest, seed: int | None, directory: Path) -> tuple[Recording, ExitCode]:
    """A new run. Raises RigError; what Ctrl-C or SIGTERM interrupt is saved before they are passed on."""
    ground = _ground(settings, request, secrets.randbelow(2**31) if seed is None else seed)
    started_unix_ms = time.time_ns() // 1_000_000
    with console.progress() as progress:
        field = _prepare(settings, progress)
        limit = time.monotonic() + budget.QUICK_LIMIT_S if request.quick else None
        machine = machine_record.describe(field.contestants)
        pace = Pace(ground.pins, IdleLatency())
        _verify(settings, field, ground, pace, progress)
        names = entrants.with_again(field.contestants)
        cells = run_request.cells_of(names, request.routes(), ground.run)
        if limit is not None:
            lengths = budget.quick(cells, limit - time.monotonic() - budget.QUICK_PATIENCE_S)
            ground = replace(ground, run=run_request.with_lengths(ground.run, *lengths))
        results = Results(
            rig_version=__version__,
            complete=False,
            started_unix_ms=started_unix_ms,
            finished_unix_ms=None,
            argv=request.argv(settings.selectors, settings.peers_dir, ground.seed),
            seed=ground.seed,
            settings=ground.run,
            thresholds=verdict.thresholds(),
            machine=machine,
            tools=machine_record.tools(request.rate_per_s is not None),
            contestants=_records(settings, names, field, ground.options),
            skipped=field.skipped,
            verifications=_under_all_names(field.verifications, names),
            order=plan.make(cells, ground.run.rounds, ground.seed),
            remarks=_remarks(ground, request),
            rig=rig_identity.describe(),
            typed_argv=list(sys.argv),
        )
        recording = Recording(results, directory)
        recording.save()
        return recording, _measure(settings, recording, names, ground, field, pace, limit, progress)


def go_on(settings: Settings, request: RunRequest, recording: Recording) -> tuple[Recording, ExitCode]:
    """The rest of an interrupted run. Raises RigError, UsageFault if what it measured is not the same any more."""
    results = recording.results
    ground = replace(_ground(settings, request, results.seed), run=results.settings)
    with console.progress() as progress:
        field = _prepare(settings, progress)
        machine = machine_record.describe(field.contestants)
        pace = Pace(ground.pins, IdleLatency(), Quiet(results.reference_ns, results.handover_ns))
        _verify(settings, field, ground, pace, progress)
        names = entrants.with_again(field.contestants)
        resume.require_same(
            results,
            machine,
            _records(settings, names, field, ground.options),
            _ground(settings, request, results.seed).run.dataset_sha256,
        )
        recording.remark("the run was interrupted and resumed")
        return recording, _measure(settings, recording, names, ground, field, pace, None, progress)


def _ground(settings: Settings, request: RunRequest, seed: int) -> _Ground:
    pins = request.pins()
    default = dataset.write_default(settings.cache.folder("datasets") / "default.msgpack")
    data = dataset.read(request.dataset.absolute()) if request.dataset else default
    return _Ground(pins, data, default, request.settings(pins, data), seed)


def _prepare(settings: Settings, progress: Progress) -> _Field:
    ready, skipped = entrants.prepare(settings, settings.chosen(), progress)
    return _Field(ready, skipped, [], {})


def _verify(settings: Settings, field: _Field, ground: _Ground, pace: Pace, progress: Progress) -> None:
    """All of verify's checks on everybody, with looks at the machine's pace in between. Who fails is named, not measured.

    Raises EnvironmentFault if none stays.
    """
    plan_ = VerifyPlan(ground.data, ground.default, ground.seed, ground.options)
    passed = []
    for number, contestant in enumerate(field.contestants, 1):
        name = contestant.name
        progress.progress(f"verifying {name} ({number} of {len(field.contestants)})")
        report = verifier.verify(contestant, plan_, settings.cache, progress)
        pace.look()
        if report.state == "failed":
            field.skipped.append(Skipped(name, contestant.title, report.problem, report.remedy))
            field.failed = field.failed or ExitCode.ENVIRONMENT
            progress.say(f"{name}: not measured: {report.problem}")
            continue
        failures = [f"{f.check} {f.route or ''}: {f.message}".replace(" :", ":") for f in report.failures]
        field.accounting[name] = report.accounting
        if failures:
            reason = f"verification failed: {'; '.join(failures)}"
            field.skipped.append(Skipped(name, contestant.title, reason, f"restmark verify -C {name} tells more"))
            field.failed = ExitCode.VERIFICATION
            progress.say(f"{name}: not measured: {reason}")
            continue
        field.verifications.append(Verification(name, "before", True))
        progress.say(f"verified {name} ({number} of {len(field.contestants)}, {report.duration_s:.1f} s)")
        passed.append(contestant)
    if not passed:
        raise EnvironmentFault("no contestant passed verification", "restmark verify tells why")
    field.contestants = passed


def _records(settings: Settings, names: Sequence[Entrant], field: _Field, options: StartOptions) -> list[ContestantRecord]:
    return [
        contestant_record.describe(entrant, options, field.accounting[entrant.contestant.name], settings.cache)
        for entrant in names
    ]


def _under_all_names(verifications: Sequence[Verification], names: Sequence[Entrant]) -> list[Verification]:
    outcome = {verification.contestant: verification for verification in verifications}
    return [replace(outcome[entrant.contestant.name], contestant=entrant.name) for entrant in names]


def _remarks(ground: _Ground, request: RunRequest) -> list[str]:
    """What the settings alone make doubtful."""
    found = []
    if ground.pins.shared:
        found.append("server and client share CPUs: they take time from each other, and no cell can be ranked")
    if request.quick:
        found.append(
            "a quick run: short rounds, and warm-ups in which a just-in-time compiler (PyPy) may not have come to its "
            "end; repeat it without --quick before anything depends on it"
        )
    if request.rate_per_s is not None:
        found.append("fixed rate by h2load, whose connections send at the same moments: latencies include these bursts")
    return found


def _measure(
    settings: Settings,
    recording: Recording,
    names: Sequence[Entrant],
    ground: _Ground,
    field: _Field,
    pace: Pace,
    limit: float | None,
    progress: Progress,
) -> ExitCode:
    run = ground.run
    visit_s = budget.VISIT_S + (run.duration_ms + run.warmup_ms) / 1e3
    progress.say(_announcement(recording, ground, visit_s))
    oracle = Oracle(ground.data)
    bench = Bench(run, ground.options, ground.pins, oracle, settings.cache, pace, ground.seed, progress.progress)
    pace.patience_s = budget.QUICK_PATIENCE_S if run.quick else visit_s * len(recording.remaining())
    with pace.idle.held() as limit_us:
        recording.limited_idle_latency(limit_us)
        runner.run(recording, {entrant.name: entrant for entrant in names}, bench, progress, visit_s, limit)
    missing = len(recording.remaining())
    recording.finish(complete=not missing)
    if missing:
        progress.say(f"{missing} visits were not made, see the notes; 'restmark run --resume' tries them again")
    return field.failed or (ExitCode.ENVIRONMENT if missing else ExitCode.OK)


def _announcement(recording: Recording, ground: _Ground, visit_s: float) -> str:
    run, pins = ground.run, ground.pins
    remaining = recording.remaining()
    where = (
        f"server on CPU {cpulist.render(pins.server)}, client on CPU {cpulist.render(pins.client)}"
        if pins.server and pins.client
        else "server and client not pinned"
    )
    starts = len(plan.sittings(remaining))
    expected = budget.clock(starts * budget.START_S + len(remaining) * visit_s)
    return (
        f"{len(remaining)} visits in {run.rounds} rounds of {run.duration_ms / 1e3:g} s each, warm-up "
        f"{run.warmup_ms / 1e3:g} s; {run.workers} worker(s);\n{where}; seed {ground.seed}; about {expected} on a quiet machine"
    )


def write_reports(recording: Recording) -> list[Path]:
    """Page, Markdown and CSV beside results.json; returns their paths."""
    return list(report.write(recording.results, recording.directory))
