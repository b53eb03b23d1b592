"""The control socket and restmarkctl."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable

import pytest
from control_client import ctl
from daemon import RESTMARKCTL, SOURCE, Daemon, stopped_at_work, wait_for
from http_client import Connection

Start = Callable[..., Daemon]


def test_status_counts_requests(start: Start) -> None:
    daemon = start("server.processes=2")
    with Connection((daemon.host, daemon.port)) as connection:
        for target, times in (("/", 3), ("/encode-json", 2), ("/transfer-data", 1), ("/nope", 1), ("/?x", 1)):
            for _ in range(times):
                response = connection.request(target)
        status = daemon.status()
        assert status["version"]
        assert status["master_pid"] == daemon.pid
        assert status["state"] == "running"
        assert status["listen"] == [f"127.0.0.1:{daemon.port}"]
        assert {name: route["requests"] for name, route in status["routes"].items()} == {
            "welcome": 4, "parse-msgpack": 0, "encode-json": 2, "transfer-data": 1, "million-loop": 0, "validate": 0, "wait": 0, "record": 0, "sibling": 0,
            "db-record": 0, "db-records": 0, "db-search": 0, "db-update": 0, "cache-records": 0, "cache-json": 0, "other": 1,
        }  # fmt: skip
        assert status["routes"]["welcome"]["body_bytes"] == 27 + len(response.body)  # the last one is an error
        assert status["routes"]["transfer-data"]["body_bytes"] == 133622
        assert status["routes"]["welcome"]["errors_4xx"] == 1
        assert status["routes"]["encode-json"]["busy_ns"] > 10_000
        assert sum(w["connections"] for w in status["workers"]) == 1
        assert sorted(w["pid"] for w in status["workers"]) == sorted(daemon.workers())
        assert all(w["started_unix_ms"] / 1000 <= time.time() for w in status["workers"])


def test_numbers_survive_the_death_of_workers(start: Start) -> None:
    daemon = start("server.processes=1")
    for life in range(3):
        with Connection((daemon.host, daemon.port)) as connection:
            connection.request("/encode-json")
        status = wait_for("counted", lambda life=life: (s := daemon.status())["routes"]["encode-json"]["requests"] == life + 1 and s)  # type: ignore[misc]
        assert status["workers"][0]["restarts"] == life
        (worker,) = daemon.workers()
        os.kill(worker, signal.SIGKILL)
        wait_for("the next worker", lambda old=worker: [w for w in daemon.status()["workers"] if w["state"] == "ready" and w["pid"] != old])  # type: ignore[misc]


def test_status_carries_times_memory_and_work(start: Start) -> None:
    daemon = start("server.processes=1")
    with Connection((daemon.host, daemon.port)) as connection:
        for _ in range(5):
            connection.request("/encode-json")
        connection.request("/million-loop?n=10000000&seed=1")  # more than a millisecond of CPU time on any machine
    status = daemon.status()
    route = status["routes"]["encode-json"]
    limits = status["duration_limits_ns"]
    assert limits == sorted(limits) and len(route["durations"]) == len(limits) + 1
    assert sum(route["durations"]) == 5 and route["duration_ns"] >= route["busy_ns"] > 0
    assert 0 < route["p50_ns"] <= route["p99_ns"] <= limits[-1]
    assert status["routes"]["welcome"]["p50_ns"] is None
    (worker,) = status["workers"]
    assert worker["memory"]["rss_bytes"] >= worker["memory"]["pss_bytes"] >= worker["memory"]["uss_bytes"] > 0
    assert status["memory"]["pss_bytes"] > 0 and status["cpu_ns"] > 0 and worker["cpu_ns"] > 1_000_000
    assert worker["working"] is None and worker["beat_age_ms"] < 30_000
    with stopped_at_work(daemon, "/million-loop?n=100000000&seed=3") as working:
        assert working["route"] == "million-loop" and working["query"] == "?n=100000000&seed=3" and working["age_ms"] >= 0
        table = ctl("-s", str(daemon.control), "workers").stdout
        assert "at work for" in table and "/million-loop?n=100000000&seed=3" in table


def test_memory_agrees_with_restmark_rss(start: Start) -> None:
    daemon = start("server.processes=2")

    def agree() -> bool:
        """What other processes share with these may change between the two looks, and the master grows by being asked (under asan, most)."""
        ours = json.loads(ctl("-s", str(daemon.control), "memory", "-j").stdout)
        rss = [str(SOURCE / "bench" / "restmark-rss"), "--pid", str(daemon.pid), "--json"]
        groups = json.loads(subprocess.run(rss, capture_output=True, text=True, check=True, timeout=300).stdout)["groups"]
        theirs = {p["pid"]: p for p in groups[0]["processes"]}
        assert [p["role"] for p in ours["processes"]] == ["master", "worker", "worker"]
        assert {p["pid"] for p in ours["processes"]} == set(theirs)
        assert ours["total"]["pss_bytes"] == sum(p["memory"]["pss_bytes"] for p in ours["processes"])
        return all(
            abs(p["memory"][f"{figure}_bytes"] - theirs[p["pid"]][f"{figure}_kib"] * 1024) <= (128 if p["role"] == "worker" else 1024) * 1024
            for p in ours["processes"]
            for figure in ("rss", "pss", "uss", "shared")
        )

    wait_for("the same memory", agree)
    assert "PSS is the figure that adds up" in ctl("-s", str(daemon.control), "memory").stdout


@pytest.mark.parametrize("command", ["status", "workers", "memory"])
def test_the_tables_fit_80_columns(shared_daemon: Daemon, command: str) -> None:
    result = ctl("-s", str(shared_daemon.control), command)
    assert result.returncode == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert json.loads(ctl("-s", str(shared_daemon.control), command, "-j").stdout)


def test_the_status_table(start: Start) -> None:
    daemon = start("server.processes=3")
    result = ctl("-s", str(daemon.control), "status")
    assert result.returncode == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert result.stdout.count(" ready ") == 3
    assert f"listening on 127.0.0.1:{daemon.port}" in result.stdout
    environment = {**os.environ, "RESTMARK_CONTROL": str(daemon.control)}

    def rows(table: str) -> list[list[str]]:
        """Without the ages: a second passes between the two."""
        return [[word for word in line.split() if not re.fullmatch(r"\d+s", word)] for line in table.splitlines()[2:]]

    assert rows(ctl("status", env=environment).stdout) == rows(result.stdout)


def test_status_answers_when_every_worker_is_stuck(start: Start) -> None:
    daemon = start("server.processes=2")
    workers = daemon.workers()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    begin = time.monotonic()
    assert sorted(w["pid"] for w in daemon.status()["workers"]) == sorted(workers)
    assert time.monotonic() - begin < 30  # a master that waits for a worker would wait for ever
    for pid in workers:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(
    "garbage", [b"\n", b"nonsense\n", b"\0\0\0\n", b"status\0json\n", b"x" * 10_000, b"x" * 300 + b"\n", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 256]
)
def test_garbage_gets_an_error_or_the_door(start: Start, garbage: bytes) -> None:
    daemon = start("server.processes=1")
    try:
        reply = daemon.tell(garbage)
    except (ConnectionResetError, BrokenPipeError):
        reply = b""
    assert reply == b"" or reply.startswith(b"error: ")
    assert daemon.status()["state"] == "running"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"nonsense\n", b'unknown command "nonsense"; there are: status, '),
        (b"statusjson\n", b"unknown command"),
        (b"status yaml\n", b"write: status [json]"),
        (b"status json json\n", b"write: status [json]"),
        (b"status \n", b"write: status [json]"),
        (b"reload now\n", b"reload takes no arguments"),
        (b"stop later\n", b"write: stop [now]"),
        (b"\xff\x1b[2J\n", b'unknown command "\\xff\\x1b[2J"'),
    ],
)
def test_a_wrong_command_is_explained(shared_daemon: Daemon, line: bytes, says: bytes) -> None:
    reply = shared_daemon.tell(line)
    assert reply.startswith(b"error: ") and reply.endswith(b"\n") and says in reply


def test_help_names_every_command(shared_daemon: Daemon) -> None:
    lines = shared_daemon.tell(b"help\n").decode().splitlines()
    assert lines[0] == "ok"
    names = [line.split(":")[0].split()[0] for line in lines[1:]]
    assert {"status", "reload", "stop", "help"} <= set(names)
    assert ", ".join(names).encode() in shared_daemon.tell(b"?\n")


@pytest.mark.parametrize(("command", "word"), [(b"stop\n", "stop"), (b"stop now\n", "stop now")])
def test_stop_answers_at_the_end(start: Start, command: bytes, word: str) -> None:
    daemon = start("server.processes=2")
    with socket.create_connection((daemon.host, daemon.port)):  # idle: a graceful stop closes it after a second
        assert daemon.tell(command) == b"ok\nstopped\n"
    assert daemon.wait_exit() == 0
    assert f'control socket: "{word}" from process {os.getpid()}, uid {os.getuid()}' in daemon.log()


def test_half_a_command_or_none_disturbs_nobody(start: Start) -> None:
    daemon = start("server.processes=1")
    clients = []
    for i in range(60):  # more than the master serves at once
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(daemon.control))
        if i % 2 and i < 32:
            client.send(b"stat")
        clients.append(client)
    begin = time.monotonic()
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200
    # The silent ones are thrown out in time, and then there is room again.
    wait_for("room", lambda: ctl("-s", str(daemon.control), "status").returncode == 0)
    assert time.monotonic() - begin < 60
    for client in clients:
        client.close()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0


def test_a_client_that_does_not_read_disturbs_nobody(start: Start) -> None:
    daemon = start("server.processes=64")
    with socket.socket(socket.AF_UNIX) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        lazy.connect(str(daemon.control))
        lazy.sendall(b"status json\n")
        assert len(daemon.status()["workers"]) == 64


def test_every_member_of_the_json_is_in_the_manual(shared_daemon: Daemon) -> None:
    manual = (SOURCE / "docs" / "man" / "restmarkctl.1.scd").read_text()

    def members(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(members, value.values()))
        return set().union(*map(members, value)) if isinstance(value, list) else set()

    for command in (("status",), ("workers",), ("memory",), ("events",), ("top", "-n", "1", "-d", "0.1")):
        found = members(json.loads(ctl("-s", str(shared_daemon.control), "-j", *command).stdout))
        assert found and not {name for name in found if f"*{name}*" not in manual}, command


def test_events_are_followed(start: Start) -> None:
    daemon = start("server.processes=1")
    words = [str(RESTMARKCTL), "-s", str(daemon.control), "events", "-f", "-d", "0.05"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as text, subprocess.Popen(
        [*words, "-j"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as lines:
        assert text.stdout and lines.stdout
        kept = ctl("-s", str(daemon.control), "events").stdout
        assert "".join(text.stdout.readline() for _ in kept.splitlines()) == kept  # as the daemon writes them
        assert ctl("-s", str(daemon.control), "reload").returncode == 0
        while " reloaded " not in text.stdout.readline():
            pass
        seen = [json.loads(lines.stdout.readline())]
        while seen[-1]["kind"] != "reloaded":
            seen.append(json.loads(lines.stdout.readline()))
        assert [event["number"] for event in seen] == list(range(1, len(seen) + 1))  # each one once
        for process in (text, lines):
            process.send_signal(signal.SIGINT)
            assert process.wait(300) == -signal.SIGINT


def test_events_of_an_upgraded_daemon_are_followed_from_the_first_on(start: Start) -> None:
    daemon = start("server.processes=1")
    words = [str(RESTMARKCTL), "-s", str(daemon.control), "events", "-f", "-j", "-d", "0.05"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as lines:
        assert lines.stdout
        guard = threading.Timer(20, lines.kill)  # what is not printed would be waited for without an end
        guard.start()
        seen = [json.loads(lines.stdout.readline())]  # it has looked once
        assert seen[0]["kind"] == "start"
        for command in ("upgrade", "reload"):
            assert ctl("-s", str(daemon.control), command).returncode == 0
        fresh = daemon.events()
        while seen[-1] != fresh[-1]:
            seen.append(json.loads(lines.stdout.readline()))
        assert seen[-len(fresh) :] == fresh
        assert [event["number"] for event in fresh] == list(range(1, len(fresh) + 1))
        lines.send_signal(signal.SIGINT)
        assert lines.wait(20) == -signal.SIGINT
        guard.cancel()


def test_clients_that_leave_early_disturb_nobody(start: Start) -> None:
    """Before the end of a line, before the reply, in the middle of it, and while a command runs that takes time."""
    daemon = start("server.processes=32")
    for sent in (b"", b"stat", b"status json\n", b"help\n", b"reload\n"):
        for _ in range(10):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(daemon.control))
                client.sendall(sent)
    with socket.socket(socket.AF_UNIX) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.connect(str(daemon.control))
        client.sendall(b"status json\n")
        assert client.recv(3) == b"ok\n"
    assert "generation" in daemon.tell(b"reload\n").decode()  # which follows all those before it
    assert daemon.status()["state"] == "running"
    assert len(os.listdir(f"/proc/{daemon.pid}/fd")) < 32 * 4 + 40  # nobody's descriptor is left
