"""Does /record find its route among a hundred? All the routes beside it answer, and what only looks like one of them does not."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator

from ...model.workloads import ROUTE_RECORD, record
from ...server.http_probe import request_bytes
from .base import Check, Finding, Mismatch, Subject, each_route
from .requests import REFUSED, REFUSED_AS_UNKNOWN

COLLECTIONS = (
    "accounts addresses agents articles assets authors batches books branches carts categories channels comments contacts contracts coupons "
    "customers devices events files groups images invoices labels members messages orders payments products reviews tickets users vendors"
).split()
_SEGMENT = string.ascii_letters + string.digits + "_-"
_SEGMENT_MAX = 32
_RANDOM_RECORDS = 12
_NO_NUMBERS = ("abc", "-1", "1.5", "1x", "0x1", "%C2%B2", "%D9%A3", "1%00")


def segment(rng: random.Random) -> str:
    """A random segment of a path, as all routes take it."""
    return "".join(rng.choices(_SEGMENT, k=rng.choice((1, rng.randint(1, 12), _SEGMENT_MAX))))


def siblings(rng: random.Random) -> dict[str, str]:
    """Path to answer of all 99 routes, in random order; some of their parameters are words that routes have."""
    found = {}
    for name in COLLECTIONS:
        for tail in ("", "/items", "/items/{item}"):
            one, item = rng.choice((segment(rng), "items", rng.choice(COLLECTIONS), "record")), segment(rng)
            found[f"/{name}/{one}{tail.format(item=item)}"] = " ".join([name, one, *tail.format(item=item).split("/")[1:]])
    pairs = list(found.items())
    rng.shuffle(pairs)
    return dict(pairs)


def near_misses(rng: random.Random) -> list[str]:
    """Paths that no route has, though each begins, ends or goes on like one."""
    paths = ["/record", "/records/0", "/recor/0", "/recordx/0", "/x/record/0", "/record/0/items", "/record/0/0"]
    for name in COLLECTIONS:
        one, item, other = segment(rng), segment(rng), segment(rng)
        paths += [
            f"/{name}",
            f"/{name}/{one}/item",
            f"/{name}/{one}/itemsx/{item}",
            f"/{name}/{one}/{other}x/{item}",
            f"/{name}/{one}/items/{item}/{other}",
            f"/{name[:-1]}/{one}",
            f"/{name}x/{one}/items",
            f"/x{name}/{one}",
            f"/{other}x/{name}/{one}",
        ]
    rng.shuffle(paths)
    return paths


def check_record(subject: Subject) -> Iterator[Finding]:
    """Random records, numbers beyond, all siblings, and near misses."""
    rng = subject.rng("record")

    def action(_: str) -> None:
        records = subject.oracle.records
        for number in {0, records - 1, *(rng.randrange(records) for _ in range(_RANDOM_RECORDS))}:
            subject.require(record(number))
        _require_unknown(subject, [f"{ROUTE_RECORD}/{n}" for n in (records, records + rng.randint(1, 10**6), 2**31, 2**64, 10**40)])
        _require_no_record(subject)
        _require_siblings(subject, siblings(rng))
        _require_unknown(subject, near_misses(rng))
        _require_methods(subject, rng)

    yield from each_route("record", subject, (ROUTE_RECORD,), action)


def _require_unknown(subject: Subject, paths: list[str]) -> None:
    statuses = {path: subject.fetch_raw(request_bytes(path)).status for path in paths}
    wrong = [f"{path}: {status}" for path, status in statuses.items() if status != 404]
    if wrong:
        raise Mismatch(f"GET {ROUTE_RECORD}: {len(wrong)} of {len(paths)} paths that no route has do not get 404", wrong)


def _require_no_record(subject: Subject) -> None:
    statuses = {text: subject.fetch_raw(request_bytes(f"{ROUTE_RECORD}/{text}")).status for text in _NO_NUMBERS}
    wrong = [f"{ROUTE_RECORD}/{text}: {s}" for text, s in statuses.items() if s not in (*REFUSED, REFUSED_AS_UNKNOWN)]
    if wrong:
        raise Mismatch(f"GET {ROUTE_RECORD}: {len(wrong)} of {len(statuses)} ids that are no number get neither 404 nor 400 nor 422", wrong)


def _require_siblings(subject: Subject, answers: dict[str, str]) -> None:
    wrong = []
    for path, expected in answers.items():
        response = subject.fetch_raw(request_bytes(path))
        media_type = (response.header("Content-Type") or "none").partition(";")[0].strip().lower()
        if (response.status, response.body, media_type) != (200, expected.encode(), "text/plain"):
            wrong.append(f"{path}: {response.status} {media_type} {response.body[:60]!r} instead of 200 text/plain {expected!r}")
    if wrong:
        raise Mismatch(f"GET {ROUTE_RECORD}: {len(wrong)} of the {len(answers)} routes beside it do not answer as they have to", wrong)


def _require_methods(subject: Subject, rng: random.Random) -> None:
    path = rng.choice([*siblings(rng)])
    for method in ("POST", "DELETE"):
        response = subject.fetch_raw(request_bytes(path, method, ("Content-Length: 0",)), method)
        if response.status != 405:
            raise Mismatch(f"{method} {path}: status {response.status} instead of 405")


RECORD = Check("record", "/record and the 99 routes beside it answer, and nothing that is only like them", check_record)
