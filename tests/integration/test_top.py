"""restmarkctl top: on a real terminal, which is tmux's, and as text and JSON."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon import RESTMARKCTL, Daemon, wait_for
from http_client import Connection

from processes import is_stopped

Start = Callable[..., Daemon]
KEYS = "q quit  h help"


class Terminal:
    """A tmux of its own, whose shell runs top and then says with what code it ended."""

    def __init__(self, folder: Path, daemon: Daemon, *arguments: str, size: tuple[int, int] = (80, 24)) -> None:
        self.socket = folder / "tmux"
        self.tty_path = folder / "pid"
        words = " ".join([str(RESTMARKCTL), "-s", str(daemon.control), "top", *arguments])
        # exec, so that the pid is top's; the shell around it waits, and lets Ctrl-C pass, as an interactive one would.
        script = folder / "shell.sh"
        script.write_text(f'trap : INT\nstty -g >{folder}/before\nsh -c \'echo $$ >{self.tty_path}; exec {words}\'\necho "ended with $?"\nstty -g >{folder}/after\nexec cat\n')
        self.folder = folder
        width, height = size
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "-s", "top", f"sh {script}")

    def tmux(self, *words: str) -> str:
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm"}
        return subprocess.run(["tmux", "-S", str(self.socket), *words], capture_output=True, text=True, check=True, timeout=300, env=environment).stdout

    def text(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "top")

    def lines(self) -> list[str]:
        return self.text().splitlines()

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", "top", *keys)

    def resize(self, width: int, height: int) -> None:
        self.tmux("resize-window", "-t", "top", "-x", str(width), "-y", str(height))

    def wait(self, pattern: str) -> str:
        """Waits until the picture matches, and returns it."""
        try:
            return wait_for(pattern, lambda: re.search(pattern, text := self.text()) and text)  # type: ignore[return-value]
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}") from None

    def pid(self) -> int:
        return int(wait_for("pid", lambda: self.tty_path.exists() and self.tty_path.read_text().strip()))

    def rows(self) -> list[list[str]]:
        """Of the workers, word by word."""
        lines = self.lines()
        head = next((i for i, line in enumerate(lines) if line.startswith("SLOT")), len(lines))
        return [line.split() for line in lines[head + 1 :] if re.match(r" *\d+ ", line)]

    def assert_restored(self, code: int) -> None:
        """top has ended with this code, the terminal is as it was, and nothing of the picture is left."""
        text = self.wait(r"ended with \d+")
        assert f"ended with {code}\n" in text
        assert "SLOT" not in text and KEYS not in text
        before, after = (self.folder / "before"), (self.folder / "after")
        wait_for("stty", lambda: after.exists() and after.read_text() == before.read_text())
        assert self.tmux("display-message", "-p", "-t", "top", "#{cursor_flag} #{alternate_on}").split() == ["1", "0"]

    def close(self) -> None:
        self.tmux("kill-server")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    terminals: list[Terminal] = []

    def open_one(daemon: Daemon, *arguments: str, size: tuple[int, int] = (80, 24)) -> Terminal:
        folder = tmp_path / f"terminal{len(terminals)}"
        folder.mkdir()
        terminals.append(Terminal(folder, daemon, *arguments, size=size))
        return terminals[-1]

    yield open_one
    for one in terminals:
        one.close()


Open = Callable[..., Terminal]


def test_the_picture_at_80x24(shared_daemon: Daemon, terminal: Open) -> None:
    with Connection((shared_daemon.host, shared_daemon.port)) as connection:
        top = terminal(shared_daemon, "-d", "0.2")
        top.wait(KEYS)

        def busy() -> list[list[str]]:
            """One of the two workers has requests and times while these come in."""
            for _ in range(20):
                connection.request("/encode-json")
            return [row for row in top.rows() if row[5] not in ("-", "0") and row[7] != "-"]

        (row,) = wait_for("rates", busy)
        lines = top.lines()
    assert len(lines) == 24 and max(map(len, lines)) <= 80
    assert re.match(rf"restmarkd \S+ running, master {shared_daemon.pid}, up \d+:\d\d, generation 1, 2 of 2 ready$", lines[0])
    assert lines[6 - 1].split() == ["SLOT", "STATE", "PID", "GEN", "AGE", "REQ/S", "P50", "MS", "P99", "MS", "CONN", "CPU%", "RSS", "M", "PSS", "M"]
    assert lines[23].startswith(KEYS)
    assert row[1] == "ready" and int(row[2]) in shared_daemon.workers() and row[3] == "1"
    assert float(row[5]) > 0 and 0 < float(row[6]) <= float(row[7]) and row[8] == "1" and float(row[10]) > float(row[11]) > 0
    top.keys("q")
    top.assert_restored(0)


def test_keys(start: Start, terminal: Open) -> None:
    daemon = start("server.processes=3")
    with Connection((daemon.host, daemon.port)):
        wait_for("accepted", lambda: sum(w["connections"] for w in daemon.status()["workers"]) == 1)
        (slot,) = [w["slot"] for w in daemon.status()["workers"] if w["connections"] == 1]
        top = terminal(daemon, "-d", "0.1")
        top.wait(KEYS)
        order = lambda: [int(row[0]) for row in top.rows()]  # noqa: E731
        others = [s for s in (0, 1, 2) if s != slot]
        wait_for("by slot", lambda: order() == [0, 1, 2])
        top.keys("r")
        wait_for("reversed", lambda: order() == [2, 1, 0])
        top.keys("c")
        wait_for("by connections", lambda: order() == [slot, *others])
        top.keys("r")
        wait_for("by connections, reversed", lambda: order() == [*others, slot])
        top.keys("s", "Left")  # PSS is to the left of the slot, as columns go round
        top.keys("Right")
        wait_for("by slot again", lambda: order() == [0, 1, 2])
        top.keys("h")
        top.wait(r"any key: back")
        assert "order by REQ/S" in top.text()
        top.keys("x")
        top.wait(KEYS)
        top.keys("Space")
        top.wait("PAUSED: space goes on")
        still = top.rows()
        time.sleep(0.3)  # a pause is that nothing happens: there is no condition to wait for
        assert top.rows() == still
        top.keys("Space")
        wait_for("going on", lambda: "PAUSED" not in top.text())
        top.keys("h", "q")
        top.assert_restored(0)


def test_any_size(start: Start, terminal: Open) -> None:
    daemon = start("server.processes=40")
    top = terminal(daemon, "-d", "0.1", size=(120, 30))
    top.wait(KEYS)
    for width, height in ((80, 24), (40, 10), (12, 8), (10, 3), (200, 50)):
        top.resize(width, height)

        def fits(width: int = width, height: int = height) -> bool:
            lines = top.lines()
            enough = height < 8 or any(line.startswith("SLOT") for line in lines)
            return len(lines) <= height and max(map(len, lines)) <= width and enough and (width < 80 or lines[height - 1].startswith(KEYS))

        wait_for(f"{width}x{height}", fits)
    top.resize(80, 24)
    wait_for("seventeen rows", lambda: [row[0] for row in top.rows()] == [str(i) for i in range(17)])
    top.keys("NPage", "Down")
    wait_for("scrolled", lambda: [row[0] for row in top.rows()] == [str(i) for i in range(11, 28)])
    top.keys("NPage", "NPage", "NPage", "NPage")
    wait_for("the last rows", lambda: [row[0] for row in top.rows()] == [str(i) for i in range(23, 40)])
    top.keys("q")
    top.assert_restored(0)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 128 + 15), (signal.SIGHUP, 128 + 1), (signal.SIGQUIT, 128 + 3)])
def test_signals_restore_the_terminal(shared_daemon: Daemon, terminal: Open, number: int, code: int) -> None:
    top = terminal(shared_daemon)
    top.wait(KEYS)
    if number == signal.SIGINT:
        top.keys("C-c")
    else:
        os.kill(top.pid(), number)
    top.assert_restored(code)


def test_stopped_and_continued(shared_daemon: Daemon, terminal: Open) -> None:
    """The shell of the test is no job control shell; top stops itself all the same, and gives the terminal back meanwhile."""
    top = terminal(shared_daemon, "-d", "0.2")
    top.wait(KEYS)
    pid = top.pid()
    alternate = lambda: top.tmux("display-message", "-p", "-t", "top", "#{alternate_on}").strip()  # noqa: E731
    os.kill(pid, signal.SIGTSTP)
    wait_for("stopped", lambda: is_stopped(pid))
    wait_for("the ordinary screen", lambda: alternate() == "0")
    assert KEYS not in top.text()
    os.kill(pid, signal.SIGCONT)
    top.wait(KEYS)
    assert alternate() == "1"
    top.keys("q")
    top.assert_restored(0)


def test_the_daemon_goes_and_does_not_come_back(start: Start, terminal: Open) -> None:
    daemon = start("server.processes=1")
    top = terminal(daemon, "-d", "0.2")
    top.wait(KEYS)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0
    top.wait("the daemon does not answer; asking it again")
    top.assert_restored(69)
    assert "no restmarkd answers on" in top.text().replace("\n", "")


def test_the_daemon_goes_and_comes_back(start: Start, terminal: Open) -> None:
    daemon, second = start("server.processes=1"), start("server.processes=2")
    top = terminal(daemon, "-d", "0.2")
    top.wait(rf"master {daemon.pid}, .*1 of 1 ready")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0
    top.wait("the daemon does not answer; asking it again")
    # It waits for seconds only, in which a daemon need not be able to start on a busy machine: this one is there already.
    second.control = second.control.rename(daemon.control)
    top.wait(rf"master {second.pid}, .*2 of 2 ready")
    assert "does not answer" not in top.text()
    top.wait(KEYS)
    top.keys("q")
    top.assert_restored(0)


def test_a_worker_beside_has_a_row(start: Start, terminal: Open) -> None:
    daemon = start("server.processes=1", "workers.worker-reload-mercy=20s")
    top = terminal(daemon, "-d", "0.1")
    top.wait(KEYS)
    with daemon.connect() as busy:
        busy.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")  # half a request, which the old worker waits for
        wait_for("accepted", lambda: daemon.status()["workers"][0]["connections"] == 1)
        daemon.signal(signal.SIGHUP)
        top.wait(r" 0 ready +\d+ +2 [^\n]*\n +0\+ draining +\d+ +1 ")
        busy.sendall(b"\r\n")
        assert busy.recv(100).startswith(b"HTTP/1.1 200")
    wait_for("gone", lambda: "draining" not in top.text())
    top.keys("q")
    top.assert_restored(0)


def batch(daemon: Daemon, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "top", *arguments], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)


def test_batch_and_json(shared_daemon: Daemon) -> None:
    text = batch(shared_daemon, "-b", "-n", "2", "-d", "0.1")
    assert (text.returncode, text.stderr) == (0, "")
    assert text.stdout.count("SLOT STATE") == 2 and "\x1b" not in text.stdout
    assert max(map(len, text.stdout.splitlines())) <= 80
    lines = batch(shared_daemon, "-j", "-n", "3", "-d", "0.1").stdout.splitlines()
    assert len(lines) == 3
    for line in lines:
        found = json.loads(line)
        assert (found["rpc_connections"], found["calls_per_s"]) == (0, 0)
        assert found["requests_per_s"] >= 0 and found["ready"] == found["slots"] == 2 and found["pss_bytes"] > 0
        assert [w["slot"] for w in found["workers"]] == [0, 1]
        assert all(w["pid"] and w["cpu_percent"] is not None and w["p99_ms"] is None for w in found["workers"])


def test_without_a_terminal_or_a_daemon(shared_daemon: Daemon, tmp_path: Path) -> None:
    result = batch(shared_daemon)
    assert (result.returncode, result.stdout) == (64, "") and "use -b" in result.stderr
    nowhere = subprocess.run([str(RESTMARKCTL), "-s", str(tmp_path / "none"), "top", "-b"], capture_output=True, text=True, timeout=300)
    assert nowhere.returncode == 69 and "no restmarkd answers" in nowhere.stderr
