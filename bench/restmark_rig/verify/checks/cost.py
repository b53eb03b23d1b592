"""Does the cost fit the work? Cached results, closed forms and skipped work are found out here.

What has to be true of the costs (cost_claims) is asked of one round of slices after another, until the rounds have decided
each claim, whatever the noise; what they do not decide in the end is said to be undecided, and is not a pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...host.idle_latency import IdleLatency
from ...model.sequential import Figures, Rule, decide
from ...model.workloads import (
    ROUTE_ENCODE,
    ROUTE_LOOP,
    ROUTE_PARSE,
    ROUTE_VALIDATE,
    WorkloadRequest,
    counted,
    digested,
    full,
    loop,
    validated,
)
from ...store.dataset import Dataset, compact_json
from .. import bodies
from .base import Check, Finding, Subject, each_route, not_offered
from .cost_claims import (
    DIGEST,
    DIGESTS,
    DIGESTS_K,
    FOUR,
    FRESH,
    HALF,
    MOST,
    NOTHING,
    ONE,
    PLAIN,
    SAME,
    Claim,
    RecordWork,
    body_claims,
    conclude,
    hashed_bytes,
    loop_claims,
    record_claims,
    record_note,
)
from .digest import random_seed
from .meter import Asked, Meter, RoundRequests

_RULE = Rule()

_MIN_RECORDS = 200
_MIN_JSON_BYTES = 20_000
_MAX_JSON_BYTES = 2_000_000
_MAX_DIGESTS_NS = 40_000_000  # a request that takes longer makes a round long

_LONG = 4  # times as long as a slice is at first

_LOOP_CPU_NS = 4_000_000
_LOOP_FIRST_STEPS = 100_000
# Even at the fastest conceivable step four times as many stand out from what a request costs.
_LOOP_MAX_STEPS = 6_400_000
_LOOP_SEED = 20231

_BODY_RECORDS = 500


def measurable(dataset: Dataset) -> bool:
    """Whether the records are enough for their cost to stand out from a request's fixed cost."""
    return len(dataset.records) >= _MIN_RECORDS and dataset.json_bytes >= _MIN_JSON_BYTES


def check_cost(subject: Subject) -> Iterator[Finding]:
    """The server's CPU time for more and less of the work."""

    def action(route: str) -> str | None:
        subject.tell(f"costs of {route}")
        with IdleLatency().held(), Meter(subject, subject.contestant.warm_up_requests or 0) as meter:
            if route == ROUTE_LOOP:
                _check_loop(subject, meter)
                return None
            if route == ROUTE_VALIDATE:
                _check_bodies(subject, meter)
                return None
            return _check_records(subject, meter, route)

    for route in (ROUTE_PARSE, ROUTE_ENCODE, ROUTE_LOOP):
        if route in subject.contestant.parameter_routes():
            yield from each_route("cost", subject, (route,), action)
        else:
            yield from not_offered("cost", route)
    yield from each_route("cost", subject, (ROUTE_VALIDATE,), action)


def _decide(subject: Subject, meter: Meter, claims: Sequence[Claim], requests: RoundRequests, route: str) -> Figures:
    """Typical figures, of which all claims hold. Raises Mismatch, Undecided.

    What short slices leave open is asked again of long ones, in which collections of garbage and neighbours' bursts average out. Each of the two wrongs a
    server as seldom as the rule says. A blame has to come twice, too, the second time of a server whose costs are steady: as long as one kind of request
    is compiled and another is not, the same records cost several times as much in the one as in the other, and not everybody says that he compiles late.
    """
    rng = subject.rng(f"cost order {route}")
    inequalities = [claim.inequality for claim in claims]
    decision = decide(inequalities, meter.rounds(requests, rng), _RULE)
    if decision.blamed is not None:
        meter.warm_up_again()
    if decision.blamed is not None or decision.first_open is not None:
        subject.tell(f"costs of {route}, in longer slices")
        decision = decide(inequalities, meter.rounds(requests, rng, _LONG), _RULE)
    conclude(claims, decision)
    return decision.typical


def _check_records(subject: Subject, meter: Meter, route: str) -> str:
    """Measures, and says what the reader should know. Raises Mismatch, Undecided."""
    rng = subject.rng(f"cost {route}")
    dataset, work = subject.oracle.dataset, _record_work(subject, meter, route)

    def requests() -> Mapping[str, WorkloadRequest]:
        seed = random_seed(rng, dataset.records)  # another one each round: a digest that is kept is of no use
        return {
            NOTHING: counted(route, 0),
            HALF: counted(route, work.largest // 2),
            MOST: counted(route, work.largest),
            PLAIN: full(route),
            DIGEST: digested(route, 1, seed, work.largest),
            DIGESTS: digested(route, DIGESTS_K, seed, work.largest),
        }

    return record_note(work, _decide(subject, meter, record_claims(work), requests, route))


def _record_work(subject: Subject, meter: Meter, route: str) -> RecordWork:
    """As many records as a fast server takes to be measured well, and a slow one not to take long."""
    dataset, records = subject.oracle.dataset, subject.oracle.records
    largest = min(records, int(records * _MAX_JSON_BYTES / dataset.json_bytes))
    seed = random_seed(subject.rng(f"cost size {route}"), dataset.records)
    longest_ns = meter.least_ns(digested(route, DIGESTS_K, seed, largest))
    if longest_ns > _MAX_DIGESTS_NS:
        largest = max(min(largest, _MIN_RECORDS), int(largest * _MAX_DIGESTS_NS / longest_ns))
    return RecordWork(route, records, largest, hashed_bytes(dataset, route, largest))


def _check_loop(subject: Subject, meter: Meter) -> None:
    steps = _loop_steps(meter)
    requests = {
        NOTHING: loop(0, _LOOP_SEED),
        ONE: loop(steps, _LOOP_SEED),
        FOUR: loop(4 * steps, _LOOP_SEED),
        PLAIN: full(ROUTE_LOOP),
    }
    _decide(subject, meter, loop_claims(steps), lambda: requests, ROUTE_LOOP)


def _check_bodies(subject: Subject, meter: Meter) -> None:
    rng = subject.rng(f"cost {ROUTE_VALIDATE}")

    def body() -> WorkloadRequest:
        records = [compact_json(bodies.plain_record(rng, rng.getrandbits(40))) for _ in range(_BODY_RECORDS)]
        return validated(bodies.many(records), _BODY_RECORDS)

    requests: dict[str, Asked] = {NOTHING: validated(b"[]", 0), SAME: body(), FRESH: body}
    _decide(subject, meter, body_claims(_BODY_RECORDS), lambda: requests, ROUTE_VALIDATE)


def _loop_steps(meter: Meter) -> int:
    """As many steps as take long enough to be measured well."""
    nothing = meter.least_ns(loop(0, _LOOP_SEED))
    steps = _LOOP_FIRST_STEPS
    # The least of equal requests: a cached result shows as none of the steps being run.
    while steps < _LOOP_MAX_STEPS and meter.least_ns(loop(steps, _LOOP_SEED)) - nothing < _LOOP_CPU_NS:
        steps *= 2
    return steps


COST = Check("cost", "CPU time fits the work: nothing cached, skipped or shortcut", check_cost)
