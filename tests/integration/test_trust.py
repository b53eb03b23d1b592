"""A worker whose memory, or whose end of the link, says anything at all: the master, the status and the other workers go on."""

from __future__ import annotations

import array
import ctypes
import os
import random
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from admin_client import samples
from daemon import Daemon, wait_for
from http_client import Closed, Connection, Load

from processes import children, open_files

Start = Callable[..., Daemon]
AS_ROOT = os.geteuid() == 0
# A master that is more than its workers, if that can be had.
USERS = ("server.user=nobody",) if AS_ROOT else ()
SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = 434, 438


def shared_mappings(pid: int) -> list[tuple[int, int, str]]:
    """What of its memory the process shares and may write, or could make writable, but for code."""
    found = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        area, permissions, _, _, _, *name = line.split(maxsplit=5)
        begin, end = (int(part, 16) for part in area.split("-"))
        if permissions.endswith("s"):
            found.append((begin, end, " ".join(name)))
    return found


def memory_files(pid: int) -> list[str]:
    """Descriptors of memory files that a process has."""
    return [link for link in open_files(pid).values() if "memfd:" in link]


def worker_pid(daemon: Daemon, slot: int) -> int:
    return int(daemon.status()["workers"][slot]["pid"])


def test_a_worker_has_its_own_cell_and_nothing_else_that_is_shared(start: Start) -> None:
    daemon = start("server.processes=3", *USERS)
    daemon.signal(signal.SIGTTIN)  # one that is forked later, when others have cells
    wait_for("a fourth worker", lambda: [w["state"] for w in daemon.status()["workers"]] == ["ready"] * 4)
    inodes = set()
    for pid in daemon.workers():
        (only,) = shared_mappings(pid)
        begin, end, name = only
        assert end - begin == 2 * os.sysconf("SC_PAGE_SIZE")  # one cell
        assert "memfd:restmark-cell" in name
        assert memory_files(pid) == ["/memfd:restmark-json (deleted)"]  # which test_zero_copy.py finds sealed
        inodes.add(Path(f"/proc/{pid}/map_files/{begin:x}-{end:x}").stat().st_ino if AS_ROOT else pid)
    assert len(inodes) == 4  # no two of them are pages of one file
    # The master itself can read cells only.
    cells = re.findall(r"^\S+ (\S+) .*memfd:restmark-cell", Path(f"/proc/{daemon.pid}/maps").read_text(), re.M)
    assert cells == ["r--s"] * 4


def scribble(pid: int, rng: random.Random, one_number: bool) -> None:
    """Random bytes into all that the worker shares: all of it, or one number."""
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        for begin, end, _ in shared_mappings(pid):
            at, n = (begin + 8 * rng.randrange(240), 8) if one_number else (begin, end - begin)
            memory.seek(at)
            memory.write(rng.randbytes(n))


def use_everything(daemon: Daemon) -> None:
    """What reads cells: all that is shown, and all that decides by them."""
    for command in ("status", "status json", "workers", "workers json", "memory", "memory json", "events json"):
        assert daemon.ask(command)
    status = daemon.status()
    assert all(w["connections"] <= 1 << 20 for w in status["workers"])
    assert status["master_pid"] == daemon.pid
    assert daemon.process.poll() is None, daemon.log()


@pytest.mark.parametrize("seed", range(4))
def test_scribbled_memory_harms_nobody_else(start: Start, seed: int) -> None:
    daemon = start("server.processes=2", "admin.listen=127.0.0.1:0", *USERS)
    rng = random.Random(seed)
    victim, other = worker_pid(daemon, 0), worker_pid(daemon, 1)
    # Somebody whose connection the other worker has.
    kept = [Connection((daemon.host, daemon.port)) for _ in range(8)]
    for connection in kept:
        assert connection.request("/").status == 200
    others = daemon.status()["workers"][1]["connections"]
    for _ in range(20):
        try:
            scribble(victim, rng, one_number=seed % 2 == 1)
        except (FileNotFoundError, ProcessLookupError, OSError, ValueError):
            break  # it has been ended already
        use_everything(daemon)
        assert samples(daemon)
    wait_for("it is ended", lambda: worker_pid(daemon, 0) != victim)
    (event,) = daemon.events("untrusted")
    assert event["slot"] == 0
    assert event["text"].startswith(f"pid {victim} is killed: it says of itself")
    wait_for("it is replaced", lambda: daemon.status()["workers"][0]["state"] == "ready")
    assert worker_pid(daemon, 1) == other
    answered = 0
    for connection in kept:
        with connection, suppress(OSError, Closed):
            answered += connection.request("/").status == 200
    assert answered == others
    # More and fewer workers, and others in their place: what the master decides by was never in the worker's memory.
    daemon.signal(signal.SIGTTIN)
    wait_for("a third worker", lambda: [w["state"] for w in daemon.status()["workers"]] == ["ready"] * 3)
    daemon.signal(signal.SIGHUP)
    daemon.wait_log(r"generation 2")
    with Load((daemon.host, daemon.port), clients=4, keep_alive=False) as load:
        load.wait_answered(50)
    assert not load.failures
    use_everything(daemon)


# ---- the link ----


def copy_of(pid: int, wanted: Callable[[socket.socket], bool]) -> socket.socket:
    """A copy of a worker's socket: what is done to it is done in its name."""
    libc = ctypes.CDLL(None, use_errno=True)
    process = libc.syscall(SYS_PIDFD_OPEN, pid, 0)
    assert process >= 0, os.strerror(ctypes.get_errno())
    try:
        for number, target in sorted(open_files(pid).items()):
            if not target.startswith("socket:"):
                continue
            fd = libc.syscall(SYS_PIDFD_GETFD, process, number, 0)
            assert fd >= 0, os.strerror(ctypes.get_errno())
            candidate = socket.socket(fileno=fd)
            if wanted(candidate):
                return candidate
            candidate.close()
    finally:
        os.close(process)
    raise AssertionError(f"process {pid} has no such socket")


def link_of(pid: int) -> socket.socket:
    return copy_of(pid, lambda s: s.type == socket.SOCK_SEQPACKET)


def listener_of(pid: int) -> socket.socket:
    return copy_of(pid, lambda s: s.family == socket.AF_INET and s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1)


def passing(link: socket.socket, data: bytes, n: int) -> None:
    link.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * n))])


def flood(link: socket.socket, data: bytes) -> None:
    """As much as it takes."""
    try:
        for _ in range(100000):
            link.send(data)
    except OSError:
        pass


def hang_up(link: socket.socket) -> None:
    link.shutdown(socket.SHUT_RDWR)


LIES: dict[str, tuple[Callable[[socket.socket], object], str]] = {
    "unknown": (lambda link: link.send(b"?"), "what is no message"),
    "long": (lambda link: link.send(b"R" * 4096), "what is no message"),
    "binary": (lambda link: link.send(bytes(range(256))), "what is no message"),
    "the master's": (lambda link: link.send(b"S"), "a message on its link that is for workers"),
    "ready twice": (lambda link: link.send(b"R"), "more than once that it is ready"),
    "done": (lambda link: link.send(b"N"), "was not told to stop"),
    "a descriptor": (lambda link: passing(link, b"R", 1), "has passed a descriptor"),
    "descriptors": (lambda link: passing(link, b"R", 2), "what is no message"),
    "many descriptors": (lambda link: passing(link, b"R", 200), "what is no message"),
    "a flood": (lambda link: flood(link, b"R"), "more than once that it is ready"),
    "a flood of garbage": (lambda link: flood(link, b"\xff\x00"), "what is no message"),
    "no more": (hang_up, "has closed its link to the master and lives on"),
}


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A worker that does not look at its link meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


@pytest.mark.parametrize("lie", LIES)
def test_a_worker_that_says_what_none_says_is_ended(start: Start, lie: str) -> None:
    daemon = start("server.processes=2")
    send, says = LIES[lie]
    victim, other = worker_pid(daemon, 0), worker_pid(daemon, 1)
    n_descriptors = len(os.listdir(f"/proc/{daemon.pid}/fd"))
    with stopped(victim), link_of(victim) as link:
        sender = threading.Thread(target=send, args=(link,))
        sender.start()
        wait_for("it is ended", lambda: daemon.events("untrusted"))
        wait_for("it is replaced", lambda: victim not in children(daemon.pid) and daemon.status()["workers"][0]["state"] == "ready")
        sender.join(10)
        assert not sender.is_alive()
    (event,) = daemon.events("untrusted")
    assert re.search(rf"pid {victim} is killed: it .*{re.escape(says)}", event["text"])
    assert daemon.status()["workers"][0]["restarts"] == 1
    assert worker_pid(daemon, 1) == other
    for _ in range(10):
        with Connection((daemon.host, daemon.port)) as connection:
            assert connection.request("/").status == 200
    wait_for("the master keeps nothing of it", lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) == n_descriptors)


# ---- what else they share ----


def is_missed(daemon: Daemon, slot: int) -> bool:
    return daemon.status()["workers"][slot]["unresponsive_since_unix_ms"] is not None


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_a_listening_socket_that_a_worker_has_made_blocking_does_not_stop_the_master(start: Start) -> None:
    daemon = start("server.processes=2")
    victim = worker_pid(daemon, 0)
    with stopped(victim), listener_of(victim) as listener:
        listener.setblocking(True)
        # Of these some get into its queue, which the master then empties; it would wait for more at the end.
        waiting = [Connection((daemon.host, daemon.port), 15) for _ in range(20)]
        for connection in waiting:
            connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        for connection in waiting:
            assert connection.read().status == 200
            connection.close()
        assert is_missed(daemon, 0)
    assert "has made a listening socket blocking" in daemon.log()


def test_a_listening_socket_that_a_worker_has_shut_down_does_not_keep_the_master_busy(start: Start) -> None:
    daemon = start("server.processes=2")
    victim = worker_pid(daemon, 0)
    with stopped(victim), listener_of(victim) as listener:
        listener.shutdown(socket.SHUT_RDWR)
        wait_for("it is missed", lambda: is_missed(daemon, 0))
        daemon.wait_log("has shut down one of its listening sockets")
        before = cpu_ticks(daemon.pid)
        for _ in range(20):
            with Connection((daemon.host, daemon.port)) as connection:
                assert connection.request("/").status == 200
        time.sleep(0.5)  # the time in which it must not be busy
        assert cpu_ticks(daemon.pid) - before < 20
        assert daemon.log().count("has shut down") == 1
    daemon.wait_log("a listening socket does not listen any more")
    before = cpu_ticks(victim)
    time.sleep(0.5)  # nor its worker
    assert cpu_ticks(victim) - before < 20
