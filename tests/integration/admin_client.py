"""Asking a daemon's admin endpoint."""

from __future__ import annotations

from daemon import Daemon
from http_client import Connection, Response


def address(daemon: Daemon) -> tuple[str, int]:
    found = daemon.wait_log(r"admin endpoint http://(127\.0\.0\.1):(\d+)/\n")
    return found[1], int(found[2])


def ask(daemon: Daemon, target: str, method: str = "GET", headers: str = "", host: str = "127.0.0.1") -> Response:
    with Connection(address(daemon)) as connection:
        connection.send(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode("latin-1"))
        response = connection.read(head=method == "HEAD")
        assert response.closes and connection.at_end()
        return response


def samples(daemon: Daemon) -> dict[str, float]:
    """The metrics as {'name{labels}': value}."""
    lines = ask(daemon, "/metrics").body.decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}
