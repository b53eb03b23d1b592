"""What a run stands on: where servers run, on which CPUs, with which data, and who loads them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from ..backends import back_ends
from ..backends.back_ends import BackEnds
from ..contestants.settings import Settings
from ..host import pinning
from ..host.machine_speed import MachineSpeed
from ..host.pinning import Pinning
from ..model import budget
from ..model.errors import EnvironmentFault
from ..model.results import Machine, RunSettings
from ..server.launcher import StartOptions
from ..server.placement import Placement
from ..store import dataset
from ..store.dataset import Dataset
from ..terminal import console
from ..terminal.console import Progress
from ..verify.oracle import Oracle
from . import load_machines, machine_verdicts, preview, warm_up
from .bench import Bench
from .load_machines import HERE, Loaders
from .preview import Preview
from .run_request import RunRequest


@dataclass(frozen=True)
class Ground:
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


def of(settings: Settings, request: RunRequest, placement: Placement, seed: int) -> Ground:
    """What is known before anything is built or started. Raises UsageFault, EnvironmentFault."""
    pins = request.pins(placement)
    default = dataset.write_default(settings.cache.folder("datasets") / "default.msgpack")
    data = dataset.read(request.dataset.absolute()) if request.dataset else default
    return Ground(placement, pins, data, default, request.settings(pins, data), seed, BackEnds())


def started_back_ends(settings: Settings, request: RunRequest, ground: Ground, found: Preview, stack: ExitStack) -> BackEnds:
    """Those that the workloads ask, for as long as the stack lasts. Raises EnvironmentFault if one can not be had: who asks for its workloads wants them."""
    wishes, servers = request.wishes(ground.pins), ground.run.workers * (len(found.present) + 2)
    running = stack.enter_context(back_ends.running(found.asked, wishes, servers, ground.data, settings.cache))
    for name, why in running.absent.items():
        what, _, remedy = why.partition("; remedy: ")
        raise EnvironmentFault(f"the workloads need a {name}, which can not be started: {what}", remedy)
    return running


def started_loaders(settings: Settings, request: RunRequest, stack: ExitStack) -> Loaders:
    """Who makes the load, for as long as the stack lasts. Raises EnvironmentFault."""
    wishes = request.load_machines()
    if request.place.server is None:  # the servers listen here
        load_machines.require_own(wishes.listen)
    with console.progress() as progress:
        return stack.enter_context(load_machines.running(wishes, settings.cache, progress.progress))


def server_machine(placement: Placement) -> Machine | None:
    """That of the servers, where it is another one."""
    return placement.identity() if placement.name else None


def remarks(ground: Ground, request: RunRequest) -> list[str]:
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


def bench(settings: Settings, ground: Ground, machine_speed: MachineSpeed, progress: Progress) -> Bench:
    """What all measuring on it has in common."""
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
