"""What systemd and restmarkd say to each other, with a fake systemd: a datagram socket that reads, and keeps descriptors."""

from __future__ import annotations

import array
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import RESTMARKCTL, RESTMARKD, Daemon, run, wait_for
from http_client import Connection, Load
from rpc_client import RpcClient, addresses

from processes import is_alive

Start = Callable[..., Daemon]


# Puts descriptors where systemd puts them, and becomes the program.
ACTIVATE = """
import fcntl, os, sys
fds, names, command = sys.argv[1].split(","), sys.argv[2], sys.argv[3:]
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 100) for fd in fds]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names)
os.execv(command[0], command)
"""


def activation(sockets: dict[str, int]) -> dict[str, object]:
    """Keywords for Daemon: these descriptors come from systemd under these names."""
    fds = tuple(sockets.values())
    return {
        "prefix": (sys.executable, "-c", ACTIVATE, ",".join(map(str, fds)), ":".join(sockets)),
        "pass_fds": fds,
    }


class FakeSystemd:
    """The other end of $NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.environment = {"NOTIFY_SOCKET": str(path)}
        self.messages: list[str] = []
        self.stored: dict[str, int] = {}

    def read(self) -> list[str]:
        """All that was said so far."""
        while True:
            try:
                data, control, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(4), socket.MSG_DONTWAIT)
            except BlockingIOError:
                return self.messages
            text, fds = data.decode(), array.array("i")
            for _, _, bytes_ in control:
                fds.frombytes(bytes_)
            self.messages.append(text)
            name = re.search(r"FDNAME=(.*)", text)
            if "FDSTORE=1" in text and name:
                os.close(self.stored.pop(name[1], os.dup(fds[0])))
                self.stored[name[1]] = fds[0]
            elif "FDSTOREREMOVE=1" in text and name:
                if name[1] in self.stored:
                    os.close(self.stored.pop(name[1]))
            else:  # the end of a barrier's pipe, say
                for fd in fds:
                    os.close(fd)

    def wait(self, pattern: str, deadline_s: float = 20) -> re.Match[str]:
        def look() -> re.Match[str] | None:
            return next((m for m in (re.fullmatch(pattern, text) for text in self.read()) if m), None)

        return wait_for(f"{pattern!r} is said", look, deadline_s)  # type: ignore[return-value]


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[FakeSystemd]:
    fake = FakeSystemd(tmp_path / "notify")
    yield fake
    fake.socket.close()
    for fd in fake.stored.values():
        os.close(fd)


def test_the_status_line_is_kept_current(start: Start, systemd: FakeSystemd) -> None:
    """A few seconds late, and without a word when nothing has changed."""
    daemon = start("server.processes=2", environment=systemd.environment)
    systemd.wait(r"READY=1\nSTATUS=2 of 2 workers ready, generation 1, 0 requests/s")
    with Load((daemon.host, daemon.port), clients=2):
        systemd.wait(r"STATUS=2 of 2 workers ready, generation 1, [1-9]\d* requests/s")
    systemd.wait(r"STATUS=2 of 2 workers ready, generation 1, 0 requests/s")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(fields[0]) / 1e9


def test_an_idle_master_costs_next_to_nothing(start: Start, systemd: FakeSystemd) -> None:
    daemon = start("server.processes=2", environment=systemd.environment)
    systemd.wait(r"READY=1\n.*")
    said, before, begin = len(systemd.read()), cpu_s(daemon.pid), time.monotonic()
    wait_for("idleness, longer than a period", lambda: time.monotonic() - begin > 7)
    assert (cpu_s(daemon.pid) - before) / (time.monotonic() - begin) < 0.001
    assert len(systemd.read()) == said  # nothing has changed, so nothing is said


# ---- the descriptor store ----


def kill_master(daemon: Daemon) -> None:
    workers = daemon.workers()
    daemon.signal(signal.SIGKILL)
    daemon.process.wait(300)
    for worker in workers:
        wait_for("the worker is gone", lambda worker=worker: not is_alive(worker))  # type: ignore[misc]


def ask(daemon: Daemon) -> socket.socket:
    connection = daemon.connect()
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    return connection


def test_what_waits_outlives_a_crash_of_the_master(start: Start, systemd: FakeSystemd) -> None:
    environment = {**systemd.environment, "FDSTORE": "100"}
    daemon = start("server.processes=3", environment=environment)
    systemd.wait(r"READY=1\n.*")
    assert sorted(systemd.stored) == ["restmarkd.listen.0.0", "restmarkd.listen.1.0", "restmarkd.listen.2.0"]
    kill_master(daemon)
    waiting = [ask(daemon) for _ in range(30)]  # nobody is there to answer
    again = start("server.processes=3", environment=environment, **activation(systemd.stored))
    assert "3 listening sockets, and what waits there, came back from systemd" in again.log()
    assert again.port == daemon.port
    for connection in waiting:
        with connection:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    for worker in again.workers():
        assert b"LISTEN_FDS" not in Path(f"/proc/{worker}/environ").read_bytes()
    # The next crash is no worse, and a stop leaves nothing behind.
    kill_master(again)
    waiting = [ask(daemon) for _ in range(5)]
    third = start("server.processes=3", environment=environment, **activation(systemd.stored))
    for connection in waiting:
        with connection:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    third.signal(signal.SIGTERM)
    wait_for("the store is empty", lambda: systemd.read() and not systemd.stored)
    assert third.wait_exit() == 0


def test_stored_sockets_that_do_not_fit_are_closed(start: Start, systemd: FakeSystemd) -> None:
    environment = {**systemd.environment, "FDSTORE": "100"}
    daemon = start("server.processes=3", environment=environment)
    systemd.wait(r"READY=1\n.*")
    kill_master(daemon)
    fewer = start("server.processes=2", environment=environment, **activation(systemd.stored))
    assert re.search(r"1 listening socket that systemd has kept is closed, as the configuration has changed", fewer.log())
    assert fewer.port == daemon.port
    systemd.read()
    assert sorted(systemd.stored) == ["restmarkd.listen.0.0", "restmarkd.listen.1.0"]
    kill_master(fewer)
    other = start("server.processes=2", "server.listen=127.0.0.2:0", environment=environment, listen=False, **activation(systemd.stored))
    assert "2 listening sockets that systemd has kept are closed" in other.log()
    with Connection((other.host, other.port)) as connection:
        assert connection.request("/").status == 200
    systemd.read()
    ports = {socket.socket(fileno=os.dup(fd)).getsockname() for fd in systemd.stored.values()}
    assert ports == {("127.0.0.2", other.port)}


def test_an_upgrade_keeps_the_store(start: Start, systemd: FakeSystemd) -> None:
    environment = {**systemd.environment, "FDSTORE": "100"}
    daemon = start("server.processes=2", environment=environment)
    systemd.wait(r"READY=1\n.*")
    subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "upgrade"], check=True, timeout=300, stdout=subprocess.DEVNULL)
    systemd.wait(r"RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=.*")
    systemd.wait(r"READY=1\nSTATUS=2 of 2 workers ready, generation 2, \d+ requests/s")
    assert sorted(systemd.stored) == ["restmarkd.listen.0.0", "restmarkd.listen.1.0"]
    daemon.signal(signal.SIGTERM)
    wait_for("the store is empty", lambda: systemd.read() and not systemd.stored)
    assert daemon.wait_exit() == 0


def test_upgrades_that_follow_each_other_do_not_starve_the_watchdog(start: Start, systemd: FakeSystemd) -> None:
    """Its interval goes on where the program changes: the new one does not wait for half of one before it says that all is well."""
    daemon = start("server.processes=1", environment={**systemd.environment, "WATCHDOG_USEC": "600000000"})
    for n in (1, 2, 3):
        subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "upgrade"], check=True, timeout=300, stdout=subprocess.DEVNULL)
        wait_for(f"program {n} has fed it", lambda n=n: systemd.read().count("WATCHDOG=1") == n)  # type: ignore[misc]


def test_the_configuration_can_be_tested_beside_a_daemon_whose_sockets_are_stored(start: Start, systemd: FakeSystemd) -> None:
    """Who keeps copies of the sockets, here this test with its lower number, is not who serves."""
    daemon = start("server.processes=1", environment={**systemd.environment, "FDSTORE": "100"})
    systemd.wait(r"READY=1\n.*")
    systemd.read()
    assert systemd.stored
    result = run("-t", "-o", f"server.listen=127.0.0.1:{daemon.port}", "-o", "admin.control=none")
    assert result.returncode == 0, result.stderr
    assert re.search(rf"127\.0\.0\.1:{daemon.port} is in use by restmarkd \(pid \d+\), which runs", result.stderr)


def test_without_a_store_nothing_is_stored(start: Start, systemd: FakeSystemd) -> None:
    start("server.processes=2", environment=systemd.environment)
    systemd.wait(r"READY=1\n.*")
    assert not any("FDSTORE" in message for message in systemd.read())


# ---- socket activation ----


def listening(kind: int = socket.SOCK_STREAM, host: str = "127.0.0.1") -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    made.bind((host, 0))
    if kind == socket.SOCK_STREAM:
        made.listen(64)
    return made


def test_given_sockets_take_the_place_of_listen(start: Start) -> None:
    """Also those that wait there already are answered; and after a stop the socket is still systemd's."""
    with listening() as one, listening(host="::1") as two:
        waiting = [socket.create_connection(one.getsockname()[:2]) for _ in range(4)]
        daemon = start("server.processes=2", **activation({"web": one.fileno(), "six": two.fileno()}))
        assert daemon.addresses == [("127.0.0.1", str(one.getsockname()[1])), ("[::1]", str(two.getsockname()[1]))]
        for connection in waiting:
            with connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        with Load((daemon.host, daemon.port), clients=4, keep_alive=False) as load:
            for command in ("reload", "upgrade", "reload"):
                subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), command], check=True, timeout=300, stdout=subprocess.DEVNULL)
            load.wait_answered(20)
        with Connection(two.getsockname()[:2]) as connection:
            assert connection.request("/").status == 200
        assert not load.failures and not load.refused
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_exit() == 0
        waiting = [ask(daemon)]  # it is not refused: it waits for the next one
        start("server.processes=1", **activation({"web": one.fileno(), "six": two.fileno()}))
        with waiting[0] as late:
            assert late.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_sockets_can_be_chosen_by_name(start: Start) -> None:
    with listening() as one, listening() as two, listening() as three:
        given = activation({"web": one.fileno(), "other": two.fileno(), "api": three.fileno()})
        options = ("server.listen=systemd:api", "server.listen=systemd:web")
        daemon = start("server.processes=1", *options, listen=False, **given)
        assert [int(port) for _, port in daemon.addresses] == [three.getsockname()[1], one.getsockname()[1]]
        assert "socket other from systemd is not used" in daemon.log()


def refusal(*options: str, sockets: dict[str, int] | None = None) -> str:
    command = [str(RESTMARKD), "-o", "admin.control=none", *(word for option in options for word in ("-o", option))]
    fds: tuple[int, ...] = ()
    if sockets:
        keywords = activation(sockets)
        command, fds = [*keywords["prefix"], *command], keywords["pass_fds"]  # type: ignore[misc,assignment]
    result = subprocess.run(command, pass_fds=fds, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 71, result.stderr
    return result.stderr


def test_sockets_of_the_wrong_kind_are_named() -> None:
    with listening(socket.SOCK_DGRAM) as datagram, listening() as good, socket.socket() as idle, open("/dev/null") as null:
        assert "socket 3 (dns) from systemd is not for TCP" in refusal(sockets={"dns": datagram.fileno()})
        assert "socket 4 (b) from systemd does not listen" in refusal(sockets={"a": good.fileno(), "b": idle.fileno()})
        assert "descriptor 3 (null) from systemd is no socket" in refusal(sockets={"null": null.fileno()})
        assert 'systemd gives no socket named "api"' in refusal("server.listen=systemd:api", sockets={"web": good.fileno()})
    assert "systemd gives no socket: is restmarkd started by its socket unit?" in refusal("server.listen=systemd")
    assert run("-t", "-o", "server.listen=systemd:web", "-o", "admin.control=none").returncode == 0


def test_sockets_for_calls_are_named(start: Start, tmp_path: Path) -> None:
    """A Unix socket and a TCP one of systemd's; the rest is for HTTP. After a stop they are systemd's still."""
    path = tmp_path / "calls.sock"
    with listening() as web, listening() as calls, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(path))
        local.listen(16)
        given = activation({"web": web.fileno(), "calls": calls.fileno(), "local": local.fileno()})
        options = ("server.listen=systemd", "rpc.listen=systemd:local", "rpc.listen=systemd:calls")
        daemon = start("server.processes=2", *options, listen=False, **given)
        assert [int(port) for _, port in daemon.addresses] == [web.getsockname()[1]]
        assert addresses(daemon) == [f"unix:{path}", f"127.0.0.1:{calls.getsockname()[1]}"]
        for command in ("reload", "upgrade"):
            for address in addresses(daemon):
                with RpcClient(address) as client:
                    assert client.ask("welcome") == "Welcome!\n"
            subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), command], check=True, timeout=60, stdout=subprocess.DEVNULL)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_exit() == 0
        assert path.exists()
        assert "name some of them, too" in refusal("rpc.listen=127.0.0.1:0", sockets={"web": web.fileno()})


def test_a_unix_socket_may_be_for_http(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(path))
        local.listen(16)
        daemon = start("server.processes=1", listen=False, **activation({"web": local.fileno()}))
        with Connection(str(path)) as connection:
            assert connection.request("/").body == b"Welcome!\n"
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_exit() == 0
        assert path.exists(), "it is systemd's"


def test_calls_that_wait_outlive_a_crash_of_the_master(start: Start, systemd: FakeSystemd, tmp_path: Path) -> None:
    environment = {**systemd.environment, "FDSTORE": "100"}
    options = ("server.processes=2", "rpc.listen=127.0.0.1:0", f"rpc.listen=unix:{tmp_path}/rpc.sock")
    daemon = start(*options, environment=environment)
    systemd.wait(r"READY=1\n.*")
    assert len(systemd.stored) == 6
    kill_master(daemon)
    clients = [RpcClient(address) for address in addresses(daemon) for _ in range(6)]
    for client in clients:
        client.call(7, "welcome")
    again = start(*options, environment=environment, **activation(systemd.stored))
    assert addresses(again) == addresses(daemon)
    for client in clients:
        with client:
            assert client.read() == (7, None, "Welcome!\n")
    assert not re.search(r"is closed, as the configuration has changed", again.log())
