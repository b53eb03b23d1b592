"""Records as objects with slots, read from MessagePack and written as JSON by code that PyPy's JIT makes straight-line machine code of.

README.md tells what each step brought.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from json.encoder import encode_basestring as quoted

import msgpack_read
from __pypy__.builders import BytesBuilder


class Record:
    __slots__ = ("id", "name", "description", "type", "count", "created_at")  # noqa: RUF023 - the order of the arguments

    def __init__(self, id: int, name: str, description: str, type: str, count: int, created_at: float) -> None:
        self.id = id
        self.name = name
        self.description = description
        self.type = type
        self.count = count
        self.created_at = created_at


# First byte of an integer -> how its bytes are read, and how many there are.
_WIDE = {
    first: (struct.Struct(fmt).unpack_from, struct.calcsize(fmt))
    for first, fmt in ((0xCC, ">B"), (0xCE, ">I"), (0xCF, ">Q"), (0xD0, ">b"), (0xD1, ">h"), (0xD2, ">i"), (0xD3, ">q"))
}
_double_at = struct.Struct(">d").unpack_from
# What stands before each value of a record that is written as libraries do it: the head of the map and the names of the fields.
_ID, _NAME, _DESCRIPTION = b"\x86\xa2id", b"\xa4name", b"\xabdescription"
_TYPE, _COUNT, _CREATED_AT = b"\xa4type", b"\xa5count", b"\xaacreated_at\xcb"


class _OtherLayout(Exception):
    """A record that is MessagePack in another way; the general reader has to look at it."""


def decode(data: bytes) -> Record:
    """The record of a MessagePack map. Raises ValueError for what is none."""
    try:
        return _decode(data)
    except (_OtherLayout, IndexError, struct.error):
        return Record(**msgpack_read.unpackb(data))


def _decode(data: bytes) -> Record:
    # A slice beyond the end is short and no error: it makes the check of what follows fail, or that of the end.
    id_, at = _integer(data, _behind(_ID, data, 0))
    name, at = _text(data, _behind(_NAME, data, at))
    description, at = _text(data, _behind(_DESCRIPTION, data, at))
    kind, at = _text(data, _behind(_TYPE, data, at))
    count, at = _integer(data, _behind(_COUNT, data, at))
    at = _behind(_CREATED_AT, data, at)
    if at + 8 != len(data):
        raise _OtherLayout
    return Record(id_, name, description, kind, count, _double_at(data, at)[0])


def _behind(expected: bytes, data: bytes, at: int) -> int:
    if not data.startswith(expected, at):
        raise _OtherLayout
    return at + len(expected)


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """An integer and where it ends."""
    first = data[at]
    if first < 0x80:
        return first, at + 1
    if first == 0xCD:
        return data[at + 1] << 8 | data[at + 2], at + 3
    if first >= 0xE0:
        return first - 0x100, at + 1
    if first not in _WIDE:
        raise _OtherLayout
    unpack_from, size = _WIDE[first]
    return unpack_from(data, at + 1)[0], at + 1 + size


def _text(data: bytes, at: int) -> tuple[str, int]:
    """A text and where it ends."""
    first = data[at]
    if first >> 5 == 5:
        begin, size = at + 1, first & 0x1F
    elif first == 0xD9:
        begin, size = at + 2, data[at + 1]
    elif first == 0xDA:
        begin, size = at + 3, data[at + 1] << 8 | data[at + 2]
    else:
        raise _OtherLayout
    return data[begin : begin + size].decode("utf-8"), begin + size


def to_json(records: Iterable[Record]) -> bytes:
    """The JSON array of the records."""
    out = BytesBuilder()
    out.append(b"[")
    separator = b""
    for record in records:
        out.append(separator)
        _append(out, record)
        separator = b","
    out.append(b"]")
    return out.build()


def one_to_json(record: Record) -> bytes:
    out = BytesBuilder()
    _append(out, record)
    return out.build()


def _append(out: BytesBuilder, record: Record) -> None:
    append = out.append
    append(b'{"id":')
    append(b"%d" % record.id)
    append(b',"name":')
    append(quoted(record.name).encode("utf-8"))
    append(b',"description":')
    append(quoted(record.description).encode("utf-8"))
    append(b',"type":')
    append(quoted(record.type).encode("utf-8"))
    append(b',"count":')
    append(b"%d" % record.count)
    append(b',"created_at":')
    append(repr(record.created_at).encode("ascii"))
    append(b"}")
