"""Public HTTP clients lose nothing: to the idle timeout, to reloads, upgrades, and changes of the number of workers. RESTMARK_LONG=1 tries for a minute."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from client_programs import PROGRAMS, Running
from daemon import Daemon, wait_for

from proof import must

Start = Callable[..., Daemon]
LONG = bool(os.environ.get("RESTMARK_LONG"))
AT_LEAST_S = 60.0 if LONG else 3.0
EACH = 2 if LONG else 1  # of a kind, at once
TRIED = tuple(program for program in PROGRAMS if LONG or not program.is_slow)


def test_no_client_loses_a_request(start: Start) -> None:
    """The idle timeout is just where their pauses are, so that many requests come as their connection is closed."""
    daemon = start("server.processes=2", "limits.idle-timeout=400ms")
    there = [program for program in TRIED if program.is_there]
    if len(there) < len(TRIED):
        print("not installed:", *(program.package for program in TRIED if program not in there))
    assert len(there) >= 2, "of the public clients there are too few to prove anything"
    running = [Running(program, f"http://{daemon.host}:{daemon.port}/") for program in there for _ in range(EACH)]
    for one in running:
        one.wait_ready()
    begin = time.monotonic()
    while time.monotonic() - begin < AT_LEAST_S:
        must(daemon, "reload")
        must(daemon, "scale", "3")
        must(daemon, "drain", "0")
        must(daemon, "scale", "2")
        must(daemon, "upgrade")
    results = [(one.program.name, *one.end()) for one in running]
    assert not any(failed for _, _, failed, _ in results), [result for result in results if result[2]]
    assert all(answered > 10 for _, answered, _, _ in results), results
    wait_for("all are counted", lambda: int(daemon.status()["routes"]["welcome"]["requests"]) >= sum(result[1] for result in results))
    assert int(daemon.status()["routes"]["welcome"]["aborted"]) == 0


@pytest.mark.parametrize("name", [program.name for program in TRIED])
def test_the_clients_notice_a_loss(start: Start, name: str) -> None:
    """What counts failures would count one."""
    (program,) = [p for p in PROGRAMS if p.name == name]
    if not program.is_there:
        pytest.skip(f"{program.name} is not installed (Debian's package {program.package})")
    daemon = start("server.processes=1")
    running = Running(program, f"http://{daemon.host}:{daemon.port}/")
    running.wait_ready()
    daemon.finish()
    time.sleep(0.7)  # more than the longest pause: at least one request finds nobody
    answered, failed, first = running.end()
    assert answered >= 1 and failed >= 1 and first
