"""The client's side of the wire, with an eye for what ordinary clients overlook: how a connection ends, and what comes too much."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass

PROBE = b"GET /parse-msgpack?count=7 HTTP/1.1\r\nHost: localhost\r\n\r\n"
TIMEOUT_S = 10.0


@dataclass
class Answer:
    status: int
    fields: dict[str, str]  # names in lower case
    body: bytes

    @property
    def closes(self) -> bool:
        return self.fields.get("connection", "").lower() == "close"


class Wire:
    """A connection to a port or a socket file."""

    def __init__(self, address: tuple[str, int] | str) -> None:
        self.socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        self.socket.settimeout(TIMEOUT_S)
        self.socket.connect(address)
        if not isinstance(address, str):
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _more(self) -> None:
        data = self.socket.recv(65536)
        assert data, f"the connection ends after {self.buffer[:200]!r}"
        self.buffer += data

    def read(self, bodiless: bool = False) -> Answer:
        """The next answer, interim or final."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        line, *lines = head.decode("ascii").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 (\d{3}) [ -~]+", line)
        assert match, f"no status line: {line!r}"
        fields = {name.lower(): value.strip() for name, value in (text.split(":", 1) for text in lines)}
        status = int(match[1])
        length = 0 if bodiless or status in (204, 304) or status < 200 else int(fields["content-length"])
        while len(self.buffer) < length:
            self._more()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Answer(status, fields, body)

    def read_final(self, bodiless: bool = False) -> tuple[Answer, int]:
        """The next final answer, and how many interim ones came before it."""
        interim = 0
        while (answer := self.read(bodiless)).status < 200:
            interim += 1
        return answer, interim

    def require_end(self) -> None:
        """The server closes, in order, and says nothing more."""
        assert self.buffer == b"", f"more than the answers comes: {self.buffer[:200]!r}"
        rest = self.socket.recv(65536)  # a reset raises
        assert rest == b"", f"more than the answers comes: {rest[:200]!r}"


def send_in_pieces(wire: Wire, pieces: list[bytes], turn: Callable[[], None]) -> None:
    """`turn` comes back when the server has looked at what was sent."""
    for i, piece in enumerate(pieces):
        if i > 0:
            turn()
        wire.send(piece)
