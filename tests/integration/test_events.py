"""What has happened can be asked for, and every worker's death has a certificate."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable

import pytest
from daemon import Daemon, wait_for
from http_client import Connection

Start = Callable[..., Daemon]


def kinds(daemon: Daemon) -> list[str]:
    return [event["kind"] for event in daemon.events()]


def test_the_life_of_a_daemon(start: Start) -> None:
    begin_ms = int(time.time() * 1000)
    daemon = start(config="[server]\nprocesses = 2\n")
    assert kinds(daemon) == ["start", "ready"]
    first = daemon.events()[0]
    assert f"process {daemon.pid}" in first["text"]
    assert first["slot"] is None
    assert begin_ms - 1000 <= first["unix_ms"] <= int(time.time() * 1000) + 1000

    daemon.signal(signal.SIGHUP)
    daemon.wait_log("reloaded")
    assert kinds(daemon)[2:] == ["reload", "worker", "worker", "death", "death", "reloaded"] or sorted(kinds(daemon)[2:]) == sorted(
        ["reload", "worker", "worker", "death", "death", "reloaded"]
    )
    assert daemon.ends("reload") == 2
    (daemon.folder / "restmarkd.ini").write_text("[nonsense]\n")
    daemon.signal(signal.SIGHUP)
    failed = wait_for("the reload fails", lambda: daemon.events("reload-failed"))
    assert "unknown section [nonsense]" in failed[0]["text"]


def test_events_are_given_as_text_and_from_a_number_on(start: Start) -> None:
    daemon = start("server.processes=1")
    lines = daemon.ask("events").splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}  start +-  restmarkd \S+, process \d+", lines[0])
    assert len(lines) == 2
    everything = json.loads(daemon.ask("events json"))
    assert (everything["last"], [e["number"] for e in everything["events"]]) == (2, [1, 2])
    assert [e["number"] for e in json.loads(daemon.ask("events json since 1"))["events"]] == [2]
    assert json.loads(daemon.ask("events json since 2")) == {"began_unix_ms": everything["began_unix_ms"], "last": 2, "events": []}
    assert everything["began_unix_ms"] <= everything["events"][0]["unix_ms"]
    assert daemon.ask("events since 2") == ""


@pytest.mark.parametrize(
    ("number", "end"),
    [(signal.SIGKILL, r"signal 9 \(SIGKILL, Killed\)"), (signal.SIGSEGV, r"signal 11 \(SIGSEGV, Segmentation fault\)(, core dumped)?")],
)
def test_a_death_has_a_certificate(start: Start, number: signal.Signals, end: str) -> None:
    if number == signal.SIGSEGV and os.environ.get("RESTMARK_SANITIZED") == "1":
        pytest.skip("the sanitizer makes an exit of it")
    daemon = start("server.processes=1")
    (worker,) = daemon.workers()
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/parse-msgpack").status == 200
        wait_for("it is counted", lambda: daemon.status()["workers"][0]["routes"]["parse-msgpack"]["requests"] == 1)
        os.kill(worker, number)
        (event,) = wait_for("its death is told", lambda: daemon.events("death"))
    says = rf"pid {worker} was killed by {end} after \d+\.\d s and 1 requests.*; cause: crash; 1 connection reset; peak RSS \d+\.\d MiB"
    assert re.match(says, event["text"]), event
    assert event["slot"] == 0
    assert "worker 0 (pid" in daemon.log()
    assert re.search(says.replace("pid \\d+ ", "").split(" was killed")[1], daemon.log())
    assert daemon.ends("crash") == 1
    wait_for("its successor is an event", lambda: "worker" in kinds(daemon))


def test_the_request_in_work_is_in_the_certificate(start: Start) -> None:
    """The longest request there is takes a tenth of a second or so; whether it has begun cannot be seen from outside, so try again."""
    daemon = start("server.processes=1")

    def kill_at_work() -> bool:
        deaths = len(daemon.events("death"))
        with Connection((daemon.host, daemon.port)) as connection:
            connection.send(b"GET /million-loop?n=100000000&seed=77 HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_for("it is accepted", lambda: daemon.status()["workers"][0]["connections"] == 1)
            os.kill(daemon.workers()[0], signal.SIGKILL)
            wait_for("its death is told", lambda: len(daemon.events("death")) > deaths)
        wait_for("its successor is ready", lambda: daemon.status()["workers"][0]["state"] == "ready")
        return "; in work: /million-loop?n=100000000&seed=77 for 0." in daemon.events("death")[-1]["text"]

    assert any(kill_at_work() for _ in range(20)), daemon.log()
