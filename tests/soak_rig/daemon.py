"""The restmarkd under test: its configuration, its control socket, its processes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import processes

from . import proc
from .disk import Disk, private_mount, why_no_mount
from .listening import Listener

START_S = 60.0
STOP_S = 40.0
CONTROL_S = 15.0  # a command that asks is answered at once; this is for a busy machine
CHANGE_S = 60.0  # a reload, an upgrade, a new number of workers; `worker-reload-mercy` is in it

CONFIG = """\
[server]
listen = 127.0.0.1:0
processes = {workers}
[limits]
max-connections = 96
idle-timeout = 5s
request-timeout = 10s
[workers]
worker-reload-mercy = 10s
canary-timeout = 30s
harakiri = {harakiri}
[admin]
control = {folder}/control.sock
listen = 127.0.0.1:0
[log]
access-log = {folder}/disk/access.log
access-log-sample = 20
"""


class Broken(Exception):
    """The daemon does not do what it must, so that the soak can not go on with what it was at."""


class Daemon:
    """Starts when made. Ended by `kill` at the latest, and by the kernel if the soak is killed."""

    def __init__(self, build: Path, folder: Path, workers: int) -> None:
        self.folder = folder
        self.control = folder / "control.sock"
        self.no_mount = ""
        (folder / "disk").mkdir()
        self.no_mount = why_no_mount(folder / "disk")
        self.disk = Disk(folder / "disk", not self.no_mount)
        self.configure(workers, "0")
        self.listener = Listener(folder)
        prefix = private_mount(folder / "disk") if not self.no_mount else []
        command = [
            *("setpriv", "--pdeathsig", "KILL", *prefix),
            *(str(build / "src" / "restmarkd"), "-c", str(folder / "restmarkd.ini")),
        ]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.listener.write_end,
            stderr=self.listener.write_end,
            env={**os.environ, "NOTIFY_SOCKET": str(self.listener.notify_path)},
            start_new_session=True,
        )
        os.close(self.listener.write_end)
        self.pid = self.process.pid
        self.wanted = workers
        self.harakiri_s = 0.0
        self._events_of = 0  # when the ring began that was read last
        self._event = 0

    def configure(self, workers: int, harakiri: str) -> None:
        """Writes the configuration; a reload reads it."""
        text = CONFIG.format(workers=workers, harakiri=harakiri, folder=self.folder)
        (self.folder / "restmarkd.ini").write_text(text)

    def wait_started(self) -> None:
        """Until it is ready; finds its addresses. Raises Broken."""

        def ready() -> bool:
            if self.process.poll() is not None:
                raise Broken(f"restmarkd exited with {self.process.returncode}: {' / '.join(self.listener.lines()[-5:])}")
            return any(re.search(r"ready: \d+ worker", line) for line in self.listener.lines())

        proc.wait_for("the daemon is ready", ready, START_S)
        text = "\n".join(self.listener.lines())
        listening, admin = re.search(r"listening on 127.0.0.1:(\d+)", text), re.search(r"http://127.0.0.1:(\d+)/", text)
        if not listening or not admin:
            raise Broken(f"the log does not tell the addresses:\n{text}")
        self.address, self.admin_address = ("127.0.0.1", int(listening[1])), ("127.0.0.1", int(admin[1]))
        self.disk.open(self.pid)

    def alive(self) -> bool:
        return self.process.poll() is None

    def workers(self) -> list[int]:
        """Its children that are no zombies."""
        return [pid for pid in processes.children(self.pid) if processes.is_alive(pid)]

    def tell(self, line: str, seconds: float = CONTROL_S) -> str:
        """The text of the control socket's reply. Raises Broken if it refuses, or does not answer in time."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(seconds)
                client.connect(str(self.control))
                client.sendall(line.encode() + b"\n")
                reply = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        except TimeoutError:
            raise Broken(f"control socket: no reply to {line!r} within {seconds:g} s") from None
        except OSError as error:
            raise Broken(f"control socket: {line!r}: {error}") from None
        if not reply.startswith("ok\n"):
            raise Broken(f"control socket: {line!r} got {reply.strip()!r}")
        return reply[3:]

    def status(self) -> dict[str, Any]:
        return json.loads(self.tell("status json"))  # type: ignore[no-any-return]

    def new_events(self) -> list[dict[str, Any]]:
        """What has happened since the last call. The ring of an upgraded program is a new one."""
        reply = json.loads(self.tell("events json"))
        since = self._event if reply["began_unix_ms"] == self._events_of else 0
        self._events_of, self._event = reply["began_unix_ms"], reply["last"]
        return [event for event in reply["events"] if event["number"] > since]

    def stop(self, number: signal.Signals) -> list[str]:
        """Ends it by a signal that lets it answer what it has; what was wrong with that."""
        session = self.pid
        self.process.send_signal(number)
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            return [f"it has not stopped {STOP_S:g} s after {number.name}"]
        wrong = [f"it exited with {code} after {number.name}"] if code != 0 else []
        try:
            proc.wait_for("all processes gone", lambda: not proc.of_session(session), 5)
        except proc.NotInTime:
            wrong += [f"process {pid} is left, state {processes.state(pid)}" for pid in proc.of_session(session)]
        if self.control.exists():
            wrong.append(f"{self.control.name} is left")
        return wrong

    def kill(self) -> None:
        """Ends what still runs of it, each process by its pid, stopped ones too."""
        for pid in [self.pid, *proc.of_session(self.pid)] if self.alive() else proc.of_session(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        self.disk.close()
        self.listener.close()
