"""The five workloads as a client sees them."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Iterator

import pytest
from daemon import Daemon
from http_client import Connection, Response

JSON_SHA256 = "8f7fa66a532c7c0b2c808e8810ca60de5d8d5723722d6ee5c237ed73f5d71f3a"
TEXT = "text/plain; charset=utf-8"


def records(n: int, shift: int = 0) -> bytes:
    """The JSON of the first n records, from the definition; as /encode-json's digest with a seed shifts them."""
    return json.dumps(
        [
            {
                "id": i + shift,
                "name": "My name",
                "description": "Some words on here so it looks full",
                "type": "U",
                "count": 33 + shift,
                "created_at": 1569882498.9117897 + i * 39 / 2**22 + shift * 39 / 2**22,
            }
            for i in range(n)
        ],
        separators=(",", ":"),
    ).encode()


def digest(times: int, seed: int, hashed: bytes) -> int:
    """CRC-32 from seed on over as many repetitions of the bytes."""
    return zlib.crc32(hashed * times, seed)


def hashed_records(n: int) -> bytes:
    """What /parse-msgpack's digest is of."""
    texts = b"My name\0Some words on here so it looks full\0U\0"
    return b"".join(struct.pack("<qqd", i, 33, 1569882498.9117897 + i * 39 / 2**22) + texts for i in range(n))


@pytest.fixture(scope="module", params=["struct", "tree"])
def daemon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    one = Daemon(tmp_path_factory.mktemp("routes") / "d", ("server.processes=2", f"workloads.codec={request.param}"))
    one.wait_ready()
    yield one
    one.finish()


@pytest.fixture
def connection(daemon: Daemon) -> Iterator[Connection]:
    with Connection((daemon.host, daemon.port), 30) as one:
        yield one


def test_the_oracle_is_the_published_one() -> None:
    assert len(records(1000)) == 133622
    assert hashlib.sha256(records(1000)).hexdigest() == JSON_SHA256


@pytest.mark.parametrize(
    ("target", "content_type", "body"),
    [
        ("/", TEXT, b"Welcome!\n"),
        ("/parse-msgpack", TEXT, b"1000"),
        ("/parse-msgpack?count=0", TEXT, b"0"),
        ("/parse-msgpack?count=1", TEXT, b"1"),
        ("/parse-msgpack?count=1000", TEXT, b"1000"),
        ("/parse-msgpack?count=%37", TEXT, b"7"),
        ("/encode-json", TEXT, b"133622"),
        ("/encode-json?count=0", TEXT, b"2"),
        ("/encode-json?count=1", TEXT, str(len(records(1))).encode()),
        ("/encode-json?count=537", TEXT, str(len(records(537))).encode()),
        ("/transfer-data", "application/json", records(1000)),
        ("/transfer-data?count=1000", "application/json", records(1000)),
        ("/transfer-data?count=0", "application/json", b"[]"),
        ("/transfer-data?count=1", "application/json", records(1)),
        ("/transfer-data?count=999", "application/json", records(999)),
        ("/million-loop", TEXT, b"249999500000"),
        ("/million-loop?n=1000000&seed=0", TEXT, b"249999500000"),
        ("/million-loop?seed=1", TEXT, b"-250000499999"),
        ("/million-loop?seed=12345", TEXT, b"-250000487655"),
        ("/million-loop?seed=2147483647", TEXT, b"-247853016353"),
        ("/million-loop?seed=3&n=10", TEXT, b"1000018"),
        ("/million-loop?n=0&seed=7", TEXT, b"7"),
        ("/record/0", "application/json", records(1)[1:-1]),
        ("/record/0000", "application/json", records(1)[1:-1]),
        ("/record/999", "application/json", records(1000)[len(records(999)) : -1]),
        ("/users/7", TEXT, b"users 7"),
        ("/users/%37?", TEXT, b"users 7"),
        ("/contracts/A-z_0/items", TEXT, b"contracts A-z_0 items"),
        ("/vendors/7/items/" + 32 * "x", TEXT, b"vendors 7 items " + 32 * b"x"),
    ],
)
def test_answers(connection: Connection, target: str, content_type: str, body: bytes) -> None:
    response = connection.request(target)
    assert (response.status, response.headers["content-type"]) == (200, content_type)
    assert response.body == body
    assert not response.closes
    head = connection.request(target, "HEAD")
    assert head.status == 200
    assert head.headers["content-length"] == str(len(body))
    assert head.headers["content-type"] == content_type
    assert connection.request(target).body == body  # the connection is kept, and HEAD left nothing on it


@pytest.mark.parametrize("order", ["digest={k}&seed={s}&count={n}", "count={n}&seed={s}&digest={k}", "seed={s}&count={n}&digest={k}"])
@pytest.mark.parametrize(("n", "k", "s"), [(0, 1, 7), (1, 8, 0), (3, 2, 12345), (999, 3, 2147483647), (1000, 1, 1000000)])
def test_digests(connection: Connection, order: str, n: int, k: int, s: int) -> None:
    query = order.format(n=n, k=k, s=s)
    for route, hashed in (("/parse-msgpack", hashed_records(n)), ("/encode-json", records(n, s))):
        response = connection.request(f"{route}?{query}")
        assert (response.status, response.headers["content-type"]) == (200, TEXT)
        assert response.body == str(digest(k, s, hashed)).encode()
    assert connection.request(f"/parse-msgpack?count={n}").body == str(n).encode()
    assert connection.request(f"/encode-json?count={n}").body == str(len(records(n))).encode()


def test_a_digest_of_all_records_begins_with_0(connection: Connection) -> None:
    assert connection.request("/parse-msgpack?digest=2").body == str(digest(2, 0, hashed_records(1000))).encode()
    assert connection.request("/encode-json?digest=2").body == str(digest(2, 0, records(1000))).encode()


@pytest.mark.parametrize(
    "target",
    [
        "/?count=1",
        "/?digest=1",
        "/transfer-data?digest=1",
        "/transfer-data?count=1&digest=1&seed=1",
        "/million-loop?digest=1",
        "/million-loop?digest=1&seed=1",
        *(
            f"{route}?{query}"
            for route in ("/parse-msgpack", "/encode-json")
            for query in (
                "digest",
                "digest=",
                "digest=0",
                "digest=9",
                "digest=-1",
                "digest=+1",
                "digest=1.0",
                "digest=18446744073709551617",
                "digest=1&digest=1",
                "digest=1&seed",
                "digest=1&seed=",
                "digest=1&seed=-1",
                "digest=1&seed=2147483648",
                "digest=1&seed=1&seed=1",
                "Digest=1",
                "seed=0",
                "seed=1&count=1",
                "count=1&seed=1",
            )
        ),
        "/?x",
        "/parse-msgpack?count=1001",
        "/parse-msgpack?count=",
        "/parse-msgpack?count",
        "/parse-msgpack?count=-1",
        "/parse-msgpack?count=+1",
        "/parse-msgpack?count=1.0",
        "/parse-msgpack?count=0x10",
        "/parse-msgpack?count=1%00",
        "/parse-msgpack?count=%201",
        "/parse-msgpack?count=1&count=1",
        "/parse-msgpack?Count=1",
        "/parse-msgpack?n=1",
        "/encode-json?count=18446744073709551617",
        "/encode-json?count=1&x=2",
        "/transfer-data?count=abc",
        "/transfer-data?count=1;count=2",
        "/million-loop?n=100000001",
        "/million-loop?n=-1",
        "/million-loop?seed=2147483648",
        "/million-loop?seed=1&seed=1",
        "/million-loop?count=1",
        "/million-loop?=1",
        "/record/1?count=1",
        "/users/7?x",
    ],
)
def test_malformed_parameters_get_400(connection: Connection, target: str) -> None:
    response = connection.request(target)
    assert_problem(response, 400)
    if not response.closes:
        assert connection.request("/").status == 200


def assert_problem(response: Response, status: int) -> dict[str, object]:
    assert response.status == status, response
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, object] = json.loads(response.body)
    assert problem["status"] == status
    assert isinstance(problem["title"], str)
    assert len(str(problem["detail"])) > 10
    return problem


def test_a_problem_quotes_any_bytes_safely(connection: Connection) -> None:
    problem = assert_problem(connection.request('/?%22%5c%01%ff%c3%a9"=1'), 400)
    assert '\\"' not in str(problem["detail"]).replace('"\\', "")


@pytest.mark.parametrize(
    "target",
    [
        "/nope",
        "/parse-msgpack/",
        "//",
        "/PARSE-MSGPACK",
        "/encode-json%20",
        "/transfer-data.json",
        "/record",
        "/users",
        "/users/",
        "/users/7/item",
        "/users/7/items/3/x",
        "/user/7",
        "/usersx/7",
        "/users/a.b",
        "/users/7%2fitems",
        "/users/" + 33 * "x",
    ],
)
def test_unknown_paths_get_404(connection: Connection, target: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        assert_problem(connection.request(target, method), 404)
    assert connection.request("/").status == 200


@pytest.mark.parametrize("target", ["/record/1000", "/record/18446744073709551616", "/record/x", "/record/-1", "/record/1_0"])
def test_there_is_no_such_record(connection: Connection, target: str) -> None:
    assert "0 to 999" in str(assert_problem(connection.request(target), 404)["detail"])
    assert connection.request("/record/1").status == 200


@pytest.mark.parametrize(
    "target", ["/", "/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop", "/record/1", "/users/7", "/carts/1/items/2"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_get_405(connection: Connection, target: str, method: str) -> None:
    response = connection.request(target, method, "Content-Length: 0\r\n" if method == "POST" else "")
    assert_problem(response, 405)
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"
    assert connection.request("/").status == 200


@pytest.mark.parametrize("method", ["get", "BREW", "CONNECTION"])
def test_unknown_methods_get_501(connection: Connection, method: str) -> None:
    response = connection.request("/", method)
    assert_problem(response, 501)
    assert response.closes


@pytest.mark.parametrize(
    ("target", "allow"), [("/", "GET, HEAD, OPTIONS"), ("/million-loop", "GET, HEAD, OPTIONS"), ("/validate", "POST, OPTIONS"), ("*", "GET, HEAD, POST, OPTIONS")]
)
def test_options(connection: Connection, target: str, allow: str) -> None:
    response = connection.request(target, "OPTIONS")
    assert (response.status, response.headers["allow"], response.body) == (204, allow, b"")
    assert connection.request("/").status == 200


def test_percent_encoded_paths_are_the_same_path(connection: Connection) -> None:
    assert connection.request("/%70arse-msgpack").body == b"1000"


def test_records_option(start: Callable[..., Daemon]) -> None:
    daemon = start("workloads.records=7")
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/parse-msgpack").body == b"7"
        assert connection.request("/transfer-data").body == records(7)
        assert connection.request("/parse-msgpack?count=8").status == 400
