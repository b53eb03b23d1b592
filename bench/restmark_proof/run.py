"""One server's proof: a load of all kinds of clients, first at rest, then over all reloads."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

from .clients import Load, LocalFault, Outcome, Profile, Tally
from .errors import Fault
from .own import Own
from .process import fetch
from .recipes import Server

TIMEOUT_S = 20.0
RUN_S = 3600.0
PAUSE_S = 0.001  # leaves CPU time to the server: what is looked for are moments, not megabytes
FAILURES_SHOWN = 5


@dataclass
class Result:
    """What became of one server."""

    name: str
    version: str = ""
    how: str = ""
    reloads: int = 0
    reload_s: list[float] = field(default_factory=list)
    calm: Tally = field(default_factory=Tally)  # without any reload
    reloading: Tally = field(default_factory=Tally)
    by_profile: dict[str, Tally] = field(default_factory=dict)
    skipped: str = ""  # why, and what would help
    fault: str = ""

    @property
    def ran(self) -> bool:
        return not self.skipped and self.reloads > 0

    @property
    def lost(self) -> bool:
        return bool(self.fault or self.reloading.lost)


def profiles(server: Server | Own, connections: int) -> list[Profile]:
    """A quarter of the connections each: new ones, kept and busy, kept and mostly resting, slow readers."""
    target = server.target if isinstance(server, Own) else "/"
    bodies = {}
    for path in {target, server.long_target}:
        status, bodies[path] = fetch(server.host, server.port, path)
        if status != 200:
            raise Fault(f"GET {path} gets {status}")
    quarter, short, long = max(1, connections // 4), bodies[target], bodies[server.long_target]
    return [
        Profile("new", target, quarter, pause_s=PAUSE_S, timeout_s=TIMEOUT_S, body=short),
        Profile("kept", target, quarter, keep_alive=True, pause_s=PAUSE_S, timeout_s=TIMEOUT_S, body=short),
        Profile("resting", target, quarter, keep_alive=True, pause_s=0.02, timeout_s=TIMEOUT_S, body=short),
        Profile("slow", server.long_target, quarter, read_bytes=16384, read_pause_s=0.01, timeout_s=TIMEOUT_S, body=long),
    ]


def say(text: str, end: str = "\n") -> None:
    print(text, end=end, file=sys.stderr, flush=True)


def _reload_all(server: Server | Own, load: Load, reloads: int, result: Result) -> None:
    for n in range(reloads):
        started = time.monotonic()
        server.reload()
        result.reload_s.append(time.monotonic() - started)
        result.reloads = n + 1
        load.wait_requests(1, TIMEOUT_S + 10)
        if sys.stderr.isatty() or n + 1 == reloads:
            say(f"\r{server.name}: {n + 1} of {reloads} reloads, {load.total()}   ", end="")
    say("")


def prove(server: Server | Own, reloads: int, connections: int, calm_s: float) -> Result:
    """Runs the proof on a server that answers. Raises nothing but what ends the program: faults are in the result."""
    result = Result(server.name, server.version, server.how)
    try:
        kinds = profiles(server, connections)
        address = (server.host, server.port)
        say(f"{server.name}: {calm_s:g} s without a reload, {sum(kind.clients for kind in kinds)} connections")
        with Load(address, kinds, RUN_S) as load:
            time.sleep(calm_s)
        result.calm = load.stop()
        with Load(address, kinds, RUN_S) as load:
            try:
                load.wait_requests(1, TIMEOUT_S + 10)
                _reload_all(server, load, reloads, result)
            finally:
                result.reloading = load.stop()
                result.by_profile = load.tallies
    except (Fault, LocalFault) as fault:
        result.fault = f"{fault}\n{server.why()}".strip()
        say(f"\n{server.name}: {result.fault}")
    for kind in Outcome:
        examples = [failure for failure in result.reloading.failures if failure.outcome is kind]
        for failure in examples[:FAILURES_SHOWN]:
            say(f"  {failure}")
        if len(examples) > FAILURES_SHOWN:
            say(f"  … and {len(examples) - FAILURES_SHOWN} more of this kind")
    return result
