"""What the options of `restmark run` ask for, and the settings, cells and command line that follow from it."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..agent.connect import ServerPlace
from ..backends import back_ends
from ..backends.back_ends import DATABASE_CONNECTIONS, Wishes
from ..contestants import targets
from ..contestants.settings import Settings
from ..host import pinning
from ..host.installation import PEERS
from ..host.pinning import Pinning
from ..load import load
from ..model import budget, cpulist, traffic
from ..model.errors import UsageFault
from ..model.limits import UNLIMITED, Limits
from ..model.plan import CellSpec
from ..model.results import RunSettings
from ..model.timeouts import DEFAULT_TIMEOUT_S
from ..model.workloads import ALL_ROUTES, ROUTES, back_end_of
from ..server.placement import Placement
from ..store.dataset import Dataset
from . import load_machines
from .load_machines import LoadMachines
from .participants import Participant

DEFAULT_CONNECTIONS = 64
QUICK_CONNECTIONS = 16  # so that slow servers answer each of them a few times in a short round
# Many short slices share the machine's moods, and pair better than few long ones.
DEFAULT_ROUNDS = 40
DEFAULT_DURATION_S = 0.25
DEFAULT_WARMUP_S = 0.5
NOT_PINNED = Pinning(None, None)
HERE = ServerPlace()


@dataclass(frozen=True)
class RunRequest:
    """The options as given; None: not given."""

    workloads: tuple[str, ...]
    connections: tuple[int, ...]
    duration_s: float | None
    warmup_s: float | None
    rounds: int | None
    workers: tuple[int, ...]
    server_cpus: str | None
    client_cpus: str | None
    rate_per_s: int | None
    timeout_s: float
    quick: bool
    dataset: Path | None
    baseline: str | None = None
    mix: dict[str, float] | None = None
    database_url: str | None = None
    cache_url: str | None = None
    database_connections: int = DATABASE_CONNECTIONS
    back_end_cpus: str | None = None
    place: ServerPlace = HERE
    load_from: Path | None = None
    load_cluster: str | None = None
    listen: str | None = None
    limits: Limits = UNLIMITED

    def check(self) -> None:
        """Raises UsageFault for options that contradict each other."""
        given = {"--duration": self.duration_s, "--warmup": self.warmup_s, "--rounds": self.rounds}
        named = [name for name, value in given.items() if value is not None]
        if self.quick and named:
            raise UsageFault(f"--quick chooses what {' and '.join(named)} would say", "leave one of them out")
        self.place.check(loaded_by_ssh=self.load_from is not None)
        self.load_machines()
        self._check_back_ends()
        traffic.require_measured(self.mix, self.routes(), "name it with --workload, too, or take it out of the mix")

    def _check_back_ends(self) -> None:
        wishes = self.wishes(NOT_PINNED)
        for name in dict.fromkeys(filter(None, map(back_end_of, self.routes()))):
            if self.place.server is not None and not wishes.own(name):
                raise UsageFault(
                    f"the {name} that a run starts listens on this machine alone, and --server's would not reach it",
                    f"name one of your own that both machines reach, with --{name}-url",
                )

    def load_machines(self) -> LoadMachines:
        """Who makes the load. Raises UsageFault."""
        return load_machines.wished(self.load_from, self.load_cluster, self.listen, self.place.ssh_config)

    def pins(self, placement: Placement) -> Pinning:
        """The CPUs of servers there, of the load here. Raises UsageFault."""
        server = cpulist.parse(self.server_cpus) if self.server_cpus else None
        client = cpulist.parse(self.client_cpus) if self.client_cpus else None
        if placement.apart:
            return pinning.two_machines(placement.topology(), server, client)
        pins = pinning.chosen(server, client)
        if not self.asks_back_ends:
            return pins
        return pinning.with_back_ends(pins, cpulist.parse(self.back_end_cpus) if self.back_end_cpus else None)

    @property
    def asks_back_ends(self) -> bool:
        """Whether a workload asks a database or a cache."""
        return any(map(back_end_of, self.routes()))

    def wishes(self, pins: Pinning) -> Wishes:
        """What is said of back ends. Raises UsageFault."""
        return back_ends.wished(self.database_url, self.cache_url, self.database_connections, pins.back_ends)

    def settings(self, pins: Pinning, data: Dataset) -> RunSettings:
        """With the defaults filled in; --quick's number of rounds is put in later, when the time left is known."""
        client_cpus = len(pins.client or os.sched_getaffinity(0))
        default = QUICK_CONNECTIONS if self.quick else DEFAULT_CONNECTIONS
        connections = list(dict.fromkeys(self.connections)) or [default]
        text = data.json(len(data.records))
        return RunSettings(
            connections=connections,
            rounds=DEFAULT_ROUNDS if self.rounds is None else self.rounds,
            duration_ms=budget.QUICK_DURATION_MS if self.quick else round(1000 * (self.duration_s or DEFAULT_DURATION_S)),
            warmup_ms=budget.QUICK_WARM_UP_MS if self.quick else round(1000 * (self.warmup_s or DEFAULT_WARMUP_S)),
            workers=self.workers[0] if self.workers else min(pins.workers, math.ceil(self.limits.cpus or pins.workers)),
            server_cpus=sorted(pins.server) if pins.server else None,
            client_cpus=sorted(pins.client) if pins.client else None,
            client_threads=max(load.threads_for(count, client_cpus) for count in connections),
            timeout_ms=round(1000 * self.timeout_s),
            rate_per_s=self.rate_per_s,
            quick=self.quick,
            dataset_records=len(data.records),
            dataset_json_bytes=len(text),
            dataset_sha256=hashlib.sha256(text).hexdigest(),
            baseline=self.baseline,
            mix=self.mix,
            limits=self.limits,
            more_workers=list(self.workers[1:]),
        )

    def routes(self) -> tuple[str, ...]:
        """The workloads to be measured, in their usual order: those asked for, else the five that all have."""
        return tuple(route for route in ALL_ROUTES if route in (self.workloads or ROUTES))

    def argv(self, settings: Settings, seed: int) -> list[str]:
        """The command that repeats the run: seed included, folders absolute."""
        words = ["restmark", "run", *selection(settings)]
        for workload in self.workloads:
            words += ["--workload", workload]
        for count in self.connections:
            words += ["--connections", str(count)]
        options: dict[str, object] = {
            "--duration": None if self.duration_s is None else f"{self.duration_s:g}",
            "--warmup": None if self.warmup_s is None else f"{self.warmup_s:g}",
            "--rounds": self.rounds,
            "--workers": ",".join(map(str, self.workers)) or None,
            "--server-cpus": self.server_cpus,
            "--client-cpus": self.client_cpus,
            "--rate": self.rate_per_s,
            "--timeout": None if self.timeout_s == DEFAULT_TIMEOUT_S else f"{self.timeout_s:g}",
            "--database-url": self.database_url,
            "--cache-url": self.cache_url,
            "--database-connections": None if self.database_connections == DATABASE_CONNECTIONS else self.database_connections,
            "--back-end-cpus": self.back_end_cpus,
            "--load-from": None if self.load_from is None else self.load_from.absolute(),
            "--load-cluster": self.load_cluster,
            "--listen": self.listen,
            "--dataset": None if self.dataset is None else self.dataset.absolute(),
            "--baseline": self.baseline,
            "--mix": None if self.mix is None else ",".join(f"{route}={weight:.12g}" for route, weight in self.mix.items()),
            "--cpus": None if self.limits.cpus is None else f"{self.limits.cpus:g}",
            "--memory": self.limits.memory_bytes,
            "--seed": seed,
        }
        for name, value in options.items():
            if value is not None:
                words += [name, str(value)]
        words += self.place.argv()
        return [*words, "--quick"] if self.quick else words


def _loads(route: str, count: int, settings: RunSettings) -> list[CellSpec]:
    """What is asked for; of a route that asks a back end also one request at a time, by which waiting is told, beside the first of them."""
    asked = CellSpec(route, count, settings.rate_per_s)
    alone = CellSpec(route, 1)
    if back_end_of(route) is None or count != settings.connections[0] or (1 in settings.connections and settings.rate_per_s is None):
        return [asked]
    return [asked, alone]


def selection(settings: Settings) -> list[str]:
    """The options that mean the same contestants from any folder."""
    words = [] if settings.peers_dir == PEERS else ["--peers-dir", str(settings.peers_dir.absolute())]
    for selector in settings.selectors:
        words += ["-C", absolute_selector(selector)]
    if settings.target_cpu != targets.DEFAULT:
        words += ["--target-cpu", settings.target_cpu]
    return [*words, "--all"] if settings.all_built_in else words


def absolute_selector(selector: str) -> str:
    """A -C that means the same from any folder: names stay, folders become absolute."""
    is_name = "/" not in selector and selector not in (".", "..") and not Path(selector).is_dir()
    return selector if is_name else str(Path(selector).absolute())


def cells_of(participants: Sequence[Participant], routes: Sequence[str], settings: RunSettings) -> dict[str, list[CellSpec]]:
    """Everybody's cells. Raises UsageFault if nobody offers the routes."""
    cells = {
        participant.name: [
            cell
            for count in settings.connections
            for route in routes
            if route in participant.contestant.routes
            for cell in _loads(route, count, settings)
        ]
        for participant in participants
    }
    offered = {name: own for name, own in cells.items() if own}
    if not offered:
        raise UsageFault(f"none of the contestants offers {', '.join(routes)}", "name others with -C or --workload")
    return offered
