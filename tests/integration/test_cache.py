"""The routes under /cache, asked of a real Redis: right answers, and the bad days."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from daemon import Daemon, wait_for
from http_client import Connection, Load, Response
from store_support import N_RECORDS, Redis, encode, redis  # noqa: F401 (a fixture)

Start = Callable[..., Daemon]


def ask(daemon: Daemon, target: str, method: str = "GET") -> Response:
    with Connection((daemon.host, daemon.port), 30) as connection:
        return connection.request(target, method)


def store(daemon: Daemon) -> dict[str, int]:
    return daemon.status()["stores"]["cache"]  # type: ignore[no-any-return]


@pytest.fixture
def serve(start: Start, redis: Redis) -> Start:  # noqa: F811
    def serve_one(*options: str, **keywords: Any) -> Daemon:
        if not any(o.startswith("cache.url=") for o in options):
            options = (f"cache.url={redis.url}", *options)
        return start("server.processes=1", *options, **keywords)

    return serve_one


@pytest.mark.parametrize("codec", ["struct", "tree"])
def test_the_cache_holds_what_the_dataset_does(serve: Start, redis: Redis, codec: str) -> None:  # noqa: F811
    daemon = serve(f"workloads.codec={codec}")
    for count in (1, 9, 10, 11, 100, 999, N_RECORDS):
        assert ask(daemon, f"/cache/records?count={count}").body == str(count).encode()
        assert ask(daemon, f"/cache/json?count={count}").body == ask(daemon, f"/transfer-data?count={count}").body
    assert ask(daemon, "/cache/records").body == b"1000"
    answer = ask(daemon, "/cache/json")
    assert (answer.body, answer.headers["content-type"]) == (ask(daemon, "/transfer-data").body, "application/json")
    asked = store(daemon)["good"]
    assert (ask(daemon, "/cache/records?count=0").body, ask(daemon, "/cache/json?count=0").body) == (b"0", b"[]")
    assert store(daemon)["good"] == asked == 16  # it is not asked for nothing
    redis.tell("SET", "record:3", encode(3, name="changed " * 4096 + "\u00fc"))  # larger than anything of the dataset
    assert ("changed " * 4096 + "\u00fc").encode() in ask(daemon, "/cache/json?count=5").body
    assert ("changed " * 4096 + "\u00fc").encode() in ask(daemon, "/cache/json").body
    redis.fill()
    for query in ("count=1001", "count=-1", "count=", "count=1&count=1", "id=1", "count=1%00", "count=1;FLUSHALL"):
        assert ask(daemon, "/cache/json?" + query).status == 400, query
        assert ask(daemon, "/cache/records?" + query).status == 400, query
    assert ask(daemon, "/cache/json", "POST").status == 405
    assert ask(daemon, "/db/record?id=1").status == 404


def test_many_at_once_get_their_own(serve: Start) -> None:
    daemon = serve()
    counts = [(37 * i) % 300 + 1 for i in range(200)]
    with ExitStack() as stack:
        clients = [stack.enter_context(Connection((daemon.host, daemon.port), 30)) for _ in counts]
        for client, count in zip(clients, counts, strict=True):
            client.send(f"GET /cache/records?count={count} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert [int(client.read().body) for client in clients] == counts
    assert store(daemon)["connections"] == 1


WRONG = {
    b"\xc1": "a reserved byte",
    encode(3)[:-1]: "record 3",
    encode(3) + b"\x00": "record 3",
    encode(3, count="x"): "record 3",
    encode(3, created_at=float("nan")): "record 3",
    encode(3).replace(b"My name", b"My n\xffme"): "record 3",
    b"\x90": "record 3",
    b"": "record 3",
}


def test_what_is_no_record_is_a_500_with_its_cause_in_the_log(serve: Start, redis: Redis) -> None:  # noqa: F811
    for value, cause in WRONG.items():
        daemon = serve()
        redis.tell("SET", "record:3", value)
        for target in ("/cache/json?count=4", "/cache/records?count=10"):
            answer = ask(daemon, target)
            assert (value, answer.status, answer.headers["content-type"]) == (value, 500, "application/problem+json")
        daemon.wait_log("Redis: record 3" if cause == "record 3" else "Redis: ")
        assert ask(daemon, "/cache/records?count=3").body == b"3"
        assert daemon.ends("crash") == 0
    daemon = serve()
    redis.tell("DEL", "record:3")
    assert ask(daemon, "/cache/json?count=4").status == 500
    daemon.wait_log("Redis: record:3 is missing")
    redis.tell("LPUSH", "record:3", "x")
    assert ask(daemon, "/cache/json?count=4").status == 500
    redis.tell("DEL", "record:3")
    redis.fill()
    assert ask(daemon, "/cache/records?count=4").body == b"4"


def test_a_restart_under_load(serve: Start, redis: Redis) -> None:  # noqa: F811
    daemon = serve()
    address = (daemon.host, daemon.port)
    expected = ask(daemon, "/transfer-data?count=100").body
    with Load(address, "/cache/json?count=100", clients=6, expected=expected) as load, Load(address, "/", clients=2) as others:
        load.wait_answered(50)
        redis.stop()
        answer = wait_for("it is seen to be away", lambda: (a := ask(daemon, "/cache/records")).status == 503 and a)
        assert 1 <= int(answer.headers["retry-after"]) <= 3
        redis.start()
        load.wait_answered(50)
        others.wait_answered(10)
    assert not others.failures
    # Between its start and the test's filling it the cache is empty, which is a wrong answer of its, and not of restmarkd's.
    assert all(kind.startswith(("answer 503 ", "answer 500 ")) for kind in load.failures), load.failures
    assert daemon.log().count("Redis is away: ") == daemon.log().count("Redis is back") == 1
    assert daemon.ends("crash") == 0


def test_a_cache_that_does_not_answer_is_given_up(serve: Start, redis: Redis) -> None:  # noqa: F811
    daemon = serve("cache.timeout=300ms", "workers.harakiri=200ms")
    assert ask(daemon, "/cache/records").status == 200
    redis.tell("CLIENT", "PAUSE", "3000", "ALL")
    with Connection((daemon.host, daemon.port), 30) as connection:
        connection.send(b"GET /cache/json HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(50):
            assert ask(daemon, "/").status == 200
        assert connection.read().status == 504
    wait_for("it answers again", lambda: ask(daemon, "/cache/records").status == 200)
    assert store(daemon)["forgotten"] >= 1
    assert daemon.ends("harakiri") == 0


def test_a_cache_with_a_password_and_another_database(start: Start, tmp_path: Path) -> None:
    guarded = Redis("--requirepass s3cret-Pa55word")
    try:
        file = tmp_path / "password"
        file.write_text("wrong\n")
        daemon = start("server.processes=1", f"cache.url={guarded.url}", f"cache.password-file={file}")
        daemon.wait_log("Redis is away: .*(WRONGPASS|invalid)")
        assert ask(daemon, "/cache/records").status == 503
        file.write_text("s3cret-Pa55word\n")
        daemon.ask("reload")
        wait_for("the password is taken", lambda: ask(daemon, "/cache/records").status == 200)
        assert "s3cret" not in daemon.log()
        without = start("server.processes=1", f"cache.url={guarded.url}")
        answer = wait_for("it is asked", lambda: (a := ask(without, "/cache/records?count=1")).status != 503 and a)
        assert answer.status == 500
        without.wait_log("Redis: NOAUTH")
        third = start("server.processes=1", f"cache.url={guarded.url}?db=3", f"cache.password-file={file}")
        assert wait_for("it is asked", lambda: (a := ask(third, "/cache/records?count=1")).status != 503 and a).status == 500
        third.wait_log("record:0 is missing")
    finally:
        guarded.close()


def test_it_need_not_be_there_at_the_start(start: Start, tmp_path: Path) -> None:
    daemon = start("server.processes=1", f"cache.url=unix://{tmp_path}/nobody.sock")
    wait_for("it is away", lambda: ask(daemon, "/cache/records").status == 503)
    assert ask(daemon, "/cache/records?count=0").body == b"0"
    assert ask(daemon, "/").status == 200
