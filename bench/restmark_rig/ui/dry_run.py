"""restmark run --dry-run: what would be measured, in which order, and for how long. Nothing is built or started."""

from __future__ import annotations

from ..backends import back_ends
from ..contestants.settings import Settings
from ..host import background_load, pinning, ports
from ..host.pinning import Pinning
from ..model import plan
from ..model.results import Visit
from ..model.workloads import DATABASE
from ..run import participants, preview
from ..run.load_machines import LoadMachines
from ..run.run_request import RunRequest
from ..server.placement import Placement
from ..store import dataset
from ..terminal import console


def show(settings: Settings, request: RunRequest, placement: Placement, seed: int | None) -> None:
    """Prints the plan. Raises RigError as the run itself would for its options."""
    pins = request.pins(placement)
    data = dataset.write_default(settings.cache.folder("datasets") / "default.msgpack")
    chosen = dataset.read(request.dataset.absolute()) if request.dataset else data
    found = preview.look(settings, request, request.settings(pins, chosen), placement)
    run, visits = found.run, plan.make(found.cells, found.run.rounds, seed or 0)
    names = participants.with_again(found.present)
    rate = f"; rate: {run.rate_per_s}/s" if run.rate_per_s else ""
    mix = ", ".join(f"{route} {weight:g}" for route, weight in (run.mix or {}).items())
    lines = [
        f"contestants: {', '.join(contestant.name for contestant in found.present)}",
        f"twice (A/A): {next(participant.same_as for participant in names if participant.same_as)}",
        *(f"skipped: {line}" for line in found.absent),
        *([f"to be built first: {', '.join(found.unbuilt)}"] if found.unbuilt else []),
        *([f"baseline: {run.baseline}"] if run.baseline else []),
        *([f"mix: {mix}"] if mix else []),
        f"workloads: {', '.join(request.routes())}",
        f"connections: {', '.join(map(str, run.connections))}; workers: {run.workers}{rate}",
        *([f"limits of each server: {run.limits.text}"] if run.limits else []),
        *([f"servers: on {placement.name}, {placement.identity().hostname}"] if placement.name else []),
        f"CPUs: {preview.where(pins)}",
        *preview.curve(run, pins, placement.topology()),
        *_loaders(request.load_machines()),
        *(_back_end(name, request, pins) for name in found.asked),
        *(f"doubtful: {remark}" for remark in (*pinning.remarks(pins, placement.topology()), *preview.too_many_workers(run, pins))),
        f"rounds: {run.rounds} at most, a slice of {run.duration_ms / 1e3:g} s of each cell in each, longer for slow ones",
        f"starts of all servers: {plan.start_of(run.rounds)}, each with a warm-up of {run.warmup_ms / 1e3:g} s a cell",
        f"slices: {len(visits)}",
        "order of round 1: " + _first_round(visits, seed),
        *_time(found, background_load.look(preview.cpus_of(pins))),
    ]
    for line in lines:
        console.plain(console.out, line)


def _loaders(wishes: LoadMachines) -> list[str]:
    """Who makes the load, where it is not this machine alone."""
    if wishes.master is not None:
        return [f"load: by the workers of the Locust master at {ports.address(wishes.master.host, wishes.master.port)}; servers listen at {wishes.listen}"]
    if not wishes.hosts:
        return []
    where = wishes.listen or "the address by which they reach this machine"
    return [f"load: by {', '.join(host.name for host in wishes.hosts)}; servers listen at {where}"]


def _back_end(name: str, request: RunRequest, pins: Pinning) -> str:
    wishes = request.wishes(pins)
    if own := wishes.own(name):
        return f"{name}: your own, {own.url}"
    each = wishes.database_connections if name == DATABASE else back_ends.CACHE_CONNECTIONS
    missing = back_ends.unmet(name)
    return f"{name}: " + (f"can not be started: {missing}" if missing else f"started for the run; {each} connection(s) for each worker")


def _time(found: preview.Preview, now: background_load.BackgroundLoad) -> list[str]:
    """How long it takes, with all that belongs to it."""
    parts = (
        "builds, verification and slow servers included" if found.unbuilt else "verification and slow servers included"
    )
    lines = [f"time: about {found.span(0.0).text} on a quiet machine, {parts}"]
    return lines if now.quiet else [*lines, f"now: {preview.busy_warning(now, found.span(now.share))}"]


def _first_round(visits: list[Visit], seed: int | None) -> str:
    if seed is None:
        return "shuffled by a new seed (give --seed to see it)"
    first = [turn for turn in plan.turns(visits) if turn.round == 1]
    return "; ".join(f"{turn.cell.route}: {', '.join(visit.contestant for visit in turn.visits)}" for turn in first)
