"""restmark run: measures all contestants in balanced rounds and says what may be believed."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import click

from ...agent import connect
from ...agent.connect import ServerPlace
from ...contestants import targets
from ...contestants.settings import Settings
from ...model import traffic
from ...model.errors import ExitCode, UsageFault
from ...model.limits import Limits
from ...model.results import Results
from ...model.workloads import MORE_ROUTES, ROUTES
from ...report.view import View
from ...run import resume, session
from ...run.recording import Recording
from ...run.run_request import RunRequest
from ...server import memory_look
from ...store import dataset
from ...store.results_file import FILE_NAME
from ...terminal import console
from .. import dry_run, run_table
from . import mix
from .build import provide_load


def run(
    context: click.Context,
    seed: int | None,
    output: Path | None,
    dry: bool,
    resumed: Path | None,
    wait_for_quiet: float | None,
    **options: object,
) -> int:
    """Verify and measure contestants (all present, or those named with -C) in balanced, shuffled rounds."""
    settings: Settings = context.obj
    if resumed is not None:
        recording = resume.open_recording(resumed)
        settings, request = _recorded(context, recording.results)
        _require_tools(settings)
        with connect.opened(request.place, settings.cache) as placement:
            done = session.go_on(settings, request, placement, recording, wait_for_quiet)
        return _conclude(*done)
    request = _request(_with_mix(_with_routes(options, settings), settings))
    request = _with_baseline(request, settings)
    request.check()
    if dry:
        with connect.opened(request.place, settings.cache) as placement:
            dry_run.show(settings, request, placement, seed)
        return ExitCode.OK
    _require_tools(settings)
    directory = (output or Path(f"restmark-{datetime.datetime.now():%Y%m%d-%H%M%S}")).absolute()
    if (directory / FILE_NAME).exists():
        raise UsageFault(
            f"{directory} holds the results of another run",
            f"name another --output, or go on with --resume {directory}",
        )
    with connect.opened(request.place, settings.cache) as placement:
        done = session.start(settings, request, placement, seed, directory, wait_for_quiet)
    return _conclude(*done)


def _with_routes(options: dict[str, object], settings: Settings) -> dict[str, object]:
    """The options with the routes of groups in place of these; who takes part depends on them, too."""
    named = tuple(dict.fromkeys(route for routes in options["workloads"] for route in routes))  # type: ignore[attr-defined]
    settings.workloads = named
    return {**options, "workloads": named}


def _request(options: dict[str, object]) -> RunRequest:
    connections = tuple(count for counts in options["connections"] for count in counts)  # type: ignore[attr-defined]
    return RunRequest(
        workloads=options["workloads"],  # type: ignore[arg-type]
        connections=connections,
        duration_s=options["duration"],  # type: ignore[arg-type]
        warmup_s=options["warmup"],  # type: ignore[arg-type]
        rounds=options["rounds"],  # type: ignore[arg-type]
        workers=tuple(dict.fromkeys(options["workers"] or ())),  # type: ignore[call-overload]
        server_cpus=options["server_cpus"],  # type: ignore[arg-type]
        client_cpus=options["client_cpus"],  # type: ignore[arg-type]
        rate_per_s=options["rate"],  # type: ignore[arg-type]
        timeout_s=options["timeout"],  # type: ignore[arg-type]
        quick=bool(options["quick"]),
        dataset=options["dataset"],  # type: ignore[arg-type]
        baseline=options["baseline"],  # type: ignore[arg-type]
        mix=options["mix"],  # type: ignore[arg-type]
        database_url=options["database_url"],  # type: ignore[arg-type]
        cache_url=options["cache_url"],  # type: ignore[arg-type]
        database_connections=options["database_connections"],  # type: ignore[arg-type]
        back_end_cpus=options["back_end_cpus"],  # type: ignore[arg-type]
        limits=Limits(options["cpus"], options["memory"]),  # type: ignore[arg-type]
        place=ServerPlace(
            options["server"],  # type: ignore[arg-type]
            options["server_agent"],  # type: ignore[arg-type]
            options["server_address"],  # type: ignore[arg-type]
            options["ssh_config"],  # type: ignore[arg-type]
        ),
        load_from=options["load_from"],  # type: ignore[arg-type]
        load_cluster=options["load_cluster"],  # type: ignore[arg-type]
        listen=options["listen"],  # type: ignore[arg-type]
    )


def _with_mix(options: dict[str, object], settings: Settings) -> dict[str, object]:
    """The options with the mix of --mix-from; without --workload all that it has is measured, besides the five. Raises UsageFault."""

    def json_bytes() -> int:
        given = options["dataset"]
        default = settings.cache.folder("datasets") / "default.msgpack"
        return (dataset.read(given.absolute()) if isinstance(given, Path) else dataset.write_default(default)).json_bytes

    found = mix.chosen(options["mix"], options["mix_from"], options["mix_map"], json_bytes)  # type: ignore[arg-type]
    more = [route for route in MORE_ROUTES if found and route in found] if options["mix_from"] else []
    workloads = options["workloads"] or ((*ROUTES, *more) if more else ())
    return {**options, "mix": found, "workloads": workloads}


def _with_baseline(request: RunRequest, settings: Settings) -> RunRequest:
    """The request with the baseline's name. Raises UsageFault if that does not take part."""
    if request.baseline is None:
        return request
    names = [contestant.name for contestant in settings.chosen()]
    remedy = f"let it take part with -C {request.baseline}"
    return replace(request, baseline=traffic.baseline_name(request.baseline, names, remedy))


def _recorded(context: click.Context, results: Results) -> tuple[Settings, RunRequest]:
    """Contestants and options of the run that is resumed, out of its recorded command line, with this one's ways to the machines.

    Raises UsageFault if this command line says anything of its own that would change the run.
    """
    said = _said(context)
    given = resume.ways_that_change(results.argv, said)
    own: Settings = context.obj
    if own.selectors:
        given.append("-C")
    if own.all_built_in:
        given.append("--all")
    if own.target_cpu != targets.DEFAULT:
        given.append("--target-cpu")
    if given:
        raise UsageFault(
            f"--resume goes on with the recorded run; {', '.join(given)} would change it",
            "leave that out, or start a new run",
        )
    results.argv = resume.by_other_ways(results.argv, said)
    with context.command.make_context("run", results.argv[2:]) as recorded:
        settings: Settings = recorded.obj
        settings.cache_dir = own.cache_dir
        request = _request(_with_routes(recorded.params, settings))
    if hosts := request.load_machines().hosts:
        resume.require_same_load_machines(results, [host.name for host in hosts])
    return settings, request


def _said(context: click.Context) -> dict[str, str]:
    """What this command line says besides --resume and when to begin, by option; files so that they mean the same from any folder."""
    said = {}
    for parameter in context.command.params:
        name = parameter.name
        if name is None or name in ("resumed", "wait_for_quiet") or not parameter.expose_value:
            continue
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            value = context.params[name]
            said[parameter.opts[0]] = str(value.absolute() if isinstance(value, Path) else value)
    return said


def _require_tools(settings: Settings) -> None:
    """Raises EnvironmentFault now rather than after ten minutes."""
    provide_load(settings)
    memory_look.restmark_rss()


def _conclude(recording: Recording, code: ExitCode) -> int:
    """Prints the tables and where the results are. The pages come first: they stay if nobody reads the output."""
    paths = session.write_reports(recording)
    run_table.show(console.out, View(recording.results))
    for path in paths:
        console.plain(console.out, f"report: {path}")
    console.plain(console.out, f"results: {recording.directory / FILE_NAME}")
    return code
