"""Asking a daemon by its control socket, with restmarkctl and without."""

from __future__ import annotations

import socket
import subprocess

from daemon import RESTMARKCTL, Daemon


def ctl(*arguments: str, **keywords: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(RESTMARKCTL), *arguments], capture_output=True, text=True, timeout=20, **keywords)  # type: ignore[call-overload, no-any-return]


def ask(daemon: Daemon, command: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(daemon.control))
        client.sendall(command)
        reply = b""
        while chunk := client.recv(65536):
            reply += chunk
        return reply
