"""Smoke test of the peers: each one that has its toolchain here is built, started with two workers and asked.

The proof that they do equal work is `restmark verify`; this file only finds out that a peer is broken.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import peer_dataset
import peer_digest
import psutil
import pytest
from peer_process import BUILD_TIMEOUT_S, PEERS, RIG_CACHE, ROUTES, STOP_TIMEOUT_S, Client, Peer, Server, request
from restmark_rig.contestants import contestant as manifests
from restmark_rig.contestants import versions

NAMES = sorted(path.parent.name for path in PEERS.glob("*/contestant.toml"))
# Built from this repository's own sources and tested by the integration tests.
NAMES = [name for name in NAMES if not name.startswith("restmarkd")]
# Those on real back ends are tested by test_back_ends.py.
NAMES = [name for name in NAMES if not manifests.load(PEERS / name).back_ends]
# They close the connection after the first answer; RFC 9112 9.3.2 leaves that to them. Their notes say so.
CLOSES_WHEN_PIPELINED = {"python-uwsgi", "pypy-gunicorn", "pypy-tuned", "pypy-uwsgi"}

RECORDS = peer_dataset.reference_records()
JSON = peer_dataset.to_json(RECORDS)
SHA256 = "8f7fa66a532c7c0b2c808e8810ca60de5d8d5723722d6ee5c237ed73f5d71f3a"
LOOP_VECTORS = [
    ("", 249999500000),
    ("?n=1000000&seed=0", 249999500000),
    ("?seed=1", -250000499999),
    ("?seed=12345", -250000487655),
    ("?seed=2147483647", -247853016353),
    ("?n=10&seed=3", 1000018),
    ("?seed=7&n=0", 7),
]
RECORD_FAULTS = [
    *("count=", "count", "count=-1", "count=%2B1", "count=1001", "count=1.0", "count=1&count=1", "n=1"),
    *("count=x", "count=99999999999999999999", "count=%201", "other=1", "count=1&other=1"),
]
LOOP_FAULTS = [
    *("n=100000001", "n=-1", "seed=-1", "seed=2147483648", "n=1&n=1", "seed=", "count=1", "n=1e3", "n=0x10"),
]

ODD_RECORDS = [
    {
        "id": -(2**40) + i,
        "name": ["", 'quotes " and \\ and /', "".join(map(chr, range(32))) + "\x7f", "Käse 漢字 😀"][i % 4],
        "description": "</script> & <b>" * i,
        "type": "\u00a0",
        "count": 2**33 * (i - 18),
        "created_at": [0.1, -2.5, 1e15 + 0.5, 123456.789e-3, 5e-324 + 0.001][i % 5],
    }
    for i in range(37)
]

# Integers that wrap when they are shifted.
FAR_RECORDS = [
    record | {"id": 2**63 - 1 - i * 2**26, "count": -(2**63) + i if i % 2 else 2**63 - 1 - i}
    for i, record in enumerate(ODD_RECORDS)
]
DIGEST_SEEDS = (0, 12345, 2**31 - 1)
DIGEST_FAULTS = [
    *("digest", "digest=", "digest=0", "digest=9", "digest=-1", "digest=%2B1", "digest=1.0", "digest=1&digest=1"),
    *("seed=1", "seed=0&count=1", "digest=1&seed=", "digest=1&seed=-1", "digest=1&seed=2147483648"),
    *("digest=1&seed=1&seed=1", "digest=1&count=1001", "digest=1&n=1", "digest=x&seed=1"),
]


def _without(key: str) -> list[peer_dataset.Record]:
    return [*RECORDS[:3], {name: value for name, value in RECORDS[3].items() if name != key}]


def _with(key: str, value: object) -> list[peer_dataset.Record]:
    return [*RECORDS[:3], RECORDS[3] | {key: value}]


BAD_DATASETS = {
    "missing field": peer_dataset.to_file(_without("type")),
    "unknown field": peer_dataset.to_file(_with("extra", 1)),
    "text for a number": peer_dataset.to_file(_with("count", "33")),
    "number for a text": peer_dataset.to_file(_with("name", 5)),
    "integer for a double": peer_dataset.to_file(_with("created_at", 5)),
    "not a number": peer_dataset.to_file(_with("created_at", float("nan"))),
    "truncated": peer_dataset.to_file(RECORDS)[:-1],
    "not MessagePack": b"[]",
}


# Compiled as the contestants are that use it, so that the standard library is compiled once.
AS_CONTESTANTS = {"CGO_ENABLED": "0", "GOAMD64": "v1", "GOTOOLCHAIN": "local"}
SHARED_PACKAGES = {
    "go-workloads": ["go", "test", "-trimpath", "./..."],
    "rust-workloads": ["cargo", "test", "--locked", "--target-dir", str(RIG_CACHE.root / "rust-workloads")],
}


@pytest.fixture(scope="module", params=NAMES)
def peer(request: pytest.FixtureRequest) -> Peer:
    peer = Peer(request.param)
    if reason := peer.missing():
        pytest.skip(reason)
    peer.build()
    return peer


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dataset") / "reference.msgpack"
    path.write_bytes(peer_dataset.to_file(RECORDS))
    return path


@pytest.fixture(scope="module")
def server(peer: Peer, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(peer, dataset, tmp_path_factory.mktemp(peer.name) / "log") as server:
        server.wait_ready()
        yield server


def test_reference_is_the_defined_one() -> None:
    assert len(JSON) == 133622
    assert hashlib.sha256(JSON).hexdigest() == SHA256


@pytest.mark.parametrize("package", ["go-workloads", pytest.param("rust-workloads", marks=pytest.mark.long)])
def test_shared_package(package: str) -> None:
    argv = SHARED_PACKAGES[package]
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{package}: {argv[0]} not found; the manifests of its peers say how to get it")
    subprocess.run(argv, cwd=PEERS / "common" / package, check=True, timeout=BUILD_TIMEOUT_S, env={**os.environ, **AS_CONTESTANTS})


def features_of(package: str) -> dict[str, set[str]]:
    """Every library that a Rust peer is built of, with the sets of features that it is compiled with."""
    done = subprocess.run(
        ["cargo", "tree", "--locked", "--package", package, "--edges", "normal,build", "--prefix", "none", "--format", "{p} ={f}"],
        cwd=PEERS, check=True, timeout=BUILD_TIMEOUT_S, capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, set[str]] = {}
    for line in done.stdout.splitlines():
        name, _, features = line.removesuffix(" (*)").partition(" =")
        found.setdefault(name.removesuffix(" (proc-macro)"), set()).add(features)
    return found


@pytest.mark.parametrize("other", ["rust-actix", "rust-hyper"])
def test_rust_peers_compile_once_what_they_share(other: str) -> None:
    if shutil.which("cargo") is None:
        pytest.skip("cargo not found; the manifests of the Rust peers say how to get it")
    others, axum = features_of(other), features_of("rust-axum")
    common = others.keys() & axum.keys()
    assert {"restmark-workloads", "serde_json", "tokio"} <= {name.split()[0] for name in common}
    assert {name: axum[name] - others[name] for name in common if not axum[name] <= others[name]} == {}


def test_routes_on_one_connection(peer: Peer, server: Server) -> None:
    expected = {
        "/": b"Welcome!\n",
        "/parse-msgpack": b"1000",
        "/encode-json": b"133622",
        "/transfer-data": JSON,
        "/million-loop": b"249999500000",
    }
    with Client(server.port) as client:
        for route in peer.routes * 2:
            answer = client.get(route)
            assert (route, answer.status, answer.body) == (route, 200, expected[route])
            content_type = "application/json" if route == "/transfer-data" else "text/plain"
            assert answer.headers["content-type"].split(";")[0] == content_type


def test_counts_and_loop_vectors(peer: Peer, server: Server) -> None:
    with Client(server.port) as client:
        if peer.contestant.model == "none":  # sends fixed bodies
            assert client.get("/transfer-data?count=1").status == 400
            return
        for count in (0, 1, 7, 999, 1000):
            body = peer_dataset.to_json(RECORDS[:count])
            assert client.get(f"/parse-msgpack?count={count}").text == str(count)
            assert client.get(f"/encode-json?count={count}").text == str(len(body))
            assert client.get(f"/transfer-data?count={count}").body == body
        for query, result in LOOP_VECTORS:
            assert (query, client.get("/million-loop" + query).text) == (query, str(result))


def digest_targets(records: list[peer_dataset.Record]) -> Iterator[tuple[str, int]]:
    """Requests for digests of the first of these records, of one, of none and of all, each with its answer."""
    for count in (None, 0, 1, len(records)):
        part = records[:count]
        for repetitions in (1, 2, 8):
            for seed in DIGEST_SEEDS:
                words = [f"digest={repetitions}", f"seed={seed}", *([] if count is None else [f"count={count}"])]
                query, turned = "&".join(words), "&".join(reversed(words))
                yield f"/parse-msgpack?{query}", peer_digest.of_decoded(part, repetitions, seed)
                yield f"/encode-json?{turned}", peer_digest.of_encoded(part, repetitions, seed)
    yield "/parse-msgpack?digest=1", peer_digest.of_decoded(records, 1, 0)
    yield "/encode-json?digest=2&count=1", peer_digest.of_encoded(records[:1], 2, 0)


def test_digests_of_the_definition() -> None:
    for seed in DIGEST_SEEDS:
        assert peer_digest.of_decoded([], 8, seed) == seed
        assert peer_digest.of_encoded([], 1, seed) == zlib.crc32(b"[]", seed)
        # Each count and number of repetitions has a digest of its own, but for no records decoded.
        answers = {answer for target, answer in digest_targets(FAR_RECORDS) if f"seed={seed}" in target}
        assert len(answers) == 2 * 3 * 3 - 2
    # Doubles that are whole are written differently by Go.
    assert not any(record["created_at"].is_integer() for seed in DIGEST_SEEDS for record in peer_digest.shifted(RECORDS, seed))


def test_digests(peer: Peer, server: Server, tmp_path: Path) -> None:
    if "/parse-msgpack" not in peer.routes:
        with Client(server.port) as client:
            assert client.get("/transfer-data?digest=1").status == 400
        return
    path = tmp_path / "far.msgpack"
    path.write_bytes(peer_dataset.to_file(FAR_RECORDS))
    with Server(peer, path, tmp_path / "log") as far_server:
        far_server.wait_ready()
        for records, port in ((RECORDS, server.port), (FAR_RECORDS, far_server.port)):
            with Client(port) as client:
                for target, expected in digest_targets(records):
                    answer = client.get(target)
                    assert (target, answer.status, answer.text) == (target, 200, str(expected))
                    assert answer.headers["content-type"].split(";")[0] == "text/plain"
                # Nothing of a digest is left behind: the records are what they were.
                assert client.get("/transfer-data?count=1").body == peer_dataset.to_json(records[:1])
                assert client.get("/encode-json").text == str(len(peer_dataset.to_json(records)))


def test_faulty_requests(peer: Peer, server: Server) -> None:
    record_routes = [route for route in peer.routes if route in ROUTES[1:4]]
    targets = [f"{route}?{fault}" for route in record_routes for fault in RECORD_FAULTS]
    targets += [f"{route}?{fault}" for route in record_routes for fault in DIGEST_FAULTS]
    if "/transfer-data" in peer.routes:
        targets += ["/transfer-data?digest=1", "/transfer-data?digest=1&seed=1&count=1"]
    if "/million-loop" in peer.routes:
        targets += ["/million-loop?digest=1", "/million-loop?digest=1&seed=1"]
        targets += [f"/million-loop?{fault}" for fault in LOOP_FAULTS]
    cases = [(target, "GET", 400) for target in [*targets, "/?count=1"]]
    cases += [(path, "GET", 404) for path in ("/nothing", "/encode", "/transfer-data/", "/nothing?count=1")]
    cases += [(route, method, 405) for route in peer.routes for method in ("POST", "DELETE")]
    for target, method, status in cases:
        with Client(server.port) as client:
            assert (target, method, client.get(target, method).status) == (target, method, status)
    with Client(server.port) as client:
        assert client.get("/").status == 200


def test_the_three_more_routes(peer: Peer, server: Server) -> None:
    """Only that they are there; restmark verify checks what they do."""
    record = peer_dataset.to_json(RECORDS[7:8])[1:-1]
    body = request("/validate", "POST").replace(b"\r\n\r\n", b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(record), record))
    asked = {"/wait": (request("/wait?ms=1"), b"1"), "/record": (request("/record/7"), record), "/validate": (body, record)}
    with Client(server.port) as client:
        for route in set(asked) & set(peer.contestant.routes):
            data, expected = asked[route]
            client.send(data)
            answer = client.read()
            assert (route, answer.status, answer.body) == (route, 200, expected)


def test_two_requests_in_one_packet(peer: Peer, server: Server) -> None:
    with Client(server.port) as client:
        client.send(request("/transfer-data") + request("/"))
        assert client.read().body == JSON
        if peer.name in CLOSES_WHEN_PIPELINED:
            with pytest.raises(ConnectionResetError):
                client.read()
        else:
            assert client.read().body == b"Welcome!\n"


def test_request_in_pieces(server: Server) -> None:
    data = request("/transfer-data")
    with Client(server.port) as client:
        for start, end in ((0, 2), (2, 9), (9, 25), (25, len(data) - 2), (len(data) - 2, len(data))):
            client.send(data[start:end])
            client.wait_delivered()
        assert client.read().body == JSON
        assert client.get("/").status == 200


def test_odd_texts(peer: Peer, tmp_path: Path) -> None:
    path = tmp_path / "odd.msgpack"
    path.write_bytes(peer_dataset.to_file(ODD_RECORDS))
    body = peer_dataset.to_json(ODD_RECORDS)
    with Server(peer, path, tmp_path / "log") as server:
        server.wait_ready()
        with Client(server.port) as client:
            assert client.get("/transfer-data").body == body
            if peer.contestant.model != "none":
                assert client.get("/encode-json").text == str(len(body))
                assert client.get("/transfer-data?count=20").body == peer_dataset.to_json(ODD_RECORDS[:20])
                assert client.get("/parse-msgpack").text == str(len(ODD_RECORDS))
                assert client.get("/encode-json?count=38").status == 400


@pytest.mark.parametrize("fault", BAD_DATASETS)
def test_bad_dataset_is_an_error_at_start(peer: Peer, tmp_path: Path, fault: str) -> None:
    path = tmp_path / "bad.msgpack"
    path.write_bytes(BAD_DATASETS[fault])
    with Server(peer, path, tmp_path / "log") as server:
        assert server.process.wait(STOP_TIMEOUT_S) != 0
        assert "bad.msgpack" in server.log.read_text()


def test_term_leaves_no_child(peer: Peer, dataset: Path, tmp_path: Path) -> None:
    with Server(peer, dataset, tmp_path / "log") as server:
        server.wait_ready()
        with Client(server.port) as client:
            assert client.get("/").status == 200  # and stays open
            family = server.wait_settled()
            server.process.terminate()
            _, alive = psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
            # An orphan may stay a zombie until the machine's init collects it.
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in alive):
                assert time.monotonic() < deadline, f"still running: {alive}"
                time.sleep(0.02)


def test_versions_can_be_asked(peer: Peer) -> None:
    told = versions.collect(peer.contestant, RIG_CACHE.build_dir(peer.contestant))
    assert told.keys() == peer.contestant.versions.keys()
    assert not [label for label, version in told.items() if version.startswith("unknown")]
