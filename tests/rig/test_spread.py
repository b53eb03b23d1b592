"""Load from many machines, without any: how it is split, how results are merged, what is said of machines, and what files and options may say."""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from restmark_rig.host.installation import BENCH
from restmark_rig.host.ssh import SshTarget
from restmark_rig.load import host_file, load, load_program, merging
from restmark_rig.load.host_file import LoadHost
from restmark_rig.load.merging import Part
from restmark_rig.model import histogram
from restmark_rig.model.errors import UsageFault
from restmark_rig.model.load_machines import LoadMachine, MachineRound
from restmark_rig.model.results import CLIENT_BOUND, LOST_CLIENT
from restmark_rig.report import load_machines as rows
from restmark_rig.run import load_machines, machine_verdicts

from .synthetic_results import build  # isort: skip
from .helpers import call_rig  # isort: skip


def _module(name: str) -> ModuleType:
    """A module of bench/distributed, which is no package."""
    spec = importlib.util.spec_from_file_location(f"distributed_{name}", BENCH / "distributed" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SHARES = _module("shares")


@pytest.mark.parametrize("seed", range(20))
def test_shares_add_up_to_the_whole(seed: int) -> None:
    draw = random.Random(seed)
    cpus = {f"m{number}": draw.randint(1, 64) for number in range(draw.randint(1, 120))}
    connections = draw.randint(1, 5000)
    found = SHARES.shares(connections, cpus)
    assert sum(share.connections for share in found) == connections
    assert {share.part for share in found} == set(range(1, len(found) + 1)) and {share.parts for share in found} == {len(found)}
    assert len(found) == min(len(cpus), connections)
    assert max(share.connections for share in found) - min(share.connections for share in found) <= 1
    assert all(1 <= share.threads <= min(share.connections, cpus[share.machine]) for share in found)


def test_a_clock_is_read_between_asking_and_hearing() -> None:
    assert SHARES.clock_offset_ns(1000, 6100, 1200) == (5000, 100)
    assert SHARES.better_reading(None, (5, 1)) == (5, 1)
    assert SHARES.better_reading((5, 1), (7, 4)) == (5, 1)
    assert SHARES.better_reading((5, 1), (900, 4)) == (900, 4), "both can not be true: the clock was set"


def _document(values_us: list[int], part: int, parts: int, **keys: Any) -> dict[str, Any]:
    """What restmark-load prints, with the counts of these latencies."""
    counted = histogram.of_values(values_us)
    latency = {
        "count": counted.count,
        "min_us": counted.min_us,
        "max_us": counted.max_us,
        "mean_us": counted.mean_us,
        "quantiles_us": {f"p{name}": counted.quantile_us(float(name) / 100) for name in ("50", "99", "99.9")},
        "hdr_v2_base64": counted.encode(),
    }
    found = latency if values_us else None
    return {
        "sending_ns": 1_000_000_000,
        "total_ns": 1_100_000_000,
        "plan": {"threads": 2, "connections": 8, "rate_per_s": 4000.0, "part": part, "parts": parts},
        "requests": {"answered": len(values_us), "answered_while_sending": len(values_us) - 1 if values_us else 0, "unsent": 3},
        "failures": {"status": 2, "malformed-header": 1},
        "troubles": {"connect": 1},
        "received_bytes": 100,
        "latency": found,
        "schedule": {"late": None, "doubtful": False},
        "client": {"cpu_ns": 500_000_000, "run_queue_wait_ns": 7, "system_calls": {"recv": 9}},
        "targets": [{"target": "/", "answered": len(values_us), "failed": 3, "latency": found}],
        "doubts": [],
        **keys,
    }


@pytest.mark.parametrize("seed", range(25))
def test_merged_is_the_histogram_of_all_samples(seed: int) -> None:
    draw = random.Random(seed)
    samples = [[round(draw.lognormvariate(7, draw.uniform(0.1, 3))) + 1 for _ in range(draw.choice((0, 1, 7, 400)))] for _ in range(draw.randint(1, 9))]
    samples[0].append(60_000_000)
    own = [_document(values, number + 1, len(samples)) for number, values in enumerate(samples)]
    merged = merging.merge([Part(f"m{number}", document) for number, document in enumerate(own)])
    together = histogram.of_values(value for values in samples for value in values)
    assert merged.hdr_v2_base64 is not None
    assert histogram.decode(merged.hdr_v2_base64) == together
    assert merged.latency_quantiles_us == {name: together.quantile_us(float(name) / 100) for name in ("50", "99", "99.9")}
    assert merged.targets[0].latency_quantiles_us == merged.latency_quantiles_us
    assert merged.latency_max_us == together.max_us and merged.latency_min_us == together.min_us
    assert merged.latency_mean_us == pytest.approx(together.mean_us)
    parts = [load.figures(document) for document in own]
    for total in ("requests", "in_window", "bytes", "status_errors", "malformed", "connect_errors", "client_cpu_ns", "unsent", "threads", "client_wait_ns", "errors"):
        assert getattr(merged, total) == sum(getattr(part, total) for part in parts), total
    assert [machine.requests + machine.drained_requests for machine in merged.machines] == list(map(len, samples))
    assert sum(machine.rate_per_s or 0 for machine in merged.machines) == pytest.approx(4000)


def test_who_was_lost_is_named_and_adds_nothing() -> None:
    merged = merging.merge([Part("a", _document([5] * 9, 1, 2)), Part("b", None, "its heartbeats ended")])
    assert merged.requests == 9
    assert merged.machines[1] == MachineRound("b", "its heartbeats ended")
    with pytest.raises(ValueError, match="no machine"):
        merging.merge([Part("b", None)])


def test_the_same_sum_as_restmark_load_makes_itself(tmp_path: Path) -> None:
    """Two programs merge alike: restmark-load --merge, and the rig."""
    own = [_document([number * 37 + 1 for number in range(1, 300)], 1, 2), _document([90_000, 12], 2, 2)]
    program, whole = load_program.path(), {"schema": "restmark-load/1", "start_realtime_ms": 5, "total_ns": 7}
    for number, document in enumerate(own):
        document["latency"]["clamped"] = 0
        (tmp_path / f"{number}.json").write_text(json.dumps({**document, **whole}))
    done = subprocess.run([program, "--merge", "--json", *sorted(tmp_path.iterdir())], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    ours = merging.merge([Part(str(number), document) for number, document in enumerate(own)]).hdr_v2_base64
    assert ours is not None
    assert histogram.decode(json.loads(done.stdout)["latency"]["hdr_v2_base64"]) == histogram.decode(ours)


_WELL = MachineRound(
    "m", connections=4, threads=1, requests=100, duration_us=1_000_000, total_us=1_000_000, cpu_ns=100_000_000, p50_us=1, p99_us=2, start_late_us=0
)


@pytest.mark.parametrize(
    ("change", "server_full", "name", "told"),
    [
        ({}, False, None, ""),
        ({"cpu_ns": 960_000_000}, False, CLIENT_BOUND, "m worked or waited for a CPU for 96%"),
        ({"cpu_ns": 500_000_000, "wait_ns": 460_000_000}, False, CLIENT_BOUND, "for 96%"),
        ({"cpu_ns": 960_000_000}, True, None, ""),
        ({"late": True, "late_p50_us": 7, "late_p99_us": 900}, True, CLIENT_BOUND, "m itself sent requests late (half of them by 7"),
        ({"start_late_us": 30_000}, True, CLIENT_BOUND, "m began 30 ms behind"),
        ({"start_late_us": 10_000}, False, None, ""),
        ({"clock_offset_us": -5_000_000}, False, CLIENT_BOUND, "the clock of m is 5.0 s behind"),
        ({"lost": "its heartbeats ended"}, False, LOST_CLIENT, "m was lost: its heartbeats ended; 1 of 2 load machines"),
    ],
)
def test_a_machine_is_doubted_by_name(change: dict[str, Any], server_full: bool, name: str | None, told: str) -> None:
    found = list(machine_verdicts.of([replace(_WELL, name="other"), replace(_WELL, **change)], server_full))
    assert [verdict.name for verdict in found] == ([name] if name else [])
    assert all(told in verdict.evidence and "other" not in verdict.evidence for verdict in found)


def test_who_waits_for_the_network_is_not_said_to_sleep() -> None:
    (found,) = machine_verdicts.of([_WELL], False, server_idle=True)
    assert found.name == CLIENT_BOUND and "no load machine was busy either: the network between them" in found.evidence
    (found,) = machine_verdicts.of([replace(_WELL, cpu_ns=990_000_000)], False, server_idle=True)
    assert "m worked" in found.evidence and "network" not in found.evidence


def test_a_clock_is_named_when_the_run_begins() -> None:
    machine = LoadMachine("far", "h", "k", "x86_64", 4, "restmark-load 1", 5_000_000, 300)
    assert "far is 5.0 s ahead" in machine_verdicts.clock_remarks([machine])[0]
    assert not machine_verdicts.clock_remarks([replace(machine, clock_offset_us=99_000), replace(machine, clock_error_us=4_950_000)])


def test_a_host_file(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("# ours\nbench@a:2222 cpus=0-3,6 # fast\n\n[::1] name=b load=/x/restmark-load locust=/y/locust\nlocal\n")
    assert host_file.read(path, tmp_path) == [
        LoadHost("a", SshTarget("a", "bench", 2222, tmp_path), "0-3,6"),
        LoadHost("b", SshTarget("::1", config=tmp_path), None, "/x/restmark-load", "/y/locust"),
        LoadHost("local", None),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "names no machine"),
        ("# nobody\n", "names no machine"),
        ("a\na\n", ":2: there is a a already"),
        ("a cpu=3", ":1: 'cpu=3' is not known"),
        ("a cpus=x", ":1: cpus=x is no list"),
        ("a cpus=", "'cpus=' is not known"),
        ("a name=x name=y", "name= is there twice"),
        ("\n-oProxyCommand=id", ":2:"),
        ("a b", ":1: 'b' is not known"),
    ],
)
def test_a_host_file_that_says_nonsense(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "hosts"
    path.write_text(text)
    with pytest.raises(UsageFault, match="hosts") as caught:
        host_file.read(path)
    assert told in caught.value.message and caught.value.remedy


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--load-cluster", "h:1", "--load-from", __file__], "give one of them"),
        (["--load-cluster", "h:1"], "--listen ADDRESS"),
        (["--load-cluster", "nonsense", "--listen", "10.0.0.1"], "not HOST:PORT"),
        (["--listen", "10.0.0.1"], "give --load-from or --load-cluster"),
        (["--load-cluster", "h:1", "--listen", "0.0.0.0"], "every address"),
        (["--load-cluster", "h:1", "--listen", "example"], "no IP address"),
        (["--ssh-config", __file__], "--ssh-config without"),
        (["--load-from", "/nowhere"], "does not exist"),
    ],
)
def test_options_that_contradict_each_other(tmp_path: Path, words: list[str], told: str) -> None:
    done = call_rig(tmp_path / "cache", "run", "--dry-run", *words)
    assert done.returncode == 1 and told in " ".join(done.stderr.split()), done.stderr


def test_no_machines_is_this_one() -> None:
    with load_machines.running(load_machines.wished(None, None, None, None), None, print) as found:  # type: ignore[arg-type]
        assert found is load_machines.HERE


def test_the_report_has_a_row_for_each_machine() -> None:
    results = build()
    assert rows.table(results) is None
    results.load_machines = [LoadMachine(name, "host", "6.1", "x86_64", 4, "restmark-load 1", 120, 30) for name in ("a", "b")]
    lost = MachineRound("b", "its heartbeats ended")
    entries = [replace(_WELL, name="a", rate_per_s=100.0), replace(_WELL, name="b", p99_us=7000, rate_per_s=200.0)]
    for place, entry in enumerate(results.cells[0].rounds):
        results.cells[0].rounds[place] = replace(entry, machines=entries if place == 0 else [entries[0], lost])
    table = rows.table(results)
    assert table is not None
    texts = {row[0].text: {column.title: cell.text for column, cell in zip(table.columns, row, strict=True)} for row in table.rows}
    count = len(results.cells[0].rounds)
    assert texts["a"]["Rounds"] == f"{count} of {count}" and texts["a"]["Share of its rate"] == "100.0%"
    assert texts["b"]["Rounds"] == f"1 of {count}" and texts["b"]["p99 ms"] == "7.000" and texts["b"]["Remarks"] == "lost: its heartbeats ended"
    assert "Lost on the way: b." in rows.sentence(results)
