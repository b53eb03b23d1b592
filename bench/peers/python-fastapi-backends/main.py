"""The routes that ask real back ends as a FastAPI application, written as FastAPI's documentation shows it.

The dataset's file name and where the back ends are is taken from the environment; checked_start.py has checked the dataset.
"""

import os
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

import database
import dataset
import rows
from cache import RecordCache
from fastapi import APIRouter, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from msgpack import unpackb
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from record_cache import AWAY as CACHE_AWAY
from record_cache import BadValueError

_, RECORDS = dataset.load(os.environ["RESTMARK_DATASET"], unpackb)
CONNECTIONS = int(os.environ["RESTMARK_DATABASE_CONNECTIONS"])
ENGINE = database.connected(os.environ["RESTMARK_DATABASE_URL"], CONNECTIONS)
CACHE = RecordCache(os.environ["RESTMARK_CACHE_URL"], int(os.environ["RESTMARK_CACHE_CONNECTIONS"]), len(RECORDS))


def decimal(text: Any) -> int:
    """Decimal digits alone: pydantic's int would take "+5", " 5", "5.0" and "1_0", too."""
    if not (isinstance(text, str) and text.isascii() and text.isdigit()):
        raise ValueError("decimal digits only")
    return int(text)


def text(value: str) -> str:
    # No text of PostgreSQL holds U+0000.
    if not 1 <= len(value.encode("utf-8")) <= 64 or "\0" in value:
        raise ValueError("1 to 64 bytes of UTF-8 without U+0000")
    return value


def words(value: str) -> list[str]:
    return value.split(",", 100)


Id = Annotated[int, BeforeValidator(decimal), Field(ge=0, le=2**63 - 1)]
Ids = Annotated[list[Id], BeforeValidator(words), Field(max_length=100)]
Limit = Annotated[int, BeforeValidator(decimal), Field(ge=1, le=100)]
Count = Annotated[int, BeforeValidator(decimal), Field(ge=0, le=len(RECORDS))]
Category = Annotated[str, AfterValidator(text)]


class NoParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")


# Each parameter is a list of one: of a value alone FastAPI would take the last of several.
class IdParameters(NoParameters):
    id: Annotated[list[Id], Field(min_length=1, max_length=1)]


class IdsParameters(NoParameters):
    ids: Annotated[list[Ids], Field(min_length=1, max_length=1)]


class SearchParameters(NoParameters):
    q: Annotated[list[Category], Field(min_length=1, max_length=1)]
    limit: Annotated[list[Limit], Field(max_length=1)] = [50]


class CountParameters(NoParameters):
    count: Annotated[list[Count], Field(max_length=1)] = [len(RECORDS)]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Each worker opens its connections. Where a back end is away this is told, and they are opened when a request needs them."""
    for what, opening in (("database", database.open_all(ENGINE, CONNECTIONS)), ("cache", CACHE.open())):
        try:
            await opening
        except Exception as error:
            print(f"the {what} is away: {error}", file=sys.stderr, flush=True)
    yield
    await ENGINE.dispose()
    await CACHE.client.aclose()


app = FastAPI(redirect_slashes=False, lifespan=lifespan)


@app.exception_handler(RequestValidationError)
async def bad_request(_: Request, error: RequestValidationError) -> PlainTextResponse:
    told = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return PlainTextResponse("\n".join(told), status_code=400)


@app.exception_handler(rows.NoRowError)
async def not_found(_: Request, __: Exception) -> PlainTextResponse:
    return PlainTextResponse("not found\n", status_code=404)


async def store_fault(_: Request, error: Exception) -> PlainTextResponse:
    """The answer to a back end's fault; the log has its cause."""
    traceback.print_exception(error)
    sys.stderr.flush()
    if isinstance(error, CACHE_AWAY) or database.is_away(error):
        return PlainTextResponse("a back end is away\n", status_code=503, headers={"Retry-After": "1"})
    return PlainTextResponse("internal error\n", status_code=500)


# Without a handler uvicorn closes the connection.
for kind in (*database.FAULTS, *CACHE_AWAY, BadValueError, rows.BadRowError):
    app.add_exception_handler(kind, store_fault)


def json_of(value: dataset.Record | list[dataset.Record]) -> Response:
    """As FastAPI's JSONResponse does it."""
    return Response(dataset.to_json(value).encode("utf-8"), media_type="application/json")


@app.get("/", response_class=PlainTextResponse)
async def welcome(_: Annotated[NoParameters, Query()]) -> str:
    return "Welcome!\n"


def routes_of(store: database.Driver | database.Orm, prefix: str) -> APIRouter:
    """What the driver and the ORM do each in their own way."""
    router = APIRouter(prefix=prefix)

    @router.get("/record")
    async def record(query: Annotated[IdParameters, Query()]) -> Response:
        return json_of(await store.one(query.id[0]))

    @router.get("/records")
    async def records(query: Annotated[IdsParameters, Query()]) -> Response:
        return json_of(await store.many(query.ids[0]))

    @router.get("/search")
    async def search(request: Request, query: Annotated[SearchParameters, Query()]) -> Response:
        try:
            unquote_to_bytes(request.scope["query_string"]).decode("utf-8")  # of other bytes Starlette makes U+FFFD
        except UnicodeDecodeError as error:
            raise HTTPException(400, "the query is no UTF-8") from error
        return json_of(await store.search(query.q[0], query.limit[0]))

    @router.post("/update")
    async def update(query: Annotated[IdParameters, Query()]) -> Response:
        return json_of(await store.update(query.id[0]))

    return router


app.include_router(routes_of(database.Driver(ENGINE), "/db"))
app.include_router(routes_of(database.Orm(ENGINE), "/orm"))


@app.get("/cache/records", response_class=PlainTextResponse)
async def cache_records(query: Annotated[CountParameters, Query()]) -> str:
    return str(len(await CACHE.records(query.count[0])))


@app.get("/cache/json")
async def cache_json(query: Annotated[CountParameters, Query()]) -> Response:
    return json_of(await CACHE.records(query.count[0]))
