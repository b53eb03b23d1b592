"""Datasets of the user: good ones are served, bad ones are refused with what is wrong and where."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgpack
import pytest
from daemon import RESTMARKD, Daemon, run
from http_client import Connection
from test_routes import JSON_SHA256, records

Start = Callable[..., Daemon]
QUIET = ["-o", "admin.control=none", "-o", "server.listen=127.0.0.1:0"]


def record(**changes: object) -> dict[str, object]:
    good: dict[str, object] = {"id": 1, "name": "n", "description": "d", "type": "U", "count": 2, "created_at": 0.5}
    return {**good, **changes}


def without(key: str) -> dict[str, object]:
    return {k: v for k, v in record().items() if k != key}


def encode(elements: list[object]) -> bytes:
    return msgpack.packb([msgpack.packb(e) for e in elements])  # type: ignore[no-any-return]


def test_the_built_in_dataset_is_written_as_defined(tmp_path: Path) -> None:
    path = tmp_path / "d.msgpack"
    assert run("--write-dataset", str(path)).returncode == 0
    elements = msgpack.unpackb(path.read_bytes())
    assert all(isinstance(e, bytes) for e in elements)
    text = json.dumps([msgpack.unpackb(e) for e in elements], separators=(",", ":")).encode()
    assert text == records(1000)
    assert hashlib.sha256(text).hexdigest() == JSON_SHA256
    piped = subprocess.run([str(RESTMARKD), "--write-dataset", "-"], capture_output=True, timeout=300, check=True).stdout
    assert piped == path.read_bytes()
    again = tmp_path / "again.msgpack"
    assert run("--write-dataset", str(again), "-o", f"workloads.dataset={path}").returncode == 0
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("codec", ["struct", "tree"])
def test_texts_of_all_kinds(start: Start, tmp_path: Path, codec: str) -> None:
    odd = [
        record(name='quote " backslash \\ slash / <>&'),
        record(description="".join(map(chr, range(0x20))) + "\x7f"),
        record(type="é ß 漢字 \U0001f600 \u2028\u2029"),
        record(name="", description="", type="x" * 70_000),
        record(id=-(2**63), count=2**63 - 1),
        record(created_at=5.0),
        record(created_at=1e16),
        record(created_at=1e-7),
        record(created_at=-0.0),
        record(created_at=1.7976931348623157e308),
        record(created_at=5e-324),
        {k: record()[k] for k in reversed(record())},
    ]
    path = tmp_path / "odd.msgpack"
    path.write_bytes(encode(list(odd)))
    order = list(record())
    expected = json.dumps([{k: r[k] for k in order} for r in odd], separators=(",", ":"), ensure_ascii=False).encode()
    daemon = start("server.processes=1", f"workloads.dataset={path}", f"workloads.codec={codec}")
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/transfer-data").body == expected
        assert connection.request("/encode-json").body == str(len(expected)).encode()
        assert connection.request("/parse-msgpack").body == str(len(odd)).encode()


BAD = {
    "empty": (b"", "empty"),
    "not an array": (msgpack.packb({"a": 1}), "array"),
    "text": (b"hello world\n", "array"),
    "no records": (msgpack.packb([]), "no records"),
    "element is text": (msgpack.packb(["abc"]), "record 0"),
    "element is a map": (msgpack.packb([record()]), "record 0"),
    "truncated": (encode([record()] * 3)[:-5], "record 2"),
    "cut in a header": (encode([record()] * 3)[:1], "claims 3 records"),
    "trailing": (encode([record()]) + b"\x00", "1 bytes follow the last"),
    "absurd count": (b"\xdd\xff\xff\xff\xff" + msgpack.packb(b"x"), "4294967295"),
    "absurd element": (b"\x91\xc6\xff\xff\xff\xff", "record 0"),
    "element is no map": (msgpack.packb([msgpack.packb(7)]), "record 0"),
    "element has a tail": (msgpack.packb([msgpack.packb(record()) + b"\xc0"]), "record 0"),
    "element truncated": (msgpack.packb([msgpack.packb(record())[:-1]]), "record 0"),
    "missing": (encode([record(), without("count")]), 'record 1: field "count"'),
    "extra": (encode([record(more=1)]), '"more"'),
    "mistyped id": (encode([record(id="1")]), 'record 0: field "id"'),
    "mistyped name": (encode([record(name=1)]), 'record 0: field "name"'),
    "mistyped float": (encode([record(created_at=1)]), 'record 0: field "created_at"'),
    "null": (encode([record(type=None)]), 'record 0: field "type"'),
    "nested": (encode([record(name=["n"])]), 'record 0: field "name"'),
    "big id": (encode([record(id=2**63)]), 'record 0: field "id"'),
    "nan": (encode([record(created_at=float("nan"))]), 'record 0: field "created_at"'),
    "inf": (encode([record(created_at=float("inf"))]), 'record 0: field "created_at"'),
    "bad utf-8": (encode([record()]).replace(b"description\xa1d", b"description\xa1\xff"), 'record 0: field "description"'),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("codec", ["struct", "tree"])
@pytest.mark.parametrize("test", [True, False])
def test_bad_datasets_exit_65(tmp_path: Path, name: str, codec: str, test: bool) -> None:
    data, says = BAD[name]
    path = tmp_path / "bad.msgpack"
    path.write_bytes(data)
    ini = tmp_path / "d.ini"
    ini.write_text(f"[workloads]\ndataset = {path}\ncodec = {codec}\n")
    result = run("-c", str(ini), *QUIET, *(["-t"] if test else []))
    assert result.returncode == 65, result.stderr
    assert says in result.stderr
    assert f"{ini}:2: [workloads] dataset" in result.stderr
    assert str(path) in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_unreadable_datasets_exit_65(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in ("/nonexistent", "/", "/dev/zero", str(tmp_path / "fifo")):
        result = run(*QUIET, "-t", "-o", f"workloads.dataset={path}", timeout=10)
        assert (result.returncode, path in result.stderr) == (65, True), result.stderr


def test_more_records_than_there_are(tmp_path: Path) -> None:
    path = tmp_path / "d.msgpack"
    path.write_bytes(encode([record()] * 3))
    result = run(*QUIET, "-t", "-o", f"workloads.dataset={path}", "-o", "workloads.records=4")
    assert (result.returncode, "3" in result.stderr) == (65, True)
    assert run(*QUIET, "-t", "-o", f"workloads.dataset={path}", "-o", "workloads.records=2").returncode == 0


def test_a_million_records(start: Start) -> None:
    daemon = start("server.processes=1", "workloads.records=1000000", "limits.request-timeout=2min")
    with Connection((daemon.host, daemon.port), 60) as connection:
        assert connection.request("/parse-msgpack").body == b"1000000"
        length = int(connection.request("/encode-json").body)
        response = connection.request("/transfer-data")
        assert len(response.body) == length
        assert response.body.endswith(b"]")
        assert json.loads(b"[" + response.body[-200:].split(b"},{", 1)[1].join([b"{", b""]))[0]["id"] == 999_999
    assert run(*QUIET, "-t", "-o", "workloads.records=1000001").returncode == 78
