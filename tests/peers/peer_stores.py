"""A private PostgreSQL and Redis for tests of the peers: in a folder of their own, on Unix sockets alone, not as root.

The rows are those of docs/SPEC.md, and what the tests expect is read by psql.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peer_dataset
from peer_process import REPO

SCHEMA = REPO / "bench" / "restmark_rig" / "backends" / "schema.sql"
DATABASE_ROWS = 10_000
USER = "restmark"
TIMEOUT_S = 60.0
_FIELDS = "id, name, description, type, count, created_at"


def postgres_program(name: str) -> Path | None:
    """A program of the newest PostgreSQL that Debian has installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return found[-1] if found else None


def missing() -> str | None:
    """What is not installed."""
    if postgres_program("initdb") is None or shutil.which("redis-server") is None:
        return "PostgreSQL or Redis is not installed: apt-get install postgresql redis-server"
    return None


def _owner() -> list[str]:
    """How a program is started that refuses to be root's."""
    if os.geteuid() != 0:
        return []
    account = pwd.getpwnam("postgres")
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--"]


class Stores:
    """Both servers, running within the context, and what is in them."""

    def __init__(self, records: list[peer_dataset.Record]) -> None:
        self.records = records
        self.folder = Path(tempfile.mkdtemp(prefix="restmark-stores-", dir="/tmp"))  # a socket's path has 107 bytes at most
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")

    @property
    def database_url(self) -> str:
        return f"postgresql://{USER}@/restmark?host={self.folder}"

    @property
    def cache_url(self) -> str:
        return f"unix://{self.folder}/redis.sock"

    def __enter__(self) -> Stores:
        try:
            initdb = [str(postgres_program("initdb")), "-D", str(self.folder / "data"), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"]
            subprocess.run([*_owner(), *initdb, "--locale=C.UTF-8"], check=True, capture_output=True, timeout=TIMEOUT_S)
            self.start_database()
            self.start_cache()
            self._fill()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        for name in list(self.processes):
            self.stop(name)
        shutil.rmtree(self.folder)

    def _start(self, name: str, argv: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen([*_owner(), *argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)

    def start_database(self) -> None:
        """Starts it, and returns when it answers."""
        settings = {
            "listen_addresses": "", "unix_socket_directories": str(self.folder), "shared_preload_libraries": "pg_stat_statements",
            "fsync": "off", "jit": "off",
        }  # fmt: skip
        argv = [str(postgres_program("postgres")), "-D", str(self.folder / "data")]
        self._start("database", argv + [word for name, value in settings.items() for word in ("-c", f"{name}={value}")])
        self._until(lambda: subprocess.run([*self._psql("postgres"), "SELECT 1"], capture_output=True, check=False).returncode == 0, "PostgreSQL")

    def start_cache(self) -> None:
        """Starts it, and returns when it answers. What it had is written anew."""
        argv = ["redis-server", "--port", "0", "--unixsocket", str(self.folder / "redis.sock"), "--unixsocketperm", "777", "--save", ""]
        self._start("cache", argv)
        self._until(lambda: self.cache("PING") == b"+PONG\r\n", "Redis")
        self.fill_cache()

    def fill_cache(self) -> None:
        words = [word for i, record in enumerate(self.records) for word in (f"record:{i}".encode(), peer_dataset.pack(record))]
        assert self.cache("MSET", *words) == b"+OK\r\n"

    def stop(self, name: str) -> None:
        """Ends one of them as an administrator does who does not wait for its clients."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        process.wait(TIMEOUT_S)

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if holds():
                    return
            time.sleep(0.05)
        logs = "\n".join(path.read_text() for path in self.folder.glob("*.log"))
        raise AssertionError(f"{what} does not answer after {TIMEOUT_S} s:\n{logs}")

    def _psql(self, database: str = "restmark") -> list[str]:
        return [str(postgres_program("psql")), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", USER, "-d", database, "-c"]

    def sql(self, text: str, data: str = "", database: str = "restmark") -> str:
        """What psql says to a statement."""
        done = subprocess.run([*self._psql(database), text], input=data, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _fill(self) -> None:
        self.sql("CREATE DATABASE restmark", database="postgres")
        self.sql("CREATE EXTENSION pg_stat_statements")
        self.sql(SCHEMA.read_text(encoding="utf-8"))
        self.sql("COPY owner FROM STDIN", "".join(f"{i}\tOwner {i:02}\n" for i in range(100)))
        self.sql("COPY record (id, owner_id, category, name, description, type, count, created_at) FROM STDIN", "".join(map(self._row, range(DATABASE_ROWS))))
        self.sql("ANALYZE")

    def _row(self, i: int) -> str:
        record = self.records[i % len(self.records)]
        created_at = record["created_at"] + i // len(self.records) * 86_400
        fields = (i, i % 100, f"c{i * 7919 % 100:02}", record["name"], record["description"], record["type"], record["count"], repr(created_at))
        return "\t".join(str(field).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r") for field in fields) + "\n"

    def rows(self, condition: str, join: bool = False) -> list[dict[str, Any]]:
        """Rows as dicts in the JSON's order of fields."""
        columns = ", ".join(f"r.{name}" for name in _FIELDS.split(", ")) + (", o.name AS owner" if join else "")
        text = self.sql(f"SELECT row_to_json(x) FROM (SELECT {columns} FROM record r JOIN owner o ON o.id = r.owner_id {condition}) x")
        return [json.loads(line) for line in text.split("\n") if line]  # U+2028 ends no line here

    def by_ids(self, ids: list[int]) -> list[dict[str, Any]]:
        """One row for each id, in their order."""
        found = {row["id"]: row for row in self.rows(f"WHERE r.id IN ({', '.join(map(str, ids))})")}
        return [found[i] for i in ids]

    def search(self, category: str, limit: int) -> list[dict[str, Any]]:
        return self.rows(f"WHERE r.category = '{category}' ORDER BY r.created_at DESC, r.id DESC LIMIT {limit}", join=True)

    def statements(self) -> dict[str, int]:
        """How often each statement ran since forget_statements()."""
        text = self.sql("SELECT json_object_agg(query, calls) FROM (SELECT query, sum(calls) AS calls FROM pg_stat_statements GROUP BY query) x")
        return {query: calls for query, calls in (json.loads(text) or {}).items() if "pg_stat_statements" not in query}

    def forget_statements(self) -> None:
        self.sql("SELECT pg_stat_statements_reset()")

    def cache(self, *words: str | bytes) -> bytes:
        """The raw reply of Redis to one command."""
        encoded = [word.encode() if isinstance(word, str) else word for word in words]
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.connect(f"{self.folder}/redis.sock")
            connection.sendall(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded))
            # Nothing of it is left when the connection is closed.
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(1 << 16), b""))
