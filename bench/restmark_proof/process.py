"""Starting and ending one server, by its pid; and what /proc says of its workers."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .errors import Fault, Missing

START_S = 20.0
STOP_S = 15.0
POLL_S = 0.005


def find(program: str, package: str, beside: Sequence[Path] = ()) -> str:
    """The path of a program, of those `beside` first. Raises Missing."""
    for path in beside:
        if os.access(path, os.X_OK):
            return str(path)
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise Missing(f"{program} is not installed", package)
    return found


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def children(pid: int) -> set[int]:
    try:
        return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except (FileNotFoundError, ProcessLookupError):
        return set()


def wait_for(what: str, condition: Callable[[], bool], seconds: float) -> None:
    """Raises Fault if the condition does not hold in time."""
    until_s = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until_s:
            raise Fault(f"{what}: not within {seconds:.0f} s")
        time.sleep(POLL_S)


def wait_replaced(pid: int, old: set[int], seconds: float) -> None:
    """Until none of the old workers is left and as many others are there."""

    def replaced() -> bool:
        now = children(pid)
        return not now & old and len(now) >= len(old)

    wait_for("all workers replaced by new ones", replaced, seconds)


def fetch(host: str, port: int, target: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request("GET", target, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Process:
    """A server in the foreground; its output goes to a file. It ends with this process, even if that is killed."""

    def __init__(self, command: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> None:
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [find("setpriv", "apt install util-linux"), "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, **(environment or {})},
            )
        self.pid = self._process.pid

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])

    def wait_answering(self, port: int) -> None:
        """Until it answers a request."""

        def answers() -> bool:
            if self._process.poll() is not None:
                raise Fault(f"it exited with code {self._process.returncode}:\n{self.tail()}")
            try:
                fetch("127.0.0.1", port, "/")
            except (OSError, http.client.HTTPException):
                return False
            return True

        wait_for("its first answer", answers, START_S)

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self, number: signal.Signals) -> None:
        """By its graceful signal, then by KILL; workers that outlive it, too."""
        workers = [handle for pid in children(self.pid) if (handle := open_process(pid)) is not None]
        if self.alive():
            self._process.send_signal(number)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for handle in workers:
            kill_process(handle)


def open_process(pid: int) -> int | None:
    """A descriptor that stays this process's, whatever becomes of the pid; None: it has ended."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def kill_process(handle: int) -> None:
    """Ends it if it still runs, and closes the descriptor."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    os.close(handle)
