"""Fixed pieces of work of the rig's own, by whose CPU time the machine's speed is known.

Each is done on CPUs that are told, by threads of this process that pin themselves; the caller's affinity is left alone.
"""

from __future__ import annotations

import os
import random
import socket
import statistics
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

# Compression is branches, table look-ups and memory traffic within a core's caches, as servers' work is. Of several ways to
# spend a millisecond it followed the cost of requests on a disturbed machine most closely; a chain of dependent additions
# hardly shows a busy sibling thread.
_TEXT_BYTES = 64 * 1024
_COMPRESSIONS = 15
# An answer of the size that /transfer-data has. Where two virtual CPUs share no cache, its sender needs 2.5 times as long.
HANDOVER_BYTES = 128 * 1024
_HANDOVERS = 80
# What follows the thread scheduler's and the interpreter's moods is in the upper half of the handovers.
_HANDOVER_QUANTILE = 0.25
_HANDOVER_TIMEOUT_S = 10
# A CPU that has rested runs slowly at first: after 20 ms of rest the work took 1.5 times as long, and came down within 20 to
# 50 ms of work. A server under load does not rest.
_RAMP_S = 0.05


def _text() -> bytes:
    rng = random.Random(1)
    words = [f"{rng.getrandbits(20):x}".encode() for _ in range(400)]
    return b" ".join(rng.choice(words) for _ in range(_TEXT_BYTES // 4))[:_TEXT_BYTES]


_TEXT = _text()
_ANSWER = bytes(HANDOVER_BYTES)


def work_ns(cpus: Sequence[int], rested: bool = True) -> int:
    """CPU time of compressing 64 KiB, nanoseconds, on the slowest of the CPUs, which do it at the same time.

    rested: whether the CPUs may have rested before; takes some 55 ms then, and 5 ms else.
    """
    with ThreadPoolExecutor(len(cpus)) as threads:
        return max(threads.map(lambda cpu: _work_on(cpu, rested), cpus))


def _work_on(cpu: int, rested: bool) -> int:
    os.sched_setaffinity(0, {cpu})
    if rested:
        _ramp_up(_compress)
    return round(statistics.median(_timed_ns(_compress) for _ in range(_COMPRESSIONS)))


def _compress() -> None:
    zlib.compress(_TEXT, 1)


def handover_ns(server_cpu: int, client_cpu: int, rested: bool = True) -> int:
    """CPU time that a thread on server_cpu needs to send 128 KiB over loopback to one on client_cpu that asked for them,
    nanoseconds. rested: as of work_ns(); takes some 60 ms then, and 10 ms else. Raises OSError."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), _HANDOVER_TIMEOUT_S)
        server, _ = listener.accept()
    with client, server, ThreadPoolExecutor(2) as threads:
        # Each ends the connection when it ends, however that comes, so that the other one ends, too.
        asking, answering = threads.submit(_ask, client, client_cpu), threads.submit(_answer, server, server_cpu, rested)
        if error := asking.exception():
            raise error
        return answering.result()


@contextmanager
def _pinned_end(connection: socket.socket, cpu: int) -> Iterator[None]:
    """One end of the connection, used by this thread, on that CPU; blocking without poll(), and not for ever."""
    try:
        os.sched_setaffinity(0, {cpu})
        connection.settimeout(None)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            connection.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", _HANDOVER_TIMEOUT_S, 0))
        yield
    finally:
        with suppress(OSError):  # the other end may have ended it
            connection.shutdown(socket.SHUT_RDWR)


def _answer(server: socket.socket, cpu: int, rested: bool) -> int:
    def answer() -> None:
        if not server.recv(1):
            raise ConnectionError("the asking thread has ended")
        server.sendall(_ANSWER)

    with _pinned_end(server, cpu):
        if rested:
            _ramp_up(answer)
        times = sorted(_timed_ns(answer) for _ in range(_HANDOVERS))
        return times[int(_HANDOVERS * _HANDOVER_QUANTILE)]


def _ask(client: socket.socket, cpu: int) -> None:
    """Asks and reads until the other side has ended."""
    buffer = bytearray(2 * HANDOVER_BYTES)
    with _pinned_end(client, cpu), suppress(ConnectionError):
        client.send(b"?")
        left = HANDOVER_BYTES
        while received := client.recv_into(buffer):
            left -= received
            if not left:
                client.send(b"?")
                left = HANDOVER_BYTES


def _ramp_up(work: Callable[[], None]) -> None:
    ends = time.monotonic() + _RAMP_S
    while time.monotonic() < ends:
        work()


def _timed_ns(work: Callable[[], None]) -> int:
    started_ns = time.thread_time_ns()
    work()
    return time.thread_time_ns() - started_ns
