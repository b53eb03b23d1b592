"""The server that does the work honestly. Cheaters are made of it, see server.py."""

from __future__ import annotations

import asyncio
import http
import json
import os
import re
import struct
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgpack

Record = dict[str, Any]

TEXT = "text/plain"
LARGEST_SEED = 2**31 - 1
REASONS = {status.value: status.phrase for status in http.HTTPStatus}


class BadQueryError(Exception):
    """The query is not what the route takes."""


def run_loop(n: int, seed: int) -> int:
    acc = seed
    for i in range(n):
        acc = acc + i
        if acc & 1:
            acc = 1_000_000 - acc
    return acc


def wrapped(value: int) -> int:
    """value in 64 signed bits."""
    return (value + 2**63) % 2**64 - 2**63


def shifted(record: Record, seed: int) -> Record:
    """The record as it is encoded for a digest."""
    moved = record["created_at"] + seed * 39 / 4194304
    return {**record, "id": wrapped(record["id"] + seed), "count": wrapped(record["count"] + seed), "created_at": moved}


def record_bytes(record: Record) -> bytes:
    """What is hashed of a decoded record."""
    numbers = struct.pack("<qqd", record["id"], record["count"], record["created_at"])
    return numbers + "\0".join((record["name"], record["description"], record["type"], "")).encode()


def digest_of_records(records: list[Record], k: int, seed: int) -> int:
    """The digest of decoded records."""
    crc = seed
    for _ in range(k):
        for record in records:
            crc = zlib.crc32(record_bytes(record), crc)
    return crc


class HonestServer:
    """Every route as it should be. What the cheaters change are its small methods."""

    content_types = {"/transfer-data": "application/json"}  # noqa: RUF012
    delay_s = 0.0
    closes = False
    refusal = 400

    def __init__(self, path: Path) -> None:
        self.encoded = msgpack.unpackb(path.read_bytes())
        self.records = [msgpack.unpackb(item) for item in self.encoded]
        self.full_json = self.to_json(self.records)
        self.answered = 0

    def to_json(self, records: list[Record]) -> bytes:
        return json.dumps(records, ensure_ascii=False, separators=(",", ":")).encode()

    def decode(self, count: int) -> list[Record]:
        return [msgpack.unpackb(item) for item in self.encoded[:count]]

    def parse(self, count: int) -> int:
        return len(self.decode(count))

    def parse_digest(self, count: int, k: int, seed: int) -> int:
        return digest_of_records(self.decode(count), k, seed)

    def encoded_length(self, count: int) -> int:
        return len(self.to_json(self.records[:count]))

    def encode_digest(self, count: int, k: int, seed: int) -> int:
        for _ in range(k):
            records = [shifted(record, seed) for record in self.records[:count]]
        text, crc = self.to_json(records), seed
        for _ in range(k):
            crc = zlib.crc32(text, crc)
        return crc

    def transfer(self, count: int) -> bytes:
        return self.full_json if count == len(self.records) else self.to_json(self.records[:count])

    def loop(self, n: int, seed: int) -> int:
        return run_loop(n, seed)

    def parameters(self, query: str, limits: dict[str, int]) -> dict[str, int]:
        values: dict[str, int] = {}
        for pair in query.split("&") if query else []:
            name, _, text = pair.partition("=")
            text = unquote(text)
            if name in values or name not in limits or not re.fullmatch("[0-9]{1,10}", text):
                raise BadQueryError(pair)
            values[name] = int(text)
            if values[name] > limits[name]:
                raise BadQueryError(pair)
        return values

    def work(self, path: str, query: str) -> bytes:
        if path == "/":
            self.parameters(query, {})
            return b"Welcome!\n"
        if path == "/million-loop":
            values = self.parameters(query, {"n": 100_000_000, "seed": LARGEST_SEED})
            return b"%d" % self.loop(values.get("n", 1_000_000), values.get("seed", 0))
        if path == "/transfer-data":
            return self.transfer(self.parameters(query, {"count": len(self.records)}).get("count", len(self.records)))
        values = self.parameters(query, {"count": len(self.records), "digest": 8, "seed": LARGEST_SEED})
        count, k, seed = values.get("count", len(self.records)), values.get("digest"), values.get("seed")
        if k == 0 or (k is None and seed is not None):
            raise BadQueryError(query)
        if path == "/parse-msgpack":
            return b"%d" % (self.parse(count) if k is None else self.parse_digest(count, k, seed or 0))
        return b"%d" % (self.encoded_length(count) if k is None else self.encode_digest(count, k, seed or 0))

    def respond(self, method: str, target: str) -> tuple[int, str, bytes]:
        """(status, Content-Type, body)"""
        path, _, query = target.partition("?")
        self.answered += 1
        if path not in ("/", "/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop"):
            return 404, TEXT, b"no such path\n"
        if method != "GET":
            return 405, TEXT, b"only GET\n"
        try:
            return 200, self.content_types.get(path, TEXT), self.work(path, query)
        except BadQueryError as error:
            return self.refusal, TEXT, f"bad parameter {error}\n".encode()

    def frame(self, status: int, content_type: str, body: bytes, method: str) -> bytes:
        head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + (b"" if method == "HEAD" else body)

    def send(self, writer: asyncio.StreamWriter, status: int, content_type: str, body: bytes, method: str) -> None:
        writer.write(self.frame(status, content_type, body, method))

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        return await reader.readuntil(b"\r\n\r\n")

    async def read_body(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        length = re.search(rb"\r\ncontent-length: ([0-9]{1,7})\r\n", head, re.IGNORECASE)
        return await reader.readexactly(int(length[1])) if length else b""

    async def answer(self, method: str, target: str, body: bytes) -> tuple[int, str, bytes]:
        return self.respond(method, target)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await self.read_request(reader)
                method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                body = await self.read_body(head, reader)
                status, content_type, body = await self.answer(method, target, body)
                self.send(writer, status, content_type, body, method)
                await writer.drain()
                if self.closes or writer.is_closing():
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()

    def stop(self) -> None:
        os._exit(0)
