"""What the tests of the gate share."""

from __future__ import annotations

from daemon import Daemon
from http_client import Connection, Response

HOST = b"Host: x\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
CHUNKED = GET + b"Transfer-Encoding: chunked\r\n\r\n"


def short(value: object) -> str | None:
    """An id for pytest, which puts it into the environment of every program that a test starts."""
    return repr(value[:30])[2:-1] + f" {len(value)}" if isinstance(value, bytes) and len(value) > 30 else None


class Watched:
    """A daemon with one worker that must neither end nor spin."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        (self.worker,) = daemon.workers()

    def exchange(self, data: bytes, head: bool = False, address: tuple[str, int] | None = None) -> Response:
        with Connection(address or (self.daemon.host, self.daemon.port), 5) as connection:
            connection.send(data)
            response = connection.read(head=head)
            if response.closes:
                assert connection.at_end(), "there is more than one answer"
            return response

    def check(self) -> None:
        assert self.exchange(GET + b"\r\n").status == 200
        assert self.daemon.workers() == [self.worker], "another worker took its place"

    def closes(self, reason: str) -> int:
        return int(self.daemon.status()["closes"][reason])
