"""What all checks share: the server under test, findings, and the comparison of an answer with the oracle's."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ...model.workloads import ROUTE_RECORD, ROUTES, WorkloadRequest, back_end_of, full
from ...server.http_probe import ProbeError, Response, wire
from .. import difference
from ..oracle import Answer, Oracle

if TYPE_CHECKING:  # the names of the checks are part of the help, which has to start fast
    from ...contestants.contestant import Contestant
    from ...server.launcher import RunningServer

WRONG_BODY = "wrong body"


class Verdict(StrEnum):
    """Outcome of one check on one route."""

    OK = "ok"
    NOTE = "note"  # allowed, but the reader should know
    FAIL = "fail"
    UNDECIDED = "undecided"  # the machine was too noisy to tell; not a pass
    NOT_OFFERED = "not offered"


@dataclass(frozen=True)
class Finding:
    """An outcome. route None: the check is about the server as a whole. message: empty for OK.

    details: every single case that the message sums up, one a line; not shortened.
    """

    check: str
    route: str | None
    verdict: Verdict
    message: str = ""
    details: tuple[str, ...] = ()


class Mismatch(Exception):
    """The server did something else than it has to; the message says what, details each single case of it."""

    def __init__(self, message: str, details: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


class Undecided(Exception):
    """The machine was too noisy to tell whether the server does what it has to; the message says what is open."""


@dataclass(frozen=True)
class Subject:
    """A running server under test, with how many workers, and what to hold it against."""

    server: RunningServer
    oracle: Oracle
    seed: int
    is_default_dataset: bool
    tell: Callable[[str], None] = lambda _: None
    workers: int = 1

    @property
    def contestant(self) -> Contestant:
        """The contestant whose server it is."""
        return self.server.contestant

    @property
    def routes(self) -> tuple[str, ...]:
        """The routes that it offers and that the dataset has something to ask of."""
        absent = self.oracle.back_ends.missing
        offered = tuple(route for route in self.contestant.routes if back_end_of(route) not in absent)
        return tuple(route for route in offered if route != ROUTE_RECORD or self.oracle.records)

    def rng(self, check: str) -> random.Random:
        """Random numbers that depend on the run's seed and the check alone: equal for all contestants."""
        return random.Random(f"{self.seed}:{check}")

    def fetch(self, request: WorkloadRequest) -> Response:
        """The answer to a request on a connection of its own. Raises ProbeError."""
        return self.fetch_raw(wire(request), request.method)

    def fetch_raw(self, data: bytes, method: str = "GET") -> Response:
        """The answer to the bytes of one request on a connection of its own. Raises ProbeError."""
        with self.server.connect() as connection:
            connection.send(data)
            return connection.read(method)

    def require(self, request: WorkloadRequest) -> Response:
        """fetch(), with the answer compared. Raises Mismatch, ProbeError."""
        response = self.fetch(request)
        compare(self.oracle, request, response)
        return response


@dataclass(frozen=True)
class Check:
    """A check: its name (also the table's column), what it proves, and how."""

    name: str
    proves: str
    run: Callable[[Subject], Iterator[Finding]]


def compare(oracle: Oracle, request: WorkloadRequest, response: Response) -> None:
    """Raises Mismatch if status or body of the answer differ from the oracle's."""
    compare_body(request, response, oracle.answer(request))


def compare_body(request: WorkloadRequest, response: Response, answer: Answer) -> None:
    """Raises Mismatch if the answer's status is not 200, or its body not the expected one."""
    if response.status != 200:
        raise Mismatch(f"{request.line}: status {response.status} instead of 200{_said(response)}")
    expected = answer.like(response.body)
    if response.body != expected:
        raise Mismatch(f"{request.line}: {WRONG_BODY}, {difference.describe(expected, response.body)}")


def _said(response: Response) -> str:
    return f"; it said {difference.escaped(response.body[:80])}" if response.body else ""


def judge(check: str, route: str | None, action: Callable[[], str | None]) -> Finding:
    """Runs action. What it returns is a note; Mismatch and ProbeError make the check fail, Undecided leaves it open."""
    try:
        note = action()
    except Mismatch as mismatch:
        return Finding(check, route, Verdict.FAIL, str(mismatch), mismatch.details)
    except Undecided as doubt:
        return Finding(check, route, Verdict.UNDECIDED, str(doubt))
    except ProbeError as error:
        prefix = f"{full(route).line}: " if route else ""
        return Finding(check, route, Verdict.FAIL, f"{prefix}{error}")
    return Finding(check, route, Verdict.NOTE, note) if note else Finding(check, route, Verdict.OK)


def each_route(
    check: str, subject: Subject, routes: tuple[str, ...], action: Callable[[str], str | None]
) -> Iterator[Finding]:
    """judge() for each of the routes; those of the five that the contestant does not offer are said to be so."""
    for route in routes:
        if route in subject.routes:
            yield judge(check, route, lambda route=route: action(route))  # type: ignore[misc]
        else:
            yield from not_offered(check, route)


def not_offered(check: str, route: str) -> Iterator[Finding]:
    """What to say of a route that the contestant does not offer: nothing of those that nobody has to."""
    if route in ROUTES:
        yield Finding(check, route, Verdict.NOT_OFFERED)


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()
