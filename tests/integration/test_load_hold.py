"""restmark-load --hold: all is prepared, and the load begins when the one who called says so."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from daemon import wait_for
from load_support import LOAD, PROBES, Client, Planted, answer, run, started, welcome


@contextmanager
def held(server: Planted, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A run that has said that it is ready."""
    with started("--json", "--hold", *arguments, server.url, stdin=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process


@pytest.mark.parametrize("options", [[], ["--rate", "500"]])
def test_nothing_is_sent_before_the_word(options: list[str]) -> None:
    with Planted(welcome) as server, held(server, "-c", 4, "-n", 50, *options) as process:
        wait_for("the connections are seen", lambda: len(server.clients) >= 4)
        before = len(server.requests)
        out, err = process.communicate("go\n", timeout=300)
        result = json.loads(out)
        after = len(server.requests)
    assert (process.returncode, err, before) == (0, "", PROBES)
    assert result["requests"]["answered"] == 50 == after - before
    assert result["connections"]["opened"] == 4


@pytest.mark.parametrize("options", [[], ["--rate", "200"]])
def test_connections_that_were_closed_meanwhile_are_opened_again(options: list[str]) -> None:
    """As by a server that closes idle ones early: no request is lost on them."""
    closing = False

    def respond(server: Planted, client: Client, target: str) -> bytes | None:
        if closing and target == "/close":
            for other in server.clients:
                if other is not client and other.socket.fileno() >= 0:
                    server._close(other)
        return answer()

    with Planted(respond) as server, held(server, "-c", 5, "-n", 60, *options) as process:
        wait_for("the connections are seen", lambda: len(server.clients) >= 5)
        closing = True
        told = run("--no-check", "-c", 1, "-n", 1, f"{server.url}/close")
        assert told.returncode == 0, told.stderr
        out, err = process.communicate("\n", timeout=300)
    result = json.loads(out)
    assert (process.returncode, err) == (0, "")
    assert (result["requests"]["answered"], result["requests"]["failed"]) == (60, 0)
    assert result["connections"] == {"opened": 10, "closed_by_server": 5}


def test_the_end_of_its_input_ends_it() -> None:
    with Planted(welcome) as server, held(server, "-c", 2, "-n", 50) as process:
        out, err = process.communicate(timeout=300)  # closes the pipe without a line
        sent = len(server.requests)
    assert (process.returncode, out, sent) == (130, "", PROBES)
    assert err == "restmark-load: --hold: standard input has ended without a line: nothing was sent\n"


def test_a_signal_ends_the_wait() -> None:
    with Planted(welcome) as server, held(server, "-c", 2, "-n", 50) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 130
        assert process.stderr and "interrupted before the start" in process.stderr.read()
        assert len(server.requests) == PROBES


def test_a_line_may_come_in_pieces() -> None:
    with Planted(welcome) as server, held(server, "-c", 1, "-n", 5) as process:
        assert process.stdin
        process.stdin.write("g")
        process.stdin.flush()
        out, _ = process.communicate("o\n", timeout=300)
    assert json.loads(out)["requests"]["answered"] == 5


def test_it_is_of_one_run_and_needs_an_output() -> None:
    with Planted(welcome) as server:
        done = run("--hold", "--rate", 10, "--slo", "p99=10ms", server.url)
        assert (done.returncode, done.stdout) == (64, "")
        assert "--hold is of one run" in done.stderr
        with open("/dev/full", "w") as full:
            done = subprocess.run([LOAD, "--hold", server.url], stdout=full, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    assert done.returncode == 74 and "cannot write" in done.stderr


def test_it_says_how_far_it_is() -> None:
    """One line for each interval, counted from the start, before the results."""
    with Planted(welcome) as server:
        done = run("--json", "--every", "100ms", "-c", 2, "-d", "1s", server.url)
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    figures = [tuple(map(int, line.removeprefix("so-far ").split())) for line in lines]
    assert len(figures) >= 2
    assert all(line.startswith("so-far ") for line in lines)
    assert [elapsed for elapsed, _, _ in figures] == sorted({elapsed for elapsed, _, _ in figures})
    assert figures[0][0] >= 90_000
    answered = [count for _, count, _ in figures]
    assert answered == sorted(answered) and answered[-1] > 0
    assert answered[-1] <= json.loads(last)["requests"]["answered"]
    assert run("--every", "0us", "http://127.0.0.1:1/").returncode == 64
    assert run("--every", "1s", "--rate", 10, "--slo", "p99=1ms", "http://127.0.0.1:1/").returncode == 64
