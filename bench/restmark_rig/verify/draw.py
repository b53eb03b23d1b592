"""Random requests that a server has to answer: work that nobody can have prepared. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model import workloads
from ..model.workloads import (
    BACK_END_ROUTES,
    CACHE_ROUTES,
    DATABASE_ROUTES,
    DB_CATEGORIES,
    DB_IDS_MAX,
    DB_IDS_TYPICAL,
    DB_ROWS,
    DB_SEARCH_LIMIT_MAX,
    LOOP_MAX_SEED,
    MORE_ROUTES,
    RECORD_ROUTES,
    ROUTE_DB_RECORDS,
    ROUTE_DB_SEARCH,
    ROUTE_LOOP,
    ROUTE_RECORD,
    ROUTE_VALIDATE,
    ROUTE_WAIT,
    WorkloadRequest,
)
from . import bodies

if TYPE_CHECKING:
    from ..contestants.contestant import Contestant


@dataclass(frozen=True)
class Limits:
    """How much work may be drawn: records (None: all), steps of the loop, milliseconds to wait."""

    count: int | None = None
    n: int = 0
    ms: int = 0


def varies(contestant: Contestant, route: str) -> bool:
    """Whether the contestant's answers on that route depend on what is asked for."""
    return route in contestant.parameter_routes() or (route in (*MORE_ROUTES, *BACK_END_ROUTES) and route in contestant.routes)


def any_request(route: str, records: int, rng: random.Random, limits: Limits) -> WorkloadRequest:
    """One of a dataset of so many records; of / the only one."""
    if route in (*RECORD_ROUTES, *CACHE_ROUTES):
        return workloads.counted(route, rng.randint(0, records if limits.count is None else min(limits.count, records)))
    if route in DATABASE_ROUTES:
        return _of_database(route, rng)
    if route == ROUTE_LOOP:
        return workloads.loop(rng.randint(0, limits.n), rng.randint(0, LOOP_MAX_SEED))
    if route == ROUTE_VALIDATE:
        return workloads.validated(bodies.spelled(bodies.random_record(rng), rng))
    if route == ROUTE_WAIT:
        return workloads.wait(rng.randint(0, limits.ms))
    return workloads.record(rng.randrange(records)) if route == ROUTE_RECORD else workloads.full(route)


def _of_database(route: str, rng: random.Random) -> WorkloadRequest:
    """Ids in any order and some of them twice; categories, now and then one that no row has, with any limit."""
    twin = workloads.orm_twin(route)
    if twin == ROUTE_DB_RECORDS:
        numbers = rng.choices(range(DB_ROWS), k=rng.choice((1, rng.randint(1, DB_IDS_TYPICAL), DB_IDS_TYPICAL, DB_IDS_MAX)))
        return workloads.rows(route, [*numbers[1:], numbers[-1]])
    if twin == ROUTE_DB_SEARCH:
        wanted = workloads.category(rng.randrange(DB_CATEGORIES + 10))
        return workloads.search(route, wanted, rng.choice((None, 1, rng.randint(1, DB_SEARCH_LIMIT_MAX), DB_SEARCH_LIMIT_MAX)))
    return workloads.row(route, rng.randrange(DB_ROWS))
