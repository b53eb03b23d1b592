"""The access log, the log of slow requests, and how both are opened again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import RESTMARKCTL, Daemon, wait_for
from http_client import Connection, Load, exchange

from processes import open_files

Start = Callable[..., Daemon]
LINE = re.compile(
    r'(?P<address>\S+) - - \[[^]]+\] "(?P<method>\S+) (?P<target>\S+)" (?P<status>\d+) (?P<bytes>\d+) (?P<us>\d+)us w(?P<worker>\d+)'
)
LONG = "/million-loop?n=20000000"  # takes far longer than a millisecond on any machine


def entries(path: Path) -> list[re.Match[str]]:
    """All lines, each of which is whole and in the format."""
    text = path.read_text() if path.exists() else ""
    assert text == "" or text.endswith("\n")
    found = [LINE.fullmatch(line) for line in text.splitlines()]
    assert all(found), text
    return [match for match in found if match]


def wait_entries(path: Path, n: int) -> list[re.Match[str]]:
    return wait_for(f"{n} lines", lambda: len(found := entries(path)) >= n and found)


@pytest.mark.parametrize(
    ("name", "request_bytes", "status", "has_body"),
    [
        ("not found", b"GET /nope HTTP/1.1\r\nHost: x\r\n\r\n", 404, True),
        ("HEAD", b"HEAD /nope HTTP/1.1\r\nHost: x\r\n\r\n", 404, False),
        ("method", b"DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", 405, True),
        ("parameter", b"GET /encode-json?count=x HTTP/1.1\r\nHost: x\r\n\r\n", 400, True),
        ("past the library", b"GET / HTTP/1.1\r\n\r\n", 400, True),
        ("past the library, HEAD", b"HEAD / HTTP/1.1\r\n\r\n", 400, False),
        ("the library's own", b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400, True),
        ("before a request line is in", b"GET /" + b"a" * 20000, 414, True),
    ],
)
def test_bodies_of_errors_are_counted(start: Start, tmp_path: Path, name: str, request_bytes: bytes, status: int, has_body: bool) -> None:
    log = tmp_path / "access.log"
    daemon = start("server.processes=1", f"log.access-log={log}")
    with Connection((daemon.host, daemon.port)) as connection:
        connection.send(request_bytes)
        response = connection.read(head=not has_body)
    assert response.status == status
    expected = int(response.headers["content-length"]) if has_body else 0
    assert len(response.body) == expected
    (entry,) = wait_entries(log, 1)
    assert (int(entry["status"]), int(entry["bytes"])) == (status, expected)
    routes = daemon.status()["routes"]
    assert sum(route["body_bytes"] for route in routes.values()) == expected
    assert sum(route["errors_4xx"] for route in routes.values()) == 1


def test_a_sampled_access_log_has_every_nth_and_all_that_matter(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    daemon = start("server.processes=1", f"log.access-log={log}", "log.access-log-sample=10", "log.slow-request=1s")
    with Connection((daemon.host, daemon.port)) as connection:
        for _ in range(50):
            assert connection.request("/").status == 200
        for _ in range(5):
            assert connection.request("/nope").status == 404
    found = wait_entries(log, 10)
    with Connection((daemon.host, daemon.port)) as connection:  # the 56th, not in turn; when it is answered no line is on its way
        assert connection.request("/").status == 200
    assert [entry["target"] for entry in entries(log)] == [entry["target"] for entry in found]
    # A pause of the machine may make a quick request slow.
    quick = [entry["target"] for entry in found if int(entry["us"]) < 1000000]
    assert quick == ["/"] * 5 + ["/nope"] * 5


def test_slow_requests_are_in_a_sampled_access_log(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    daemon = start("server.processes=1", f"log.access-log={log}", "log.access-log-sample=1000000", "log.slow-request=1ms")
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200  # the first of a million
        for _ in range(3):
            assert connection.request(LONG).status == 200
    slow = [entry for entry in wait_entries(log, 4) if entry["target"] == LONG]
    assert len(slow) == 3
    assert all(int(entry["us"]) > 1000 for entry in slow)
    assert "slow request" not in daemon.log()


def test_slow_requests_are_messages_where_there_is_no_access_log(start: Start) -> None:
    daemon = start("server.processes=1", "log.slow-request=1ms")
    with Connection((daemon.host, daemon.port)) as connection:
        for i in range(25):  # each takes some milliseconds, so that all of them are in one span of ten seconds
            assert connection.request(f"/million-loop?n=5000000&seed={i}").status == 200
    daemon.process.terminate()  # a worker that leaves says what it has kept to itself
    assert daemon.wait_exit() == 0
    log = daemon.log()
    told = re.findall(r"notice: slow request: GET /million-loop\?n=5000000&seed=(\d+) took ([\d.]+) ms in worker 0, status 200\n", log)
    assert [seed for seed, _ in told] == [str(i) for i in range(10)]
    assert all(float(ms) > 1 for _, ms in told)
    assert "worker 0: 15 more slow requests are not listed" in log


def test_no_request_is_slow_by_default(start: Start) -> None:
    daemon = start("server.processes=1")
    assert exchange((daemon.host, daemon.port), f"GET {LONG} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).status == 200
    daemon.process.terminate()
    assert daemon.wait_exit() == 0
    assert "slow request" not in daemon.log()


def test_an_aborted_request_is_logged_in_any_sample(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    daemon = start("server.processes=1", f"log.access-log={log}", "log.access-log-sample=1000000", "limits.request-timeout=300ms")
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200
        connection.send(b"GET /encode-json HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12")
        assert connection.at_end()
    entry = wait_entries(log, 2)[1]
    assert (entry["method"], entry["target"], entry["status"], entry["bytes"]) == ("GET", "/encode-json", "0", "0")
    assert int(entry["us"]) >= 290000


def reopen(daemon: Daemon) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "reopen"], capture_output=True, text=True, timeout=300)


def wait_all_have(daemon: Daemon, path: Path, not_path: Path) -> None:
    """Until the master and all workers have the one file open, and none the other."""

    def look() -> bool:
        files = [list(open_files(pid).values()) for pid in (daemon.pid, *daemon.workers())]
        return all(names.count(str(path)) == 1 and str(not_path) not in names for names in files)

    wait_for(f"everybody has {path.name}", look)


@pytest.mark.parametrize("keep_alive", [True, False])
def test_logs_are_opened_again_under_load_without_losing_a_line(start: Start, tmp_path: Path, keep_alive: bool) -> None:
    log = tmp_path / "access.log"
    daemon = start("server.processes=2", f"log.access-log={log}")
    old = [tmp_path / f"access.log.{i}" for i in range(6)]
    with Load((daemon.host, daemon.port), "/encode-json?count=1", clients=4, keep_alive=keep_alive) as load:
        for i, moved in enumerate(old):
            load.wait_answered(50)
            log.rename(moved)
            if i % 2:
                daemon.signal(signal.SIGUSR1)
            else:
                result = reopen(daemon)
                assert (result.returncode, result.stdout) == (0, f"{log} is open again, and 2 workers are told\n"), result.stderr
            wait_all_have(daemon, log, moved)
        load.wait_answered(50)
    assert load.failures == {}
    wait_for("as many lines as answers", lambda: sum(len(entries(path)) for path in (log, *old)) == load.answered)
    counts = [len(entries(path)) for path in (*old, log)]
    assert min(counts) >= 40, counts  # what was answered between two moves is in the file of that time
    assert daemon.log().count("is open again, and 2 workers are told") == 6


def test_a_log_that_cannot_be_opened_again_is_kept(start: Start, tmp_path: Path) -> None:
    folder, moved = tmp_path / "logs", tmp_path / "moved"
    folder.mkdir()
    daemon = start("server.processes=1", f"log.access-log={folder}/access.log")
    address = (daemon.host, daemon.port)
    folder.rename(moved)
    daemon.signal(signal.SIGUSR1)
    daemon.wait_log(r"error: .*\[log\] access-log: " + re.escape(f"{folder}/access.log: cannot open the access log: No such file") + ".*old file")
    result = reopen(daemon)
    assert (result.returncode, "No such file or directory" in result.stderr) == (1, True), result.stderr
    assert exchange(address, b"GET /?before HTTP/1.1\r\nHost: x\r\n\r\n").status == 400
    wait_entries(moved / "access.log", 1)

    folder.mkdir()
    assert reopen(daemon).returncode == 0
    wait_all_have(daemon, folder / "access.log", moved / "access.log")
    assert exchange(address, b"GET /?after HTTP/1.1\r\nHost: x\r\n\r\n").status == 400
    assert [entry["target"] for entry in wait_entries(folder / "access.log", 1)] == ["/?after"]
    assert [entry["target"] for entry in entries(moved / "access.log")] == ["/?before"]


def test_a_busy_worker_takes_the_new_log_when_it_is_done(start: Start, tmp_path: Path) -> None:
    log, moved = tmp_path / "access.log", tmp_path / "access.log.1"
    daemon = start("server.processes=1", f"log.access-log={log}")
    (worker,) = daemon.workers()
    with Connection((daemon.host, daemon.port)) as connection:
        connection.request("/")
        os.kill(worker, signal.SIGSTOP)
        connection.send(b"GET /parse-msgpack HTTP/1.1\r\nHost: x\r\n\r\n")
        log.rename(moved)
        assert reopen(daemon).returncode == 0  # the master does not wait for it
        os.kill(worker, signal.SIGCONT)
        assert connection.read().status == 200
        wait_all_have(daemon, log, moved)
        connection.request("/encode-json?count=0")
    wait_for("three lines", lambda: len(entries(moved)) + len(entries(log)) == 3)
    assert entries(log)[-1]["target"] == "/encode-json?count=0"


def test_workers_to_come_have_the_new_log_too(start: Start, tmp_path: Path) -> None:
    log, moved = tmp_path / "access.log", tmp_path / "access.log.1"
    daemon = start("server.processes=1", f"log.access-log={log}")
    (first,) = daemon.workers()
    log.rename(moved)
    assert reopen(daemon).returncode == 0
    os.kill(first, signal.SIGKILL)
    wait_for("another worker", lambda: (workers := daemon.workers()) and workers != [first])
    assert exchange((daemon.host, daemon.port), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").status == 200
    wait_entries(log, 1)
    assert entries(moved) == []


def test_without_an_access_log_there_is_nothing_to_open(start: Start) -> None:
    daemon = start("server.processes=1")
    result = reopen(daemon)
    assert (result.returncode, result.stdout) == (0, "there is no access log to open again\n")
    daemon.signal(signal.SIGUSR1)
    daemon.wait_log("SIGUSR1 from process .*\n.*there is no access log to open again")
    assert exchange((daemon.host, daemon.port), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").status == 200
