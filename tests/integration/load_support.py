"""Runs restmark-load against planted servers: small ones in this process that answer, or fail to, as a test says."""

from __future__ import annotations

import base64
import json
import os
import selectors
import socket
import struct
import subprocess
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BUILD = Path(os.environ["RESTMARK_BUILD"])
LOAD = BUILD / "bench" / "load" / "restmark-load"
PROBES = 2  # requests for a target without random numbers, before the load begins
STALL_S = 0.5
QUANTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}

Answer = Callable[["Planted", "Client", str], bytes | None]


def answer(body: bytes = b"Welcome!\n", status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


@dataclass
class Client:
    """A connection as the server sees it."""

    socket: socket.socket
    number: int
    received: bytes = b""
    requests: list[str] = field(default_factory=list)


class Planted:
    """One thread, one loop; requests are answered in the order in which they come. `respond` returns bytes to send, or None to close."""

    def __init__(self, respond: Answer, family: int = socket.AF_INET, path: str | None = None) -> None:
        self.respond = respond
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.bind(path or ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.listener.listen(1024)
        self.listener.setblocking(False)
        name = self.listener.getsockname()
        self.url = f"unix:{path}" if path else f"http://[::1]:{name[1]}" if family == socket.AF_INET6 else f"http://127.0.0.1:{name[1]}"
        self.clients: list[Client] = []
        self.answered_ns: list[int] = []  # CLOCK_MONOTONIC, before each send: behind it the client may run first
        self.heads: list[bytes] = []
        self.failure: BaseException | None = None
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run)

    @property
    def requests(self) -> list[str]:
        return [target for client in self.clients for target in client.requests]

    def _run(self) -> None:
        try:
            while True:
                for key, _ in self._selector.select():
                    if key.fileobj is self._woken:
                        return
                    if key.fileobj is self.listener:
                        self._accept()
                    else:
                        self._read(key.data)
        except BaseException as failure:  # told to the test by planted()
            self.failure = failure

    def _accept(self) -> None:
        connection, _ = self.listener.accept()
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.clients.append(Client(connection, len(self.clients)))
        self._selector.register(connection, selectors.EVENT_READ, self.clients[-1])

    def _close(self, client: Client) -> None:
        self._selector.unregister(client.socket)
        client.socket.close()

    def _read(self, client: Client) -> None:
        try:
            data = client.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self._close(client)
            return
        client.received += data
        while b"\r\n\r\n" in client.received:
            head, client.received = client.received.split(b"\r\n\r\n", 1)
            target = head.split(b" ", 2)[1].decode()
            client.requests.append(target)
            self.heads.append(head)
            reply = self.respond(self, client, target)
            if reply is None:
                self._close(client)
                return
            self.answered_ns.append(time.monotonic_ns())
            try:
                client.socket.sendall(reply)
            except ConnectionError:
                self._close(client)
                return

    def __enter__(self) -> Planted:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._wake.send(b"x")
        self._thread.join()
        for client in self.clients:
            client.socket.close()
        for end in (self.listener, self._wake, self._woken):
            end.close()
        self._selector.close()
        if self.failure:
            raise AssertionError("the planted server failed") from self.failure


def welcome(server: Planted, client: Client, target: str) -> bytes:
    return answer()


class Staller:
    """Answers after `work_s`, and once, `after_s` behind the first request of the load, after STALL_S."""

    def __init__(self, work_s: float, after_s: float) -> None:
        self.work_s, self.after_s = work_s, after_s
        self.n = 0
        self.begin = 0.0
        self.stalled = False

    def __call__(self, server: Planted, client: Client, target: str) -> bytes:
        self.n += 1
        now = time.monotonic()
        if self.n == PROBES + 1:
            self.begin = now
        if self.n > PROBES and not self.stalled and now - self.begin > self.after_s:
            self.stalled = True
            time.sleep(STALL_S)  # the stall itself is the subject
        elif self.work_s:
            time.sleep(self.work_s)
        return answer()


def run(*arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(LOAD), *map(str, arguments)], capture_output=True, text=True, timeout=timeout, check=False)


def load(*arguments: object, code: int = 0, timeout: float = 60) -> dict[str, Any]:
    """The JSON of a run that ends with this code."""
    done = run("--json", *arguments, timeout=timeout)
    assert done.returncode == code, (done.returncode, done.stderr, done.stdout[:2000])
    assert done.stderr == ""
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def quantiles_us(result: dict[str, Any]) -> dict[str, int]:
    return result["latency"]["quantiles_us"]  # type: ignore[no-any-return]


def decode_histogram(encoded: str) -> dict[int, int]:
    """HdrHistogram's V2 encoding, as its description has it: the lowest value of each cell that is not empty, and its count."""
    packed = base64.b64decode(encoded, validate=True)
    cookie, length = struct.unpack_from(">ii", packed)
    assert cookie == 0x1C849314 and length == len(packed) - 8
    plain = zlib.decompress(packed[8:])
    cookie, length, offset, digits, lowest, highest, ratio = struct.unpack_from(">iiiiqqd", plain)
    assert (cookie, length, offset, digits, lowest, highest, ratio) == (0x1C849313, len(plain) - 40, 0, 3, 1, 60_000_000, 1.0)
    counts: dict[int, int] = {}
    at, cell = 40, 0
    while at < len(plain):
        number = shift = 0
        while True:
            byte = plain[at]
            at += 1
            number |= (byte if shift == 56 else byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80 or shift > 56:
                break
        value = (number >> 1) ^ -(number & 1)
        if value <= 0:
            cell += max(1, -value)
            continue
        bucket = max(0, (cell >> 10) - 1)
        counts[(cell - (bucket << 10)) << bucket] = value
        cell += 1
    return counts


def quantile(values: list[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    ordered = sorted(values)
    rank = -(-len(ordered) * share // 1)  # rounded up
    return ordered[max(0, int(rank) - 1)]


def counted(items: list[str]) -> dict[str, int]:
    return dict(Counter(items))


@contextmanager
def started(*arguments: object, **keywords: Any) -> Iterator[subprocess.Popen[str]]:
    """A run that goes on meanwhile; it is ended, if it has not by itself."""
    process = subprocess.Popen([str(LOAD), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **keywords)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
