"""The five workloads on granian's RSGI, tuned: msgspec's structs both ways, buffers that are used again, nothing done that is not asked for.

README.md tells what each step brought. The dataset's file name is taken from RESTMARK_DATASET; checked_start.py has checked it.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import dataset
import digest
import msgpack_read
import msgspec
import parameters

if TYPE_CHECKING:
    from granian.rsgi import HTTPProtocol, Scope


class Record(msgspec.Struct, gc=False):
    """gc=False: a record refers to texts and numbers alone, so the collector never has to look at it."""

    id: int
    name: str
    description: str
    type: str
    count: int
    created_at: float


decode = msgspec.msgpack.Decoder(Record).decode
ENCODER = msgspec.json.Encoder()
ENCODED, _ = dataset.load(os.environ["RESTMARK_DATASET"], msgpack_read.unpackb)
RECORDS = list(map(decode, ENCODED))
FULL_JSON = ENCODER.encode(RECORDS)
LIMITS = parameters.RecordLimits(len(RECORDS))
TEXT = [("content-type", "text/plain; charset=utf-8")]
JSON = [("content-type", "application/json")]

# A worker answers one request after another, so one buffer is enough. It keeps its size from request to request.
_buffer = bytearray(len(FULL_JSON))


def to_json(records: list[Record]) -> bytearray:
    """The JSON of the records, valid until the next call."""
    ENCODER.encode_into(records, _buffer)
    return _buffer


def count_and_digest(query: str) -> tuple[int, dict[str, int]]:
    """How many records a query that is not empty asks for, and the parameters of a digest, or none. Raises ParameterError."""
    pairs = parse_qsl(query, keep_blank_values=True)
    values = parameters.numbers(pairs, LIMITS.of(dict(pairs)))
    count = values.pop("count", len(RECORDS))
    return count, {"repetitions": values["digest"], "seed": values.get("seed", 0)} if values else {}


def numbers(query: str, limits: parameters.Limits) -> dict[str, int]:
    return parameters.numbers(parse_qsl(query, keep_blank_values=True), limits) if query else {}


def welcome(proto: HTTPProtocol, query: str) -> None:
    numbers(query, parameters.NOTHING)
    proto.response_bytes(200, TEXT, b"Welcome!\n")


def parse_msgpack(proto: HTTPProtocol, query: str) -> None:
    encoded, asked = ENCODED, {}
    if query:
        count, asked = count_and_digest(query)
        encoded = ENCODED[:count]
    records = list(map(decode, encoded))
    proto.response_str(200, TEXT, str(digest.of_decoded(records, **asked) if asked else len(records)))


def encode_json(proto: HTTPProtocol, query: str) -> None:
    records, asked = RECORDS, {}
    if query:
        count, asked = count_and_digest(query)
        records = RECORDS[:count]
    number = digest.of_encoded(records, **asked, encode=to_json) if asked else len(to_json(records))
    proto.response_str(200, TEXT, str(number))


def transfer_data(proto: HTTPProtocol, query: str) -> None:
    count = numbers(query, LIMITS.plain).get("count", len(RECORDS))
    body = FULL_JSON if count == len(RECORDS) else ENCODER.encode(RECORDS[:count])
    proto.response_bytes(200, JSON, body)


def million_loop(proto: HTTPProtocol, query: str) -> None:
    values = numbers(query, parameters.LOOP)
    proto.response_str(200, TEXT, str(run_loop(values.get("n", 1_000_000), values.get("seed", 0))))


def run_loop(n: int, seed: int) -> int:
    acc = seed
    for i in range(n):
        acc += i
        if acc & 1:
            acc = 1_000_000 - acc
    return acc


ROUTES: dict[str, Callable[[HTTPProtocol, str], None]] = {
    "/": welcome,
    "/parse-msgpack": parse_msgpack,
    "/encode-json": encode_json,
    "/transfer-data": transfer_data,
    "/million-loop": million_loop,
}


async def app(scope: Scope, proto: HTTPProtocol) -> None:
    route = ROUTES.get(scope.path)
    if route is None:
        proto.response_str(404, TEXT, "not found\n")
    elif scope.method != "GET":
        proto.response_str(405, [*TEXT, ("allow", "GET")], "GET only\n")
    else:
        try:
            route(proto, scope.query_string)
        except parameters.ParameterError as error:
            proto.response_str(400, TEXT, f"{error}\n")


# What is there now stays as long as the process does: the collector need not look at it again, nor dirty shared pages.
gc.collect()
gc.freeze()
