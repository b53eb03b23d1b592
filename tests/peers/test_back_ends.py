"""The contestants with real back ends: each is built, started with two workers on a private PostgreSQL and Redis, and compared with what psql reads.

The proof that they do equal work is `restmark verify`; this finds out that one is broken, and what it does on a bad day.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import shutil
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import peer_dataset
import peer_stores
import psutil
import pytest
from peer_process import PEERS, RIG_CACHE, STOP_TIMEOUT_S, Answer, Client, Peer, Server
from peer_stores import Stores
from restmark_rig.contestants import versions


def asks_back_ends(manifest: Path) -> bool:
    return bool(tomllib.loads(manifest.read_text(encoding="utf-8")).get("back_ends"))


NAMES = sorted(path.parent.name for path in PEERS.glob("*-backends/contestant.toml") if asks_back_ends(path))
WORKERS, CONNECTIONS, CACHE_CONNECTIONS = 2, 4, 1
UNKNOWN = 10_000
AWAY_TIMEOUT_S = 60.0
TEXTS = ["My name", 'quotes " and \\ and /', "".join(map(chr, range(1, 32))) + "\x7f", "Käse 漢字 😀", "", "</script> & <b>'--\u2028", "\u00a0"]
# More than a round number, so that rows and the cache's records are different ones.
RECORDS = [
    record | {"name": TEXTS[i % 7], "description": TEXTS[i // 7 % 7] * (i % 3), "type": TEXTS[i % 2 * 6], "count": i * 9973 % 1_000_000}
    for i, record in enumerate(peer_dataset.reference_records(700))
]
FAULTS = {
    "record": ["", "id=", "id=-1", "id=%2B1", "id=1.0", "id=x", "id=1&id=1", "id=9223372036854775808", "id=1&x=1", "id=1'--", "id=1%20", "id=1%3BDROP"],
    "records": [
        *("", "ids=", "ids=1,", "ids=,1", "ids=1,,2", "ids=1,%202", "ids=-1", "ids=1&ids=2", "ids=1&x=1", "ids=9223372036854775808"),
        *("ids=1)%20OR%20(1=1", "ids=" + ",".join(["1"] * 101)),
    ],
    "search": [
        *("", "q=", "q=a&q=b", "limit=5", "q=a&limit=0", "q=a&limit=101", "q=a&limit=", "q=a&limit=1&limit=1", "q=a&x=1", "q=%FF", "q=%00"),
        *("q=a&limit=1%3BSELECT", "q=" + "x" * 65, "q=" + "%C3%A9" * 33),
    ],
    "update": ["", "id=", "id=-1", "id=x", "id=1&id=1", "id=9223372036854775808", "id=1&x=1", "id=1;--"],
    "cache": ["count=", "count=-1", "count=701", "count=1&count=1", "count=x", "count=1&x=1", "id=1", "count=1.0", "count=%2B1"],
}
INJECTIONS = ["c00' OR '1'='1", "'; DROP TABLE record; --", "$1", "%", "c0_", "\\", "c00\\' --", "é", "{}", "NULL"]

pytestmark = pytest.mark.skipif(peer_stores.missing() is not None, reason=peer_stores.missing() or "")


@pytest.fixture(scope="module")
def stores() -> Iterator[Stores]:
    with Stores(RECORDS) as stores:
        yield stores


@pytest.fixture(scope="module", params=NAMES)
def peer(request: pytest.FixtureRequest) -> Peer:
    peer = Peer(request.param)
    if reason := peer.missing():
        pytest.skip(reason)
    peer.build()
    return peer


@contextlib.contextmanager
def started(peer: Peer, stores: Stores) -> Iterator[Server]:
    values = {
        "database_url": stores.database_url, "cache_url": stores.cache_url,
        "database_connections": str(CONNECTIONS), "cache_connections": str(CACHE_CONNECTIONS),
    }  # fmt: skip
    folder = Path(tempfile.mkdtemp())
    dataset = folder / "records.msgpack"
    dataset.write_bytes(peer_dataset.to_file(RECORDS))
    try:
        with Server(peer, dataset, folder / "log", WORKERS, values) as server:
            server.wait_ready()
            yield server
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(peer: Peer, stores: Stores) -> Iterator[Server]:
    with started(peer, stores) as server:
        yield server


def routes(peer: Peer, name: str) -> list[str]:
    """Those of the driver and the ORM with this name that the peer has."""
    return [route for route in peer.contestant.routes if route.rpartition("/")[2] == name and not route.startswith("/cache/")]


def require(answer: Answer, target: str, value: object) -> None:
    told = (target, answer.status, answer.headers["content-type"].split(";")[0], answer.body)
    assert told == (target, 200, "application/json", peer_dataset.to_json(value))  # type: ignore[arg-type]


def connected(stores: Stores) -> int:
    """Connections to the database that are not psql's."""
    return int(stores.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"))


def test_connections_are_opened_at_start_and_no_more(peer: Peer, stores: Stores, server: Server) -> None:
    # Ready is one worker; the other opens its own meanwhile.
    deadline = time.monotonic() + AWAY_TIMEOUT_S
    while connected(stores) < WORKERS * CONNECTIONS and time.monotonic() < deadline:
        time.sleep(0.05)
    assert connected(stores) == WORKERS * CONNECTIONS
    targets = [f"{route}?id={i}" for route in routes(peer, "record") for i in range(100)] + ["/cache/json?count=3"] * 30
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda target: alone(server, target), targets))
    assert connected(stores) <= WORKERS * CONNECTIONS
    cache_clients = stores.cache("CLIENT", "LIST").count(b"id=") - 1  # the one that asks is not the peer's
    assert 1 <= cache_clients <= WORKERS * CACHE_CONNECTIONS


def alone(server: Server, target: str, method: str = "GET") -> Answer:
    with Client(server.port) as client:
        return client.get(target, method)


def test_rows_are_those_of_the_database(peer: Peer, stores: Stores, server: Server) -> None:
    with Client(server.port) as client:
        for route in routes(peer, "record"):
            for row in stores.by_ids([0, 1, 699, 700, 1234, 9999]):
                require(client.get(f"{route}?id={row['id']}"), route, row)
            assert client.get(f"{route}?id={UNKNOWN}").status == 404
            assert client.get(f"{route}?id={2**63 - 1}").status == 404
        for route in routes(peer, "records"):
            for ids in ([5], [9, 3, 9, 0, 9999, 3], list(range(9990, 9890, -1)), [7] * 100):
                require(client.get(f"{route}?ids={','.join(map(str, ids))}"), route, stores.by_ids(ids))
            assert client.get(f"{route}?ids=1,{UNKNOWN},2").status == 404
            require(client.get(f"{route}?ids=2%2C001"), route, stores.by_ids([2, 1]))
        for route in routes(peer, "search"):
            for category, limit in (("c00", 50), ("c42", 1), ("c99", 100)):
                found = stores.search(category, limit)
                assert len(found) == limit
                require(client.get(f"{route}?q={category}&limit={limit}"), route, found)
            require(client.get(f"{route}?q=c07"), route, stores.search("c07", 50))
            for text in INJECTIONS:
                require(client.get(f"{route}?q={quote(text, safe='')}"), route, [])


def test_a_change_behind_its_back_is_seen(peer: Peer, stores: Stores, server: Server) -> None:
    with Client(server.port) as client:
        for value in (11, 12):
            stores.sql(f"UPDATE record SET count = {value}, name = 'changed {value}' WHERE id = 77")
            for route in routes(peer, "record"):
                require(client.get(f"{route}?id=77"), route, stores.by_ids([77])[0])
            for route in routes(peer, "records"):
                require(client.get(f"{route}?ids=77,78"), route, stores.by_ids([77, 78]))
            (row,) = (row for row in stores.search(f"c{77 * 7919 % 100:02}", 100) if row["id"] == 77)
            for route in routes(peer, "search"):
                assert peer_dataset.to_json(row) in client.get(f"{route}?q=c{77 * 7919 % 100:02}&limit=100").body


def test_updates(peer: Peer, stores: Stores, server: Server) -> None:
    with Client(server.port) as client:
        for route in routes(peer, "update"):
            for i, before, after in ((0, 7, 8), (8, 999_999, 0), (9999, 0, 1)):
                stores.sql(f"UPDATE record SET count = {before} WHERE id = {i}")
                answer = client.get(f"{route}?id={i}", "POST")
                row = stores.by_ids([i])[0]
                assert row["count"] == after
                require(answer, route, row)
            assert client.get(f"{route}?id={UNKNOWN}", "POST").status == 404
            client.send(f"POST {route}?id=9999 HTTP/1.1\r\nHost: x\r\nContent-Length: 1024\r\n\r\n".encode() + b"x" * 1024)
            require(client.read(), route, stores.by_ids([9999])[0])
    assert stores.sql("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'").strip() == "0"


def test_updates_of_one_row_at_a_time_lose_none(peer: Peer, stores: Stores, server: Server) -> None:
    for route in routes(peer, "update"):
        stores.sql("UPDATE record SET count = 0 WHERE id = 5")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda target: alone(server, target, "POST"), [f"{route}?id=5"] * 100))
        assert {answer.status for answer in answers} == {200}
        assert len({answer.body for answer in answers}) == 100
        assert stores.by_ids([5])[0]["count"] == 100


def test_faulty_requests(peer: Peer, server: Server) -> None:
    cases: list[tuple[str, str, tuple[int, ...]]] = []
    for route in peer.contestant.routes[1:]:
        method = "POST" if route.endswith("update") else "GET"
        kind = "cache" if route.startswith("/cache/") else route.rpartition("/")[2]
        cases += [(f"{route}?{fault}", method, (400, 422)) for fault in FAULTS[kind] if not (fault == "" and kind == "cache")]
        cases += [(route, other, (405,)) for other in ("DELETE", "PUT", "GET" if method == "POST" else "POST")]
    cases += [(path, "GET", (404,)) for path in ("/db", "/db/", "/db/record/", "/orm/records/1", "/cache", "/nothing")]
    cases += [("/?count=1", "GET", (400, 422)), ("/", "POST", (405,))]
    for target, method, allowed in cases:
        status = alone(server, target, method).status
        assert (target, method, status in allowed, status) == (target, method, True, status)


def test_the_cache(peer: Peer, stores: Stores, server: Server) -> None:
    with Client(server.port) as client:
        for count in (0, 1, 7, 699, 700):
            answer = client.get(f"/cache/records?count={count}")
            assert (answer.status, answer.headers["content-type"].split(";")[0], answer.text) == (200, "text/plain", str(count))
            require(client.get(f"/cache/json?count={count}"), "/cache/json", RECORDS[:count])
        assert client.get("/cache/records").text == "700"
        require(client.get("/cache/json"), "/cache/json", RECORDS)
        changed = RECORDS[3] | {"count": 5}
        stores.cache("SET", "record:3", peer_dataset.pack(changed))
        require(client.get("/cache/json?count=5"), "/cache/json", [*RECORDS[:3], changed, RECORDS[4]])
        whole, no_utf8 = peer_dataset.pack(changed), peer_dataset.pack(changed | {"name": "QQ"}).replace(b"QQ", b"\xffQ")
        for broken in (b"", whole[:-1], b"\xc1", b"\x01", no_utf8):
            stores.cache("SET", "record:3", broken)
            assert (broken, client.get("/cache/records?count=5").status) == (broken, 500)
            assert client.get("/cache/json?count=5").status == 500
            assert client.get("/cache/json?count=3").status == 200
        stores.cache("DEL", "record:3")
        assert client.get("/cache/records").status == 500
        stores.fill_cache()
        assert client.get("/cache/records").text == "700"


def test_a_null_is_an_error_with_its_cause_in_the_log(peer: Peer, stores: Stores, server: Server) -> None:
    stores.sql("ALTER TABLE record ALTER name DROP NOT NULL; UPDATE record SET name = NULL WHERE id = 300")
    try:
        before = server.log.stat().st_size
        with Client(server.port) as client:
            for route in routes(peer, "record"):
                status = client.get(f"{route}?id=300").status
                # Some ORMs take a NULL for the type's zero; their notes say so.
                assert status == 500 or (status == 200 and route.startswith("/orm/") and "NULL" in peer.contestant.notes), (route, status)
                assert client.get(f"{route}?id=301").status == 200
        assert server.log.stat().st_size > before
    finally:
        stores.sql("UPDATE record SET name = 'back' WHERE id = 300; ALTER TABLE record ALTER name SET NOT NULL")


def test_statements_of_a_request_do_not_grow_with_its_rows(peer: Peer, stores: Stores, server: Server) -> None:
    ids = ",".join(map(str, range(20)))
    allowed = {"record": ("?id=5", 3), "records": (f"?ids={ids}", 3), "search": ("?q=c07&limit=50", 3)}
    with Client(server.port) as client:
        for name, (query, most) in allowed.items():
            for route in routes(peer, name):
                for _ in range(20):  # what is asked once on a connection has been asked
                    assert client.get(route + query).status == 200
                stores.forget_statements()
                for _ in range(10):
                    assert client.get(route + query).status == 200
                counted = stores.statements()
                assert sum(counted.values()) <= 10 * most, counted
                assert sum(calls for text, calls in counted.items() if text.startswith("SELECT")) == 10, counted
        for route in routes(peer, "update"):
            # BEGIN, SELECT, UPDATE and COMMIT; without a row BEGIN, SELECT and ROLLBACK.
            for target, statements in ((f"{route}?id=5", 4), (f"{route}?id={UNKNOWN}", 3)):
                for _ in range(20):
                    client.get(target, "POST")
                stores.forget_statements()
                for _ in range(10):
                    client.get(target, "POST")
                assert sum(stores.statements().values()) == 10 * statements, stores.statements()


def test_it_finds_its_way_back(peer: Peer, stores: Stores) -> None:
    with started(peer, stores) as server:
        targets = {"database": [f"{route}?id=5" for route in routes(peer, "record")], "cache": ["/cache/json?count=5"]}
        for name, asked in targets.items():
            stores.stop(name)
            try:
                for target in asked * 3:
                    assert 500 <= alone(server, target).status <= 504
                assert alone(server, "/").status == 200
            finally:
                getattr(stores, f"start_{name}")()
            deadline = time.monotonic() + AWAY_TIMEOUT_S
            good = 0
            while good < 40:  # all of them, not one worker's
                good = good + 1 if all(alone(server, target).status == 200 for target in asked) else 0
                assert time.monotonic() < deadline, server.log.read_text()[-2000:]
        assert connected(stores) <= WORKERS * CONNECTIONS


def test_it_starts_while_they_are_away(peer: Peer, stores: Stores) -> None:
    for name in ("database", "cache"):
        stores.stop(name)
    try:
        with started(peer, stores) as server:
            for target in (f"{routes(peer, 'record')[0]}?id=5", "/cache/json?count=1"):
                assert 500 <= alone(server, target).status <= 504
            for name in ("database", "cache"):
                getattr(stores, f"start_{name}")()
            deadline = time.monotonic() + AWAY_TIMEOUT_S
            for target in (f"{routes(peer, 'record')[0]}?id=5", "/cache/json?count=1"):
                while alone(server, target).status != 200:
                    assert time.monotonic() < deadline, server.log.read_text()[-2000:]
    finally:
        for name in {"database", "cache"} - stores.processes.keys():
            getattr(stores, f"start_{name}")()


def test_term_leaves_no_child(peer: Peer, stores: Stores) -> None:
    with started(peer, stores) as server, Client(server.port) as client:
        assert client.get("/").status == 200  # and stays open
        family = server.wait_settled()
        server.process.terminate()
        _, alive = psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
        assert not [process for process in alive if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_versions_can_be_asked(peer: Peer) -> None:
    told = versions.collect(peer.contestant, RIG_CACHE.build_dir(peer.contestant))
    assert told.keys() == peer.contestant.versions.keys()
    assert not [label for label, version in told.items() if version.startswith("unknown")]
