"""Workers that die as soon as they are ready, or that cannot start: they are tried again ever later, and the others go on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from admin_client import samples
from daemon import RESTMARKCTL, Daemon, wait_for
from http_client import Connection, Load
from injected_faults import preload

Start = Callable[..., Daemon]
FREE = 1  # a single short life is none of a crash loop


def slot(daemon: Daemon, index: int) -> dict[str, Any]:
    return daemon.status()["workers"][index]  # type: ignore[no-any-return]


def table(daemon: Daemon) -> str:
    return subprocess.run(
        [str(RESTMARKCTL), "-s", str(daemon.control), "status"], capture_output=True, text=True, timeout=300, check=True
    ).stdout


def kill_when_ready(daemon: Daemon, index: int) -> dict[str, Any]:
    """What the slot is when its worker's death has been noticed."""
    worker = wait_for("it is ready", lambda: (w := slot(daemon, index))["state"] == "ready" and w)
    os.kill(worker["pid"], signal.SIGKILL)
    return wait_for("its death is noticed", lambda: (w := slot(daemon, index))["pid"] != worker["pid"] and w)  # type: ignore[no-any-return]


def crash_seven_times(daemon: Daemon) -> bool:
    """Kills the workers of slot 0 as they get ready. False: the machine was so slow that one of them lived for a second."""
    assert not kill_when_ready(daemon, 0)["crash_loop"]
    for n in range(1, 7):  # up to a wait that is long enough for all looks at it
        state = kill_when_ready(daemon, 0)
        if state["short_lives"] != n + FREE:
            return False
        assert state["crash_loop"], state
        daemon.wait_log(rf"worker 0 is in a crash loop \({n + FREE} in a row have died within 1000 ms of being ready\): it will be started again in {100 << (n - 1)} ms")
    return True


def require_crash_loop(daemon: Daemon) -> None:
    assert "crash loop: 7 workers in a row died as soon as they were ready" in table(daemon)
    assert [samples(daemon)[f'restmark_worker_crash_loop{{slot="{n}"}}'] for n in (0, 1)] == [1, 0]
    states, workers = daemon.top()
    assert states == {0: "crashing", 1: "ready"} and [w["crash_loop"] for w in workers] == [True, False]


def test_workers_that_die_at_once_come_back_ever_later(start: Start) -> None:
    for _ in range(20):
        daemon = start("server.processes=2", "admin.listen=127.0.0.1:0")
        steady = slot(daemon, 1)["pid"]
        with Load((daemon.host, daemon.port), clients=4, keep_alive=False) as load:
            if crash_seven_times(daemon):
                require_crash_loop(daemon)
                load.wait_answered(100)
                break
    else:
        raise AssertionError("in none of 20 daemons all short lives were counted as such")
    (event,) = daemon.events("crash-loop")
    assert (event["slot"], event["text"]) == (0, "2 workers in a row have died within 1000 ms of being ready")
    assert slot(daemon, 1)["pid"] == steady
    # Deaths and starts are as many as there were kills: nobody forks by the hundred.
    wait_for("it lives", lambda: slot(daemon, 0)["state"] == "ready" and not slot(daemon, 0)["crash_loop"])
    daemon.wait_log(r"worker 0 \(pid \d+\) has been ready for 1000 ms: the crash loop is over")
    assert slot(daemon, 0)["short_lives"] == 0
    assert slot(daemon, 0)["restarts"] == 7
    assert daemon.events("crash-loop")[-1]["text"].startswith("over: ")
    assert "crash loop" not in table(daemon)
    kill_when_ready(daemon, 0)
    assert not slot(daemon, 0)["crash_loop"]


def test_a_slot_that_cannot_start_does_not_end_the_others(start: Start, tmp_path: Path) -> None:
    flag = tmp_path / "fault"
    daemon = start("server.processes=2", environment=preload(RESTMARK_FORK_FAULT=flag))
    with Load((daemon.host, daemon.port), clients=4, keep_alive=False) as load:
        flag.write_text("78")  # the exit code that says that another would end in the same way
        os.kill(slot(daemon, 0)["pid"], signal.SIGKILL)
        daemon.wait_log(r"worker 0 says that starting it again would not help; the others go on, and it is tried again in \d+ s")
        state = slot(daemon, 0)
        assert state["state"] == "backoff" and state["failed_starts"] == 10 and 5000 < state["next_start_ms"] <= 51200, state
        assert "10 starts failed in a row; next start in" in table(daemon)
        (event,) = daemon.events("lost")
        assert event["slot"] == 0
        load.wait_answered(100)
        # The last one that serves: now there is nothing left to wait for.
        os.kill(slot(daemon, 1)["pid"], signal.SIGKILL)
        assert daemon.wait_exit() == 78
    assert "worker 1 says that starting it again would not help, and no other serves; stopping" in daemon.log()


def test_a_lost_slot_comes_back_with_a_reload(start: Start, tmp_path: Path) -> None:
    flag = tmp_path / "fault"
    daemon = start("server.processes=2", environment=preload(RESTMARK_FORK_FAULT=flag))
    flag.write_text("78")
    os.kill(slot(daemon, 0)["pid"], signal.SIGKILL)
    daemon.wait_log("worker 0 says that starting it again would not help; the others go on")
    flag.unlink()
    subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "reload"], check=True, timeout=300, capture_output=True)
    assert [(w["state"], w["failed_starts"], w["generation"]) for w in daemon.status()["workers"]] == [("ready", 0, 2)] * 2


def test_a_daemon_of_which_nothing_can_start_ends(tmp_path: Path) -> None:
    flag = tmp_path / "fault"
    flag.write_text("78")
    daemon = Daemon(tmp_path / "daemon", ("server.processes=3",), environment=preload(RESTMARK_FORK_FAULT=flag))
    assert daemon.wait_exit() == 78
    assert len(re.findall("the others go on", daemon.log())) == 2  # which might have started, for all that was known
    assert len(re.findall("no other serves; stopping", daemon.log())) == 1
    assert "ready" not in daemon.log()


def test_a_daemon_of_which_one_slot_cannot_start_serves(start: Start, tmp_path: Path) -> None:
    """The others are awaited, and then it is ready, for systemd too."""
    flag = tmp_path / "fault"
    flag.write_text("78 1")  # once
    daemon = start("server.processes=3", environment=preload(RESTMARK_FORK_FAULT=flag))
    assert "ready: 2 workers; 1 more fails to start" in daemon.log()
    assert sorted(w["state"] for w in daemon.status()["workers"]) == ["backoff", "ready", "ready"]
    for _ in range(20):
        with Connection((daemon.host, daemon.port)) as connection:
            assert connection.request("/").body == b"Welcome!\n"
