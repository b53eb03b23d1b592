"""HTTP on a Unix socket: who may connect, whose file it is, and what reloads, upgrades, scaling and a death do to it."""

from __future__ import annotations

import grp
import os
import re
import signal
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import RESTMARKCTL, Daemon, wait_for
from http_client import Closed, Connection

Start = Callable[..., Daemon]


@pytest.fixture
def path() -> Iterator[Path]:
    """In a folder with a short name: a socket's path can have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="restmark-", dir="/tmp") as folder:
        yield Path(folder) / "http.sock"


@pytest.fixture
def local(start: Start, path: Path) -> Start:
    def start_one(*options: str, **keywords: object) -> Daemon:
        return start(f"server.listen=unix:{path}", *options, listen=False, **keywords)

    return start_one


def ask(path: Path, target: str = "/") -> bytes:
    with Connection(str(path)) as connection:
        response = connection.request(target)
        assert response.status == 200
        return response.body


def ctl(daemon: Daemon, *arguments: str) -> str:
    command = [str(RESTMARKCTL), "-s", str(daemon.control), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout


def test_it_answers_all_routes_and_logs_who_asked(local: Start, path: Path, tmp_path: Path) -> None:
    daemon = local("server.processes=2", f"log.access-log={tmp_path}/access.log")
    with Connection(str(path)) as connection:
        assert connection.request("/").body == b"Welcome!\n"
        assert connection.request("/parse-msgpack").body.strip() == b"1000"
        assert len(connection.request("/transfer-data").body) == 133622, "by sendfile() where there is one"
        assert connection.request("/nowhere").status == 404
    assert f"listening on unix:{path}\n" in ctl(daemon, "status")
    log = tmp_path / "access.log"
    lines = wait_for("four lines", lambda: (found := log.read_text().splitlines()) and len(found) == 4 and found)
    assert all(re.fullmatch(r'unix: - - \[[^]]+\] "GET \S+" (200|404) \d+ \d+us w[01]', line) for line in lines), lines


def test_it_goes_together_with_addresses_and_calls(start: Start, path: Path) -> None:
    daemon = start(f"server.listen=unix:{path}", f"rpc.listen=unix:{path.parent}/rpc.sock", "server.listen-mode=0600", "rpc.mode=0666", "server.processes=2")
    assert ask(path) == b"Welcome!\n"
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").body == b"Welcome!\n"
    assert [stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent / "rpc.sock")] == [0o600, 0o666]
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0
    assert not path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="root is needed to give a file to a group")
def test_it_has_its_mode_and_group(local: Start, path: Path) -> None:
    group = grp.getgrnam("daemon")
    local("server.listen-mode=0620", f"server.listen-group={group.gr_name}", "server.processes=1")
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_gid) == (0o620, group.gr_gid)


@pytest.mark.parametrize(
    ("option", "says"), [("listen-mode=0777", "[server] listen-mode: "), ("listen-group=no-such-group", '[server] listen-group: there is no group "no-such-group"')]
)
def test_a_wrong_mode_or_group_is_named(path: Path, tmp_path: Path, option: str, says: str) -> None:
    key, value = option.split("=")
    daemon = Daemon(tmp_path / "d", config=f"[server]\nlisten = unix:{path}\n{key} = {value}\n", listen=False)
    assert daemon.wait_exit() == 78
    assert f"{tmp_path}/d/restmarkd.ini:3: {says}" in daemon.log()
    assert not path.exists()


def test_a_live_socket_is_left_alone_and_a_stale_one_replaced(local: Start, path: Path, tmp_path: Path) -> None:
    first = local("server.processes=1")
    second = Daemon(tmp_path / "second", (f"server.listen=unix:{path}",), listen=False)
    assert second.wait_exit() != 0
    assert f"{path} is in use by process {first.pid}" in second.log()
    assert ask(path) == b"Welcome!\n"
    os.kill(first.pid, signal.SIGKILL)
    first.expect_failure = True
    first.wait_exit()
    assert path.exists()
    local("server.processes=1")
    assert ask(path) == b"Welcome!\n"


def test_a_file_that_is_no_socket_is_kept(path: Path, tmp_path: Path) -> None:
    path.write_text("mine")
    daemon = Daemon(tmp_path / "d", (f"server.listen=unix:{path}",), listen=False)
    assert daemon.wait_exit() != 0
    assert "is not a socket: it will not be replaced" in daemon.log()
    assert path.read_text() == "mine"


def test_two_names_of_one_socket_are_refused(path: Path, tmp_path: Path) -> None:
    """The second would find nobody who answers on it yet, and take it away."""
    daemon = Daemon(tmp_path / "d", (f"server.listen=unix:{path}", f"server.listen=unix:{path.parent}/./http.sock"), listen=False)
    assert daemon.wait_exit() != 0
    assert "are one socket: leave one of them out" in daemon.log()
    assert not path.exists()


def test_nobody_is_lost_while_workers_and_program_change(local: Start, path: Path) -> None:
    daemon = local("server.processes=2")
    inode = path.stat().st_ino
    stop = threading.Event()
    failed: list[str] = []
    answered = [0]

    def load() -> None:
        while not stop.is_set():
            try:
                assert ask(path) == b"Welcome!\n"
                answered[0] += 1
            except (OSError, AssertionError, Closed) as error:
                failed.append(repr(error))

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for command in (("reload",), ("scale", "3"), ("upgrade",), ("scale", "1"), ("reload",)):
        ctl(daemon, *command)
        before = answered[0]
        wait_for("more answers", lambda before=before: answered[0] > before + 20)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failed, failed[:5]
    assert path.stat().st_ino == inode
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0
    assert not path.exists()
