"""The workloads as a FastAPI application, written as FastAPI's documentation shows it.

Records are dicts, by msgpack and the built-in json. The dataset's file name is taken from RESTMARK_DATASET; checked_start.py has checked it.
"""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, Self

import dataset
import digest
import siblings
from fastapi import APIRouter, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from fastapi.routing import APIRoute
from msgpack import unpackb
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

ENCODED, RECORDS = dataset.load(os.environ["RESTMARK_DATASET"], unpackb)


def to_json(records: list[dataset.Record] | dataset.Record) -> bytes:
    """As FastAPI's JSONResponse does it, which no route here returns: one sends a length, the other mostly a prepared body."""
    return dataset.to_json(records).encode("utf-8")


FULL_JSON = to_json(RECORDS)


def decimal(text: Any) -> int:
    """Decimal digits alone: pydantic's int would take "+5", " 5", "5.0" and "1_0", too."""
    if not (isinstance(text, str) and text.isascii() and text.isdigit()):
        raise ValueError("decimal digits only")
    return int(text)


def at_most_once(least: int, largest: int) -> Any:
    """The type of a parameter that may be given once: a list, because of a number alone FastAPI would take the last of several."""
    number = Annotated[int, BeforeValidator(decimal), Field(ge=least, le=largest)]
    return Annotated[list[number], Field(max_length=1)]


SEED = at_most_once(0, 2**31 - 1)


class NoParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RecordParameters(NoParameters):
    count: at_most_once(0, len(RECORDS)) = [len(RECORDS)]


class DigestParameters(RecordParameters):
    digest: at_most_once(1, 8) = []
    seed: SEED = []

    @model_validator(mode="after")
    def seed_goes_with_digest(self) -> Self:
        if self.seed and not self.digest:
            raise ValueError("seed is a parameter of a digest")
        return self


class LoopParameters(NoParameters):
    n: at_most_once(0, 100_000_000) = [1_000_000]
    seed: SEED = [0]


class ValidateParameters(NoParameters):
    count: at_most_once(0, 1000) = []


class WaitParameters(NoParameters):
    ms: at_most_once(0, 60_000) = [100]


class Record(BaseModel):
    """Strict, since pydantic would take "5" for 5 otherwise."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: int = Field(ge=-(2**63), le=2**63 - 1)
    name: str = Field(min_length=1, max_length=100)
    description: str = Field(max_length=1000)
    type: Literal["U", "G", "S"]
    count: int = Field(ge=0, le=1_000_000)
    created_at: float = Field(ge=0, le=4_102_444_800, allow_inf_nan=False)


BODY_BYTES_MAX = 2**20


class Utf8Request(Request):
    async def json(self) -> Any:
        return json.loads((await self.body()).decode("utf-8"))  # of bytes it would take UTF-16 as well


class LimitedRoute(APIRoute):
    """A route that refuses large bodies before it reads them: FastAPI itself has no limit."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:
        handle = super().get_route_handler()

        async def limited(request: Request) -> Response:
            if int(request.headers.get("Content-Length", 0)) > BODY_BYTES_MAX:
                raise HTTPException(413)
            return await handle(Utf8Request(request.scope, request.receive))

        return limited


app = FastAPI(redirect_slashes=False)  # /transfer-data/ is no route of the definition


@app.exception_handler(RequestValidationError)
async def bad_request(_: Request, error: RequestValidationError) -> PlainTextResponse:
    # Where and what, without the input, which is the whole body if a field is missing.
    told = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return PlainTextResponse("\n".join(told), status_code=400)


# async def, as the documentation advises for functions that only compute: FastAPI runs others in a pool of threads.
@app.get("/", response_class=PlainTextResponse)
async def welcome(_: Annotated[NoParameters, Query()]) -> str:
    return "Welcome!\n"


@app.get("/parse-msgpack", response_class=PlainTextResponse)
async def parse_msgpack(query: Annotated[DigestParameters, Query()]) -> str:
    records = [unpackb(item) for item in ENCODED[: query.count[0]]]
    if query.digest:
        return str(digest.of_decoded(records, query.digest[0], *(query.seed or [0])))
    return str(len(records))


@app.get("/encode-json", response_class=PlainTextResponse)
async def encode_json(query: Annotated[DigestParameters, Query()]) -> str:
    records = RECORDS[: query.count[0]]
    if query.digest:
        return str(digest.of_encoded(records, query.digest[0], *(query.seed or [0])))
    return str(len(to_json(records)))


@app.get("/transfer-data")
async def transfer_data(query: Annotated[RecordParameters, Query()]) -> Response:
    (count,) = query.count
    body = FULL_JSON if count == len(RECORDS) else to_json(RECORDS[:count])
    return Response(body, media_type="application/json")


@app.get("/million-loop", response_class=PlainTextResponse)
async def million_loop(query: Annotated[LoopParameters, Query()]) -> str:
    acc = query.seed[0]
    for i in range(query.n[0]):
        acc = acc + i
        if acc & 1:
            acc = 1_000_000 - acc
    return str(acc)


bodies = APIRouter(route_class=LimitedRoute)


@bodies.post("/validate")
async def validate(query: Annotated[ValidateParameters, Query()], body: Record | list[Record]) -> Record | list[Record]:
    if query.count != ([len(body)] if isinstance(body, list) else []):
        raise HTTPException(422, "not as many records as count says")
    return body


@app.get("/wait", response_class=PlainTextResponse)
async def wait(query: Annotated[WaitParameters, Query()]) -> str:
    (ms,) = query.ms
    due = time.monotonic() + ms / 1000
    while (left := due - time.monotonic()) > 0:  # uvloop's timers round down to a millisecond
        await asyncio.sleep(left)
    return str(ms)


records = APIRouter()


@records.get("/record/{id}")
async def record(id: str, _: Annotated[NoParameters, Query()]) -> Response:
    if not (id.isascii() and id.isdigit()) or int(id) >= len(RECORDS):
        raise HTTPException(404)
    return Response(to_json(RECORDS[int(id)]), media_type="application/json")


def collection(name: str) -> APIRouter:
    router = APIRouter(prefix=f"/{name}", default_response_class=PlainTextResponse)

    @router.get("/{id}")
    async def one(id: str) -> str:
        return f"{name} {id}"

    @router.get("/{id}/items")
    async def items(id: str) -> str:
        return f"{name} {id} items"

    @router.get("/{id}/items/{item}")
    async def item(id: str, item: str) -> str:
        return f"{name} {id} items {item}"

    return router


app.include_router(bodies)
for name in siblings.NAMES:
    if name == siblings.FIRST_BEHIND_RECORD:
        app.include_router(records)
    app.include_router(collection(name))
