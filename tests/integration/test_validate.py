"""Records that clients send: POST /validate."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from daemon import Daemon
from http_client import Connection, Response, exchange
from validate_support import (
    FIELDS,
    GOOD,
    LIMIT,
    Start,
    assert_given_back,
    assert_refused,
    chunked,
    dense,
    padded,
    posted,
)

pytest_plugins = ["validate_fixtures"]


@pytest.fixture
def connection(daemon: Daemon) -> Iterator[Connection]:
    with Connection((daemon.host, daemon.port), 30) as one:
        yield one
        one.send(posted(dense(GOOD)))  # whatever came before
        assert one.read().body == dense(GOOD)


def ask(connection: Connection, body: bytes, query: str = "") -> Response:
    connection.send(posted(body, query))
    return connection.read()


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
