"""The workloads as a bare WSGI application, tuned: msgspec's structs both ways, a buffer that is used again, nothing done unasked.

README.md tells what each step brought. The dataset's file name is taken from RESTMARK_DATASET; checked_start.py has checked it.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

import dataset
import digest
import msgpack_read
import msgspec
import parameters
import siblings
from msgspec import Meta

StartResponse = Callable[[str, list[tuple[str, str]]], object]


class Record(msgspec.Struct, gc=False):
    """gc=False: a record refers to texts and numbers alone, so the collector never has to look at it."""

    id: int
    name: str
    description: str
    type: str
    count: int
    created_at: float


class Checked(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """What /validate takes: msgspec checks while it decodes."""

    id: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    description: Annotated[str, Meta(max_length=1000)]
    type: Literal["U", "G", "S"]
    count: Annotated[int, Meta(ge=0, le=1_000_000)]
    created_at: Annotated[float, Meta(ge=0, le=4_102_444_800)]


decode = msgspec.msgpack.Decoder(Record).decode
ENCODER = msgspec.json.Encoder()
ENCODED, _ = dataset.load(os.environ["RESTMARK_DATASET"], msgpack_read.unpackb)
RECORDS = list(map(decode, ENCODED))
FULL_JSON = ENCODER.encode(RECORDS)
LIMITS = parameters.RecordLimits(len(RECORDS))
ALL: tuple[int, dict[str, int]] = (len(RECORDS), {})  # what a query that is empty asks for
check_one = msgspec.json.Decoder(Checked).decode
check_many = msgspec.json.Decoder(list[Checked]).decode
BODY_BYTES_MAX = 2**20
VALIDATE_LIMITS: parameters.Limits = {"count": range(1001)}
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


def wait(query: str) -> bytes:
    ms = numbers(query, parameters.WAIT).get("ms", 100)
    time.sleep(ms / 1000)
    return b"%d" % ms


ROUTES: dict[str, tuple[Callable[[str], bytes], list[tuple[str, str]]]] = {
    "/": (welcome, TEXT),
    "/parse-msgpack": (parse_msgpack, TEXT),
    "/encode-json": (encode_json, TEXT),
    "/transfer-data": (transfer_data, JSON),
    "/million-loop": (million_loop, TEXT),
    "/wait": (wait, TEXT),
}

Answer = tuple[str, list[tuple[str, str]], bytes]
NOT_FOUND: Answer = ("404 Not Found", TEXT, b"not found\n")
OK = "200 OK"


def refusal(error: Exception) -> Answer:
    return "400 Bad Request", TEXT, f"{error}\n".encode()


def not_allowed(method: str) -> Answer:
    return "405 Method Not Allowed", [*TEXT, ("Allow", method)], f"{method} only\n".encode()


def validate(environ: dict[str, Any]) -> Answer:
    if environ["REQUEST_METHOD"] != "POST":
        return not_allowed("POST")
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > BODY_BYTES_MAX:
        return "413 Content Too Large", TEXT, b"too large\n"
    try:
        count = numbers(environ["QUERY_STRING"], VALIDATE_LIMITS).get("count")
        body = environ["wsgi.input"].read(length)
        if count is None:
            return OK, JSON, ENCODER.encode(check_one(body))
        records = check_many(body)
    except (parameters.ParameterError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return refusal(error)
    if len(records) != count:
        return "422 Unprocessable Content", TEXT, b"%d records instead of %d\n" % (len(records), count)
    return OK, JSON, ENCODER.encode(records)


def record(parts: list[str]) -> Answer:
    number = parts[2]
    if not (number.isascii() and number.isdigit()) or int(number) >= len(RECORDS):
        return NOT_FOUND
    return OK, JSON, ENCODER.encode(RECORDS[int(number)])


def of_one(parts: list[str]) -> Answer:
    return OK, TEXT, f"{parts[1]} {parts[2]}".encode()


def items_of(parts: list[str]) -> Answer:
    return OK, TEXT, f"{parts[1]} {parts[2]} items".encode()


def item_of(parts: list[str]) -> Answer:
    return OK, TEXT, f"{parts[1]} {parts[2]} items {parts[4]}".encode()


# Routes by what is fixed of them: the name, how many parts there are, and the word behind the id.
ROUTED: dict[tuple[str, int, str], Callable[[list[str]], Answer]] = {("record", 3, ""): record}
for _name in siblings.NAMES:
    ROUTED |= {(_name, 3, ""): of_one, (_name, 4, "items"): items_of, (_name, 5, "items"): item_of}


def routed(environ: dict[str, Any]) -> Answer:
    """The routes with something in their path."""
    if environ["PATH_INFO"] == "/validate":
        return validate(environ)
    parts = environ["PATH_INFO"].split("/")
    answer = ROUTED.get((parts[1], len(parts), parts[3] if len(parts) > 3 else "")) if len(parts) > 1 else None
    if answer is None:
        return NOT_FOUND
    if environ["REQUEST_METHOD"] != "GET":
        return not_allowed("GET")
    try:
        numbers(environ["QUERY_STRING"], parameters.NOTHING)
    except parameters.ParameterError as error:
        return refusal(error)
    return answer(parts)


def application(environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
    route = ROUTES.get(environ["PATH_INFO"])
    if route is None:
        status, headers, body = routed(environ)
    elif environ["REQUEST_METHOD"] != "GET":
        status, headers, body = not_allowed("GET")
    else:
        answer, headers = route
        status = OK
        try:
            body = answer(environ["QUERY_STRING"])
        except parameters.ParameterError as error:
            status, headers, body = refusal(error)
    start_response(status, headers)
    return [body]


# What is there now stays as long as the process does: the collector need not look at it again, nor dirty shared pages.
gc.collect()
gc.freeze()
