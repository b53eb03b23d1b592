"""GET /, /wait and /million-loop as an ASGI application; granian makes HTTP/1.1 and HTTP/2 over TLS of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

_MAX_WAIT_MS = 10_000
_MAX_STEPS = 100_000_000
_HEADERS = [(b"content-type", b"text/plain; charset=utf-8")]


async def application(scope: dict[str, Any], receive: object, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """One request, or the server's begin and end, of which nothing is to be done."""
    del receive
    if scope["type"] != "http":
        return
    status, body = await _answer(scope["path"], scope["query_string"])
    headers = [*_HEADERS, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _answer(path: str, query: bytes) -> tuple[int, bytes]:
    if path == "/":
        return 200, b"Welcome!\n"
    asked = {name: int(values[0]) for name, values in parse_qs(query.decode("ascii")).items() if values[0].isdigit()}
    if path == "/wait" and 0 <= asked.get("ms", -1) <= _MAX_WAIT_MS:
        await asyncio.sleep(asked["ms"] / 1000)
        return 200, b"%d" % asked["ms"]
    if path == "/million-loop" and 0 <= asked.get("n", -1) <= _MAX_STEPS and "seed" in asked:
        return 200, b"%d" % _loop(asked["n"], asked["seed"])
    return (400 if path in ("/wait", "/million-loop") else 404), b"no such thing\n"


def _loop(n: int, seed: int) -> int:
    acc = seed
    for i in range(n):
        acc += i
        if acc & 1:
            acc = 1_000_000 - acc
    return acc
