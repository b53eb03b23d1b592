"""One row of the hostile suite: bytes that a client may send, and what must become of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

HOST = b"Host: x\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST
WHOLE = GET + b"\r\n"
NEXT = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"  # whatever is served of it where a body was meant shows in a log
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


class End(Enum):
    """What the server does behind the last answer."""

    OPEN = "answers the next request"
    CLOSED = "closes"
    WAITS = "waits for more"


@dataclass(frozen=True)
class Case:
    """`answers` are the statuses of the final answers in order; each is a request that is counted, under a route or as `other`."""

    name: str
    data: bytes
    rfc: str  # the section that decides
    answers: tuple[int, ...]
    end: End
    bodiless: tuple[int, ...] = ()  # which answers are to HEAD, by position
    interim: int = 0  # how many "100 Continue" come
    aborted: int = 0  # requests that are counted, but end with their connection
    unanswered: str = ""  # the reason by which the connection is counted as closed unanswered
    other: int | None = None  # how many of the requests belong to no route, if that is not plain from the answers
    limit: bool = False  # a limit of the daemon's decides, which other servers and the admin endpoint do not share

    @property
    def n_other(self) -> int:
        return self.aborted + sum(s not in (200, 204, 304, 405, 412) for s in self.answers) if self.other is None else self.other


def good(name: str, data: bytes, rfc: str, *answers: int, **more: object) -> Case:
    """Served; the connection stays."""
    return Case(name, data, rfc, answers or (200,), End.OPEN, **more)  # type: ignore[arg-type]


def last(name: str, data: bytes, rfc: str, *answers: int, **more: object) -> Case:
    """Served, and closed behind the last answer."""
    return Case(name, data, rfc, answers or (200,), End.CLOSED, **more)  # type: ignore[arg-type]


def bad(name: str, data: bytes, rfc: str, status: int = 400, **more: object) -> Case:
    """Refused, with an answer, and closed."""
    return Case(name, data, rfc, (status,), End.CLOSED, **more)  # type: ignore[arg-type]


def silent(name: str, data: bytes, rfc: str, reason: str, *answers: int) -> Case:
    """Closed without an answer to what came last, and counted by its reason."""
    return Case(name, data, rfc, answers, End.CLOSED, unanswered=reason)


def waits(name: str, data: bytes, rfc: str, *answers: int, line: bool = False, part: bool = True, **more: object) -> Case:
    """A part of a request; `line`: the request line is whole, and so it is a request that ends with the connection; `part`: something of it
    is kept."""
    return Case(name, data, rfc, answers, End.WAITS, aborted=int(line), unanswered="gone" if part else "", **more)  # type: ignore[arg-type]
