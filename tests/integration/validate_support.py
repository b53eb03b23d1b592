"""What the tests of POST /validate share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from daemon import Daemon, wait_for
from http_client import Response

Start = Callable[..., Daemon]
LIMIT = 1 << 20
FIELDS = ("id", "name", "description", "type", "count", "created_at")
GOOD: dict[str, Any] = {"id": 7, "name": "My name", "description": "", "type": "G", "count": 33, "created_at": 1569882498.5}


def dense(value: object) -> bytes:
    """As the server writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def posted(body: bytes, query: str = "", more: str = "", target: str = "/validate") -> bytes:
    return f"POST {target}{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    head = b"POST /validate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def padded(size: int) -> bytes:
    """A good record of exactly so many bytes."""
    body = dense(GOOD)
    return body[:-1] + b" " * (size - len(body)) + b"}"


def assert_refused(response: Response, status: int, field: str | None = None) -> str:
    assert (response.status, response.headers["content-type"]) == (status, "application/problem+json")
    problem = json.loads(response.body)
    assert problem["status"] == status
    detail = str(problem["detail"])
    if field is not None:
        assert f'"{field}"' in detail, detail
        assert not all(f'"{name}"' in detail for name in FIELDS), detail
    return detail


def body_memory(daemon: Daemon) -> int:
    return sum(worker["request_bodies_bytes"] for worker in daemon.status()["workers"])


def assert_given_back(daemon: Daemon) -> None:
    wait_for("no body takes memory", lambda: body_memory(daemon) == 0)
