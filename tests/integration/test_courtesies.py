"""What is a courtesy never stops the daemon: a $NOTIFY_SOCKET that nobody reads, a journald that stands still."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import RESTMARKCTL, RESTMARKD, Daemon, wait_for
from http_client import Connection
from test_systemd import FakeSystemd

Start = Callable[..., Daemon]


def fill(path: Path) -> int:
    """Sends datagrams until the receiver takes no more; returns how many."""
    n = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        while True:
            try:
                sender.sendto(b"STATUS=noise", str(path))
            except BlockingIOError:
                return n
            n += 1


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[FakeSystemd]:
    fake = FakeSystemd(tmp_path / "notify")
    assert fill(tmp_path / "notify") > 0
    yield fake
    fake.socket.close()


def ctl(daemon: Daemon, *arguments: str) -> None:
    result = subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), *arguments], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr


def serves(daemon: Daemon) -> None:
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200


def live_through(daemon: Daemon) -> None:
    """Everything that systemd is told about."""
    serves(daemon)
    ctl(daemon, "reload")
    for n in ("4", "2", "3"):
        ctl(daemon, "scale", n)
        serves(daemon)
    assert len(daemon.workers()) == 3


def test_a_notify_socket_that_nobody_reads(start: Start, systemd: FakeSystemd) -> None:
    environment = {**systemd.environment, "FDSTORE": "100", "WATCHDOG_USEC": "1000000"}
    daemon = start("server.processes=2", environment=environment)
    live_through(daemon)
    assert daemon.log().count("does not read what it is told") == 1
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0


def test_what_matters_is_said_when_it_is_read_again(start: Start, systemd: FakeSystemd) -> None:
    daemon = start("server.processes=2", environment={**systemd.environment, "FDSTORE": "100"})
    live_through(daemon)
    wait_for("it is told", lambda: "READY=1" in "".join(systemd.read()) and len(systemd.stored) == 3)
    said = [text.split("\n")[0] for text in systemd.messages]
    assert [text for text in said if text in ("READY=1", "RELOADING=1")] == ["READY=1", "RELOADING=1", "READY=1"]
    assert sorted(systemd.stored) == [f"restmarkd.listen.{i}.0" for i in range(3)]
    daemon.wait_log(r"\$NOTIFY_SOCKET is read again")
    # The sockets that are no more are closed now, and the places of those to come are right.
    for n in ("1", "4"):
        ctl(daemon, "scale", n)
        wait_for("it is told", lambda n=n: systemd.read() and len(systemd.stored) == int(n))  # type: ignore[misc]
        for _ in range(20):
            serves(daemon)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0
    systemd.read()
    assert systemd.messages[-1] != "" and any(text.startswith("STOPPING=1") for text in systemd.messages)
    assert not systemd.stored


def test_no_descriptor_of_a_closed_socket_waits_to_be_stored(start: Start, systemd: FakeSystemd) -> None:
    daemon = start("server.processes=1", environment={**systemd.environment, "FDSTORE": "100"})
    before = len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))
    for _ in range(5):
        ctl(daemon, "scale", "6")
        ctl(daemon, "scale", "1")
    # The five sockets and the end of the one barrier stay until systemd reads, and no more of them each time.
    after = len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))
    assert after - before <= 5 + 2 * 5, f"{before} before, {after} after"
    wait_for("all is closed", lambda: systemd.read() and len(list(Path(f"/proc/{daemon.pid}/fd").iterdir())) <= before)
    assert sorted(systemd.stored) == ["restmarkd.listen.0.0"]


def test_a_journald_that_stands_still(start: Start, tmp_path: Path) -> None:
    run = tmp_path / "journal"
    run.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(str(run / "socket"))
        inside = ("unshare", "-m", "sh", "-c", f'mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && mount --bind "{run}" /run/systemd/journal && exec "$@"', "sh")  # fmt: skip
        port = socket.create_server(("127.0.0.1", 0))
        number = port.getsockname()[1]
        port.close()
        log = tmp_path / "log"
        control = tmp_path / "control.sock"
        arguments = ("-o", f"server.listen=127.0.0.1:{number}", "-o", "server.processes=2", "-o", "log.target=journal", "-o", f"admin.control={control}")
        with log.open("w") as stderr:
            process = subprocess.Popen([*inside, str(RESTMARKD), *arguments], stderr=stderr)
        try:
            first = journald.recv(65536).decode()
            assert "\nPRIORITY=" in f"\n{first}" and "SYSLOG_IDENTIFIER=restmarkd\n" in first
            wait_for("it listens", lambda: control.exists() and socket.create_connection(("127.0.0.1", number)).close() is None)
            fill(run / "socket")
            for _ in range(50):
                process.send_signal(signal.SIGUSR1)
                subprocess.run([str(RESTMARKCTL), "-s", str(control), "status"], check=True, timeout=300, stdout=subprocess.DEVNULL)
            with Connection(("127.0.0.1", number)) as connection:
                assert connection.request("/").status == 200
            journald.setblocking(False)
            texts = []

            def read() -> bool:
                try:
                    while True:
                        texts.append(journald.recv(65536).decode())
                except BlockingIOError:
                    return any("messages before this one could not be written" in text for text in texts)

            def again() -> bool:
                process.send_signal(signal.SIGUSR1)
                return read()

            read()
            wait_for("the loss is told", again)
            process.send_signal(signal.SIGTERM)
            assert process.wait(300) == 0
            assert log.read_text() == ""
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
