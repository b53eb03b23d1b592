"""Requests that have to be refused: bad parameters, unknown paths, other methods."""

from __future__ import annotations

from collections.abc import Iterator

from ...model.workloads import (
    DIGEST_MAX_K,
    DIGEST_MAX_SEED,
    DIGEST_ROUTES,
    LOOP_MAX_N,
    LOOP_MAX_SEED,
    RECORD_ROUTES,
    ROUTE_LOOP,
    ROUTE_ROOT,
    ROUTES,
    full,
)
from ...server.http_probe import request_bytes
from .base import Check, Finding, Mismatch, Subject, Verdict, each_route, judge

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
    if route == ROUTE_ROOT:
        return ["x=1", "count=1", "n=1", "digest=1"]
    limits = {"count": records} if route in RECORD_ROUTES else {"n": LOOP_MAX_N, "seed": LOOP_MAX_SEED}
    foreign = ["n=1", "seed=1"] if route in RECORD_ROUTES else ["count=1"]
    queries = [*foreign, "x=1", "Count=1" if route in RECORD_ROUTES else "N=1"]
    for name, largest in limits.items():
        texts = [*_NOT_DIGITS, *_HUGE, str(largest + 1)]
        queries += [f"{name}={text}" for text in texts]
        queries += [name, f"{name}=1&{name}=1", f"{name}=1&{name}=2", f"{name}=1&x=1", f"x=&{name}=1"]
    return queries + (_bad_digests() if route in DIGEST_ROUTES else ["digest=1", "digest=1&seed=1"])


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
            target = f"{route}?{query}"
            statuses[target] = subject.fetch_raw(request_bytes(target)).status
        accepted = [(t, status) for t, status in statuses.items() if status not in (*REFUSED, REFUSED_AS_UNKNOWN)]
        if accepted:
            raise Mismatch(
                f"GET {route}: {len(accepted)} of {len(statuses)} bad queries not refused with 400 or 422",
                (f"{target}: {status}" for target, status in accepted),
            )
        response = subject.fetch(full(route))
        if response.status != 200:
            raise Mismatch(f"GET {route}: status {response.status} after bad parameters were refused")
        if REFUSED_AS_UNKNOWN in statuses.values():
            return "bad parameters are refused with 404, as unknown paths are; allowed, though 400 or 422 is clearer"
        return None

    for route in ROUTES:
        if subject.contestant.model == "none" or (route not in (*subject.contestant.parameter_routes(), ROUTE_ROOT)):
            yield Finding("args", route, Verdict.NOT_OFFERED)
        else:
            yield from each_route("args", subject, (route,), action)


def check_path(subject: Subject) -> Iterator[Finding]:
    """Unknown paths get 404, other methods than GET and HEAD on a known path get 405."""
    rng = subject.rng("path")
    name = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=12))
    yield judge("path", None, lambda: _require_404(subject, (f"/{name}", f"{ROUTE_LOOP}x", f"/{name}/encode-json")))

    def action(route: str) -> None:
        for method in ("POST", "DELETE"):
            response = subject.fetch_raw(request_bytes(route, method, ("Content-Length: 0",)), method)
            if response.status != 405:
                raise Mismatch(f"{method} {route}: status {response.status} instead of 405")

    yield from each_route("path", subject, ROUTES, action)


def _require_404(subject: Subject, paths: tuple[str, ...]) -> None:
    for path in paths:
        response = subject.fetch_raw(request_bytes(path))
        if response.status != 404:
            raise Mismatch(f"GET {path}: status {response.status} instead of 404")


ARGS = Check("args", "malformed, repeated, unknown, out-of-range parameters get 400 or 422", check_args)
PATH = Check("path", "unknown paths get 404, other methods 405", check_path)
