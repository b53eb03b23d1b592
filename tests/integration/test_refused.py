"""System calls that a filter refuses, and an empty /dev: the daemon does without, and says so."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import RESTMARKCTL, Daemon, wait_for
from http_client import Connection

Start = Callable[..., Daemon]
SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF = 1, 51
STEERING = f"setsockopt:{SOL_SOCKET}:{SO_ATTACH_REUSEPORT_CBPF}"


def serves(daemon: Daemon, n: int = 20) -> None:
    for _ in range(n):
        with Connection((daemon.host, daemon.port)) as connection:
            assert connection.request("/").status == 200


def live_through(daemon: Daemon) -> None:
    serves(daemon)
    for arguments in (("reload",), ("scale", "3"), ("scale", "1"), ("scale", "2"), ("upgrade",)):
        result = subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), *arguments], capture_output=True, text=True, timeout=30)
        assert result.returncode == 0, (arguments, result.stderr, daemon.log())
        serves(daemon)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM], ids=["ENOSYS", "EPERM"])
@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ("close_range", r"close_range\(\) is refused: .*: workers close what is not theirs one by one"),
        (STEERING, r"cannot choose the slots that get new connections: .*: its hash chooses"),
        ("pidfd_open", None),
        ("execveat", None),
        ("getrandom", None),
        ("pwritev2", None),
    ],
)
def test_a_refused_system_call(start: Start, refused: str, said: str | None, number: int) -> None:
    filtered = (sys.executable, str(Path(__file__).with_name("refuse.py")), f"{refused}={number}")
    daemon = start("server.processes=2", prefix=filtered)
    if said:
        daemon.wait_log(said)
    live_through(daemon)
    if said:
        assert daemon.log().count(said.split(":")[0].replace("\\", "")) == 2  # at the start, and by the new program
    listening = [f for worker in daemon.workers() for f in Path(f"/proc/{worker}/fd").iterdir()]
    assert len(listening) <= 2 * 14, listening  # a worker has no descriptor that is not its own


def test_an_empty_dev(start: Start) -> None:
    empty = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o ro tmpfs /dev && exec "$@"', "sh")
    daemon = start("server.processes=2", prefix=empty)
    live_through(daemon)


def test_an_empty_dev_and_no_standard_descriptors(start: Start, tmp_path: Path) -> None:
    """Nothing that is opened later may be taken for them."""
    empty = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o ro tmpfs /dev && exec "$@" <&- >&-', "sh")
    daemon = start("server.processes=1", prefix=empty)
    for pid in (daemon.pid, *daemon.workers()):
        assert [Path(f"/proc/{pid}/fd/{fd}").readlink() for fd in (0, 1)] == [Path("/")] * 2
    serves(daemon)
    wait_for("it answers", lambda: daemon.status()["state"] == "running")
