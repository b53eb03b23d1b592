"""The file with the master's number: when it is there, whose it is, and what an upgrade and a death leave of it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import RESTMARKCTL, Daemon, run
from injected_faults import preload

from processes import is_alive, open_files

Start = Callable[..., Daemon]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "restmarkd.pid"


def number(path: Path) -> int:
    text = path.read_text()
    assert text.endswith("\n") and text.count("\n") == 1
    return int(text)


def refused(path: Path, folder: Path, exit_code: int = 71) -> str:
    """What a daemon says that must not start with this file."""
    daemon = Daemon(folder, ("server.processes=1", f"server.pid-file={path}"))
    assert daemon.wait_exit() == exit_code, daemon.log()
    return daemon.log()


def test_it_is_written_when_the_daemon_serves_and_removed_at_its_end(start: Start, path: Path) -> None:
    daemon = start("server.processes=1", f"server.pid-file={path}")
    assert number(path) == daemon.pid
    assert stat.S_IMODE(path.stat().st_mode) & 0o133 == 0
    worker = daemon.workers()[0]
    held = open_files(worker).values()
    assert str(path) not in held, "a worker that outlives its master for a moment must not keep the lock"
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0
    assert not path.exists()


def test_it_is_empty_until_then(path: Path, tmp_path: Path) -> None:
    """The number of a dead one is gone at once; its own is not there as long as no worker starts."""
    path.write_text("1\n")
    fault = tmp_path / "fault"
    fault.write_text("1")
    daemon = Daemon(tmp_path / "d", ("server.processes=1", f"server.pid-file={path}"), environment=preload(RESTMARK_FORK_FAULT=fault))
    daemon.wait_log(r"worker 0 .*exited with code 1")
    assert path.read_text() == ""
    assert "belongs to a daemon that is just starting" in refused(path, tmp_path / "second")
    fault.unlink()
    daemon.wait_ready()
    assert number(path) == daemon.pid
    daemon.expect_failure = True
    daemon.finish()


def test_a_live_one_is_refused_and_a_stale_one_taken(start: Start, path: Path, tmp_path: Path) -> None:
    first = start("server.processes=1", f"server.pid-file={path}")
    log = refused(path, tmp_path / "second")
    assert f"-o server.pid-file={path}: [server] pid-file: {path} belongs to process {first.pid}, which runs" in log
    assert "listening on" not in log, "it is looked at before anything is bound"
    assert number(path) == first.pid
    os.kill(first.pid, signal.SIGKILL)
    first.expect_failure = True
    first.wait_exit()
    assert number(path) == first.pid
    third = start("server.processes=1", f"server.pid-file={path}")
    assert number(path) == third.pid


def test_an_upgrade_keeps_file_and_lock(start: Start, path: Path, tmp_path: Path) -> None:
    daemon = start("server.processes=1", f"server.pid-file={path}")
    inode = path.stat().st_ino
    for _ in range(2):
        subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "upgrade"], check=True, capture_output=True, timeout=300)
        assert (number(path), path.stat().st_ino) == (daemon.pid, inode)
    assert f"belongs to process {daemon.pid}, which runs" in refused(path, tmp_path / "second")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0
    assert not path.exists()


def test_a_file_that_took_its_place_is_left_alone(start: Start, path: Path) -> None:
    daemon = start("server.processes=1", f"server.pid-file={path}")
    path.unlink()
    path.write_text("another's\n")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0
    assert path.read_text() == "another's\n"


def test_what_is_no_file_of_its_own_is_kept(path: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    path.symlink_to(precious)
    assert "is not a regular file: it will not be replaced" in refused(path, tmp_path / "link")
    assert precious.read_text() == "mine"
    path.unlink()
    path.mkdir()
    assert "is not a regular file" in refused(path, tmp_path / "folder")
    assert "No such file or directory" in refused(tmp_path / "missing" / "x", tmp_path / "missing-folder")
    assert "write the whole path" in refused(Path("x.pid"), tmp_path / "relative")


def test_a_start_that_fails_leaves_none(path: Path, tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "d", (f"server.pid-file={path}", "server.listen=192.0.2.1:80"), listen=False)
    assert daemon.wait_exit() == 71
    assert not path.exists()


def test_a_test_of_the_configuration_touches_nothing(start: Start, path: Path, tmp_path: Path) -> None:
    options = ("-o", "server.listen=127.0.0.1:0", "-o", "admin.control=none", "-o", f"server.pid-file={path}")
    assert run("-t", *options).returncode == 0
    assert not path.exists()
    daemon = start("server.processes=1", f"server.pid-file={path}")
    tested = run("-t", *options)
    assert (tested.returncode, f"{path} belongs to a daemon that runs" in tested.stderr) == (0, True), tested.stderr
    assert number(path) == daemon.pid and is_alive(daemon.pid)
    bad = run("-t", *options[:-1], f"server.pid-file={tmp_path}/missing/x")
    assert (bad.returncode, "missing/x: cannot make the file" in bad.stderr) == (71, True), bad.stderr
