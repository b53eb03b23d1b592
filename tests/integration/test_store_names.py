"""Databases and caches by their names: nothing of a worker waits for name servers but what needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from daemon import Daemon, wait_for
from database_support import as_json, ask, record
from http_client import Connection
from injected_faults import preload
from store_support import Postgres, Redis, Relay, postgres, redis  # noqa: F401 (fixtures)

Start = Callable[..., Daemon]


@dataclass(frozen=True)
class Store:
    """One kind of server behind a port. url: with a place for its host."""

    section: str
    name: str
    url: str
    target: str
    body: bytes

    def options(self, host: str, *more: str) -> tuple[str, ...]:
        return (f"{self.section}.url={self.url.replace('HOST', host)}", *(f"{self.section}.{option}" for option in more))


@pytest.fixture(params=["database", "cache"])
def behind(request: pytest.FixtureRequest, postgres: Postgres, redis: Redis) -> Iterator[Store]:  # noqa: F811
    relay = Relay(postgres.folder / ".s.PGSQL.5432" if request.param == "database" else redis.socket)
    if request.param == "database":
        yield Store("database", "PostgreSQL", f"postgresql://restmark@HOST:{relay.port}/restmark", "/db/record?id=7", as_json(record(7)))
    else:
        yield Store("cache", "Redis", f"redis://HOST:{relay.port}", "/cache/records?count=3", b"3")
    relay.close()


def threads(daemon: Daemon) -> int:
    (worker,) = daemon.workers()
    return len(list(Path(f"/proc/{worker}/task").iterdir()))


def serve(start: Start, silent: Path, *options: str) -> Daemon:
    return start("server.processes=1", *options, environment=preload(RESTMARK_NAMES_FAULT=silent))


def test_the_worker_serves_others_while_a_name_is_looked_up(start: Start, behind: Store, tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    silent.touch()
    daemon = serve(start, silent, *behind.options("late.test", "connect-timeout=300s", "timeout=300s"))
    with Connection((daemon.host, daemon.port), 60) as waits:
        waits.send(f"GET {behind.target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        wait_for("its question waits", lambda: daemon.status()["stores"][behind.section]["waiting"] == 1)
        for _ in range(20):
            assert ask(daemon, "/").status == 200
        assert threads(daemon) == 2
        silent.unlink()
        answer = waits.read()
    assert (answer.status, answer.body) == (200, behind.body)
    wait_for("the thread is gone", lambda: threads(daemon) == 1)


def test_an_address_takes_no_thread(start: Start, behind: Store, tmp_path: Path) -> None:
    """strace would tell more, but not on every machine: a name server that is silent for ever would be asked for nothing."""
    silent = tmp_path / "silent"
    silent.touch()
    daemon = serve(start, silent, *behind.options("127.0.0.1"))
    assert ask(daemon, behind.target).body == behind.body
    assert threads(daemon) == 1


def test_a_name_that_is_not_found_is_said(start: Start, behind: Store, tmp_path: Path) -> None:
    daemon = serve(start, tmp_path / "silent", *behind.options("nowhere.test"))
    daemon.wait_log(f"{behind.name} is away: the name nowhere.test cannot be looked up: ")
    assert ask(daemon, behind.target).status == 503
    assert ask(daemon, "/").status == 200


def test_a_lookup_that_takes_too_long_is_given_up_and_not_begun_a_second_time(start: Start, behind: Store, tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    silent.touch()
    daemon = serve(start, silent, *behind.options("late.test", "connect-timeout=50ms"))
    daemon.wait_log(f"{behind.name} is away: its name was not looked up within connect-timeout")
    assert ask(daemon, behind.target).status == 503
    wait_for("it has tried again", lambda: daemon.status()["stores"][behind.section]["lost"] >= 8)
    assert threads(daemon) == 2
    silent.unlink()
    assert wait_for("it is there", lambda: (a := ask(daemon, behind.target)).status == 200 and a).body == behind.body


def test_a_worker_does_not_wait_for_a_lookup_to_leave(start: Start, behind: Store, tmp_path: Path) -> None:
    silent = tmp_path / "silent"
    silent.touch()
    daemon = serve(start, silent, *behind.options("late.test", "connect-timeout=300s"))
    wait_for("it looks it up", lambda: threads(daemon) == 2)
    (before,) = daemon.workers()
    daemon.ask("reload")
    wait_for("another worker has its place", lambda: daemon.workers() != [before])
    daemon.signal(15)
    assert daemon.wait_exit() == 0
    assert silent.exists()


def test_of_several_hosts_the_one_that_is_there_is_taken(start: Start, postgres: Postgres, tmp_path: Path) -> None:  # noqa: F811
    relay = Relay(postgres.folder / ".s.PGSQL.5432")
    lists = [
        ("nowhere.test,127.0.0.1,late.test", f"1,1,{relay.port}"),
        (f"nowhere.test,{postgres.folder}", "1,5432"),
        (f"{postgres.folder},late.test", ""),
    ]
    for hosts, ports in lists:
        daemon = serve(start, tmp_path / "silent", f"database.url=postgresql://restmark@/restmark?host={hosts}&port={ports}", "database.pool=1")
        assert wait_for("it is there", lambda d=daemon: (a := ask(d, "/db/record?id=7")).status == 200 and a).body == as_json(record(7)), hosts
    relay.close()
