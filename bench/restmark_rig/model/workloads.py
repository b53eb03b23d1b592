"""The workloads, five that all have and three more: routes, their parameters, and the requests the rig makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field

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
ALL_ROUTES = (*ROUTES, *MORE_ROUTES)

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

TEXT = "text/plain"
JSON = "application/json"

# What a load sends to /validate. Neither its order nor its spaces are those of the answer: nobody gets by with sending it back.
VALIDATE_BODY = (
    b'{"name": "My name", "type": "U", "created_at": 1569882498.9117897, "id": 4711, "count": 33, '
    b'"description": "Some words on here so it looks full"}'
)
_LOADED_RECORDS = 16


@dataclass(frozen=True)
class WorkloadRequest:
    """A request of one route; params in the order in which they are written into the query.

    segment: what follows the route in the path. body: JSON, sent by POST; None: a GET.
    """

    route: str
    params: dict[str, int] = field(default_factory=dict)
    segment: str = ""
    body: bytes | None = None

    @property
    def method(self) -> str:
        """GET, or POST where there is a body."""
        return "GET" if self.body is None else "POST"

    @property
    def target(self) -> str:
        """The request target, e.g. /million-loop?n=10&seed=3."""
        path = f"{self.route}/{self.segment}" if self.segment else self.route
        query = "&".join(f"{name}={value}" for name, value in self.params.items())
        return f"{path}?{query}" if query else path

    @property
    def line(self) -> str:
        """Method and target, for messages."""
        return f"{self.method} {self.target}"


def requested(route: str) -> str:
    """The route with its method, for headings."""
    method = "POST" if route == ROUTE_VALIDATE else "GET"
    return f"{method} {route}/{{id}}" if route == ROUTE_RECORD else f"{method} {route}"


def full(route: str) -> WorkloadRequest:
    """The request without parameters: the full work; of the first record where the path names one."""
    if route == ROUTE_VALIDATE:
        return validated(VALIDATE_BODY)
    return record(0) if route == ROUTE_RECORD else WorkloadRequest(route)


def loaded(route: str, records: int) -> tuple[WorkloadRequest, ...]:
    """The requests that a load of the route takes turns with: of some records all over the dataset where the path names one."""
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
    params = {"digest": k, "seed": seed}
    return WorkloadRequest(route, params if count is None else {"count": count, **params})
