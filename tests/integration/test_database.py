"""The routes under /db, asked of a real PostgreSQL: right answers, refusals, and what is wrong with the data."""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path

import pytest
from daemon import wait_for
from database_support import Start, as_json, ask, record, serve, store  # noqa: F401 (a fixture)
from http_client import Connection
from store_support import Postgres, postgres  # noqa: F401 (a fixture)

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
    wait_for("each worker has its two connections", lambda: daemon.status()["stores"]["database"]["connections"] == 4)
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


def test_other_refusals(serve: Start) -> None:  # noqa: F811
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
