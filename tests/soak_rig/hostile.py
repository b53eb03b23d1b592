"""Clients that nobody would invite: what they send is refused or answered, and touches nobody else.

Each act is bounded in connections and time, so that what is tried is the daemon, and not the size of the machine.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .raw import MALFORMED, OVERSIZED, VALID, mutate

PATIENCE_S = 15.0  # more than request-timeout
FLOOD = 120
ERRORS_KEPT = 20


@dataclass
class Place:
    """Where the daemon can be reached."""

    address: tuple[str, int]
    admin: tuple[str, int]
    control: Path


def connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=PATIENCE_S)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def drain(connection: socket.socket, limit: int = 1 << 20) -> bytes:
    """What comes until the end, a reset, or the limit. Raises TimeoutError when nothing comes for PATIENCE_S."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while len(data) < limit and (more := connection.recv(65536)):
            data += more
    return data


def send(connection: socket.socket, data: bytes) -> None:
    """As much as is taken: the daemon may have refused it before its end."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        connection.sendall(data)


class Misdeed(Exception):
    """The daemon has done with a hostile client what it must not."""


def refused(place: Place, rng: random.Random, address: tuple[str, int], data: bytes) -> None:
    with connect(address) as connection:
        for piece in _pieces(rng, data):
            send(connection, piece)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        try:
            answer = drain(connection)
        except TimeoutError:
            raise Misdeed(f"no end within {PATIENCE_S:g} s of {data[:60]!r}") from None
    if answer.startswith(b"HTTP/1.1 2"):
        raise Misdeed(f"{data[:60]!r} was answered with {answer[:40]!r}")


def _pieces(rng: random.Random, data: bytes) -> list[bytes]:
    if rng.random() < 0.6 or len(data) < 3:
        return [data]
    at = rng.randrange(1, len(data))
    return [data[:at], data[at:]]


def malformed(place: Place, rng: random.Random) -> None:
    refused(place, rng, place.address, rng.choice(MALFORMED))


def oversized(place: Place, rng: random.Random) -> None:
    refused(place, rng, place.address, rng.choice(OVERSIZED))


def admin(place: Place, rng: random.Random) -> None:
    refused(place, rng, place.admin, rng.choice(MALFORMED + OVERSIZED))


def mutated(place: Place, rng: random.Random) -> None:
    with connect(place.address) as connection:
        send(connection, mutate(rng.choice(VALID), rng))
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        try:
            drain(connection)
        except TimeoutError:
            raise Misdeed("no end of a connection with a mutated request") from None


def slow(place: Place, rng: random.Random) -> None:
    """A request that comes byte by byte, and mostly never to its end."""
    with connect(place.address) as connection:
        for byte in VALID[0][: rng.randrange(5, len(VALID[0]))]:
            send(connection, bytes([byte]))
            time.sleep(0.05)


def half_closed(place: Place, rng: random.Random) -> None:
    """A client that has said all, and waits for its answer: it gets it."""
    with connect(place.address) as connection:
        send(connection, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * rng.randrange(1, 4))
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        drain(connection)


def pipelined(place: Place, rng: random.Random) -> None:
    connection = connect(place.address)
    send(connection, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * rng.randrange(10, 200))
    with contextlib.suppress(OSError):
        connection.recv(rng.randrange(1, 5000))
    reset(connection)


def resets(place: Place, rng: random.Random) -> None:
    for _ in range(10):
        connection = connect(place.address)
        if rng.random() < 0.8:
            send(connection, rng.choice(VALID)[: rng.randrange(1, 90)])
        reset(connection)


def unread(place: Place, rng: random.Random) -> None:
    """Asks for much and reads nothing."""
    with connect(place.address) as connection:
        connection.settimeout(1.0)
        with contextlib.suppress(OSError):
            connection.sendall(b"GET /transfer-data HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        time.sleep(rng.uniform(0.2, 2.0))


def flood(place: Place, rng: random.Random) -> None:
    """More connections at once than one worker takes; nothing is said on them."""
    with contextlib.ExitStack() as stack:
        for _ in range(FLOOD):
            connection = stack.enter_context(socket.socket())
            connection.setblocking(False)
            connection.connect_ex(rng.choice((place.address, place.address, place.admin)))
        time.sleep(rng.uniform(0.1, 1.0))


def control(place: Place, rng: random.Random) -> None:
    """Lines that are no command, too long, without an end, many."""
    lines = (b"\n", b"status json json\n", b"x" * 5000, b"scale 0\n", b"drain 999\n", b"\0\xff\n", b"events since -1\n", b"status\nstatus\n")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE_S)
        with contextlib.suppress(OSError):
            connection.connect(str(place.control))
            connection.sendall(rng.choice(lines))
            connection.shutdown(socket.SHUT_WR)
            connection.recv(4096)


Act = Callable[[Place, random.Random], None]
ACTS: dict[str, Act] = {
    act.__name__.replace("_", "-"): act
    for act in (malformed, oversized, admin, mutated, slow, half_closed, pipelined, resets, unread, flood, control)
}


@dataclass
class Hostile:
    """`threads` of hostile clients, from entering the context until it is left."""

    place: Place
    rng: random.Random
    threads: int = 3
    done: Counter[str] = field(default_factory=Counter)
    cut_off: Counter[str] = field(default_factory=Counter)  # the connection failed, as it may under a fault
    misdeeds: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._quit = threading.Event()
        self._lock = threading.Lock()
        self._running: list[threading.Thread] = []

    def __enter__(self) -> Hostile:
        for n in range(self.threads):
            thread = threading.Thread(target=self._run, args=(random.Random(self.rng.random()),), name=f"hostile {n}", daemon=True)
            self._running.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._quit.set()
        for thread in self._running:
            thread.join(3 * PATIENCE_S)
        self.misdeeds += [f"{thread.name} does not end" for thread in self._running if thread.is_alive()]

    def _run(self, rng: random.Random) -> None:
        while not self._quit.is_set():
            name = rng.choice(tuple(ACTS))
            misdeed, cut_off = "", False
            try:
                ACTS[name](self.place, rng)
            except Misdeed as error:
                misdeed = f"{name}: {error}"
            except OSError:
                cut_off = True
            with self._lock:
                self.done[name] += 1
                self.cut_off[name] += cut_off
                if misdeed and len(self.misdeeds) < ERRORS_KEPT:
                    self.misdeeds.append(misdeed)
            self._quit.wait(rng.uniform(0.0, 0.05))
