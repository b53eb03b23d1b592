"""How many statements does a request take? The database counts them itself, and the cache its commands."""

from __future__ import annotations

from collections.abc import Iterator

from ...backends.back_ends import CACHE_CONNECTIONS
from ...backends.statements import Counts
from ...model.workloads import (
    BACK_END_ROUTES,
    CACHE_ROUTES,
    DB_IDS_TYPICAL,
    ORM_ROUTES,
    ROUTE_DB_RECORDS,
    UPDATE_ROUTES,
    orm_twin,
    usual_back_end_request,
)
from .base import Check, Finding, Mismatch, Subject, each_route, judge

_REQUESTS = 20
_PER_UPDATE = 2
# Above it is no matter of a connection that has just been opened, and asks who is there.
_MORE = 1.5
_ORM_MORE = 3.0
_N_PLUS_1 = DB_IDS_TYPICAL / 2


def check_queries(subject: Subject) -> Iterator[Finding]:
    """A fixed number of usual requests, between two looks at the counters; then the connections that are open."""

    def action(route: str) -> str | None:
        back_ends, rng = subject.oracle.back_ends, subject.rng(f"queries {orm_twin(route)}")
        requests = [usual_back_end_request(route, subject.oracle.records, rng) for _ in range(_REQUESTS)]
        for request in requests[:2]:
            subject.require(request)
        before = back_ends.counts()
        for request in requests:
            subject.fetch(request)
        return _judged(route, back_ends.counts().since(before))

    yield from each_route("queries", subject, BACK_END_ROUTES, action)
    if any(route in subject.routes for route in BACK_END_ROUTES):
        yield judge("queries", None, lambda: _require_few_connections(subject))


def _judged(route: str, counts: Counts) -> str | None:
    total = counts.commands if route in CACHE_ROUTES else counts.statements
    if total is None:
        return "the database does not count its statements (pg_stat_statements is not there): not looked at"
    each, due = total / _REQUESTS, _PER_UPDATE if route in UPDATE_ROUTES else 1
    what = "commands to the cache" if route in CACHE_ROUTES else "statements"
    if each < due:
        raise Mismatch(f"{route}: {_REQUESTS} requests made {total} {what}, {due} each are due: not all of the work is done")
    if each > due * _MORE and route not in ORM_ROUTES:
        raise Mismatch(f"{route}: {each:.1f} {what} a request instead of {due}")
    if each >= _N_PLUS_1 and orm_twin(route) == ROUTE_DB_RECORDS:
        raise Mismatch(f"{route}: {each:.1f} {what} a request of {DB_IDS_TYPICAL} rows: one for each row (N + 1)")
    if each > due * _ORM_MORE:
        return f"{each:.1f} {what} a request, where {due} would do: the ORM reads what belongs to a row by itself (N + 1)"
    return f"{each:.1f} {what} a request, where {due} would do" if each > due * _MORE else None


def _require_few_connections(subject: Subject) -> str | None:
    back_ends = subject.oracle.back_ends
    opened = {
        "database": (len(back_ends.database.server_processes()) if back_ends.database else 0, back_ends.wishes.database_connections),
        "cache": (len(back_ends.cache.connections()) if back_ends.cache else 0, CACHE_CONNECTIONS),
    }
    for name, (count, each) in opened.items():
        if count > each * subject.workers:
            raise Mismatch(
                f"it has {count} connections to the {name} open; {each} for each of {subject.workers} workers are allowed, equal for all: "
                f"{{{name}_connections}}"
            )
    return None


QUERIES = Check("queries", "no more statements and connections than the work takes, as the back ends count them", check_queries)
