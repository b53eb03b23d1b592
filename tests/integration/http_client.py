"""A raw HTTP/1.1 client that shows what went over the wire, and a load of many of them that classifies every failure."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

PAUSE_S = 0.0 if os.environ.get("RESTMARK_LONG") else 0.003

@dataclass
class Response:
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def closes(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


class Closed(Exception):
    """The connection ended before a response was complete."""


class Connection:
    """One connection, to an address and port or to the path of a Unix socket; `get` may be called again as long as the server keeps it.
    receive_buffer: bytes, as the kernel rounds them; 0: as the kernel has it."""

    def __init__(self, address: tuple[str, int] | str, timeout: float = 60.0, receive_buffer: int = 0) -> None:
        self.socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self.buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def end_sending(self) -> None:
        """Says that no request follows; answers can still be read."""
        self.socket.shutdown(socket.SHUT_WR)

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise Closed(f"end of stream after {self.buffer[:80]!r}")
        self.buffer += data

    def read(self, head: bool = False) -> Response:
        """The next response; `head`: it answers a HEAD request and has no body."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        top, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = top.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        length = 0 if head or status == 204 else int(headers["content-length"])
        body = bytearray(self.buffer[:length])
        self.buffer = self.buffer[length:]
        while len(body) < length:
            data = self.socket.recv(min(1 << 20, length - len(body)))
            if not data:
                raise Closed(f"end of stream after {len(body)} of {length} bytes of the body")
            body += data
        return Response(status, headers, bytes(body))

    def request(self, target: str, method: str = "GET", headers: str = "") -> Response:
        self.send(f"{method} {target} HTTP/1.1\r\nHost: test\r\n{headers}\r\n".encode("latin-1"))
        return self.read(head=method == "HEAD")

    def at_end(self) -> bool:
        """Whether the server closes without sending more."""
        try:
            return self.buffer == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def exchange(address: tuple[str, int], data: bytes, timeout: float = 60.0) -> Response:
    """Sends bytes on a connection of their own and reads one response."""
    with Connection(address, timeout) as connection:
        connection.send(data)
        return connection.read()


@dataclass
class Load:
    """Clients in threads that ask until told to stop, each request counted: answered, or how it failed.

    Each pauses between two requests, so that what the daemon is told to do need not wait for a CPU; not with RESTMARK_LONG=1.

    A keep-alive client treats an end of stream before the first byte of a response as what it is: a request that was sent and not
    answered. Only a refused connection after the server has said that it stops is no failure."""

    address: tuple[str, int]
    target: str = "/"
    clients: int = 8
    keep_alive: bool = True
    expected: bytes | None = None
    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Load:
        for _ in range(self.clients):
            thread = threading.Thread(target=self._run, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def wait_answered(self, more: int, deadline_s: float = 300.0) -> None:
        target, end = self.answered + more, time.monotonic() + deadline_s
        while self.answered < target:
            assert time.monotonic() < end, f"only {self.answered} of {target} answers: {dict(self.failures)}"
            time.sleep(0.002)

    def _count(self, change: Callable[[], None]) -> None:
        with self._lock:
            change()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                connection = Connection(self.address)
            except ConnectionRefusedError:
                with self._lock:
                    self.refused += 1
                return  # the server is gone for good
            except OSError as error:
                with self._lock:
                    self.failures[f"connect: {type(error).__name__}"] += 1
                continue
            with connection:
                self._talk(connection)

    def _talk(self, connection: Connection) -> None:
        while not self._stop.is_set():
            try:
                response = connection.request(self.target, headers="" if self.keep_alive else "Connection: close\r\n")
            except Closed:
                kind = "end of stream"
            except OSError as error:
                kind = type(error).__name__
            else:
                kind = ""
                if response.status != 200 or (self.expected is not None and response.body != self.expected):
                    kind = f"answer {response.status} {response.body[:40]!r}"
            with self._lock:
                if kind:
                    self.failures[kind] += 1
                    return
                self.answered += 1
            self._stop.wait(PAUSE_S)
            if response.closes or not self.keep_alive:
                return
