"""What one kind of client does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """`clients` clients that each send one request after another.

    Without `keep_alive` each has a connection of its own. `pause_s` lies between an answer and the next request. With
    `read_bytes` the client is a slow reader: it takes that many bytes at a time, with `read_pause_s` between, through a
    small receive buffer, so that the server can not get rid of the answer at once.
    """

    name: str
    target: str = "/"
    clients: int = 1
    keep_alive: bool = False
    pause_s: float = 0.0
    read_bytes: int = 0
    read_pause_s: float = 0.0
    timeout_s: float = 10.0
    status: int = 200
    body: bytes | None = None  # what the answer must be; None: anything

    def request(self, host: str) -> bytes:
        """The bytes of a request."""
        connection = "keep-alive" if self.keep_alive else "close"
        return f"GET {self.target} HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n\r\n".encode("latin-1")
