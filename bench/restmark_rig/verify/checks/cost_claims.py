"""What has to be true of the CPU times of a server that does the work, and what to say where it is not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...model.sequential import Decision, Figures, Inequality, weighted
from ...model.workloads import LOOP_DEFAULT_N, ROUTE_ENCODE, ROUTE_LOOP, ROUTE_PARSE, ROUTE_VALIDATE
from ...store.dataset import Dataset
from .base import Mismatch, Undecided

# Names of the figures of a round, nanoseconds of CPU per request.
NOTHING = "nothing"  # count=0, n=0
HALF = "half"  # half of the largest count
MOST = "most"  # the largest count
PLAIN = "plain"  # no parameters
DIGEST = "digest"  # a digest of the largest count, its hashing done once
DIGESTS = "digests"  # the same, its hashing done DIGESTS_K times
ONE, FOUR = "one", "four"  # so many times as many steps
SAME, FRESH = "same", "fresh"  # one body each time, another one each time

DIGESTS_K = 8

# Less than any decoder or encoder of six fields needs for a record: some 25 cycles at 6 GHz. The fastest known decoder, restmarkd's, takes 9 ns on a fast
# machine and 16 on others.
_MIN_RECORD_NS = 4.0
# The growth has to stand out from the fixed cost of a request, or noise could pass for it.
_MIN_GROWTH_OF_FIXED = 0.25
# Twice the records should cost twice as much; 1.2 leaves room for caches of the CPU and garbage collectors.
_MIN_DOUBLING = 1.2
# A request without parameters does the same work as one that asks for all of it.
_MIN_DEFAULT_SHARE = 0.6
# And as one that asks for a digest, without its hashing. What is found for that is up to twice too much in honest servers: the
# first pass over fresh objects misses the CPU's caches, the later ones do not. From memory it is next to nothing.
_MIN_DIGEST_SHARE = 0.3
# By so much of a later pass the first one is dearer at most. Hashing meets records that are new to the CPU's caches; shifting has
# to get its memory from the kernel besides (up to 0.8 of a pass was seen, in CPython). Where a pass costs many times the work, as
# shifting does beside a fast encoder of Python's, that is more than the work itself.
_FIRST_PASS = {ROUTE_PARSE: 0.25, ROUTE_ENCODE: 1.0}
# Where that is more than so many times what a plain request works, a digest proves nothing of it: to be said. Known servers are at 1 and
# below, or at 3 and above.
_MAX_FIRST_OF_WORK = 2.0
# No processor's CRC-32 is faster: 100 GB/s. Where records are hashed one by one, each takes a few steps that wait for each other.
_MIN_HASHED_BYTE_NS = 0.01
_MIN_HASHED_RECORD_NS = 2.0
# A step is an addition and, every other time, a subtraction that waits for it: 1.5 cycles, 0.25 ns at 6 GHz.
_MIN_STEP_NS = 0.2
# Four times the steps cost four times as much; the fixed cost is subtracted.
_LOOP_GROWTH = (3.0, 5.3)

# A body that comes again costs what a new one costs, but for what the CPU's caches and branch predictors have learned of it.
_MIN_SAME_SHARE = 0.4

_BLAME = {
    ROUTE_PARSE: "decoding is skipped, or its result is cached",
    ROUTE_ENCODE: "the encoded JSON (or its length) is cached",
}
_TOO_FAST = "no processor runs the steps one after another that fast: a closed form, or a cached result"


@dataclass(frozen=True)
class Claim:
    """An inequality of costs. says: what it means; refuted: what to say of typical figures where it does not hold."""

    says: str
    inequality: Inequality
    refuted: Callable[[Figures], str]


@dataclass(frozen=True)
class RecordWork:
    """How much a record route is asked for: largest of so many records; hashed_bytes: what one digest of them hashes."""

    route: str
    records: int
    largest: int
    hashed_bytes: int

    @property
    def scale(self) -> float:
        """How many times the largest count all records are."""
        return self.records / self.largest

    @property
    def least_hashing_ns(self) -> float:
        """What hashing takes more when it is done DIGESTS_K times instead of once, at least."""
        least = _MIN_HASHED_BYTE_NS * self.hashed_bytes
        if self.route == ROUTE_PARSE:
            least += _MIN_HASHED_RECORD_NS * self.largest
        return least * (DIGESTS_K - 1)


def hashed_bytes(dataset: Dataset, route: str, count: int) -> int:
    """The bytes that a digest of the first count records hashes at least."""
    if route == ROUTE_ENCODE:
        return len(dataset.json(count))
    texts = (record[name] for record in dataset.records[:count] for name in ("name", "description", "type"))
    return 24 * count + sum(len(text.encode()) + 1 for text in texts)


def record_claims(work: RecordWork) -> tuple[Claim, ...]:
    """What has to be true of parsing and encoding."""
    return (*_growth_claims(work), _default_claim(work), *_digest_claims(work))


def _growth_claims(work: RecordWork) -> tuple[Claim, ...]:
    route, largest, blame = work.route, work.largest, _BLAME[work.route]

    def flat(typical: Figures) -> str:
        return (
            f"GET {route}: the cost does not grow with count: count=0 takes {us(typical[NOTHING])} of CPU, "
            f"count={largest} {us(typical[MOST])}; {blame}"
        )

    def hidden(typical: Figures) -> str:
        # Enough for a fast codec, too little beside the rest: said, since an honest server may be behind it.
        fits = typical[MOST] - typical[NOTHING] >= _MIN_RECORD_NS * largest
        return flat(typical) + ("; or a slow framework hides a fast codec" if fits else "")

    def stopping(typical: Figures) -> str:
        return (
            f"GET {route}: the cost stops growing with count: {us(typical[HALF] - typical[NOTHING])} of CPU for the first "
            f"{largest // 2} records, {us(typical[MOST] - typical[NOTHING])} for {largest}; {blame}"
        )

    grows = f"the cost of GET {route} grows with count"
    return (
        Claim(grows, Inequality({MOST: 1, NOTHING: -1}, _MIN_RECORD_NS * largest), flat),
        Claim(grows, Inequality({MOST: 1, NOTHING: -1 - _MIN_GROWTH_OF_FIXED}), hidden),
        Claim(
            f"the cost of GET {route} goes on growing with count",
            Inequality({MOST: 1, HALF: -_MIN_DOUBLING, NOTHING: _MIN_DOUBLING - 1}),
            stopping,
        ),
    )


def _default_claim(work: RecordWork) -> Claim:
    def cached(typical: Figures) -> str:
        by_count = typical[NOTHING] + work.scale * (typical[MOST] - typical[NOTHING])
        return (
            f"GET {work.route}: without parameters it takes {us(typical[PLAIN])} of CPU, all {work.records} records by count "
            f"take {us(by_count)}; the full result is cached: {_BLAME[work.route]}"
        )

    share = _MIN_DEFAULT_SHARE * work.scale
    return Claim(
        f"GET {work.route} without parameters costs what all records cost by count",
        Inequality({PLAIN: 1, MOST: -share, NOTHING: share - 1}),
        cached,
    )


def _unhashed(work: RecordWork) -> Figures:
    """The weights of what a digest's work costs at least: K extrapolated to 0, less what a first pass is dearer by."""
    first, span = _FIRST_PASS[work.route], DIGESTS_K - 1
    return {DIGEST: (DIGESTS_K + first) / span, DIGESTS: -(1 + first) / span}


def _digest_claims(work: RecordWork) -> tuple[Claim, ...]:
    """Two digests, of K = 1 and DIGESTS_K, tell what their work costs without hashing."""
    unhashed = _unhashed(work)

    def prepared(typical: Figures) -> str:
        return (
            f"GET {work.route}: a digest takes {us(typical[DIGEST])} of CPU, one hashed {DIGESTS_K} times over "
            f"{us(typical[DIGESTS])}; no processor hashes that fast: the digest is prepared or cached"
        )

    def from_memory(typical: Figures) -> str:
        honest = typical[NOTHING] + work.scale * (weighted(unhashed, typical) - typical[NOTHING])
        return (
            f"GET {work.route}: without parameters it takes {us(typical[PLAIN])} of CPU, the same work with a digest takes "
            f"{us(honest)} (hashing subtracted); it is done only when a digest is asked for: {_BLAME[work.route]}"
        )

    share = _MIN_DIGEST_SHARE * work.scale
    fits = {PLAIN: 1.0, NOTHING: share - 1, **{name: -share * weight for name, weight in unhashed.items()}}
    return (
        Claim(
            f"the cost of a digest of GET {work.route} grows with K",
            Inequality({DIGESTS: 1, DIGEST: -1}, work.least_hashing_ns),
            prepared,
        ),
        Claim(f"GET {work.route} without parameters costs what the work costs for a digest", Inequality(fits), from_memory),
    )


def record_note(work: RecordWork, typical: Figures) -> str:
    """What the reader should know of typical figures of which all claims hold; empty if nothing."""
    pass_ns = (typical[DIGESTS] - typical[DIGEST]) / (DIGESTS_K - 1)
    worked_ns = typical[PLAIN] - typical[NOTHING]
    if work.scale * _FIRST_PASS[work.route] * pass_ns <= _MAX_FIRST_OF_WORK * worked_ns:
        return ""
    return (
        f"GET {work.route}: what a digest repeats takes {us(work.scale * pass_ns)} of CPU each time, beside which its work "
        f"({us(worked_ns)}) does not show; that a request without a digest does that work is told by the growth of its cost "
        "with count alone"
    )


def body_claims(records: int) -> tuple[Claim, ...]:
    """What has to be true of bodies of so many records: one that came before, and new ones."""

    def cached(typical: Figures) -> str:
        return (
            f"POST {ROUTE_VALIDATE}: a body of {records} records that came before takes {us(typical[SAME])} of CPU, a new one "
            f"{us(typical[FRESH])} (none: {us(typical[NOTHING])}); answers to bodies are kept"
        )

    share = _MIN_SAME_SHARE
    return (
        Claim(
            f"a body of POST {ROUTE_VALIDATE} that came before costs what a new one costs",
            Inequality({SAME: 1, FRESH: -share, NOTHING: share - 1}),
            cached,
        ),
    )


def loop_claims(steps: int) -> tuple[Claim, ...]:
    """What has to be true of the loop: n = 0, steps and 4 × steps; no parameters and the default n."""
    low, high = _LOOP_GROWTH

    def too_fast(typical: Figures) -> str:
        step_ns = (typical[FOUR] - typical[NOTHING]) / (4 * steps)
        return (
            f"GET {ROUTE_LOOP}: n={4 * steps} takes {us(typical[FOUR])} of CPU, {max(step_ns, 0):.3f} ns a step; {_TOO_FAST}"
        )

    def bent(typical: Figures) -> str:
        one, four = typical[ONE] - typical[NOTHING], typical[FOUR] - typical[NOTHING]
        return (
            f"GET {ROUTE_LOOP}: the cost is not linear in n: {us(typical[ONE])} of CPU for n={steps}, {us(typical[FOUR])} for "
            f"four times as many ({four / max(one, 1.0):.1f} times as much after subtracting n=0)"
        )

    def cached(typical: Figures) -> str:
        return (
            f"GET {ROUTE_LOOP}: without parameters, with {LOOP_DEFAULT_N} steps, it takes {us(typical[PLAIN])} of CPU, with "
            f"n={4 * steps} {us(typical[FOUR])}; the result is cached"
        )

    linear = f"the cost of GET {ROUTE_LOOP} is linear in n"
    share = _MIN_DEFAULT_SHARE * LOOP_DEFAULT_N / (4 * steps)
    return (
        Claim(
            f"a step of GET {ROUTE_LOOP} takes as long as it has to",
            Inequality({FOUR: 1, NOTHING: -1}, 4 * steps * _MIN_STEP_NS),
            too_fast,
        ),
        Claim(linear, Inequality({FOUR: 1, ONE: -low, NOTHING: low - 1}), bent),
        Claim(linear, Inequality({FOUR: -1, ONE: high, NOTHING: 1 - high}), bent),
        Claim(
            f"GET {ROUTE_LOOP} without parameters costs what {LOOP_DEFAULT_N} steps cost",
            Inequality({PLAIN: 1, FOUR: -share, NOTHING: share - 1}),
            cached,
        ),
    )


def conclude(claims: Sequence[Claim], decision: Decision) -> None:
    """Raises Mismatch if a claim was rejected, else Undecided if one is still open."""
    if (refuted := decision.blamed) is not None:
        raise Mismatch(claims[refuted].refuted(decision.typical))
    if (still_open := decision.first_open) is not None:
        raise Undecided(
            f"the machine was too noisy to tell in {decision.rounds} rounds whether {claims[still_open].says}; "
            "repeat on a quieter machine"
        )


def us(nanoseconds: float) -> str:
    """A CPU time for messages."""
    return f"{nanoseconds / 1000:.1f} µs"
