"""From requests that a user's own service got to a mix of workloads: which request stands for which, by rules that are all written down here.

The first rule that fits decides, the user's own (--mix-map) before all others. What no rule fits is left out and named. A big answer is so much of
/encode-json and of /transfer-data as its size is of theirs, since their cost grows in proportion to their records.
docs/YOUR-SERVICE.md tells the rules to users.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .errors import UsageFault
from .traffic import parse_route
from .workloads import ALL_ROUTES, ROUTE_ENCODE, ROUTE_RECORD, ROUTE_ROOT, ROUTE_TRANSFER, ROUTE_VALIDATE

SMALL_BYTES = 2048  # of an answer that is one record, or nothing to speak of
_SIZED = (ROUTE_ENCODE, ROUTE_TRANSFER)
_LEFT_OUT_WORD = "-"

_STATIC = re.compile(r"\.(?:avif|bmp|css|eot|gif|html?|ico|jpe?g|js|map|mjs|mp4|otf|pdf|png|svg|ttf|txt|webm|webp|woff2?|xml)$", re.IGNORECASE)
# A number, a UUID, a long hexadecimal number, a ULID, or the {parameter} of an OpenAPI document.
_ID = re.compile(
    r"/(?:\d+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,}|[0-7][0-9A-HJKMNP-TV-Z]{25}|\{[^/{}]+\})/?$", re.IGNORECASE
)
_DATA_TYPES = re.compile(r"^(?:application/(?:[\w.+-]*json|msgpack|x-msgpack|octet-stream)|text/plain|)(?:\s*;|$)", re.IGNORECASE)
_SENDING = ("POST", "PUT", "PATCH")
_PLAIN = ("GET", "HEAD", "OPTIONS", "DELETE")


@dataclass(frozen=True)
class Seen:
    """One request, as far as its source tells. status and answer_bytes: None if not told; media_type: "" then.

    is_list: an OpenAPI document says that the answer is an array, of a size that nobody knows.
    """

    method: str
    path: str
    status: int | None = None
    answer_bytes: int | None = None
    media_type: str = ""
    is_list: bool = False


@dataclass(frozen=True)
class Rule:
    """A rule of the user's: what matches "METHOD /path" is such a workload, or is left out (None)."""

    text: str
    pattern: re.Pattern[str]
    route: str | None


@dataclass(frozen=True)
class Meant:
    """What a request stands for. reason: the rule; shares: route to weight, empty if it is left out; remedy: what then helps."""

    reason: str
    shares: dict[str, float]
    remedy: str = ""


def parse_rule(text: str) -> Rule:
    """REGEX=ROUTE, or REGEX=- to leave out what matches. Raises UsageFault."""
    regex, equals, name = text.rpartition("=")
    if not equals or not regex:
        raise UsageFault(f"{text!r} is no REGEX=ROUTE", "write it like '^GET /tickets/[0-9]+$=/record', or with - to leave out what matches")
    try:
        pattern = re.compile(regex)
    except re.error as error:
        where = "" if error.pos is None else f" at character {error.pos + 1}"
        raise UsageFault(f"{text!r}: {regex!r} is no regular expression: {error.msg}{where}", "correct it; it is one of Python's") from None
    return Rule(text, pattern, None if name.strip() == _LEFT_OUT_WORD else parse_route(name))


def meant(seen: Seen, rules: Sequence[Rule], json_bytes: int) -> Meant:
    """What the request stands for. json_bytes: the size of the answer of /transfer-data, which sizes are taken against."""
    line = f"{seen.method} {seen.path}"
    for rule in rules:
        if rule.pattern.search(line):
            reason = f"--mix-map {rule.text}"
            return Meant(reason, {} if rule.route is None else _weighed(rule.route, seen.answer_bytes, json_bytes))
    if seen.status is not None and not 200 <= seen.status < 600:
        return Meant("an answer before the answer (1xx), or none that HTTP knows", {}, "nothing has to be done")
    if seen.status is not None and seen.status >= 500:
        return Meant("failed (5xx)", {}, "nothing has to be done; a failure tells nothing of what serving costs")
    if seen.method in _SENDING:
        return Meant("a body is taken (POST, PUT, PATCH)", {ROUTE_VALIDATE: 1.0})
    if seen.method not in _PLAIN:
        return Meant(f"the method {seen.method[:20]}", {}, "no workload is like it; --mix-map 'REGEX=ROUTE' says which one you take it for")
    if seen.method != "GET" or (seen.status is not None and seen.status >= 300) or seen.status == 204:
        return Meant("nothing is sent but headers (HEAD, OPTIONS, DELETE, 204, 3xx, 4xx)", {ROUTE_ROOT: 1.0})
    return _of_get(seen, json_bytes)


def _of_get(seen: Seen, json_bytes: int) -> Meant:
    """Of a GET that was answered."""
    if _STATIC.search(seen.path):
        return Meant("a static file, by its name", {}, "a front server sends those; --mix-map 'REGEX=/transfer-data' counts them")
    if not _DATA_TYPES.match(seen.media_type):
        kind = seen.media_type.partition(";")[0].strip()[:40]
        return Meant(f"an answer of type {kind}", {}, "no workload makes such; --mix-map 'REGEX=/transfer-data' counts what sending it costs")
    if seen.answer_bytes is not None and seen.answer_bytes > SMALL_BYTES:
        return Meant(f"a GET with more than {SMALL_BYTES} bytes", _sized(seen.answer_bytes / json_bytes, _SIZED))
    if seen.is_list:
        return Meant("a list of unknown size", {}, "--mix-map 'REGEX=/encode-json' counts it as a list of all records of the dataset")
    if _ID.search(seen.path):
        return Meant("a small GET with an id at its end", {ROUTE_RECORD: 1.0})
    return Meant("a small GET", {ROUTE_ROOT: 1.0})


def _weighed(route: str, answer_bytes: int | None, json_bytes: int) -> dict[str, float]:
    """One request of a route that the user named, of its own size where that is known and the route has sizes."""
    if route in _SIZED and answer_bytes is not None:
        return _sized(answer_bytes / json_bytes, (route,))
    return {route: 1.0}


def _sized(part: float, routes: Sequence[str]) -> dict[str, float]:
    """So large a part of each of these; what HTTP itself costs is in each of them, so that the rest is /."""
    shares = dict.fromkeys(routes, part)
    rest = 1 - part * len(routes)
    return {route: share for route, share in {ROUTE_ROOT: max(rest, 0.0), **shares}.items() if share > 0}


@dataclass
class _Group:
    requests: int = 0
    example: str = ""
    shares: dict[str, float] = field(default_factory=dict)
    remedy: str = ""


@dataclass(frozen=True)
class Row:
    """Requests for which one rule decided. shares: the workloads of an average one of them."""

    reason: str
    requests: int
    example: str
    shares: dict[str, float]
    remedy: str


class Mapping:
    """Requests, and what they stand for, added up."""

    def __init__(self, rules: Sequence[Rule], json_bytes: int) -> None:
        self._rules = rules
        self._json_bytes = json_bytes
        self._groups: dict[str, _Group] = {}

    def add(self, seen: Seen) -> None:
        """One more request."""
        found = meant(seen, self._rules, self._json_bytes)
        group = self._groups.setdefault(found.reason, _Group(example=f"{seen.method} {seen.path}", remedy=found.remedy))
        group.requests += 1
        for route, share in found.shares.items():
            group.shares[route] = group.shares.get(route, 0.0) + share

    @property
    def requests(self) -> int:
        """All of them."""
        return sum(group.requests for group in self._groups.values())

    def rows(self) -> list[Row]:
        """Rule by rule, the most frequent first; those that are left out have no shares."""
        return sorted(self._rows(), key=lambda row: -row.requests)

    def _rows(self) -> Iterator[Row]:
        for reason, group in self._groups.items():
            shares = {route: group.shares[route] / group.requests for route in ALL_ROUTES if route in group.shares}
            yield Row(reason, group.requests, group.example, shares, group.remedy)

    def unused(self) -> list[str]:
        """The user's own rules that decided nothing."""
        return [rule.text for rule in self._rules if f"--mix-map {rule.text}" not in self._groups]

    def mix(self) -> dict[str, float]:
        """Route to weight, of a hundred requests that stand for anything; empty if none does."""
        counted = sum(group.requests for group in self._groups.values() if group.shares)
        sums = {route: sum(group.shares.get(route, 0.0) for group in self._groups.values()) for route in ALL_ROUTES}
        return {route: float(f"{100 * total / counted:.4g}") for route, total in sums.items() if total > 0}
