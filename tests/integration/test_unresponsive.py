"""A worker that is stopped and not killed: nobody new waits for it, and it comes back."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable

import pytest
from admin_client import samples
from daemon import Daemon, stopped_at_work, wait_for
from http_client import Connection

Start = Callable[..., Daemon]
SANITIZED = os.environ.get("RESTMARK_SANITIZED") == "1"


def since(daemon: Daemon, slot: int) -> int | None:
    return daemon.status()["workers"][slot]["unresponsive_since_unix_ms"]  # type: ignore[no-any-return]


def ask_anew(daemon: Daemon, n: int, timeout: float = 3.0) -> None:
    for _ in range(n):
        with Connection((daemon.host, daemon.port), timeout) as connection:
            assert connection.request("/").body == b"Welcome!\n"


@pytest.mark.parametrize("balance", ["reuseport", "cpu", "shared"])
def test_a_stopped_worker_is_out_of_the_rotation_until_it_goes_on(start: Start, balance: str) -> None:
    daemon = start("server.processes=2", f"server.balance={balance}", "admin.listen=127.0.0.1:0")
    victim, other = (int(w["pid"]) for w in daemon.status()["workers"])
    began_ms = time.time() * 1000
    os.kill(victim, signal.SIGSTOP)
    # Of these some get into its queue, if it has one, before anybody knows.
    waiting = [Connection((daemon.host, daemon.port), 15) for _ in range(20)]
    for connection in waiting:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_for("it is missed", lambda: since(daemon, 0))
    assert began_ms - 2000 < (since(daemon, 0) or 0) < began_ms + 2000
    assert since(daemon, 1) is None
    assert re.search(r"^ +not responding since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(\d+s\): no new connections$", daemon.ask("status"), re.M)
    assert daemon.ask("workers").count("not responding since") == 1
    metric = 'restmark_worker_unresponsive{{process="worker",slot="{}",role="primary"}}'
    assert [samples(daemon)[metric.format(slot)] for slot in (0, 1)] == [1, 0]
    states, workers = daemon.top()
    assert states == {0: "silent", 1: "ready"} and [w["unresponsive"] for w in workers] == [True, False]
    ask_anew(daemon, 20)
    for connection in waiting:
        assert connection.read().body == b"Welcome!\n"
        connection.close()
    before = daemon.status()["workers"][0]["accepted"]
    os.kill(victim, signal.SIGCONT)
    wait_for("it is back", lambda: since(daemon, 0) is None)
    assert "not responding" not in daemon.ask("status")
    assert samples(daemon)[metric.format(0)] == 0
    assert daemon.top()[0] == {0: "ready", 1: "ready"}

    def gets_some() -> bool:
        ask_anew(daemon, 4)
        return daemon.status()["workers"][0]["accepted"] > before  # type: ignore[no-any-return]

    if balance == "reuseport":
        wait_for("it gets connections again", gets_some)
    assert [w["pid"] for w in daemon.status()["workers"]] == [victim, other]
    assert [e["text"].split(":")[0] for e in daemon.events("response")] == [f"pid {victim} does not respond", f"pid {victim} responds again"]
    assert not daemon.events("death")
    assert "no sign of life" in daemon.log()
    assert "it is stopped by a signal" in daemon.log()


def test_when_nobody_responds_everybody_stays(start: Start) -> None:
    """There is nobody to give the connections to: they wait for whoever comes first."""
    daemon = start("server.processes=2")
    both = [int(w["pid"]) for w in daemon.status()["workers"]]
    for pid in both:
        os.kill(pid, signal.SIGSTOP)
    wait_for("both are missed", lambda: since(daemon, 0) and since(daemon, 1))
    waiting = [Connection((daemon.host, daemon.port), 15) for _ in range(10)]
    for connection in waiting:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    os.kill(both[1], signal.SIGCONT)
    for connection in waiting:
        assert connection.read().body == b"Welcome!\n"
        connection.close()
    wait_for("one is back", lambda: since(daemon, 1) is None)
    ask_anew(daemon, 10)
    os.kill(both[0], signal.SIGCONT)
    wait_for("the other is, too", lambda: since(daemon, 0) is None)
    assert not daemon.events("death")


def test_a_stop_does_not_wait_in_its_queue(start: Start) -> None:
    daemon = start("server.processes=2", "workers.worker-reload-mercy=1s")
    victim = int(daemon.status()["workers"][0]["pid"])
    os.kill(victim, signal.SIGSTOP)
    wait_for("it is missed", lambda: since(daemon, 0))
    ask_anew(daemon, 4)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0
    assert f"(pid {victim}) is killed: it has to stop" in daemon.log()


@pytest.mark.skipif(SANITIZED, reason="its requests take longer than the harakiri time")
def test_time_in_which_the_machine_was_frozen_is_nobodys_work(start: Start) -> None:
    """All processes stand still for longer than a request may take, and longer than silence may last."""
    daemon = start("server.processes=1", "workers.harakiri=5s")
    (worker,) = daemon.workers()
    with stopped_at_work(daemon, "/million-loop?n=100000000&seed=5"):
        daemon.signal(signal.SIGSTOP)
        time.sleep(7)  # the frozen time itself
        os.kill(worker, signal.SIGCONT)
        daemon.signal(signal.SIGCONT)
    assert daemon.workers() == [worker]
    assert not daemon.events("death")
    assert not daemon.events("harakiri")
