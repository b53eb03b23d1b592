"""The ways in which restmarkd spreads connections over its workers ([server] balance): latency and fairness. `restmark dev balance` runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from ..contestants import registry
from ..contestants.cache import Cache
from ..contestants.contestant import Contestant, StartPlan
from ..host import installation
from ..load.engine import LoadEngine
from ..load.load import LoadPlan, LoadResult
from ..model.errors import EnvironmentFault
from ..server.launcher import RunningServer, StartOptions
from ..server.placement import Local
from ..store import dataset

WAYS = ("reuseport", "shared", "cpu")
_WARM_UP_S = 0.5


@dataclass(frozen=True)
class BalancePlan:
    """What to do with each way and number of connections. build: a build tree; close: a connection for each request."""

    build: Path
    workers: int
    duration_s: float
    target: str
    close: bool


@dataclass(frozen=True)
class Balance:
    """What the clients saw, and the requests that each worker has served meanwhile."""

    load: LoadResult
    served: tuple[int, ...]

    def percent(self, requests: int) -> float:
        """Of all requests that were served."""
        return 100 * requests / max(1, sum(self.served))


def require_programs(build: Path) -> None:
    """Raises EnvironmentFault if the build tree lacks one."""
    for program in (build / "src" / "restmarkd", build / "src" / "restmarkctl"):
        if shutil.which(program) is None:
            raise EnvironmentFault(f"{program}: no program is there", "cmake --preset release && cmake --build --preset release")


def restmarkd(build: Path, way: str, control: Path) -> Contestant:
    """The daemon of a build tree, with a control socket."""
    options = (
        "server.listen={address}", "server.processes={workers}", f"server.balance={way}", "workloads.dataset={dataset}",
        f"admin.control={control}", "limits.max-connections=2048",
    )  # fmt: skip
    argv = (str(build / "src" / "restmarkd"), *(word for option in options for word in ("-o", option)))
    return replace(registry.resolve("restmarkd", installation.PEERS), build=None, start=StartPlan(argv, {}))


def served(build: Path, control: Path) -> list[int]:
    """Requests of each worker so far."""
    command = [str(build / "src" / "restmarkctl"), "-s", str(control), "status", "-j"]
    status = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=20).stdout)
    return [sum(route["requests"] for route in worker["routes"].values()) for worker in status["workers"]]


def _loaded(engine: LoadEngine, server: RunningServer, plan: BalancePlan, connections: int, seconds: float) -> LoadResult:
    """Loads it from all CPUs, a thread on each, since their CPU is what `cpu` goes by."""
    cpus = frozenset(os.sched_getaffinity(0))
    load_plan = LoadPlan(server.host, server.port, plan.target, connections, seconds, cpus, reconnect=1 if plan.close else None)
    return engine.run(load_plan)


def measure(engine: LoadEngine, plan: BalancePlan, way: str, connections: int, folder: Path) -> Balance:
    """Loads a fresh server, whose files are in the folder. Raises EnvironmentFault, and what the engine raises."""
    control, cache = folder / "control.sock", Cache(folder)
    data = dataset.write_default(folder / "default.msgpack")
    options = StartOptions(data.path, workers=plan.workers)
    with Local(cache).launch(restmarkd(plan.build, way, control), options) as server:
        _loaded(engine, server, plan, connections, _WARM_UP_S)
        before = served(plan.build, control)
        result = _loaded(engine, server, plan, connections, plan.duration_s)
        after = served(plan.build, control)
    return Balance(result, tuple(now - was for was, now in zip(before, after, strict=True)))
