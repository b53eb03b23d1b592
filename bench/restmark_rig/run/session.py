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
from ..backends import back_ends
from ..backends.back_ends import BackEnds
from ..contestants import registry
from ..contestants.contestant import Contestant
from ..contestants.settings import Settings
from ..host import background_load, identity, pinning
from ..host.background_load import BackgroundLoad
from ..host.machine_speed import MachineSpeed, Quiet
from ..host.pinning import Pinning
from ..model import budget, plan
from ..model.budget import Forecast, SliceLengths
from ..model.errors import EnvironmentFault, ExitCode
from ..model.results import ContestantRecord, Machine, Results, RunSettings, Skipped, Verification
from ..server.launcher import StartOptions
from ..server.placement import Placement
from ..store import dataset, rig_identity, writing
from ..store.dataset import Dataset
from ..terminal import console
from ..terminal.console import Progress
from ..verify import verifier
from ..verify.oracle import Oracle
from ..verify.verifier import VerifyPlan
from . import (
    calibration,
    contestant_record,
    interruption,
    load_machines,
    machine_record,
    machine_verdicts,
    participants,
    preview,
    resume,
    run_request,
    runner,
    verdict,
    warm_up,
)
from .bench import Bench
from .calibration import Calibration
from .load_machines import HERE, Loaders
from .participants import Participant
from .preview import Preview
from .recording import Recording
from .run_request import RunRequest


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

    placement: Placement
    pins: Pinning
    data: Dataset
    default: Dataset
    run: RunSettings
    seed: int
    running: BackEnds
    loaders: Loaders = HERE

    @property
    def options(self) -> StartOptions:
        address = self.placement.address if self.placement.name else self.loaders.listen
        return StartOptions(
            self.data.path,
            address,
            workers=self.run.workers,
            cpus=self.pins.server,
            back_ends=self.running.access,
            limits=self.run.limits,
        )


@dataclass(frozen=True)
class _Busy:
    """What others did just before measuring, and how long they were waited for, seconds."""

    others: BackgroundLoad
    waited_s: float


def start(
    settings: Settings, request: RunRequest, placement: Placement, seed: int | None, directory: Path, wait_min: float | None
) -> tuple[Recording, ExitCode]:
    """A new run. placement: where the servers run; wait_min: for how many minutes to wait until others leave the CPUs alone, None: not at all.

    Raises RigError. Whatever interrupts it, Ctrl-C and SIGTERM included, is passed on once what was measured is saved.
    """
    ground = _ground(settings, request, placement, secrets.randbelow(2**31) if seed is None else seed)
    found = preview.look(settings, request, ground.run, placement)
    with ExitStack() as stack:
        ground = replace(ground, running=_back_ends(settings, request, ground, found, stack), loaders=_loaders(settings, request, stack))
        return _started(settings, request, ground, found, directory, wait_min)


def _back_ends(settings: Settings, request: RunRequest, ground: _Ground, found: Preview, stack: ExitStack) -> BackEnds:
    """Those that the workloads ask, for as long as the stack lasts. Raises EnvironmentFault if one can not be had: who asks for its workloads wants them."""
    wishes, servers = request.wishes(ground.pins), ground.run.workers * (len(found.present) + 2)
    running = stack.enter_context(back_ends.running(found.asked, wishes, servers, ground.data, settings.cache))
    for name, why in running.absent.items():
        what, _, remedy = why.partition("; remedy: ")
        raise EnvironmentFault(f"the workloads need a {name}, which can not be started: {what}", remedy)
    return running


def _loaders(settings: Settings, request: RunRequest, stack: ExitStack) -> Loaders:
    """Who makes the load, for as long as the stack lasts. Raises EnvironmentFault."""
    with console.progress() as progress:
        return stack.enter_context(load_machines.running(request.load_machines(), settings.cache, progress.progress))


def _started(
    settings: Settings, request: RunRequest, ground: _Ground, found: Preview, directory: Path, wait_min: float | None
) -> tuple[Recording, ExitCode]:
    """A new run, once its back ends are there."""
    started_unix_ms = time.time_ns() // 1_000_000
    with writing.claimed(directory), console.progress() as progress:
        _look_around(ground, found, wait_min, progress)
        field = _prepare(settings, ground.placement, progress)
        _require_baseline(ground.run, field)
        limit = time.monotonic() + budget.quick_limit_s(len(field.contestants), request.asks_back_ends) if request.quick else None
        machine = machine_record.describe(field.contestants)
        machine_speed = MachineSpeed(ground.pins, ground.placement.idle, work_ns=ground.placement.work_ns)
        _verify(field, ground, machine_speed, request.routes(), progress)
        _require_baseline(ground.run, field)
        busy = _look_again(ground, wait_min, progress)
        if limit is not None:
            limit += busy.waited_s  # who asks to wait for quiet means it
        names = _participants(field, ground)
        cells = run_request.cells_of(names, request.routes(), ground.run)
        bench = _bench(settings, ground, machine_speed, progress)
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
            remarks=_remarks(ground, request),
            rig=rig_identity.describe(),
            typed_argv=list(sys.argv),
            back_ends=ground.running.records(pinning.shared_with_back_ends(ground.pins)),
            back_end_footprints=calibrated.footprints,
            server_place=ground.placement.name or None,
            server_machine=_server_machine(ground.placement),
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
    today = _ground(settings, request, placement, results.seed)
    with ExitStack() as stack:
        running = _back_ends(settings, request, today, preview.look(settings, request, today.run, placement), stack)
        ground = replace(today, running=running, loaders=_loaders(settings, request, stack))
        return _gone_on(settings, request, recording, ground, wait_min)


def _gone_on(
    settings: Settings, request: RunRequest, recording: Recording, today: _Ground, wait_min: float | None
) -> tuple[Recording, ExitCode]:
    """The rest of a run, once its back ends are there."""
    results = recording.results
    resume.require_same_ground(
        results,
        identity.read(),
        today.run,
        rig_identity.describe(),
        machine_record.tools(),
        _server_machine(today.placement),
    )
    ground = replace(today, run=results.settings)
    with writing.claimed(recording.directory), console.progress() as progress:
        _wait_for_quiet(ground, wait_min, progress)
        field = _prepare(settings, ground.placement, progress)
        built = _participants(field, ground)
        resume.require_same_contestants(results, _records(built, field, ground))
        machine_speed = MachineSpeed(
            ground.pins, ground.placement.idle, Quiet(results.reference_ns, results.handover_ns), ground.placement.work_ns
        )
        _verify(field, ground, machine_speed, request.routes(), progress)
        names = _participants(field, ground)
        resume.require_same_contestants(results, _records(names, field, ground))
        busy = _look_again(ground, wait_min, progress)
        cells = run_request.cells_of(names, request.routes(), ground.run)
        calibrated = calibration.hold(names, cells, _bench(settings, ground, machine_speed, progress))
        recording.remark("the run was interrupted and resumed")
    return recording, _measured(settings, recording, names, ground, field, machine_speed, calibrated, None, busy)


def _look_around(ground: _Ground, found: Preview, wait_min: float | None, progress: Progress) -> None:
    """Says how long the whole run takes, and what others do to it, before anything is built. Raises EnvironmentFault."""
    _wait_for_quiet(ground, wait_min, progress)
    now = _others(ground)
    parts = [f"to verify {len(found.present)} contestants", "to measure them"]
    if found.unbuilt:
        parts.insert(0, f"to build {', '.join(found.unbuilt)}")
    if now.quiet:
        progress.say(f"about {found.span(now.share).text}: {', '.join(parts)}")
    else:
        progress.say(preview.busy_warning(now, found.span(now.share)))


def _look_again(ground: _Ground, wait_min: float | None, progress: Progress) -> _Busy:
    """What others do when all is ready to be measured, which may be minutes later."""
    started = time.monotonic()
    _wait_for_quiet(ground, wait_min, progress)
    waited_s = time.monotonic() - started
    return _Busy(_others(ground), waited_s)


def _wait_for_quiet(ground: _Ground, wait_min: float | None, progress: Progress) -> None:
    if wait_min is not None:
        background_load.wait_for_quiet(lambda: _others(ground), 60 * wait_min, progress.progress)


def _others(ground: _Ground) -> BackgroundLoad:
    """What others do here, or, if that is more, on the servers' machine."""
    here = background_load.look(preview.cpus_of(ground.pins))
    if not ground.pins.apart:
        return here
    there = ground.placement.background_load(ground.pins.server or frozenset())
    return max(here, there, key=lambda found: found.share)


def _server_machine(placement: Placement) -> Machine | None:
    """That of the servers, where it is another one."""
    return placement.identity() if placement.name else None


def _require_baseline(run: RunSettings, field: _Field) -> None:
    """Raises EnvironmentFault if the contestant to which all are to be compared is none of those that are measured."""
    if run.baseline is None or run.baseline in [contestant.name for contestant in field.contestants]:
        return
    why = next((entry for entry in field.skipped if entry.name == run.baseline), None)
    raise EnvironmentFault(
        f"--baseline {run.baseline} can not be measured" + (f": {why.reason}" if why else ""),
        why.remedy if why and why.remedy else "name another one, or leave --baseline out",
    )


def _ground(settings: Settings, request: RunRequest, placement: Placement, seed: int) -> _Ground:
    pins = request.pins(placement)
    default = dataset.write_default(settings.cache.folder("datasets") / "default.msgpack")
    data = dataset.read(request.dataset.absolute()) if request.dataset else default
    return _Ground(placement, pins, data, default, request.settings(pins, data), seed, BackEnds())


def _prepare(settings: Settings, placement: Placement, progress: Progress) -> _Field:
    ready, skipped = participants.prepare(settings, settings.chosen(), placement, progress)
    return _Field(ready, skipped, [], {})


def _verify(
    field: _Field, ground: _Ground, machine_speed: MachineSpeed, routes: tuple[str, ...], progress: Progress
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
            progress.say(f"{name}: not measured: {report.problem}")
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
        raise EnvironmentFault("no contestant passed verification", "restmark verify tells why")
    field.contestants = passed


def _participants(field: _Field, ground: _Ground) -> list[Participant]:
    return participants.scaled(participants.with_again(field.contestants), preview.cpus_by_workers(ground.run, ground.pins, ground.placement.topology()))


def _records(names: Sequence[Participant], field: _Field, ground: _Ground) -> list[ContestantRecord]:
    return [
        contestant_record.describe(participant, ground.options, field.accounting.get(participant.contestant.name, ""), ground.placement)
        for participant in names
    ]


def _under_all_names(verifications: Sequence[Verification], names: Sequence[Participant]) -> list[Verification]:
    outcome = {verification.contestant: verification for verification in verifications}
    return [replace(outcome[participant.contestant.name], contestant=participant.name) for participant in names]


def _remarks(ground: _Ground, request: RunRequest) -> list[str]:
    """What the settings alone make doubtful."""
    topology = ground.placement.topology()
    found = [*pinning.remarks(ground.pins, topology), *preview.too_many_workers(ground.run, ground.pins)]
    found.extend(machine_verdicts.clock_remarks(ground.loaders.records))
    longest = warm_up.LONGEST
    if ground.loaders.watched is None:
        found.append("several machines that make a load together do not tell how far it is: warm-ups lasted as long as asked for, steady or not")
        longest = 1
    if request.quick:
        found.append(
            "a quick run: one start of the servers, and warm-ups that end after "
            f"{longest * budget.QUICK_WARM_UP_MS / 1e3:g} s, steady or not; repeat it without --quick before anything depends on it"
        )
    return found


def _bench(settings: Settings, ground: _Ground, machine_speed: MachineSpeed, progress: Progress) -> Bench:
    return Bench(
        ground.run,
        ground.options,
        ground.pins,
        Oracle(ground.data, ground.running),
        settings.cache,
        ground.placement,
        machine_speed,
        ground.seed,
        progress.progress,
        engine=ground.loaders.engine,
        watched=ground.loaders.watched,
        back_ends=ground.running,
    )


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
    ground: _Ground,
    field: _Field,
    machine_speed: MachineSpeed,
    calibrated: Calibration,
    limit: float | None,
    busy: _Busy,
) -> ExitCode:
    """Makes the visits that remain; an interruption is told once the progress line is gone, and passed on."""
    run = ground.run
    if not busy.others.quiet:
        recording.remark(f"when measuring began, {busy.others.text}")
    try:
        with console.progress() as progress:
            bench = _bench(settings, ground, machine_speed, progress)
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


def _announcement(recording: Recording, ground: _Ground, forecast: Forecast) -> str:
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
