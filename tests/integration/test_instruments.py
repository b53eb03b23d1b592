"""What the scoreboard says about requests and workers: durations, the heartbeat, the work in progress."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from daemon import Daemon, stopped_at_work, wait_for
from http_client import Connection

Start = Callable[..., Daemon]


def bucket_limits(status: dict[str, Any], bucket: int) -> tuple[float, float]:
    """The shortest and the longest duration, in ns, that the bucket counts."""
    limits = [0, *status["duration_limits_ns"], float("inf")]
    return limits[bucket], limits[bucket + 1]


def test_each_request_has_one_duration(start: Start) -> None:
    daemon = start("server.processes=2", "limits.request-timeout=2s")
    address = (daemon.host, daemon.port)
    with Connection(address) as connection:
        for target in ("/", "/", "/parse-msgpack", "/encode-json?count=1", "/transfer-data", "/million-loop?n=1", "/nope", "/?x", "/transfer-data?count=x"):
            connection.request(target)
        connection.request("/transfer-data", "HEAD")
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"GET /" + b"a" * 20000, b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n"):
        with Connection(address) as connection:
            connection.send(data)
            assert connection.read().status >= 400
    with Connection(address) as connection:  # whose line has come counts as a request, and that its client went away is counted as well
        connection.send(b"GET /encode-json HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12")
    wait_for("the client that went away is counted", lambda: daemon.status()["closes"]["gone"] == 1)
    status = daemon.status()
    assert sum(route["aborted"] for route in status["routes"].values()) == 1
    assert sum(route["requests"] for route in status["routes"].values()) == 14
    for name, route in status["routes"].items():
        assert sum(route["durations"]) == route["requests"], name
        low = sum(n * bucket_limits(status, i)[0] for i, n in enumerate(route["durations"]))
        high = sum(n * bucket_limits(status, i)[1] for i, n in enumerate(route["durations"]) if n)
        assert low <= route["duration_ns"] <= high, name
        assert route["busy_ns"] <= route["duration_ns"], name


def test_a_duration_is_what_the_client_waits_for(start: Start) -> None:
    """From the request line, while the rest of the request is still on its way, to the end of the answer."""
    daemon = start("server.processes=1")
    with Connection((daemon.host, daemon.port)) as connection:
        began = time.monotonic()
        connection.send(b"GET / HTTP/1.1\r\n")
        wait_for("the line is read", lambda: connection_is_read(daemon))
        time.sleep(0.3)  # the duration itself is the subject
        connection.send(b"Host: x\r\n\r\n")
        assert connection.read().status == 200
    # The worker looks at its clock when it has sent the answer, which may be after the client has read it.
    status = wait_for("it is counted", lambda: (s := daemon.status())["routes"]["welcome"]["requests"] == 1 and s)
    waited_ns = (time.monotonic() - began) * 1e9
    route = status["routes"]["welcome"]
    (bucket,) = [i for i, n in enumerate(route["durations"]) if n]
    low, high = bucket_limits(status, bucket)
    assert 0.25e9 <= route["duration_ns"] <= waited_ns  # read from the socket is not yet parsed, so a little less
    assert low < route["duration_ns"] <= high
    assert low <= route["p50_ns"] <= high


def connection_is_read(daemon: Daemon) -> bool:
    """Whether nothing that was sent on connections to the daemon's port waits in a receive queue."""
    port = f"{daemon.port:04X}"
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    queues = [row[4].split(":")[1] for row in rows if row[1].endswith(f":{port}") and row[3] == "01"]
    return queues == ["00000000"]


def test_durations_survive_the_death_of_a_worker(start: Start) -> None:
    daemon = start("server.processes=1")
    with Connection((daemon.host, daemon.port)) as connection:
        for _ in range(5):
            connection.request("/encode-json")
    before = daemon.status()["routes"]["encode-json"]
    (worker,) = daemon.workers()
    os.kill(worker, signal.SIGKILL)
    wait_for("another worker", lambda: daemon.status()["workers"][0]["pid"] not in (worker, None))
    after = daemon.status()["routes"]["encode-json"]
    assert (sum(after["durations"]), after["durations"], after["duration_ns"]) == (5, before["durations"], before["duration_ns"])


def test_an_idle_worker_has_a_heartbeat_and_a_stopped_one_has_none(start: Start) -> None:
    daemon = start("server.processes=2")

    def ages() -> list[int]:
        return [worker["beat_age_ms"] for worker in daemon.status()["workers"]]

    stopped = daemon.status()["workers"][1]["pid"]
    os.kill(stopped, signal.SIGSTOP)
    try:
        wait_for("the stopped worker's heart has stopped", lambda: ages()[1] > 2500)
        wait_for("the other's beats", lambda: ages()[0] < 1100)
    finally:
        os.kill(stopped, signal.SIGCONT)
    wait_for("it beats again", lambda: ages()[1] < 1100)
    for _ in range(2):  # … and goes on to, though nobody asks it for anything: an age that falls is a beat
        seen = ages()[1]

        def fell() -> bool:
            nonlocal seen
            last, seen = seen, ages()[1]
            return seen < last

        wait_for("another beat", fell)


def test_work_in_progress_shows_what_it_takes(start: Start) -> None:
    daemon = start("server.processes=1")
    with stopped_at_work(daemon, "/million-loop?seed=7&n=100000000") as working:
        assert (working["route"], working["query"]) == ("million-loop", "?n=100000000&seed=7")
        wait_for("its age grows", lambda: daemon.status()["workers"][0]["working"]["age_ms"] > working["age_ms"])
    wait_for("it is done", lambda: daemon.status()["workers"][0]["working"] is None)
