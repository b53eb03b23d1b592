"""What the tests of `restmark run` and `restmark memory` share: faulty contestants, hogs, and the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from restmark_rig.contestants import contestant  # noqa: E402  (the path had to be set first)
from restmark_rig.contestants.cache import Cache  # noqa: E402
from restmark_rig.contestants.contestant import Contestant  # noqa: E402
from restmark_rig.host import pinning  # noqa: E402  (the path had to be set first)
from restmark_rig.host.idle_latency import IdleLatency  # noqa: E402
from restmark_rig.host.machine_speed import MachineSpeed  # noqa: E402
from restmark_rig.host.pinning import Pinning  # noqa: E402
from restmark_rig.load.load import LoadResult  # noqa: E402
from restmark_rig.model.results import RunSettings  # noqa: E402
from restmark_rig.run.bench import Bench  # noqa: E402
from restmark_rig.server.launcher import StartOptions  # noqa: E402
from restmark_rig.server.placement import Local  # noqa: E402
from restmark_rig.store import dataset  # noqa: E402  (the path had to be set first)
from restmark_rig.verify.oracle import Oracle  # noqa: E402

PYTHON = "/usr/bin/python3"
FAULTS = Path(__file__).with_name("faults") / "server.py"
# What a load may bring, for those who ask what is made of it.
LOAD_RESULT = LoadResult(
    duration_us=1_000_000,
    total_us=1_000_000,
    requests=1000,
    in_window=1000,
    bytes=120_000,
    connect_errors=0,
    read_errors=0,
    status_errors=0,
    timeouts=0,
    latency_min_us=50,
    latency_max_us=900,
    latency_mean_us=99.0,
    latency_quantiles_us={"50": 90, "99": 700},
    client_cpu_ns=500_000_000,
)
_HOG = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"


def fault_folder(parent: Path, fault: str, at: int = 0, name: str = "", hold: tuple[Path, str] | None = None) -> Path:
    """The folder of a contestant with this fault from `at` connections on ("none": without one).

    hold: a file and a word; once the word is in the file, it answers nothing, and says so by held_at()."""
    name = name or f"fault-{fault}"
    argv = [PYTHON, str(FAULTS), "{port}", fault, str(at), *(map(str, hold) if hold else ())]
    folder = parent / name
    folder.mkdir(parents=True)
    (folder / "contestant.toml").write_text(
        f'name = "{name}"\ntitle = "{name}"\nlanguage = "Python"\nmodel = "none"\ndescription = "For a test."\n'
        f'routes = ["/"]\n\n[start]\nargv = {json.dumps(argv)}\n\n[versions]\nCPython = ["{PYTHON}", "--version"]\n',
        encoding="utf-8",
    )
    return folder


def held_at(hold: tuple[Path, str]) -> Path:
    """The file that is there once a contestant with this hold has been asked and does not answer."""
    return Path(f"{hold[0]}.held")


def faulty(parent: Path, fault: str, at: int = 0) -> Contestant:
    """The contestant of such a folder."""
    return contestant.load(fault_folder(parent, fault, at))


def make_bench(cache: Cache, connections: int = 8, duration_s: float = 1.0, timeout_s: float = 30.0) -> Bench:
    """One worker on halves of the CPUs; short."""
    data = dataset.write_default(cache.folder("datasets") / "default.msgpack")
    pins = pinning.halves()
    settings = RunSettings(
        connections=[connections],
        rounds=1,
        duration_ms=round(duration_s * 1000),
        warmup_ms=200,
        workers=1,
        server_cpus=sorted(pins.server) if pins.server else None,
        client_cpus=sorted(pins.client) if pins.client else None,
        client_threads=1,
        timeout_ms=round(timeout_s * 1000),
        rate_per_s=None,
        quick=False,
        dataset_records=len(data.records),
        dataset_json_bytes=data.json_bytes,
        dataset_sha256="0" * 64,
    )
    options = StartOptions(data.path, workers=1, cpus=pins.server)
    return Bench(settings, options, pins, Oracle(data), cache, Local(cache), MachineSpeed(pins, IdleLatency()), 1, _silent)


def _silent(_: str) -> None:
    """Takes progress and tells nobody."""


@contextmanager
def hogs(cpus: frozenset[int] | None, count: int = 3) -> Iterator[None]:
    """Processes that take all they can get of the CPUs; each ends by itself after a minute at the latest."""
    allowed = cpus or frozenset(os.sched_getaffinity(0))
    with ExitStack() as stack:
        for _ in range(count * len(allowed)):
            hog = stack.enter_context(
                subprocess.Popen([PYTHON, "-c", _HOG], preexec_fn=lambda: os.sched_setaffinity(0, allowed))
            )
            stack.callback(hog.kill)
        yield


def server_side(pins: Pinning) -> frozenset[int]:
    """The server's CPUs."""
    return pins.server or frozenset(os.sched_getaffinity(0))


def command(*arguments: str | Path) -> list[str]:
    """The command line of restmark."""
    return [PYTHON, str(ROOT / "bench" / "restmark"), *map(str, arguments)]


def environment(cache: Path, **extra: str) -> dict[str, str]:
    """The environment of a test's restmark."""
    values = {**os.environ, "RESTMARK_CACHE": str(cache), "LC_ALL": "C.UTF-8", **extra}
    values.pop("COLUMNS", None)
    return values


def rig(cache: Path, *arguments: str | Path, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
    """Runs restmark to its end, output captured as in a pipe."""
    return subprocess.run(
        command(*arguments), env=environment(cache), capture_output=True, text=True, timeout=timeout_s, check=False
    )


def wait_for(condition: Callable[[], object], timeout_s: float = 300.0) -> bool:
    """Polls until condition() holds; False after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
