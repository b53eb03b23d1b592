"""How a request ends, and the count of it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum


class Outcome(Enum):
    """Everything but ANSWERED is a failure, by the words in which it is reported."""

    ANSWERED = "answered"
    REFUSED = "refused"  # no connection was made
    RESET = "reset"  # by the peer, before the first byte of the answer
    EOF = "EOF"  # the connection ended in order, before the first byte of the answer
    TRUNCATED = "truncated"  # the connection ended, either way, inside the answer
    TIMEOUT = "timeout"  # of the whole request: connect, send, answer
    STATUS = "wrong status"
    BODY = "wrong body"
    MALFORMED = "malformed"  # not an HTTP answer, or more than one


FAILURES = tuple(outcome for outcome in Outcome if outcome is not Outcome.ANSWERED)


@dataclass(frozen=True)
class Failure:
    """One failed request."""

    at_s: float  # time.monotonic()
    outcome: Outcome
    profile: str
    port: int  # the client's, 0 if there was none
    nth: int  # request of its connection, from 1
    age_ms: float  # from the beginning of the request, connect included
    detail: str

    def __str__(self) -> str:
        return f"{self.profile}: {self.outcome.value}: {self.detail} (request {self.nth} from port {self.port}, after {self.age_ms:.0f} ms)"


KEPT_FAILURES_MAX = 10_000  # counts go on beyond it


@dataclass
class Tally:
    """What became of all requests.

    A server may close a kept connection while nobody uses it. If the client notices before it sends, that touches no request
    (`idle_closes`). If the next request crosses the close on its way (`idle_races`), the server had ended its side before the
    request reached it, which the client's TCP proves: the FIN does not acknowledge a byte of it. HTTP clients send such a request
    again on a new connection, and so do these; it is counted by what becomes of it then. Any other request without an answer
    has failed.
    """

    answered: int = 0
    failed: Counter[Outcome] = field(default_factory=Counter)
    idle_closes: int = 0
    idle_races: int = 0
    shortest_rest_s: float = math.inf  # of a connection that was closed in either way; what the client itself was late is in it
    connections: int = 0
    slowest_ms: float = 0.0
    failures: list[Failure] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Failed requests of all kinds."""
        return sum(self.failed.values())

    @property
    def requests(self) -> int:
        return self.answered + self.lost

    def add_failure(self, failure: Failure) -> None:
        self.failed[failure.outcome] += 1
        if len(self.failures) < KEPT_FAILURES_MAX:
            self.failures.append(failure)

    def merge(self, other: Tally) -> None:
        self.answered += other.answered
        self.failed.update(other.failed)
        self.idle_closes += other.idle_closes
        self.idle_races += other.idle_races
        self.shortest_rest_s = min(self.shortest_rest_s, other.shortest_rest_s)
        self.connections += other.connections
        self.slowest_ms = max(self.slowest_ms, other.slowest_ms)
        self.failures += other.failures[: KEPT_FAILURES_MAX - len(self.failures)]

    def __str__(self) -> str:
        kinds = ", ".join(f"{self.failed[kind]} {kind.value}" for kind in FAILURES if self.failed[kind])
        idle = f"; {self.idle_races} idle-close races (sent again)" if self.idle_races else ""
        return f"{self.lost} of {self.requests} requests failed{f' ({kinds})' if kinds else ''}{idle}"
