"""A contestant for restmark as a FastAPI application. Replace it by your own stack, a part at a time.

The environment variable RESTMARK_DATASET names the dataset: a MessagePack array of bin elements, each one a map.
FastAPI's own validation refuses bad parameters (422); it answers 404 and 405 of itself, too.
"""

import json
import os
from pathlib import Path
from typing import Annotated, Any, Self

import digest
import msgpack
from fastapi import FastAPI, Query
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

ENCODED = msgpack.unpackb(Path(os.environ["RESTMARK_DATASET"]).read_bytes())
RECORDS = [msgpack.unpackb(item) for item in ENCODED]


def encode(records: list[dict[str, Any]]) -> bytes:
    return json.dumps(records, ensure_ascii=False, separators=(",", ":")).encode()


FULL_JSON = encode(RECORDS)  # the one body that may be prepared


def digits(text: Any) -> int:
    """A number of decimal digits alone: pydantic's int would also take "+5", " 5" and "1_0"."""
    if not (isinstance(text, str) and text.isascii() and text.isdecimal()):
        raise ValueError("decimal digits only")
    return int(text)


def number(largest: int, least: int = 0) -> Any:
    """The type of a parameter that is given at most once: a list, else FastAPI would take the last one of several."""
    return Annotated[list[Annotated[int, BeforeValidator(digits), Field(ge=least, le=largest)]], Field(max_length=1)]


class NoParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RecordParameters(NoParameters):
    count: number(len(RECORDS)) = [len(RECORDS)]


class DigestParameters(RecordParameters):
    """For verification: a digest instead of the number, see digest.py."""

    digest: number(8, least=1) = []
    seed: number(2**31 - 1) = []

    @model_validator(mode="after")
    def seed_has_a_digest(self) -> Self:
        if self.seed and not self.digest:
            raise ValueError("seed is known here with digest alone")
        return self


class LoopParameters(NoParameters):
    n: number(100_000_000) = [1_000_000]
    seed: number(2**31 - 1) = [0]


app = FastAPI()


# async def, though nothing is awaited: a plain def would run in a thread pool, which costs more than it brings here.
@app.get("/")
async def welcome(_: Annotated[NoParameters, Query()]) -> PlainTextResponse:
    return PlainTextResponse("Welcome!\n")


@app.get("/parse-msgpack")
async def parse_msgpack(query: Annotated[DigestParameters, Query()]) -> PlainTextResponse:
    records = [msgpack.unpackb(item) for item in ENCODED[: query.count[0]]]
    if query.digest:
        return PlainTextResponse(str(digest.of_decoded(records, query.digest[0], *(query.seed or [0]))))
    return PlainTextResponse(str(len(records)))


@app.get("/encode-json")
async def encode_json(query: Annotated[DigestParameters, Query()]) -> PlainTextResponse:
    if query.digest:
        asked = (query.digest[0], *(query.seed or [0]))
        return PlainTextResponse(str(digest.of_encoded(RECORDS[: query.count[0]], *asked, encode)))
    return PlainTextResponse(str(len(encode(RECORDS[: query.count[0]]))))


@app.get("/transfer-data")
async def transfer_data(query: Annotated[RecordParameters, Query()]) -> Response:
    count = query.count[0]
    body = FULL_JSON if count == len(RECORDS) else encode(RECORDS[:count])
    return Response(body, media_type="application/json")


@app.get("/million-loop")
async def million_loop(query: Annotated[LoopParameters, Query()]) -> PlainTextResponse:
    acc = query.seed[0]
    for i in range(query.n[0]):
        acc = acc + i
        if acc & 1:
            acc = 1_000_000 - acc
    return PlainTextResponse(str(acc))
