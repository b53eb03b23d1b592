"""The five workloads as a WSGI application, for every Python server.

Werkzeug's Request and Response without its routing, msgpack and the built-in json, records as dicts.
The dataset's file name is taken from RESTMARK_DATASET.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import dataset
from msgpack import unpackb
from werkzeug.exceptions import BadRequest, MethodNotAllowed, NotFound
from werkzeug.wrappers import Request, Response

LOOP_LIMITS = {"n": 100_000_000, "seed": 2**31 - 1}


def load_dataset() -> tuple[list[bytes], list[dataset.Record]]:
    try:
        return dataset.load(os.environ["RESTMARK_DATASET"], unpackb)
    except KeyError:
        sys.exit("RESTMARK_DATASET is not set; it must name the dataset file")
    except dataset.DatasetError as error:
        sys.exit(str(error))


ENCODED, RECORDS = load_dataset()
FULL_JSON = dataset.to_json(RECORDS).encode("utf-8")
RECORD_LIMITS = {"count": len(RECORDS)}


def numbers(request: Request, limits: dict[str, int]) -> dict[str, int]:
    """The query's parameters; `limits` maps the names that the route knows to their largest values."""
    values: dict[str, int] = {}
    for name, texts in request.args.lists():
        if name not in limits:
            raise BadRequest(f"{name} is not a parameter of {request.path}")
        if len(texts) != 1:
            raise BadRequest(f"{name} is given more than once")
        text = texts[0]
        if not (text.isascii() and text.isdigit()) or int(text) > limits[name]:
            raise BadRequest(f"{name} must be a number from 0 to {limits[name]}")
        values[name] = int(text)
    return values


def count_of(request: Request) -> int:
    return numbers(request, RECORD_LIMITS).get("count", len(RECORDS))


def welcome(request: Request) -> Response:
    numbers(request, {})
    return Response("Welcome!\n")


def parse_msgpack(request: Request) -> Response:
    records = [unpackb(item) for item in ENCODED[: count_of(request)]]
    return Response(str(len(records)))


def encode_json(request: Request) -> Response:
    # Bytes, not code points: the figure then equals /transfer-data's Content-Length.
    return Response(str(len(dataset.to_json(RECORDS[: count_of(request)]).encode("utf-8"))))


def transfer_data(request: Request) -> Response:
    count = count_of(request)
    body = FULL_JSON if count == len(RECORDS) else dataset.to_json(RECORDS[:count]).encode("utf-8")
    return Response(body, mimetype="application/json")


def million_loop(request: Request) -> Response:
    values = numbers(request, LOOP_LIMITS)
    return Response(str(run_loop(values.get("n", 1_000_000), values.get("seed", 0))))


def run_loop(n: int, seed: int) -> int:
    acc = seed
    for i in range(n):
        acc = acc + i
        if acc & 1:
            acc = 1_000_000 - acc
    return acc


ROUTES: dict[str, Callable[[Request], Response]] = {
    "/": welcome,
    "/parse-msgpack": parse_msgpack,
    "/encode-json": encode_json,
    "/transfer-data": transfer_data,
    "/million-loop": million_loop,
}


@Request.application
def application(request: Request) -> Response:
    handler = ROUTES.get(request.path)
    if handler is None:
        raise NotFound
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed(valid_methods=["GET", "HEAD"])
    return handler(request)
