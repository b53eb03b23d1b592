"""The workloads as a bare WSGI application for uWSGI's PyPy plugin, with nothing but what PyPy itself has.

README.md tells what each step brought. The dataset's file name is taken from RESTMARK_DATASET; checked_start.py has checked it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import dataset
import digest
import msgpack_read
import parameters
import schema
import siblings
from bodies import checked
from records import decode, one_to_json, to_json

Headers = list[tuple[str, str]]
Answer = tuple[str, Headers, bytes]

ENCODED, _ = dataset.load(os.environ["RESTMARK_DATASET"], msgpack_read.unpackb)
RECORDS = [decode(item) for item in ENCODED]
FULL_JSON = to_json(RECORDS)
LIMITS = parameters.RecordLimits(len(RECORDS))
VALIDATE_LIMITS: parameters.Limits = {"count": schema.COUNTS}

OK = "200 OK"
TEXT_TYPE, JSON_TYPE = ("Content-Type", "text/plain; charset=utf-8"), ("Content-Type", "application/json")
# uWSGI asks for the length of what has none; headers of the two answers whose length never changes are made once.
NOT_FOUND: Answer = ("404 Not Found", [TEXT_TYPE, ("Content-Length", "10")], b"not found\n")
WELCOME: Answer = (OK, [TEXT_TYPE, ("Content-Length", "9")], b"Welcome!\n")


def with_type(kind: tuple[str, str], body: bytes, status: str = OK) -> Answer:
    return status, [kind, ("Content-Length", str(len(body)))], body


def text(value: object) -> Answer:
    return with_type(TEXT_TYPE, str(value).encode())


def refusal(status: str, message: object) -> Answer:
    return with_type(TEXT_TYPE, f"{message}\n".encode(), status)


def not_allowed(method: str) -> Answer:
    status, headers, body = refusal("405 Method Not Allowed", f"{method} only")
    return status, [*headers, ("Allow", method)], body


def numbers(query: str, limits: parameters.Limits) -> dict[str, int]:
    return parameters.numbers(parse_qsl(query, keep_blank_values=True), limits) if query else {}


def count_and_digest(query: str) -> tuple[int, dict[str, int]]:
    """How many records are asked for, and the parameters of a digest, or none. Raises ParameterError."""
    if not query:
        return len(RECORDS), {}
    pairs = parse_qsl(query, keep_blank_values=True)
    values = parameters.numbers(pairs, LIMITS.of(dict(pairs)))
    count = values.pop("count", len(RECORDS))
    return count, {"repetitions": values["digest"], "seed": values.get("seed", 0)} if values else {}


def welcome(query: str) -> Answer:
    numbers(query, parameters.NOTHING)
    return WELCOME


def parse_msgpack(query: str) -> Answer:
    count, asked = count_and_digest(query)
    records = [decode(item) for item in ENCODED[:count]]
    return text(digest.of_decoded(records, **asked) if asked else len(records))


def encode_json(query: str) -> Answer:
    count, asked = count_and_digest(query)
    records = RECORDS[:count]
    return text(digest.of_encoded(records, **asked, encode=to_json) if asked else len(to_json(records)))


def transfer_data(query: str) -> Answer:
    count = numbers(query, LIMITS.plain).get("count", len(RECORDS))
    return with_type(JSON_TYPE, FULL_JSON if count == len(RECORDS) else to_json(RECORDS[:count]))


def million_loop(query: str) -> Answer:
    values = numbers(query, parameters.LOOP)
    acc = values.get("seed", 0)
    for i in range(values.get("n", 1_000_000)):
        acc += i
        if acc & 1:
            acc = 1_000_000 - acc
    return text(acc)


def wait(query: str) -> Answer:
    ms = numbers(query, parameters.WAIT).get("ms", 100)
    time.sleep(ms / 1000)
    return text(ms)


ROUTES: dict[str, Callable[[str], Answer]] = {
    "/": welcome,
    "/parse-msgpack": parse_msgpack,
    "/encode-json": encode_json,
    "/transfer-data": transfer_data,
    "/million-loop": million_loop,
    "/wait": wait,
}


def validate(environ: dict[str, Any], query: str) -> Answer:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > schema.BODY_BYTES_MAX:
        return refusal("413 Content Too Large", f"a body has at most {schema.BODY_BYTES_MAX} bytes")
    count = numbers(query, VALIDATE_LIMITS).get("count")
    try:
        found = checked(environ["wsgi.input"].read(length), count)
    except schema.SchemaError as error:
        return refusal("422 Unprocessable Content", error)
    return with_type(JSON_TYPE, to_json(found) if count is not None else one_to_json(found[0]))


def record(parts: list[str]) -> Answer:
    number = parts[2]
    if not (number.isascii() and number.isdigit()) or int(number) >= len(RECORDS):
        return NOT_FOUND
    return with_type(JSON_TYPE, one_to_json(RECORDS[int(number)]))


def of_one(parts: list[str]) -> Answer:
    return text(f"{parts[1]} {parts[2]}")


def items_of(parts: list[str]) -> Answer:
    return text(f"{parts[1]} {parts[2]} items")


def item_of(parts: list[str]) -> Answer:
    return text(f"{parts[1]} {parts[2]} items {parts[4]}")


# Routes by what is fixed of them: the name, how many parts there are, and the word behind the id.
ROUTED: dict[tuple[str, int, str], Callable[[list[str]], Answer]] = {("record", 3, ""): record}
for _name in siblings.NAMES:
    ROUTED |= {(_name, 3, ""): of_one, (_name, 4, "items"): items_of, (_name, 5, "items"): item_of}


def answer(environ: dict[str, Any], path: str) -> Answer:
    """Raises ParameterError."""
    query, method = environ["QUERY_STRING"], environ["REQUEST_METHOD"]
    if path == "/validate":
        return validate(environ, query) if method == "POST" else not_allowed("POST")
    route = ROUTES.get(path)
    if route is not None:
        return route(query) if method == "GET" else not_allowed("GET")
    parts = path.split("/")
    routed = ROUTED.get((parts[1], len(parts), parts[3] if len(parts) > 3 else "")) if len(parts) > 1 else None
    if routed is None:
        return NOT_FOUND
    if method != "GET":
        return not_allowed("GET")
    numbers(query, parameters.NOTHING)
    return routed(parts)


def application(environ: dict[str, Any], start_response: Callable[[str, Headers], object]) -> list[bytes]:
    path = environ["PATH_INFO"]
    uri = environ["REQUEST_URI"]
    if "%" in uri:  # the plugin ends a path at a zero byte, and decodes it as UTF-8 where Latin-1 is due
        path = unquote_to_bytes(uri.partition("?")[0]).decode("latin-1")
    try:
        status, headers, body = answer(environ, path)
    except parameters.ParameterError as error:
        status, headers, body = refusal("400 Bad Request", error)
    start_response(status, headers)
    return [body] if environ["REQUEST_METHOD"] != "HEAD" else []
