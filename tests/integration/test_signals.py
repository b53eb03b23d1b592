"""Signals and children that come when, and from where, nobody expects them."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import RESTMARKCTL, RESTMARKD, Daemon, wait_for
from http_client import Connection
from injected_faults import preload

from processes import children, is_alive

Start = Callable[..., Daemon]
# Parents that ignore SIGCHLD, which exec passes on (and not every sh does it when asked to).
IGNORE = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
DEAF = [("sh", "-c", "trap '' CHLD; exec \"$@\"", "sh"), (sys.executable, "-c", IGNORE)]
STOPS = [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT]
OTHERS = [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCHLD]
NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a PID namespace with a /proc of its own takes root")

INHERIT = """
import os, signal, sys
number = int(sys.argv[1])
signal.pthread_sigmask(signal.SIG_BLOCK, {number, signal.SIGTERM})
signal.signal(number, signal.SIG_IGN) if sys.argv[2] == "ignored" else os.kill(os.getpid(), number)
os.execv(sys.argv[3], sys.argv[3:])
"""


def wait_replaced(daemon: Daemon, victims: list[int]) -> None:
    def all_ready() -> bool:
        workers = daemon.status()["workers"]
        return all(w["state"] == "ready" and w["pid"] not in victims for w in workers)

    wait_for(f"workers {victims} are replaced", all_ready)


def kill_and_wait(daemon: Daemon) -> None:
    """All workers die, and others take their places."""
    victims = [w["pid"] for w in daemon.status()["workers"]]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait_replaced(daemon, victims)
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").body == b"Welcome!\n"


# ---- what is inherited ----


@pytest.mark.parametrize("deaf", DEAF)
def test_workers_are_replaced_where_the_parent_ignored_their_deaths(start: Start, deaf: tuple[str, ...]) -> None:
    daemon = start("server.processes=2", prefix=deaf)
    kill_and_wait(daemon)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0


@pytest.mark.parametrize("deaf", DEAF)
def test_they_are_after_an_upgrade_too(start: Start, deaf: tuple[str, ...]) -> None:
    daemon = start("server.processes=2", prefix=deaf)
    subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "upgrade"], check=True, timeout=300, capture_output=True)
    assert daemon.events("upgrade")[-1]["text"].startswith("restmarkd ")
    kill_and_wait(daemon)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0


@pytest.mark.parametrize("number", [*STOPS, *OTHERS])
def test_signals_that_the_parent_ignored_or_blocked_mean_what_they_should(start: Start, number: int) -> None:
    daemon = start("server.processes=1", prefix=(sys.executable, "-c", INHERIT, str(int(number)), "ignored"))
    mask = {name: int(value, 16) for name, value in (line.split(":\t") for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines() if line.startswith("Sig") and "/" not in line)}
    assert mask["SigIgn"] == sum(1 << (n - 1) for n in (signal.SIGPIPE, signal.SIGXFSZ))
    assert mask["SigBlk"] == sum(1 << (n - 1) for n in (*STOPS, *OTHERS))
    assert mask["SigCgt"] & ((1 << 31) - 1) == 0


def test_a_death_that_somebody_else_has_collected_is_one(start: Start, tmp_path: Path) -> None:
    flag = tmp_path / "collected"
    daemon = start("server.processes=2", environment=preload(RESTMARK_WAIT_FAULT=flag))
    flag.touch()
    kill_and_wait(daemon)
    assert all("is gone, and how it ended is not known" in e["text"] for e in daemon.events("death"))
    assert len(daemon.events("death")) == 2
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0


# ---- before the loop ----


def wait_for_reader(fifo: Path) -> int:
    """The writing end."""

    def connect() -> int | None:
        try:
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            return None

    return wait_for("somebody reads", connect)  # type: ignore[return-value]


class Held:
    """A start that cannot open its configuration yet."""

    def __init__(self, folder: Path, *prefix: str) -> None:
        folder.mkdir()
        self.fifo = folder / "fifo"
        os.mkfifo(self.fifo)
        environment = preload(RESTMARK_OPEN_FAULT=self.fifo)
        self.daemon = Daemon(folder / "daemon", ("server.processes=2",), config="# nothing\n", prefix=prefix, environment=environment)
        self.writer = wait_for_reader(self.fifo)
        self.pid = children(self.daemon.pid)[0] if prefix else self.daemon.pid

    def go_on(self) -> Daemon:
        self.fifo.unlink()
        os.close(self.writer)
        self.daemon.wait_ready()
        return self.daemon


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Callable[..., Held]]:
    held: list[Held] = []

    def hold_one(*prefix: str) -> Held:
        held.append(Held(tmp_path / f"held{len(held)}", *prefix))
        return held[-1]

    yield hold_one
    for one in held:
        if one.pid != one.daemon.pid and is_alive(one.pid):
            os.kill(one.pid, signal.SIGINT)
        one.daemon.finish()


def check_outcome(daemon: Daemon, number: int) -> None:
    """What the signal asks for has been done."""
    if number == signal.SIGHUP:
        daemon.wait_log(r"reloaded: generation 2 has replaced 1")
    elif number == signal.SIGUSR1:
        daemon.wait_log(r"SIGUSR1 from process \d+: opening the access log again")
    elif number == signal.SIGUSR2:
        daemon.wait_log(r"upgrade: restmarkd \S+ has taken over")
        wait_for("it is over", lambda: daemon.status()["generation"] == 2)
    elif number in (signal.SIGTTIN, signal.SIGTTOU):
        n = 3 if number == signal.SIGTTIN else 1
        wait_for(f"{n} workers", lambda: [w["state"] for w in daemon.status()["workers"]] == ["ready"] * n)
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").body == b"Welcome!\n"


@pytest.mark.parametrize("number", OTHERS)
def test_a_signal_during_the_start_waits_for_its_end(hold: Callable[..., Held], number: int) -> None:
    held = hold()
    os.kill(held.pid, number)
    check_outcome(held.go_on(), number)


@pytest.mark.parametrize("number", OTHERS)
def test_a_signal_from_before_the_start_does_too(start: Start, number: int) -> None:
    check_outcome(start("server.processes=2", prefix=(sys.executable, "-c", INHERIT, str(int(number)), "pending")), number)


@pytest.mark.parametrize("number", STOPS)
def test_a_stop_during_the_start_ends_it(hold: Callable[..., Held], number: int) -> None:
    held = hold()
    os.kill(held.pid, number)
    assert held.daemon.wait_exit() == 0
    assert f"{signal.Signals(number).name} before the start was done: stopped" in held.daemon.log()


@pytest.mark.parametrize("number", STOPS)
def test_a_stop_from_before_the_start_ends_it(tmp_path: Path, number: int) -> None:
    daemon = Daemon(tmp_path / "daemon", prefix=(sys.executable, "-c", INHERIT, str(int(number)), "pending"))
    assert daemon.wait_exit() == 0
    assert f"{signal.Signals(number).name} before the start was done: stopped" in daemon.log()


@needs_root
@pytest.mark.parametrize("number", [*STOPS, *OTHERS])
def test_no_signal_is_lost_or_ends_pid_1(hold: Callable[..., Held], number: int) -> None:
    held = hold(*NAMESPACE)
    os.kill(held.pid, number)
    if number in STOPS:
        wait_for("it is gone", lambda: not is_alive(held.pid))
        assert "before the start was done: stopped" in held.daemon.log()
        assert held.daemon.wait_exit() == 0
        return
    check_outcome(held.go_on(), number)
    os.kill(held.pid, signal.SIGTERM)
    assert held.daemon.wait_exit() == 0


def test_what_does_one_thing_and_ends_can_be_interrupted(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    config = tmp_path / "restmarkd.ini"
    config.write_text("# nothing\n")
    for number in STOPS:
        process = subprocess.Popen([str(RESTMARKD), "-t", "-c", str(config)], env={**os.environ, **preload(RESTMARK_OPEN_FAULT=fifo)})
        try:
            writer = wait_for_reader(fifo)
            process.send_signal(number)
            assert process.wait(300) == -number
            os.close(writer)
        finally:
            process.kill()
            process.wait()


# ---- children of others ----

HAS_A_DEAD_CHILD = """
import os, sys
if os.fork() == 0:
    os._exit(0)
os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
os.execv(sys.argv[1], sys.argv[1:])
"""
HAS_A_LIVING_CHILD = """
import os, sys
if os.fork() == 0:
    os.execv("/bin/sleep", ["stranger", "600"])
os.execv(sys.argv[1], sys.argv[1:])
"""


def strangers(pid: int) -> list[int]:
    """Children that are no workers, dead or alive."""
    return [p for p in children(pid) if b"restmarkd: worker" not in Path(f"/proc/{p}/cmdline").read_bytes()]


def test_a_child_that_died_before_the_start_is_reaped(start: Start) -> None:
    daemon = start("server.processes=2", prefix=(sys.executable, "-c", HAS_A_DEAD_CHILD))
    wait_for("there are workers alone", lambda: len(daemon.workers()) == 2)


def test_a_child_of_the_program_before_is_reaped(start: Start) -> None:
    daemon = start("server.processes=2", prefix=(sys.executable, "-c", HAS_A_LIVING_CHILD))
    (stranger,) = strangers(daemon.pid)
    os.kill(stranger, signal.SIGKILL)
    wait_for("it is reaped", lambda: not Path(f"/proc/{stranger}").exists())
    kill_and_wait(daemon)
    assert len(daemon.events("death")) == 2  # of workers


@needs_root
def test_orphans_are_reaped_by_pid_1(hold: Callable[..., Held]) -> None:
    held = hold(*NAMESPACE)
    daemon = held.go_on()
    # What is started in the namespace and left by its parent becomes a child of its first process.
    enter = ["nsenter", "--pid", "--mount", "--target", str(held.pid), "sh", "-c", "sleep 600 & sleep 600 &"]
    subprocess.run(enter, check=True, timeout=300)
    wait_for("they are its children", lambda: len(strangers(held.pid)) == 2)
    orphans = strangers(held.pid)
    for pid in orphans:
        os.kill(pid, signal.SIGKILL)
    wait_for("they are reaped", lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans))
    os.kill(held.pid, signal.SIGTERM)
    assert daemon.wait_exit() == 0


# ---- the terminal ----

# restmarkd becomes the leader of a session whose terminal another group has; what that group starts in restmarkd's group reads from the terminal.
IN_THE_BACKGROUND = """
import os, signal, sys
os.setsid()
tty, group = os.open(sys.argv[1], os.O_RDWR), os.getpgrp()
if os.fork() == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(tty, os.getpgrp())
    with open(sys.argv[2]) as fifo:
        assert fifo.read() == "read"
    reader = os.fork()
    if reader == 0:
        os.setpgid(0, group)
        os.read(tty, 1)
        os._exit(0)
    _, status = os.waitpid(reader, os.WUNTRACED)
    os.kill(reader, signal.SIGKILL)
    with open(sys.argv[3] + ".new", "w") as to:
        to.write(str(os.WSTOPSIG(status) if os.WIFSTOPPED(status) else -1))
    os.rename(sys.argv[3] + ".new", sys.argv[3])
    os._exit(0)
os.execv(sys.argv[4], sys.argv[4:])
"""


def test_the_terminal_driver_changes_no_worker_count(start: Start, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    fifo, result = tmp_path / "go", tmp_path / "result"
    os.mkfifo(fifo)
    prefix = (sys.executable, "-c", IN_THE_BACKGROUND, os.ttyname(slave), str(fifo), str(result))
    daemon = start("server.processes=2", "log.level=debug", prefix=prefix)
    try:
        fifo.write_text("read")
        wait_for("somebody has read", result.exists)
        assert result.read_text() == str(int(signal.SIGTTIN))
        daemon.wait_log("SIGTTIN from the terminal driver: ignored")
        os.kill(daemon.pid, signal.SIGTTOU)  # whose effect comes after that of the other, if that had any
        wait_for("one worker less", lambda: [w["state"] for w in daemon.status()["workers"]] == ["ready"])
        assert [e["text"].split(";")[0] for e in daemon.events("scale")] == ["1 worker, after 2"]
    finally:
        daemon.finish()
        os.close(master)
        os.close(slave)
