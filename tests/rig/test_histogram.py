"""Histograms as text: layout and figures by hand, merging, and what is no histogram. test_load.py reads restmark-load's own."""

from __future__ import annotations

import base64
import random
import struct
import zlib

import pytest
from restmark_rig.model import histogram
from restmark_rig.model.histogram import HIGHEST_US, Histogram, HistogramError

# By hand from HdrHistogram's description: 3 times 1 µs, once 2 µs, once 5 µs.
COUNTS = bytes([0, 6, 2, 3, 2])  # one zero, 3, 1, two zeros (-2), 1, each in zigzag
BOUNDS = struct.pack(">QQd", 1, HIGHEST_US, 1.0)


def text_of(counts: bytes, cookie: int = 0x1C849313, digits: int = 3, bounds: bytes = BOUNDS) -> str:
    packed = zlib.compress(struct.pack(">IIII", cookie, len(counts), 0, digits) + bounds + counts)
    return base64.b64encode(struct.pack(">II", 0x1C849314, len(packed)) + packed).decode()


def test_one_made_by_hand() -> None:
    found = histogram.decode(text_of(COUNTS))
    assert found == histogram.of_values([1, 1, 1, 2, 5])
    assert (found.count, found.min_us, found.max_us, found.mean_us) == (5, 1, 5, 2.0)
    assert [found.quantile_us(share) for share in (0, 0.6, 0.61, 0.8, 0.81, 1)] == [1, 1, 2, 2, 5, 5]
    assert histogram.decode(found.encode()) == found


def test_long_counts_and_the_ninth_byte() -> None:
    """2^62 takes all nine bytes; the last has eight bits."""
    for count in (63, 64, 2**13, 2**35, 2**62):
        found = Histogram()
        found.counts[7] = count
        assert histogram.decode(found.encode()).counts[7] == count


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        (0, 0, 0),
        (2047, 2047, 2047),
        (2048, 2048, 2049),
        (4095, 4094, 4095),
        (4096, 4096, 4099),
        (1_000_000, 999_936, 1_000_447),
        (HIGHEST_US, 59_998_208, 60_030_975),
        (HIGHEST_US + 1, 59_998_208, 60_030_975),
    ],
)
def test_cells_have_three_digits(value: int, low: int, high: int) -> None:
    one = histogram.of_values([value])
    assert (one.min_us, one.max_us) == (low, high)
    assert one.mean_us == (low + high) / 2
    assert high - low <= value / 1000


def test_merging_adds_counts_and_loses_nothing() -> None:
    rng = random.Random(1)
    values = [int(rng.lognormvariate(7, 2)) for _ in range(5000)]
    parts = [histogram.of_values(values[start::7]) for start in range(7)]
    whole = histogram.of_values(values)
    assert histogram.merged(parts) == whole == histogram.decode(whole.encode())
    assert parts[0] + parts[1] == histogram.merged(parts[:2])
    ordered = sorted(values)
    for share in (0.5, 0.9, 0.99, 0.999):
        exact = ordered[-(-int(share * 1000) * len(values) // 1000) - 1]
        assert exact <= whole.quantile_us(share) <= exact * 1.001 + 1


def test_nothing_has_no_figures() -> None:
    empty = histogram.merged([])
    assert (empty.count, empty.min_us, empty.max_us, empty.mean_us, empty.quantile_us(0.5)) == (0, 0, 0, 0.0, 0)
    assert histogram.decode(empty.encode()) == empty


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "V2 compressed"),
        ("no base64!", "V2 compressed"),
        (base64.b64encode(b"x" * 40).decode(), "V2 compressed"),
        (text_of(COUNTS)[:-8], "V2 compressed"),
        (text_of(COUNTS, cookie=0x1C849303), "another kind"),
        (text_of(COUNTS, digits=2), "another layout"),
        (text_of(COUNTS, bounds=struct.pack(">QQd", 1, 3_600_000_000, 1.0)), "another layout"),
        (text_of(b"\x80"), "cut off"),
        (text_of(struct.pack("3B", 0xFF, 0xFF, 0x7F)), "more than"),
    ],
)
def test_what_is_no_such_histogram(text: str, says: str) -> None:
    with pytest.raises(HistogramError, match=says):
        histogram.decode(text)
