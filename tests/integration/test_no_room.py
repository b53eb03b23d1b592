"""No room for the log: service goes on, each line that is there is whole, and what is lost is said and counted."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import RESTMARKCTL, RESTMARKD, Daemon, wait_for
from http_client import Connection

Start = Callable[..., Daemon]
LINE = re.compile(r'127\.0\.0\.1 - - \[[^]]+\] "GET (\S+)" (\d+) \d+ \d+us w\d')
LIMIT = 8 << 20  # of file sizes: more than the memory that the processes share takes
LOST = r"warning: worker \d: (\d+) lines? of the access log (?:is|are) lost: "


def limit_file_size(pid: int, size: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def targets(path: Path, begin: int = 0) -> list[str]:
    """Of all lines behind `begin`, each of which is whole."""
    text = path.read_bytes()[begin:].decode()
    found = [LINE.fullmatch(line) for line in text.splitlines()]
    assert all(found) and text[-1:] in ("", "\n"), text
    return [match[1] for match in found if match]


def ask(daemon: Daemon, target: str, n: int) -> None:
    for _ in range(n):  # each time another worker, maybe
        with Connection((daemon.host, daemon.port)) as connection:
            assert connection.request(target).status in (200, 400)


def test_a_limit_of_file_sizes_kills_nobody(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    begin = LIMIT - 1000  # room for some lines, and for a part of one
    log.touch()
    os.truncate(log, begin)
    daemon = start("server.processes=2", f"log.access-log={log}", prefix=("prlimit", f"--fsize={LIMIT}:"))
    workers = daemon.workers()
    ask(daemon, "/?before", 40)
    daemon.wait_log(LOST + r"File too large: .*LimitFSIZE=")
    wait_for("what is lost is counted", lambda: daemon.status()["lost_log_lines"] > 0)
    n_before = len(targets(log, begin))
    assert 0 < n_before < 40
    for pid in (daemon.pid, *workers):
        limit_file_size(pid, resource.RLIM_INFINITY)
    ask(daemon, "/?after", 10)
    wait_for("lines come again", lambda: targets(log, begin).count("/?after") == 10)
    assert (len(targets(log, begin)), daemon.status()["lost_log_lines"]) == (n_before + 10, 40 - n_before)
    assert daemon.workers() == workers
    table = subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "status"], capture_output=True, text=True, timeout=300, check=True)
    assert f"lines of the access log that could not be written: {40 - n_before}\n" in table.stdout


@pytest.mark.parametrize("more", [(), ("-t",)], ids=["start", "test"])
def test_a_limit_of_file_sizes_below_the_shared_memory_is_named(more: tuple[str, ...]) -> None:
    command = ["prlimit", "--fsize=65536", str(RESTMARKD), *more, "-o", "server.listen=127.0.0.1:0", "-o", "admin.control=none"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 71
    assert re.search(r"error: \d+ bytes of shared memory are needed, and count as a file's, but the limit of file sizes is 65536 bytes: raise it", done.stderr)


def test_a_soft_limit_of_file_sizes_is_raised(start: Start) -> None:
    """As that of open files is."""
    daemon = start("server.processes=2", prefix=("prlimit", "--fsize=65536:"))
    ask(daemon, "/", 10)
    assert subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "upgrade"], capture_output=True, timeout=300, check=False).returncode == 0
    ask(daemon, "/", 10)


def test_what_is_lost_last_is_said_at_the_end(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.touch()
    os.truncate(log, LIMIT)
    daemon = start("server.processes=2", f"log.access-log={log}", prefix=("prlimit", f"--fsize={LIMIT}:"))
    ask(daemon, "/", 30)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0
    assert sum(int(n) for n in re.findall(LOST, daemon.log())) == 30, daemon.log()
    assert "crash" not in daemon.log()
    assert log.stat().st_size == LIMIT


def test_a_full_disk(start: Start, tmp_path: Path) -> None:
    """A file system of its own, which is filled, and cleared again."""
    room = tmp_path / "room"
    room.mkdir()
    small = ("unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size=64k,mode=1777 tmpfs "{room}" && exec "$@"', "sh")
    daemon = start("server.processes=2", f"log.access-log={room}/access.log", prefix=small)
    inside = Path(f"/proc/{daemon.pid}/root{room}")
    ballast = inside / "ballast"
    with ballast.open("wb", buffering=0) as file:
        file.write(b"x" * (60 << 10))
    ask(daemon, "/?" + "x" * 500, 60)
    daemon.wait_log(LOST + "No space left on device")
    wait_for("all is counted", lambda: len(targets(inside / "access.log")) + daemon.status()["lost_log_lines"] == 60)
    ballast.unlink()
    ask(daemon, "/?after", 10)
    wait_for("lines come again", lambda: targets(inside / "access.log").count("/?after") == 10)
    assert len(targets(inside / "access.log")) + daemon.status()["lost_log_lines"] == 70


def test_a_log_of_messages_that_is_full(start: Start) -> None:
    """Standard error is a file at its limit: messages are lost, and nothing else."""
    daemon = start("server.processes=1")
    limit_file_size(daemon.pid, daemon.log_path.stat().st_size + 10)
    size = daemon.log_path.stat().st_size
    for _ in range(3):
        daemon.signal(signal.SIGUSR1)
        assert daemon.ask("status json")
    assert daemon.log_path.stat().st_size <= size + 10
    limit_file_size(daemon.pid, resource.RLIM_INFINITY)
    daemon.signal(signal.SIGUSR1)
    daemon.wait_log(r"\n[^\n]* warning: [3-9]\d* messages before this one could not be written\n")
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200
