"""Workers are replaced when they have served long enough, one at a time, and no client notices."""

from __future__ import annotations

import os
import re
import resource
import signal
import time
from collections.abc import Callable

import pytest
from daemon import Daemon, wait_for
from http_client import Load

Start = Callable[..., Daemon]
SANITIZED = os.environ.get("RESTMARK_SANITIZED") == "1"


def besides(daemon: Daemon) -> int:
    return sum(1 for w in daemon.status()["workers"] if w["beside"])


def wait_for_ends(daemon: Daemon, cause: str, n: int, deadline_s: float = 40) -> None:
    """… and that never two slots are at it at once."""

    def enough() -> bool:
        assert besides(daemon) <= 1
        return daemon.ends(cause) >= n

    wait_for(f"{n} workers have ended by {cause}", enough, deadline_s)


@pytest.mark.parametrize(
    ("cause", "times", "options"),
    [
        ("max-requests", 5 if SANITIZED else 20, ("server.processes=2", "workers.max-requests=60", "workers.max-requests-delta=20")),
        ("max-worker-lifetime", 5 if SANITIZED else 12, ("server.processes=4", "workers.max-worker-lifetime=1s")),
        # Below what any worker has; nobody is replaced before it is 5 s old.
        ("reload-on-rss", 4 if SANITIZED else 8, ("server.processes=8", "workers.reload-on-rss=100K")),
        ("reload-on-pss", 4 if SANITIZED else 8, ("server.processes=8", "workers.reload-on-pss=50K")),
    ],
)
def test_recycling_loses_nothing(start: Start, cause: str, times: int, options: tuple[str, ...]) -> None:
    daemon = start(*options)
    address = (daemon.host, daemon.port)
    with Load(address, clients=3, keep_alive=False) as fresh, Load(address, "/parse-msgpack", clients=3, expected=b"1000") as kept:
        wait_for_ends(daemon, cause, times)
        fresh.wait_answered(20)
        kept.wait_answered(20)
    assert not fresh.failures and not kept.failures, (fresh.failures, kept.failures, daemon.log())
    assert not fresh.refused and not kept.refused
    for other in ("crash", "start", "harakiri", "wedged"):
        assert daemon.ends(other) == 0
    told = [e for e in daemon.events("recycle") if f": {cause}, after " in e["text"]]
    assert len(told) >= times
    if cause.startswith("reload-on"):
        assert re.search(r"RSS [1-9]\d*\.\d MiB, PSS \d+\.\d MiB$", told[0]["text"])
    certificates = [e["text"] for e in daemon.events("death")]
    assert all("exited with code 0, as it should after " in t and f"; cause: {cause};" in t for t in certificates), certificates
    assert "connection reset" not in "".join(certificates)


def test_max_requests_spread(start: Start) -> None:
    """The delta is chance, but never less than nothing: no worker goes before its time."""
    daemon = start("server.processes=4", "workers.max-requests=100", "workers.max-requests-delta=300")
    with Load((daemon.host, daemon.port), clients=4, keep_alive=False) as load:
        wait_for_ends(daemon, "max-requests", 6)
    assert not load.failures
    served = [int(re.search(r"after \d+\.\d s and (\d+) requests", e["text"])[1]) for e in daemon.events("death")]  # type: ignore[index]
    assert min(served) >= 100


def test_a_new_worker_that_cannot_start_leaves_the_old_one(start: Start) -> None:
    daemon = start("server.processes=1", "workers.max-worker-lifetime=1s")
    (worker,) = daemon.workers()
    soft, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    # Every descriptor that is open stays so, but there are no more of them for a link to a new worker.
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (3, hard))
    daemon.wait_log(r"cannot start worker 0: Too many open files")
    daemon.wait_log(r"error: worker 0 is not recycled \(max-worker-lifetime\): .* fails to start.*; the old one goes on; it is tried again in 1 s")
    daemon.wait_log(r"it is tried again in 2 s")
    assert daemon.workers() == [worker]
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (soft, hard))
    with Load((daemon.host, daemon.port), clients=2) as load:
        load.wait_answered(10)
        wait_for("it is replaced at last", lambda: daemon.ends("max-worker-lifetime") >= 1)
        load.wait_answered(10)
    assert not load.failures
    assert not os.path.exists(f"/proc/{worker}")
    assert daemon.ends("crash") == 0


def test_a_slow_client_delays_only_its_own_worker(start: Start) -> None:
    """… and so all recycling, as one is replaced at a time; but not the service, and not beyond mercy."""
    daemon = start("server.processes=2", "workers.max-worker-lifetime=1s", "workers.worker-reload-mercy=2s")
    with daemon.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")  # never ends
        wait_for("it is connected", lambda: sum(w["connections"] for w in daemon.status()["workers"]) == 1)
        wait_for_ends(daemon, "max-worker-lifetime", 3)
    killed = [e["text"] for e in daemon.events("death") if "was killed" in e["text"]]
    assert len(killed) == 1, daemon.events()
    assert "its mercy or its time being over; cause: max-worker-lifetime; 1 connection reset" in killed[0]


def test_a_reload_goes_before_recycling(start: Start) -> None:
    """With recycling going on all the time, reloads still succeed and end, and the limit of the new configuration holds at once."""
    daemon = start(config="[server]\nprocesses = 2\n[workers]\nmax-requests = 50\n")
    with Load((daemon.host, daemon.port), clients=4, keep_alive=False) as load:
        wait_for_ends(daemon, "max-requests", 3)
        for generation in range(2, 5):
            daemon.signal(signal.SIGHUP)
            daemon.wait_log(rf"reloaded: generation {generation} has replaced {generation - 1} .*; 0 connections were reset, 0 workers killed")
        (daemon.folder / "restmarkd.ini").write_text("[server]\nprocesses = 2\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_log("reloaded: generation 5")
        ends = daemon.ends("max-requests")
        load.wait_answered(500)
    assert daemon.ends("max-requests") == ends
    assert not load.failures, load.failures


def test_a_worker_that_dies_while_it_is_to_be_recycled_is_not_replaced_twice(start: Start) -> None:
    daemon = start("server.processes=1", "workers.max-worker-lifetime=30s")
    os.kill(daemon.workers()[0], signal.SIGKILL)
    wait_for("its successor serves", lambda: daemon.status()["workers"][0]["state"] == "ready")
    assert daemon.ends("crash") == 1
    assert daemon.ends("max-worker-lifetime") == 0


def wakeups(pid: int) -> tuple[str, int]:
    """Whether it sleeps ("S"), and how often it has gone to sleep."""
    with open(f"/proc/{pid}/status") as status:
        found = re.search(r"^State:\s+(\S).*^voluntary_ctxt_switches:\s+(\d+)", status.read(), re.M | re.S)
    assert found
    return found[1], int(found[2])


def test_an_idle_master_looks_once_a_second_and_sleeps(start: Start) -> None:
    daemon = start("server.processes=2")

    def rests() -> bool:
        """When it says that it is ready it has yet to go to sleep."""
        first = wakeups(daemon.pid)
        time.sleep(0.1)
        return first == wakeups(daemon.pid) and first[0] == "S"

    wait_for("it has gone to sleep", rests)
    before = wakeups(daemon.pid)
    time.sleep(2.5)  # the time in which nothing else must happen
    state, after = wakeups(daemon.pid)
    assert state == "S"
    assert 2 <= after - before[1] <= 3
