"""What a start refuses, `restmarkd -t` finds, in the same words; and a reload that the next restart would refuse fails in them, too."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from daemon import RESTMARKCTL, RESTMARKD, Daemon, run
from http_client import Connection

Start = Callable[..., Daemon]
ONLY_ROOT = os.geteuid() == 0 and int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) > 81


@dataclass(frozen=True)
class Bad:
    """A configuration that cannot work on this machine; {} in its options is the folder of the test."""

    options: tuple[str, ...]
    says: str
    exit_code: int = 71
    prepare: Callable[[Path], None] = field(default=lambda _: None)
    as_nobody: bool = False
    prefix: tuple[str, ...] = ()


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def close_folder(folder: Path) -> None:
    (folder / "closed").mkdir(mode=0o555)


BAD = {
    "unknown user": Bad(("server.user=no-such-user",), '[server] user: there is no user "no-such-user"', 78),
    "unknown group": Bad(("server.group=no-such-group",), '[server] group: there is no group "no-such-group"', 78),
    "user without the right": Bad(("server.user=root",), "[server] user: only root can run workers as another", 78, as_nobody=True),
    "CPU": Bad(("server.cpu-affinity=1000",), "[server] cpu-affinity: this process may not run on CPU 1000", 78),
    "address of another": Bad(("server.listen=192.0.2.1:8080",), "[server] listen: 192.0.2.1:8080 is not an address of this machine"),
    "IPv6 of another": Bad(("server.listen=[2001:db8::1]:8080",), "[server] listen: [2001:db8::1]:8080 is not an address of this machine"),
    "second address": Bad(("server.listen=127.0.0.1:0", "server.listen=192.0.2.1:1"), "192.0.2.1:1 is not an address of this machine"),
    "link-local": Bad(("server.listen=[fe80::1]:8080",), "[server] listen: fe80::1 is an address of one link", 78),
    "multicast": Bad(("server.listen=224.0.0.1:8080",), "[server] listen: 224.0.0.1 is an address for many", 78),
    "overlap": Bad(("server.listen=127.0.0.1:9", "server.listen=*:9", "server.balance=shared"), "are for the same connections", 78),
    "calls in no directory": Bad(("rpc.listen=unix:{}/missing/x.sock",), "/missing/x.sock: cannot make the socket in its directory"),
    "calls in a closed directory": Bad(
        ("rpc.listen=unix:{}/closed/x.sock",), "/closed/x.sock: cannot make the socket in its directory", prepare=close_folder, as_nobody=True
    ),
    "calls in a file": Bad(("rpc.listen=unix:{}/file",), "/file: exists and is not a socket", prepare=lambda folder: (folder / "file").touch()),
    "calls at an address of another": Bad(("rpc.listen=192.0.2.1:8081",), "[rpc] listen: 192.0.2.1:8081 is not an address of this machine"),
    "two kinds": Bad(("server.listen=systemd:a", "server.listen=127.0.0.1:9"), "[server] listen: sockets from systemd and addresses do not go together", 78),
    "privileged": Bad(("server.listen=127.0.0.1:81",), "[server] listen: 127.0.0.1:81 is a privileged port", as_nobody=True),
    "privileged for all": Bad(("server.listen=*:81",), "[server] listen: 0.0.0.0:81 is a privileged port", as_nobody=True),
    "root of nothing": Bad(("server.listen=127.0.0.1:81",), "is a privileged port", prefix=("unshare", "--user", "--map-root-user")),
    "admin of another": Bad(("admin.listen=192.0.2.1:1", "admin.allow-remote=yes"), "[admin] listen: 192.0.2.1:1 is not an address of this machine"),
    "admin overlap": Bad(("admin.listen=*:9", "admin.listen=127.0.0.1:9", "admin.allow-remote=yes"), "are for the same connections", 78),
    "admin privileged": Bad(("admin.listen=127.0.0.1:81",), "[admin] listen: 127.0.0.1:81 is a privileged port", as_nobody=True),
    "dataset missing": Bad(("workloads.dataset={}/none",), "[workloads] dataset: ", 65),
    "dataset is a folder": Bad(("workloads.dataset={}",), "[workloads] dataset: ", 65),
    "log in no folder": Bad(("log.access-log={}/no/log",), "/no/log: cannot open the access log: No such file or directory"),
    "log below a file": Bad(("log.access-log=/etc/passwd/log",), "/etc/passwd/log: cannot open the access log: Not a directory"),
    "log is a folder": Bad(("log.access-log={}",), "[log] access-log: "),
    "log is a socket": Bad(("log.access-log={}/s",), "/s: is a socket: the access log goes to", prepare=lambda f: make_socket(f / "s")),
    "log points nowhere": Bad(("log.access-log={}/l",), "/l: cannot open the access log: No", prepare=lambda f: (f / "l").symlink_to("a/b")),
    "log in circles": Bad(("log.access-log={}/l",), "cannot open the access log: Too many levels", prepare=lambda f: (f / "l").symlink_to("l")),
    "log of another": Bad(("log.access-log=/etc/passwd",), "/etc/passwd: cannot open the access log: Permission denied", as_nobody=True),
    "log in a closed folder": Bad(("log.access-log={}/closed/log",), "Permission denied", prepare=close_folder, as_nobody=True),
    "control path": Bad(("admin.control=relative/path",), "[admin] control: relative/path: write the whole path", 78),
    "control too long": Bad(("admin.control=/" + "x" * 108,), "[admin] control: ", 78),
    "control mode": Bad(("admin.control-mode=777",), "[admin] control-mode: ", 78),
    "control group": Bad(("admin.control-group=no-such-group",), '[admin] control-group: there is no group "no-such-group"', 78),
    "control in no folder": Bad(("admin.control={}/no/such/c",), "/no/such: cannot make the directory of the control socket"),
    "control is a file": Bad(("admin.control=/etc/passwd",), "/etc/passwd: exists and is not a socket: it will not be replaced"),
    "control is a folder": Bad(("admin.control={}",), "exists and is not a socket: it will not be replaced"),
    "control below a file": Bad(("admin.control=/etc/passwd/c",), "/etc/passwd/c: cannot tell whether another daemon has this control socket"),
    "control in a closed folder": Bad(
        ("admin.control={}/closed/c",), "/closed/c: cannot make the control socket: Permission denied", prepare=close_folder, as_nobody=True
    ),
    "control below a closed folder": Bad(
        ("admin.control={}/closed/d/c",), "/closed/d: cannot make the directory of the control socket", prepare=close_folder, as_nobody=True
    ),
    "control for a group": Bad(
        ("admin.control={}/c", "admin.control-group=daemon"), "/c: cannot give the socket to group 1: Operation not", as_nobody=True
    ),
    "open files": Bad(("limits.max-connections=100000",), "[limits] max-connections: ", prefix=("prlimit", "--nofile=1000:1000")),
}  # fmt: skip


def try_it(bad: Bad, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir()
    folder.chmod(0o755 if not bad.as_nobody else 0o777)
    bad.prepare(folder)
    options = [option.replace("{}", str(folder)) for option in bad.options]
    if not any(o.startswith("server.listen=") for o in options):
        options.append("server.listen=127.0.0.1:0")
    if not any(o.startswith("admin.control=") for o in options):
        options.append("admin.control=none")
    fd = os.open(RESTMARKD, os.O_RDONLY)  # the build tree may be closed to nobody
    try:
        who = {"user": 65534, "group": 65534, "extra_groups": []} if bad.as_nobody else {}
        arguments = [*bad.prefix, f"/proc/self/fd/{fd}", *more, *(word for option in options for word in ("-o", option))]
        return subprocess.run(arguments, pass_fds=(fd,), capture_output=True, text=True, timeout=300, check=False, **who)  # type: ignore[call-overload, no-any-return]
    finally:
        os.close(fd)


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that the user nobody can reach: those of pytest are closed to it."""
    with tempfile.TemporaryDirectory(prefix="restmark-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def sentence(stderr: str, folder: Path) -> str:
    """The error without what the log puts before it; for comparing, without the folder of the try."""
    found = re.search(r"error: (.*)", stderr)
    assert found, stderr
    return found[1].replace(str(folder), "{}")


@pytest.mark.parametrize("name", BAD)
def test_testing_and_starting_refuse_in_the_same_words(folder: Path, name: str) -> None:
    bad = BAD[name]
    if bad.as_nobody and not ONLY_ROOT:
        pytest.skip("only root can try this as another user")
    tested, started = try_it(bad, folder / "test", "-t"), try_it(bad, folder / "start")
    if "unshare" in tested.stderr:
        pytest.skip("user namespaces are not to be had here")
    assert bad.says in tested.stderr
    assert (tested.returncode, started.returncode) == (bad.exit_code, bad.exit_code), (tested.stderr, started.stderr)
    assert sentence(tested.stderr, folder / "test") == sentence(started.stderr, folder / "start")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a network")
@pytest.mark.parametrize("how", ["ip route add local 192.0.2.0/24 dev lo", "sysctl -qw net.ipv4.ip_nonlocal_bind=1", "ip addr add 192.0.2.1/24 dev lo"])
@pytest.mark.parametrize("address", ["192.0.2.1:80", "127.9.9.9:80", "0.0.0.0:80"])
def test_what_a_start_takes_testing_takes(how: str, address: str) -> None:
    words = [str(RESTMARKD), "-t", "-o", f"server.listen={address}", "-o", "admin.control=none"]
    command = ["unshare", "--net", "sh", "-c", f'ip link set lo up && {how} && exec "$@"', "sh", *words]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if "unshare failed" in result.stderr:
        pytest.skip("network namespaces are not to be had here")
    assert result.returncode == 0, result.stderr


def test_testing_makes_no_access_log_and_leaves_a_pipe_alone(tmp_path: Path) -> None:
    quiet = ("-t", "-o", "server.listen=127.0.0.1:0", "-o", "admin.control=none", "-o")
    (tmp_path / "link").symlink_to("there")
    assert run(*quiet, f"log.access-log={tmp_path}/link").returncode == 0
    assert os.listdir(tmp_path) == ["link"]
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(tmp_path / "pipe", os.O_WRONLY | os.O_NONBLOCK)
    result = run(*quiet, f"log.access-log={tmp_path}/pipe")
    assert (result.returncode, "is a pipe: a start fails as long as nobody reads it" in result.stderr) == (0, True)
    os.close(writer)
    os.close(reader)


@pytest.mark.skipif(not ONLY_ROOT, reason="only root can run a daemon that lacks rights")
@pytest.mark.parametrize(
    ("server", "admin", "says"),
    [
        ("listen = *:81", "", r"restmarkd\.ini:\d+: \[server\] listen: 0\.0\.0\.0:81 is a privileged port: .*; it takes a restart, which would refuse it"),
        ("listen = 192.0.2.1:8080", "", r"\[server\] listen: 192\.0\.2\.1:8080 is not an address of this machine"),
        ("listen = nonsense", "", r"\[server\] listen: \"nonsense\" has no port"),
        ("listen = 127.0.0.1:0\ncpu-affinity = 1000", "", r"\[server\] cpu-affinity: this process may not run on CPU 1000"),
        ("listen = 127.0.0.1:9\nlisten = *:9\nbalance = shared", "", r"\[server\] listen: .* are for the same connections"),
        ("listen = 127.0.0.1:0", "listen = 127.0.0.1:81", r"\[admin\] listen: 127\.0\.0\.1:81 is a privileged port"),
        ("listen = 127.0.0.1:0", "control = /etc/passwd", r"\[admin\] control: /etc/passwd: cannot tell whether another daemon has this"),
        ("listen = 127.0.0.1:0", "control-mode = 777", r"\[admin\] control-mode: \"777\" is not the mode"),
        ("listen = 127.0.0.1:0", "control-group = daemon", r"\[admin\] control: .*: cannot give the socket to group 1"),
    ],
)
def test_a_reload_fails_if_the_restart_it_takes_would(folder: Path, server: str, admin: str, says: str) -> None:
    path, control = folder / "restmarkd.ini", f"control = {folder}/control.sock"
    path.write_text(f"[server]\nlisten = 127.0.0.1:0\nprocesses = 1\n[admin]\n{control}\n")
    os.chown(folder, 65534, 65534)
    fd = os.open(RESTMARKD, os.O_RDONLY)
    daemon = Daemon(folder, listen=False, own_control=False, user=65534, binary=fd, more=("-c", str(path)))
    try:
        daemon.wait_ready()
        path.write_text(f"[server]\nprocesses = 1\n{server}\n[admin]\n{admin}\n{'' if 'control = ' in admin else control}\n")
        result = subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "reload"], capture_output=True, text=True, timeout=300, check=False)
        assert (result.returncode, result.stdout) == (1, "")
        assert re.search(says, result.stderr), result.stderr
        assert "nothing has changed: generation 1 goes on" in result.stderr
        assert re.search("reload failed: .*" + says, daemon.log())
        with Connection((daemon.host, daemon.port)) as connection:
            assert connection.request("/").status == 200
    finally:
        daemon.finish()
        os.close(fd)


def test_a_reload_whose_restart_would_work_is_none_that_fails(start: Start) -> None:
    daemon = start(config="[server]\nprocesses = 1\n[admin]\ncontrol-mode = 0660\n")
    path = daemon.folder / "restmarkd.ini"
    path.write_text("[server]\nprocesses = 1\nbacklog = 77\n[admin]\ncontrol-mode = 0600\nlisten = 127.0.0.1:0\n")
    result = subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "reload"], capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    assert "not applied, as it takes a restart: [server] backlog, [admin] control-mode, [admin] listen" in result.stdout
