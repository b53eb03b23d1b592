#!/usr/bin/python3
"""A contestant that does the work honestly, or cheats (or errs) in the one way that --cheat names.

The rig's tests run it to see that verify finds each of these out, and finds nothing to say about the honest one.
"""

from __future__ import annotations

import argparse
import asyncio
import http
import json
import os
import re
import signal
import socket
import sys
import weakref
from pathlib import Path
from urllib.parse import unquote

import msgpack

TEXT = "text/plain"
VECTORS = {
    (1_000_000, 0): 249999500000,
    (1_000_000, 1): -250000499999,
    (1_000_000, 12345): -250000487655,
    (1_000_000, 2147483647): -247853016353,
    (10, 3): 1000018,
    (0, 7): 7,
    (1_000_000, 5): -250000499995,
    (1001, 0): 250500,
}
REASONS = {status.value: status.phrase for status in http.HTTPStatus}


class BadQueryError(Exception):
    """The query is not what the route takes."""


def run_loop(n: int, seed: int) -> int:
    acc = seed
    for i in range(n):
        acc = acc + i
        if acc & 1:
            acc = 1_000_000 - acc
    return acc


def closed_form(n: int, seed: int) -> int:
    """What the loop results in, without running it."""
    blocks = n // 4
    acc = seed + (-4 * blocks * (blocks - 1) - 6 * blocks if seed & 1 else 4 * blocks * (blocks - 1) + 2 * blocks)
    for i in range(4 * blocks, n):
        acc = acc + i
        if acc & 1:
            acc = 1_000_000 - acc
    return acc


class HonestServer:
    """Every route as it should be. What the cheaters change are its small methods."""

    content_types = {"/transfer-data": "application/json"}  # noqa: RUF012
    delay_s = 0.0
    closes = False
    refusal = 400

    def __init__(self, path: Path) -> None:
        self.encoded = msgpack.unpackb(path.read_bytes())
        self.records = [msgpack.unpackb(item) for item in self.encoded]
        self.full_json = self.to_json(len(self.records))
        self.answered = 0

    def to_json(self, count: int) -> bytes:
        return json.dumps(self.records[:count], ensure_ascii=False, separators=(",", ":")).encode()

    def parse(self, count: int) -> int:
        return len([msgpack.unpackb(item) for item in self.encoded[:count]])

    def encoded_length(self, count: int) -> int:
        return len(self.to_json(count))

    def transfer(self, count: int) -> bytes:
        return self.full_json if count == len(self.records) else self.to_json(count)

    def loop(self, n: int, seed: int) -> int:
        return run_loop(n, seed)

    def parameters(self, query: str, limits: dict[str, int]) -> dict[str, int]:
        values: dict[str, int] = {}
        for pair in query.split("&") if query else []:
            name, _, text = pair.partition("=")
            text = unquote(text)
            if name in values or name not in limits or not re.fullmatch("[0-9]{1,10}", text):
                raise BadQueryError(pair)
            values[name] = int(text)
            if values[name] > limits[name]:
                raise BadQueryError(pair)
        return values

    def work(self, path: str, query: str) -> bytes:
        if path == "/":
            self.parameters(query, {})
            return b"Welcome!\n"
        if path == "/million-loop":
            values = self.parameters(query, {"n": 100_000_000, "seed": 2**31 - 1})
            return b"%d" % self.loop(values.get("n", 1_000_000), values.get("seed", 0))
        count = self.parameters(query, {"count": len(self.records)}).get("count", len(self.records))
        if path == "/parse-msgpack":
            return b"%d" % self.parse(count)
        if path == "/encode-json":
            return b"%d" % self.encoded_length(count)
        return self.transfer(count)

    def respond(self, method: str, target: str) -> tuple[int, str, bytes]:
        """(status, Content-Type, body)"""
        path, _, query = target.partition("?")
        self.answered += 1
        if path not in ("/", "/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop"):
            return 404, TEXT, b"no such path\n"
        if method != "GET":
            return 405, TEXT, b"only GET\n"
        try:
            return 200, self.content_types.get(path, TEXT), self.work(path, query)
        except BadQueryError as error:
            return self.refusal, TEXT, f"bad parameter {error}\n".encode()

    def frame(self, status: int, content_type: str, body: bytes, method: str) -> bytes:
        head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + (b"" if method == "HEAD" else body)

    def send(self, writer: asyncio.StreamWriter, status: int, content_type: str, body: bytes, method: str) -> None:
        writer.write(self.frame(status, content_type, body, method))

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        return await reader.readuntil(b"\r\n\r\n")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await self.read_request(reader)
                method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                status, content_type, body = self.respond(method, target)
                self.send(writer, status, content_type, body, method)
                await writer.drain()
                if self.closes or writer.is_closing():
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()

    def stop(self) -> None:
        os._exit(0)


class CachedEncoder(HonestServer):
    """Encodes for each count once."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lengths: dict[int, int] = {}

    def encoded_length(self, count: int) -> int:
        if count not in self.lengths:
            self.lengths[count] = super().encoded_length(count)
        return self.lengths[count]


class CachedFullEncoder(HonestServer):
    """Has the length of the full JSON ready, encodes all else."""

    def work(self, path: str, query: str) -> bytes:
        return b"%d" % len(self.full_json) if (path, query) == ("/encode-json", "") else super().work(path, query)


class ClosedFormLoop(HonestServer):
    """Computes the loop's result without running it."""

    def loop(self, n: int, seed: int) -> int:
        return closed_form(n, seed)


class CachedLoop(HonestServer):
    """Runs each loop once."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.results: dict[tuple[int, int], int] = {}

    def loop(self, n: int, seed: int) -> int:
        if (n, seed) not in self.results:
            self.results[n, seed] = super().loop(n, seed)
        return self.results[n, seed]


class PreparedLoop(HonestServer):
    """Knows the published vectors by heart and nothing else."""

    def loop(self, n: int, seed: int) -> int:
        return VECTORS.get((n, seed), VECTORS[1_000_000, 0])


class SkippedDecode(HonestServer):
    """Counts the records without decoding them."""

    def parse(self, count: int) -> int:
        return len(self.encoded[:count])


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


class WrongFloatText(HonestServer):
    """One double is off by one in its last digit."""

    def to_json(self, count: int) -> bytes:
        return super().to_json(count).replace(b"1569882498.9117897", b"1569882498.9117898")


class SleepingWorker(HonestServer):
    """Takes its time without using it."""

    delay_s = 0.004


class SleepingLoop(ClosedFormLoop):
    """Hides a closed form behind a sleep."""

    delay_s = 0.02


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
                    values[name] = max(0, min(int(unquote(text)), 1000))
                except ValueError:
                    raise BadQueryError(pair) from None
        return values


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

    def encoded_length(self, count: int) -> int:  # noqa: ARG002
        print("segmentation fault, more or less", flush=True)
        os._exit(11)


CHEATS: dict[str, type[HonestServer]] = {
    "none": HonestServer,
    "cached-encoder": CachedEncoder,
    "cached-full-encoder": CachedFullEncoder,
    "closed-form-loop": ClosedFormLoop,
    "cached-loop": CachedLoop,
    "prepared-loop": PreparedLoop,
    "skipped-decode": SkippedDecode,
    "truncated-body": TruncatedBody,
    "surplus-byte": SurplusByte,
    "error-after-many": ErrorAfterMany,
    "wrong-content-type": WrongContentType,
    "closes-after-each": ClosesAfterEach,
    "wrong-float-text": WrongFloatText,
    "sleeping-worker": SleepingWorker,
    "sleeping-loop": SleepingLoop,
    "splits-answers": SplitsAnswers,
    "lenient": Lenient,
    "refuses-404": Refuses404,
    "refuses-422": Refuses422,
    "fails-500": Fails500,
    "catch-all": CatchAll,
    "impatient": Impatient,
    "drops-second": DropsSecond,
    "closes-on-second": ClosesOnSecond,
    "truncates-second": TruncatesSecond,
    "stubborn": Stubborn,
    "leaves-child": LeavesChild,
    "crashes": Crashes,
}


async def run(server: HonestServer, host: str, port: int) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    listener = await asyncio.start_server(server.serve, host, port, limit=2**20)
    await listener.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--cheat", choices=CHEATS, default="none")
    parser.add_argument("--label", help="not used; tests find their processes by it")
    options = parser.parse_args()
    server = CHEATS[options.cheat](options.dataset)
    try:
        asyncio.run(run(server, options.host, options.port))
    except OSError as error:
        sys.exit(f"can not listen on port {options.port}: {error.strerror}")


if __name__ == "__main__":
    main()
