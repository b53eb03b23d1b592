"""A MessagePack reader in plain Python, for start scripts that must run without any package.

It is used once at start, never for a measured request: the Python peers decode with the msgpack package.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

_SCALARS = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
            0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
# First byte -> (kind, format of the length that follows it).
_SIZED = {0xC4: ("bin", ">B"), 0xC5: ("bin", ">H"), 0xC6: ("bin", ">I"),
          0xD9: ("str", ">B"), 0xDA: ("str", ">H"), 0xDB: ("str", ">I"),
          0xDC: ("array", ">H"), 0xDD: ("array", ">I"), 0xDE: ("map", ">H"), 0xDF: ("map", ">I")}  # fmt: skip

PairsHook = Callable[[list[tuple[Any, Any]]], Any]


class _Reader:
    def __init__(self, data: bytes, object_pairs_hook: PairsHook) -> None:
        self.data = data
        self.offset = 0
        self.object_pairs_hook = object_pairs_hook

    def take(self, size: int) -> bytes:
        end = self.offset + size
        if end > len(self.data):
            raise ValueError(f"data ends inside a value (byte {len(self.data)})")
        chunk = self.data[self.offset : end]
        self.offset = end
        return chunk

    def number(self, fmt: str) -> Any:
        return struct.unpack(fmt, self.take(struct.calcsize(fmt)))[0]

    def value(self) -> Any:
        first = self.take(1)[0]
        if first <= 0x7F:
            return first
        if first <= 0x8F:
            return self.sized("map", first & 0x0F)
        if first <= 0x9F:
            return self.sized("array", first & 0x0F)
        if first <= 0xBF:
            return self.sized("str", first & 0x1F)
        if first >= 0xE0:
            return first - 0x100
        if first in _SCALARS:
            return self.number(_SCALARS[first])
        if first in _CONSTANTS:
            return _CONSTANTS[first]
        if first in _SIZED:
            kind, fmt = _SIZED[first]
            return self.sized(kind, self.number(fmt))
        raise ValueError(f"MessagePack type 0x{first:02x} at byte {self.offset - 1} is not used by a dataset")

    def sized(self, kind: str, size: int) -> Any:
        if kind == "bin":
            return self.take(size)
        if kind == "str":
            return self.take(size).decode("utf-8")
        if kind == "array":
            return [self.value() for _ in range(size)]
        return self.object_pairs_hook([(self.value(), self.value()) for _ in range(size)])


def unpackb(data: bytes, object_pairs_hook: PairsHook = dict) -> Any:
    """Decode one MessagePack value that must fill `data`; raises ValueError when it does not."""
    reader = _Reader(data, object_pairs_hook)
    value = reader.value()
    if reader.offset != len(data):
        raise ValueError(f"{len(data) - reader.offset} bytes follow the value")
    return value
