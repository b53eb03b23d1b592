"""Where servers run: all that starts, samples, stops, builds and pins contestants goes through a Placement."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from ..contestants import builder, requirements, versions
from ..contestants.builder import BuildResult, Reporter
from ..contestants.cache import Cache
from ..contestants.contestant import Contestant
from ..contestants.requirements import Missing
from ..host import background_load, identity, reference_work, topology
from ..host.background_load import BackgroundLoad
from ..host.idle_latency import Awake, IdleLatency
from ..host.topology import Cpu
from ..model.results import Machine
from . import launcher
from .launcher import RunningServer, StartOptions

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class BuiltRecord:
    """How a contestant was built and is started, for the record of a run. fingerprint: None where nothing is built."""

    versions: dict[str, str]
    fingerprint: str | None
    argv: list[str]
    env: dict[str, str]


class Placement(Protocol):
    """The machine on which contestants are built and run; the rig, and its load, may be on another one."""

    @property
    def name(self) -> str:
        """The machine for people; empty for this one."""
        ...

    @property
    def address(self) -> str:
        """Where servers listen, and the load reaches them."""
        ...

    @property
    def apart(self) -> bool:
        """Whether its CPUs are others than those of this machine."""
        ...

    def identity(self) -> Machine:
        """What machine it is."""
        ...

    def topology(self) -> tuple[Cpu, ...]:
        """The CPUs that may be used there."""
        ...

    def missing(self, contestant: Contestant) -> list[Missing]:
        """What the contestant needs and is not there."""
        ...

    def build_state(self, contestant: Contestant) -> str:
        """See builder.state()."""
        ...

    def build(self, contestant: Contestant, reporter: Reporter, force: bool = False) -> BuildResult:
        """See builder.build(). Raises BuildFailed."""
        ...

    def versions(self, contestant: Contestant) -> dict[str, str]:
        """Versions of what the contestant is made with."""
        ...

    def record(self, contestant: Contestant, options: StartOptions) -> BuiltRecord:
        """How it was built and is started; {port} stands for the port."""
        ...

    def launch(self, contestant: Contestant, options: StartOptions) -> AbstractContextManager[RunningServer]:
        """Runs its server for the length of a with block, see launcher.launch(). Raises StartFailed, EnvironmentFault."""
        ...

    def background_load(self, cpus: frozenset[int]) -> BackgroundLoad:
        """How much of these CPUs others use now; takes a second."""
        ...

    def work_ns(self, cpus: list[int], rested: bool) -> int:
        """Does a fixed piece of work on these CPUs, see reference_work."""
        ...

    @property
    def idle(self) -> Awake:
        """What keeps its CPUs awake."""
        ...


class Local:
    """This machine."""

    name = ""
    address = LOOPBACK
    apart = False

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self.idle: Awake = IdleLatency()

    def identity(self) -> Machine:
        """See Placement."""
        return identity.read()

    def topology(self) -> tuple[Cpu, ...]:
        """See Placement."""
        return topology.read()

    def missing(self, contestant: Contestant) -> list[Missing]:
        """See Placement."""
        return requirements.missing(contestant)

    def build_state(self, contestant: Contestant) -> str:
        """See Placement."""
        return builder.state(contestant, self._cache)

    def build(self, contestant: Contestant, reporter: Reporter, force: bool = False) -> BuildResult:
        """See Placement."""
        return builder.build(contestant, self._cache, reporter, force)

    def versions(self, contestant: Contestant) -> dict[str, str]:
        """See Placement."""
        return versions.collect(contestant, self._cache.build_dir(contestant))

    def record(self, contestant: Contestant, options: StartOptions) -> BuiltRecord:
        """See Placement."""
        argv, env = launcher.start_command(contestant, options, "{port}", self._cache)
        built = builder.recorded_fingerprint(self._cache.build_dir(contestant)) if contestant.build else None
        return BuiltRecord(self.versions(contestant), built, argv, env)

    def launch(self, contestant: Contestant, options: StartOptions) -> AbstractContextManager[RunningServer]:
        """See Placement."""
        return launcher.launch(contestant, options, self._cache)

    def background_load(self, cpus: frozenset[int]) -> BackgroundLoad:
        """See Placement."""
        return background_load.look(cpus)

    def work_ns(self, cpus: list[int], rested: bool) -> int:
        """See Placement."""
        return reference_work.work_ns(cpus, rested)
