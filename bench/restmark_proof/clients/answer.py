"""Reads one HTTP/1.1 answer piece by piece."""

from __future__ import annotations

from enum import Enum

HEAD_MAX = 65536
CHUNK_LINE_MAX = 4096


class Malformed(Exception):
    """What came is no HTTP answer."""


class _Framing(Enum):
    LENGTH = 1
    CHUNKED = 2
    UNTIL_END = 3


class Answer:
    """An answer to a GET request; `feed` until `complete`, then look."""

    def __init__(self) -> None:
        self.started = False
        self.complete = False
        self.status = 0
        self.headers: dict[str, str] = {}  # names in lower case
        self.body = bytearray()
        self.closes = False
        self.received = 0  # bytes, head included
        self._head = bytearray()
        self._framing: _Framing | None = None  # None: the head is not in yet
        self._left = 0  # of the body, or of the chunk
        self._chunks = bytearray()  # not decoded yet
        self._in_chunk = False
        self._last_chunk = False

    def feed(self, data: bytes) -> None:
        """Takes what was received. Raises Malformed, also for bytes behind the end of the answer."""
        self.started = True
        self.received += len(data)
        if self.complete:
            raise Malformed(f"{len(data)} bytes behind the answer: {data[:40]!r}")
        if self._framing is None:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                if len(self._head) > HEAD_MAX or not b"HTTP/1.".startswith(self._head[:7]):
                    raise Malformed(f"no HTTP answer: {bytes(self._head[:40])!r}")
                return
            data = bytes(self._head[end + 4 :])
            self._read_head(bytes(self._head[:end]))
        self._take_body(data)

    def end(self) -> bool:
        """The connection has ended: whether that completes the answer."""
        if self._framing is _Framing.UNTIL_END:
            self.complete = True
        return self.complete

    def _read_head(self, head: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1.") or not (len(words[1]) == 3 and words[1].isdecimal()):
            raise Malformed(f"no status line: {lines[0][:80]!r}")
        self.status = int(words[1])
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise Malformed(f"no header field: {line[:80]!r}")
            self.headers[name.strip().lower()] = value.strip()
        options = [option.strip().lower() for option in self.headers.get("connection", "").split(",")]
        self.closes = "close" in options or (words[0] == "HTTP/1.0" and "keep-alive" not in options)
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            self._framing = _Framing.CHUNKED
        elif "content-length" in self.headers:
            length = self.headers["content-length"]
            if not (length.isascii() and length.isdecimal()):
                raise Malformed(f"Content-Length: {length[:40]!r}")
            self._framing, self._left = _Framing.LENGTH, int(length)
        elif self.status in (204, 304):
            self._framing = _Framing.LENGTH
        else:
            self._framing, self.closes = _Framing.UNTIL_END, True

    def _take_body(self, data: bytes) -> None:
        if self._framing is _Framing.UNTIL_END:
            self.body += data
        elif self._framing is _Framing.LENGTH:
            self.body += data[: self._left]
            surplus = data[self._left :]
            self._left -= min(self._left, len(data))
            self.complete = self._left == 0
            if surplus:
                raise Malformed(f"{len(surplus)} bytes behind the answer: {surplus[:40]!r}")
        else:
            self._take_chunks(data)

    def _take_chunks(self, data: bytes) -> None:
        self._chunks += data
        while not self.complete:
            if self._in_chunk:
                if len(self._chunks) < self._left + 2:
                    return
                if self._chunks[self._left : self._left + 2] != b"\r\n":
                    raise Malformed("a chunk is not where it should end")
                self.body += self._chunks[: self._left]
                del self._chunks[: self._left + 2]
                self._in_chunk = False
                continue
            end = self._chunks.find(b"\r\n")
            if end < 0:
                if len(self._chunks) > CHUNK_LINE_MAX:
                    raise Malformed("a chunk has no size")
                return
            line = bytes(self._chunks[:end])
            del self._chunks[: end + 2]
            self._take_chunk_line(line)
        if self._chunks:
            raise Malformed(f"{len(self._chunks)} bytes behind the answer")

    def _take_chunk_line(self, line: bytes) -> None:
        """A chunk's size, or a trailer field, or the empty line that ends all."""
        if self._last_chunk:
            self.complete = line == b""
            return
        try:
            self._left = int(line.split(b";")[0].strip(), 16)
        except ValueError:
            raise Malformed(f"a chunk's size: {line[:40]!r}") from None
        self._in_chunk, self._last_chunk = self._left > 0, self._left == 0
