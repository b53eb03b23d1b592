"""A PostgreSQL that has the tables, and the rig's own connection to it: for reading, for changing rows behind a server's back, for counting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..host.supervised import SupervisedProcess
from ..model.errors import EnvironmentFault
from ..store.dataset import FIELDS, Dataset
from . import tables
from .addresses import Address
from .memory import pss_kib
from .statements import Counts

if TYPE_CHECKING:
    import psycopg

RIG = "restmark-rig"  # by which the rig's own connections are known from those of servers
_OURS = "made by restmark, which drops it after a run"
_FIELDS = ", ".join(FIELDS)
_CONNECT_S = 10
_TRANSACTION = r"^\s*(begin|start|commit|end|rollback|abort|savepoint|release)\y"


def connect(url: str) -> psycopg.Connection[Any]:
    """A connection of the rig's, each statement its own transaction. Raises EnvironmentFault."""
    try:
        import psycopg
    except ModuleNotFoundError:
        raise EnvironmentFault("the Python package psycopg is missing, by which the rig reads the database", "restmark setup backends") from None
    try:
        return psycopg.connect(url, autocommit=True, application_name=RIG, connect_timeout=_CONNECT_S)
    except psycopg.OperationalError as error:
        raise EnvironmentFault(f"no connection to the database: {str(error).strip()}", "see that it runs and lets you in: psql with the same URL") from None


class Database:
    """The database of a run. address: as servers get it; admin_url: as the rig reaches it; process: None for the user's own."""

    def __init__(self, address: Address, admin_url: str, process: SupervisedProcess | None = None) -> None:
        """Raises EnvironmentFault."""
        self.address = address
        self._admin_url = admin_url
        self._process = process
        self._connection = connect(admin_url)
        self.version = str(self.execute("SHOW server_version")[0][0])
        self._counted = False

    def close(self) -> None:
        """Ends the rig's connection."""
        self._connection.close()

    def execute(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows that a statement of the rig's brings, none if it brings none."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values, prepare=False)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def second(self) -> Iterator[psycopg.Connection[Any]]:
        """Another connection of the rig's, on which statements make up a transaction."""
        with connect(self._admin_url) as connection:
            connection.autocommit = False
            yield connection

    def fill(self, data: Dataset, role: str | None) -> None:
        """Makes the tables of the dataset, for a role that servers have (None: the rig's own), analysed and in memory.

        Raises EnvironmentFault if there are tables of these names that restmark has not made.
        """
        self._require_ours()
        rows = list(tables.records(data))
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS record, owner")
            cursor.execute(tables.SCHEMA.read_text(encoding="utf-8"))
            for table, columns, content in (("owner", ("id", "name"), tables.owners()), ("record", tables.RECORD_COLUMNS, iter(rows))):
                cursor.execute(f"COMMENT ON TABLE {table} IS '{_OURS}'")
                with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                    for row in content:
                        copy.write_row(row)
                if role is not None:
                    cursor.execute(f"GRANT SELECT, UPDATE ON {table} TO {role}")
        self.execute("VACUUM ANALYZE owner")
        self.execute("VACUUM ANALYZE record")
        self.execute("SELECT count(*), sum(length(r.description)) FROM record r JOIN owner o ON o.id = r.owner_id")
        self.execute("SELECT count(*) FROM (SELECT id FROM record ORDER BY category, created_at DESC, id DESC) AS all_of_them")
        self._counted = self._can_count()

    def drop(self) -> None:
        """Takes the tables away again, from the user's own database."""
        self._require_ours()
        self.execute("DROP TABLE IF EXISTS record, owner")

    def settings(self) -> dict[str, str]:
        """What figures depend on, as it says itself."""
        names = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_connections", "autovacuum", "jit", "max_parallel_workers_per_gather")
        return {name: str(self.execute("SELECT current_setting(%s)", (name,))[0][0]) for name in names}

    def tidy(self) -> None:
        """Clears away the old versions of rows that updates have left, so that no contestant finds more of them than another."""
        self.execute("VACUUM record")

    def _require_ours(self) -> None:
        found = self.execute(
            "SELECT relname, coalesce(obj_description(oid, 'pg_class'), '') FROM pg_class WHERE relname IN ('record', 'owner') "
            "AND relnamespace = 'public'::regnamespace"
        )
        for name, comment in found:
            if comment != _OURS:
                raise EnvironmentFault(
                    f"the database has a table {name} that restmark has not made; a run would take its place",
                    "make an empty database for restmark, and name that with --database-url",
                )

    def _can_count(self) -> bool:
        """Whether pg_stat_statements counts, having been switched on if need be and allowed."""
        if self._process is not None:
            self.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        import psycopg

        try:
            self.execute("SELECT calls FROM pg_stat_statements LIMIT 1")
        except psycopg.Error:  # not there, not preloaded, or not for this role
            return False
        return True

    @property
    def counted(self) -> bool:
        """Whether the database counts its statements."""
        return self._counted

    def counts(self) -> Counts:
        """What it has counted so far of servers' statements."""
        if not self._counted:
            return Counts()
        (row,) = self.execute(
            "SELECT coalesce(sum(calls) FILTER (WHERE s.query !~* %s), 0)::bigint, coalesce(sum(calls) FILTER (WHERE s.query ~* %s), 0)::bigint, "
            "coalesce(sum(rows), 0)::bigint FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles r ON r.oid = s.userid "
            "WHERE d.datname = current_database() AND r.rolname = %s AND s.query NOT LIKE '%%pg_stat_statements%%'",
            (_TRANSACTION, _TRANSACTION, self._role()),
        )
        return Counts(statements=row[0], transactions=row[1], rows=row[2])

    @contextmanager
    def counting_plans(self) -> Iterator[bool]:
        """Has it count how often it plans a statement, for the length of a with block, since that takes time. False: it is not ours to switch that on."""
        if self._process is None or not self._counted:
            yield False
            return
        try:
            self._count_plans("on")
            yield True
        finally:
            self._count_plans("off")

    def _count_plans(self, state: str) -> None:
        self.execute(f"ALTER SYSTEM SET pg_stat_statements.track_planning = {state}")
        self.execute("SELECT pg_reload_conf()")

    def plans(self) -> int:
        """How often it has planned servers' statements so far, while it counted."""
        (row,) = self.execute(
            "SELECT coalesce(sum(plans), 0)::bigint FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles r ON r.oid = s.userid "
            "WHERE d.datname = current_database() AND r.rolname = %s",
            (self._role(),),
        )
        return int(row[0])

    def _role(self) -> str:
        from urllib.parse import urlsplit

        return urlsplit(self.address.url).username or str(self.execute("SELECT current_user")[0][0])

    def server_processes(self) -> list[int]:
        """Pids of the database's processes that serve connections of others than the rig."""
        return [
            pid
            for (pid,) in self.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> %s", (RIG,)
            )
        ]

    def waiting_for_locks(self) -> int:
        """How many connections of others than the rig wait for somebody's lock."""
        return int(
            self.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name <> %s AND wait_event_type = 'Lock'", (RIG,)
            )[0][0]
        )

    def open_transactions(self) -> int:
        """How many connections of others than the rig have a transaction open and do nothing in it."""
        return int(
            self.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name <> %s AND state LIKE 'idle in transaction%%'",
                (RIG,),
            )[0][0]
        )

    def end_connections(self) -> int:
        """Ends all connections of others than the rig; returns how many there were."""
        pids = self.server_processes()
        for pid in pids:
            self.execute("SELECT pg_terminate_backend(%s)", (pid,))
        return len(pids)

    def memory_kib(self) -> int | None:
        """Memory of the processes that serve others, each page divided by those that map it, KiB; None where they are not ours to look at."""
        return pss_kib(self.server_processes()) if self._process is not None else None

    def cpu_ns(self) -> int | None:
        """CPU time of all of the database's processes so far, nanoseconds; None where it is the user's own."""
        return self._process.scope.cpu_ns() if self._process is not None else None

    def record(self, number: int) -> dict[str, Any] | None:
        """The row of that id as it is now; None if there is none."""
        rows = self.execute(f"SELECT {_FIELDS} FROM record WHERE id = %s", (number,))
        return dict(zip(FIELDS, rows[0], strict=True)) if rows else None

    def records(self, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Rows by their ids, as they are now; those that are not there are not in it."""
        rows = self.execute(f"SELECT {_FIELDS} FROM record WHERE id = ANY(%s)", (list(numbers),))
        return {row[0]: dict(zip(FIELDS, row, strict=True)) for row in rows}

    def search(self, q: str, limit: int) -> list[dict[str, Any]]:
        """The newest rows of a category, as they are now, each with its owner."""
        columns = ", ".join(f"r.{name}" for name in FIELDS)
        rows = self.execute(
            f"SELECT {columns}, o.name FROM record r JOIN owner o ON o.id = r.owner_id WHERE r.category = %s "
            "ORDER BY r.created_at DESC, r.id DESC LIMIT %s",
            (q, limit),
        )
        return [dict(zip((*FIELDS, "owner"), row, strict=True)) for row in rows]
