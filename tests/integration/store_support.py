"""A PostgreSQL and a Redis of the test's own: Debian's programs in a private folder, on Unix sockets, as an unprivileged user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemon import DEADLINE_S, wait_for

N_RECORDS = 1000
SCHEMA = """
CREATE TABLE owner (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE record (id bigint PRIMARY KEY, owner_id bigint NOT NULL REFERENCES owner, category text NOT NULL,
    name text NOT NULL, description text NOT NULL, type text NOT NULL, count bigint NOT NULL, created_at double precision NOT NULL);
CREATE INDEX record_search ON record (category, created_at DESC, id DESC);
INSERT INTO owner SELECT i, 'owner ' || i FROM generate_series(0, 99) i;
INSERT INTO record SELECT i, i % 100, 'c' || lpad((i * 7919 % 100)::text, 2, '0'), 'My name', 'Some words on here so it looks full', 'U', 33,
    1569882498.9117897::float8 + (i % 1000) * 39 / 4194304::float8 + (i / 1000) * 86400 FROM generate_series(0, 1999) i;
ANALYZE;
"""


def _user(name: str) -> int | None:
    """Whom a server of the test's runs as: nobody special if the test itself is not root's."""
    return pwd.getpwnam(name).pw_uid if os.geteuid() == 0 else None


def _folder(user: int | None) -> Path:
    """With a short path, as a socket's may have no more than 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="store-", dir="/tmp"))
    folder.chmod(0o755)
    if user is not None:
        os.chown(folder, user, -1)
    return folder


def _end(process: subprocess.Popen[bytes] | None, number: int) -> None:
    if process and process.poll() is None:
        process.send_signal(number)
        process.wait(DEADLINE_S)


class Postgres:
    """Started when it is made; it has the database `restmark`, with the schema, of the superuser `restmark`."""

    def __init__(self, *settings: str) -> None:
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
        assert versions, "PostgreSQL is not installed: tests/run.sh installs it"
        self._bin, self._user, self._settings = versions[-1].parent, _user("postgres"), settings
        self.folder = _folder(self._user)
        self.process: subprocess.Popen[bytes] | None = None
        initdb: list[str | Path] = [self._bin / "initdb", "-D", self.folder / "data", "-U", "restmark", "-A", "trust", "-N", "--no-locale", "-E", "UTF8"]
        subprocess.run(initdb, check=True, capture_output=True, user=self._user, cwd="/", timeout=120)
        self.start()
        self.sql("CREATE DATABASE restmark", database="postgres")
        self.sql(SCHEMA)

    def url(self, database: str = "restmark", user: str = "restmark") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def start(self) -> None:
        settings = ["listen_addresses=", "shared_buffers=16MB", "fsync=off", *self._settings]
        command: list[str | Path] = [self._bin / "postgres", "-D", self.folder / "data", "-k", self.folder]
        for setting in settings:
            command += ["-c", setting]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, user=self._user, cwd="/")
        wait_for("PostgreSQL is up", lambda: self._sql("SELECT 1", "postgres").returncode == 0)

    def stop(self) -> None:
        """At once, as an administrator does it: sessions are ended, nothing is lost."""
        _end(self.process, signal.SIGINT)

    def _sql(self, text: str, database: str) -> subprocess.CompletedProcess[str]:
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", "restmark", "-d", database, "-c", text]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)

    def sql(self, text: str, database: str = "restmark") -> str:
        """What psql prints: a line for each row, its columns with | between them."""
        done = self._sql(text, database)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def locked(self, record: int) -> Iterator[None]:
        """The row is locked by somebody else for as long."""
        command = ["psql", "-X", "-q", "-A", "-t", "-h", str(self.folder), "-U", "restmark", "-d", "restmark"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as psql:
            assert psql.stdin and psql.stdout
            psql.stdin.write(f"BEGIN;\nSELECT id FROM record WHERE id = {record} FOR UPDATE;\n")
            psql.stdin.flush()
            assert psql.stdout.readline().strip() == str(record)
            yield
            psql.stdin.write("ROLLBACK;\n")
            psql.stdin.close()
            assert psql.wait(DEADLINE_S) == 0

    def waiting(self) -> int:
        """How many sessions wait for a lock."""
        return int(self.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)
        (self.folder.parent / f"{self.folder.name}.log").unlink()


class Relay:
    """A port on 127.0.0.1 that leads to a Unix socket, for servers that have none: theirs could be taken before they have it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._path))
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:  # the other direction has ended both
            target.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # which wakes accept()
        self._listener.close()


def encode(number: int, **others: object) -> bytes:
    """The record as MessagePack; `others` are other values of its fields."""

    def pack(value: object) -> bytes:
        if isinstance(value, str):
            raw = value.encode()
            return (bytes([0xA0 | len(raw)]) if len(raw) < 32 else struct.pack(">BH", 0xDA, len(raw))) + raw
        return struct.pack(">Bd", 0xCB, value) if isinstance(value, float) else struct.pack(">Bq", 0xD3, value)

    fields = {
        "id": number,
        "name": "My name",
        "description": "Some words on here so it looks full",
        "type": "U",
        "count": 33,
        "created_at": 1569882498.9117897 + number * 39 / 4194304,
        **others,
    }
    return b"\x86" + b"".join(pack(key) + pack(value) for key, value in fields.items())


class Redis:
    """Started when it is made, with record:0 … record:999."""

    def __init__(self, *settings: str) -> None:
        assert shutil.which("redis-server"), "Redis is not installed: tests/run.sh installs it"
        self._user, self._settings = _user("nobody"), settings
        self.folder = _folder(self._user)
        self.socket = self.folder / "redis.sock"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        command = ["redis-server", "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "777", "--save", "", "--dir", str(self.folder)]
        command += [word for setting in self._settings for word in setting.split(" ", 1)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, user=self._user, cwd="/")
        wait_for("Redis is up", self._answers)
        self.fill()

    def fill(self) -> None:
        self.tell("MSET", *(part for i in range(N_RECORDS) for part in (f"record:{i}".encode(), encode(i))))

    def _password(self) -> str:
        return next((s.split(" ", 1)[1] for s in self._settings if s.startswith("--requirepass ")), "")

    def _answers(self) -> bool:
        try:
            return self.tell("PING") == b"+PONG\r\n"
        except OSError:
            return False

    def tell(self, *words: str | bytes) -> bytes:
        """The first bytes of the answer to a command."""
        commands = [words] if not self._password() else [("AUTH", self._password()), words]
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(str(self.socket))
            for command in commands:
                raw = [w.encode() if isinstance(w, str) else w for w in command]
                client.sendall(b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in raw))
                answer = client.recv(65536)
            return answer

    def stop(self) -> None:
        _end(self.process, signal.SIGTERM)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.close()


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    server = Redis()
    yield server
    server.close()
