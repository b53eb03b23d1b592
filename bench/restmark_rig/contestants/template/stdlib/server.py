#!/usr/bin/python3
"""A contestant for restmark in the standard library alone: plain rather than fast. Replace it by your own stack.

What it has to do: load the dataset file (a MessagePack array of bin elements, each one a map), answer the five
routes, refuse bad parameters with 400, unknown paths with 404 and other methods with 405, keep connections alive, and
end on SIGTERM without leaving a process behind.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import struct
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote, urlsplit

import digest


class Decoder:
    """MessagePack from bytes. A real server would use a library; this one must not need any."""

    FIXED = {
        0xCA: ">f",
        0xCB: ">d",
        0xCC: ">B",
        0xCD: ">H",
        0xCE: ">I",
        0xCF: ">Q",
        0xD0: ">b",
        0xD1: ">h",
        0xD2: ">i",
        0xD3: ">q",
    }
    CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) < size:
            raise ValueError("MessagePack ends too early")
        self.at += size
        return piece

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def length(self, first: int, base: int) -> int:
        return int(self.number((">B", ">H", ">I")[first - base]))

    def array(self, size: int) -> list[Any]:
        return [self.value() for _ in range(size)]

    def map(self, size: int) -> dict[Any, Any]:
        return {self.value(): self.value() for _ in range(size)}

    def value(self) -> Any:
        first = self.take(1)[0]
        if first < 0x80:
            return first
        if first >= 0xE0:
            return first - 0x100
        if first < 0x90:
            return self.map(first & 0x0F)
        if first < 0xA0:
            return self.array(first & 0x0F)
        if first < 0xC0:
            return self.take(first & 0x1F).decode()
        if first in self.FIXED:
            return self.number(self.FIXED[first])
        if first in self.CONSTANTS:
            return self.CONSTANTS[first]
        if 0xC4 <= first <= 0xC6:
            return self.take(self.length(first, 0xC4))
        if 0xD9 <= first <= 0xDB:
            return self.take(self.length(first, 0xD9)).decode()
        if first in (0xDC, 0xDD):
            return self.array(self.length(first, 0xDB))
        if first in (0xDE, 0xDF):
            return self.map(self.length(first, 0xDD))
        raise ValueError(f"MessagePack type 0x{first:02x} does not occur in a dataset")


def decode(data: bytes) -> Any:
    decoder = Decoder(data)
    value = decoder.value()
    if decoder.at != len(data):
        raise ValueError(f"{len(data) - decoder.at} bytes follow the first value")
    return value


def encode(records: list[dict[str, Any]]) -> bytes:
    return json.dumps(records, ensure_ascii=False, separators=(",", ":")).encode()


def run_loop(n: int, seed: int) -> int:
    acc = seed
    for i in range(n):
        acc = acc + i
        if acc & 1:
            acc = 1_000_000 - acc
    return acc


SEEDS = range(2**31)


class BadParameter(Exception):
    """The query is not what the route takes."""


class Workloads:
    """The work of the five routes on one dataset. Only the full JSON is prepared; all else is done on request."""

    def __init__(self, path: Path) -> None:
        self.encoded = decode(path.read_bytes())
        self.records = [decode(item) for item in self.encoded]
        self.full_json = encode(self.records)
        self.record_limits = {"count": range(len(self.records) + 1)}
        self.digest_limits = {**self.record_limits, "digest": range(1, 9), "seed": SEEDS}
        self.routes = {
            "/": self.welcome,
            "/parse-msgpack": self.parse_msgpack,
            "/encode-json": self.encode_json,
            "/transfer-data": self.transfer_data,
            "/million-loop": self.million_loop,
        }

    def welcome(self, query: str) -> tuple[str, bytes]:
        parameters(query, {})
        return "text/plain; charset=utf-8", b"Welcome!\n"

    def parse_msgpack(self, query: str) -> tuple[str, bytes]:
        count, asked = self.count_and_digest(query)
        records = [decode(item) for item in self.encoded[:count]]
        number = digest.of_decoded(records, *asked) if asked else len(records)
        return "text/plain; charset=utf-8", b"%d" % number

    def encode_json(self, query: str) -> tuple[str, bytes]:
        count, asked = self.count_and_digest(query)
        records = self.records[:count]
        number = digest.of_encoded(records, *asked, encode) if asked else len(encode(records))
        return "text/plain; charset=utf-8", b"%d" % number

    def transfer_data(self, query: str) -> tuple[str, bytes]:
        count = self.count(query)
        body = self.full_json if count == len(self.records) else encode(self.records[:count])
        return "application/json", body

    def million_loop(self, query: str) -> tuple[str, bytes]:
        values = parameters(query, {"n": range(100_000_001), "seed": SEEDS})
        return "text/plain; charset=utf-8", b"%d" % run_loop(values.get("n", 1_000_000), values.get("seed", 0))

    def count(self, query: str) -> int:
        return parameters(query, self.record_limits).get("count", len(self.records))

    def count_and_digest(self, query: str) -> tuple[int, tuple[int, int] | None]:
        """How many records, and the digest's repetitions and seed, if one is asked for."""
        if "digest" not in query:
            return self.count(query), None
        values = parameters(query, self.digest_limits)
        return values.get("count", len(self.records)), (values["digest"], values.get("seed", 0))


def parameters(query: str, limits: dict[str, range]) -> dict[str, int]:
    values: dict[str, int] = {}
    for pair in query.split("&") if query else []:
        name, _, text = pair.partition("=")
        text = unquote(text)
        if name not in limits or name in values or not re.fullmatch("[0-9]{1,10}", text) or int(text) not in limits[name]:
            raise BadParameter(f"bad parameter {pair!r}; known here, each once: {limits}")
        values[name] = int(text)
    return values


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # with 1.0 each connection would be closed after one answer
    wbufsize = -1  # header and small body leave in one packet
    disable_nagle_algorithm = True  # else the end of a large body would wait 40 ms for an acknowledgement
    workloads: Workloads

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        work = self.workloads.routes.get(url.path)
        if work is None:
            self.answer(404, "text/plain", b"no such path\n")
            return
        try:
            content_type, body = work(url.query)
        except BadParameter as error:
            self.answer(400, "text/plain", f"{error}\n".encode())
            return
        self.answer(200, content_type, body)

    do_HEAD = do_GET

    def refuse(self) -> None:
        known = urlsplit(self.path).path in self.workloads.routes
        self.close_connection = True  # a body may follow that nobody reads
        self.answer(405 if known else 404, "text/plain", b"only GET and HEAD are served\n")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = refuse

    def answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if status == 405:
            self.send_header("Allow", "GET, HEAD")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """No access log."""


AWAITED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


def serve(listener: socket.socket) -> NoReturn:
    server = ThreadingHTTPServer(listener.getsockname()[:2], Handler, bind_and_activate=False)
    server.daemon_threads = True
    server.socket.close()
    server.socket = listener
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)
    server.serve_forever()
    sys.exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--dataset", type=Path, required=True)
    options = parser.parse_args()
    try:
        Handler.workloads = Workloads(options.dataset)
    except (OSError, ValueError, TypeError) as error:
        sys.exit(f"dataset {options.dataset}: {error}")
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.create_server((options.host, options.port), family=family, backlog=512)

    signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)  # before the fork, so that none is missed
    workers = []
    for _ in range(options.workers):
        if (pid := os.fork()) == 0:
            serve(listener)
        workers.append(pid)
    signal.sigwait(AWAITED)
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    for pid in workers:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
