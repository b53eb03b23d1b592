"""docs/SPEC.md: its numbers are computed anew from the dataset's file, by code of this file's own; so are those of its Python."""

from __future__ import annotations

import json
import re
import struct
import zlib
from typing import Any

import msgpack
import pytest
from restmark_rig.store.dataset import Dataset

from .helpers import ROOT

SPEC = (ROOT / "docs" / "SPEC.md").read_text(encoding="utf-8")
Records = list[dict[str, Any]]


def block(language: str) -> str:
    """The one code block in a language."""
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", SPEC, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1
    return blocks[0]


def vectors(query: str) -> dict[tuple[int, int], tuple[int, int]]:
    """(K, S) -> both digests, of the table whose head has that query."""
    table = SPEC.partition(f"| `/parse-msgpack?{query}` |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", table, re.MULTILINE)
    return {(int(k), int(s)): (int(parse), int(encode)) for k, s, parse, encode in rows}


def signed(number: int) -> int:
    """The lowest 64 bits as a signed integer."""
    return int.from_bytes((number % 2**64).to_bytes(8, "little"), "little", signed=True)


def parse_digest(records: Records, k: int, s: int) -> int:
    """All that is hashed in one piece, unlike the reference."""
    hashed = bytearray()
    for record in records:
        hashed += record["id"].to_bytes(8, "little", signed=True) + record["count"].to_bytes(8, "little", signed=True)
        hashed += struct.pack("<d", record["created_at"])
        hashed += "".join(f"{record[name]}\0" for name in ("name", "description", "type")).encode()
    return zlib.crc32(hashed * k, s)


def encode_digest(records: Records, k: int, s: int) -> int:
    """The same, of the JSON."""
    shifted = [dict(record) for record in records]
    for record in shifted:
        record["id"] = signed(record["id"] + s)
        record["count"] = signed(record["count"] + s)
        record["created_at"] += s * 39 / 2**22
    return zlib.crc32(json.dumps(shifted, ensure_ascii=False, separators=(",", ":")).encode() * k, s)


@pytest.fixture(scope="module")
def first_three(default_dataset: Dataset) -> Records:
    """Of the default dataset, decoded from its file."""
    elements = msgpack.unpackb(default_dataset.path.read_bytes())
    return [msgpack.unpackb(element) for element in elements[:3]]


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """What the document's Python defines."""
    names: dict[str, Any] = {}
    exec(compile(block("python"), "docs/SPEC.md", "exec"), names)
    return names


def test_vectors_of_the_default_dataset(first_three: Records) -> None:
    given = vectors("count=3&digest=K&seed=S")
    assert set(given) == {(k, s) for k in (1, 2) for s in (0, 12345, 2147483647)}
    assert given == {(k, s): (parse_digest(first_three, k, s), encode_digest(first_three, k, s)) for k, s in given}


def test_vectors_of_the_odd_records() -> None:
    records = json.loads(block("json"))
    given = vectors("digest=K&seed=S")
    assert len(given) == 6
    assert given == {(k, s): (parse_digest(records, k, s), encode_digest(records, k, s)) for k, s in given}


def test_the_odd_records_do_what_they_are_for() -> None:
    first, second = json.loads(block("json"))
    assert signed(first["id"] + 1) == -(2**63)
    assert signed(first["count"] + 2147483647) == -(2**63)
    assert "\0" in second["name"]
    assert not first["name"] and not second["type"]
    assert not first["type"].isascii()


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize(("k", "s"), [(1, 0), (3, 12345), (8, 2147483647)])
def test_the_reference_agrees(reference: dict[str, Any], first_three: Records, count: int, k: int, s: int) -> None:
    for records in (first_three[:count], json.loads(block("json"))[:count]):
        assert reference["parse_digest"](records, k, s) == parse_digest(records, k, s)
        assert reference["encode_digest"](records, k, s) == encode_digest(records, k, s)


def test_what_it_says_of_no_records(reference: dict[str, Any]) -> None:
    assert reference["parse_digest"]([], 8, 4711) == 4711
    assert reference["encode_digest"]([], 1, 4711) == zlib.crc32(b"[]", 4711)


def test_the_default_records_are_as_it_says(default_dataset: Dataset) -> None:
    text = next(line for line in SPEC.splitlines() if line.startswith('{"id": i, '))
    expression = text.replace("×", "*")
    assert [eval(expression, {"i": i}) for i in range(1000)] == list(default_dataset.records)
    assert f"has {default_dataset.json_bytes} bytes" in SPEC
