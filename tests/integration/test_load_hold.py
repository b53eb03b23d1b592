"""restmark-load --hold: all is prepared, and the load begins when the one who called says so."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
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


def test_it_begins_at_the_instant_that_it_is_told() -> None:
    """By the wall clock: several machines that are told the same begin together."""
    with Planted(welcome) as server, held(server, "-c", 2, "-n", 20) as process:
        before = len(server.requests)
        instant_ns = time.time_ns() + 1_000_000_000
        out, _ = process.communicate(f"at {instant_ns}\n", timeout=300)
        first_ns = server.answered_ns[before] + time.time_ns() - time.monotonic_ns()
    result = json.loads(out)
    assert result["requests"]["answered"] == 20
    assert result["start_realtime_ns"] == instant_ns
    assert first_ns >= instant_ns - 1_000_000


def test_an_instant_that_has_passed_means_at_once_and_shows() -> None:
    with Planted(welcome) as server, held(server, "-c", 1, "-n", 5) as process:
        told_ns = time.time_ns() - 5_000_000_000
        result = json.loads(process.communicate(f"at {told_ns}\n", timeout=300)[0])
    assert result["requests"]["answered"] == 5
    assert result["start_realtime_ns"] > told_ns + 5_000_000_000


@pytest.mark.parametrize("word", ["at ", "at x", "at -5", "at 5 6", "at 99999999999999999999999"])
def test_a_word_that_names_no_instant_is_refused(word: str) -> None:
    with Planted(welcome) as server, held(server, "-c", 1, "-n", 5) as process:
        assert process.communicate(f"{word}\n", timeout=300)[0] == ""
        sent = len(server.requests)
    assert (process.returncode, sent) == (64, PROBES)


@pytest.mark.parametrize("options", [["--rate", "400"], ["--rate", "400", "--poisson"], []])
def test_parts_make_up_the_whole(options: list[str]) -> None:
    """Two processes with a part each send the requests that one would send: the same targets with the same numbers, each once."""
    target, common = "/x?n={n:1-1000000}", ["--no-check", "-n", 62, *options]
    with Planted(welcome) as server:
        assert run(*common, "-c", 1, f"{server.url}{target}").returncode == 0
        whole = Counter(server.requests)
    with Planted(welcome) as server:
        for part in (1, 2, 3):
            result = json.loads(run("--json", *common, "-c", 1, "--part", f"{part}/3", f"{server.url}{target}").stdout)
            assert (result["plan"]["part"], result["plan"]["parts"], result["requests"]["answered"]) == (part, 3, 20 + (part < 3))
        assert Counter(server.requests) == whole


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
