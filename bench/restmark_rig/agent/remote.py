"""The Placement of servers on another machine, by its agent."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ..contestants.builder import BuildResult, Reporter
from ..contestants.contestant import Contestant
from ..contestants.requirements import Missing
from ..host import ports
from ..host.background_load import BackgroundLoad
from ..host.idle_latency import Awake, IdleLatency
from ..host.ports import Abandoned
from ..host.supervised import StopReport
from ..host.topology import Cpu
from ..model.errors import StartFailed
from ..model.results import Machine
from ..server.http_probe import ProbeError
from ..server.launcher import RunningServer, StartOptions
from ..server.memory_look import MemoryReading
from ..server.placement import BuiltRecord
from ..server.sampler import Counters
from ..store import record_codec
from . import trees
from .link import ConnectionLost, Link
from .protocol import ContestantThere, Hello, StartedThere, StartThere

T = TypeVar("T")


class Remote:
    """Another machine. address: where servers listen there and the load reaches them; same_kernel: it is a part of this machine, such
    as another network namespace, so that its CPUs are this one's."""

    def __init__(self, link: Link, hello: Hello, address: str, same_kernel: bool) -> None:
        self._link = link
        self._hello = hello
        self.address = address
        self.apart = not same_kernel
        self.idle: Awake = _BothAwake(link)
        self._copied: dict[Path, str] = {}

    @property
    def name(self) -> str:
        """See Placement."""
        return self._link.where

    def identity(self) -> Machine:
        """See Placement."""
        return self._hello.machine

    def topology(self) -> tuple[Cpu, ...]:
        """See Placement."""
        return self._ask(tuple[Cpu, ...], "topology")

    def missing(self, contestant: Contestant) -> list[Missing]:
        """See Placement."""
        return self._ask(list[Missing], "missing", contestant=self._there(contestant))

    def build_state(self, contestant: Contestant) -> str:
        """See Placement."""
        return self._ask(str, "build_state", contestant=self._there(contestant))

    def build(self, contestant: Contestant, reporter: Reporter, force: bool = False) -> BuildResult:
        """See Placement."""
        value = self._link.call("build", reporter, contestant=self._there(contestant), force=force)
        return record_codec.decode(BuildResult, value)

    def versions(self, contestant: Contestant) -> dict[str, str]:
        """See Placement."""
        return self._ask(dict[str, str], "versions", contestant=self._there(contestant))

    def record(self, contestant: Contestant, options: StartOptions) -> BuiltRecord:
        """See Placement."""
        return self._ask(BuiltRecord, "record", contestant=self._there(contestant), options=self._options(options))

    @contextmanager
    def launch(self, contestant: Contestant, options: StartOptions) -> Iterator[RunningServer]:
        """See Placement."""
        started = self._ask(StartedThere, "start", contestant=self._there(contestant), options=self._options(options))
        try:
            server = RunningServer(contestant, options, started.port, RemoteProcess(self._link, started))
            self._require_reachable(server)
            yield server
        finally:
            with contextlib.suppress(ConnectionLost):  # the agent ends it by itself then
                self._link.call("end", server=started.number)

    def background_load(self, cpus: frozenset[int]) -> BackgroundLoad:
        """See Placement."""
        return self._ask(BackgroundLoad, "background_load", cpus=sorted(cpus))

    def work_ns(self, cpus: list[int], rested: bool) -> int:
        """See Placement."""
        return self._ask(int, "work_ns", cpus=cpus, rested=rested)

    def _ask(self, kind: type[T], name: str, **arguments: Any) -> T:
        return record_codec.decode(kind, self._link.call(name, **arguments))

    def _require_reachable(self, server: RunningServer) -> None:
        """It answers on its own machine by now. Raises StartFailed if it does not answer from here."""
        try:
            with server.connect() as connection:
                connection.get(server.contestant.ready_path)
        except ProbeError as error:
            raise StartFailed(
                f"{server.contestant.name}: it is ready on {self.name}, but can not be reached from here at "
                f"{ports.address(server.host, server.port)}: {error}",
                "let this machine through there (a firewall?), or name the address that leads there with --server-address",
            ) from None

    def _there(self, contestant: Contestant) -> dict[str, Any]:
        """The contestant as the agent knows it, copied there if need be."""
        root = contestant.repo or contestant.directory
        there = ContestantThere(self._copy(root), contestant.directory.relative_to(root).as_posix(), contestant.target.name)
        return dict(record_codec.encode(there))

    def _options(self, options: StartOptions) -> dict[str, Any]:
        folder = options.dataset.resolve().parent
        key = self._copy(folder, (options.dataset.name,))
        there = StartThere(
            key, options.dataset.name, options.host, options.workers, options.cpus, options.stop_grace_s, options.back_ends, options.limits
        )
        return dict(record_codec.encode(there))

    def _copy(self, root: Path, names: tuple[str, ...] | None = None) -> str:
        """The key of a tree, which is there afterwards; looked at once in a run. names: of its files, None for all."""
        known = root / "".join(names or ())
        if known not in self._copied:
            key = trees.key_of(known)
            files = trees.states(root) if names is None else {name: trees.state(root / name) for name in names}
            if lacking := self._link.call("lacking", tree=key, files=record_codec.encode(files)):
                self._link.call("deliver", tree=key, packed=trees.packed(root, lacking))
            self._copied[known] = key
        return self._copied[known]


class RemoteProcess:
    """The processes of a server on another machine."""

    def __init__(self, link: Link, started: StartedThere) -> None:
        self._link = link
        self._number = started.number
        self.pid = started.pid
        self.log = Path(started.log)
        self.accounting = started.accounting
        self.accounting_caveat = started.accounting_caveat
        self.limited_by = started.limited_by

    def pids(self) -> list[int]:
        """See ServerProcess."""
        return self._ask(list[int], "pids")

    def cpu_ns(self) -> int:
        """See ServerProcess."""
        return self._ask(int, "cpu_ns")

    def runqueue_wait_ns(self) -> int:
        """See ServerProcess."""
        return self._ask(int, "runqueue_wait_ns")

    def n_runnable(self) -> int:
        """See ServerProcess."""
        return self._ask(int, "n_runnable")

    def counters(self, cpus: frozenset[int] | None) -> Counters:
        """See ServerProcess."""
        return self._ask(Counters, "counters", cpus=sorted(cpus) if cpus else None)

    def memory(self) -> MemoryReading:
        """See ServerProcess."""
        return self._ask(MemoryReading, "memory")

    def abandoned(self) -> Abandoned:
        """See ServerProcess."""
        return self._ask(Abandoned, "abandoned")

    def oom_kills(self) -> int:
        """See ServerProcess."""
        return self._ask(int, "oom_kills")

    def death(self, wait_s: float) -> str:
        """See ServerProcess."""
        return self._ask(str, "death", wait_s=wait_s)

    def stop(self, grace_s: float) -> StopReport:
        """See ServerProcess."""
        return self._ask(StopReport, "stop", grace_s=grace_s)

    def _ask(self, kind: type[T], name: str, **arguments: Any) -> T:
        return record_codec.decode(kind, self._link.call(name, server=self._number, **arguments))


class _BothAwake:
    """Keeps the CPUs of both machines awake; the limit that it gives is the servers'."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._own = IdleLatency()
        self._held = False
        self._limit_us: int | None = None

    @contextmanager
    def held(self) -> Iterator[int | None]:
        """See Awake. Within another one of the same object it changes nothing."""
        if self._held:
            yield self._limit_us
            return
        with self._own.held():
            self._limit_us, self._held = record_codec.decode(int | None, self._link.call("hold_awake")), True  # type: ignore[arg-type]
            try:
                yield self._limit_us
            finally:
                self._held = False
                with contextlib.suppress(ConnectionLost):
                    self._link.call("let_sleep")
