"""All back ends of a run or a verification: started or the user's own, filled, and taken away again."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..contestants import contestant as contestants_of
from ..contestants import requirements
from ..contestants.back_end_access import BackEndAccess
from ..contestants.cache import Cache
from ..contestants.contestant import Contestant
from ..model.back_end_records import BackEndFootprint, BackEndRecord, BackEndUse
from ..model.workloads import BACK_ENDS, CACHE, DATABASE, back_end_of
from ..store.dataset import Dataset
from . import addresses, start
from .addresses import Address
from .database import Database
from .key_values import KeyValues
from .statements import Counts, grown

NAME = "backends"  # by which 'restmark setup' knows them
DATABASE_CONNECTIONS = 4  # of each worker: with two workers eight, twice to four times what a database's CPU or two can use
CACHE_CONNECTIONS = 1


@dataclass(frozen=True)
class Wishes:
    """What the user says of them. database, cache: the addresses of his own; cpus: for those that are started, None: not pinned."""

    database: Address | None = None
    cache: Address | None = None
    database_connections: int = DATABASE_CONNECTIONS
    cpus: frozenset[int] | None = None

    def own(self, name: str) -> Address | None:
        """The user's own one of that name."""
        return self.database if name == DATABASE else self.cache


NO_WISHES = Wishes()


def wished(database_url: str | None, cache_url: str | None, database_connections: int, cpus: frozenset[int] | None) -> Wishes:
    """What the options of a command line say. Raises UsageFault."""
    return Wishes(
        database=addresses.given(database_url, "--database-url", addresses.DATABASE_SCHEMES, "RESTMARK_DATABASE_PASSWORD"),
        cache=addresses.given(cache_url, "--cache-url", addresses.CACHE_SCHEMES, "RESTMARK_CACHE_PASSWORD"),
        database_connections=database_connections,
        cpus=cpus,
    )


@dataclass(frozen=True)
class Use:
    """What the back ends have done so far. CPU times in nanoseconds, None where it is not known."""

    database_cpu_ns: int | None = None
    cache_cpu_ns: int | None = None
    counts: Counts = field(default_factory=Counts)


def between(before: Use, after: Use) -> BackEndUse:
    """What they did from one to the other."""
    counts = after.counts.since(before.counts)
    return BackEndUse(
        grown(before.database_cpu_ns, after.database_cpu_ns),
        grown(before.cache_cpu_ns, after.cache_cpu_ns),
        counts.statements,
        counts.transactions,
        counts.rows,
        counts.commands,
    )


@dataclass
class BackEnds:
    """Those that run. absent: why one does not, in words, by its name; credentials: the folder with their passwords, if there are some."""

    wishes: Wishes = NO_WISHES
    database: Database | None = None
    cache: KeyValues | None = None
    absent: dict[str, str] = field(default_factory=dict)
    credentials: str = ""

    @property
    def running(self) -> tuple[str, ...]:
        """The names of those that run."""
        return tuple(name for name, one in ((DATABASE, self.database), (CACHE, self.cache)) if one is not None)

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of those that do not."""
        return tuple(name for name in BACK_ENDS if name not in self.running)

    @property
    def access(self) -> BackEndAccess:
        """How servers reach them."""
        database, cache = self.database, self.cache
        return BackEndAccess(
            database_url=database.address.url if database else "",
            cache_url=cache.address.url if cache else "",
            database_connections=self.wishes.database_connections,
            cache_connections=CACHE_CONNECTIONS,
            secret_database_url=database.address.secret_url if database else "",
            secret_cache_url=cache.address.secret_url if cache else "",
            database_password=database.address.password if database else "",
            credentials=self.credentials,
        )

    def cpu_ns(self) -> tuple[int | None, int | None]:
        """CPU time of the database and of the cache so far."""
        return (self.database.cpu_ns() if self.database else None, self.cache.cpu_ns() if self.cache else None)

    def counts(self) -> Counts:
        """What they have counted so far."""
        ours = self.database.counts() if self.database else Counts()
        return Counts(ours.statements, ours.transactions, ours.rows, self.cache.counts().commands if self.cache else None)

    def begin(self) -> Use:
        """What they have done until now, when something is about to begin: counting comes first, so that its own work is before it."""
        counts = self.counts()
        return Use(*self.cpu_ns(), counts)

    def end(self) -> Use:
        """The same when it has ended: counting comes last, so that its own work is behind it."""
        database_ns, cache_ns = self.cpu_ns()
        return Use(database_ns, cache_ns, self.counts())

    def records(self, shares_with: str) -> list[BackEndRecord]:
        """For the record of a run. shares_with: whose CPUs they have, too."""
        found = []
        for name, one, connections in ((DATABASE, self.database, self.wishes.database_connections), (CACHE, self.cache, CACHE_CONNECTIONS)):
            if one is None:
                continue
            own = self.wishes.own(name) is not None
            cpus = None if own or self.wishes.cpus is None else sorted(self.wishes.cpus)
            found.append(BackEndRecord(name, one.version, own, cpus, "" if own else shares_with, connections, one.settings()))
        return found

    def footprint(self, contestant: str) -> BackEndFootprint:
        """What a contestant that runs alone holds of them."""
        database, cache = self.database, self.cache
        return BackEndFootprint(
            contestant,
            len(database.server_processes()) if database else 0,
            len(cache.connections()) if cache else 0,
            database.memory_kib() if database else None,
        )

    def tidy(self) -> None:
        """Makes the database as good as new between measurements."""
        if self.database:
            self.database.tidy()


def asked_by(contestants: Iterable[Contestant], routes: Collection[str] | None) -> tuple[str, ...]:
    """The back ends that these contestants ask on these routes (None: on all of theirs)."""
    asked = {back_end_of(route) for contestant in contestants for route in contestant.routes if routes is None or route in routes}
    return tuple(name for name in BACK_ENDS if name in asked)


def recipe() -> Contestant:
    """What it takes to start them: the part of a contestant that 'restmark setup' and 'restmark doctor' look at."""
    requires = tuple(requirement for name in BACK_ENDS for requirement in start.requires(name))
    return contestants_of.needing(Path(__file__).parent, NAME, NAME, "The database and the cache.", requires)


def unmet(name: str) -> str:
    """Why a back end of that name can not be started here, with the remedy; empty if it can."""
    lacking = [what for requirement in start.requires(name) if (what := requirements.shortfall(requirement))]
    return f"{'; '.join(lacking)}; remedy: restmark setup backends" if lacking else ""


@contextmanager
def running(wanted: Collection[str], wishes: Wishes, servers: int, data: Dataset, cache: Cache) -> Iterator[BackEnds]:
    """The back ends of these names for the length of a with block, filled with the dataset; those that can not be had here are absent.

    servers: workers of all servers that run at a time, for which there are connections enough. Raises EnvironmentFault, UsageFault.
    """
    found = BackEnds(wishes)
    with ExitStack() as stack:
        for name in BACK_ENDS:
            if name not in wanted:
                continue
            if wishes.own(name) is None and (why := unmet(name)):
                found.absent[name] = why
                continue
            if name == DATABASE:
                found.database = stack.enter_context(_database(wishes, servers, data, cache))
            else:
                found.cache = stack.enter_context(_cache(wishes, data, cache))
        found.credentials = stack.enter_context(_credentials(wishes))
        yield found


@contextmanager
def _credentials(wishes: Wishes) -> Iterator[str]:
    """A folder that only this user may read, with the passwords in files, as systemd would pass them on; "" if there are none."""
    passwords = {f"{name}-password": own.password for name in BACK_ENDS if (own := wishes.own(name)) is not None and own.password}
    if not passwords:
        yield ""
        return
    with tempfile.TemporaryDirectory(prefix="restmark-credentials-") as folder:
        for name, password in passwords.items():
            path = Path(folder, name)
            path.touch(0o600)
            path.write_text(password, encoding="utf-8")
        yield folder


@contextmanager
def _database(wishes: Wishes, servers: int, data: Dataset, cache: Cache) -> Iterator[Database]:
    if wishes.database is None:
        with start.postgres(wishes.cpus, servers * wishes.database_connections, cache) as database:
            database.fill(data, start.ROLE)
            yield database
        return
    database = Database(wishes.database, wishes.database.secret_url)
    try:
        database.fill(data, None)
        try:
            yield database
        finally:
            database.drop()
    finally:
        database.close()


@contextmanager
def _cache(wishes: Wishes, data: Dataset, cache: Cache) -> Iterator[KeyValues]:
    if wishes.cache is None:
        with start.redis(wishes.cpus, cache) as key_values:
            key_values.fill(data)
            yield key_values
        return
    key_values = KeyValues(wishes.cache)
    try:
        key_values.fill(data)
        try:
            yield key_values
        finally:
            key_values.drop()
    finally:
        key_values.close()
