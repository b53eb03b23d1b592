"""Histograms of latencies as restmark-load counts them: HdrHistogram's layout, whole microseconds from 1 to 60 000 000 with three
significant decimal digits. They are merged by adding counts, which loses nothing; quantiles are never averaged.

The text form is HdrHistogram's V2 compressed encoding in base64, which other programs read, too.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

LOWEST_US = 1
HIGHEST_US = 60_000_000
DIGITS = 3
_HALF_BITS = 10
_HALF = 1 << _HALF_BITS  # cells of each bucket but the first, which has twice as many
_BUCKETS = 16
CELLS = (_BUCKETS + 1) * _HALF

_COOKIE = 0x1C849303 | 0x10  # 0x10: counts are varints
_COOKIE_COMPRESSED = 0x1C849304 | 0x10
_HEADER = struct.Struct(">IIIIQQd")  # cookie, bytes of counts, index offset, digits, lowest, highest, ratio
_COMPRESSED_HEADER = struct.Struct(">II")
_VARINT_BYTES = 9

# Lowest value of each cell, and how many values it counts.
_BUCKET = np.maximum(np.arange(CELLS) // _HALF - 1, 0)
_WIDTH = np.int64(1) << _BUCKET
_FIRST_US = (np.arange(CELLS) - _BUCKET * _HALF) * _WIDTH
_LAST_US = _FIRST_US + _WIDTH - 1
_MIDDLE_US = (_FIRST_US + _LAST_US) / 2


class HistogramError(ValueError):
    """A text is no histogram of this layout."""


def _empty() -> npt.NDArray[np.int64]:
    return np.zeros(CELLS, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of latencies, one for each cell. Not changed once it is made."""

    counts: npt.NDArray[np.int64] = field(default_factory=_empty)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and bool(np.array_equal(self.counts, other.counts))

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram(self.counts + other.counts)

    @property
    def count(self) -> int:
        return int(self.counts.sum())

    @property
    def mean_us(self) -> float:
        """Each value is taken for the middle of its cell. 0 of none."""
        return float(self.counts @ _MIDDLE_US) / self.count if self.count else 0.0

    @property
    def min_us(self) -> int:
        """The lowest value that the first cell with any counts. 0 of none."""
        cells = np.flatnonzero(self.counts)
        return int(_FIRST_US[cells[0]]) if len(cells) else 0

    @property
    def max_us(self) -> int:
        """The highest value that the last cell with any counts. 0 of none."""
        cells = np.flatnonzero(self.counts)
        return int(_LAST_US[cells[-1]]) if len(cells) else 0

    def quantile_us(self, share: float) -> int:
        """The value that this share (0 to 1) of all values does not exceed, the highest of its cell. 0 of none."""
        if not self.count:
            return 0
        # 0.99 × 100 is a little more than 99 in binary.
        rank = min(max(math.ceil(share * self.count - 1e-6), 1), self.count)
        return int(_LAST_US[int(np.searchsorted(np.cumsum(self.counts), rank))])

    def encode(self) -> str:
        """The histogram as text, to be read by decode()."""
        counts = b"".join(_encoded_counts(self.counts))
        plain = _HEADER.pack(_COOKIE, len(counts), 0, DIGITS, LOWEST_US, HIGHEST_US, 1.0) + counts
        packed = zlib.compress(plain)
        return base64.b64encode(_COMPRESSED_HEADER.pack(_COOKIE_COMPRESSED, len(packed)) + packed).decode("ascii")


def of_values(values_us: Iterable[int]) -> Histogram:
    """The histogram of whole microseconds; what is above the highest counts as that."""
    counts = _empty()
    for value in values_us:
        counts[_cell(min(value, HIGHEST_US))] += 1
    return Histogram(counts)


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """All their values in one; an empty histogram of none."""
    counts = _empty()
    for histogram in histograms:
        counts += histogram.counts
    return Histogram(counts)


def decode(text: str) -> Histogram:
    """The histogram of a text. Raises HistogramError."""
    try:
        packed = base64.b64decode(text, validate=True)
        cookie, length = _COMPRESSED_HEADER.unpack_from(packed)
        if cookie != _COOKIE_COMPRESSED or length != len(packed) - _COMPRESSED_HEADER.size:
            raise HistogramError("not HdrHistogram's V2 compressed encoding")
        plain = zlib.decompress(packed[_COMPRESSED_HEADER.size :])
        cookie, length, offset, digits, lowest, highest, ratio = _HEADER.unpack_from(plain)
    except (binascii.Error, struct.error, zlib.error) as error:
        raise HistogramError(f"not HdrHistogram's V2 compressed encoding: {error}") from None
    if cookie != _COOKIE or length != len(plain) - _HEADER.size:
        raise HistogramError("a V2 histogram of another kind, or cut off")
    layout = (offset, digits, lowest, highest, ratio)
    if layout != (0, DIGITS, LOWEST_US, HIGHEST_US, 1.0):
        raise HistogramError(f"another layout than restmark-load's: offset, digits, lowest, highest, ratio are {layout}")
    return Histogram(_decoded_counts(plain[_HEADER.size :]))


def _cell(value_us: int) -> int:
    bucket = (value_us | (2 * _HALF - 1)).bit_length() - _HALF_BITS - 1
    return (bucket << _HALF_BITS) + (value_us >> bucket)


def _encoded_counts(counts: npt.NDArray[np.int64]) -> Iterator[bytes]:
    """Counts up to the last that is not 0. One zero is 0, and a longer run of them its length, negative."""
    before = -1
    for cell in np.flatnonzero(counts):
        zeros = int(cell) - before - 1
        if zeros:
            yield _varint(0 if zeros == 1 else -zeros)
        yield _varint(int(counts[cell]))
        before = int(cell)


def _varint(number: int) -> bytes:
    """LEB128, but with all eight bits in the ninth byte, of the zigzag code of a signed number."""
    value, out = (number << 1) ^ (number >> 63), bytearray()
    while value > 0x7F and len(out) < _VARINT_BYTES - 1:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _decoded_counts(data: bytes) -> npt.NDArray[np.int64]:
    counts, cell = _empty(), 0
    for number in _varints(data):
        if number > 0:
            if cell >= CELLS:
                raise HistogramError(f"more than {CELLS} counts")
            counts[cell] = number
        cell += -number if number < 0 else 1
    if cell > CELLS:
        raise HistogramError(f"more than {CELLS} counts")
    return counts


def _varints(data: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in data:
        last = shift == 7 * (_VARINT_BYTES - 1)
        value |= (byte if last else byte & 0x7F) << shift
        shift += 7
        if last or byte < 0x80:
            yield (value >> 1) ^ -(value & 1)
            value = shift = 0
    if shift:
        raise HistogramError("the last count is cut off")
