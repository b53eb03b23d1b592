"""The verdicts on measured costs and idle times, on figures with a known meaning; and how differences are shown."""

from __future__ import annotations

import os

import pytest
from restmark_rig import cpulist, difference
from restmark_rig.checks.base import Mismatch
from restmark_rig.checks.cost import Meter, judge_loop_costs, judge_record_costs, measurable
from restmark_rig.checks.idle import Sample, judge_idle
from restmark_rig.dataset import Dataset, default_records
from restmark_rig.errors import UsageFault
from restmark_rig.workloads import WorkloadRequest, counted

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


@pytest.mark.parametrize("costs", HONEST)
def test_honest_record_costs(costs: tuple[int, int, int, int]) -> None:
    judge_record_costs(ENCODE, 1000, 1000, *costs)


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
        judge_record_costs(ENCODE, 1000, 1000, *costs)
    assert message in str(caught.value)
    assert "is cached" in str(caught.value)
    with pytest.raises(Mismatch, match="decoding is skipped"):
        judge_record_costs(PARSE, 1000, 1000, *costs)


def test_a_fast_codec_behind_a_slow_framework_is_not_called_a_cheat_outright() -> None:
    with pytest.raises(Mismatch, match=r"is cached; or a slow framework hides a fast codec: repeat it on a quieter"):
        judge_record_costs(ENCODE, 1000, 1000, 980_000, 1_090_000, 1_207_000, 1_205_000)
    with pytest.raises(Mismatch, match=r"is cached$"):
        judge_record_costs(ENCODE, 1000, 1000, 980_000, 980_000, 985_000, 985_000)


def test_every_second_round_goes_backwards() -> None:
    class Slowing(Meter):
        """Each batch takes 1 ns longer than the one before it."""

        visited: list[str] = []  # noqa: RUF012

        def _repeats(self, _: WorkloadRequest) -> int:
            return 1

        def batch_ns(self, request: WorkloadRequest, _: int) -> float:
            self.visited.append(request.target)
            return 100.0 + len(self.visited)

    meter = Slowing(None)  # type: ignore[arg-type]
    a, b, c = requests = [counted(ENCODE, count) for count in (0, 5, 9)]
    assert meter.least_ns(requests, 2) == [101, 102, 103]
    assert meter.visited == [request.target for request in (a, b, c, c, b, a)]


def test_default_cost_is_compared_with_all_records_where_fewer_are_measured() -> None:
    judge_record_costs(ENCODE, 10_000, 1000, 8_000, 43_000, 78_000, 708_000)
    with pytest.raises(Mismatch, match="all 10000 records by count take 708.0 µs"):
        judge_record_costs(ENCODE, 10_000, 1000, 8_000, 43_000, 78_000, 78_000)


@pytest.mark.parametrize("step_ns", [0.3, 1.0, 60.0])
def test_honest_loop_costs(step_ns: float) -> None:
    steps = 10_000_000
    judge_loop_costs(steps, 8_000, *(8_000 + step_ns * factor * steps for factor in (1, 2, 4)))


def test_loop_costs_of_a_closed_form() -> None:
    with pytest.raises(Mismatch, match=r"n=100000000 takes 9.0 µs of CPU, 0\.000 ns a step.*a closed form"):
        judge_loop_costs(25_000_000, 8_000, 8_500, 8_700, 9_000)


def test_loop_costs_that_are_not_linear() -> None:
    with pytest.raises(Mismatch, match="not linear in n.*1.0 times as much"):
        judge_loop_costs(1_000_000, 8_000, 4_000_000, 4_000_000, 4_000_000)
    with pytest.raises(Mismatch, match="not linear in n"):
        judge_loop_costs(1_000_000, 8_000, 1_000_000, 4_000_000, 16_000_000)


def test_what_is_too_small_to_measure(default_dataset: Dataset) -> None:
    assert measurable(default_dataset)
    assert not measurable(Dataset(default_dataset.path, default_records(100)))


def test_idle_times() -> None:
    judge_idle("/", Sample(wall_ns=300_000, cpu_ns=200_000, idle_ns=100_000))
    judge_idle("/", Sample(wall_ns=90_000_000, cpu_ns=70_000_000, idle_ns=20_000_000))
    with pytest.raises(Mismatch, match="takes 10.0 ms, of which the server works 0.2 ms and 9.8 ms nobody does"):
        judge_idle("/", Sample(wall_ns=10_000_000, cpu_ns=200_000, idle_ns=9_800_000))


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
