"""Records that clients send: POST /validate, and the memory that request bodies take meanwhile."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from daemon import Daemon, wait_for
from http_client import Closed, Connection, Response, exchange

Start = Callable[..., Daemon]
LIMIT = 1 << 20
FIELDS = ("id", "name", "description", "type", "count", "created_at")
GOOD: dict[str, Any] = {"id": 7, "name": "My name", "description": "", "type": "G", "count": 33, "created_at": 1569882498.5}


def dense(value: object) -> bytes:
    """As the server writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def posted(body: bytes, query: str = "", more: str = "", target: str = "/validate") -> bytes:
    return f"POST {target}{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    head = b"POST /validate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def padded(size: int) -> bytes:
    """A good record of exactly so many bytes."""
    body = dense(GOOD)
    return body[:-1] + b" " * (size - len(body)) + b"}"


def assert_refused(response: Response, status: int, field: str | None = None) -> str:
    assert (response.status, response.headers["content-type"]) == (status, "application/problem+json")
    problem = json.loads(response.body)
    assert problem["status"] == status
    detail = str(problem["detail"])
    if field is not None:
        assert f'"{field}"' in detail, detail
        assert not all(f'"{name}"' in detail for name in FIELDS), detail
    return detail


def body_memory(daemon: Daemon) -> int:
    return sum(worker["request_bodies_bytes"] for worker in daemon.status()["workers"])


def assert_given_back(daemon: Daemon) -> None:
    wait_for("no body takes memory", lambda: body_memory(daemon) == 0)


@pytest.fixture(scope="module", params=["struct", "tree"])
def daemon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    one = Daemon(tmp_path_factory.mktemp("validate") / "d", ("server.processes=1", f"workloads.codec={request.param}"))
    one.wait_ready()
    yield one
    assert_given_back(one)
    one.finish()


@pytest.fixture
def connection(daemon: Daemon) -> Iterator[Connection]:
    with Connection((daemon.host, daemon.port), 30) as one:
        yield one
        one.send(posted(dense(GOOD)))  # whatever came before
        assert one.read().body == dense(GOOD)


def ask(connection: Connection, body: bytes, query: str = "") -> Response:
    connection.send(posted(body, query))
    return connection.read()


# ---- what is taken ----


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"id": 2**63 - 1},
        {"id": -(2**63)},
        {"name": "x"},
        {"name": "é" * 100},
        {"name": "𝄞" * 100},
        {"name": '"\\/\b\f\n\r\t\x01\x7f\u2028'},
        {"description": "ü" * 1000},
        {"type": "U"},
        {"type": "S"},
        {"count": 0},
        {"count": 1000000},
        {"created_at": 0.5},
        {"created_at": 4102444800.0},
        {"created_at": 5e-324},
    ],
)
def test_a_record_comes_back_as_it_is(connection: Connection, change: dict[str, Any]) -> None:
    record = {**GOOD, **change}
    for body in (dense(record), json.dumps(record, indent=3).encode(), json.dumps(dict(reversed(record.items()))).encode("ascii")):
        response = ask(connection, body)
        assert (response.status, response.headers["content-type"]) == (200, "application/json")
        assert response.body == dense(record)


def test_a_whole_number_is_a_time_as_well(connection: Connection) -> None:
    for written in (b"0", b"-0", b"0.0", b"4102444800", b"41024448e2", b"1E0"):
        body = dense(GOOD).replace(b"1569882498.5", written)
        assert json.loads(ask(connection, body).body)["created_at"] == float(written)


@pytest.mark.parametrize("n", [0, 1, 3, 1000])
def test_an_array_of_records(connection: Connection, n: int) -> None:
    records = [{**GOOD, "id": i, "created_at": i + 0.25} for i in range(n)]
    response = ask(connection, json.dumps(records).encode(), f"?count={n}")
    assert (response.status, response.body) == (200, dense(records))


def test_no_answer_is_of_another_s_body(daemon: Daemon) -> None:
    """Eight clients at once, each with records of its own."""
    wrong: list[Response] = []

    def talk(client: int) -> None:
        with Connection((daemon.host, daemon.port), 30) as one:
            for i in range(40):
                records = [{**GOOD, "id": client, "name": str(i) * (1 + i)}] * (1 + 5 * i)
                response = ask(one, json.dumps(records).encode(), f"?count={len(records)}")
                if (response.status, response.body) != (200, dense(records)):
                    wrong.append(response)

    threads = [threading.Thread(target=talk, args=(client,)) for client in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert wrong == []


# ---- what is refused ----


@pytest.mark.parametrize(
    ("field", "written"),
    [
        *[(field, wrong) for field in FIELDS for wrong in ("null", "true", "false", "[]", "[1]", "{}", '{"a":1}')],
        *[(field, wrong) for field in ("id", "count", "created_at") for wrong in ('"1"', '""')],
        *[(field, wrong) for field in ("name", "description", "type") for wrong in ("1", "1.5", "0")],
        *[(field, wrong) for field in ("id", "count") for wrong in ("1.5", "1.0", "1e3", "9223372036854775808", "-9223372036854775809", "1" + "0" * 400)],
        *[("name", f'"{text}"') for text in ("", "x" * 101, "é" * 101, "\\u00e9" * 101)],
        *[("description", f'"{text}"') for text in ("x" * 1001, "𝄞" * 1001)],
        *[("type", f'"{text}"') for text in ("", "u", "X", "UU", "U ", "\\u0055\\u0000")],
        *[("count", text) for text in ("-1", "1000001")],
        *[("created_at", text) for text in ("-1", "-0.5", "4102444800.5", "4102444801", "1e400", "-1e400", "1e9999999999999999999")],
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_field(connection: Connection, field: str, written: str) -> None:
    pairs = ",".join(f'"{name}":{written if name == field else json.dumps(GOOD[name])}' for name in FIELDS)
    assert_refused(ask(connection, b"{%s}" % pairs.encode()), 422, field)
    detail = assert_refused(ask(connection, b"[%s,{%s}]" % (dense(GOOD), pairs.encode()), "?count=2"), 422, field)
    assert "record 1" in detail


@pytest.mark.parametrize("field", FIELDS)
def test_all_fields_are_required_each_once_and_no_others(connection: Connection, field: str) -> None:
    without = {name: value for name, value in GOOD.items() if name != field}
    assert "missing" in assert_refused(ask(connection, dense(without)), 422, field)
    twice = dense(GOOD)[:-1] + b"," + dense({field: GOOD[field]})[1:]
    assert "twice" in assert_refused(ask(connection, twice), 422, field)
    for other in (field.upper(), field + "x", field[:-1], field + "\0", " " + field):
        detail = assert_refused(ask(connection, dense({**GOOD, other: 1})), 422)
        assert other.removesuffix("\0") in detail


@pytest.mark.parametrize(
    ("body", "query"),
    [
        (b"[]", ""),
        (b"[" + dense(GOOD) + b"]", ""),
        (b"1", ""),
        (b"null", ""),
        (b'"x"', ""),
        (dense(GOOD), "?count=1"),
        (dense(GOOD), "?count=0"),
        (b"{}", "?count=0"),
        (b"null", "?count=1"),
        (b"[]", "?count=1"),
        (b"[" + dense(GOOD) + b"]", "?count=0"),
        (dense([GOOD, GOOD]), "?count=1"),
        (dense([GOOD, GOOD]), "?count=3"),
        (dense([GOOD, [GOOD]]), "?count=2"),
        (dense([GOOD, None]), "?count=2"),
    ],
)
def test_another_kind_or_number_is_refused(connection: Connection, body: bytes, query: str) -> None:
    assert_refused(ask(connection, body, query), 422)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"nothing",
        b"{",
        b"\xef\xbb\xbf" + dense(GOOD),
        dense(GOOD) + b",",
        dense(GOOD) + dense(GOOD),
        dense(GOOD) + b"\0",
        dense(GOOD)[:-1],
        dense(GOOD)[:-1] + b",}",
        dense(GOOD).replace(b":7", b":07"),
        dense(GOOD).replace(b":7", b":+7"),
        dense(GOOD).replace(b":7", b":0x7"),
        dense(GOOD).replace(b":7", b":NaN"),
        dense(GOOD).replace(b":7", b":7."),
        dense(GOOD).replace(b":7", b":.7"),
        dense(GOOD).replace(b":7", b":7e"),
        dense(GOOD).replace(b":7", b"=7"),
        dense(GOOD).replace(b":7", b":7/**/"),
        dense(GOOD).replace(b'"', b"'"),
        dense(GOOD).replace(b"My name", b"a\nb"),
        dense(GOOD).replace(b"My name", b"a\tb"),
        dense(GOOD).replace(b"My name", b"a\0b"),
        dense(GOOD).replace(b"My name", b"\\x41"),
        dense(GOOD).replace(b"My name", b"\\u12g4"),
        dense(GOOD).replace(b"My name", b"\\ud834"),
        dense(GOOD).replace(b"My name", b"\\udd1e\\ud834"),
        dense(GOOD).replace(b"My name", b"\xff"),
        dense(GOOD).replace(b"My name", b"\xc0\x80"),
        dense(GOOD).replace(b"My name", b"\xed\xa0\x80"),
        dense(GOOD).decode().encode("utf-16"),
    ],
)
def test_what_is_no_json_is_refused(connection: Connection, body: bytes) -> None:
    assert_refused(ask(connection, body), 400)
    response = ask(connection, b"[" + body, "?count=1")
    assert_refused(response, 422 if b"more records" in response.body else 400)


@pytest.mark.parametrize("query", ["?count=1001", "?count=-1", "?count=", "?count", "?count=1&count=1", "?n=1", "?digest=1", "?count=1.0"])
def test_malformed_parameters_get_400(connection: Connection, query: str) -> None:
    detail = assert_refused(ask(connection, dense([GOOD]), query), 400)
    assert query.strip("?").partition("=")[0] in detail


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("body", [b"", dense(GOOD)])
def test_other_methods_get_405(connection: Connection, method: str, body: bytes) -> None:
    connection.send(f"{method} /validate HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    response = connection.read(head=method == "HEAD")
    assert (response.status, response.headers["allow"]) == (405, "POST, OPTIONS")


@pytest.mark.parametrize("target", ["/", "/validate/", "/Validate", "/validatex", "/record/1", "/validate%2f"])
def test_bodies_of_other_routes_are_not_kept(connection: Connection, target: str) -> None:
    """… and may not be as large."""
    connection.send(posted(b" " * 65536, target=target))
    assert connection.read().status in (404, 405)
    with Connection(connection.socket.getpeername()[:2]) as other:
        other.send(posted(b" " * 65537, target=target))
        assert_refused(other.read(), 413)


@pytest.mark.parametrize("target", ["/v%61lidate", "http://x/validate", "HTTP://x:80/%76alidate", "/validate?count=1"])
def test_the_route_is_the_same_however_it_is_written(connection: Connection, target: str) -> None:
    body = padded(LIMIT) if "count" not in target else b"[" + padded(LIMIT - 2) + b"]"
    connection.send(posted(body, target=target))
    assert connection.read().body.strip(b"[]") == dense(GOOD)


# ---- how large it may be ----


def test_a_body_of_exactly_the_limit_is_taken_and_one_of_more_is_not(daemon: Daemon) -> None:
    address = (daemon.host, daemon.port)
    with Connection(address, 30) as one:
        for _ in range(2):
            one.send(posted(padded(LIMIT)))
            assert one.read().body == dense(GOOD)
            one.send(chunked(padded(LIMIT), 10007))
            assert one.read().body == dense(GOOD)
    for data in (posted(padded(LIMIT + 1)), chunked(padded(LIMIT + 1), LIMIT), chunked(padded(LIMIT + 1), 10007)):
        response = exchange(address, data, 30)
        assert_refused(response, 413)
        assert response.closes
    assert_given_back(daemon)


def test_a_refused_body_gives_its_memory_back_at_once(start: Start) -> None:
    """… though requests before it are still to be answered."""
    daemon = start("server.processes=1", "workloads.wait=yes")
    with Connection((daemon.host, daemon.port)) as one:
        body = chunked(padded(50000), 20000)
        one.send(b"GET /wait?ms=3000 HTTP/1.1\r\nHost: x\r\n\r\n" + body[:-5] + b"wrong")
        wait_for("it waits", lambda: daemon.status()["workers"][0]["waiting"] == 1)
        assert body_memory(daemon) == 0
        assert one.read().body == b"3000"
        assert_refused(one.read(), 400)


def test_the_limit_is_an_option(start: Start) -> None:
    daemon = start("server.processes=1", "limits.limit-body=200", "limits.limit-post=100")
    address = (daemon.host, daemon.port)
    assert exchange(address, posted(padded(200))).status == 200
    assert exchange(address, posted(padded(201))).status == 413
    assert exchange(address, posted(b" " * 101, target="/")).status == 413
    assert exchange(address, b"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: 201\r\nExpect: 100-continue\r\n\r\n").status == 413


def test_a_client_that_waits_to_be_told_so_is_told_to_send_its_body(daemon: Daemon) -> None:
    with Connection((daemon.host, daemon.port)) as one:
        head, body = posted(dense(GOOD), more="Expect: 100-continue\r\n").split(b"\r\n\r\n")
        one.send(head + b"\r\n\r\n")
        interim = one.socket.recv(1000)
        assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
        one.send(body)
        assert one.read().body == dense(GOOD)


# ---- the memory of all ----


def begin_body(daemon: Daemon, announced: int, sent: int) -> Connection:
    before = body_memory(daemon)
    one = Connection((daemon.host, daemon.port))
    one.send(f"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: {announced}\r\n\r\n".encode() + padded(announced)[:sent])
    wait_for("what was sent is there", lambda: body_memory(daemon) >= before + sent)
    return one


def test_memory_is_taken_as_bytes_come(start: Start) -> None:
    daemon = start("server.processes=1", "limits.body-memory=1M")
    clients = [begin_body(daemon, LIMIT, 1000) for _ in range(40)]  # 40 MiB are announced
    assert 40 * 1000 <= body_memory(daemon) <= 40 * 2048
    for client in clients:
        client.close()
    assert_given_back(daemon)


def test_a_body_for_which_no_memory_is_left_gets_503(start: Start) -> None:
    daemon = start("server.processes=1", "limits.body-memory=1M")
    address = (daemon.host, daemon.port)
    with begin_body(daemon, LIMIT, 900000) as first:
        response = exchange(address, posted(padded(500000)), 30)
        assert "memory" in assert_refused(response, 503)
        assert response.closes
        assert exchange(address, posted(padded(1000))).status in (200, 503)  # by what the first has taken in advance
        assert exchange(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").status == 200
        first.send(padded(LIMIT)[900000:])
        assert first.read().body == dense(GOOD)
        assert_given_back(daemon)
        first.send(posted(padded(LIMIT)))  # all that there is, at once
        assert first.read().body == dense(GOOD)
    assert daemon.status()["routes"]["other"]["errors_5xx"] >= 1
    assert_given_back(daemon)


@pytest.mark.parametrize("how", ["close", "reset", "half-close"])
def test_a_client_that_leaves_in_the_middle_of_its_body_gives_back_its_memory(start: Start, how: str) -> None:
    daemon = start("server.processes=1")
    clients = [begin_body(daemon, 300000, 200000) for _ in range(5)]
    for client in clients:
        if how == "half-close":
            client.end_sending()
            continue
        if how == "reset":
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    assert_given_back(daemon)
    wait_for("nobody is left", lambda: daemon.status()["workers"][0]["connections"] == 0)
    for client in clients:
        if how == "half-close":
            assert client.at_end()
            client.close()
    assert exchange((daemon.host, daemon.port), posted(dense(GOOD))).body == dense(GOOD)


def test_a_body_that_comes_too_slowly_is_cut_and_gives_back_its_memory(start: Start) -> None:
    daemon = start("server.processes=1", "limits.request-timeout=500ms", "limits.idle-timeout=300ms")
    with begin_body(daemon, 300000, 100000) as client:
        client.socket.settimeout(0.05)
        ends = time.monotonic() + 10
        while time.monotonic() < ends:
            try:
                client.send(b" ")
                if client.socket.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            raise AssertionError("it drips for ever")
    assert_given_back(daemon)
    wait_for("it is counted", lambda: daemon.status()["routes"]["other"]["aborted"] == 1)


def test_a_body_that_comes_slowly_is_taken_within_its_time(start: Start) -> None:
    daemon = start("server.processes=1", "limits.idle-timeout=200ms")
    data = posted(padded(500))
    with Connection((daemon.host, daemon.port)) as one:
        for i in range(0, len(data), 40):
            one.send(data[i : i + 40])
            time.sleep(0.04)  # the slowness is the condition: more than idle-timeout in all
        assert one.read().body == dense(GOOD)


# ---- several at once ----


def test_pipelined_bodies_stay_with_their_requests(daemon: Daemon) -> None:
    one, two, three = ({**GOOD, "id": i} for i in range(3))
    get = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    data = posted(dense(one)) + get + posted(b"{}") + posted(b"hello", target="/") + chunked(dense(two), 7) + posted(dense([three]), "?count=1") + get
    expected = [(200, dense(one)), (200, b"Welcome!\n"), (422, None), (405, None), (200, dense(two)), (200, dense([three])), (200, b"Welcome!\n")]
    for size in (len(data), 1000, 97, 10, 1):
        with Connection((daemon.host, daemon.port)) as connection:
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(0, len(data), size):
                connection.send(data[i : i + size])
            for status, body in expected:
                response = connection.read()
                assert response.status == status
                assert body is None or response.body == body
    assert_given_back(daemon)


def test_many_bodies_in_one_piece(daemon: Daemon) -> None:
    records = [{**GOOD, "id": i} for i in range(2000)]
    with Connection((daemon.host, daemon.port), 30) as connection:
        sender = threading.Thread(target=connection.send, args=(b"".join(posted(dense(record)) for record in records),))
        sender.start()
        for record in records:
            assert connection.read().body == dense(record)
        sender.join(10)
    assert_given_back(daemon)


def test_a_body_behind_a_wait(start: Start) -> None:
    daemon = start("server.processes=1", "workloads.wait=yes")
    with Connection((daemon.host, daemon.port)) as connection:
        connection.send(b"GET /wait?ms=200 HTTP/1.1\r\nHost: x\r\n\r\n" + posted(dense(GOOD)))
        assert [connection.read().body for _ in range(2)] == [b"200", dense(GOOD)]


def test_version_1_0_and_close(daemon: Daemon) -> None:
    body = dense(GOOD)
    response = exchange((daemon.host, daemon.port), b"POST /validate HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert (response.status, response.body, response.closes) == (200, body, True)
    with Connection((daemon.host, daemon.port)) as connection:
        connection.send(posted(body, more="Connection: close\r\n"))
        assert connection.read().closes
        assert connection.at_end()


# ---- while the worker ends ----


def state_of(daemon: Daemon, pid: int) -> str:
    seats = [seat for slot in daemon.status()["workers"] for seat in (slot, slot["beside"]) if seat]
    return next(str(seat["state"]) for seat in seats if seat["pid"] == pid)


@pytest.mark.parametrize("how", ["reload", "drain", "upgrade"])
def test_a_body_that_is_coming_in_is_answered_by_a_worker_that_is_replaced(start: Start, how: str) -> None:
    daemon = start(config="[server]\nprocesses = 1\n")
    before = daemon.workers()
    with begin_body(daemon, LIMIT, 500000) as client:
        asked = threading.Thread(target=daemon.tell, args=(f"{how}{' 0' if how == 'drain' else ''}\n".encode(),))
        asked.start()  # the reply comes when it is done
        wait_for("it drains", lambda: state_of(daemon, before[0]) == "draining")
        client.send(padded(LIMIT)[500000:])
        response = client.read()
        assert (response.status, response.body, response.closes) == (200, dense(GOOD), True)
    asked.join(20)
    wait_for("the old worker is gone", lambda: not set(before) & set(daemon.workers()))


@pytest.mark.parametrize("options", ["limit-body = 0", "limit-body = 73\n[workloads]\nwait = yes", "limit-body = 74\n[workloads]\nrecords = 1\ncodec = tree"])
def test_the_first_worker_of_a_reload_is_asked_for_what_it_has(start: Start, options: str) -> None:
    """… and so may serve, however little is allowed or switched on."""
    daemon = start(config=f"[server]\nprocesses = 1\n[limits]\n{options}\n")
    before = daemon.workers()
    assert daemon.tell(b"reload\n").startswith(b"ok"), daemon.log()
    wait_for("the old worker is gone", lambda: not set(before) & set(daemon.workers()))


def test_a_stop_lets_a_body_come_in_and_be_answered(start: Start) -> None:
    daemon = start("server.processes=1")
    with begin_body(daemon, LIMIT, 500000) as client:
        os.kill(daemon.pid, signal.SIGTERM)
        daemon.wait_log("stop")
        client.send(padded(LIMIT)[500000:])
        response = client.read()
        assert (response.status, response.body, response.closes) == (200, dense(GOOD), True)
    assert daemon.process.wait(20) == 0


def test_a_stop_does_not_wait_longer_for_a_body_than_its_mercy(start: Start) -> None:
    daemon = start("server.processes=1", "workers.worker-reload-mercy=300ms")
    daemon.expect_failure = True
    with begin_body(daemon, LIMIT, 500000) as client:
        os.kill(daemon.pid, signal.SIGTERM)
        with pytest.raises((Closed, ConnectionResetError)):
            client.read()
    daemon.process.wait(20)
