"""Quantiles of latency over several slices: by adding up the counts of their histograms, never by averaging their quantiles."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from ..model import histogram
from ..model.histogram import Histogram
from ..model.results import Cell, Round

# A slice of a slow server has few answers, and no p99; so many blocks of slices have one, and still tell how it scatters.
_BLOCKS = 8


def by_block(cell: Cell, percentile: str) -> dict[int, float]:
    """The percentile ("99.9") in blocks of consecutive rounds, microseconds, by the number of a block's first round.

    Rounds of older rigs, which kept no histogram, are blocks of their own.
    """
    answered = [entry for entry in cell.rounds if entry.latency]
    if not all(entry.latency and entry.latency.hdr_v2_base64 for entry in answered):
        return {entry.round: value for entry in answered if (value := _recorded(entry, percentile)) is not None}
    length = max(1, math.ceil(len(answered) / _BLOCKS))
    blocks = [answered[start : start + length] for start in range(0, len(answered), length)]
    return {block[0].round: _quantile(block, percentile) for block in blocks}


def whole(cell: Cell, percentile: str) -> float | None:
    """The percentile over all rounds, microseconds; None if one of them kept no histogram, or nothing was answered."""
    answered = [entry for entry in cell.rounds if entry.latency]
    if not answered or not all(entry.latency and entry.latency.hdr_v2_base64 for entry in answered):
        return None
    return _quantile(answered, percentile)


def _recorded(entry: Round, percentile: str) -> int | None:
    return entry.latency.quantiles_us.get(percentile) if entry.latency else None


def _quantile(rounds: Sequence[Round], percentile: str) -> float:
    texts = tuple(entry.latency.hdr_v2_base64 or "" for entry in rounds if entry.latency)
    return float(_merged(texts).quantile_us(float(percentile) / 100))


@functools.lru_cache(maxsize=256)
def _merged(texts: tuple[str, ...]) -> Histogram:
    return histogram.merged(map(histogram.decode, texts))
