"""The back ends themselves: started in private, filled, gone whatever happens; or the user's own, with a password that nobody sees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from restmark_rig.backends import addresses, answers, back_ends, start, tables
from restmark_rig.backends.addresses import CACHE_SCHEMES, DATABASE_SCHEMES, Address
from restmark_rig.backends.back_ends import Wishes
from restmark_rig.backends.database import Database
from restmark_rig.contestants.cache import Cache
from restmark_rig.model.errors import DatasetError, EnvironmentFault, UsageFault
from restmark_rig.model.workloads import (
    BACK_END_ROUTES,
    BACK_ENDS,
    DB_CATEGORIES,
    DB_OWNERS,
    DB_ROWS,
    UPDATE_ROUTES,
    back_end_of,
    full,
    loaded,
    row,
    search,
)
from restmark_rig.server.http_probe import wire
from restmark_rig.store import dataset
from restmark_rig.store.dataset import Dataset

from .helpers import PYTHON, ROOT, processes_mentioning, wait_until

present = pytest.mark.skipif(any(map(back_ends.unmet, BACK_ENDS)), reason="; ".join(filter(None, map(back_ends.unmet, BACK_ENDS))))
pytestmark = pytest.mark.xdist_group("back ends")


def given(text: str, schemes: tuple[str, ...] = DATABASE_SCHEMES, **environment: str) -> Address | None:
    return addresses.given(text, "--database-url", schemes, "RESTMARK_DATABASE_PASSWORD", environment)


def test_a_password_stands_in_a_file_or_the_environment_and_not_on_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="everybody on this machine can read"):
        given("postgresql://me:secret@host/db")
    file = tmp_path / "url"
    file.write_text("postgresql://me:se%2Fcret@host:5433/db?sslmode=require\n")
    found = given(f"@{file}")
    assert found == Address("postgresql://me@host:5433/db?sslmode=require", "se/cret")
    assert found.secret_url == "postgresql://me:se%2Fcret@host:5433/db?sslmode=require"
    assert "cret" not in repr(found)
    told = given("postgresql://me@host/db", RESTMARK_DATABASE_PASSWORD="x")
    assert told is not None and told.secret_url == "postgresql://me:x@host/db"
    assert addresses.given(None, "--cache-url", CACHE_SCHEMES, "X", {}) is None


@pytest.mark.parametrize(
    ("text", "schemes", "says"),
    [
        ("mysql://x/y", DATABASE_SCHEMES, "does not begin with postgresql://"),
        ("http://x", CACHE_SCHEMES, "does not begin with redis://"),
        ("@/no/such/file", DATABASE_SCHEMES, "can not be read"),
        ("postgresql://[x", DATABASE_SCHEMES, "IPv6"),
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text: str, schemes: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageFault, match=says) as raised:
        given(text, schemes)
    assert raised.value.remedy


def test_rows_are_those_of_the_specification(default_dataset: Dataset) -> None:
    found = list(tables.records(default_dataset))
    assert len(found) == DB_ROWS and len(list(tables.owners())) == DB_OWNERS
    assert found[0] == (0, 0, "c00", "My name", "Some words on here so it looks full", "U", 33, 1569882498.9117897)
    assert found[4321][:3] == (4321, 21, f"c{4321 * 7919 % 100:02}")
    assert found[4321][7] == default_dataset.records[321]["created_at"] + 4 * 86400
    assert {entry[2] for entry in found} == {f"c{number:02}" for number in range(DB_CATEGORIES)}


def test_what_postgresql_can_not_hold_is_refused(tmp_path: Path) -> None:
    record = {**dataset.default_records(1)[0], "name": "a\0b"}
    path = tmp_path / "zero"
    path.write_bytes(dataset.encode((record,)))
    with pytest.raises(DatasetError, match="zero character"):
        list(tables.records(dataset.read(path)))
    path.write_bytes(dataset.encode(()))
    with pytest.raises(DatasetError, match="has no records"):
        list(tables.records(dataset.read(path)))


def test_requests_of_a_load_vary_with_the_seed_and_are_equal_for_driver_and_orm() -> None:
    for route in BACK_END_ROUTES:
        one, other = loaded(route, 1000, "1:1"), loaded(route, 1000, "1:2")
        assert len(one) >= 4 and one == loaded(route, 1000, "1:1") and one != other
        assert {request.route for request in one} == {route}
        assert all(request.method == ("POST" if route in UPDATE_ROUTES else "GET") for request in one)
    driver, orm = loaded("/db/search", 1000, "1"), loaded("/orm/search", 1000, "1")
    assert [request.target.replace("/db/", "/orm/") for request in driver] == [request.target for request in orm]
    assert b"Content-Length: 0\r\n" in wire(row("/db/update", 3))
    assert search("/db/search", "a b&c=ä/%").target == "/db/search?q=a%20b%26c%3D%C3%A4%2F%25"
    assert {back_end_of(route) for route in BACK_END_ROUTES} == set(BACK_ENDS)


@contextmanager
def private(data: Dataset, folder: Path) -> Iterator[back_ends.BackEnds]:
    with back_ends.running(BACK_ENDS, back_ends.NO_WISHES, 2, data, Cache(folder)) as found:
        assert found.absent == {}
        yield found


@present
def test_they_run_in_private_are_filled_and_go(tmp_path: Path, default_dataset: Dataset) -> None:
    with private(default_dataset, tmp_path) as found:
        database, cache = found.database, found.cache
        assert database is not None and cache is not None
        folder = Path(database.address.url.partition("host=")[2])
        assert folder.stat().st_mode & 0o077 == 0
        if os.geteuid() == 0:
            assert folder.stat().st_uid != 0
        assert database.settings()["fsync"] == "on" and database.settings()["synchronous_commit"] == "on"
        assert database.counted
        assert answers.expected(found, full("/cache/json"), 1000) == default_dataset.json(1000)
        before = found.begin()
        assert database.record(9999) is not None  # the rig's own reading is in no figure
        assert back_ends.between(before, found.end()).statements == 0
        first = found.begin()
        with Database(database.address, database.address.url).second() as other:
            other.execute("SELECT 1")
        used = back_ends.between(first, found.end())
        assert used.statements is not None and used.statements >= 1
        assert used.database_cpu_ns is not None and used.database_cpu_ns > 0
    assert not folder.exists() and found.cpu_ns is not None


KILLED = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from restmark_rig.backends import back_ends
from restmark_rig.contestants.cache import Cache
from restmark_rig.model.workloads import BACK_ENDS
from restmark_rig.store import dataset
cache = Cache(Path(sys.argv[2]))
with back_ends.running(BACK_ENDS, back_ends.NO_WISHES, 2, dataset.write_default(cache.folder("d") / "d"), cache) as found:
    print(found.access.database_url.partition("host=")[2], Path(found.access.cache_url.removeprefix("unix://")).parent, flush=True)
    time.sleep(600)
"""


@present
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_they_go_with_the_rig_however_it_ends(tmp_path: Path, number: signal.Signals) -> None:
    rig = subprocess.Popen([PYTHON, "-c", KILLED, str(ROOT / "bench"), str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert rig.stdout is not None
    folders = [Path(text) for text in rig.stdout.readline().split()]
    assert len(folders) == 2 and all(folder.is_dir() for folder in folders)
    rig.send_signal(number)
    rig.wait(60)
    rig.stdout.close()
    assert wait_until(lambda: not any(folder.exists() for folder in folders))
    for folder in folders:
        assert wait_until(lambda folder=folder: not processes_mentioning(str(folder)))  # type: ignore[misc]


@present
def test_the_users_own_are_used_and_left_as_they_were(tmp_path: Path, default_dataset: Dataset) -> None:
    """Another rig's private ones stand for them, with a password."""
    with start.postgres(None, 20, Cache(tmp_path / "own")) as theirs, start.redis(None, Cache(tmp_path / "own")) as their_cache:
        theirs.execute("ALTER ROLE restmark PASSWORD 'sec/ret'")
        theirs.execute("GRANT CREATE ON SCHEMA public TO restmark")
        own = Wishes(Address(theirs.address.url, "sec/ret"), their_cache.address)
        with back_ends.running(BACK_ENDS, own, 2, default_dataset, Cache(tmp_path)) as found:
            assert found.running == BACK_ENDS
            assert answers.expected(found, row("/db/record", 7), 1000).startswith(b'{"id":7,"name"')
            assert found.cpu_ns() == (None, None)  # which is not known of what is not the rig's
            told = json.dumps([str(found.records("")), str(found.access), str(found.wishes), found.access.recorded().values])
            assert "sec/ret" not in told and "sec%2Fret" not in told
            assert "sec%2Fret" in str(found.access.secret_values["database_url"])
            assert found.access.secret_variables["PGPASSWORD"] == "sec/ret"
            kept = Path(found.access.credentials, "database-password")
            assert kept.read_text() == "sec/ret" and kept.stat().st_mode & 0o077 == 0 and kept.parent.stat().st_mode & 0o077 == 0
            assert all(record.own and record.cpus is None for record in found.records("client"))
        assert not kept.exists()
        assert theirs.execute("SELECT count(*) FROM pg_class WHERE relname IN ('record', 'owner')") == [(0,)]
        assert their_cache.get(0) is None
        theirs.execute("CREATE TABLE record (id int)")
        with pytest.raises(EnvironmentFault, match="a table record that restmark has not made"), back_ends.running(
            BACK_ENDS, own, 2, default_dataset, Cache(tmp_path)
        ):
            pass
        their_cache.put(0, b"theirs")
        with pytest.raises(EnvironmentFault, match="a key record:0"), back_ends.running(
            ("cache",), own, 2, default_dataset, Cache(tmp_path)
        ):
            pass
        assert their_cache.get(0) == b"theirs"


def test_what_is_not_there_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, default_dataset: Dataset) -> None:
    assert start.requires(BACK_ENDS[0])[0].command == start.POSTGRES  # of whatever version: one that was found would be none before an installation
    monkeypatch.setattr(start, "POSTGRES", "/no/such/*/postgres")
    monkeypatch.setattr(start, "REDIS", "no-such-redis")
    with back_ends.running(BACK_ENDS, back_ends.NO_WISHES, 2, default_dataset, Cache(tmp_path)) as found:
        assert set(found.absent) == set(BACK_ENDS) and found.missing == BACK_ENDS
        assert all("restmark setup backends" in why for why in found.absent.values())
