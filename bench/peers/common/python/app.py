"""The workloads as a WSGI application, for every Python server.

Werkzeug's Request and Response, msgpack and the built-in json, records as dicts. The fixed paths are a dict; Werkzeug's routing
finds the hundred that have something in them.
The dataset's file name is taken from RESTMARK_DATASET.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import dataset
import digest
import parameters
import schema
import siblings
from msgpack import unpackb
from werkzeug.exceptions import BadRequest, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import Map, Rule
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


VALIDATE_LIMITS: parameters.Limits = {"count": schema.COUNTS}


def validate(request: Request) -> Response:
    count = numbers(request, VALIDATE_LIMITS).get("count")
    if (request.content_length or 0) > schema.BODY_BYTES_MAX:
        raise RequestEntityTooLarge
    try:
        found = schema.checked(request.get_data(), count)
    except schema.SchemaError as error:
        return Response(f"{error}\n", status=422)
    return Response(dataset.to_json(found).encode("utf-8"), mimetype="application/json")


def wait(request: Request) -> Response:
    ms = numbers(request, parameters.WAIT).get("ms", 100)
    time.sleep(ms / 1000)
    return Response(str(ms))


def record(request: Request, id: str) -> Response:
    numbers(request, parameters.NOTHING)
    if not (id.isascii() and id.isdigit()) or int(id) >= len(RECORDS):
        raise NotFound
    return Response(dataset.to_json(RECORDS[int(id)]).encode("utf-8"), mimetype="application/json")


def of_one(name: str, _: Request, id: str) -> Response:
    return Response(f"{name} {id}")


def items_of(name: str, _: Request, id: str) -> Response:
    return Response(f"{name} {id} items")


def item_of(name: str, _: Request, id: str, item: str) -> Response:
    return Response(f"{name} {id} items {item}")


def rules() -> Iterator[Rule]:
    for name in siblings.NAMES:
        if name == siblings.FIRST_BEHIND_RECORD:
            yield Rule("/record/<id>", endpoint=record, methods=["GET"])
        yield Rule(f"/{name}/<id>", endpoint=partial(of_one, name), methods=["GET"])
        yield Rule(f"/{name}/<id>/items", endpoint=partial(items_of, name), methods=["GET"])
        yield Rule(f"/{name}/<id>/items/<item>", endpoint=partial(item_of, name), methods=["GET"])


URLS = Map(list(rules()))
READING = ("GET", "HEAD")
ROUTES: dict[str, Callable[[Request], Response]] = {
    "/": welcome,
    "/parse-msgpack": parse_msgpack,
    "/encode-json": encode_json,
    "/transfer-data": transfer_data,
    "/million-loop": million_loop,
    "/validate": validate,
    "/wait": wait,
}
METHODS = {"/validate": ("POST",)}


@Request.application
def application(request: Request) -> Response:
    handler = ROUTES.get(request.path)
    if handler is None:
        endpoint, values = URLS.bind_to_environ(request.environ).match()
        return endpoint(request, **values)
    methods = METHODS.get(request.path, READING)
    if request.method not in methods:
        raise MethodNotAllowed(valid_methods=list(methods))
    return handler(request)
