"""The five workloads as a WSGI application, for every Python server.

Werkzeug's Request and Response without its routing, msgpack and the built-in json, records as dicts.
The dataset's file name is taken from RESTMARK_DATASET.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import dataset
import digest
import parameters
from msgpack import unpackb
from werkzeug.exceptions import BadRequest, MethodNotAllowed, NotFound
from werkzeug.wrappers import Request, Response


def load_dataset() -> tuple[list[bytes], list[dataset.Record]]:
    try:
        return dataset.load(os.environ["RESTMARK_DATASET"], unpackb)
    except KeyError:
        sys.exit("RESTMARK_DATASET is not set; it must name the dataset file")
    except dataset.DatasetError as error:
        sys.exit(str(error))


ENCODED, RECORDS = load_dataset()
FULL_JSON = dataset.to_json(RECORDS).encode("utf-8")
LIMITS = parameters.RecordLimits(len(RECORDS))


def numbers(request: Request, limits: parameters.Limits) -> dict[str, int]:
    try:
        return parameters.numbers(request.args.items(multi=True), limits)
    except parameters.ParameterError as error:
        raise BadRequest(str(error)) from error


def count_of(request: Request) -> int:
    return numbers(request, LIMITS.plain).get("count", len(RECORDS))


def count_and_digest(request: Request) -> tuple[int, dict[str, int]]:
    """How many records are asked for, and the parameters of a digest, or none."""
    values = numbers(request, LIMITS.of(request.args))
    count = values.pop("count", len(RECORDS))
    return count, {"repetitions": values["digest"], "seed": values.get("seed", 0)} if values else {}


def welcome(request: Request) -> Response:
    numbers(request, parameters.NOTHING)
    return Response("Welcome!\n")


def parse_msgpack(request: Request) -> Response:
    count, asked = count_and_digest(request)
    records = [unpackb(item) for item in ENCODED[:count]]
    return Response(str(digest.of_decoded(records, **asked) if asked else len(records)))


def encode_json(request: Request) -> Response:
    count, asked = count_and_digest(request)
    if asked:
        return Response(str(digest.of_encoded(RECORDS[:count], **asked)))
    # Bytes, not code points: the figure then equals /transfer-data's Content-Length.
    return Response(str(len(dataset.to_json(RECORDS[:count]).encode("utf-8"))))


def transfer_data(request: Request) -> Response:
    count = count_of(request)
    body = FULL_JSON if count == len(RECORDS) else dataset.to_json(RECORDS[:count]).encode("utf-8")
    return Response(body, mimetype="application/json")


def million_loop(request: Request) -> Response:
    values = numbers(request, parameters.LOOP)
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
