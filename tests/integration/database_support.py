"""Asking the routes under /db: what the records of store_support are as JSON, and a daemon with one worker that asks the database."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from daemon import Daemon
from http_client import Connection, Response
from store_support import Postgres, postgres  # noqa: F401 (a fixture)

Start = Callable[..., Daemon]


def record(number: int, count: int = 33) -> dict[str, Any]:
    created_at = 1569882498.9117897 + (number % 1000) * 39 / 4194304 + number // 1000 * 86400
    return {"id": number, "name": "My name", "description": "Some words on here so it looks full", "type": "U", "count": count, "created_at": created_at}


def as_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def ask(daemon: Daemon, target: str, method: str = "GET", headers: str = "") -> Response:
    with Connection((daemon.host, daemon.port), 30) as connection:
        return connection.request(target, method, headers)


def store(daemon: Daemon, which: str = "database") -> dict[str, int]:
    return daemon.status()["stores"][which]  # type: ignore[no-any-return]


@pytest.fixture
def serve(start: Start, postgres: Postgres) -> Start:  # noqa: F811
    """One worker, so that all requests meet in it."""

    def serve_one(*options: str, **keywords: Any) -> Daemon:
        if not any(o.startswith("database.url=") for o in options):
            options = (f"database.url={postgres.url()}", *options)
        return start("server.processes=1", *options, **keywords)

    return serve_one


def send_update(daemon: Daemon, number: int) -> Connection:
    connection = Connection((daemon.host, daemon.port), 60)
    connection.send(f"POST /db/update?id={number} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return connection
