"""Servers that err in HTTP, in their manners or in their life: each breaks the one thing that its name says."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import weakref
from pathlib import Path
from urllib.parse import unquote

from honest import TEXT, BadQueryError, HonestServer


class TruncatedBody(HonestServer):
    """Promises more bytes than it sends."""

    def send(self, writer: asyncio.StreamWriter, status: int, content_type: str, body: bytes, method: str) -> None:
        data = self.frame(status, content_type, body, method)
        if len(body) > 1000:
            writer.write(data[:-100])
            writer.close()
        else:
            writer.write(data)


class SurplusByte(HonestServer):
    """Sends a newline that Content-Length does not count."""

    def frame(self, status: int, content_type: str, body: bytes, method: str) -> bytes:
        return super().frame(status, content_type, body, method) + b"\n"


class ErrorAfterMany(HonestServer):
    """Answers 500 from its 1500th request on."""

    def respond(self, method: str, target: str) -> tuple[int, str, bytes]:
        if self.answered >= 1500:
            return 500, TEXT, b"out of luck\n"
        return super().respond(method, target)


class WrongContentType(HonestServer):
    """Sends JSON as HTML."""

    content_types = {"/transfer-data": "text/html"}  # noqa: RUF012


class ClosesAfterEach(HonestServer):
    """Closes the connection after each answer."""

    closes = True


class SplitsAnswers(HonestServer):
    """Sends header and body apart with Nagle's algorithm on: the body waits for a delayed acknowledgement."""

    def send(self, writer: asyncio.StreamWriter, status: int, content_type: str, body: bytes, method: str) -> None:
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        data = self.frame(status, content_type, body, method)
        # Three pieces: the second one waits for the first one's acknowledgement.
        for piece in (data[:20], data[20:-1], data[-1:]):
            writer.write(piece)


class Lenient(HonestServer):
    """Takes whatever int() takes and ignores what it does not know."""

    def parameters(self, query: str, limits: dict[str, int]) -> dict[str, int]:
        values = {}
        for pair in query.split("&") if query else []:
            name, _, text = pair.partition("=")
            if name in limits:
                try:
                    values[name] = max(0, min(int(unquote(text)), limits[name], 1000))
                except ValueError:
                    raise BadQueryError(pair) from None
        return values


class KnowsNoDigest(HonestServer):
    """Was written before there were digests."""

    def parameters(self, query: str, limits: dict[str, int]) -> dict[str, int]:
        return super().parameters(query, {name: limit for name, limit in limits.items() if name in ("count", "n")})


class Refuses404(HonestServer):
    """Refuses bad parameters as JAX-RS has it."""

    refusal = 404


class Refuses422(HonestServer):
    """Refuses bad parameters as FastAPI does."""

    refusal = 422


class Fails500(HonestServer):
    """Lets a bad parameter become an error of the server."""

    refusal = 500


class CatchAll(HonestServer):
    """Welcomes everybody on every path."""

    def respond(self, method: str, target: str) -> tuple[int, str, bytes]:
        status, content_type, body = super().respond(method, target)
        return (200, TEXT, b"Welcome!\n") if status == 404 else (status, content_type, body)


class Impatient(HonestServer):
    """Answers once it has the request line."""

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        line = await reader.readuntil(b"\r\n")
        while line == b"\r\n" or line.startswith(b"Host:"):  # what is left of the request before
            line = await reader.readuntil(b"\r\n")
        return line


class DropsSecond(HonestServer):
    """Forgets what came in the same packet as the request it answers."""

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = await reader.read(65536)
            if not piece:
                raise asyncio.IncompleteReadError(data, None)
            data += piece
        return data


class ClosesOnSecond(DropsSecond):
    """Answers the first of two requests in a packet and closes, which HTTP allows."""

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        data = await super().read_request(reader)
        self.closes = data.count(b"\r\n\r\n") > 1
        return data


class TruncatesSecond(HonestServer):
    """Closes in the midst of the second answer on a connection."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.served: weakref.WeakSet[asyncio.StreamWriter] = weakref.WeakSet()

    def send(self, writer: asyncio.StreamWriter, status: int, content_type: str, body: bytes, method: str) -> None:
        data = self.frame(status, content_type, body, method)
        if writer in self.served:
            writer.write(data[:20])
            writer.close()
        else:
            self.served.add(writer)
            writer.write(data)


class Stubborn(HonestServer):
    """Does not heed SIGTERM."""

    def stop(self) -> None:
        pass


class LeavesChild(HonestServer):
    """Forks a child that outlives it, out of its session."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.pause()
            os._exit(0)
        os.wait()


class Crashes(HonestServer):
    """Ends when it is asked to encode."""

    def encoded_length(self, count: int) -> int:
        print("segmentation fault, more or less", flush=True)
        os._exit(11)
