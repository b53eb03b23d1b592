"""Are statements prepared? The database counts how often it plans one.

It plans a statement that is prepared for its first five executions on a connection, and then keeps a plan for all values, if that is no worse: which it is not
for a row by its key. A statement that is sent as text, or parsed anew each time, is planned each time. Other statements than that are not looked
at: for a list of ids the database may go on planning, whoever has prepared.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...model.workloads import BACK_END_ROUTES, ORM_ROUTES, ROUTE_DB_RECORD, orm_twin, usual_back_end_request
from .base import Check, Finding, Mismatch, Subject, each_route

_ROUTES = tuple(route for route in BACK_END_ROUTES if orm_twin(route) == ROUTE_DB_RECORD)
_FIRST = 5  # PostgreSQL's choose_custom_plan()
_TIMES = 3  # so many times as many requests as all connections together may plan
_PART_MAX = 0.6  # of the requests; those whose connections are all new plan a third of them


def check_prepared(subject: Subject) -> Iterator[Finding]:
    """So many requests that most of them come after the first ones of every connection."""

    def action(route: str) -> str | None:
        back_ends, rng = subject.oracle.back_ends, subject.rng(f"prepared {route}")
        database = back_ends.database
        assert database is not None
        count = _TIMES * _FIRST * back_ends.wishes.database_connections * subject.workers
        with database.counting_plans() as counts:
            if not counts:
                return "the database is your own, or does not count (pg_stat_statements is not there): not looked at"
            subject.require(usual_back_end_request(route, subject.oracle.records, rng))
            before = database.plans()
            for _ in range(count):
                subject.fetch(usual_back_end_request(route, subject.oracle.records, rng))
            plans = database.plans() - before
        if plans <= _PART_MAX * count:
            return None
        said = f"the database planned {plans} times for {count} requests"
        if route in ORM_ROUTES:
            return f"{said}: the ORM's statements are not prepared"
        raise Mismatch(f"{route}: {said}: its statements are not prepared, or prepared anew for each request")

    yield from each_route("prepared", subject, _ROUTES, action)


PREPARED = Check("prepared", "statements are prepared once, as the database's count of plans tells", check_prepared)
