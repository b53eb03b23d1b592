"""System calls that a filter refuses, and an empty /dev: the daemon does without, and says so."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from daemon import BUILD, RESTMARKCTL, RESTMARKD, Daemon, run, wait_for
from http_client import Connection

Start = Callable[..., Daemon]
SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF = 1, 51
REFUSE = str(BUILD / "tests" / "integration" / "refuse")
NUMBERS = pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM], ids=["ENOSYS", "EPERM"])
STEERING = f"setsockopt:{SOL_SOCKET}:{SO_ATTACH_REUSEPORT_CBPF}"


def serves(daemon: Daemon, n: int = 20) -> None:
    for _ in range(n):
        with Connection((daemon.host, daemon.port)) as connection:
            assert connection.request("/").status == 200


def live_through(daemon: Daemon) -> None:
    serves(daemon)
    for arguments in (("reload",), ("scale", "3"), ("scale", "1"), ("scale", "2"), ("upgrade",)):
        result = subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), *arguments], capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, (arguments, result.stderr, daemon.log())
        serves(daemon)


@NUMBERS
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
    daemon = start("server.processes=2", prefix=(REFUSE, f"{refused}={number}"))
    if said:
        daemon.wait_log(said)
    live_through(daemon)
    if said:
        assert daemon.log().count(said.split(":")[0].replace("\\", "")) == 2  # at the start, and by the new program
    listening = [f for worker in daemon.workers() for f in Path(f"/proc/{worker}/fd").iterdir()]
    assert len(listening) <= 2 * 14, listening  # a worker has no descriptor that is not its own


# ---- each of them ----

ALL = subprocess.run([REFUSE, "--list"], capture_output=True, text=True, check=True).stdout.split()
ENDED_BY_LIBRARIES = {"mmap": -signal.SIGSEGV, "futex": -signal.SIGABRT}  # the dynamic linker's own, and libc's word on it
# A sanitizer begins before the program does, and refuses by exit code 1 itself; at the end it looks for leaks from a thread.
SANITIZED = os.environ.get("RESTMARK_SANITIZED") == "1"
WITHOUT_LEAKS = {"ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:detect_leaks=0"} if SANITIZED else {}
OF_SANITIZERS = {"munmap"} if SANITIZED else set()  # by which it ends the program
CODES = {71, 78, 127, 1} if SANITIZED else {71, 78, 127}
NEEDED = {"accept4", "fcntl", "ftruncate", "memfd_create", "prctl", "recvfrom", "sendmsg", "sendto", "signalfd4", "socketpair", "waitid"}


def serves_once(daemon: Daemon) -> None:
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/parse-msgpack").body == b"1000"


def outcome(folder: Path, call: str, number: int) -> str:
    """How a start ends in which this system call is refused; what must not be is an error."""
    options = ("server.processes=2", "admin.listen=127.0.0.1:0")
    daemon = Daemon(folder, options, prefix=(REFUSE, f"{call}={number}"), environment=WITHOUT_LEAKS)
    try:
        if call == "write":  # which leaves no way to say anything
            wait_for("it answers", daemon.control.exists)
            daemon.signal(signal.SIGTERM)
            return "silent" if daemon.wait_exit() == 0 else "?"
        wait_for("an outcome", lambda: daemon.process.poll() is not None or re.search(r"ready: 2|will be started again", daemon.log()), 60)
        if daemon.process.poll() is not None:
            assert daemon.process.returncode in {*CODES, ENDED_BY_LIBRARIES.get(call)}, daemon.process.returncode
            assert "ERROR: AddressSanitizer: " not in daemon.log() and "runtime error" not in daemon.log()
            assert daemon.log().strip() or call in ENDED_BY_LIBRARIES, "it does not say why"
            return "refuses"
        if "ready: 2" in daemon.log():
            daemon.wait_ready()
            serves_once(daemon)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_exit() == 0
        return "serves" if "ready: 2" in daemon.log() else "tries again"
    except BaseException as error:
        error.add_note(f"{call} = {errno.errorcode[number]}:\n{daemon.log()}")
        raise
    finally:
        daemon.process.kill()
        daemon.process.wait()


@NUMBERS
def test_a_start_without_any_system_call_serves_or_says_why_not(tmp_path: Path, number: int) -> None:
    calls = [call for call in ALL if call not in OF_SANITIZERS]
    with ThreadPoolExecutor(4) as pool:
        found = dict(zip(calls, pool.map(lambda call: outcome(tmp_path / call, call, number), calls), strict=True))
    assert {call for call, how in found.items() if how == "silent"} == {"write"}
    assert {call for call, how in found.items() if how == "tries again"} <= {"clone", "getpid", "getppid"}
    assert {"close_range", "getrandom", "pwritev2", "statx", "unlinkat"} <= {call for call, how in found.items() if how == "serves"}
    assert {call for call, how in found.items() if how == "refuses"} >= NEEDED


@NUMBERS
@pytest.mark.parametrize("call", sorted(NEEDED))
def test_what_nothing_works_without_is_named_by_a_test_of_the_configuration(call: str, number: int) -> None:
    result = subprocess.run([REFUSE, f"{call}={number}", str(RESTMARKD), "-t"], capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 71
    assert f"the system call {call}(), which restmarkd cannot do without, is refused (allow it" in result.stderr
    assert run("-t").returncode == 0


def test_all_that_a_start_calls_is_in_that_table(tmp_path: Path) -> None:
    """But for the exec that begins it, and what ends a process without asking."""
    assert shutil.which("strace"), "the tests need strace"
    trace = tmp_path / "trace"
    prefix = ("strace", "-f", "-qq", "-o", str(trace))
    daemon = Daemon(tmp_path / "daemon", ("server.processes=2",), prefix=prefix, environment=WITHOUT_LEAKS)
    daemon.wait_ready()
    serves_once(daemon)
    subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "stop"], check=True, timeout=300, capture_output=True)
    assert daemon.wait_exit() == 0
    called = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)[( ]", trace.read_text(), re.MULTILINE))
    assert len(called) > 40
    assert SANITIZED or called <= {*ALL, "execve", "exit_group"}, called - {*ALL}


# ---- an empty /dev ----


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
