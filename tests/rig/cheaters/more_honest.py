"""The honest server with the three more routes. Those that cheat on them are made of it, see more_cheats.py."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from honest import TEXT, BadQueryError, HonestServer

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bench" / "peers" / "common" / "python"))

import schema
import siblings

JSON = "application/json"
Answer = tuple[int, str, bytes]


class MoreHonestServer(HonestServer):
    """All eight routes as they should be."""

    def checked(self, body: bytes, count: int | None) -> Any:
        return schema.checked(body, count)

    def refused(self, error: schema.SchemaError) -> bytes:
        return str(error).encode()

    async def pause(self, ms: int) -> None:
        due = time.monotonic() + ms / 1000
        while (left := due - time.monotonic()) > 0:  # the event loop's timers round down
            await asyncio.sleep(left)

    def record(self, number: int) -> bytes:
        return self.to_json(self.records[number : number + 1])[1:-1]

    def matches(self, name: str, parts: list[str]) -> bool:
        """Whether /NAME/ID/items/ITEM, or what of it there is, is a route."""
        return parts[0] == name and len(parts) in (2, 3, 4) and parts[2:3] in ([], ["items"])

    def others(self, parts: list[str]) -> Iterator[str]:
        """What the routes beside /record answer; none, if none of them is meant."""
        for name in siblings.NAMES:
            if self.matches(name, parts):
                yield " ".join([name, *parts[1:]])

    async def answer(self, method: str, target: str, body: bytes) -> Answer:
        path, _, query = target.partition("?")
        try:
            if path == "/validate":
                return self.validate(query, body) if method == "POST" else (405, TEXT, b"only POST\n")
            if path == "/wait" and method == "GET":
                ms = self.parameters(query, {"ms": 60_000}).get("ms", 100)
                await self.pause(ms)
                return 200, TEXT, b"%d" % ms
            return self.routed(method, path, query) or await super().answer(method, target, body)
        except BadQueryError as error:
            return self.refusal, TEXT, f"bad parameter {error}\n".encode()

    def validate(self, query: str, body: bytes) -> Answer:
        count = self.parameters(query, {"count": 1000}).get("count")
        if len(body) > schema.BODY_BYTES_MAX:
            return 413, TEXT, b"too large\n"
        try:
            found = self.checked(body, count)
        except schema.SchemaError as error:
            return 422, TEXT, self.refused(error)
        return 200, JSON, self.to_json(found)

    def routed(self, method: str, path: str, query: str) -> Answer | None:
        parts = path.split("/")[1:]
        found = 200, TEXT, next(self.others(parts), "").encode()
        if parts[0] == "record" and len(parts) == 2:
            number = int(parts[1]) if parts[1].isascii() and parts[1].isdigit() else len(self.records)
            self.parameters(query, {})
            found = (200, JSON, self.record(number)) if number < len(self.records) else (404, TEXT, b"")
        if path == "/wait":
            found = 200, TEXT, b"asked for by another method"
        if not found[2]:
            return None
        return found if method == "GET" else (405, TEXT, b"only GET\n")
