"""bench/reload-proof works on restmarkd, detects a server that loses requests, and says what it could not run."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from restmark_proof import report
from restmark_proof.clients import Outcome, Tally
from restmark_proof.process import Process, children, free_port
from restmark_proof.run import Result

HERE = Path(__file__).resolve().parent
PROGRAM = HERE.parents[1] / "bench" / "reload-proof"
BUILD = Path(os.environ["RESTMARK_BUILD"]).absolute()
QUICK = ("--calm", "0.2", "--connections", "8")


def prove(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", str(PROGRAM), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **environment})


@pytest.fixture
def lossy(tmp_path: Path) -> Iterator[tuple[Process, int]]:
    port = free_port()
    server = Process([sys.executable, "-B", str(HERE / "lossy_server.py"), str(port)], tmp_path)
    try:
        server.wait_answering(port)
        yield server, port
    finally:
        server.stop(signal.SIGTERM)


def test_restmarkd_loses_nothing() -> None:
    result = prove("--server", "restmarkd", "--reloads", "5", *QUICK)
    assert result.returncode == 0, (result.stdout, result.stderr)
    head, row = (line.split() for line in result.stdout.splitlines()[:2])
    assert head[:2] == ["Server", "Reloads"]
    assert row[:2] == ["restmarkd", "5"]
    assert int(row[3].replace(",", "")) > 100
    assert row[4:12] == ["0"] * 8  # failed, of each kind, idle-close
    assert "restmarkctl reload" in result.stdout
    assert "5 of 5 reloads" in result.stderr


def test_json_says_the_same_in_detail() -> None:
    result = prove("--server", "restmarkd", "--reloads", "3", "--json", "--strict", *QUICK)
    assert result.returncode == 0, result.stderr
    (server,) = json.loads(result.stdout)
    assert (server["server"], server["reloads"], len(server["reload_seconds"])) == ("restmarkd", 3, 3)
    assert server["reloading"]["failed"] == server["calm"]["failed"] == 0
    assert set(server["by_client"]) == {"new", "kept", "resting", "slow"}
    assert sum(client["answered"] for client in server["by_client"].values()) == server["reloading"]["answered"]
    assert server["fault"] is server["skipped"] is None


def test_a_lossy_server_is_found_out(lossy: tuple[Process, int]) -> None:
    server, port = lossy
    result = prove("--url", f"http://127.0.0.1:{port}/", "--pid", str(server.pid), "--reloads", "5", "--json", *QUICK)
    assert result.returncode == 1, result.stderr
    (found,) = json.loads(result.stdout)
    kinds = found["reloading"]["by_kind"]
    assert found["reloads"] == 5
    assert found["reloading"]["failed"] >= 5  # every reload has killed a worker with requests in hand
    assert kinds["truncated"] + kinds["reset"] + kinds["EOF"] == found["reloading"]["failed"]
    assert found["reloading"]["failed"] == sum(kinds.values())
    assert found["calm"]["failed"] == 0
    assert re.search(r"(new|kept|resting|slow): (reset|EOF|truncated): .* \(request \d+ from port \d+, after \d+ ms\)", result.stderr)


def test_ones_own_server_may_be_reloaded_by_a_command(lossy: tuple[Process, int]) -> None:
    server, port = lossy
    url = f"http://127.0.0.1:{port}/"
    harmless = prove("--url", url, "--command", "true", "--settle", "0.05", "--reloads", "3", *QUICK)
    assert harmless.returncode == 0, harmless.stderr
    assert "own server: true" in harmless.stdout
    failing = prove("--url", url, "--command", "echo no >&2; exit 3", "--reloads", "3", *QUICK)
    assert failing.returncode == 1
    assert "exit code 3: no" in failing.stdout
    assert server.alive()  # it was not started by the program, and is not ended by it


def test_a_signal_ends_what_was_started(tmp_path: Path) -> None:
    command = [sys.executable, "-B", str(PROGRAM), "--server", "restmarkd", "--reloads", "10000", *QUICK]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as program:
        assert program.stderr
        assert "without a reload" in program.stderr.readline()
        started = children(program.pid)
        assert started
        program.terminate()
        assert "interrupted" in program.stderr.read()
        assert program.wait(300) == 130
    for pid in started:
        assert not Path(f"/proc/{pid}").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_installed_is_named_with_the_remedy(tmp_path: Path) -> None:
    """As on a machine that has nothing but what the program itself needs."""
    setpriv = shutil.which("setpriv")
    assert setpriv
    (tmp_path / "setpriv").symlink_to(setpriv)
    result = prove("--server", "gunicorn", "--server", "restmarkd", "--reloads", "1", *QUICK, PATH=str(tmp_path))
    assert result.returncode == 0
    assert "skipped gunicorn: gunicorn is not installed; remedy: apt install gunicorn" in result.stdout
    assert prove("--server", "gunicorn", PATH=str(tmp_path)).returncode == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--server", "apache"), "invalid choice: 'apache'"),
        (("--reloads", "0"), "must be from 1 to 10000"),
        (("--pid", "77"), "--pid and --command are for --url"),
        (("--url", "http://127.0.0.1:1/"), "--url needs --pid or --command"),
        (("--url", "http://127.0.0.1:1/", "--pid", "77", "--server", "nginx"), "do not go together"),
        (("--url", "https://127.0.0.1:1/", "--command", "true"), "only http://"),
        (("--url", "http://192.0.2.1/", "--command", "true"), "192.0.2.1 is not this machine"),
        (("--url", "http://127.0.0.1:1/", "--pid", "2", "--signal", "NOPE"), "there is no NOPE"),
        (("--url", "http://127.0.0.1:1/", "--pid", "4000000"), "has no child processes"),
    ],
)
def test_usage_errors_say_what_is_wrong(arguments: tuple[str, ...], message: str) -> None:
    result = prove(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_the_table_has_every_kind() -> None:
    tally = Tally(answered=1000, idle_races=7, slowest_ms=12.3)
    tally.failed.update({Outcome.RESET: 1, Outcome.EOF: 2, Outcome.TRUNCATED: 3, Outcome.REFUSED: 4, Outcome.TIMEOUT: 5, Outcome.BODY: 6})
    ran = Result("some", "some 1.0", "HUP", 9, [0.5, 0.7, 0.6], reloading=tally, by_profile={"kept": tally})
    text = report.as_text([ran, Result("other", skipped="other is not installed; remedy: apt install other")])
    row = text.splitlines()[1].split()
    assert row == ["some", "9", "0.60", "1,021", "21", "4", "1", "2", "3", "5", "6", "7", "12"]
    assert "by kind of client: kept 21 of 1,021 failed, 7 idle-close" in text
    assert "skipped other: other is not installed; remedy: apt install other" in text
