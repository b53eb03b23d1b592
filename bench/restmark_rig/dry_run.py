"""restmark run --dry-run: what would be measured, in which order, and for how long. Nothing is built or started."""

from __future__ import annotations

from . import budget, builder, console, cpulist, dataset, entrants, pinning, plan, requirements, run_request
from .contestant import Contestant
from .results import Visit
from .run_request import RunRequest
from .settings import Settings


def show(settings: Settings, request: RunRequest, seed: int | None) -> None:
    """Prints the plan. Raises RigError as the run itself would for its options."""
    present, absent, unbuilt = _look(settings)
    pins = request.pins()
    data = dataset.write_default(settings.cache.folder("datasets") / "default.msgpack")
    run = request.settings(pins, dataset.read(request.dataset.absolute()) if request.dataset else data)
    names = entrants.with_again(present)
    cells = run_request.cells_of(names, request.routes(), run)
    if request.quick:
        left_s = budget.QUICK_LIMIT_S - budget.QUICK_PATIENCE_S - len(present) * budget.VERIFY_S
        run = run_request.with_lengths(run, *budget.quick(cells, left_s))
    visits = plan.make(cells, run.rounds, seed or 0)
    lines = [
        f"contestants: {', '.join(contestant.name for contestant in present)}",
        f"twice (A/A): {next(entrant.same_as for entrant in names if entrant.same_as)}",
        *(f"skipped: {line}" for line in absent),
        *([f"to be built first, which is not in the time below: {', '.join(unbuilt)}"] if unbuilt else []),
        f"workloads: {', '.join(request.routes())}",
        f"connections: {', '.join(map(str, run.connections))}; workers: {run.workers}"
        + (f"; rate: {run.rate_per_s}/s" if run.rate_per_s else ""),
        f"CPUs: server {cpulist.render(pins.server)}, client {cpulist.render(pins.client)}"
        if pins.server and pins.client
        else "CPUs: not pinned",
        *(f"doubtful: {remark}" for remark in pinning.remarks(pins)),
        f"rounds: {run.rounds}, each visit {run.warmup_ms / 1e3:g} s warm-up and {run.duration_ms / 1e3:g} s load",
        f"visits: {len(visits)} in {len(plan.sittings(visits))} server starts",
        "order of round 1: " + _first_round(visits, seed),
        f"time: about {budget.clock(budget.run_s(cells, run, len(present)))}"
        + ("" if run.quick else " on a quiet machine; while it is slow, the run waits, and repeats loads"),
    ]
    for line in lines:
        console.plain(console.out, line)


def _look(settings: Settings) -> tuple[list[Contestant], list[str], list[str]]:
    """Who is present, who is not and why, and who has yet to be built."""
    present, absent, unbuilt = [], [], []
    for contestant in settings.chosen():
        if missing := requirements.missing(contestant):
            absent.append(f"{contestant.name}: {'; '.join(m.what for m in missing)}; remedy: {missing[0].remedy}")
            continue
        present.append(contestant)
        if builder.state(contestant, settings.cache) != "ready":
            unbuilt.append(contestant.name)
    return present, absent, unbuilt


def _first_round(visits: list[Visit], seed: int | None) -> str:
    if seed is None:
        return "shuffled by a new seed (give --seed to see it)"
    return ", ".join(sitting.contestant for sitting in plan.sittings(visits) if sitting.round == 1)
