"""Starts a PostgreSQL and a Redis of our own: as the Debian release has them, with the settings in this folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..contestants.cache import Cache
from ..contestants.contestant import Requirement
from ..host.supervised import SupervisedProcess
from ..model.errors import EnvironmentFault
from ..model.workloads import DATABASE
from . import private
from .addresses import Address
from .database import Database
from .key_values import KeyValues
from .private import Place

_HERE = Path(__file__).parent
POSTGRES = "/usr/lib/postgresql/*/bin/postgres"
REDIS = "redis-server"
ROLE = "restmark"
_ADMIN = "postgres"
_PYTHON_PACKAGES = "/usr/lib/python3/dist-packages"


def requires(name: str) -> tuple[Requirement, ...]:
    """What it takes to start the back end of that name. The database's program is in a folder of its version, and not on PATH."""
    if name == DATABASE:
        return (
            Requirement(POSTGRES, ("postgresql",), "the database"),
            Requirement(f"{_PYTHON_PACKAGES}/psycopg/__init__.py", ("python3-psycopg",), "the rig reads the database by it"),
        )
    return (
        Requirement(REDIS, ("redis-server",), "the cache"),
        Requirement(f"{_PYTHON_PACKAGES}/redis/__init__.py", ("python3-redis",), "the rig reads the cache by it"),
    )


def _postgres() -> Path | None:
    return private.newest(list(Path("/").glob(POSTGRES[1:])))


@contextmanager
def postgres(cpus: frozenset[int] | None, connections: int, cache: Cache) -> Iterator[Database]:
    """An empty database for the length of a with block, for so many connections of servers. Raises EnvironmentFault, StartFailed."""
    program = _postgres()
    if program is None:
        raise EnvironmentFault(f"there is no PostgreSQL here ({POSTGRES})", "restmark setup backends")
    with private.place("postgresql", _ADMIN, cpus, cache) as home:
        data = home.folder / "data"
        words = [str(program.with_name("initdb")), "-D", str(data), "-U", _ADMIN, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        private.run_to_end("initdb", words, home)
        _settings("postgresql.conf", data / "postgresql.conf", home)
        argv = [str(program), "-D", str(data), "-k", str(home.folder), "-c", f"max_connections={connections + 20}"]
        with SupervisedProcess(private.spec("postgresql", argv, home)) as process:
            admin = f"postgresql://{_ADMIN}@/{{}}?host={home.folder}"
            private.await_ready("PostgreSQL", process, home, lambda: _answers(admin.format(_ADMIN)))
            with _closing(Database(Address(""), admin.format(_ADMIN))) as first:
                first.execute(f"CREATE ROLE {ROLE} LOGIN")
                first.execute(f"CREATE DATABASE {ROLE}")
            address = Address(f"postgresql://{ROLE}@/{ROLE}?host={home.folder}")
            with _closing(Database(address, admin.format(ROLE), process)) as database:
                yield database
            process.stop(private.STOP_GRACE_S)


@contextmanager
def redis(cpus: frozenset[int] | None, cache: Cache) -> Iterator[KeyValues]:
    """An empty cache for the length of a with block. Raises EnvironmentFault, StartFailed."""
    program = shutil.which(REDIS)
    if program is None:
        raise EnvironmentFault(f"there is no Redis here ({REDIS})", "restmark setup backends")
    with private.place("redis", "redis", cpus, cache) as home:
        settings, socket = home.folder / "redis.conf", home.folder / "redis.sock"
        _settings("redis.conf", settings, home)
        argv = [program, str(settings), "--unixsocket", str(socket), "--dir", str(home.folder)]
        address = Address(f"unix://{socket}")
        with SupervisedProcess(private.spec("redis", argv, home)) as process:
            private.await_ready("Redis", process, home, lambda: "" if socket.exists() else "it does not listen")
            key_values = KeyValues(address, process)
            try:
                yield key_values
            finally:
                key_values.close()
            process.stop(private.STOP_GRACE_S)


def _settings(name: str, path: Path, home: Place) -> None:
    """Puts the settings of this folder where the program can read them, whatever its rights."""
    path.write_text((_HERE / name).read_text(encoding="utf-8"), encoding="utf-8")
    private.give(home, path)


@contextmanager
def _closing(database: Database) -> Iterator[Database]:
    try:
        yield database
    finally:
        database.close()


def _answers(url: str) -> str:
    try:
        with _closing(Database(Address(""), url)):
            return ""
    except EnvironmentFault as fault:
        return fault.message
