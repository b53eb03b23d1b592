"""An HTTP/1.1 client on a bare socket that checks the framing of every answer to the byte.

A ready-made client would mend what is to be found out: wrong lengths, closed connections, stray bytes.
"""

from __future__ import annotations

import re
import select
import socket
import time
from dataclasses import dataclass
from types import TracebackType

from ..host.ports import address
from ..model.workloads import WorkloadRequest

_MAX_HEAD_BYTES = 65536
_RECEIVE_BYTES = 262144
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([0-9]{3})(?: ([\t -~\x80-\xff]*))?\Z")
_FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*\Z", re.DOTALL)
_FIELD_VALUE = re.compile(rb"[\t -~\x80-\xff]*\Z")
_NO_BODY = (204, 304)


class ProbeError(Exception):
    """The server did not give a well-framed answer; the message says what came instead."""


class ConnectFailed(ProbeError):
    """No connection."""


class ConnectionEnded(ProbeError):
    """The server closed the connection before the answer was complete."""


class ClosedBeforeAnswer(ConnectionEnded):
    """The server closed the connection without a single byte of the answer."""


class AnswerTimeout(ProbeError):
    """No further byte within the timeout."""


class FramingError(ProbeError):
    """The answer breaks HTTP/1.1's framing."""


@dataclass(frozen=True)
class Response:
    """An answer as it came. framing: "content-length", "chunked" or "none" (no body is allowed)."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    framing: str
    content_length: int | None
    wire_bytes: int
    keeps_alive: bool

    def header(self, name: str) -> str | None:
        """The value of a header, None if it is absent; names compare without case."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None


def request_bytes(target: str, method: str = "GET", headers: tuple[str, ...] = ()) -> bytes:
    """A request as common load generators send it: HTTP/1.1 with Host and nothing about keep-alive."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def wire(request: WorkloadRequest) -> bytes:
    """A workload's request as it is sent; a body is JSON, and has a Content-Length."""
    if request.body is None:
        return request_bytes(request.target, request.method, ("Content-Length: 0",) if request.method == "POST" else ())
    return request_bytes(request.target, request.method, json_headers(len(request.body))) + request.body


def json_headers(body_bytes: int) -> tuple[str, ...]:
    """The headers of a JSON body of that length."""
    return ("Content-Type: application/json", f"Content-Length: {body_bytes}")


class Connection:
    """One TCP connection to a server."""

    def __init__(self, host: str, port: int, timeout_s: float = 10.0) -> None:
        """Connects. timeout_s bounds every wait for the next byte. Raises ConnectFailed."""
        try:
            self._socket = socket.create_connection((host, port), timeout_s)
        except OSError as error:
            raise ConnectFailed(f"no connection to {address(host, port)}: {error.strerror or error}") from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._timeout_s = timeout_s
        self._buffer = bytearray()
        self._acknowledges_all = False

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()

    def set_timeout(self, timeout_s: float) -> None:
        """Changes the bound of every wait for the next byte."""
        self._timeout_s = timeout_s
        self._socket.settimeout(timeout_s)

    def acknowledge_at_once(self) -> None:
        """Has the kernel not delay the next acknowledgements; it forgets that soon, so repeat it for each request."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def delay_acknowledgements(self) -> None:
        """Has the kernel delay the next acknowledgements, as it does on connections that are past their start."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)

    def acknowledge_all(self, at_once: bool) -> None:
        """Whether all that arrives is acknowledged at once, piece by piece, or as the kernel sees fit."""
        self._acknowledges_all = at_once

    def get(self, target: str) -> Response:
        """Sends a GET and reads its answer. Raises ProbeError."""
        self.send(request_bytes(target))
        return self.read()

    def ask(self, request: WorkloadRequest) -> Response:
        """Sends a workload's request and reads its answer. Raises ProbeError."""
        self.send(wire(request))
        return self.read()

    def send(self, data: bytes) -> None:
        """Sends data as it is. Raises ConnectionEnded."""
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise AnswerTimeout(f"the server took no bytes for {self._timeout_s:g} s") from None
        except OSError as error:
            raise ConnectionEnded(f"the connection was closed by the server ({error.strerror})") from None

    def waiting(self, wait_s: float) -> bool:
        """Whether the server sends anything (or closes) within wait_s, unread bytes included."""
        return bool(self._buffer) or bool(select.select([self._socket], [], [], wait_s)[0])

    def surplus(self, wait_s: float) -> bytes | None:
        """What follows the last answer within wait_s: b"" if nothing, None if the server closed the connection."""
        deadline = time.monotonic() + wait_s
        while not self._buffer and (left := deadline - time.monotonic()) > 0:
            if self.waiting(left) and not self._receive("waiting for surplus bytes"):
                return None
        return bytes(self._buffer)

    def read(self, method: str = "GET") -> Response:
        """Reads one answer to a request of that method. Raises ProbeError."""
        while True:
            head = self._read_head()
            version, status, reason, headers = _parse_head(head)
            if not 100 <= status < 200:
                break
        framing, length = _framing(method, status, headers)
        if framing == "chunked":
            before = len(head) + 4
            body, size = self._read_chunks()
            wire_bytes = before + size
        else:
            body = self._read_exactly(length or 0, f"the body ({length} bytes by Content-Length)")
            wire_bytes = len(head) + 4 + len(body)
        if method == "HEAD" or status in _NO_BODY:
            framing = "none"
        options = {
            item.strip().lower() for key, value in headers if key.lower() == "connection" for item in value.split(",")
        }
        keeps_alive = "close" not in options and (version == 1 or "keep-alive" in options)
        declared = _declared_length(headers)
        return Response(status, reason, tuple(headers), body, framing, declared, wire_bytes, keeps_alive)

    def _receive(self, what: str) -> bool:
        """Adds the next bytes to the buffer; False when the server closed. Raises AnswerTimeout, ConnectionEnded."""
        try:
            piece = self._socket.recv(_RECEIVE_BYTES)
        except TimeoutError:
            raise AnswerTimeout(f"no byte came for {self._timeout_s:g} s, {what}") from None
        except OSError as error:
            raise ConnectionEnded(f"the connection broke ({error.strerror}), {what}") from None
        self._buffer += piece
        if piece and self._acknowledges_all:
            self.acknowledge_at_once()  # sends what the kernel would delay
        return bool(piece)

    def _read_head(self) -> bytes:
        """The status line and the headers, without the empty line."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _MAX_HEAD_BYTES:
                raise FramingError(f"no end of the headers within {_MAX_HEAD_BYTES} bytes")
            try:
                more = self._receive(f"after {len(self._buffer)} bytes of the headers")
            except ConnectionEnded as error:
                raise error if self._buffer else ClosedBeforeAnswer(str(error)) from None
            if not more:
                if not self._buffer:
                    raise ClosedBeforeAnswer("the server closed the connection without an answer")
                raise ConnectionEnded(
                    f"the server closed the connection after {len(self._buffer)} bytes of the headers"
                )
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        return head

    def _read_exactly(self, size: int, what: str) -> bytes:
        while len(self._buffer) < size:
            state = f"after {len(self._buffer)} bytes of {what}"
            if not self._receive(state):
                raise ConnectionEnded(f"the server closed the connection {state}")
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _read_line(self, what: str) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _MAX_HEAD_BYTES:
                raise FramingError(f"{what} has no end")
            if not self._receive(f"reading {what}"):
                raise ConnectionEnded(f"the server closed the connection within {what}")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _read_chunks(self) -> tuple[bytes, int]:
        """The body of a chunked answer and its size on the wire."""
        body, wire_bytes = bytearray(), 0
        while True:
            line = self._read_line("a chunk's size line")
            digits = line.partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", digits):
                raise FramingError(f"a chunk's size is {line!r}")
            size = int(digits, 16)
            wire_bytes += len(line) + 2
            if size == 0:
                break
            body += self._read_exactly(size, f"a chunk of {size} bytes")
            if self._read_exactly(2, "the end of a chunk") != b"\r\n":
                raise FramingError(f"a chunk of {size} bytes is not followed by CR LF")
            wire_bytes += size + 2
        while line := self._read_line("a trailer"):
            wire_bytes += len(line) + 2
        return bytes(body), wire_bytes + 2


def _parse_head(head: bytes) -> tuple[int, int, str, list[tuple[str, str]]]:
    """(minor version, status, reason, headers). Raises FramingError."""
    lines = head.split(b"\r\n")
    match = _STATUS_LINE.match(lines[0])
    if not match:
        raise FramingError(f"the answer starts with {lines[0][:60]!r}, not with an HTTP/1.1 status line")
    headers = []
    for line in lines[1:]:
        field = _FIELD_LINE.match(line)
        if not field or not _FIELD_VALUE.match(field.group(2)):
            raise FramingError(f"malformed header line {line[:60]!r}")
        headers.append((field.group(1).decode("ascii"), field.group(2).decode("latin-1")))
    return int(match.group(1)), int(match.group(2)), (match.group(3) or b"").decode("latin-1"), headers


def _declared_length(headers: list[tuple[str, str]]) -> int | None:
    """The Content-Length. Raises FramingError if it is repeated or no number."""
    values = [value for key, value in headers if key.lower() == "content-length"]
    if not values:
        return None
    if len(values) > 1:
        raise FramingError(f"Content-Length is given {len(values)} times: {', '.join(values)}")
    if not re.fullmatch("[0-9]{1,15}", values[0]):
        raise FramingError(f"Content-Length is {values[0]!r}, not a number")
    return int(values[0])


def _framing(method: str, status: int, headers: list[tuple[str, str]]) -> tuple[str, int | None]:
    """How the body is delimited, and its length where known. Raises FramingError."""
    declared = _declared_length(headers)
    coding = [value.lower() for key, value in headers if key.lower() == "transfer-encoding"]
    if coding and declared is not None:
        raise FramingError("both Content-Length and Transfer-Encoding are given")
    if coding and coding != ["chunked"]:
        raise FramingError(f"Transfer-Encoding is {', '.join(coding)}; only chunked can be read")
    if method == "HEAD" or status in _NO_BODY:
        return "none", 0
    if coding:
        return "chunked", None
    if declared is None:
        raise FramingError("neither Content-Length nor chunked: the body would end only with the connection")
    return "content-length", declared
