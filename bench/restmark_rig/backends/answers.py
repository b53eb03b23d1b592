"""What every answer of a back end's route has to be, read from the back end by the rig itself when it is asked."""

from __future__ import annotations

import msgpack

from ..model.workloads import (
    CACHE,
    DB_SEARCH_LIMIT,
    ROUTE_CACHE_RECORDS,
    ROUTE_DB_RECORDS,
    ROUTE_DB_SEARCH,
    WorkloadRequest,
    back_end_of,
    orm_twin,
)
from ..store.dataset import compact_json
from .back_ends import BackEnds


def expected(back_ends: BackEnds, request: WorkloadRequest, records: int) -> bytes:
    """The body of the answer to a valid request, as the back end holds it now: for an update, after it. records: N of the dataset."""
    if back_end_of(request.route) == CACHE:
        return _of_cache(back_ends, request, records)
    database, route = back_ends.database, orm_twin(request.route)
    assert database is not None
    if route == ROUTE_DB_SEARCH:
        return compact_json(database.search(str(request.params["q"]), request.number("limit", DB_SEARCH_LIMIT)))
    if route == ROUTE_DB_RECORDS:
        numbers = [int(text) for text in str(request.params["ids"]).split(",")]
        rows = database.records(numbers)
        return compact_json([rows[number] for number in numbers])
    return compact_json(database.record(request.number("id", 0)))


def _of_cache(back_ends: BackEnds, request: WorkloadRequest, records: int) -> bytes:
    assert back_ends.cache is not None
    values = back_ends.cache.values(request.number("count", records))
    if request.route == ROUTE_CACHE_RECORDS:
        return b"%d" % len(values)
    return compact_json([msgpack.unpackb(value) for value in values if value is not None])
