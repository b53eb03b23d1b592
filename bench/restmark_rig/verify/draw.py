"""Random requests that a server has to answer: work that nobody can have prepared. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model.workloads import (
    LOOP_MAX_SEED,
    MORE_ROUTES,
    RECORD_ROUTES,
    ROUTE_LOOP,
    ROUTE_RECORD,
    ROUTE_VALIDATE,
    ROUTE_WAIT,
    WorkloadRequest,
    counted,
    full,
    loop,
    record,
    validated,
    wait,
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
    return route in contestant.parameter_routes() or (route in MORE_ROUTES and route in contestant.routes)


def any_request(route: str, records: int, rng: random.Random, limits: Limits) -> WorkloadRequest:
    """One of a dataset of so many records; of / the only one."""
    if route in RECORD_ROUTES:
        return counted(route, rng.randint(0, records if limits.count is None else min(limits.count, records)))
    if route == ROUTE_LOOP:
        return loop(rng.randint(0, limits.n), rng.randint(0, LOOP_MAX_SEED))
    if route == ROUTE_VALIDATE:
        return validated(bodies.spelled(bodies.random_record(rng), rng))
    if route == ROUTE_WAIT:
        return wait(rng.randint(0, limits.ms))
    return record(rng.randrange(records)) if route == ROUTE_RECORD else full(route)
