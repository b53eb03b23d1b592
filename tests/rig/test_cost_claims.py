"""What is said of CPU times: which servers' figures hold, which do not, and what the reader is told. Times are in µs."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import pytest
from restmark_rig.model.workloads import ROUTE_ENCODE, ROUTE_PARSE
from restmark_rig.verify.checks import cost
from restmark_rig.verify.checks.base import Mismatch
from restmark_rig.verify.checks.cost_claims import DIGESTS_K, RecordWork, loop_claims, record_claims, record_note

RECORDS = 1000


def figures(
    work_us: float, pass_us: float, first_us: float = 0.0, plain_us: float | None = None, rest_us: float = 50.0
) -> dict[str, float]:
    """The figures, in nanoseconds, of a server whose digest takes its work once and a pass K times, the first one dearer by first_us.

    plain_us: what a request without a digest works; None: as much as one with. rest_us: the request without any work.
    """
    plain = work_us if plain_us is None else plain_us
    microseconds = {
        "nothing": rest_us,
        "half": rest_us + plain / 2,
        "most": rest_us + plain,
        "plain": rest_us + plain,
        "digest": rest_us + work_us + first_us + pass_us,
        "digests": rest_us + work_us + first_us + DIGESTS_K * pass_us,
    }
    return {name: 1000 * value for name, value in microseconds.items()}


def refuted(route: str, told: dict[str, float]) -> list[str]:
    work = RecordWork(route, RECORDS, RECORDS, hashed_bytes=10_000)
    return [claim.refuted(told) for claim in record_claims(work) if not claim.inequality.holds(told)]


def note(route: str, told: dict[str, float]) -> str:
    return record_note(RecordWork(route, RECORDS, RECORDS, hashed_bytes=10_000), told)


HONEST = {
    "C, 9 ns for a record": (ROUTE_PARSE, figures(9.2, 9.0, rest_us=11.5)),
    "C": (ROUTE_ENCODE, figures(140, 75)),
    "Rust, shifted copies in fresh memory": (ROUTE_ENCODE, figures(260, 250, 200)),
    "Python's json": (ROUTE_ENCODE, figures(2400, 900, 600)),
    "Python's msgpack, beside a dear digest": (ROUTE_PARSE, figures(2200, 2600, 500)),
    "PyPy": (ROUTE_ENCODE, figures(5000, 1300, 300, rest_us=2600)),
}


@pytest.mark.parametrize("server", HONEST)
def test_an_honest_server(server: str) -> None:
    route, told = HONEST[server]
    assert refuted(route, told) == []
    assert note(route, told) == ""


@pytest.mark.parametrize("first", [0.0, 0.4, 0.8, 1.0])
def test_a_fast_encoder_beside_dear_shifting(first: float) -> None:
    told = figures(250, 2700, first * 2700, rest_us=400)
    assert refuted(ROUTE_ENCODE, told) == []
    assert "takes 2700.0 µs of CPU each time, beside which its work (250.0 µs) does not show" in note(ROUTE_ENCODE, told)


@pytest.mark.parametrize(("route", "pass_us"), [(ROUTE_ENCODE, 400), (ROUTE_PARSE, 2000)])
def test_work_for_digests_alone(route: str, pass_us: float) -> None:
    told = figures(1500, pass_us, plain_us=150)
    (said,) = refuted(route, told)
    assert "it is done only when a digest is asked for" in said


def test_a_prepared_digest() -> None:
    (said,) = refuted(ROUTE_ENCODE, figures(1500, 0.0))
    assert "no processor hashes that fast" in said


def loop_figures(step_ns: float, plain_ms: float) -> dict[str, float]:
    return {"nothing": 5e4, "one": 5e4 + 1e5 * step_ns, "four": 5e4 + 4e5 * step_ns, "plain": 5e4 + 1e6 * plain_ms}


@pytest.mark.parametrize(("plain_ms", "said"), [(100.0, []), (65.0, []), (1.0, ["n=400000 40050.0 µs; the result is cached"])])
def test_a_million_steps_cost_what_fewer_promise(plain_ms: float, said: list[str]) -> None:
    told = loop_figures(100.0, plain_ms)
    wrong = [claim.refuted(told) for claim in loop_claims(100_000) if not claim.inequality.holds(told)]
    assert len(wrong) == len(said)
    assert all(text in line for text, line in zip(said, wrong, strict=True))


class Told:
    """What a check needs of its subject."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def rng(self, name: str) -> random.Random:
        return random.Random(name)

    def tell(self, text: str) -> None:
        self.told.append(text)


class Noisy:
    """Rounds of these figures; in slices of the usual length half of the records seem to cost so much that nothing can be told of it."""

    def __init__(self, typical: dict[str, float]) -> None:
        self._typical = typical
        self.warmed_up = 0

    def warm_up_again(self) -> None:
        self.warmed_up += 1

    def rounds(self, _: object, rng: random.Random, longer: int = 1) -> Iterator[dict[str, float]]:
        typical = dict(self._typical)
        if longer == 1:
            typical["half"] = (typical["most"] + 0.2 * typical["nothing"]) / 1.2  # where the claim ends to be true
        while True:
            yield {name: value * math.exp(rng.gauss(0, 0.02)) for name, value in typical.items()}


def test_what_short_slices_leave_open_is_asked_of_long_ones() -> None:
    claims = record_claims(RecordWork(ROUTE_ENCODE, RECORDS, RECORDS, hashed_bytes=10_000))
    told = Told()
    cost._decide(told, Noisy(figures(2400, 900, 600)), claims, dict, ROUTE_ENCODE)  # type: ignore[arg-type]
    assert told.told == [f"costs of {ROUTE_ENCODE}, in longer slices"]
    with pytest.raises(Mismatch, match="it is done only when a digest is asked for"):
        cost._decide(told, Noisy(figures(1500, 400, plain_us=150)), claims, dict, ROUTE_ENCODE)  # type: ignore[arg-type]


class Late(Noisy):
    """Its compiler has not come to the requests of half of the records before it is warmed up once more: they seem to cost as much as all."""

    def rounds(self, _: object, rng: random.Random, longer: int = 1) -> Iterator[dict[str, float]]:
        typical = self._typical if self.warmed_up else {**self._typical, "half": self._typical["most"]}
        while True:
            yield {name: value * math.exp(rng.gauss(0, 0.02)) for name, value in typical.items()}


def test_a_blame_has_to_come_twice() -> None:
    claims = record_claims(RecordWork(ROUTE_ENCODE, RECORDS, RECORDS, hashed_bytes=10_000))
    late = Late(figures(2400, 900, 600))
    cost._decide(Told(), late, claims, dict, ROUTE_ENCODE)  # type: ignore[arg-type]
    assert late.warmed_up == 1
    cheater = Late({**figures(2400, 900, 600), "half": figures(2400, 900, 600)["most"]})
    with pytest.raises(Mismatch, match="stops growing"):
        cost._decide(Told(), cheater, claims, dict, ROUTE_ENCODE)  # type: ignore[arg-type]
