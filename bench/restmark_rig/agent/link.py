"""The connection to an agent: a command whose standard input and output are its."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..contestants.builder import Reporter
from ..host import input_end, own_command, ssh
from ..host.supervised import tail
from ..model.errors import EnvironmentFault, RigError
from . import protocol

HELLO_S = 30.0  # for ssh to connect, for what is sent to arrive, and for Python to start
_ENDS_S = 30.0  # for what it has started to end, before the connection is cut
_LOOK_S = 1.0
_NOT_FOUND = 127  # of a shell: there is no such command


class ConnectionLost(RigError):
    """The machine on which the servers run can not be reached any more. No server's fault, and none of this machine's."""


class NoAgent(EnvironmentFault):
    """No agent has ever answered there: nothing has been started, and there is nothing to go on with."""


class Link:
    """One agent. where: its machine, for messages; log: what the command and the agent write to standard error; first: bytes that
    come before all else; trial: a line that shows whether the machine can be reached. Raises EnvironmentFault where the command is not installed, NoAgent."""

    def __init__(self, where: str, argv: Sequence[str], log: Path, first: bytes = b"", trial: str = "") -> None:
        self.where = where
        self.lost = False
        self._log = log
        self._program = Path(argv[0]).name
        self._trial = trial
        self._silence_s = HELLO_S
        self._buffer = b""
        self._last = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        with log.open("wb") as errors:
            try:
                # Ctrl-C is the rig's alone: what runs there has to be stopped in order.
                self._process = subprocess.Popen(
                    list(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0, start_new_session=True
                )
            except FileNotFoundError:
                raise EnvironmentFault(f"{argv[0]} is not installed", "apt-get install openssh-client") from None
        self._heard = time.monotonic()
        try:
            self._write(first)
            self.hello: dict[str, Any] = self._next()["hello"]
            self._silence_s = protocol.SILENCE_S
        except BaseException:
            self.close()
            raise
        threading.Thread(target=self._keep_alive, daemon=True).start()

    def call(self, name: str, reporter: Reporter | None = None, /, **arguments: Any) -> Any:
        """The value that the agent answers with, in JSON's types. reporter: takes its progress. Raises what it raised, ConnectionLost."""
        self._last += 1
        self._heard = time.monotonic()
        self._send({"id": self._last, "call": name, "with": arguments})
        while True:
            message = self._next()
            if reporter is not None and "progress" in message:
                reporter.progress(message["progress"])
            elif reporter is not None and "say" in message:
                reporter.say(message["say"])
            elif message.get("id") == self._last:
                break
        if "fault" in message:
            raise protocol.fault_from(message["fault"], self.where)
        return message["value"]

    def close(self) -> None:
        """Ends the agent, which ends what it has started. Safe to call again."""
        self._closing.set()
        input_end.close_and_wait(self._process, _ENDS_S)

    def _keep_alive(self) -> None:
        while not self._closing.wait(protocol.ALIVE_EVERY_S):
            with contextlib.suppress(ConnectionLost, ValueError):  # a call says so; or closed meanwhile
                self._send({"alive": True})

    def _send(self, message: dict[str, Any]) -> None:
        self._write(json.dumps(message).encode() + b"\n")

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        with self._lock:
            try:
                while data:
                    data = data[os.write(self._process.stdin.fileno(), data) :]
            except BrokenPipeError:
                self._lose()

    def _next(self) -> dict[str, Any]:
        """The next line of the agent. Raises ConnectionLost."""
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            if time.monotonic() - self._heard > self._silence_s:
                self._lose(f"nothing has come from there for {self._silence_s:.0f} s")
            if not select.select([fd], [], [], _LOOK_S)[0]:
                continue
            piece = os.read(fd, 1 << 20)
            if not piece:
                self._lose()
            self._heard = time.monotonic()
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            message: dict[str, Any] = json.loads(line)
        except ValueError:
            self._lose(f"what answers there is no agent; it says {line[:200]!r}")
        return message

    def _lose(self, why: str = "") -> None:
        """Raises ConnectionLost, or NoAgent before the agent's first word."""
        self.lost = True
        status = None
        if not why:
            try:
                status = self._process.wait(_LOOK_S)
                why = f"{self._program} ended with exit code {status}"
            except subprocess.TimeoutExpired:
                why = "its output has ended"
        told = tail(self._log).strip()
        last = f": {told.splitlines()[-1]}" if told else ""
        log = f"; all that was said is in {self._log}" if told else ""
        if not hasattr(self, "hello"):
            raise NoAgent(f"no agent answers on {self.where}: {why}{last}", self._advice(status, last) + log)
        raise ConnectionLost(
            f"the connection to {self.where} is lost: {why}{last}",
            f"whatever ran there ends with it; once it can be reached, go on with '{own_command.run_command()} --resume DIR'{log}",
        )

    def _advice(self, status: int | None, last: str) -> str:
        """What to do where no agent answers. status: of the command, if it has ended; last: its last words."""
        if status == ssh.FAILED and self._trial:
            return f"try: {self._trial}"
        if status == _NOT_FOUND:
            return "install Python 3.11 or newer there, or name a restmark that is installed there with --server-agent"
        if "Read-only file system" in last or "No space left" in last or "Permission denied" in last:
            return "the agent is kept in ~/.cache/restmark there: make it writable, with some room"
        if status is None:
            return "the shell there must print nothing by itself when ssh runs a command in it, and --server-agent has to be a restmark agent"
        return "it has to be a restmark agent, which waits for what it is asked"
