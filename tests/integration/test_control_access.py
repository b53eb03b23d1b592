"""The control socket: who may ask and change, and the path that it has."""

from __future__ import annotations

import grp
import os
import re
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from control_client import ctl
from daemon import RESTMARKD, Daemon, run

Start = Callable[..., Daemon]


ASK = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
client.sendall(sys.argv[2].encode() + b"\\n")
while chunk := client.recv(65536):
    sys.stdout.buffer.write(chunk)
"""
NOBODY, SOME_GROUP = 65534, "daemon"


def ask_as(uid: int, groups: list[int], path: Path, command: str) -> str:
    words = ["/usr/bin/python3", "-c", ASK, str(path), command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, user=uid, group=NOBODY, extra_groups=groups)
    return done.stdout + done.stderr


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """Which other users reach, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="restmark-control-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="asks as other users, which takes root")
def test_others_may_ask_but_not_change(start: Start, public_folder: Path) -> None:
    path = public_folder / "control.sock"
    daemon = start("server.processes=1", f"admin.control={path}", "admin.control-mode=0666", f"admin.control-group={SOME_GROUP}")
    daemon.control = path
    gid = grp.getgrnam(SOME_GROUP).gr_gid
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_gid) == (0o666, gid)
    assert ask_as(NOBODY, [], path, "status").startswith("ok\nrestmarkd")
    for command in ("reload", "stop", "stop now"):
        reply = ask_as(NOBODY, [], path, command)
        assert reply.startswith(f"error: {command.split()[0]} is not permitted to you (uid 65534): it takes root"), reply
    daemon.wait_log(r'"stop" from process \d+, uid 65534 is refused')
    assert daemon.status()["generation"] == 1
    assert ask_as(NOBODY, [gid], path, "reload").startswith("ok\ngeneration 2 serves")  # by the group
    assert re.search(r'control socket: "reload" from process \d+, uid 65534\n', daemon.log())


@pytest.mark.skipif(os.getuid() != 0, reason="asks as other users, which takes root")
def test_the_mode_keeps_others_out(start: Start, public_folder: Path) -> None:
    path = public_folder / "control.sock"
    daemon = start("server.processes=1", f"admin.control={path}")
    daemon.control = path
    assert "PermissionError" in ask_as(NOBODY, [], path, "status")
    assert daemon.status()["state"] == "running"


@pytest.mark.skipif(os.getuid() != 0, reason="runs the daemon as another user, which takes root")
def test_the_daemons_own_user_may_change(start: Start, public_folder: Path) -> None:
    path = public_folder / "control.sock"
    public_folder.chmod(0o777)
    binary = os.open(RESTMARKD, os.O_RDONLY)
    try:
        daemon = start("server.processes=1", f"admin.control={path}", binary=binary, user=NOBODY)
    finally:
        os.close(binary)
    daemon.control = path
    assert ask_as(NOBODY, [], path, "reload").startswith("ok\ngeneration 2 serves")


@pytest.mark.parametrize("test", [[], ["-t"]])
@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("admin.control-mode=0777", "is not the mode of a socket file"),
        ("admin.control-mode=660a", "is not the mode of a socket file"),
        ("admin.control-mode=0060", "is not the mode of a socket file"),
        ("admin.control-mode=", "is not the mode of a socket file"),
        ("admin.control-group=no-such-group", 'there is no group "no-such-group"'),
    ],
)
def test_bad_permissions(test: list[str], option: str, says: str) -> None:
    result = run(*test, "-o", "server.listen=127.0.0.1:0", "-o", "admin.control=none", "-o", option)
    assert (result.returncode, says in result.stderr, option in result.stderr) == (78, True, True), result.stderr


# Executes a program that may give no file away, as a sandbox's SystemCallFilter=~@chown has it.
WITHOUT_CHOWN = """
import ctypes, errno, os, struct, sys
calls = {"x86_64": (92, 93, 94, 260), "aarch64": (54, 55)}[os.uname().machine]  # chown, fchown, lchown, fchownat
code = [(0x20, 0, 0, 0)]  # the call's number
code += [(0x15, len(calls) - i, 0, n) for i, n in enumerate(calls)]
code += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x00050000 | errno.EPERM)]  # allow, or fail
text = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
program = ctypes.create_string_buffer(struct.pack("HP", len(code), ctypes.addressof(text)))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="knows the numbers of the calls for these")
def test_the_group_that_the_socket_has_anyway_needs_no_call(start: Start) -> None:
    group = f"admin.control-group={grp.getgrgid(os.getegid()).gr_name}"
    daemon = start("server.processes=1", group, prefix=("/usr/bin/python3", "-c", WITHOUT_CHOWN))
    assert (stat.S_IMODE(daemon.control.stat().st_mode), daemon.control.stat().st_gid) == (0o660, os.getegid())
    assert daemon.status()["state"] == "running"


def test_permissions_and_removal(start: Start) -> None:
    daemon = start("server.processes=1")
    assert stat.S_IMODE(daemon.control.stat().st_mode) == 0o660
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0
    assert not daemon.control.exists()
    result = ctl("-s", str(daemon.control), "status")
    assert result.returncode == 69
    assert "no restmarkd answers" in result.stderr


def test_a_live_daemon_keeps_its_socket(start: Start) -> None:
    daemon = start("server.processes=1")
    result = run("-o", "server.listen=127.0.0.1:0", "-o", f"admin.control={daemon.control}")
    assert result.returncode == 71
    assert f"process {daemon.pid} answers on this control socket" in result.stderr
    assert daemon.status()["master_pid"] == daemon.pid
    tested = run("-t", "-o", "server.listen=127.0.0.1:0", "-o", f"admin.control={daemon.control}")
    assert tested.returncode == 0
    assert f"is the control socket of process {daemon.pid}" in tested.stderr


def test_a_stale_socket_is_replaced(start: Start) -> None:
    daemon = start("server.processes=1")
    daemon.process.kill()
    daemon.process.wait()
    assert daemon.control.exists()
    second = start("server.processes=1", f"admin.control={daemon.control}")
    second.control = daemon.control
    assert second.status()["master_pid"] == second.pid


def test_a_stopping_daemon_removes_only_its_own_socket(start: Start, tmp_path: Path) -> None:
    daemon = start("server.processes=1")
    daemon.control.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(daemon.control))
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_exit() == 0
        assert daemon.control.exists()


@pytest.mark.parametrize("test", [[], ["-t"]])
def test_bad_control_paths(tmp_path: Path, test: list[str]) -> None:
    (tmp_path / "file").write_text("precious")
    cases = [
        (str(tmp_path / ("x" * 120)), 78, "a Unix socket's path can have 107 bytes"),
        ("relative.sock", 78, "whole path"),
        (str(tmp_path / "file"), 71, "is not a socket"),
    ]
    missing = str(tmp_path / "no" / "such" / "control.sock")
    cases.append((missing, 71, "cannot make the directory of the control socket"))
    for path, code, says in cases:
        result = run(*test, "-o", "server.listen=127.0.0.1:0", "-o", f"admin.control={path}")
        assert (result.returncode, says in result.stderr) == (code, True), result.stderr
    assert (tmp_path / "file").read_text() == "precious"


def test_auto_takes_the_runtime_directory(start: Start, tmp_path: Path) -> None:
    daemon = start("admin.control=auto", environment={"RUNTIME_DIRECTORY": str(tmp_path)})
    daemon.control = tmp_path / "control.sock"
    assert daemon.status()["master_pid"] == daemon.pid
    second = start("admin.control=auto", environment={"RUNTIME_DIRECTORY": str(tmp_path)})
    assert f"no control socket: {tmp_path}/control.sock: process {daemon.pid} answers" in second.log()
    assert daemon.status()["master_pid"] == daemon.pid
