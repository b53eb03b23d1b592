"""The workloads: routes, their parameters, and the requests the rig makes of them. Five that all have, three more, and those of back ends."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

ROUTE_ROOT = "/"
ROUTE_PARSE = "/parse-msgpack"
ROUTE_ENCODE = "/encode-json"
ROUTE_TRANSFER = "/transfer-data"
ROUTE_LOOP = "/million-loop"

ROUTES = (ROUTE_ROOT, ROUTE_PARSE, ROUTE_ENCODE, ROUTE_TRANSFER, ROUTE_LOOP)
# What a contestant need not have, and a run measures when it is asked to. /record is GET /record/{id} with the routes beside it.
ROUTE_VALIDATE = "/validate"
ROUTE_WAIT = "/wait"
ROUTE_RECORD = "/record"
MORE_ROUTES = (ROUTE_VALIDATE, ROUTE_WAIT, ROUTE_RECORD)
# What asks a real database or cache: docs/SPEC.md, "Back ends". The same four by the language's driver and by its ORM.
ROUTE_DB_RECORD = "/db/record"
ROUTE_DB_RECORDS = "/db/records"
ROUTE_DB_SEARCH = "/db/search"
ROUTE_DB_UPDATE = "/db/update"
DB_ROUTES = (ROUTE_DB_RECORD, ROUTE_DB_RECORDS, ROUTE_DB_SEARCH, ROUTE_DB_UPDATE)
ORM_ROUTES = tuple(route.replace("/db/", "/orm/") for route in DB_ROUTES)
ROUTE_CACHE_RECORDS = "/cache/records"
ROUTE_CACHE_JSON = "/cache/json"
CACHE_ROUTES = (ROUTE_CACHE_RECORDS, ROUTE_CACHE_JSON)
DATABASE_ROUTES = (*DB_ROUTES, *ORM_ROUTES)
UPDATE_ROUTES = (ROUTE_DB_UPDATE, ROUTE_DB_UPDATE.replace("/db/", "/orm/"))
BACK_END_ROUTES = (*DATABASE_ROUTES, *CACHE_ROUTES)
ALL_ROUTES = (*ROUTES, *MORE_ROUTES, *BACK_END_ROUTES)
# What the command line takes for several routes at once.
GROUPS = {"db": DB_ROUTES, "orm": ORM_ROUTES, "cache": CACHE_ROUTES}

DATABASE, CACHE = "database", "cache"
BACK_ENDS = (DATABASE, CACHE)

RECORD_ROUTES = (ROUTE_PARSE, ROUTE_ENCODE, ROUTE_TRANSFER)

LOOP_DEFAULT_N = 1_000_000
LOOP_MAX_N = 100_000_000
LOOP_MAX_SEED = 2**31 - 1

# Routes whose answer is a number say with a digest what they decoded or encoded: docs/SPEC.md.
DIGEST_ROUTES = (ROUTE_PARSE, ROUTE_ENCODE)
DIGEST_MAX_K = 8
DIGEST_MAX_SEED = 2**31 - 1

WAIT_DEFAULT_MS = 100
WAIT_MAX_MS = 60_000
VALIDATE_MAX_COUNT = 1000
VALIDATE_MAX_BYTES = 2**20

# The rows of the table "record", and what its routes take.
DB_ROWS = 10_000
DB_CATEGORIES = 100
DB_OWNERS = 100
DB_IDS_TYPICAL = 20
DB_IDS_MAX = 100
DB_SEARCH_LIMIT = 50
DB_SEARCH_LIMIT_MAX = 100
DB_SEARCH_Q_MAX = 64  # bytes of UTF-8
DB_ID_MAX = 2**63 - 1
DB_COUNT_MODULUS = 1_000_000

TEXT = "text/plain"
JSON = "application/json"

# What a load sends to /validate. Neither its order nor its spaces are those of the answer: nobody gets by with sending it back.
VALIDATE_BODY = (
    b'{"name": "My name", "type": "U", "created_at": 1569882498.9117897, "id": 4711, "count": 33, '
    b'"description": "Some words on here so it looks full"}'
)
_LOADED_RECORDS = 16
# Requests that a load of a back end's route takes turns with, others in each round. Each is asked twice before, to know its answer.
_LOADED_BACK_END = 16
_LOADED_CACHE = 6  # whose answers are large


@dataclass(frozen=True)
class WorkloadRequest:
    """A request of one route; params in the order in which they are written into the query.

    segment: what follows the route in the path. body: JSON, sent by POST; None: a GET.
    """

    route: str
    params: dict[str, int | str] = field(default_factory=dict)
    segment: str = ""
    body: bytes | None = None

    @property
    def method(self) -> str:
        """GET, or POST where there is a body or a row is changed."""
        return "GET" if self.body is None and self.route not in UPDATE_ROUTES else "POST"

    def number(self, name: str, default: int) -> int:
        """The value of a parameter that is a number."""
        return int(self.params.get(name, default))

    @property
    def target(self) -> str:
        """The request target, e.g. /million-loop?n=10&seed=3."""
        query = "&".join(f"{name}={quote(str(value), safe=',')}" for name, value in self.params.items())
        return f"{self.path}?{query}" if query else self.path

    @property
    def path(self) -> str:
        """The target without its parameters."""
        return f"{self.route}/{self.segment}" if self.segment else self.route

    @property
    def line(self) -> str:
        """Method and target, for messages."""
        return f"{self.method} {self.target}"


def requested(route: str) -> str:
    """The route with its method, for headings."""
    method = "POST" if route in (ROUTE_VALIDATE, *UPDATE_ROUTES) else "GET"
    return f"{method} {route}/{{id}}" if route == ROUTE_RECORD else f"{method} {route}"


def back_end_of(route: str) -> str | None:
    """Which back end the route asks: DATABASE, CACHE or, as most do, none."""
    return DATABASE if route in DATABASE_ROUTES else CACHE if route in CACHE_ROUTES else None


def orm_twin(route: str) -> str:
    """The route of the driver that has the same answers as one of the ORM."""
    return route.replace("/orm/", "/db/")


def full(route: str) -> WorkloadRequest:
    """The request without parameters: the full work; of the first record where the path names one, of usual size where parameters must be."""
    if route in DATABASE_ROUTES:
        return _FULL_DATABASE[orm_twin(route)](route)
    if route == ROUTE_VALIDATE:
        return validated(VALIDATE_BODY)
    return record(0) if route == ROUTE_RECORD else WorkloadRequest(route)


def loaded(route: str, records: int, seed: str = "") -> tuple[WorkloadRequest, ...]:
    """The requests that a load of the route takes turns with: of some records all over the dataset where the path names one.

    Those of a back end's route are drawn from the seed, all of about the same work, so that what somebody keeps of the answers is of little use.
    """
    if route in BACK_END_ROUTES:
        rng = random.Random(f"{seed}:{orm_twin(route)}")
        turns = _LOADED_CACHE if route in CACHE_ROUTES else _LOADED_BACK_END
        return tuple({(one := usual_back_end_request(route, records, rng)).target: one for _ in range(turns)}.values())
    if route != ROUTE_RECORD:
        return (full(route),)
    return tuple(record(i) for i in sorted({k * (records - 1) // (_LOADED_RECORDS - 1) for k in range(_LOADED_RECORDS)}))


def counted(route: str, count: int) -> WorkloadRequest:
    """The first count records."""
    return WorkloadRequest(route, {"count": count})


def loop(n: int, seed: int = 0) -> WorkloadRequest:
    """n steps of the loop from seed."""
    return WorkloadRequest(ROUTE_LOOP, {"n": n, "seed": seed})


def wait(ms: int) -> WorkloadRequest:
    """A wait of so many milliseconds."""
    return WorkloadRequest(ROUTE_WAIT, {"ms": ms})


def record(number: int) -> WorkloadRequest:
    """The record at that position."""
    return WorkloadRequest(ROUTE_RECORD, segment=str(number))


def validated(body: bytes, count: int | None = None) -> WorkloadRequest:
    """A body to be checked: one record, or an array of count."""
    return WorkloadRequest(ROUTE_VALIDATE, {} if count is None else {"count": count}, body=body)


def digested(route: str, k: int, seed: int, count: int | None = None) -> WorkloadRequest:
    """The digest, k times over from seed, of the first count records (None: of all)."""
    params: dict[str, int | str] = {"digest": k, "seed": seed}
    return WorkloadRequest(route, params if count is None else {"count": count, **params})


def row(route: str, number: int) -> WorkloadRequest:
    """One row by its id: to be read, or changed."""
    return WorkloadRequest(route, {"id": number})


def rows(route: str, numbers: Sequence[int]) -> WorkloadRequest:
    """Rows by their ids."""
    return WorkloadRequest(route, {"ids": ",".join(map(str, numbers))})


def category(number: int) -> str:
    """The name of one of the DB_CATEGORIES."""
    return f"c{number:02}"


def search(route: str, q: str, limit: int | None = None) -> WorkloadRequest:
    """The newest rows of a category, DB_SEARCH_LIMIT if no limit is given."""
    return WorkloadRequest(route, {"q": q} if limit is None else {"q": q, "limit": limit})


_FULL_DATABASE = {
    ROUTE_DB_RECORD: lambda route: row(route, 0),
    ROUTE_DB_RECORDS: lambda route: rows(route, range(DB_IDS_TYPICAL)),
    ROUTE_DB_SEARCH: lambda route: search(route, category(0)),
    ROUTE_DB_UPDATE: lambda route: row(route, 0),
}


def usual_back_end_request(route: str, records: int, rng: random.Random) -> WorkloadRequest:
    """A random request of a back end's route that takes as much work as any other of its kind."""
    twin = orm_twin(route)
    if twin == ROUTE_DB_RECORDS:
        return rows(route, rng.sample(range(DB_ROWS), DB_IDS_TYPICAL))
    if twin == ROUTE_DB_SEARCH:
        return search(route, category(rng.randrange(DB_CATEGORIES)))
    if twin in (ROUTE_DB_RECORD, ROUTE_DB_UPDATE):
        return row(route, rng.randrange(DB_ROWS))
    return counted(route, records - rng.randrange(records // 50 + 1))
