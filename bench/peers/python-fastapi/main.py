"""The five workloads as a FastAPI application, written as FastAPI's documentation shows it.

Records are dicts, by msgpack and the built-in json. The dataset's file name is taken from RESTMARK_DATASET; checked_start.py has checked it.
"""

import os
from typing import Annotated, Any, Self

import dataset
import digest
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from msgpack import unpackb
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

ENCODED, RECORDS = dataset.load(os.environ["RESTMARK_DATASET"], unpackb)


def to_json(records: list[dataset.Record]) -> bytes:
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


app = FastAPI(redirect_slashes=False)  # /transfer-data/ is no route of the definition


@app.exception_handler(RequestValidationError)
async def bad_request(_: Request, error: RequestValidationError) -> PlainTextResponse:
    return PlainTextResponse(str(error), status_code=400)


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
