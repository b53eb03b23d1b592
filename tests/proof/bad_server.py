"""A server that misbehaves as the path asks it to, each way in which a request can be lost."""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from types import TracebackType

BODY = b"right\n"
LARGE = bytes(range(256)) * 512
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n" + BODY


def reset(connection: socket.socket) -> None:
    """Closes so that the peer gets a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class BadServer:
    """One thread per connection, on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address: tuple[str, int] = self.listener.getsockname()
        self.seen: Counter[str] = Counter()  # requests by path
        self.closed = threading.Semaphore(0)  # one for each connection that the server has ended
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._end = threading.Event()

    def __enter__(self) -> BadServer:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._end.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            for connection in self._open:
                if connection.fileno() >= 0:
                    connection.shutdown(socket.SHUT_RD)  # wakes its thread
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        self.listener.close()

    def _spawn(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        thread.start()
        self._threads.append(thread)

    def _accept(self) -> None:
        while not self._end.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.append(connection)
            self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        """Requests are small and come alone: one read is one request."""
        nth = 0
        try:
            while data := connection.recv(4096):
                path = data.split(b" ", 2)[1].decode()
                nth += 1
                with self._lock:
                    self.seen[path] += 1
                if not self._answer(connection, path, nth):
                    break
        except OSError:
            return  # the client has left, or this server has reset the connection
        finally:
            with self._lock:
                self._open.remove(connection)
                connection.close()
            self.closed.release()

    def _answer(self, connection: socket.socket, path: str, nth: int) -> bool:
        """Whether the connection is kept."""
        answers = {
            "/ok": OK,
            "/last": OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1),
            "/status": OK.replace(b"200 OK", b"503 Busy", 1),
            "/body": OK.replace(BODY, b"wrong\n"),
            "/garbage": b"220 mail.example ESMTP\r\n",
            "/no-length": OK.replace(b"Content-Length: 6", b"Content-Length: six", 1),
            "/surplus": OK + b"and more",
            "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nrig\r\n3\r\nht\n\r\n0\r\nTrailer: 1\r\n\r\n",
            "/chunk-cut": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrig\r\n3\r\nht",
            "/until-end": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
            "/cut": OK[:-3],
            "/cut-head": OK[:12],
            "/cut-reset": OK[:-3],
            "/closes-unsaid": OK,
            "/large": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE) + LARGE,
        }
        if path in ("/second-eof", "/second-reset", "/second-unread") and nth == 1:
            connection.sendall(OK)
            if path != "/second-unread":
                return True
            connection.recv(1, socket.MSG_PEEK)  # the second request lies in the queue when the close comes
            return False
        if path == "/silent":
            connection.recv(1)
        elif path in ("/reset", "/second-reset"):
            reset(connection)
        elif path == "/crumbs":
            for byte in OK:
                connection.sendall(bytes([byte]))
            return True
        elif path in answers:
            connection.sendall(answers[path])
        if path == "/cut-reset":
            reset(connection)  # the kernel hands out what came before it first
        return path in ("/ok", "/status", "/body", "/chunked", "/large")
