#!/usr/bin/python3
"""A contestant that asks a real PostgreSQL and a real Redis, honestly, or cheats (or errs) in the one way that --cheat names."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote_to_bytes

import msgpack
import psycopg
import redis

FIELDS = ("id", "name", "description", "type", "count", "created_at")
COLUMNS = ", ".join(FIELDS)
SEARCH = (
    "SELECT r.id, r.name, r.description, r.type, r.count, r.created_at, o.name FROM record r JOIN owner o ON o.id = r.owner_id "
    "WHERE r.category = %s ORDER BY r.created_at DESC, r.id DESC LIMIT %s"
)
LARGEST_ID = 2**63 - 1


class Refused(Exception):
    """The answer is this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def number(text: str, largest: int) -> int:
    if not re.fullmatch("[0-9]{1,25}", text) or int(text) > largest:
        raise Refused(400)
    return int(text)


def parameters(query: str, names: tuple[str, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in query.split("&") if query else []:
        name, _, raw = pair.partition("=")
        try:
            text = unquote_to_bytes(raw.replace("+", " ")).decode()
        except UnicodeDecodeError:
            raise Refused(400) from None
        if name in values or name not in names:
            raise Refused(400)
        values[name] = text
    return values


class Honest:
    """Every route as it should be. What the cheaters change are its small methods."""

    autocommit = False

    def __init__(self, database_url: str, cache_url: str, connections: int, records: int) -> None:
        self.database_url, self.records = database_url, records
        self.idle: queue.LifoQueue[psycopg.Connection[Any] | None] = queue.LifoQueue()
        for _ in range(connections):
            self.idle.put(None)
        self.cache_lock = threading.Lock()
        self.cache = redis.Redis.from_url(cache_url) if cache_url else None

    def open(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self.database_url, autocommit=True)
        connection.prepare_threshold = 0
        return connection

    @contextlib.contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """One of the pool, opened anew where it was lost."""
        one = self.idle.get()
        try:
            if one is None or one.closed:
                one = self.open()
            yield one
        except psycopg.OperationalError:
            one = self.lost(one)
            raise Refused(503) from None
        finally:
            self.idle.put(one)

    def lost(self, one: psycopg.Connection[Any] | None) -> psycopg.Connection[Any] | None:
        if one is not None:
            one.close()
        return None

    def rows(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self.connection() as connection:
            return connection.execute(statement, values).fetchall()

    def record(self, one: int) -> Any:
        found = self.rows(f"SELECT {COLUMNS} FROM record WHERE id = %s", (one,))
        if not found:
            raise Refused(404)
        return dict(zip(FIELDS, found[0], strict=True))

    def many(self, ids: list[int]) -> Any:
        found = {row[0]: dict(zip(FIELDS, row, strict=True)) for row in self.rows(f"SELECT {COLUMNS} FROM record WHERE id = ANY(%s)", (ids,))}
        if not set(ids) <= set(found):
            raise Refused(404)
        return [found[one] for one in ids]

    def search(self, q: str, limit: int) -> Any:
        return [dict(zip((*FIELDS, "owner"), row, strict=True)) for row in self.rows(SEARCH, (q, limit))]

    def update(self, one: int) -> Any:
        with self.connection() as connection, connection.transaction():
            found = connection.execute(f"SELECT {COLUMNS} FROM record WHERE id = %s FOR UPDATE", (one,)).fetchone()
            if found is None:
                raise Refused(404)
            record = dict(zip(FIELDS, found, strict=True))
            record["count"] = (record["count"] + 1) % 1_000_000
            connection.execute("UPDATE record SET count = %s WHERE id = %s", (record["count"], one))
        return record

    def values(self, count: int) -> list[bytes]:
        if not count:
            return []
        assert self.cache is not None
        with self.cache_lock:
            try:
                found = self.cache.mget([f"record:{i}" for i in range(count)])
            except redis.ConnectionError:
                raise Refused(503) from None
        if None in found:
            raise Refused(500)
        return found

    def cached(self, count: int) -> list[Any]:
        try:
            return [msgpack.unpackb(value) for value in self.values(count)]
        except ValueError:
            raise Refused(500) from None

    def work(self, path: str, query: str) -> bytes:
        kind, _, name = path[1:].partition("/")
        if kind == "cache":
            given = parameters(query, ("count",))
            records = self.cached(number(given["count"], self.records) if "count" in given else self.records)
            return b"%d" % len(records) if name == "records" else to_json(records)
        if name == "search":
            given = parameters(query, ("q", "limit"))
            q, limit = given.get("q", ""), number(given.get("limit", "50"), 100)
            if not 1 <= len(q.encode()) <= 64 or not limit or "\0" in q:
                raise Refused(400)
            return to_json(self.search(q, limit))
        if name == "records":
            texts = parameters(query, ("ids",)).get("ids", "").split(",")
            if len(texts) > 100:
                raise Refused(400)
            return to_json(self.many([number(text, LARGEST_ID) for text in texts]))
        one = number(parameters(query, ("id",)).get("id", ""), LARGEST_ID)
        return to_json(self.update(one) if name == "update" else self.record(one))


class FromMemory(Honest):
    """Reads everything once, and answers from there; changes are written through."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.all = {row[0]: dict(zip(FIELDS, row, strict=True)) for row in self.rows(f"SELECT {COLUMNS} FROM record", ())}

    def record(self, one: int) -> Any:
        if one not in self.all:
            raise Refused(404)
        return self.all[one]

    def update(self, one: int) -> Any:
        record = super().update(one)
        self.all[one] = record
        return record


class KeepsValues(Honest):
    """Asks the cache once for each value."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.kept: dict[int, list[bytes]] = {}

    def values(self, count: int) -> list[bytes]:
        if count not in self.kept:
            self.kept[count] = super().values(count)
        return self.kept[count]


class CountsOnly(Honest):
    """Does not parse what it counts."""

    def work(self, path: str, query: str) -> bytes:
        if path != "/cache/records":
            return super().work(path, query)
        given = parameters(query, ("count",))
        return b"%d" % len(self.values(number(given["count"], self.records) if "count" in given else self.records))


class SkipsTheWrite(Honest):
    """Says that it has written."""

    def update(self, one: int) -> Any:
        record = self.record(one)
        return {**record, "count": (record["count"] + 1) % 1_000_000}


class EachStatementByItself(Honest):
    """Locks the row for as long as it takes to read it."""

    def update(self, one: int) -> Any:
        with self.connection() as connection:
            found = connection.execute(f"SELECT {COLUMNS} FROM record WHERE id = %s FOR UPDATE", (one,)).fetchone()
            if found is None:
                raise Refused(404)
            record = dict(zip(FIELDS, found, strict=True))
            record["count"] = (record["count"] + 1) % 1_000_000
            connection.execute("UPDATE record SET count = %s WHERE id = %s", (record["count"], one))
        return record


class LocksNothing(Honest):
    """Reads without FOR UPDATE, in a transaction."""

    def update(self, one: int) -> Any:
        with self.connection() as connection, connection.transaction():
            found = connection.execute(f"SELECT {COLUMNS} FROM record WHERE id = %s", (one,)).fetchone()
            if found is None:
                raise Refused(404)
            record = dict(zip(FIELDS, found, strict=True))
            record["count"] = (record["count"] + 1) % 1_000_000
            connection.execute("UPDATE record SET count = %s WHERE id = %s", (record["count"], one))
        return record


class LeavesOpen(Honest):
    """Forgets to roll back when there is no such row."""

    def update(self, one: int) -> Any:
        try:
            return super().update(one)
        except Refused:
            with self.connection() as connection:
                connection.execute("BEGIN")
                connection.execute("SELECT 1")
            raise


class OneByOne(Honest):
    """N + 1."""

    def many(self, ids: list[int]) -> Any:
        return [self.record(one) for one in ids]


class Interpolates(Honest):
    """Writes the category into the statement."""

    def search(self, q: str, limit: int) -> Any:
        statement = SEARCH.replace("%s", f"'{q}'", 1).replace("%s", str(limit))
        try:
            with self.connection() as connection:
                found = connection.execute(statement).fetchall()
        except psycopg.Error:
            found = []
        return [dict(zip((*FIELDS, "owner"), row, strict=True)) for row in found]


class Matches(Honest):
    """Takes the category for a pattern."""

    def search(self, q: str, limit: int) -> Any:
        found = self.rows(SEARCH.replace("category = ", "category LIKE "), (q, limit))
        return [dict(zip((*FIELDS, "owner"), row, strict=True)) for row in found]


class NeverReconnects(Honest):
    """Keeps a connection that is lost."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        kept = [self.open() for _ in range(self.idle.qsize())]
        self.idle = queue.LifoQueue()
        for one in kept:
            self.idle.put(one)

    @contextlib.contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        one = self.idle.get()
        assert one is not None
        try:
            yield one
        except psycopg.OperationalError:
            raise Refused(503) from None
        finally:
            self.idle.put(one)


class PreparesNothing(Honest):
    """Sends each statement's text each time."""

    def open(self) -> psycopg.Connection[Any]:
        connection = super().open()
        connection.prepare_threshold = None
        return connection


class TooMany(Honest):
    """Opens more connections than it may."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.more = [self.open() for _ in range(20)]


CHEATS: dict[str, type[Honest]] = {
    "none": Honest,
    "from-memory": FromMemory,
    "keeps-values": KeepsValues,
    "counts-only": CountsOnly,
    "skips-the-write": SkipsTheWrite,
    "each-by-itself": EachStatementByItself,
    "locks-nothing": LocksNothing,
    "leaves-open": LeavesOpen,
    "one-by-one": OneByOne,
    "interpolates": Interpolates,
    "matches": Matches,
    "never-reconnects": NeverReconnects,
    "prepares-nothing": PreparesNothing,
    "too-many": TooMany,
}


def handler(server: Honest) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 2**18
        disable_nagle_algorithm = True

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, _, query = self.path.partition("?")
            status, body = 200, b""
            due = "POST" if path.endswith("/update") else "GET"
            try:
                if path == "/":
                    if query:
                        raise Refused(400)
                    body = b"Welcome!\n"
                elif not re.fullmatch("/(db|orm)/(record|records|search|update)|/cache/(records|json)", path):
                    raise Refused(404)
                if self.command not in (due, "HEAD" if due == "GET" else due):
                    raise Refused(405)
                body = body or server.work(path, query)
            except Refused as refusal:
                status, body = refusal.status, HTTPStatus(refusal.status).phrase.encode()
            self.send_response(status)
            json_ = status == 200 and path not in ("/", "/cache/records")
            self.send_header("Content-Type", "application/json" if json_ else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Nothing."""

    for method in ("GET", "POST", "DELETE", "HEAD", "PUT"):
        setattr(Handler, f"do_{method}", Handler.answer)
    return Handler


class Server(ThreadingHTTPServer):
    """Threads, since the standard library has no loop for this."""

    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--label", "--host", "--port", "--dataset", "--cheat"):
        parser.add_argument(name)
    given = parser.parse_args()
    with open(given.dataset, "rb") as file:
        records = len(msgpack.unpackb(file.read()))
    environment = os.environ
    connections = int(environment["RESTMARK_DATABASE_CONNECTIONS"])
    work = CHEATS[given.cheat](environment["RESTMARK_DATABASE_URL"], environment["RESTMARK_CACHE_URL"], connections, records)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    Server.address_family = socket.AF_INET6 if ":" in given.host else socket.AF_INET
    Server((given.host, int(given.port)), handler(work)).serve_forever()


if __name__ == "__main__":
    sys.exit(main())
