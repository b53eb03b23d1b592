"""The PostgreSQL that restmarkd asks is slow, has no connection left, goes, and comes back."""

from __future__ import annotations

import json
import signal

import pytest
from daemon import wait_for
from database_support import Start, as_json, ask, record, send_update, serve, store  # noqa: F401 (a fixture)
from http_client import Load
from store_support import Postgres, postgres  # noqa: F401 (a fixture)

# ---- slow questions ----


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
