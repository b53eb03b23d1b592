"""The measuring half of python-codecs, which runs it in the environment with the codecs: python_codecs.py COMMON DATASET ROUNDS.

COMMON is the folder of the Python peers' shared modules. Prints JSON: the versions,
and work -> case -> µs of CPU time for 1000 records, a figure a round.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import msgpack
import msgspec
import orjson
import ormsgpack

common, path, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
sys.path.insert(0, common)

import dataset  # noqa: E402  (the path had to be set first)

_SLICE_NS = 8_000_000  # of one case in one round


class TrackedRecord(msgspec.Struct):
    """The fields alone, as msgspec's documentation begins."""

    id: int
    name: str
    description: str
    type: str
    count: int
    created_at: float


class Record(TrackedRecord, gc=False):
    """Never looked at by the garbage collector."""


def cases() -> dict[str, dict[str, Callable[[], Any]]]:
    """Work -> case -> the work on all records; the first case of each work is what most teams begin with."""
    encoded, dicts = dataset.load(path, msgpack.unpackb)
    to_dict, to_tracked, to_record = (
        msgspec.msgpack.Decoder(kind).decode for kind in (dict[str, Any], TrackedRecord, Record)
    )
    tracked, records = list(map(to_tracked, encoded)), list(map(to_record, encoded))
    encoder, buffer = msgspec.json.Encoder(), bytearray()

    def into_buffer() -> bytearray:
        encoder.encode_into(records, buffer)
        return buffer

    works: dict[str, dict[str, Callable[[], Any]]] = {
        "parse MessagePack": {
            "msgpack.unpackb, dicts": lambda: [msgpack.unpackb(item) for item in encoded],
            "ormsgpack, dicts": lambda: [ormsgpack.unpackb(item) for item in encoded],
            "msgspec, dicts": lambda: [to_dict(item) for item in encoded],
            "msgspec, Structs": lambda: [to_tracked(item) for item in encoded],
            "msgspec, Structs(gc=False)": lambda: [to_record(item) for item in encoded],
            "msgspec, Structs(gc=False), by map": lambda: list(map(to_record, encoded)),
        },
        "encode JSON": {
            "json.dumps and encode, dicts": lambda: dataset.to_json(dicts).encode("utf-8"),
            "msgspec, dicts": lambda: encoder.encode(dicts),
            "orjson, dicts": lambda: orjson.dumps(dicts),
            "msgspec, Structs": lambda: encoder.encode(tracked),
            "msgspec, Structs(gc=False)": lambda: encoder.encode(records),
            "msgspec, Structs(gc=False), one buffer": into_buffer,
        },
    }
    same_work(dicts, works)
    return works


def same_work(dicts: list[dataset.Record], works: dict[str, dict[str, Callable[[], Any]]]) -> None:
    """Ends the program if a case does other work than the others of its kind."""
    body = dataset.to_json(dicts).encode("utf-8")
    for name, work in works["parse MessagePack"].items():
        if msgspec.to_builtins(work()) != dicts:
            sys.exit(f"{name}: decodes something else")
    for name, work in works["encode JSON"].items():
        if bytes(work()) != body:
            sys.exit(f"{name}: encodes something else")


def repetitions(work: Callable[[], Any]) -> int:
    """How often a slice repeats the work, found when it is warm."""
    work()
    began = time.process_time_ns()
    for _ in range(5):
        work()
    return max(1, _SLICE_NS * 5 // max(1, time.process_time_ns() - began))


def slice_us(work: Callable[[], Any], times: int) -> float:
    """CPU time of one repetition, its garbage included."""
    began = time.process_time_ns()
    for _ in range(times):
        work()
    return (time.process_time_ns() - began) / times / 1000


def main() -> None:
    works = cases()
    count = len(dataset.load(path, msgpack.unpackb)[0])
    turns = [(kind, name, work, repetitions(work)) for kind, named in works.items() for name, work in named.items()]
    found: dict[str, dict[str, list[float]]] = {kind: {name: [] for name in named} for kind, named in works.items()}
    shuffled, order = turns[:], random.Random(1)
    for _ in range(rounds):
        order.shuffle(shuffled)
        for kind, name, work, times in shuffled:
            found[kind][name].append(slice_us(work, times) * 1000 / count)
    versions = {package: importlib.metadata.version(package) for package in ("msgpack", "msgspec", "orjson", "ormsgpack")}
    print(json.dumps({"versions": {"CPython": platform.python_version(), **versions}, "rounds": found}))


main()
