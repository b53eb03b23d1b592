"""The user's own server, which runs already: only reloaded, never started or ended."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from .errors import Fault
from .process import children, wait_replaced

COMMAND_S = 120.0


@dataclass
class Own:
    """`pid` gets `number` for a reload, unless there is a `command` for it. With a pid the end of a reload can be seen, without one
    it is taken to have come `settle_s` after the command."""

    url: str
    pid: int | None
    command: str | None
    number: signal.Signals
    settle_s: float
    remote: bool
    name: str = "own server"
    version: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "http" or not parts.hostname:
            raise Fault(f"{self.url}: only http://HOST[:PORT]/PATH can be asked")
        self.host, self.port = parts.hostname, parts.port or 80
        self.target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.long_target = self.target
        self._require_loopback()
        self.how = self.command or f"{self.number.name} to process {self.pid}"
        if self.pid is not None and not children(self.pid):
            raise Fault(f"process {self.pid} has no child processes: name the master's pid")

    def _require_loopback(self) -> None:
        try:
            address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][4][0]
        except socket.gaierror as error:
            raise Fault(f"{self.host}: {error.strerror}") from None
        if not self.remote and not ipaddress.ip_address(address).is_loopback:
            raise Fault(f"{self.host} is not this machine; --remote puts the load on it nevertheless, if it is yours")

    def reload(self) -> None:
        old = children(self.pid) if self.pid is not None else set()
        if self.command:
            result = subprocess.run(
                self.command, shell=True, capture_output=True, text=True, timeout=COMMAND_S, check=False, stdin=subprocess.DEVNULL
            )
            if result.returncode:
                raise Fault(f"{self.command}: exit code {result.returncode}: {result.stderr.strip()[-300:]}")
        elif self.pid is not None:
            os.kill(self.pid, self.number)
        if self.pid is not None:
            wait_replaced(self.pid, old, COMMAND_S)
        else:
            time.sleep(self.settle_s)

    def why(self) -> str:
        return ""

    def stop(self) -> None:
        """It was not started here."""
