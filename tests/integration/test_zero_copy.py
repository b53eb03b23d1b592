"""/transfer-data without a copy: the bytes are those of the copy, whatever becomes of socket, client, daemon and system call."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemon import BUILD, RESTMARKD, SOURCE, Daemon, run, wait_for
from http_client import Connection, Load
from strace import traced, under_strace
from zero_copy_support import FROM_FILE, LARGE_BYTES, start_sending

from processes import open_files

Start = Callable[..., Daemon]
LONG = b"GET /transfer-data HTTP/1.1\r\nHost: x\r\n\r\n"
REFUSE = str(BUILD / "tests" / "integration" / "refuse")
ONE = "server.processes=1"
HUGE_PAGE = 2 << 20
MADV_COLLAPSE = 25
NO_HUGE_PAGE = ("put together: Cannot allocate memory", "put together: Device or resource busy", "put together: Invalid argument")


@pytest.fixture(scope="module")
def json_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The body as it is when it is copied."""
    daemon = Daemon(tmp_path_factory.mktemp("copy"), (ONE, "server.zero-copy=no"))
    try:
        daemon.wait_ready()
        with Connection((daemon.host, daemon.port)) as connection:
            body = connection.request("/transfer-data").body
    finally:
        daemon.finish()
    assert len(body) == LARGE_BYTES
    return body


@contextmanager
def sendfile_traced(daemon: Daemon, tmp_path: Path, *options: str) -> Iterator[Path]:
    """Meanwhile the worker's sendfile() calls are written to a file, and befallen by what the options say."""
    trace = tmp_path / "trace"
    with traced(daemon.workers()[0], trace, "sendfile", *options):
        yield trace


def calls(trace: Path) -> list[str]:
    return re.findall(r"^sendfile\(.* = (.*)$", trace.read_text(), re.MULTILINE)


def has_filled_the_socket(results: list[str]) -> bool:
    return any("EAGAIN" in r for r in results) and any(r.isdigit() and 0 < int(r) < LARGE_BYTES for r in results)


def narrow(daemon: Daemon) -> socket.socket:
    """A connection that takes little at a time."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect((daemon.host, daemon.port))
    return client


def read_all(client: socket.socket, n_bodies: int, expected: bytes) -> None:
    """Answers one after another, a little at a time."""
    buffer = b""
    for _ in range(n_bodies):
        while b"\r\n\r\n" not in buffer:
            buffer += client.recv(777)
        head, buffer = buffer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n") and b"Content-Length: %d" % LARGE_BYTES in head
        while len(buffer) < LARGE_BYTES:
            data = client.recv(3000)
            assert data
            buffer += data
        assert buffer[:LARGE_BYTES] == expected
        buffer = buffer[LARGE_BYTES:]
    assert buffer == b""


def transfers(daemon: Daemon) -> dict[str, int]:
    counted = daemon.status()["routes"]["transfer-data"]
    return {name: counted[name] for name in ("requests", "body_bytes", "aborted")}


def transfer(daemon: Daemon) -> int:
    """How long the body is that a new client gets."""
    with Connection((daemon.host, daemon.port)) as connection:
        return len(connection.request("/transfer-data").body)


@under_strace
@pytest.mark.parametrize("setting", ["yes", "no"])
def test_the_setting_decides(start: Start, tmp_path: Path, json_bytes: bytes, setting: str) -> None:
    daemon = start(ONE, "server.zero-copy=no") if setting == "no" else start_sending(start)
    with sendfile_traced(daemon, tmp_path) as trace, Connection((daemon.host, daemon.port)) as connection:
        for _ in range(3):
            assert connection.request("/transfer-data").body == json_bytes
        assert connection.request("/transfer-data", "HEAD").headers["content-length"] == str(LARGE_BYTES)
        assert connection.request("/transfer-data?count=1000").body == json_bytes
        assert len(connection.request("/transfer-data?count=7").body) < 2000
        assert connection.request("/").status == 200
    taken = [int(n) for n in calls(trace) if n.isdigit()]
    assert sum(taken) == (4 * LARGE_BYTES if setting == "yes" else 0)


@under_strace
def test_a_client_that_takes_little_at_a_time(start: Start, tmp_path: Path, json_bytes: bytes) -> None:
    """Short sends, full sockets, and several requests at once: the head of the next may find no room."""
    daemon = start_sending(start)
    with sendfile_traced(daemon, tmp_path) as trace, narrow(daemon) as client:
        client.sendall(LONG * 40)
        wait_for("the socket is full", lambda: has_filled_the_socket(calls(trace)))
        read_all(client, 40, json_bytes)
    assert transfers(daemon) == {"requests": 40, "body_bytes": 40 * LARGE_BYTES, "aborted": 0}


@under_strace
@pytest.mark.parametrize("fault", ["error=EINVAL", "error=EIO:when=1+2", "error=EINTR:when=1+2", "error=ENOMEM:when=2+3", "retval=0:when=1+2"])
def test_where_the_kernel_does_not_a_copy_is_sent(start: Start, tmp_path: Path, json_bytes: bytes, fault: str) -> None:
    daemon = start_sending(start)
    with sendfile_traced(daemon, tmp_path, "-e", f"inject=sendfile:{fault}") as trace, narrow(daemon) as client:
        client.sendall(LONG * 10)
        read_all(client, 10, json_bytes)
    assert any("INJECTED" in line for line in trace.read_text().splitlines())
    assert transfers(daemon) == {"requests": 10, "body_bytes": 10 * LARGE_BYTES, "aborted": 0}


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_without_the_system_call_it_is_said_and_copied(start: Start, json_bytes: bytes, number: int) -> None:
    prefix = (REFUSE, f"sendfile={number}")
    daemon = start(ONE, prefix=prefix)
    daemon.wait_log(r"notice: \[server\] zero-copy = yes cannot be had, and bodies are copied: libmicrohttpd .* refuses sendfile\(\)")
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/transfer-data").body == json_bytes
    shown = subprocess.run([*prefix, str(RESTMARKD), "-V"], capture_output=True, text=True, timeout=300, check=True).stdout
    assert re.fullmatch(r"restmarkd \S+\nzero-copy: no: libmicrohttpd .*\nsingle-wait: yes\ndatabase: .*\ncache: .*\ngnutls: .*\n", shown)
    assert "\nzero-copy: yes\n" in run("-V").stdout


def test_nothing_is_said_of_what_nobody_asks_for(start: Start) -> None:
    daemon = start(ONE, "server.zero-copy=no", prefix=(REFUSE, f"sendfile={errno.EPERM}"))
    assert "zero-copy" not in daemon.log()


def test_a_reset_in_the_body_ends_that_request_alone(start: Start) -> None:
    """The body is larger than what any socket's buffer takes."""
    daemon = start_sending(start, "workloads.records=100000")
    for _ in range(5):
        client = narrow(daemon)
        client.sendall(LONG)
        assert client.recv(1000)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    wait_for("all are gone", lambda: transfers(daemon)["aborted"] == 5)
    with Connection((daemon.host, daemon.port)) as connection:
        body = connection.request("/transfer-data").body
        assert body.startswith(b'[{"id":0,') and body.endswith(b"}]") and body.count(b'"id":') == 100000
    assert transfers(daemon) == {"requests": 6, "body_bytes": len(body), "aborted": 5}


def test_a_stop_lets_the_rest_go(start: Start, json_bytes: bytes) -> None:
    daemon = start_sending(start, "workers.worker-reload-mercy=20s")
    with narrow(daemon) as client:
        client.sendall(LONG)
        first = client.recv(10)
        daemon.begin_stop()
        answer = first + b"".join(iter(lambda: client.recv(5000), b""))
    assert answer.split(b"\r\n\r\n", 1)[1] == json_bytes
    assert daemon.wait_exit() == 0


def test_a_reload_has_a_file_of_its_own(start: Start, json_bytes: bytes, tmp_path: Path) -> None:
    """The answer that is on its way is of the old dataset, the next of the new one."""
    config = tmp_path / "more.ini"
    config.write_text("[workloads]\nrecords = 1000\n")
    daemon = start_sending(start, more=("-c", str(config)))
    with narrow(daemon) as client:
        client.sendall(LONG)
        first = client.recv(10)
        config.write_text("[workloads]\nrecords = 10\n")
        daemon.signal(signal.SIGHUP)
        wait_for("the new one is sent", lambda: transfer(daemon) < 2000)
        answer = first + b"".join(iter(lambda: client.recv(5000), b""))
    assert answer.split(b"\r\n\r\n", 1)[1] == json_bytes


def test_nobody_can_change_the_file(start: Start) -> None:
    daemon = start(ONE)
    worker = daemon.workers()[0]
    files = [Path(f"/proc/{worker}/fd/{number}") for number, target in open_files(worker).items() if "restmark-json" in target]
    assert len(files) == 1
    with files[0].open("r+b", buffering=0) as file:
        for change in (lambda: file.write(b"x"), lambda: file.truncate(10), lambda: os.ftruncate(file.fileno(), 1 << 20)):
            with pytest.raises(PermissionError):
                change()


def file_bytes(pid: int) -> int:
    """Of memory that the worker's file has."""
    (number,) = [number for number, target in open_files(pid).items() if "restmark-json" in target]
    return os.stat(f"/proc/{pid}/fd/{number}").st_blocks * 512


def test_the_file_becomes_one_huge_page_whatever_is_asked_meanwhile(start: Start, json_bytes: bytes) -> None:
    """Pages that are on their way could not be put together, so none is, before that has been done: in no worker, whichever comes first, at the start or after a reload."""
    daemon = start("server.processes=3", "log.level=debug")
    with Load((daemon.host, daemon.port), "/transfer-data", clients=8, expected=json_bytes) as load:
        for round_ in range(1, 4):
            wait_for("all send from it", lambda n=3 * round_: len(re.findall(FROM_FILE, daemon.log())) >= n)
            if any(word in daemon.log() for word in NO_HUGE_PAGE):
                pytest.skip("this machine has no huge page to give now")
            assert {file_bytes(worker) for worker in daemon.workers()} == {HUGE_PAGE}
            if round_ < 3:
                daemon.signal(signal.SIGHUP)
                daemon.wait_log(f"reloaded: generation {round_ + 1} has replaced {round_}")
        load.wait_answered(50)
    assert not load.failures
    assert set(re.findall(FROM_FILE, daemon.log())) == {""}


def test_without_huge_pages_it_is_sent_as_it_is(start: Start, tmp_path: Path, json_bytes: bytes) -> None:
    """The kernel knows no MADV_COLLAPSE, say."""
    daemon = start_sending(start, prefix=(REFUSE, f"madvise:{HUGE_PAGE}:{MADV_COLLAPSE}={errno.EINVAL}"))
    assert re.search(FROM_FILE, daemon.log())[1] == ", whose pages could not be put together: Invalid argument"  # type: ignore[index]
    with sendfile_traced(daemon, tmp_path) as trace, Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/transfer-data").body == json_bytes
    assert calls(trace) == [str(LARGE_BYTES)]
    assert file_bytes(daemon.workers()[0]) < HUGE_PAGE


def test_it_can_be_reloaded(start: Start) -> None:
    assert "zero-copy = yes" in run("-T").stdout
    assert re.search(r"^;zero-copy = yes$", (SOURCE / "etc" / "restmarkd.ini").read_text(), re.MULTILINE)


def test_a_library_that_is_preloaded_still_sees_what_is_sent(start: Start) -> None:
    """What does not come from the file goes on to whoever defines sendmsg() next."""
    library = BUILD / "tests" / "integration" / "libwrong_answer.so"
    environment = {"LD_PRELOAD": str(library), "RESTMARK_WRONG_ANSWER": "/dev/null"}
    if os.environ.get("RESTMARK_SANITIZED") == "1":
        environment["ASAN_OPTIONS"] = f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0"
    shown = run("-V", env={**os.environ, **environment})
    assert shown.stdout.count("\n") == 6  # the pair of sockets is of the kind whose answers it spoils
    assert "zero-copy: yes" in shown.stdout


