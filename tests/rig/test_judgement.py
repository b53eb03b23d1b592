"""The verdicts on measured costs and idle times, on figures with a known meaning; and how differences are shown."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Mapping
from types import SimpleNamespace

import pytest
from restmark_rig.model import cpulist
from restmark_rig.model.errors import UsageFault
from restmark_rig.model.sequential import Rule, decide
from restmark_rig.model.workloads import WorkloadRequest, counted
from restmark_rig.store.dataset import Dataset, default_records
from restmark_rig.verify import difference
from restmark_rig.verify.checks import meter as meter_module
from restmark_rig.verify.checks.base import Mismatch, Undecided
from restmark_rig.verify.checks.cost import measurable
from restmark_rig.verify.checks.cost_claims import (
    DIGESTS_K,
    Claim,
    RecordWork,
    conclude,
    hashed_bytes,
    loop_claims,
    record_claims,
)
from restmark_rig.verify.checks.idle import Sample, judge_idle
from restmark_rig.verify.checks.meter import Meter
from restmark_rig.verify.oracle import record_bytes

PARSE, ENCODE = "/parse-msgpack", "/encode-json"

# (count=0, half, all, without count) in ns per request, as measured or conceivable for honest servers.
HONEST = [
    (8_000, 43_000, 78_000, 78_000),  # C, 70 ns a record
    (8_000, 28_000, 48_000, 47_000),  # the fastest conceivable encoder
    (15_000, 260_000, 510_000, 505_000),  # Go
    (110_000, 900_000, 1_700_000, 1_650_000),  # Python
    (150_000, 190_000, 230_000, 228_000),  # a slow HTTP part around a fast codec
    (8_000, 50_000, 78_000, 78_000),  # caches of the CPU: the first half dearer
]


def judge_records(route: str, records: int, nothing: float, half: float, most: float, plain: float, **more: float) -> None:
    """conclude() on rounds that are all alike, of 1000 records measured. more: digest, digests, if not as honest as most."""
    work = RecordWork(route, records, 1000, 100_000)
    honest = {"digest": most + 50_000, "digests": most + DIGESTS_K * 50_000}
    figures = {"nothing": nothing, "half": half, "most": most, "plain": plain, **honest, **more}
    judge(record_claims(work), figures)


def judge(claims: tuple[Claim, ...], figures: Mapping[str, float]) -> None:
    conclude(claims, decide([claim.inequality for claim in claims], itertools.repeat(figures), Rule()))


@pytest.mark.parametrize("costs", HONEST)
def test_honest_record_costs(costs: tuple[int, int, int, int]) -> None:
    judge_records(ENCODE, 1000, *costs)


CHEATING = [
    ((8_000, 8_000, 8_000, 8_000), "the cost does not grow with count: count=0 takes 8.0 µs of CPU"),
    ((8_000, 9_000, 10_000, 10_000), "the cost does not grow with count"),  # 2 ns a record
    ((110_000, 118_000, 125_000, 125_000), "the cost does not grow with count"),  # within Python's noise
    ((8_000, 43_000, 45_000, 45_000), "the cost stops growing with count"),
    ((8_000, 43_000, 8_000, 8_000), "the cost does not grow with count"),
    ((8_000, 43_000, 78_000, 8_000), "without parameters it takes 8.0 µs of CPU"),
]


@pytest.mark.parametrize(("costs", "message"), CHEATING)
def test_cheating_record_costs(costs: tuple[int, int, int, int], message: str) -> None:
    with pytest.raises(Mismatch) as caught:
        judge_records(ENCODE, 1000, *costs)
    assert message in str(caught.value)
    assert "is cached" in str(caught.value)
    with pytest.raises(Mismatch, match="decoding is skipped"):
        judge_records(PARSE, 1000, *costs)


def test_a_fast_codec_behind_a_slow_framework_is_not_called_a_cheat_outright() -> None:
    with pytest.raises(Mismatch, match=r"is cached; or a slow framework hides a fast codec$"):
        judge_records(ENCODE, 1000, 980_000, 1_090_000, 1_207_000, 1_205_000)
    with pytest.raises(Mismatch, match=r"is cached$"):
        judge_records(ENCODE, 1000, 980_000, 980_000, 983_000, 983_000)


def test_default_cost_is_compared_with_all_records_where_fewer_are_measured() -> None:
    judge_records(ENCODE, 10_000, 8_000, 43_000, 78_000, 708_000)
    with pytest.raises(Mismatch, match="all 10000 records by count take 708.0 µs"):
        judge_records(ENCODE, 10_000, 8_000, 43_000, 78_000, 78_000)


def test_work_that_is_done_for_a_digest_alone() -> None:
    # By count and without parameters 25 µs of looking at records; 100 µs of decoding before 50 µs of each hashing.
    looks = (8_000, 20_000, 33_000, 33_000)
    with pytest.raises(Mismatch, match=r"takes 33.0 µs of CPU, the same work with a digest takes 95.5 µs \(hashing"):
        judge_records(PARSE, 1000, *looks, digest=158_000, digests=508_000)
    judge_records(PARSE, 1000, *looks, digest=90_000, digests=440_000)
    # Fewer records than all are digested: ten times as many without parameters have to cost ten times as much.
    with pytest.raises(Mismatch, match="the same work with a digest takes 883.0 µs"):
        judge_records(PARSE, 10_000, 8_000, 20_000, 33_000, 258_000, digest=158_000, digests=508_000)


@pytest.mark.parametrize(("route", "least"), [(PARSE, 7 * (1_000 + 2_000)), (ENCODE, 7 * 1_000)])
def test_a_digest_that_takes_no_hashing(route: str, least: int) -> None:
    costs = (8_000, 43_000, 78_000, 78_000)
    judge_records(route, 1000, *costs, digest=90_000, digests=90_000 + least)
    with pytest.raises(Mismatch, match="no processor hashes that fast: the digest is prepared or cached"):
        judge_records(route, 1000, *costs, digest=90_000, digests=90_000 + least - 1)


def test_what_a_digest_hashes(default_dataset: Dataset) -> None:
    assert hashed_bytes(default_dataset, ENCODE, 1000) == 133_622
    assert hashed_bytes(default_dataset, PARSE, 2) == sum(len(record_bytes(r)) for r in default_dataset.records[:2])


def judge_loop(steps: int, nothing: float, one: float, four: float, plain: float | None = None) -> None:
    """plain: None for what a million steps cost as n = 4 × steps has it."""
    million = nothing + (four - nothing) * 1_000_000 / (4 * steps)
    figures = {"nothing": nothing, "one": one, "four": four, "plain": million if plain is None else plain}
    judge(loop_claims(steps), figures)


@pytest.mark.parametrize("step_ns", [0.3, 1.0, 60.0])
def test_honest_loop_costs(step_ns: float) -> None:
    steps = 10_000_000
    judge_loop(steps, 8_000, *(8_000 + step_ns * factor * steps for factor in (1, 4)))


def test_loop_costs_of_a_closed_form() -> None:
    with pytest.raises(Mismatch, match=r"n=100000000 takes 9.0 µs of CPU, 0\.000 ns a step.*a closed form"):
        judge_loop(25_000_000, 8_000, 8_500, 9_000)


def test_loop_costs_that_are_not_linear() -> None:
    with pytest.raises(Mismatch, match="not linear in n.*1.0 times as much"):
        judge_loop(1_000_000, 8_000, 4_000_000, 4_000_000)
    with pytest.raises(Mismatch, match="not linear in n"):
        judge_loop(1_000_000, 8_000, 1_000_000, 16_000_000)
    with pytest.raises(Mismatch, match="without parameters, with 1000000 steps, it takes 10.0 µs of CPU.*the result is cached"):
        judge_loop(1_000_000, 8_000, 1_000_000, 4_000_000, plain=10_000)


def test_costs_that_noise_hides_are_undecided_and_no_pass() -> None:
    # Every second round has the plain request as cheap as if it were cached.
    figures = {"nothing": 8_000, "one": 1e6, "four": 4e6}
    rounds = ({**figures, "plain": plain} for plain in itertools.cycle((1e6, 8_000)))
    claims = loop_claims(1_000_000)
    with pytest.raises(Undecided, match=r"in 100 rounds whether GET /million-loop without parameters costs what 1000000 steps cost"):
        conclude(claims, decide([claim.inequality for claim in claims], rounds, Rule()))


class CountedMeter(Meter):
    """Each slice takes 1 ns longer than the one before it; nothing is asked of a server."""

    def __init__(self, warm_up_requests: int = 0) -> None:
        super().__init__(None, warm_up_requests)  # type: ignore[arg-type]
        self.visited: list[str] = []

    def _repeats(self, _: WorkloadRequest, longer: int) -> int:
        return longer

    def slice_ns(self, request: WorkloadRequest, _: int) -> float:
        self.visited.append(request.target)
        return 100.0 + len(self.visited)


def test_what_compiles_late_is_warmed_up_once_by_all_kinds() -> None:
    meter = CountedMeter(100)
    requests = {str(count): counted(ENCODE, count) for count in range(6)}
    for _ in range(2):
        next(meter.rounds(lambda: requests, random.Random(1)))
    assert len(meter.visited) == 17 * 6 + 2 * 2 * 6  # the warm-up, and in each series a round that is not given
    assert all(meter.visited[: 17 * 6].count(request.target) == 17 for request in requests.values())


class FakeClock:
    now_ns = 0


class CompiledMeter(CountedMeter):
    """Of a server whose requests cost ten times as much until its compiler has seen so many of them; each takes 1 ms of a clock of its own."""

    def __init__(self, clock: FakeClock, compiled_after: int) -> None:
        super().__init__()
        self._clock, self._compiled_after = clock, compiled_after

    def slice_ns(self, request: WorkloadRequest, _: int) -> float:
        self.visited.append(request.target)
        self._clock.now_ns += 1_000_000
        return 1000.0 if len(self.visited) > self._compiled_after else 10_000.0


@pytest.mark.parametrize(("compiled_after", "least_s", "most_s"), [(0, 2.9, 3.1), (1500, 2.9, 3.5), (2500, 4.9, 5.6), (1_000_000, 2.9, 3.1)])
def test_who_was_blamed_is_warmed_up_until_costs_are_steady(
    monkeypatch: pytest.MonkeyPatch, compiled_after: int, least_s: float, most_s: float
) -> None:
    clock = FakeClock()
    monkeypatch.setattr(meter_module, "time", SimpleNamespace(monotonic_ns=lambda: clock.now_ns))
    meter = CompiledMeter(clock, compiled_after)
    requests = {str(count): counted(ENCODE, count) for count in range(6)}
    meter.warm_up_again()
    figures = next(meter.rounds(lambda: requests, random.Random(1)))
    assert least_s < (len(meter.visited) - 12) / 1000 < most_s  # without the two rounds
    assert set(figures.values()) == {10_000.0 if compiled_after == 1_000_000 else 1000.0}
    visited = len(meter.visited)
    next(meter.rounds(lambda: requests, random.Random(1)))
    assert len(meter.visited) == visited + 12, "once"


def test_the_kinds_of_a_round_stand_in_another_order_each_time() -> None:
    meter = CountedMeter()
    requests = {str(count): counted(ENCODE, count) for count in range(6)}
    rounds = list(itertools.islice(meter.rounds(lambda: requests, random.Random(1)), 3))
    visits = [meter.visited[i : i + 6] for i in range(0, len(meter.visited), 6)]
    assert len(visits) == 4  # the first warms up and is not among the rounds
    assert all(sorted(visit) == sorted(request.target for request in requests.values()) for visit in visits)
    assert len({tuple(visit) for visit in visits}) == 4
    assert rounds[0]["3"] == 100.0 + 6 + 1 + visits[1].index(requests["3"].target)
    again = CountedMeter()
    assert list(itertools.islice(again.rounds(lambda: requests, random.Random(1)), 3)) == rounds


def test_what_is_too_small_to_measure(default_dataset: Dataset) -> None:
    assert measurable(default_dataset)
    assert not measurable(Dataset(default_dataset.path, default_records(100)))


def test_idle_times() -> None:
    works = Sample(wall_ns=300_000, cpu_ns=200_000, idle_ns=100_000)
    sleeps = Sample(wall_ns=10_000_000, cpu_ns=200_000, idle_ns=9_800_000)
    judge_idle("/", itertools.repeat(works))
    judge_idle("/", itertools.repeat(Sample(wall_ns=90_000_000, cpu_ns=70_000_000, idle_ns=20_000_000)))
    with pytest.raises(Mismatch, match="takes 10.0 ms, of which the server works 0.2 ms and 9.8 ms nobody does"):
        judge_idle("/", itertools.repeat(sleeps))
    # A request in five hidden by noise, or made to look like sleep, changes nothing.
    judge_idle("/", itertools.cycle([sleeps, works, works, works, works]))
    with pytest.raises(Mismatch, match="it sleeps"):
        judge_idle("/", itertools.cycle([works, sleeps, sleeps, sleeps, sleeps]))
    with pytest.raises(Undecided, match="too noisy to tell by 100 requests whether GET / works or sleeps"):
        judge_idle("/", itertools.cycle([works, sleeps]))


@pytest.mark.parametrize(
    ("expected", "got", "offset"),
    [(b"abc", b"abd", 2), (b"abc", b"ab", 2), (b"ab", b"abc", 2), (b"", b"x", 0), (b"xbc", b"abc", 0), (b"a", b"a", 1)],
)
def test_first_difference(expected: bytes, got: bytes, offset: int) -> None:
    assert difference.first_offset(expected, got) == offset


def test_first_difference_in_long_strings() -> None:
    base = os.urandom(5000)
    for offset in (0, 1, 2499, 2500, 4998, 4999):
        changed = bytearray(base)
        changed[offset] ^= 1
        assert difference.first_offset(base, bytes(changed)) == offset


def test_a_difference_is_shown_in_context() -> None:
    text = difference.describe(b'{"a":"' + b"x" * 40 + b'1\n"}', b'{"a":"' + b"x" * 40 + b'2\x00"}')
    assert text.splitlines() == [
        "first difference at byte 46",
        '  expected …xxxxxxxxxxxxxxxxxxxxxxxx»1\\n"} (50 bytes)',
        '  got      …xxxxxxxxxxxxxxxxxxxxxxxx»2\\x00"} (50 bytes)',
    ]
    assert "ab»<end> (2 bytes)" in difference.describe(b"abc", b"ab")
    assert difference.escaped(b'it\'s "q" \xc3\xa9') == 'it\'s "q" \\xc3\\xa9'


def test_cpu_lists() -> None:
    allowed = sorted(os.sched_getaffinity(0))
    assert cpulist.parse(f"{allowed[0]}") == {allowed[0]}
    assert cpulist.parse(f"{allowed[0]}-{allowed[0]}, {allowed[-1]}") == {allowed[0], allowed[-1]}
    assert cpulist.render({0, 1, 2, 3, 6, 8, 9}) == "0-3,6,8-9"
    for text in ("", "a", "1-", "-1", "1,,2"):
        with pytest.raises(UsageFault, match="no CPU and no range"):
            cpulist.parse(text)
    with pytest.raises(UsageFault, match="runs backwards"):
        cpulist.parse("3-1")
    with pytest.raises(UsageFault, match="may not run on CPU 99999"):
        cpulist.parse("99999")
