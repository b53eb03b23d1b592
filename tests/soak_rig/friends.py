"""Good clients, whose requests nobody may lose, and probes of whether the daemon serves."""

from __future__ import annotations

import random
import time

from restmark_proof.clients import Load, Profile

from . import proc
from .answers import RECORDS, WELCOME, any_request, records_json
from .daemon import Broken, Daemon
from .judge import judge_workers

TIMEOUT_S = 40.0  # longer than anything that a fault stops
RECOVERY_S = 15.0
PROBE_S = 5.0
ROUND_S = 1200.0  # a load ends by itself after this, should nobody stop it


def profiles(rng: random.Random) -> list[Profile]:
    """All routes, each with kept connections and with one for each request; slow readers. Parameters are this round's."""

    def one(name: str, route: str, clients: int, keep_alive: bool, pause_s: float, read_bytes: int = 0) -> Profile:
        target, body = any_request(route, rng)
        return Profile(name, target, clients, keep_alive, pause_s, read_bytes, 0.01 if read_bytes else 0.0, TIMEOUT_S, 200, body)

    slow = Profile("transfer slow", "/transfer-data", 2, False, 0.02, 32768, 0.01, TIMEOUT_S, 200, records_json(RECORDS))
    return [
        one("welcome new", "/", 3, False, 0.01),
        one("welcome kept", "/", 4, True, 0.01),
        one("welcome resting", "/", 4, True, 0.08),
        one("parse kept", "/parse-msgpack", 2, True, 0.02),
        one("parse new", "/parse-msgpack", 1, False, 0.03),
        one("encode kept", "/encode-json", 2, True, 0.02),
        one("encode new", "/encode-json", 1, False, 0.03),
        one("loop kept", "/million-loop", 1, True, 0.02),
        one("loop new", "/million-loop", 1, False, 0.03),
        one("transfer kept", "/transfer-data", 1, True, 0.03),
        slow,
    ]


def load_on(daemon: Daemon, rng: random.Random) -> Load:
    return Load(daemon.address, profiles(rng), ROUND_S)


def probe(daemon: Daemon, connections: int, timeout_s: float = PROBE_S) -> str:
    """New connections at once, one request each; what was wrong with the answers, empty if nothing."""
    kind = Profile("probe", "/", connections, timeout_s=timeout_s, body=WELCOME)
    until_s = time.monotonic() + timeout_s + 5
    with Load(daemon.address, [kind], timeout_s, requests=connections) as load:
        while load.runs and time.monotonic() < until_s:
            time.sleep(proc.POLL_S)
    total = load.total()
    if total.lost or total.answered < connections:
        return f"{total.answered} of {connections} new connections were answered within {timeout_s:g} s: {'; '.join(str(failure) for failure in total.failures[:1])}"
    return ""


def recover(daemon: Daemon) -> float:
    """Waits until the workers are as wanted and new connections are answered; the seconds it took. Raises Broken after the bound."""
    began_s = time.monotonic()
    why = "it was not asked"
    while time.monotonic() - began_s < RECOVERY_S:
        if not daemon.alive():
            raise Broken(f"the daemon has ended with {daemon.process.returncode}")
        why = judge_workers(daemon.status(), daemon.wanted) or probe(daemon, 3 * daemon.wanted)
        if not why:
            return time.monotonic() - began_s
        time.sleep(0.05)
    raise Broken(f"no recovery within {RECOVERY_S:g} s: {why}")
