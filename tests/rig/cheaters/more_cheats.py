"""Servers that skip what the three more routes demand."""

from __future__ import annotations

import json
import time
from typing import Any

from more_honest import MoreHonestServer, schema, siblings

_FIELDS = ("id", "name", "description", "type", "count", "created_at")


class ValidationSkipped(MoreHonestServer):
    """Parses and encodes, and does not look at what it has."""

    def checked(self, body: bytes, count: int | None) -> Any:
        try:
            return self.in_order(json.loads(body))
        except (ValueError, RecursionError) as error:
            raise schema.SchemaError(str(error)) from error

    def in_order(self, found: Any) -> Any:
        if isinstance(found, list):
            return [self.in_order(item) for item in found]
        return {name: found[name] for name in _FIELDS if name in found} if isinstance(found, dict) else found


class Echo(MoreHonestServer):
    """Checks, and sends the body back."""

    def validate(self, query: str, body: bytes) -> tuple[int, str, bytes]:
        status, content_type, answer = super().validate(query, body)
        return status, content_type, body if status == 200 else answer


class BytesForCharacters(MoreHonestServer):
    """Takes a length in bytes for one in characters."""

    def checked(self, body: bytes, count: int | None) -> Any:
        found = super().checked(body, count)
        for record in found if count is not None else [found]:
            if len(record["name"].encode()) > 100:
                raise schema.SchemaError("name is too long")
        return found


class NamesNoField(MoreHonestServer):
    """Says that something is wrong, and not what."""

    def refused(self, error: schema.SchemaError) -> bytes:
        return b"invalid\n"


class NamesAllFields(MoreHonestServer):
    """Says that something is wrong with one of all fields."""

    def refused(self, error: schema.SchemaError) -> bytes:
        return f"one of {', '.join(_FIELDS)}\n".encode()


class TakesTooMuch(MoreHonestServer):
    """Takes bodies of any size."""

    def validate(self, query: str, body: bytes) -> tuple[int, str, bytes]:
        return super().validate(query, body.strip())


class CachedBodies(MoreHonestServer):
    """Keeps the answers to bodies."""

    kept: dict[tuple[str, bytes], tuple[int, str, bytes]] = {}  # noqa: RUF012

    def validate(self, query: str, body: bytes) -> tuple[int, str, bytes]:
        if (query, body) not in self.kept:
            self.kept[query, body] = super().validate(query, body)
        return self.kept[query, body]


class WaitsNot(MoreHonestServer):
    """Answers at once."""

    async def pause(self, ms: int) -> None:
        """Does not wait."""


class WaitsLess(MoreHonestServer):
    """Answers ten milliseconds early."""

    async def pause(self, ms: int) -> None:
        await super().pause(max(0, ms - 10))


class SpinningWait(MoreHonestServer):
    """Waits by looking at the clock."""

    async def pause(self, ms: int) -> None:
        due = time.monotonic() + ms / 1000
        while time.monotonic() < due:
            pass


class PrefixRouter(MoreHonestServer):
    """Finds a route by how the path begins."""

    def matches(self, name: str, parts: list[str]) -> bool:
        return parts[0].startswith(name) and len(parts) > 1


class FirstRecord(MoreHonestServer):
    """Encoded one record once."""

    def record(self, number: int) -> bytes:
        return super().record(0)


class LacksARoute(MoreHonestServer):
    """Has 98 routes."""

    def matches(self, name: str, parts: list[str]) -> bool:
        return super().matches(name, parts) and not (name == siblings.NAMES[-1] and len(parts) == 4)


class FallsOverDigits(MoreHonestServer):
    """Closes the connection on digits of another script."""

    async def answer(self, method: str, target: str, body: bytes) -> tuple[int, str, bytes]:
        if "%D9%A3" in target and target.startswith("/record/"):
            raise ConnectionError
        return await super().answer(method, target, body)
