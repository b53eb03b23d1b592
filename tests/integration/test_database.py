"""The routes under /db, asked of a real PostgreSQL: right answers, refusals, and the bad days."""

from __future__ import annotations

import json
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from daemon import Daemon, run, wait_for
from http_client import Connection, Load, Response
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


# ---- right answers ----


def test_reading(serve: Start, postgres: Postgres) -> None:  # noqa: F811
    daemon = serve()
    assert ask(daemon, "/db/record?id=7").body == as_json(record(7))
    assert ask(daemon, "/db/record?id=7").headers["content-type"] == "application/json"
    assert ask(daemon, "/db/record?id=%30%37").body == as_json(record(7))
    assert ask(daemon, "/db/records?ids=5,1999,3,5").body == as_json([record(5), record(1999), record(3), record(5)])
    many = [(7 * i) % 2000 for i in range(100)]
    assert ask(daemon, "/db/records?ids=" + ",".join(map(str, many))).body == as_json([record(i) for i in many])
    found = sorted((i for i in range(2000) if i * 7919 % 100 == 33), key=lambda i: (-record(i)["created_at"], -i))
    owned = [{**record(i), "owner": f"owner {i % 100}"} for i in found]
    assert len(owned) == 20
    assert ask(daemon, "/db/search?q=c33").body == as_json(owned)
    assert ask(daemon, "/db/search?q=c%33%33&limit=3").body == as_json(owned[:3])
    assert ask(daemon, "/db/search?q=%C3%A4").body == b"[]"
    assert ask(daemon, "/db/record?id=7", "HEAD").headers["content-length"] == str(len(as_json(record(7))))
    # What is changed behind the server's back is what it answers.
    postgres.sql("UPDATE record SET count = 5, name = E'\\u00fc\\n\"', type = '' WHERE id = 8")
    assert json.loads(ask(daemon, "/db/record?id=8").body) == {**record(8, 5), "name": 'ü\n"', "type": ""}
    status = daemon.status()
    assert (status["routes"]["db-record"]["requests"], status["routes"]["db-records"]["requests"], status["routes"]["db-search"]["requests"]) == (5, 2, 3)
    database = status["stores"]["database"]
    assert (database["connections"], database["good"], sum(database["durations"])) == (4, 10, 10)
    assert int(postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'restmarkd'")) == 4


def test_updating_is_one_transaction(serve: Start, postgres: Postgres) -> None:  # noqa: F811
    daemon = serve()
    postgres.sql("UPDATE record SET count = 999998 WHERE id = 20")
    answers = [ask(daemon, "/db/update?id=20", "POST", "Content-Length: 3\r\n\r\nabc") for _ in range(3)]
    assert [a.body for a in answers] == [as_json(record(20, count)) for count in (999999, 0, 1)]
    before = int(postgres.sql("SELECT xact_commit FROM pg_stat_database WHERE datname = 'restmark'"))
    counts: Counter[int] = Counter()

    def update() -> None:
        with Connection((daemon.host, daemon.port), 60) as connection:
            for _ in range(10):
                counts[json.loads(connection.request("/db/update?id=20", "POST").body)["count"]] += 1

    threads = [threading.Thread(target=update) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == Counter(range(2, 42))  # none is lost, and none is seen twice
    assert postgres.sql("SELECT count FROM record WHERE id = 20") == "41"
    wait_for("they are committed", lambda: int(postgres.sql("SELECT xact_commit FROM pg_stat_database WHERE datname = 'restmark'")) >= before + 40)
    assert ask(daemon, "/db/update?id=2000000", "POST").status == 404
    assert postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == "0"


INJECTIONS = ["1;DROP TABLE record", "1' OR '1'='1", "1 OR 1=1", "1--", "$1", "0x1", "1e3", "+1", "-1", " 1", "1 ", "", "9223372036854775808", "1%00", "NULL"]


@pytest.mark.parametrize(
    ("target", "method"), [("/db/record?id={}", "GET"), ("/db/records?ids=1,{}", "GET"), ("/db/search?q=c01&limit={}", "GET"), ("/db/update?id={}", "POST")]
)
def test_what_is_no_number_is_refused(serve: Start, postgres: Postgres, target: str, method: str) -> None:  # noqa: F811
    daemon = serve()
    for text in INJECTIONS:
        quoted = "".join(c if c.isalnum() or c == "%" else f"%{ord(c):02X}" for c in text)
        answer = ask(daemon, target.format(quoted), method)
        assert (text, answer.status, answer.headers["content-type"]) == (text, 400, "application/problem+json")
    assert store(daemon)["good"] == 0
    assert postgres.sql("SELECT count(*) FROM record") == "2000"


def test_a_text_is_a_text(serve: Start, postgres: Postgres) -> None:  # noqa: F811
    """None of these is a category, and none of them is SQL."""
    daemon = serve()
    for text in ["' OR 1=1 --", "c33'; DELETE FROM record; --", "$$", "\\", '"', "%", "c3_", "$1", "a" * 64]:
        answer = ask(daemon, "/db/search?q=" + "".join(f"%{b:02X}" for b in text.encode()))
        assert (text, answer.status, answer.body) == (text, 200, b"[]")
    assert postgres.sql("SELECT count(*) FROM record") == "2000"
    for bad in ["", "=", "=%00", "=%FF", "=%ED%A0%80", "=" + "a" * 65, "=c&q=c", "=c&limit=0", "=c&limit=101", "=c&x=1"]:
        assert ask(daemon, "/db/search?q" + bad).status == 400, bad


def test_other_refusals(serve: Start) -> None:
    daemon = serve()
    for target in ["/db/record", "/db/record?id=1&id=1", "/db/record?ids=1", "/db/records?ids=", "/db/records?ids=1,", "/db/records?ids=,1", "/db/search", "/db/search?limit=5"]:
        assert ask(daemon, target).status == 400, target
    assert ask(daemon, "/db/records?ids=" + ",".join("1" * 101)).status == 400
    assert ask(daemon, "/db/record?id=2000").status == 404
    assert ask(daemon, "/db/records?ids=1,2000").status == 404
    assert ask(daemon, "/db/update?id=1").status == 405
    assert ask(daemon, "/db/record?id=1", "POST").status == 405
    assert ask(daemon, "/db/record/1").status == 404
    assert ask(daemon, "/db/record?id=1", "GET", "If-Match: \"x\"\r\n").status == 412
    assert ask(daemon, "/wait").status == 404  # that requests can wait switches nothing else on
    assert ask(daemon, "/cache/json").status == 404


def test_without_a_database_there_are_no_routes_of_it(start: Start) -> None:
    daemon = start("server.processes=1")
    answer = ask(daemon, "/db/record?id=1")
    assert (answer.status, b"[database]" in answer.body) == (404, True)
    maps = Path(f"/proc/{daemon.workers()[0]}/maps").read_text()
    assert "libpq" not in maps
    assert "hiredis" not in maps


# ---- slow questions ----


def send_update(daemon: Daemon, number: int) -> Connection:
    connection = Connection((daemon.host, daemon.port), 60)
    connection.send(f"POST /db/update?id={number} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return connection


def test_a_slow_question_holds_nobody_up_and_is_cancelled(serve: Start, postgres: Postgres) -> None:  # noqa: F811
    daemon = serve("database.pool=2", "database.timeout=1500ms", "workers.harakiri=500ms")
    with postgres.locked(30):
        with send_update(daemon, 30) as slow:
            wait_for("it waits for the lock", lambda: postgres.waiting() == 1)
            for i in range(50):
                assert ask(daemon, f"/db/record?id={i}").status == 200
                assert ask(daemon, "/").status == 200
            answer = slow.read()
            assert (answer.status, answer.headers["content-type"]) == (504, "application/problem+json")
        wait_for("the server has ended it", lambda: postgres.waiting() == 0)
    assert postgres.sql("SELECT count FROM record WHERE id = 30") == "33"
    assert ask(daemon, "/db/update?id=30", "POST").body == as_json(record(30, 34))
    assert store(daemon)["connections"] == 2
    assert daemon.ends("harakiri") == 0


def test_with_all_connections_taken_requests_wait_and_are_bounded(serve: Start, postgres: Postgres) -> None:  # noqa: F811
    daemon = serve("database.pool=1", "database.queue=2", "database.timeout=60s")
    with postgres.locked(31):
        slow = send_update(daemon, 31)
        wait_for("it waits for the lock", lambda: postgres.waiting() == 1)
        second = send_update(daemon, 32)
        wait_for("the other waits for the connection", lambda: store(daemon)["waiting"] == 1)
        refused = ask(daemon, "/db/record?id=1")
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert ask(daemon, "/").status == 200
        second.close()  # its client leaves: its place is free again
        wait_for("it is forgotten", lambda: store(daemon)["forgotten"] == 1)
        assert store(daemon)["waiting"] == 0
    assert slow.read().body == as_json(record(31, 34))
    slow.close()
    assert ask(daemon, "/db/record?id=32").body == as_json(record(32))
    assert store(daemon)["refused"] == 1


def test_whoever_leaves_in_the_middle_of_an_update_changes_nothing(serve: Start, postgres: Postgres) -> None:  # noqa: F811
    daemon = serve("database.timeout=60s")
    with postgres.locked(33):
        with send_update(daemon, 33):
            wait_for("it waits for the lock", lambda: postgres.waiting() == 1)
        wait_for("it is forgotten", lambda: store(daemon)["forgotten"] == 1)
    wait_for("it has ended", lambda: store(daemon)["busy"] == 0 and postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle'") == "1")
    assert postgres.sql("SELECT count FROM record WHERE id = 33") == "33"
    assert ask(daemon, "/db/update?id=33", "POST").body == as_json(record(33, 34))


@pytest.mark.parametrize("how", ["stop", "reload"])
def test_a_question_in_flight_is_answered_before_its_worker_leaves(serve: Start, postgres: Postgres, how: str) -> None:  # noqa: F811
    daemon = serve("database.timeout=60s")
    number = {"stop": 34, "reload": 35}[how]
    with postgres.locked(number):
        slow = send_update(daemon, number)
        wait_for("it waits for the lock", lambda: postgres.waiting() == 1)
        daemon.signal(signal.SIGTERM if how == "stop" else signal.SIGHUP)
        wait_for("its worker drains", lambda: '"state": "draining"' in json.dumps(daemon.status()["workers"]))
    answer = slow.read()
    assert (answer.body, answer.closes) == (as_json(record(number, 34)), True)
    slow.close()
    if how == "stop":
        assert daemon.wait_exit() == 0


# ---- the server goes and comes ----


def test_a_restart_under_load(serve: Start, postgres: Postgres) -> None:  # noqa: F811
    daemon = serve()
    address = (daemon.host, daemon.port)
    with Load(address, "/db/record?id=7", clients=6, expected=as_json(record(7))) as load, Load(address, "/", clients=2) as others:
        load.wait_answered(50)
        postgres.stop()
        answer = wait_for("it is seen to be away", lambda: (a := ask(daemon, "/db/record?id=7")).status == 503 and a)
        assert answer.headers["content-type"] == "application/problem+json"
        assert 1 <= int(answer.headers["retry-after"]) <= 3
        assert ask(daemon, "/db/update?id=36", "POST").status == 503
        assert ask(daemon, "/db/record?id=x").status == 400
        postgres.start()
        load.wait_answered(50)
        others.wait_answered(10)
    assert not others.failures
    assert all(kind.startswith("answer 503 ") for kind in load.failures), load.failures
    wait_for("all connections are back", lambda: store(daemon)["connections"] == 4)
    assert ask(daemon, "/db/update?id=36", "POST").body == as_json(record(36, 34))
    log = daemon.log()
    assert log.count("PostgreSQL is away: ") == log.count("PostgreSQL is back") == 1
    assert len(daemon.workers()) == 1
    assert daemon.ends("crash") == 0


def test_it_need_not_be_there_at_the_start(serve: Start, postgres: Postgres) -> None:  # noqa: F811
    postgres.stop()
    daemon = serve()
    wait_for("it is away", lambda: ask(daemon, "/db/record?id=7").status == 503)
    assert ask(daemon, "/").status == 200
    daemon.ask("reload")  # which does not need it either
    postgres.start()
    assert wait_for("it is there", lambda: (a := ask(daemon, "/db/record?id=7")).status == 200 and a).body == as_json(record(7))


def test_a_connection_that_is_killed_is_replaced(serve: Start, postgres: Postgres) -> None:  # noqa: F811
    daemon = serve("database.pool=3")
    wait_for("the pool is full", lambda: store(daemon)["connections"] == 3)
    for _ in range(3):
        postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'restmarkd' LIMIT 1")
        wait_for("it is answered", lambda: ask(daemon, "/db/record?id=7").status == 200)
    wait_for("the pool is full again", lambda: store(daemon)["connections"] == 3 and store(daemon)["lost"] == 3)


def test_too_many_connections_for_the_server(start: Start) -> None:
    small = Postgres("max_connections=6", "superuser_reserved_connections=0")
    try:
        daemon = start("server.processes=1", f"database.url={small.url()}", "database.pool=20")
        wait_for("there are some", lambda: store(daemon)["connections"] >= 5)
        daemon.wait_log("too many clients")
        assert ask(daemon, "/db/record?id=7").body == as_json(record(7))
        with Load((daemon.host, daemon.port), "/db/record?id=7", clients=30, expected=as_json(record(7))) as load:
            load.wait_answered(500)
        assert not load.failures
    finally:
        small.close()


# ---- what is wrong with the data ----

BAD = """
CREATE TABLE owner (id bigint PRIMARY KEY, name text);
CREATE TABLE record (id bigint PRIMARY KEY, owner_id bigint, category text, name text, description text, type varchar(9), count bigint, created_at double precision);
INSERT INTO owner VALUES (0, NULL), (1, 'good');
INSERT INTO record VALUES (0, 1, 'a', 'good', '', '', 0, 0), (1, 1, 'b', NULL, '', '', 0, 0), (2, 1, 'b', E'\\xff', '', '', 0, 0),
    (3, 1, 'b', '', E'a\\xc3', '', 0, 0), (4, 1, 'b', '', '', '', NULL, 0), (5, 1, 'b', '', '', '', 0, 'NaN'), (6, 1, 'b', '', '', '', 0, 'Infinity'),
    (7, 0, 'o', '', '', '', 0, 0);
"""


def test_a_row_that_is_none_is_a_500_with_its_cause_in_the_log(serve: Start, postgres: Postgres) -> None:  # noqa: F811
    postgres.sql("CREATE DATABASE bad ENCODING 'SQL_ASCII' TEMPLATE template0", database="postgres")
    postgres.sql(BAD, database="bad")
    daemon = serve(f"database.url={postgres.url('bad')}")
    causes = {
        "record?id=1": "the row 1: the name is NULL",
        "record?id=2": 'invalid byte sequence for encoding "UTF8": 0xff',
        "records?ids=0,3": 'invalid byte sequence for encoding "UTF8": 0xc3',
        "record?id=4": "the row 4: the count is NULL",
        "record?id=5": "the row 5: the created_at is not a finite number",
        "record?id=6": "the row 6: the created_at is not a finite number",
        "search?q=o": "the row 7: the owner's name is NULL",
    }
    for target, cause in causes.items():
        answer = ask(daemon, "/db/" + target)
        assert (target, answer.status, answer.headers["content-type"]) == (target, 500, "application/problem+json")
        assert cause.encode() not in answer.body
        daemon.wait_log(cause)
        good = json.loads(ask(daemon, "/db/record?id=0").body)
        assert (good["name"], good["created_at"]) == ("good", 0.0)
    assert ask(daemon, "/db/update?id=4", "POST").status == 500
    assert postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == "0"
    assert store(daemon)["wrong"] == 8
    assert daemon.ends("crash") == 0


def test_a_table_of_other_types_or_none(serve: Start, postgres: Postgres) -> None:  # noqa: F811
    postgres.sql("CREATE DATABASE other", database="postgres")
    daemon = serve(f"database.url={postgres.url('other')}")
    daemon.wait_log('PostgreSQL is away: ERROR:  relation "record" does not exist')
    assert ask(daemon, "/db/record?id=1").status == 503
    postgres.sql(BAD.replace("count bigint", "count integer").replace("E'\\xff'", "''").replace("E'a\\xc3'", "''"), database="other")
    wait_for("it is asked", lambda: ask(daemon, "/db/record?id=0").status == 500)
    daemon.wait_log("the column of the count has the type 23 of pg_type: make it bigint")
    postgres.sql("ALTER TABLE record ALTER COLUMN count TYPE bigint", database="other")
    wait_for("statements are prepared anew", lambda: ask(daemon, "/db/record?id=0").status == 200)


# ---- configuration ----


def test_passwords_come_from_files_and_are_shown_nowhere(serve: Start, postgres: Postgres, tmp_path: Path) -> None:  # noqa: F811
    secret = "s3cret-Pa55'word"
    postgres.sql("CREATE ROLE guarded LOGIN PASSWORD 's3cret-Pa55''word'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO guarded; GRANT UPDATE ON record TO guarded")
    rules = postgres.folder / "data" / "pg_hba.conf"
    rules.write_text("local all guarded scram-sha-256\n" + rules.read_text())
    postgres.sql("SELECT pg_reload_conf()")
    file = tmp_path / "password"
    file.write_text("wrong\n")
    daemon = serve(f"database.url={postgres.url(user='guarded')}", f"database.password-file={file}")
    daemon.wait_log("PostgreSQL is away: .*password authentication failed")
    assert ask(daemon, "/db/record?id=7").status == 503
    file.write_text(secret + "\n")
    daemon.ask("reload")
    wait_for("the new one is taken", lambda: ask(daemon, "/db/record?id=7").status == 200)
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "database-password").write_text(secret)
    other = serve(f"database.url={postgres.url(user='guarded')}", environment={"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})
    wait_for("a credential is taken", lambda: ask(other, "/db/record?id=7").status == 200)
    shown = run("-T", "-o", f"database.url={postgres.url(user='guarded')}", "-o", f"database.password-file={file}").stdout
    for text in (shown, daemon.log(), other.log(), json.dumps(daemon.status()), Path(f"/proc/{daemon.pid}/cmdline").read_text()):
        assert secret not in text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("database.url=postgresql://a:secret@localhost/x",), "database.url=.*: .database. url: a password does not belong here"),
        (("database.url=host=localhost password=secret",), "a password does not belong here"),
        (("database.url=mysql:///x",), "libpq does not understand it"),
        (("database.url=postgresql:///x", "database.password-file=/nowhere/p"), "cannot read the password's file /nowhere/p"),
        (("database.url=postgresql:///x", "database.password-file=/dev/null"), "has no password in its first line"),
        (("database.pool=0",), "out of range"),
        (("database.timeout=1ms",), "out of range"),
        (("cache.url=redis://:secret@localhost",), "a password does not belong here"),
        (("cache.url=localhost:6379",), "it is not an address of Redis"),
        (("cache.url=rediss://localhost",), "over TLS"),
        (("cache.url=redis://localhost:0",), "port 0"),
        (("cache.url=redis://localhost:6379/x",), "database is not a number"),
        (("cache.url=unix://x",), "no path"),
        (("databse.url=x",), r"did you mean \[database\]"),
    ],
)
def test_what_is_wrong_in_the_configuration_is_said(options: tuple[str, ...], sentence: str) -> None:
    done = run("-t", *(word for option in options for word in ("-o", option)), "-o", "admin.control=none", "-o", "server.listen=127.0.0.1:0")
    assert done.returncode == 78, done.stderr
    assert re.search(sentence, done.stderr), done.stderr


def test_a_reload_changes_the_database(postgres: Postgres, tmp_path: Path) -> None:  # noqa: F811
    postgres.sql("CREATE DATABASE second TEMPLATE template0", database="postgres")
    postgres.sql("CREATE TABLE owner (id bigint, name text); CREATE TABLE record (id bigint, owner_id bigint, category text, name text, description text, type text, count bigint, "
                 "created_at double precision); INSERT INTO record VALUES (7, 0, '', 'second', '', '', 0, 1.5)", database="second")  # fmt: skip
    text = "[server]\nprocesses = 1\n[database]\nurl = {}\n"
    (tmp_path / "d").mkdir()
    config = tmp_path / "d" / "restmarkd.ini"
    served = Daemon(tmp_path / "d", config=text.format(postgres.url()))
    try:
        served.wait_ready()
        assert ask(served, "/db/record?id=7").body == as_json(record(7))
        config.write_text(text.format(postgres.url("second")))
        served.ask("reload")
        wait_for("the other answers", lambda: b"second" in ask(served, "/db/record?id=7").body)
        config.write_text(text.format(postgres.url("second") + "&password=x"))
        assert "a password does not belong here" in served.tell(b"reload\n").decode()
        config.write_text("[server]\nprocesses = 1\n")
        served.ask("reload")
        wait_for("none does", lambda: ask(served, "/db/record?id=7").status == 404)
    finally:
        served.finish()
