"""Dataset files: the default one, a user's own, and all that is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgpack
import pytest
from restmark_rig.model.errors import DatasetError, EnvironmentFault
from restmark_rig.store import dataset

RECORD = {"id": 1, "name": "n", "description": "d", "type": "t", "count": 2, "created_at": 1.5}


def write(path: Path, value: Any) -> Path:
    path.write_bytes(msgpack.packb(value))
    return path


def test_default_file_has_the_documented_form(tmp_path: Path) -> None:
    path = tmp_path / "d"
    written = dataset.write_default(path)
    raw = path.read_bytes()
    assert raw[:3] == b"\xdc\x03\xe8"  # array 16 of 1000
    assert raw[3] == 0xC4  # bin 8
    assert raw[5] == 0x86  # map of 6
    assert dataset.read(path).records == written.records
    assert written.json_bytes == dataset.DEFAULT_JSON_BYTES == 133622


def test_default_created_at_is_exact() -> None:
    records = dataset.default_records()
    assert records[0]["created_at"] == 1569882498.9117897
    assert records[999]["created_at"] == 1569882498.9117897 + 999 * 39 / 4194304
    assert len({record["created_at"] for record in records}) == 1000


def test_default_file_is_written_anew_when_it_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "d"
    dataset.write_default(path)
    intact = path.read_bytes()
    path.write_bytes(intact[:-1])
    dataset.write_default(path)
    assert path.read_bytes() == intact
    assert list(tmp_path.iterdir()) == [path]


def test_json_escapes_only_what_json_demands(tmp_path: Path) -> None:
    text = 'quote" back\\slash </script> & \b\f\n\r\t\x00\x1f\x7f é € 𝄞 \u2028'
    path = write(tmp_path / "d", [msgpack.packb({**RECORD, "name": text})])
    body = dataset.read(path).json(1)
    assert json.loads(body)[0]["name"] == text
    expected = 'quote\\" back\\\\slash </script> & \\b\\f\\n\\r\\t\\u0000\\u001f\x7f é € 𝄞 \u2028'
    assert expected.encode() in body
    assert body == json.dumps(list(dataset.read(path).records), ensure_ascii=False, separators=(",", ":")).encode()


def test_empty_dataset(tmp_path: Path) -> None:
    assert dataset.read(write(tmp_path / "d", [])).json(0) == b"[]"


BAD_RECORDS = [
    ({**RECORD, "id": "1"}, "field 'id' is a string", "make it an integer"),
    ({**RECORD, "id": True}, "field 'id' is a boolean", ""),
    ({**RECORD, "created_at": 5}, "field 'created_at' is an integer", ""),
    ({**RECORD, "created_at": float("nan")}, "field 'created_at' is nan", "finite"),
    ({**RECORD, "count": 2**63}, "field 'count' is 9223372036854775808", "64 bits"),
    ({**RECORD, "name": b"n"}, "field 'name' is a bin", ""),
    ({**RECORD, "name": None}, "field 'name' is nil", ""),
    ({key: value for key, value in RECORD.items() if key != "type"}, "has the fields", "in this order"),
    ({**RECORD, "extra": 1}, "has the fields", "in this order"),
    (dict(reversed(RECORD.items())), "has the fields", "in this order"),
    ([1], "holds an array, not a map", ""),
]


@pytest.mark.parametrize(("record", "message", "remedy"), BAD_RECORDS)
def test_bad_record(tmp_path: Path, record: Any, message: str, remedy: str) -> None:
    path = write(tmp_path / "d", [msgpack.packb(RECORD), msgpack.packb(record)])
    with pytest.raises(DatasetError) as caught:
        dataset.read(path)
    assert f"{path}: record 1" in caught.value.message
    assert message in caught.value.message
    assert remedy in caught.value.remedy


def test_repeated_key(tmp_path: Path) -> None:
    twice = b"\x87" + msgpack.packb(RECORD)[1:] + msgpack.packb("id") + msgpack.packb(1)
    with pytest.raises(DatasetError, match="record 0 has the fields"):
        dataset.read(write(tmp_path / "d", [twice]))


BAD_FILES = [
    (b"", "incomplete input"),
    (b"\x91", "not valid MessagePack"),
    (msgpack.packb({}), "holds a map, not an array"),
    (msgpack.packb(["text"]), "record 0 is a string, not a bin"),
    (msgpack.packb([]) + b"\x00\x00", "2 bytes follow the first value"),
    (msgpack.packb([msgpack.packb(RECORD) + b"\xc0"]), "record 0: 1 bytes follow"),
    (msgpack.packb([msgpack.packb(RECORD)[:-1]]), "record 0: not valid MessagePack"),
    (msgpack.packb([b"\x81\xa1\xff\x01"]), "a string is not UTF-8"),
    (b"\xc1", "not valid MessagePack"),
]


@pytest.mark.parametrize(("raw", "message"), BAD_FILES)
def test_bad_file(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "d"
    path.write_bytes(raw)
    with pytest.raises(DatasetError) as caught:
        dataset.read(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.remedy


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="can not be read: No such file"):
        dataset.read(tmp_path / "none")


def writer(tmp_path: Path, content: bytes, status: int = 0) -> Path:
    """A stand-in for restmarkd that writes content with --write-dataset."""
    (tmp_path / "content").write_bytes(content)
    program = tmp_path / "restmarkd"
    program.write_text(
        f'#!/bin/sh\ntest "$1" = --write-dataset || exit 64\ncp {tmp_path}/content "$2"\nexit {status}\n'
    )
    program.chmod(0o755)
    return program


def test_restmarkd_writes_the_same_dataset(tmp_path: Path, default_dataset: dataset.Dataset) -> None:
    dataset.compare_with_restmarkd(writer(tmp_path, default_dataset.path.read_bytes()), default_dataset)


def test_restmarkd_writes_another_dataset(tmp_path: Path, default_dataset: dataset.Dataset) -> None:
    other = bytearray(default_dataset.path.read_bytes())
    other[777] ^= 1
    with pytest.raises(EnvironmentFault, match="from byte 777 on"):
        dataset.compare_with_restmarkd(writer(tmp_path, bytes(other)), default_dataset)
    with pytest.raises(EnvironmentFault, match="from byte 100 on"):
        dataset.compare_with_restmarkd(writer(tmp_path, bytes(other[:100])), default_dataset)


def test_restmarkd_fails_to_write(tmp_path: Path, default_dataset: dataset.Dataset) -> None:
    with pytest.raises(EnvironmentFault, match="ended with 71"):
        dataset.compare_with_restmarkd(writer(tmp_path, b"", 71), default_dataset)
