"""restmark-load --merge: histograms of many runs, added up by their counts."""

from __future__ import annotations

import importlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from load_support import LOAD, Planted, answer, decode_histogram, load, quantile, run, welcome

Runs = tuple[Path, Path, list[dict[str, Any]]]


def slow_one_in(n: int, slow_s: float = 0.02) -> Planted:
    """A server that answers every n-th request late."""
    def respond(server: Planted, client: Any, target: str) -> bytes:
        if len(client.requests) % n == 0:
            time.sleep(slow_s)  # the wait is the subject
        return answer()

    return Planted(respond)


@pytest.fixture
def two_runs(tmp_path: Path) -> Runs:
    """Two logs of runs whose quantiles differ by far, and their JSON beside them. On a busy machine the fast one may not be: then again."""
    results = []
    for name, n in (("fast", 1000), ("slow", 4)):
        for _ in range(30):
            with slow_one_in(n) as server:
                found = load("-c", 1, "-n", 100 if n == 4 else 300, "--hdr-log", tmp_path / f"{name}.hlog", server.url)
            if name == "slow" or found["latency"]["quantiles_us"]["p90"] < 5000:
                break
        results.append(found)
        (tmp_path / f"{name}.json").write_text(json.dumps(results[-1]) + "\n")
    return tmp_path / "fast.hlog", tmp_path / "slow.hlog", results


def counts_of(result: dict[str, Any]) -> Counter[int]:
    return Counter(decode_histogram(result["latency"]["hdr_v2_base64"]))


def test_counts_are_added_and_quantiles_are_those_of_all(two_runs: Runs) -> None:
    fast, slow, results = two_runs
    merged = load("--merge", fast, slow)
    assert merged["schema"] == "restmark-load-merge/1"
    assert counts_of(merged) == counts_of(results[0]) + counts_of(results[1])
    assert merged["latency"]["count"] == 400
    values = [float(low) for low, n in sorted(counts_of(merged).items()) for _ in range(n)]
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)):
        assert merged["latency"]["quantiles_us"][name] == pytest.approx(quantile(values, share), rel=0.001), name
    # 25 of 400 are slow: the mean of the two runs' p90 says that of p90, and a tenth of all is not.
    averaged = sum(result["latency"]["quantiles_us"]["p90"] for result in results) / 2
    assert merged["latency"]["quantiles_us"]["p90"] < 10_000 < averaged
    assert [(file["file"], file["histograms"], file["count"]) for file in merged["files"]] == [(str(fast), 1, 300), (str(slow), 1, 100)]
    assert merged["start_realtime_ms"] == min(result["start_realtime_ms"] for result in results)


def test_logs_json_and_standard_input_say_the_same(two_runs: Runs, tmp_path: Path) -> None:
    fast, slow, _ = two_runs
    of_logs = load("--merge", fast, slow)
    of_json = load("--merge", fast.with_suffix(".json"), slow.with_suffix(".json"))
    mixed = load("--merge", slow, fast.with_suffix(".json"))
    assert of_logs["latency"] | {"clamped": None} == of_logs["latency"]  # a log does not say
    assert of_json["latency"]["clamped"] == 0
    for one in (of_json, mixed):
        assert one["latency"] | {"clamped": None} == of_logs["latency"]
    both = b"".join(file.with_suffix(".json").read_bytes() for file in (fast, slow))
    piped = subprocess.run([LOAD, "--merge", "--json", "-"], input=both, capture_output=True, timeout=300, check=True)
    assert json.loads(piped.stdout)["latency"] == of_json["latency"]
    assert json.loads(piped.stdout)["files"] == [{"file": "standard input", "histograms": 2, "count": 400}]
    (tmp_path / "indented.json").write_text(json.dumps(json.loads(fast.with_suffix(".json").read_text()), indent=2))
    assert counts_of(load("--merge", tmp_path / "indented.json")) == counts_of(load("--merge", fast))


def test_what_is_merged_can_be_written_and_merged_again(two_runs: Runs, tmp_path: Path) -> None:
    fast, slow, _ = two_runs
    done = run("--merge", fast, slow, "--hdr-log", tmp_path / "sum.hlog")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("merged     2 histograms of 2 files: 400 latencies, from 20")
    assert lines[1].startswith("latency    min ") and " p99.99 " in lines[1]
    assert counts_of(load("--merge", tmp_path / "sum.hlog")) == counts_of(load("--merge", fast, slow))
    before = counts_of(load("--merge", fast))
    assert run("--merge", fast, "--hdr-log", fast).returncode == 0  # all is read before anything is written
    assert counts_of(load("--merge", fast)) == before


@pytest.mark.usefixtures("public_reader")
def test_a_public_reader_opens_what_is_merged(two_runs: Runs, tmp_path: Path) -> None:
    histogram, reader = importlib.import_module("hdrh.histogram"), importlib.import_module("hdrh.log")
    fast, slow, _ = two_runs
    merged = load("--merge", fast, slow, "--hdr-log", tmp_path / "sum.hlog")
    read = reader.HistogramLogReader(str(tmp_path / "sum.hlog"), histogram.HdrHistogram(1, 60_000_000, 3)).get_next_interval_histogram()
    theirs = histogram.HdrHistogram(1, 60_000_000, 3)
    for log in (fast, slow):
        theirs.add(reader.HistogramLogReader(str(log), histogram.HdrHistogram(1, 60_000_000, 3)).get_next_interval_histogram())
    for one in (read, theirs):
        assert one.get_total_count() == merged["latency"]["count"] == 400
        assert {one.get_lowest_equivalent_value(item.value_iterated_to): item.count_at_value_iterated_to for item in one.get_recorded_iterator()} == counts_of(
            merged
        )


def test_a_run_is_not_counted_twice(two_runs: Runs) -> None:
    fast, slow, _ = two_runs
    for again in (fast, fast.with_suffix(".json")):
        done = run("--merge", fast, slow, again)
        assert (done.returncode, done.stdout) == (65, "")
        assert f"the same run as one of {fast}: it would count twice" in done.stderr
        assert done.stderr.startswith(f"restmark-load: {again}:")


def test_a_run_without_answers_adds_nothing(two_runs: Runs, tmp_path: Path) -> None:
    fast = two_runs[0]
    nothing = tmp_path / "nothing.json"
    with Planted(lambda server, client, target: None if client.number >= 2 else answer()) as server:
        nothing.write_text(json.dumps(load("-c", 1, "-n", 3, "--hdr-log", tmp_path / "nothing.hlog", server.url, code=1)))
    assert counts_of(load("--merge", fast, nothing, tmp_path / "nothing.hlog")) == counts_of(load("--merge", fast))
    done = run("--merge", nothing)
    assert done.returncode == 0 and done.stdout.splitlines()[1] == "latency    none"


def damaged(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("damage", "line", "says"),
    [
        (lambda text: text[: text.rindex(",") + 21], 5, "base64 of 20|compressed bytes, and says that they are"),
        (lambda text: text + "1700000000.000,1.000", 6, "is no number that it can be|not StartTimestamp,Interval_Length,"),
        (lambda text: damaged(text, "HISTF", "HISTG"), 5, "the histogram begins with|says that they are"),
        (lambda text: damaged(text, ",0.", ",-0."), 5, "is no number that it can be"),
        (lambda text: "\n\n" + damaged(text, "HIST", "HI\x00T"), 7, "character 3 of the histogram is none of base64"),
        (lambda text: damaged(text, "version 1.3", "version 3.0"), 2, "a log of version 3.0"),
    ],
)
def test_damaged_logs_are_refused_by_file_and_line(tmp_path: Path, damage: Callable[[str], str], line: int, says: str) -> None:
    good, bad = tmp_path / "good.hlog", tmp_path / "bad.hlog"
    with Planted(welcome) as server:
        load("-c", 1, "-n", 50, "--hdr-log", good, server.url)
        load("-c", 1, "-n", 60, "--hdr-log", bad, server.url)
    bad.write_text(damage(bad.read_text()))
    done = run("--merge", good, bad, "--hdr-log", tmp_path / "sum.hlog")
    assert (done.returncode, done.stdout) == (65, "")
    assert done.stderr.startswith(f"restmark-load: {bad}:{line}: "), done.stderr
    assert any(one in done.stderr for one in says.split("|")), done.stderr
    assert not (tmp_path / "sum.hlog").exists()


@pytest.mark.parametrize(
    ("damage", "line", "says"),
    [
        (lambda text: text[:200], 1, "the JSON is cut off"),
        (lambda text: text + "\n{]\n", 3, "not JSON: "),
        (lambda text: damaged(text, "restmark-load/1", "restmark-load-slo/1"), 1, "a search of --slo"),
        (lambda text: '{"schema": "other/1"}', 1, 'its "schema" is "other/1"'),
        (lambda text: damaged(text, '"count": 50', '"count": 51'), 1, '"count" is 51, and the histogram\'s is 50'),
        (lambda text: damaged(text, '"hdr_v2_base64"', '"base64"'), 1, 'no "hdr_v2_base64"'),
        (lambda text: damaged(text, '"total_ns": ', '"total_ns": -'), 1, '"total_ns" is no number'),
        (lambda text: damaged(text, '"latency"', '"latencies"'), 1, 'it has no "latency"'),
    ],
)  # fmt: skip
def test_damaged_json_is_refused_by_file_and_line(tmp_path: Path, damage: Callable[[str], str], line: int, says: str) -> None:
    bad = tmp_path / "bad.json"
    with Planted(welcome) as server:
        text = json.dumps(load("-c", 1, "-n", 50, server.url)) + "\n"
    bad.write_text(damage(text))
    done = run("--merge", bad)
    assert (done.returncode, done.stdout) == (65, "")
    assert done.stderr.startswith(f"restmark-load: {bad}:{line}: ") and says in done.stderr, done.stderr


def test_what_merging_does_not_take(tmp_path: Path) -> None:
    log = tmp_path / "a.hlog"
    with Planted(welcome) as server:
        load("-c", 1, "-n", 5, "--hdr-log", log, server.url)
    for arguments, says in (
        ((), "--merge takes files"),
        (("-c", 5, log), "--connections does not go with it"),
        (("--slo", "p99=1s", log), "--slo does not go with it"),
        ((tmp_path / "none",), f"cannot open {tmp_path}/none: No such file or directory"),
        (("/dev/zero",), "/dev/zero has more than 256 MiB"),
        ((tmp_path,), f"cannot read {tmp_path}: Is a directory"),
    ):
        done = run("--merge", *arguments)
        assert (done.returncode, done.stdout) == (64, "") and says in done.stderr, done.stderr
    done = run("--merge", log, "--hdr-log", "/dev/full")
    assert done.returncode == 74 and "No space left on device" in done.stderr
    with open("/dev/full", "w") as full:
        done = subprocess.run([LOAD, "--merge", log], stdout=full, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
    assert done.returncode == 74 and "cannot write to standard output" in done.stderr
