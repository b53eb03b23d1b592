"""restmark-load as a program: what it does to the machine, what it prints, how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import SOURCE, Daemon, wait_for
from load_support import LOAD, PROBES, Client, Planted, answer, load, run, started, welcome

from processes import is_alive


def test_system_calls_are_counted_rightly(tmp_path: Path) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    with Planted(welcome) as server:
        done = subprocess.run(
            ["strace", "-f", "-o", trace, "-e", "trace=sendto,recvfrom,epoll_wait", LOAD, "--json", "--no-check", "-c", "4", "-n", "500", server.url],
            capture_output=True, text=True, timeout=300, check=True,
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},  # which does not work below strace
        )  # fmt: skip
    calls = json.loads(done.stdout)["client"]["system_calls"]
    seen = Counter(re.findall(r"(?m)^\d+ +(sendto|recvfrom|epoll_wait)\(", trace.read_text()))
    assert calls["send"] == seen["sendto"] == 500
    assert calls["recv"] == seen["recvfrom"]
    assert calls["recv"] <= 510  # one for each answer
    assert calls["epoll_wait"] <= seen["epoll_wait"] <= calls["epoll_wait"] + 10  # connecting is not counted


def test_threads_run_where_they_are_told() -> None:
    cpus = sorted(os.sched_getaffinity(0))[:2]
    with Planted(welcome) as server, started("--cpus", ",".join(map(str, cpus)), "-c", 5, "-d", "60s", server.url) as process:
        tasks = Path(f"/proc/{process.pid}/task")
        wait_for("the threads run", lambda: len(list(tasks.iterdir())) == len(cpus) + 1)
        workers = [int(task.name) for task in tasks.iterdir() if int(task.name) != process.pid]
        wait_for("each is pinned to its own", lambda: sorted(map(os.sched_getaffinity, workers), key=min) == [{cpu} for cpu in cpus])


def test_a_signal_ends_the_sending_and_not_the_report() -> None:
    with Planted(welcome) as server, started("--json", "-c", 2, "-d", "60s", server.url) as process:
        wait_for("it sends", lambda: len(server.requests) > 20)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=300)
        result = json.loads(out)
    assert process.returncode == 0
    assert result["interrupted"] and result["requests"]["sent"] == result["requests"]["answered"] > 10
    assert result["sending_ns"] < 60e9


def test_it_dies_with_its_parent() -> None:
    with Planted(welcome) as server:
        parent = subprocess.Popen(
            [sys.executable, "-c", "import subprocess, sys; print(subprocess.Popen(sys.argv[1:]).pid, flush=True); sys.stdin.read()",
             LOAD, "--die-with-parent", "-c", "1", "-d", "60s", server.url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert parent.stdout
        child = int(parent.stdout.readline())
        wait_for("it sends", lambda: len(server.requests) > 20)
        assert is_alive(child)
        parent.kill()
        parent.wait()
        wait_for("it has ended", lambda: not is_alive(child))
        parent.communicate()


def test_a_terminal_sees_progress_and_a_file_does_not() -> None:
    with Planted(welcome) as server:
        quiet = run("-c", 1, "-d", "700ms", server.url)
        assert quiet.returncode == 0 and quiet.stderr == ""
        master, slave = pty.openpty()
        process = subprocess.Popen([LOAD, "-c", "1", "-d", "1200ms", server.url], stdout=subprocess.PIPE, stderr=slave, text=True)
        os.close(slave)
        out, _ = process.communicate(timeout=300)
        seen = b""
        while select.select([master], [], [], 0)[0]:
            try:
                seen += os.read(master, 65536)
            except OSError:  # the other side is closed
                break
        os.close(master)
    assert re.search(rb"\r\x1b\[K[01]/1\.2 s  \d+/s  p50 \S+ us?.*failed 0", seen), seen
    assert seen.endswith(b"\r\x1b[K")
    assert re.search(r"(?m)^requests +[\d.]+/s answered; \d+ in 1\.200 s", out)
    assert re.search(r"(?m)^latency +min .* p99\.99 .* max .* mean ", out)
    assert re.search(r"(?m)^errors +none$", out)
    assert re.search(r"(?m)^client +.* us of CPU and .* system calls per request, \d+ % busy", out)


def test_restmarkd_is_loaded_without_an_error(start: Callable[..., Daemon]) -> None:
    daemon = start("server.processes=2")
    url = f"http://{daemon.host}:{daemon.port}"
    result = load("-c", 16, "-n", 800, url, "/=4", "/parse-msgpack=1", "/encode-json=1", "/transfer-data=1", "/parse-msgpack?count={count:0-1000}=1")
    assert result["requests"]["answered"] == 800
    assert all(target["answered"] > 0 for target in result["targets"])
    served = sum(route["requests"] for route in daemon.status()["routes"].values())
    assert served == 800 + 4 * PROBES + 1


# --- what it says -----------------------------------------------------------------------------------


def unstable(server: Planted, client: Client, target: str) -> bytes:
    return answer(str(client.number).encode())


@pytest.mark.parametrize(
    ("respond", "options", "says"),
    [
        (lambda server, client, target: answer(status="404 Not Found"), [], "/: answered with status 404; --status 404 if that is what to measure"),
        (unstable, [], "/: answers the same request differently, from byte 0 on (1 bytes, and 1 now); --no-check loads it all the same"),
        (lambda server, client, target: b"220 ready\r\n", [], "/: an answer that is not HTTP/1.1: malformed-status-line"),
        (lambda server, client, target: None, [], "/: the connection ended before the answer did"),
        (lambda server, client, target: answer() + b"x", [], "/: 1 bytes behind the end of its answer"),
        (lambda server, client, target: b"", ["--timeout", "100ms"], "/: no answer: Connection timed out"),
    ],
)
def test_a_server_that_is_not_right_is_not_loaded(respond: Callable[[Planted, Client, str], bytes | None], options: list[str], says: str) -> None:
    with Planted(respond) as server:
        done = run("-c", 1, "-n", 5, *options, server.url)
        assert len(server.requests) <= PROBES
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr == f"restmark-load: {says}\n"


def test_what_is_expected_may_be_said(tmp_path: Path) -> None:
    expected = tmp_path / "expected"
    with Planted(welcome) as server:
        expected.write_bytes(b"Welcome!\n")
        assert load("-c", 1, "-n", 5, "--expect", expected, server.url)["requests"]["compared"] == 5
        expected.write_bytes(b"Welcome?\n")
        done = run("-c", 1, "-n", 5, "--expect", expected, server.url)
        assert done.returncode == 69
        assert "does not answer what --expect says, from byte 7 on" in done.stderr
        asked = len(server.requests)
        unasked = load("-c", 1, "-n", 5, "--expect", expected, "--no-probe", server.url, code=1)
        assert (unasked["failures"], len(server.requests) - asked) == ({"body": 5}, 5)
        done = run("--no-probe", server.url)
        assert done.returncode == 64 and "--no-probe goes with --expect" in done.stderr
    with Planted(unstable) as server:
        assert load("-c", 1, "-n", 5, "--no-check", server.url)["requests"]["compared"] == 0
    with Planted(lambda server, client, target: answer(status="404 Not Found")) as server:
        assert load("-c", 1, "-n", 5, "--status", 404, server.url)["requests"]["answered"] == 5


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        for options in ([], ["--no-check"]):
            done = run(*options, url)
            assert done.returncode == 69
            assert re.search(r"cannot connect to 127\.0\.0\.1:\d+.*: Connection refused", done.stderr)


def test_more_connections_than_open_files() -> None:
    with Planted(welcome) as server:
        done = subprocess.run(
            ["sh", "-c", 'ulimit -n 100; exec "$@"', "sh", LOAD, "-c", "500", "-n", "500", server.url], capture_output=True, text=True, timeout=300, check=False
        )
    assert (done.returncode, done.stdout) == (71, "")
    assert "500 connections are more than the hard limit of open files allows (ulimit -Hn): fewer --connections" in done.stderr


def test_usage_help_and_version(tmp_path: Path) -> None:
    for arguments in ([], ["--nope"], ["http://h/", "--rate"], ["x"], ["https://h/"], *([option, tmp_path / "none", "http://127.0.0.1/"] for option in ("--mix", "--body", "--expect"))):
        done = run(*arguments)
        assert done.returncode == 64 and done.stderr.startswith("restmark-load: ") and not done.stdout
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert re.fullmatch(r"restmark-load \d+\.\d+\.\d+\n", run("-V").stdout)


def test_the_manual_has_every_option() -> None:
    described = set(re.findall(r"(?m)^ +(?:-[a-zA-Z], )?(--[a-z][a-z-]*)", run("--help").stdout))
    manual = (SOURCE / "docs" / "man" / "restmark-load.1.scd").read_text()
    assert {"--rate", "--help"} <= described
    assert described == set(re.findall(r"(?m)^(?:\*-[a-zA-Z]\*.*, )?\*(--[a-z][a-z-]*)\*", manual))


def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    with Planted(welcome) as server, open("/dev/full", "w") as full:
        done = subprocess.run([LOAD, "-c", "1", "-n", "5", server.url], stdout=full, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    assert done.returncode == 74
    assert "cannot write" in done.stderr
    (tmp_path / "file").touch()
    with Planted(welcome) as server:
        done = run("-c", 1, "-n", 5, "--hdr-log", tmp_path / "file" / "log", server.url)
        assert len(server.requests) == PROBES  # it is told before the load, and not when all is lost
    assert done.returncode == 74 and f"{tmp_path}/file/log" in done.stderr


def test_time_outs_of_connecting_are_no_hang() -> None:
    """A listener whose queue is full: the kernel drops what comes."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        began = time.monotonic()
        done = run("--no-check", "-c", 2, "--timeout", "300ms", f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert time.monotonic() - began < 20
    assert done.returncode == 69
    assert "Connection timed out" in done.stderr
