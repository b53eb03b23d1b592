"""Bodies that POST /validate has to refuse, each for one reason: no JSON, no UTF-8, a rule of the schema broken. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from ..model.workloads import WorkloadRequest, validated
from ..store.dataset import FIELDS
from . import bodies
from .bodies import COUNT_MAX, CREATED_AT_MAX, DESCRIPTION_MAX, INT64_MAX, INT64_MIN, NAME_MAX

# Deeper than any parser has to go; none may fall over it.
_DEPTH = 5000
_UNKNOWN_FIELD = "colour"


@dataclass(frozen=True)
class Broken:
    """A request, what is wrong with it, and the field whose fault it is; None: that of no single one."""

    request: WorkloadRequest
    says: str
    field: str | None = None


_WRONG_TYPES = {
    "id": ("null", "true", "false", '"5"', '"x"', "1.5", "[]", "{}", "[5]"),
    "name": ("null", "true", "7", "1.5", "[]", "{}", '["a"]'),
    "description": ("null", "false", "0", "[]", "{}"),
    "type": ("null", "true", "1", "[]", '["U"]', "{}"),
    "count": ("null", "true", "false", '"33"', "33.5", "[]", "{}"),
    "created_at": ("null", "true", '"1569882498.5"', '""', "[]", "{}"),
}
_WRONG_VALUES = {
    "id": (str(INT64_MAX + 1), str(INT64_MIN - 1), str(2**64), "1" + 30 * "0"),
    "name": ('""', f'"{"x" * (NAME_MAX + 1)}"', f'"{"é" * (NAME_MAX + 1)}"', f'"{"😀" * (NAME_MAX + 1)}"'),
    "description": (f'"{"x" * (DESCRIPTION_MAX + 1)}"', f'"{"😀" * (DESCRIPTION_MAX + 1)}"'),
    "type": ('""', '"u"', '"X"', '"UG"', '"U "', '"U\\u0000"'),
    "count": ("-1", str(COUNT_MAX + 1), str(2**32), str(2**64), str(INT64_MIN)),
    "created_at": ("-1", "-0.001", f"{CREATED_AT_MAX}.001", str(CREATED_AT_MAX + 1), "1e300"),
}
# What is no JSON number, or text, wherever it stands.
_NO_JSON_VALUES = {
    "id": ("007", "+1", "0x10", "1_0", "", "-", "True", "undefined", "1 2"),
    "count": (".5", "1.", "1e", "00", "Infinity"),
    "created_at": ("NaN", "-Infinity", "01.5", "1e400"),
    "name": ("'x'", '"a\nb"', '"a\tb"', '"\\x41"', '"\\u12G4"', '"\\u00"', '"abc', '"a\x00b"'),
}
_NO_UTF8 = (b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe9t\xe9", b"\xf0\x9f\x98")


def faults(rng: random.Random) -> Iterator[Broken]:
    """All, each in a random record that is right but for that."""
    yield from _fields(rng)
    yield from _no_json(rng)
    yield from _no_utf8(rng)
    yield from _counts(rng)


def _one(rng: random.Random, raw: dict[str, str] | None = None, without: str | None = None) -> bytes:
    return bodies.spelled(bodies.random_record(rng), rng, raw, without)


def _fields(rng: random.Random) -> Iterator[Broken]:
    for field in FIELDS:
        for text in (*_WRONG_TYPES[field], *_WRONG_VALUES[field]):
            yield Broken(validated(_one(rng, {field: text})), f"{field} {_shown(text)}", field)
        yield Broken(validated(_one(rng, without=field)), f"{field} is missing", field)
    yield Broken(validated(_one(rng, {_UNKNOWN_FIELD: '"red"'})), f"{_UNKNOWN_FIELD} is not in the schema", _UNKNOWN_FIELD)


def _shown(text: str) -> str:
    return text if len(text) <= 40 else f"of {len(text) - 2} characters {text[1]}"


def _no_json(rng: random.Random) -> Iterator[Broken]:
    for field, texts in _NO_JSON_VALUES.items():
        for text in texts:
            yield Broken(validated(_one(rng, {field: text})), f"no JSON: {field} {text!r}")
    body = _one(rng).strip()
    cut = rng.randrange(1, len(body))
    for says, wrong in {
        "nothing": b"",
        "a space": b" ",
        "null": b"null",
        "a number": b"7",
        "a text": b'"x"',
        "an array": b"[" + body + b"]",
        "an empty object": b"{}",
        f"cut off after {cut} bytes": body[:cut],
        "a letter behind it": body + b"x",
        "another object behind it": body + body,
        "a comma too many": body[:-1] + b",}",
        "a comment": body + b"/* */",
        f"{_DEPTH} arrays in each other": b"[" * _DEPTH + b"]" * _DEPTH,
        f"{_DEPTH} arrays as a field": body[:-1] + b',"x":' + b"[" * _DEPTH + b"]" * _DEPTH + b"}",
    }.items():
        yield Broken(validated(wrong), says)


def _no_utf8(rng: random.Random) -> Iterator[Broken]:
    for piece in _NO_UTF8:
        marked = _one(rng, {"description": '"here@"'})
        yield Broken(validated(marked.replace(b"@", piece)), f"no UTF-8: description with {piece.hex(' ')}")
    for encoding in ("utf-16-le", "utf-16", "utf-32-be"):
        yield Broken(validated(_one(rng).decode().encode(encoding)), f"no UTF-8: {encoding}")


def _counts(rng: random.Random) -> Iterator[Broken]:
    few = rng.randint(2, 6)
    for count, sent in ((few, few - 1), (few, few + 1), (few, 0), (0, 1), (1, 0), (1000, 999)):
        records = [bodies.spelled(bodies.plain_record(rng, i), rng) for i in range(sent)]
        yield Broken(validated(bodies.many(records), count), f"count={count} with {sent} records")
    yield Broken(validated(_one(rng), 1), "count=1 with an object in place of an array")
    records = [_one(rng) for _ in range(few)]
    records[rng.randrange(few)] = b"null"
    yield Broken(validated(bodies.many(records), few), f"count={few}, one of the records null")
    for field in FIELDS:
        records = [_one(rng) for _ in range(few)]
        text = rng.choice(_WRONG_VALUES[field])
        records[rng.randrange(few)] = _one(rng, {field: text})
        yield Broken(validated(bodies.many(records), few), f"count={few}, in one of the records {field} {_shown(text)}", field)
