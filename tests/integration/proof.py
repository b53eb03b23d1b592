"""What the proofs share: a load of every kind of client, and the judgement that nobody has noticed anything."""

from __future__ import annotations

import os
import subprocess

from daemon import RESTMARKCTL, Daemon, wait_for
from restmark_proof.clients import Failure, Load, Profile, Tally

SANITIZED = os.environ.get("RESTMARK_SANITIZED") == "1"
WELCOME = b"Welcome!\n"
REST_S = 0.8  # a worker that drains closes what rests for a second, give or take when either side looked


def times(n: int) -> int:
    """n with RESTMARK_LONG=1, else a quarter of it; a tenth under the sanitizers, where a fork takes a tenth of a second."""
    return max(2, n // 10) if SANITIZED else n if os.environ.get("RESTMARK_LONG") == "1" else max(2, n // 4)


def clients() -> list[Profile]:
    """New connections, kept ones that hardly rest, kept ones that mostly rest, long requests, and readers that take their time.

    The little pauses leave the machine's CPUs to the daemon: what is looked for are moments, not megabytes."""
    return [
        Profile("new", "/", 4, pause_s=0.001, body=WELCOME),
        Profile("kept", "/", 3, keep_alive=True, pause_s=0.002, body=WELCOME),
        Profile("resting", "/", 8, keep_alive=True, pause_s=0.02, body=WELCOME),
        Profile("busy", "/encode-json", 2, keep_alive=True, pause_s=0.001, body=b"133622"),
        Profile("slow", "/transfer-data", 3, read_bytes=32768, read_pause_s=0.01, timeout_s=30),
    ]


def load_on(daemon: Daemon, seconds: float = 300) -> Load:
    return Load((daemon.host, daemon.port), clients(), seconds)


def require_unnoticed(load: Load) -> Tally:
    """All are answered; not even a kept connection was closed without `Connection: close` in the answer before.

    Unless it rested so long that a worker that drains may close it, as happens only when the machine pauses."""
    total = load.stop()
    assert total.lost == 0, (str(total), [str(failure) for failure in total.failures[:10]])
    assert total.shortest_rest_s >= REST_S, (str(total), total.idle_closes, total.shortest_rest_s)
    for name, tally in load.tallies.items():
        assert tally.answered > 10, (name, str(tally))
    return total


def ctl(daemon: Daemon, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    command = [str(RESTMARKCTL), "-s", str(daemon.control), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def must(daemon: Daemon, *arguments: str) -> str:
    """The reply to a command that must succeed."""
    result = ctl(daemon, *arguments)
    assert (result.returncode, result.stderr) == (0, ""), (arguments, result.stdout, result.stderr, daemon.log()[-2000:])
    return result.stdout


def ready_workers(daemon: Daemon, n: int, without: frozenset[int] = frozenset()) -> list[int]:
    """The pids of n workers, as soon as so many are ready and none of them is in `without`."""

    def look() -> list[int] | None:
        pids = [w["pid"] for w in daemon.status()["workers"] if w["state"] == "ready"]
        return pids if len(pids) == n and not without & set(pids) else None

    return wait_for(f"{n} ready workers", look)  # type: ignore[return-value]


def text_of(failures: list[Failure]) -> list[str]:
    return [str(failure) for failure in failures]
