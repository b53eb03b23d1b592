"""A fixed rate by h2load: its log's figures, a real run, and a clear word where it is not installed."""

from __future__ import annotations

from pathlib import Path

from .run_support import command, environment, fault_folder, faulty, make_bench, rig

import json  # isort: skip
import subprocess  # isort: skip

from restmark_rig import h2load, visiting  # isort: skip
from restmark_rig.cache import Cache  # isort: skip
from restmark_rig.launcher import launch  # isort: skip
from restmark_rig.results import Visit  # isort: skip


def test_figures_of_a_log() -> None:
    lines = [f"{1_700_000_000_000_000 + n}\t200\t{n}" for n in range(1, 101)]
    lines += ["1700000000000000\t500\t7", "1700000000000000\t-1\t9"]
    found = h2load.figures("\n".join(lines), 12_345, 2, 99)
    assert found.requests == 101
    assert found.status_errors == 1
    assert found.read_errors == 1
    assert (found.duration_us, found.bytes, found.client_cpu_ns) == (2_000_000, 12_345, 99)
    assert (found.latency_min_us, found.latency_max_us) == (1, 100)
    assert found.latency_quantiles_us["50"] == 50
    assert found.latency_quantiles_us["99"] == 99
    assert found.latency_quantiles_us["99.9"] == 100


def test_figures_of_nothing() -> None:
    found = h2load.figures("", 0, 1, 0)
    assert (found.requests, found.latency_max_us, found.latency_mean_us) == (0, 0, 0.0)


def visit_at(rate_per_s: int, fault: str, tmp_path: Path) -> visiting.Visited:
    bench = make_bench(Cache(tmp_path / "cache"), duration_s=2)
    contestant = faulty(tmp_path, fault)
    with launch(contestant, bench.options, bench.cache) as server:
        return visiting.visit_cell(server, Visit(1, contestant.name, "/", 8, rate_per_s), bench, 0.0)


def test_a_rate_that_is_reached(tmp_path: Path) -> None:
    found = visit_at(400, "none", tmp_path)
    assert 0.9 * 800 <= found.entry.requests <= 1.1 * 800
    assert found.entry.errors.total == 0
    assert found.entry.bytes == found.entry.requests * (found.wire_bytes or 0)
    assert not {v.name for v in found.entry.verdicts} & {"errors", "byte_mismatch", "starved", "client_bound"}


def test_a_rate_that_is_not_reached_is_censored(tmp_path: Path) -> None:
    found = visit_at(400, "sleep", tmp_path)
    assert "censored" in {v.name for v in found.entry.verdicts}
    assert found.entry.requests < 400


def test_without_h2load_the_remedy_is_named(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "wrk").symlink_to("/usr/bin/wrk")
    folder = fault_folder(tmp_path, "none")
    done = subprocess.run(
        command("run", "-C", folder, "--rate", "100", "--output", tmp_path / "out"),
        env=environment(tmp_path / "cache", PATH=str(tools)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "h2load" in done.stderr
    assert "apt-get install nghttp2-client" in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_command_with_a_rate(tmp_path: Path) -> None:
    folder = fault_folder(tmp_path, "none")
    options = ("--rate", "300", "--connections", "4", "--duration", "1", "--rounds", "1", "--warmup", "0.1")
    done = rig(tmp_path / "cache", "run", "-C", folder, *options, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "300 requests/s fixed" in done.stdout
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["settings"]["rate_per_s"] == 300
    assert {cell["rate_per_s"] for cell in results["cells"]} == {300}
    assert "h2load" in results["tools"]
