"""A small HTTP server of the workload / that does one thing wrong, for the tests of verdicts.

    server.py PORT FAULT [AT [FILE WORD]]

It behaves as long as fewer than AT connections (default 0) are open at once, so that it can pass verification, which
opens few, and go wrong under the load. One thread and epoll, and TCP_NODELAY unless the fault is "stall".

With FILE and WORD it answers nothing any more once WORD is in FILE, and makes FILE.held when it has been asked then: a test that
waits for this file finds the rig where it is to be found, however fast or slow both are.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time

BODY = b"Welcome!\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
SLEEP_S = 0.02
STUCK_S = 1.3
WORK_S = 0.002
AFTERMATH_S = 0.05
COLD_S = 0.002
COLD_ANSWERS = 400
GREED_BYTES = 1 << 20
ONE_IN = 20  # of the answers that are wrong now and then


def spin(seconds: float) -> None:
    """Uses the CPU."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


class Server:
    """All connections of one process."""

    def __init__(self, port: int, fault: str, at: int = 0, file: str = "", word: str = "") -> None:
        self._fault = fault
        self._at = at
        self._hold = (file, word.encode()) if file else None
        self._listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self._listener.setblocking(False)
        self._poll = select.epoll()
        self._poll.register(self._listener.fileno(), select.EPOLLIN)
        self._connections: dict[int, socket.socket] = {}
        self._received: dict[int, bytes] = {}
        self._answers = 0
        self._kept: list[bytes] = []
        self._spoilt = False

    def run(self) -> None:
        """Serves for ever."""
        while True:
            for fd, _ in self._poll.poll():
                if fd == self._listener.fileno():
                    self._accept()
                elif self._fault == "faithful":
                    self._stay(fd)
                else:
                    self._serve(self._connections[fd])

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, self._fault != "stall")
        self._connections[connection.fileno()] = connection
        self._received[connection.fileno()] = b""
        self._poll.register(connection.fileno(), select.EPOLLIN)

    def _stay(self, fd: int) -> None:
        """Serves one connection until it is closed, as a worker does that reads without a timeout."""
        self._connections[fd].setblocking(True)
        while connection := self._connections.get(fd):
            self._serve(connection)

    def _close(self, connection: socket.socket) -> None:
        self._poll.unregister(connection.fileno())
        del self._connections[connection.fileno()]
        connection.close()

    def _serve(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            if self._fault == "careless":
                self._poll.unregister(connection.fileno())  # it stays open, and is forgotten
            else:
                self._close(connection)
            return
        fd = connection.fileno()
        *requests, rest = (self._received[fd] + data).split(b"\r\n\r\n")
        self._received[fd] = rest
        for request in requests:
            if fd in self._connections:
                self._respond(connection, request)

    def _respond(self, connection: socket.socket, request: bytes) -> None:
        if self._hold:
            hold(*self._hold)
        self._answers += 1
        wrong = len(self._connections) >= self._at
        self._spoilt = self._spoilt or wrong
        try:
            if refusal := refuse(request):
                connection.sendall(refusal)
            else:
                self._answer(connection, self._fault if wrong or self._fault == "wrong" else "none")
        except (BrokenPipeError, ConnectionResetError):
            self._close(connection)

    def _answer(self, connection: socket.socket, fault: str) -> None:
        now = self._answers % ONE_IN == 0
        if fault == "error" and now:
            connection.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
        elif fault == "truncate" and now:
            connection.sendall(HEAD % 5 + BODY[:5])
        elif fault == "close" and now:
            connection.sendall(HEAD % len(BODY) + BODY[:5])
            self._close(connection)
        elif fault == "wrong" and self._spoilt:
            connection.sendall(HEAD % len(BODY) + BODY.upper())
        elif self._fault == "mute" and self._spoilt:
            pass
        elif fault == "greedy":
            self._kept.append(b"x" * GREED_BYTES)
            connection.sendall(HEAD % len(BODY) + BODY)
        elif fault == "endless":
            while True:
                spin(WORK_S)
        elif fault == "aftermath":
            if os.fork() == 0:
                spin(AFTERMATH_S)
                os._exit(0)
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            connection.sendall(HEAD % len(BODY) + BODY)
        elif fault == "crash" and now:
            os._exit(9)
        elif fault == "stall":
            connection.sendall(HEAD % len(BODY))
            connection.sendall(BODY)
        else:
            if fault == "sleep":
                time.sleep(SLEEP_S)
            elif fault == "stuck":
                time.sleep(STUCK_S)
            elif fault == "work":
                spin(WORK_S)
            elif fault == "cold" and self._answers < COLD_ANSWERS:
                spin(COLD_S * (1 - self._answers / COLD_ANSWERS))
            connection.sendall(HEAD % len(BODY) + BODY)


def hold(file: str, word: bytes) -> None:
    """Does not return once the word is in the file."""
    try:
        with open(file, "rb") as opened:
            if word not in opened.read():
                return
    except FileNotFoundError:
        return
    with open(file + ".held", "wb"):
        signal.pause()


def refuse(request: bytes) -> bytes:
    """The answer to anything but GET /; empty for that."""
    method, target = request.split(b" ", 2)[:2]
    path, _, query = target.partition(b"?")
    if path != b"/":
        status = b"404 Not Found"
    elif method != b"GET":
        status = b"405 Method Not Allowed"
    elif query:
        status = b"400 Bad Request"
    else:
        return b""
    return b"HTTP/1.1 %s\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n" % status


if __name__ == "__main__":
    Server(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0, *sys.argv[4:]).run()
