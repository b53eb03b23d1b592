"""restmarkctl: what it says of commands that fail, are cut off, or take long, and its command line."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from control_client import ctl
from daemon import RESTMARKCTL, Daemon, run, wait_for

Start = Callable[..., Daemon]


def test_a_command_that_could_not_be_sent_does_not_go_on(tmp_path: Path) -> None:
    path = str(tmp_path / "control.sock")
    with ExitStack() as opened:
        deaf = opened.enter_context(socket.socket(socket.AF_UNIX))
        deaf.bind(path)
        deaf.listen(0)
        with pytest.raises(BlockingIOError):  # the queue is full
            while True:
                client = opened.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(path)
        result = ctl("-s", path, "reload")
    assert (result.returncode, result.stdout) == (69, "")
    assert result.stderr == f"restmarkctl: {path}: the daemon does not answer within 5 s\n"


def test_a_reply_that_is_cut_off_is_no_reply(tmp_path: Path) -> None:
    path = str(tmp_path / "control.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()

        def answer() -> None:
            client, _ = listening.accept()
            with client:
                client.recv(256)
                client.sendall(b'ok\n{"state": "run')

        thread = threading.Thread(target=answer)
        thread.start()
        result = ctl("-s", path, "status", "-j")
        thread.join(20)
    assert (result.returncode, result.stdout) == (69, "")
    assert "cut off" in result.stderr


def test_timeout_ends_the_waiting_only(start: Start) -> None:
    daemon = start("server.processes=1")
    with daemon.connect() as busy:
        busy.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")  # half a request, which the old worker waits for
        wait_for("accepted", lambda: daemon.status()["workers"][0]["connections"] == 1)
        result = ctl("-s", str(daemon.control), "reload", "--timeout", "0.3")
        assert (result.returncode, result.stdout) == (75, "")
        assert result.stderr == "restmarkctl: the daemon does not answer within 0.3 s\n"
        talking = socket.socket(socket.AF_UNIX)  # one that talks while it is to wait is shown the door
        talking.connect(str(daemon.control))
        talking.sendall(b"reload\n")
        talking.settimeout(10)
        wait_for("a second reload", lambda: "another reload runs" in daemon.log())
        talking.sendall(b"status\n")
        with pytest.raises(ConnectionResetError):
            talking.recv(100)
        talking.close()
        busy.sendall(b"\r\n")
        assert busy.recv(100).startswith(b"HTTP/1.1 200")
    wait_for("both reloads", lambda: daemon.status()["generation"] == 3)


def test_json_of_commands_that_change(start: Start) -> None:
    daemon = start("server.processes=1")
    done = ctl("-s", str(daemon.control), "reload", "-j")
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["ok"] is True and found["text"].startswith("generation 2 serves with 1 worker")
    stopped = ctl("-s", str(daemon.control), "-j", "stop", "--now")
    assert (stopped.returncode, json.loads(stopped.stdout)) == (0, {"ok": True, "text": "stopped"})
    assert daemon.process.poll() == 0  # stop returns when the process is gone


def test_a_refusal_is_json_too(start: Start) -> None:
    """A daemon that speaks another language, as an older one may."""
    daemon = start("server.processes=1")
    path = daemon.folder / "other.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        for reply, text in ((b'error: not "today"\n', 'not "today"'), (b"", "the daemon closed the connection without a reply")):
            with subprocess.Popen([str(RESTMARKCTL), "-s", str(path), "-j", "status"], stdout=subprocess.PIPE, text=True) as process:
                client, _ = server.accept()
                assert client.recv(100) == b"status json\n"
                client.sendall(reply)
                client.close()
                assert process.stdout is not None
                assert json.loads(process.stdout.read()) == {"ok": False, "text": text}
                assert process.wait(300) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 64, "say a command"),
        (["nonsense"], 64, "there are: status, workers, memory, events, top, reload, upgrade, scale, drain, stop, reopen"),
        (["status", "more"], 64, "one command only"),
        (["scale"], 64, "say scale N"),
        (["scale", "0"], 64, "from 1 to 256"),
        (["scale", "4", "5"], 64, "one N only"),
        (["drain", "-1"], 64, "not known"),
        (["drain", "256"], 64, "from 0 to 255"),
        (["status", "--now"], 64, "goes with stop only"),
        (["reload", "-f"], 64, "goes with events only"),
        (["status", "-n", "1"], 64, "go with top only"),
        (["status", "-t", "0"], 64, "more than 0"),
        (["status", "-t", "1.2345"], 64, "takes seconds"),
        (["top", "-t", "1"], 64, "--timeout does not go with top"),
        (["top"], 64, "standard input or output is none"),
        (["-x"], 64, "--help"),
        (["-s", "/nonexistent", "status"], 69, "no restmarkd answers"),
        (["-s", "/" + "x" * 200, "status"], 69, "107 bytes"),
    ],
)
def test_restmarkctl_usage(arguments: list[str], code: int, says: str) -> None:
    result = ctl(*arguments)
    assert (result.returncode, says in result.stderr, result.stdout) == (code, True, "")


def test_restmarkctl_help_and_version() -> None:
    assert ctl("--help").stdout.startswith("Usage: restmarkctl")
    assert ctl("--version").stdout == run("--version").stdout.splitlines(keepends=True)[0].replace("restmarkd", "restmarkctl")
