"""A server that records how many requests are outstanding on a connection of its: more than one are pipelined. Run as a program: recorder.py PORT.

It answers GET / as contestants do, GET /page with a page of many small pictures, and GET /recorded with what it has seen since it was last asked that,
as JSON. Answers are held back for a moment, so that whoever would send a request before the last one is answered has the time to.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from dataclasses import dataclass, field

HOLD_S = 0.002
END = b"\r\n\r\n"
TOLD = "/recorded"
PAGE, PICTURES, RESOURCES = "/page", "/picture/", 60
_PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
_SHOWN = "".join(f'<img src="{PICTURES}{number}.svg" alt="">' for number in range(RESOURCES))
_PAGE = f'<!DOCTYPE html><html lang="en"><title>{RESOURCES} pictures</title><link rel="icon" href="data:,">{_SHOWN}</html>'.encode()


@dataclass
class Seen:
    """By all connections since the last look."""

    requests: int = 0
    outstanding_max: int = 0
    connections: set[int] = field(default_factory=set)

    def text(self) -> bytes:
        """As JSON."""
        return json.dumps({"requests": self.requests, "outstanding_max": self.outstanding_max, "connections": len(self.connections)}).encode()


class Recorder(asyncio.Protocol):
    """One connection."""

    count = 0
    seen = Seen()

    def __init__(self) -> None:
        Recorder.count += 1
        self._number = Recorder.count
        self._bytes = b""
        self._waiting: list[bytes] = []  # targets, in the order of the requests
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Takes note of whole requests, none of which has a body, and answers the first of them a moment later."""
        *heads, self._bytes = (self._bytes + data).split(END)
        for head in heads:
            target = head.split(b" ", 2)[1]
            if not self._waiting:
                asyncio.get_running_loop().call_later(HOLD_S, self._answer)
            self._waiting.append(target)
            if target != TOLD.encode():
                Recorder.seen.requests += 1
                Recorder.seen.connections.add(self._number)
                Recorder.seen.outstanding_max = max(Recorder.seen.outstanding_max, len(self._waiting))

    def _answer(self) -> None:
        body, kind = b"Welcome!\n", b"text/plain"
        target = self._waiting.pop(0)
        if target == PAGE.encode():
            body, kind = _PAGE, b"text/html; charset=utf-8"
        elif target.startswith(PICTURES.encode()):
            body, kind = _PICTURE, b"image/svg+xml"
        elif target == TOLD.encode():
            body, kind = Recorder.seen.text(), b"application/json"
            Recorder.seen = Seen()
        assert self._transport is not None
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (kind, len(body), body))
        if self._waiting:
            asyncio.get_running_loop().call_later(HOLD_S, self._answer)


async def main(port: int) -> None:
    """Serves until SIGTERM."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(Recorder, "127.0.0.1", port)
    async with server:
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
