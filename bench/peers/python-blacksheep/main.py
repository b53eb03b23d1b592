"""The workloads as a BlackSheep application, written as BlackSheep's documentation shows it.

Records are dicts, by msgpack and the built-in json. The dataset's file name is taken from RESTMARK_DATASET; checked_start.py has checked it.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

import dataset
import digest
import parameters
import schema
import siblings
from blacksheep import Application, Content, Request, Response, Router, text
from msgpack import unpackb

ENCODED, RECORDS = dataset.load(os.environ["RESTMARK_DATASET"], unpackb)
LIMITS = parameters.RecordLimits(len(RECORDS))
VALIDATE_LIMITS: parameters.Limits = {"count": schema.COUNTS}

router = Router()
app = Application(router=router)


def to_json(records: list[dataset.Record] | dataset.Record) -> bytes:
    return dataset.to_json(records).encode("utf-8")


FULL_JSON = to_json(RECORDS)


def json_answer(body: bytes) -> Response:
    return Response(200, content=Content(b"application/json", body))


def numbers(request: Request, limits: parameters.Limits) -> dict[str, int]:
    # Not request.query, which leaves out parameters that are empty.
    return parameters.numbers(parse_qsl((request.url.query or b"").decode("latin-1"), keep_blank_values=True), limits)


def count_and_digest(request: Request) -> tuple[int, dict[str, int]]:
    """How many records are asked for, and the parameters of a digest, or none."""
    values = numbers(request, LIMITS.of(request.query))
    count = values.pop("count", len(RECORDS))
    return count, {"repetitions": values["digest"], "seed": values.get("seed", 0)} if values else {}


@app.exception_handler(parameters.ParameterError)
async def bad_request(_: Application, __: Request, error: parameters.ParameterError) -> Response:
    return text(str(error), status=400)


@app.exception_handler(schema.SchemaError)
async def unprocessable(_: Application, __: Request, error: schema.SchemaError) -> Response:
    return text(str(error), status=422)


async def exact_paths(request: Request, handler: Callable[[Request], Awaitable[Response]]) -> Response:
    """BlackSheep's routes also take a path with a slash at its end, and in capitals; here these are other paths."""
    path = request.url.path or b"/"
    parts = path.split(b"/")
    fixed = (parts[1], *parts[3:4])  # the others are parameters
    if (path != b"/" and path.endswith(b"/")) or any(part != part.lower() for part in fixed):
        return text("no such path", status=404)
    return await handler(request)


app.middlewares.append(exact_paths)


async def not_found_or_not_allowed(request: Request) -> Response:
    allowed = [method.decode() for method, routes in router.routes.items() if any(route.match(request) for route in routes)]
    if not allowed:
        return text("no such path", status=404)
    answer = text("not by this method", status=405)
    answer.add_header(b"Allow", ", ".join(allowed).encode())
    return answer


router.fallback = not_found_or_not_allowed


@router.get("/")
async def welcome(request: Request) -> Response:
    numbers(request, parameters.NOTHING)
    return text("Welcome!\n")


@router.get("/parse-msgpack")
async def parse_msgpack(request: Request) -> Response:
    count, asked = count_and_digest(request)
    records = [unpackb(item) for item in ENCODED[:count]]
    return text(str(digest.of_decoded(records, **asked) if asked else len(records)))


@router.get("/encode-json")
async def encode_json(request: Request) -> Response:
    count, asked = count_and_digest(request)
    records = RECORDS[:count]
    return text(str(digest.of_encoded(records, **asked) if asked else len(to_json(records))))


@router.get("/transfer-data")
async def transfer_data(request: Request) -> Response:
    count = numbers(request, LIMITS.plain).get("count", len(RECORDS))
    return json_answer(FULL_JSON if count == len(RECORDS) else to_json(RECORDS[:count]))


@router.get("/million-loop")
async def million_loop(request: Request) -> Response:
    values = numbers(request, parameters.LOOP)
    acc = values.get("seed", 0)
    for i in range(values.get("n", 1_000_000)):
        acc = acc + i
        if acc & 1:
            acc = 1_000_000 - acc
    return text(str(acc))


@router.post("/validate")
async def validate(request: Request) -> Response:
    count = numbers(request, VALIDATE_LIMITS).get("count")
    length = request.get_first_header(b"Content-Length")
    if length is not None and int(length) > schema.BODY_BYTES_MAX:
        return text("too large", status=413)
    body = await request.read() or b""
    if len(body) > schema.BODY_BYTES_MAX:
        return text("too large", status=413)
    return json_answer(to_json(schema.checked(body, count)))


@router.get("/wait")
async def wait(request: Request) -> Response:
    ms = numbers(request, parameters.WAIT).get("ms", 100)
    due = time.monotonic() + ms / 1000
    while (left := due - time.monotonic()) > 0:  # uvloop's timers round down to a millisecond
        await asyncio.sleep(left)
    return text(str(ms))


async def record(request: Request, id: str) -> Response:
    numbers(request, parameters.NOTHING)
    if not (id.isascii() and id.isdigit()) or int(id) >= len(RECORDS):
        return text("no such record", status=404)
    return json_answer(to_json(RECORDS[int(id)]))


def add_collection(name: str) -> None:
    async def one(request: Request, id: str) -> Response:
        numbers(request, parameters.NOTHING)
        return text(f"{name} {id}")

    async def items(request: Request, id: str) -> Response:
        numbers(request, parameters.NOTHING)
        return text(f"{name} {id} items")

    async def item(request: Request, id: str, item: str) -> Response:
        numbers(request, parameters.NOTHING)
        return text(f"{name} {id} items {item}")

    router.add_get(f"/{name}/{{id}}", one)
    router.add_get(f"/{name}/{{id}}/items", items)
    router.add_get(f"/{name}/{{id}}/items/{{item}}", item)


for name in siblings.NAMES:
    if name == siblings.FIRST_BEHIND_RECORD:
        router.add_get("/record/{id}", record)
    add_collection(name)
