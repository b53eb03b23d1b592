"""Requests that have to be refused: bad parameters, unknown paths, other methods."""

from __future__ import annotations

from collections.abc import Iterator

from ...model.workloads import (
    ALL_ROUTES,
    BACK_END_ROUTES,
    DATABASE_ROUTES,
    DB_IDS_MAX,
    DB_SEARCH_LIMIT_MAX,
    DB_SEARCH_Q_MAX,
    DIGEST_MAX_K,
    DIGEST_MAX_SEED,
    DIGEST_ROUTES,
    LOOP_MAX_N,
    LOOP_MAX_SEED,
    MORE_ROUTES,
    ROUTE_DB_RECORDS,
    ROUTE_DB_SEARCH,
    ROUTE_LOOP,
    ROUTE_RECORD,
    ROUTE_ROOT,
    ROUTE_VALIDATE,
    ROUTE_WAIT,
    UPDATE_ROUTES,
    VALIDATE_BODY,
    VALIDATE_MAX_COUNT,
    WAIT_MAX_MS,
    full,
    orm_twin,
)
from ...server.http_probe import json_headers, request_bytes
from .. import bodies
from .base import Check, Finding, Mismatch, Subject, each_route, judge, not_offered

# What is no decimal number. Several of them are numbers to a careless parser: Python's int() takes "+5", "1_0",
# " 5" and digits of other scripts, strtol() takes "+5", " 5" and stops at the "x" of "5x" without an error.
_NOT_DIGITS = (
    "",
    "abc",
    "-1",
    "+5",
    "%2B5",
    "1.5",
    "1e2",
    "0x10",
    "5x",
    "1_0",
    "%205",
    "5%20",
    "%EF%BC%95",
    "5%00",
    "%D9%A3",
)
# What refuses a query. 422 is what FastAPI and Rails answer of themselves. JAX-RS demands 404, since the query is part
# of what a URI names (RFC 9110, 4.1): that refuses as well, but is said, as it reads like an unknown path. Other
# codes (403, 413, 414, 429, 500 ...) tell of something else than the parameter, and may come and go.
REFUSED = (400, 422)
REFUSED_AS_UNKNOWN = 404

_HUGE = ("9223372036854775808", "18446744073709551616", "1" + 40 * "0")


def bad_queries(route: str, records: int) -> list[str]:
    """Queries that a route has to refuse."""
    if route in DATABASE_ROUTES:
        return _bad_database_queries(route)
    if route in (ROUTE_ROOT, ROUTE_RECORD):
        return ["x=1", "count=1", "n=1", "digest=1"]
    limits = _limits(route, records)
    foreign = ["n=1", "seed=1"] if "count" in limits else ["count=1"]
    queries = [*foreign, "x=1", f"{next(iter(limits)).capitalize()}=1"]
    for name, largest in limits.items():
        texts = [*_NOT_DIGITS, *_HUGE, str(largest + 1)]
        queries += [f"{name}={text}" for text in texts]
        queries += [name, f"{name}=1&{name}=1", f"{name}=1&{name}=2", f"{name}=1&x=1", f"x=&{name}=1"]
    return queries + (_bad_digests() if route in DIGEST_ROUTES else ["digest=1", "digest=1&seed=1"])


def _limits(route: str, records: int) -> dict[str, int]:
    """The largest value of each parameter of a route that has some."""
    if route == ROUTE_LOOP:
        return {"n": LOOP_MAX_N, "seed": LOOP_MAX_SEED}
    if route == ROUTE_WAIT:
        return {"ms": WAIT_MAX_MS}
    return {"count": VALIDATE_MAX_COUNT if route == ROUTE_VALIDATE else records}


def _bad_request(route: str, query: str) -> bytes:
    """A request with a query that has to be refused, and nothing else that is wrong, if a careless parser can be foreseen."""
    target = _with_query(route, query)
    if route in UPDATE_ROUTES:
        return request_bytes(target, "POST", ("Content-Length: 0",))
    if route != ROUTE_VALIDATE:
        return request_bytes(target)
    body = bodies.many([VALIDATE_BODY] * (5 if "5" in query else 1)) if "count=" in query else VALIDATE_BODY
    return request_bytes(target, "POST", json_headers(len(body))) + body


def _with_query(route: str, query: str) -> str:
    return f"{full(route).path}?{query}" if query else full(route).path


# What would be another statement, or more of it, if somebody put it into one as text.
_INJECTED = ("0%20OR%201=1", "0);DROP%20TABLE%20record;--", "0'", "0--", "(SELECT%201)", "id", "NULL", "$1")


def _bad_database_queries(route: str) -> list[str]:
    """Queries of a route that asks the database; without any parameter it is one, too."""
    twin = orm_twin(route)
    foreign = ["", "x=1", "count=1", "n=1"]
    if twin == ROUTE_DB_SEARCH:
        queries = ["q=", "q", f"q={'x' * (DB_SEARCH_Q_MAX + 1)}", f"q={'%C3%A4' * (DB_SEARCH_Q_MAX // 2 + 1)}", "q=%FF", "q=c00%C3", "Q=c00"]
        queries += ["q=c00&q=c00", "q=c00&q=c01", "q=c00&x=1", "limit=5", "q=c00&limit", "q=c00&limit=5&limit=5"]
        limits = (*_NOT_DIGITS, *_HUGE, *_INJECTED, "0", str(DB_SEARCH_LIMIT_MAX + 1))
        return [*foreign, *queries, *(f"q=c00&limit={text}" for text in limits)]
    name = "ids" if twin == ROUTE_DB_RECORDS else "id"
    texts = [*_NOT_DIGITS, *_HUGE, *_INJECTED]
    if name == "ids":
        texts += [f"1,{text}" for text in texts] + [",1", "1,", "1,,2", "1%202", "1;2", "1.2", "[1]", ",".join(["1"] * (DB_IDS_MAX + 1))]
    else:
        texts += ["1,2", "1,"]
    queries = [f"{name}={text}" for text in texts]
    queries += [name, f"{name}=1&{name}=1", f"{name}=1&{name}=2", f"{name}=1&x=1", f"{name.capitalize()}=1"]
    return [*foreign, *queries, "ids=1" if name == "id" else "id=1"]


def _bad_digests() -> list[str]:
    """Queries that look for a digest and have to be refused."""
    queries = ["digest=0", f"digest={DIGEST_MAX_K + 1}", "Digest=1", "digest", "digest=1&x=1", "digest=1&count=", "digest=1&n=1"]
    queries += [f"digest={text}" for text in (*_NOT_DIGITS, *_HUGE)]
    queries += ["digest=1&digest=1", "digest=1&digest=2", "digest=1&seed=1&digest=1"]
    # A seed without a digest is nothing that these routes know.
    queries += ["seed=", "count=1&seed=1", "digest=1&seed", "digest=1&seed=1&seed=1", "seed=1&digest=1&seed=2"]
    queries += [f"digest=1&seed={text}" for text in (*_NOT_DIGITS, *_HUGE, str(DIGEST_MAX_SEED + 1))]
    return queries


def check_args(subject: Subject) -> Iterator[Finding]:
    """Malformed, repeated, unknown, empty and out-of-range parameters are refused, and the server goes on serving."""

    def action(route: str) -> str | None:
        statuses = {}
        for query in bad_queries(route, subject.oracle.records):
            statuses[_with_query(route, query)] = subject.fetch_raw(_bad_request(route, query)).status
        accepted = [(t, status) for t, status in statuses.items() if status not in (*REFUSED, REFUSED_AS_UNKNOWN)]
        if accepted:
            raise Mismatch(
                f"{full(route).line}: {len(accepted)} of {len(statuses)} bad queries not refused with 400 or 422",
                (f"{target}: {status}" for target, status in accepted),
            )
        response = subject.fetch(full(route))
        if response.status != 200:
            raise Mismatch(f"{full(route).line}: status {response.status} after bad parameters were refused")
        if REFUSED_AS_UNKNOWN in statuses.values():
            return "bad parameters are refused with 404, as unknown paths are; allowed, though 400 or 422 is clearer"
        return None

    for route in ALL_ROUTES:
        known = (*subject.contestant.parameter_routes(), *MORE_ROUTES, *BACK_END_ROUTES, ROUTE_ROOT)
        if subject.contestant.model == "none" or route not in known:
            yield from not_offered("args", route)
        else:
            yield from each_route("args", subject, (route,), action)


def check_path(subject: Subject) -> Iterator[Finding]:
    """Unknown paths get 404, other methods than a route's own (and HEAD) on a known path get 405."""
    rng = subject.rng("path")
    name = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=12))
    yield judge("path", None, lambda: _require_404(subject, (f"/{name}", f"{ROUTE_LOOP}x", f"/{name}/encode-json")))

    def action(route: str) -> None:
        request = full(route)
        for method in ("POST" if request.method == "GET" else "GET", "DELETE"):
            response = subject.fetch_raw(request_bytes(request.target, method, ("Content-Length: 0",)), method)
            if response.status != 405:
                raise Mismatch(f"{method} {request.target}: status {response.status} instead of 405")

    yield from each_route("path", subject, ALL_ROUTES, action)


def _require_404(subject: Subject, paths: tuple[str, ...]) -> None:
    for path in paths:
        response = subject.fetch_raw(request_bytes(path))
        if response.status != 404:
            raise Mismatch(f"GET {path}: status {response.status} instead of 404")


ARGS = Check("args", "malformed, repeated, unknown, out-of-range parameters get 400 or 422", check_args)
PATH = Check("path", "unknown paths get 404, other methods 405", check_path)
