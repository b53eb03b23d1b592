"""The five workloads as a bare WSGI application, tuned: msgspec's structs both ways, a buffer that is used again, nothing done unasked.

README.md tells what each step brought. The dataset's file name is taken from RESTMARK_DATASET; checked_start.py has checked it.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import dataset
import digest
import msgpack_read
import msgspec
import parameters

StartResponse = Callable[[str, list[tuple[str, str]]], object]


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
ALL: tuple[int, dict[str, int]] = (len(RECORDS), {})  # what a query that is empty asks for
TEXT = [("Content-Type", "text/plain; charset=utf-8")]
JSON = [("Content-Type", "application/json")]

# With one blocking thread a worker answers one request after another, so one buffer is enough. It keeps its size from one to the next.
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


def welcome(query: str) -> bytes:
    numbers(query, parameters.NOTHING)
    return b"Welcome!\n"


def parse_msgpack(query: str) -> bytes:
    count, asked = count_and_digest(query) if query else ALL
    encoded = ENCODED if count == len(ENCODED) else ENCODED[:count]
    records = list(map(decode, encoded))
    return b"%d" % (digest.of_decoded(records, **asked) if asked else len(records))


def encode_json(query: str) -> bytes:
    count, asked = count_and_digest(query) if query else ALL
    records = RECORDS if count == len(RECORDS) else RECORDS[:count]
    return b"%d" % (digest.of_encoded(records, **asked, encode=to_json) if asked else len(to_json(records)))


def transfer_data(query: str) -> bytes:
    count = numbers(query, LIMITS.plain).get("count", len(RECORDS))
    return FULL_JSON if count == len(RECORDS) else ENCODER.encode(RECORDS[:count])


def million_loop(query: str) -> bytes:
    values = numbers(query, parameters.LOOP)
    return b"%d" % run_loop(values.get("n", 1_000_000), values.get("seed", 0))


def run_loop(n: int, seed: int) -> int:
    acc = seed
    for i in range(n):
        acc += i
        if acc & 1:
            acc = 1_000_000 - acc
    return acc


ROUTES: dict[str, tuple[Callable[[str], bytes], list[tuple[str, str]]]] = {
    "/": (welcome, TEXT),
    "/parse-msgpack": (parse_msgpack, TEXT),
    "/encode-json": (encode_json, TEXT),
    "/transfer-data": (transfer_data, JSON),
    "/million-loop": (million_loop, TEXT),
}


def application(environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
    route = ROUTES.get(environ["PATH_INFO"])
    status, headers = "200 OK", TEXT
    if route is None:
        status, body = "404 Not Found", b"not found\n"
    elif environ["REQUEST_METHOD"] != "GET":
        status, headers, body = "405 Method Not Allowed", [*TEXT, ("Allow", "GET")], b"GET only\n"
    else:
        answer, headers = route
        try:
            body = answer(environ["QUERY_STRING"])
        except parameters.ParameterError as error:
            status, headers, body = "400 Bad Request", TEXT, f"{error}\n".encode()
    start_response(status, headers)
    return [body]


# What is there now stays as long as the process does: the collector need not look at it again, nor dirty shared pages.
gc.collect()
gc.freeze()
