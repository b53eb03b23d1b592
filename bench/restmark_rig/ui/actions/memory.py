"""restmark memory: what each server takes, process by process, and what one more worker costs."""

from __future__ import annotations

import dataclasses
import datetime
import sys
import time
from pathlib import Path

from ... import __version__
from ...contestants.contestant import Contestant
from ...contestants.settings import Settings
from ...load import load
from ...model import cpulist
from ...model.errors import UsageFault
from ...model.results import Results, Skipped
from ...model.timeouts import DEFAULT_TIMEOUT_S
from ...run import contestant_record, interruption, machine_record, participants, run_request, verdict
from ...run.participants import Participant
from ...run.recording import Recording
from ...run.run_request import RunRequest
from ...server.launcher import StartOptions
from ...server.memory_look import restmark_rss
from ...server.placement import Local
from ...store import dataset, results_file, rig_identity, writing
from ...study import memory as measuring
from ...study.memory import MemoryPlan
from ...terminal import console
from .. import memory_table
from .build import provide_load


def memory(
    settings: Settings,
    workers: tuple[int, ...],
    connections: int,
    duration: float,
    server_cpus: str | None,
    client_cpus: str | None,
    output: Path | None,
) -> int:
    """Measure memory at rest, under /encode-json and after it (all contestants present, or those named with -C)."""
    provide_load(settings)
    restmark_rss()
    request = RunRequest(
        (),
        (connections,),
        duration,
        None,
        0,
        (max(workers),),
        server_cpus,
        client_cpus,
        None,
        DEFAULT_TIMEOUT_S,
        False,
        None,
    )
    placement = Local(settings.cache)
    pins = request.pins(placement)
    data = dataset.write_default(settings.cache.folder("datasets") / "default.msgpack")
    plan = MemoryPlan(
        tuple(sorted(set(workers))), connections, duration, StartOptions(data.path, cpus=pins.server), pins, load
    )
    directory = (output or Path(f"restmark-memory-{datetime.datetime.now():%Y%m%d-%H%M%S}")).absolute()
    with writing.claimed(directory), console.progress() as progress:
        contestants, skipped = participants.prepare(settings, settings.chosen(), placement, progress)
        recording = _recording(directory, settings, request, plan, contestants, skipped)
        recording.save()
    outcomes = _measured(settings, recording, plan, contestants)
    memory_table.show(
        console.out,
        {name: outcome.records for name, outcome in outcomes.items()},
        [text for outcome in outcomes.values() for text in outcome.disagreements],
    )
    console.plain(console.out, f"results: {recording.directory / results_file.FILE_NAME}")
    return 0


def _measured(
    settings: Settings, recording: Recording, plan: MemoryPlan, contestants: list[Contestant]
) -> dict[str, measuring.Outcome]:
    """Looks at everybody; saved after each, and what an interruption leaves is complete for those that it has."""
    outcomes: dict[str, measuring.Outcome] = {}
    try:
        with console.progress() as progress:
            for number, contestant in enumerate(contestants, 1):
                outcome = measuring.measure(contestant, plan, settings.cache, progress)
                outcomes[contestant.name] = outcome
                _add(recording, contestant.name, outcome)
                recording.save()
                progress.say(f"[{number}/{len(contestants)}] {contestant.name}: {_in_short(outcome)}")
    except BaseException as error:
        if not recording.results.order:  # a run in the folder has its own end recorded
            recording.results.interrupted = interruption.reason(error)
        path = recording.save()
        text = f"interrupted: {len(outcomes)} of {len(contestants)} contestants are saved in {path}"
        console.plain(console.err, text)
        raise
    recording.results.finished_unix_ms = time.time_ns() // 1_000_000
    recording.results.complete = not recording.remaining()
    recording.save()
    return outcomes


def _add(recording: Recording, name: str, outcome: measuring.Outcome) -> None:
    """Puts the looks in the place of all earlier ones at the same contestant with the same numbers of workers."""
    counts = {record.workers for record in outcome.records}
    results = recording.results
    results.memory = [m for m in results.memory if m.contestant != name or m.workers not in counts] + outcome.records
    for text in outcome.disagreements:
        recording.remark(text)


def _in_short(outcome: measuring.Outcome) -> str:
    loaded = measuring.by_workers(outcome.records, "load", "pss_kib")
    return ", ".join(f"{workers} w. {kib / 1024:.1f} MiB" for workers, kib in loaded.items())


def _recording(
    directory: Path,
    settings: Settings,
    request: RunRequest,
    plan: MemoryPlan,
    contestants: list[Contestant],
    skipped: list[Skipped],
) -> Recording:
    """A new record, or that of the run in the folder, to be added to.

    Raises UsageFault if that run was made on another machine.
    """
    machine = machine_record.describe(contestants)
    options = dataclasses.replace(plan.options, workers=max(plan.workers))
    accounting = "none: CPU time was not measured"
    records = [
        contestant_record.describe(Participant(contestant.name, contestant), options, accounting, Local(settings.cache))
        for contestant in contestants
    ]
    if (directory / results_file.FILE_NAME).exists():
        recording = Recording(results_file.read(directory), directory)
        if changes := list(machine_record.differences(recording.results.machine, machine)):
            raise UsageFault(
                f"the run in {directory} was made on another machine: {'; '.join(changes)}", "name another --output"
            )
        known = {record.name for record in recording.results.contestants}
        recording.results.contestants += [record for record in records if record.name not in known]
        return recording
    data = dataset.read(plan.options.dataset)
    return Recording(
        Results(
            rig_version=__version__,
            complete=False,
            started_unix_ms=time.time_ns() // 1_000_000,
            finished_unix_ms=None,
            argv=_argv(settings, plan),
            seed=0,
            settings=dataclasses.replace(request.settings(plan.pins, data), warmup_ms=0),
            thresholds=verdict.thresholds(),
            machine=machine,
            tools=machine_record.tools(),
            contestants=records,
            skipped=skipped,
            rig=rig_identity.describe(),
            typed_argv=list(sys.argv),
        ),
        directory,
    )


def _argv(settings: Settings, plan: MemoryPlan) -> list[str]:
    """The command that repeats it."""
    words = ["restmark", "memory", *run_request.selection(settings)]
    words += ["--workers", ",".join(map(str, plan.workers))]
    words += ["--connections", str(plan.connections), "--duration", f"{plan.duration_s:g}"]
    for option, cpus in (("--server-cpus", plan.pins.server), ("--client-cpus", plan.pins.client)):
        if cpus:
            words += [option, cpulist.render(cpus)]
    return words
