"""The five workloads: routes, their parameters, and the requests the rig makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field

ROUTE_ROOT = "/"
ROUTE_PARSE = "/parse-msgpack"
ROUTE_ENCODE = "/encode-json"
ROUTE_TRANSFER = "/transfer-data"
ROUTE_LOOP = "/million-loop"

ROUTES = (ROUTE_ROOT, ROUTE_PARSE, ROUTE_ENCODE, ROUTE_TRANSFER, ROUTE_LOOP)
RECORD_ROUTES = (ROUTE_PARSE, ROUTE_ENCODE, ROUTE_TRANSFER)

LOOP_DEFAULT_N = 1_000_000
LOOP_MAX_N = 100_000_000
LOOP_MAX_SEED = 2**31 - 1

# Routes whose answer is a number say with a digest what they decoded or encoded: docs/SPEC.md.
DIGEST_ROUTES = (ROUTE_PARSE, ROUTE_ENCODE)
DIGEST_MAX_K = 8
DIGEST_MAX_SEED = 2**31 - 1

TEXT = "text/plain"
JSON = "application/json"


@dataclass(frozen=True)
class WorkloadRequest:
    """A GET of one route; params in the order in which they are written into the query."""

    route: str
    params: dict[str, int] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """The request target, e.g. /million-loop?n=10&seed=3."""
        query = "&".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.route}?{query}" if query else self.route


def full(route: str) -> WorkloadRequest:
    """The request without parameters: the full work."""
    return WorkloadRequest(route)


def counted(route: str, count: int) -> WorkloadRequest:
    """The first count records."""
    return WorkloadRequest(route, {"count": count})


def loop(n: int, seed: int = 0) -> WorkloadRequest:
    """n steps of the loop from seed."""
    return WorkloadRequest(ROUTE_LOOP, {"n": n, "seed": seed})


def digested(route: str, k: int, seed: int, count: int | None = None) -> WorkloadRequest:
    """The digest, k times over from seed, of the first count records (None: of all)."""
    params = {"digest": k, "seed": seed}
    return WorkloadRequest(route, params if count is None else {"count": count, **params})
