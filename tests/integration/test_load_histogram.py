"""What restmark-load counts as a latency, and its histogram against independent readers."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from load_support import PROBES, QUANTILES, Planted, Staller, decode_histogram, load, quantile, quantiles_us


def test_what_the_schedule_could_not_send_counts_with_its_wait() -> None:
    """One connection, a server that stalls up to the end: what was due meanwhile is not left out."""
    with Planted(Staller(0, 0.6)) as server:
        result = load("-c", 1, "--rate", 100, "-d", "1s", server.url)
        answered = len(server.answered_ns) - PROBES
    requests = result["requests"]
    assert requests["answered"] == answered
    assert requests["unsent"] == 100 - answered > 20
    assert result["latency"]["count"] == 100
    assert result["given_up"]["count"] == requests["unsent"]
    assert any("never sent" in doubt for doubt in result["doubts"])


def test_answers_that_are_under_way_at_the_end_are_awaited() -> None:
    with Planted(Staller(0.1, 1e9)) as server:
        result = load("-c", 4, "-d", "250ms", server.url)
        assert result["requests"]["sent"] == result["requests"]["answered"] == len(server.answered_ns) - PROBES
    assert result["requests"]["answered_while_sending"] < result["requests"]["answered"]
    assert result["sending_ns"] == 250_000_000 < result["total_ns"]
    assert result["requests_per_s"] == pytest.approx(result["requests"]["answered_while_sending"] / 0.25, rel=1e-6)


def test_the_histogram_reads_back(tmp_path: Path) -> None:
    """The log, the JSON and the quantiles that are printed have the same counts."""
    log = tmp_path / "load.hlog"
    with Planted(Staller(0.0005, 0.2)) as server:
        result = load("-c", 2, "-d", "1500ms", "--hdr-log", log, server.url)
    counts = decode_histogram(result["latency"]["hdr_v2_base64"])
    values = [low for low, n in sorted(counts.items()) for _ in range(n)]
    assert len(values) == result["latency"]["count"] == result["requests"]["answered"]
    for name, share in QUANTILES.items():
        assert quantile(list(map(float, values)), share) == pytest.approx(quantiles_us(result)[name], rel=0.001), name
    lines = log.read_text().splitlines()
    assert lines[1] == "#[Histogram log format version 1.3]" and lines[2].startswith("#[StartTime: ")
    start, length, maximum, encoded = lines[-1].split(",")
    assert encoded == result["latency"]["hdr_v2_base64"]
    assert float(start) == pytest.approx(result["start_realtime_ms"] / 1000, abs=0.001)
    assert float(length) == pytest.approx(result["total_ns"] / 1e9, abs=0.001)
    assert float(maximum) == pytest.approx(result["latency"]["max_us"] / 1000, abs=0.001)


@pytest.mark.usefixtures("public_reader")
def test_a_public_reader_opens_the_log(tmp_path: Path) -> None:
    histogram, reader = importlib.import_module("hdrh.histogram"), importlib.import_module("hdrh.log")
    log = tmp_path / "load.hlog"
    with Planted(Staller(0.0005, 0.2)) as server:
        result = load("-c", 2, "-d", "1500ms", "--hdr-log", log, server.url)
    reference = histogram.HdrHistogram(1, 60_000_000, 3)
    read = reader.HistogramLogReader(str(log), reference).get_next_interval_histogram()
    again = histogram.HdrHistogram.decode(result["latency"]["hdr_v2_base64"])
    counts = decode_histogram(result["latency"]["hdr_v2_base64"])
    for theirs in (read, again):
        assert theirs.get_total_count() == result["latency"]["count"]
        assert theirs.get_max_value() == result["latency"]["max_us"]
        assert {theirs.get_lowest_equivalent_value(item.value_iterated_to): item.count_at_value_iterated_to for item in theirs.get_recorded_iterator()} == counts
    # Ranks are rounded up here and to the nearest there: a quantile may be that of the value before.
    values = sorted(low for low, n in counts.items() for _ in range(n))
    for name, share in QUANTILES.items():
        rank = int(share * len(values) + 0.5)
        assert read.get_value_at_percentile(share * 100) == read.get_highest_equivalent_value(values[max(rank, 1) - 1]), name
        assert read.get_value_at_percentile(share * 100) <= quantiles_us(result)[name] <= read.get_highest_equivalent_value(values[min(rank + 1, len(values)) - 1])
