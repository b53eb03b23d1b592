"""The routes of docs/SPEC.md that ask real back ends, as a WSGI application: Werkzeug's Request and Response, records as dicts.

A contestant's own `driver` asks the database by its driver, and gives SQLAlchemy its engine. Where the back ends are is taken from the environment.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Protocol

import dataset
import driver
import parameters
import rows
import store_parameters
from msgpack import unpackb
from orm import Orm
from record_cache import AWAY as CACHE_AWAY
from record_cache import RecordCache
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    InternalServerError,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
)
from werkzeug.wrappers import Request, Response


class Store(Protocol):
    """What the driver and the ORM do each in their own way. All raise rows.NoRowError."""

    def one(self, id_: int) -> dataset.Record: ...

    def many(self, ids: Sequence[int]) -> list[dataset.Record]: ...

    def search(self, category: str, limit: int) -> list[dataset.Record]: ...

    def update(self, id_: int) -> dataset.Record: ...


try:
    _, RECORDS = dataset.load(os.environ["RESTMARK_DATASET"], unpackb)
except dataset.DatasetError as error:
    sys.exit(str(error))
DATABASE = driver.Database(os.environ["RESTMARK_DATABASE_URL"], int(os.environ["RESTMARK_DATABASE_CONNECTIONS"]))
CACHE = RecordCache(os.environ["RESTMARK_CACHE_URL"], int(os.environ["RESTMARK_CACHE_CONNECTIONS"]), len(RECORDS))
COUNTS = parameters.RecordLimits(len(RECORDS)).plain
RETRY_AFTER_S = 1


def open_connections() -> None:
    """Opens all connections of a worker, which has to call this once it runs: they can not be shared by processes.

    Where a back end is away this is told, and its connections are opened when a request needs them.
    """
    for what, store in (("database", DATABASE), ("cache", CACHE)):
        try:
            store.open()
        except Exception as error:
            print(f"the {what} is away: {error}", file=sys.stderr, flush=True)


def json_of(value: dataset.Record | list[dataset.Record]) -> Response:
    return Response(dataset.to_json(value).encode("utf-8"), mimetype="application/json")


def welcome(query: str) -> Response:
    parameters.numbers(store_parameters.pairs(query), parameters.NOTHING)
    return Response("Welcome!\n")


def cached(query: str) -> list[dataset.Record]:
    return CACHE.records(parameters.numbers(store_parameters.pairs(query), COUNTS).get("count", len(RECORDS)))


def routes_of(store: Store, prefix: str) -> dict[str, Callable[[str], Response]]:
    return {
        f"{prefix}/record": lambda query: json_of(store.one(store_parameters.one_id(query))),
        f"{prefix}/records": lambda query: json_of(store.many(store_parameters.many_ids(query))),
        f"{prefix}/search": lambda query: json_of(store.search(*store_parameters.search(query))),
        f"{prefix}/update": lambda query: json_of(store.update(store_parameters.one_id(query))),
    }


ROUTES: dict[str, Callable[[str], Response]] = {
    "/": welcome,
    "/cache/records": lambda query: Response(str(len(cached(query)))),
    "/cache/json": lambda query: json_of(cached(query)),
    **routes_of(DATABASE, "/db"),
    **routes_of(Orm(DATABASE.engine), "/orm"),
}
READING = ("GET", "HEAD")


@Request.application
def application(request: Request) -> Response | HTTPException:
    handler = ROUTES.get(request.path)
    if handler is None:
        raise NotFound
    methods: Sequence[str] = ("POST",) if request.path.endswith("/update") else READING
    if request.method not in methods:
        raise MethodNotAllowed(valid_methods=list(methods))
    request.get_data()  # what is not read would be taken for the connection's next request
    try:
        return handler(request.query_string.decode("latin-1"))
    except parameters.ParameterError as error:
        raise BadRequest(str(error)) from error
    except rows.NoRowError as error:
        raise NotFound from error
    except Exception as error:
        return failure(error)


def failure(error: Exception) -> HTTPException:
    """The answer to what is the server's or a back end's fault; the log has its cause."""
    traceback.print_exc()
    sys.stderr.flush()
    if isinstance(error, CACHE_AWAY) or driver.is_away(error):
        return ServiceUnavailable(retry_after=RETRY_AFTER_S)
    return InternalServerError()


