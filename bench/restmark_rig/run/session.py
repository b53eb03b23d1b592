"""A run from its options to its record: build, verify, plan, measure."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from .. import __version__, report
from ..contestants import registry
from ..contestants.contestant import Contestant
from ..contestants.settings import Settings
from ..host import identity, pinning
from ..host.machine_speed import MachineSpeed, Quiet
from ..model import budget, plan
from ..model.budget import Forecast, SliceLengths
from ..model.errors import EnvironmentFault, ExitCode
from ..model.results import ContestantRecord, Results, RunSettings, Skipped, Verification
from ..server.placement import Placement
from ..store import rig_identity, writing
from ..terminal import console
from ..terminal.console import Progress
from ..verify import verifier
from ..verify.verifier import VerifyPlan
from . import (
    calibration,
    contestant_record,
    interruption,
    machine_record,
    participants,
    preview,
    resume,
    run_request,
    runner,
    surroundings,
    verdict,
)
from . import ground as grounds
from .bench import Bench
from .calibration import Calibration
from .ground import Ground
from .participants import Participant
from .preview import Preview
from .recording import Recording
from .run_request import RunRequest
from .surroundings import Busy


@dataclass
class _Field:
    """Who may be measured. failed: whether anybody that was chosen may not."""

    contestants: list[Contestant]
    skipped: list[Skipped]
    verifications: list[Verification]
    accounting: dict[str, str]
    failed: ExitCode = ExitCode.OK


def start(
    settings: Settings, request: RunRequest, placement: Placement, seed: int | None, directory: Path, wait_min: float | None
) -> tuple[Recording, ExitCode]:
    """A new run. placement: where the servers run; wait_min: for how many minutes to wait until others leave the CPUs alone, None: not at all.

    Raises RigError. Whatever interrupts it, Ctrl-C and SIGTERM included, is passed on once what was measured is saved.
    """
    ground = grounds.of(settings, request, placement, secrets.randbelow(2**31) if seed is None else seed)
    found = preview.look(settings, request, ground.run, placement)
    with ExitStack() as stack:
        running = grounds.started_back_ends(settings, request, ground, found, stack)
        ground = replace(ground, running=running, loaders=grounds.started_loaders(settings, request, stack))
        return _started(settings, request, ground, found, directory, wait_min)


def _started(
    settings: Settings, request: RunRequest, ground: Ground, found: Preview, directory: Path, wait_min: float | None
) -> tuple[Recording, ExitCode]:
    """A new run, once its back ends are there."""
    started_unix_ms = time.time_ns() // 1_000_000
    with writing.claimed(directory), console.progress() as progress:
        surroundings.look_around(ground, found, wait_min, progress)
        field = _prepare(settings, ground.placement, progress)
        _require_baseline(ground.run, field)
        limit = time.monotonic() + budget.quick_limit_s(len(field.contestants), request.asks_back_ends) if request.quick else None
        machine = machine_record.describe(field.contestants)
        machine_speed = MachineSpeed(ground.pins, ground.placement.idle, work_ns=ground.placement.work_ns)
        _verify(field, ground, machine_speed, request.routes(), progress)
        _require_baseline(ground.run, field)
        busy = surroundings.look_again(ground, wait_min, progress)
        if limit is not None:
            limit += busy.waited_s  # who asks to wait for quiet means it
        names = _participants(field, ground)
        cells = run_request.cells_of(names, request.routes(), ground.run)
        bench = grounds.bench(settings, ground, machine_speed, progress)
        calibrated = calibration.hold(names, cells, bench)
        if limit is not None:
            measuring_s = budget.quick_measuring_s(limit - time.monotonic(), len(field.contestants), cells)
            limit = time.monotonic() + measuring_s
            rounds = budget.quick_rounds(cells, measuring_s, _slices(bench, calibrated))
            ground = replace(ground, run=replace(ground.run, rounds=rounds))
        results = Results(
            rig_version=__version__,
            complete=False,
            started_unix_ms=started_unix_ms,
            finished_unix_ms=None,
            argv=request.argv(settings, ground.seed),
            seed=ground.seed,
            settings=ground.run,
            thresholds=verdict.thresholds(),
            machine=machine,
            tools=machine_record.tools(),
            contestants=_records(names, field, ground),
            skipped=field.skipped,
            verifications=_under_all_names(field.verifications, names),
            order=plan.make(cells, ground.run.rounds, ground.seed),
            remarks=grounds.remarks(ground, request),
            rig=rig_identity.describe(),
            typed_argv=list(sys.argv),
            back_ends=ground.running.records(pinning.shared_with_back_ends(ground.pins)),
            back_end_footprints=calibrated.footprints,
            server_place=ground.placement.name or None,
            server_machine=grounds.server_machine(ground.placement),
            load_machines=ground.loaders.records,
        )
        recording = _recording(results, directory, calibrated)
        recording.save()
    return recording, _measured(settings, recording, names, ground, field, machine_speed, calibrated, limit, busy)


def go_on(
    settings: Settings, request: RunRequest, placement: Placement, recording: Recording, wait_min: float | None
) -> tuple[Recording, ExitCode]:
    """The rest of an interrupted run. Raises RigError, UsageFault if what it measured is not the same any more."""
    results = recording.results
    today = grounds.of(settings, request, placement, results.seed)
    with ExitStack() as stack:
        running = grounds.started_back_ends(settings, request, today, preview.look(settings, request, today.run, placement), stack)
        ground = replace(today, running=running, loaders=grounds.started_loaders(settings, request, stack))
        return _gone_on(settings, request, recording, ground, wait_min)


def _gone_on(
    settings: Settings, request: RunRequest, recording: Recording, today: Ground, wait_min: float | None
) -> tuple[Recording, ExitCode]:
    """The rest of a run, once its back ends are there."""
    results = recording.results
    resume.require_same_ground(
        results,
        identity.read(),
        today.run,
        rig_identity.describe(),
        machine_record.tools(),
        grounds.server_machine(today.placement),
    )
    ground = replace(today, run=results.settings)
    with writing.claimed(recording.directory), console.progress() as progress:
        surroundings.wait_for_quiet(ground, wait_min, progress)
        field = _prepare(settings, ground.placement, progress)
        built = _participants(field, ground)
        resume.require_same_contestants(results, _records(built, field, ground))
        machine_speed = MachineSpeed(
            ground.pins, ground.placement.idle, Quiet(results.reference_ns, results.handover_ns), ground.placement.work_ns
        )
        _verify(field, ground, machine_speed, request.routes(), progress)
        names = _participants(field, ground)
        resume.require_same_contestants(results, _records(names, field, ground))
        busy = surroundings.look_again(ground, wait_min, progress)
        cells = run_request.cells_of(names, request.routes(), ground.run)
        calibrated = calibration.hold(names, cells, grounds.bench(settings, ground, machine_speed, progress))
        results.server_place = ground.placement.name or None
        recording.remark("the run was interrupted and resumed")
    return recording, _measured(settings, recording, names, ground, field, machine_speed, calibrated, None, busy)


def _require_baseline(run: RunSettings, field: _Field) -> None:
    """Raises EnvironmentFault if the contestant to which all are to be compared is none of those that are measured."""
    if run.baseline is None or run.baseline in [contestant.name for contestant in field.contestants]:
        return
    why = next((entry for entry in field.skipped if entry.name == run.baseline), None)
    raise EnvironmentFault(
        f"--baseline {run.baseline} can not be measured" + (f": {why.reason}" if why else ""),
        why.remedy if why and why.remedy else "name another one, or leave --baseline out",
    )


def _prepare(settings: Settings, placement: Placement, progress: Progress) -> _Field:
    ready, skipped = participants.prepare(settings, settings.chosen(), placement, progress)
    return _Field(ready, skipped, [], {})


def _verify(
    field: _Field, ground: Ground, machine_speed: MachineSpeed, routes: tuple[str, ...], progress: Progress
) -> None:
    """All of verify's checks on everybody, of the workloads to be measured, with looks at the machine's speed in between.

    Who fails is named, not measured.

    Raises EnvironmentFault if none stays.
    """
    plan_ = VerifyPlan(ground.data, ground.default, ground.seed, ground.options.at_full_speed(), routes=routes, back_ends=ground.running)
    passed = []
    for number, contestant in enumerate(field.contestants, 1):
        name = contestant.name
        progress.progress(f"verifying {name} ({number} of {len(field.contestants)})")
        report = verifier.verify(contestant, plan_, ground.placement, progress)
        machine_speed.look()
        if report.state == "failed":
            field.skipped.append(Skipped(name, contestant.title, report.problem, report.remedy))
            field.failed = field.failed or ExitCode.ENVIRONMENT
            progress.say(f"{name}: not measured: {report.problem}" + (f"; {report.remedy}" if report.remedy else ""))
            continue
        field.accounting[name] = report.accounting
        if reason := report.objection:
            field.skipped.append(Skipped(name, contestant.title, reason, f"restmark verify -C {registry.selector(contestant)} tells more"))
            field.failed = ExitCode.VERIFICATION
            progress.say(f"{name}: not measured: {reason}")
            continue
        field.verifications.append(Verification(name, "before", True))
        progress.say(f"verified {name} ({number} of {len(field.contestants)}, {report.duration_s:.1f} s)")
        passed.append(contestant)
    if not passed:
        raise EnvironmentFault("no contestant passed verification", "why is told above, for each")
    field.contestants = passed


def _participants(field: _Field, ground: Ground) -> list[Participant]:
    return participants.scaled(participants.with_again(field.contestants), preview.cpus_by_workers(ground.run, ground.pins, ground.placement.topology()))


def _records(names: Sequence[Participant], field: _Field, ground: Ground) -> list[ContestantRecord]:
    return [
        contestant_record.describe(participant, ground.options, field.accounting.get(participant.contestant.name, ""), ground.placement)
        for participant in names
    ]


def _under_all_names(verifications: Sequence[Verification], names: Sequence[Participant]) -> list[Verification]:
    outcome = {verification.contestant: verification for verification in verifications}
    return [replace(outcome[participant.contestant.name], contestant=participant.name) for participant in names]


def _slices(bench: Bench, calibrated: Calibration) -> SliceLengths:
    """As far as the cells' speeds are known."""
    return lambda name, cell: bench.slice_s(calibrated.rates.get((name, cell), 0.0), cell.connections, bench.settings.workers)


def _recording(results: Results, directory: Path, calibrated: Calibration) -> Recording:
    recording = Recording(results, directory)
    for record in calibrated.memory:
        recording.memory(record)
    for remark in calibrated.remarks:
        recording.remark(remark)
    return recording


def _measured(
    settings: Settings,
    recording: Recording,
    names: Sequence[Participant],
    ground: Ground,
    field: _Field,
    machine_speed: MachineSpeed,
    calibrated: Calibration,
    limit: float | None,
    busy: Busy,
) -> ExitCode:
    """Makes the visits that remain; an interruption is told once the progress line is gone, and passed on."""
    run = ground.run
    if not busy.others.quiet:
        recording.remark(f"when measuring began, {busy.others.text}")
    try:
        with console.progress() as progress:
            bench = grounds.bench(settings, ground, machine_speed, progress)
            cells = run_request.cells_of(names, _routes(recording), run)
            slices = _slices(bench, calibrated)
            measuring = budget.measuring_span(cells, run, slices)
            machine_speed.get_to_know(budget.machine_speed_s(measuring.low_s), progress.progress)
            forecast = budget.Forecast(slices, budget.start_span(cells, run))
            progress.say(_announcement(recording, ground, forecast))
            participants_by_name = {participant.name: participant for participant in names}
            runner.Run(recording, participants_by_name, bench, calibrated, progress, forecast, limit).go()
    except BaseException:
        interruption.tell(recording)
        raise
    missing = len(recording.remaining())
    if missing:
        console.plain(
            console.err,
            f"{missing} visits were not made, see the notes; 'restmark run --resume {recording.directory}' tries them again",
        )
    return field.failed or (ExitCode.ENVIRONMENT if missing else ExitCode.OK)


def _routes(recording: Recording) -> list[str]:
    return list(dict.fromkeys(visit.route for visit in recording.results.order))


def _announcement(recording: Recording, ground: Ground, forecast: Forecast) -> str:
    run, remaining = ground.run, recording.remaining()
    turns = plan.turns(remaining)
    starts = len({plan.start_of(turn.round) for turn in turns})
    return (
        f"{len(remaining)} slices of {run.duration_ms / 1e3:g} s and more in {run.rounds} rounds, after {starts} "
        f"start{'' if starts == 1 else 's'} of all servers; {run.workers} worker(s);\n{preview.where(ground.pins)}"
        + "".join(f";\n{line}" for line in preview.curve(run, ground.pins, ground.placement.topology()))
        + f"; seed {ground.seed}; at most about {forecast.left(turns).text}" + _connections(recording)
    )


def _connections(recording: Recording) -> str:
    each = [f"{record.connections_per_worker} to the {record.name}" for record in recording.results.back_ends]
    return f";\nconnections for each worker, equal for all: {', '.join(each)}" if each else ""


def write_reports(recording: Recording) -> list[Path]:
    """Page, Markdown and CSV beside results.json; returns their paths. Raises EnvironmentFault."""
    return list(report.write(recording.results, recording.directory))
