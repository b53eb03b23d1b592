"""doctor: every topic has a line in plain words; verdicts follow from the facts."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest
from restmark_rig.contestants import contestant
from restmark_rig.host import cgroup, machine, topology
from restmark_rig.host.cgroup import Mount
from restmark_rig.host.topology import Cpu
from restmark_rig.setup import doctor
from restmark_rig.setup.doctor import NOTE, OK, WARNING, Line

from .helpers import run_rig, write_contestant

TOPICS = {
    "cpu",
    "cpus",
    "smt",
    "governor",
    "turbo",
    "virtualisation",
    "kernel",
    "mitigations",
    "clock source",
    "loopback mtu",
    "open files",
    "load",
    "busy processes",
    "cgroups",
}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sample of a second for each test."""
    monkeypatch.setattr(machine, "busy_processes", lambda: ([], 0.0))


def line(topic: str) -> Line:
    (found,) = [line for line in doctor.examine([]) if line.topic == topic]
    return found


def test_every_topic_has_a_line() -> None:
    lines = doctor.examine([])
    assert {line.topic for line in lines} >= TOPICS
    assert {line.verdict for line in lines} <= {OK, NOTE, WARNING}
    for entry in lines:
        assert entry.value
        assert entry.verdict == OK or entry.advice, entry


@pytest.mark.parametrize(
    ("function", "value", "topic", "verdict", "text"),
    [
        ("smt_active", True, "smt", NOTE, "on"),
        ("smt_active", False, "smt", OK, "off"),
        ("smt_active", None, "smt", NOTE, "unknown"),
        ("governors", {"powersave"}, "governor", WARNING, "powersave"),
        ("governors", {"performance"}, "governor", OK, "performance"),
        ("turbo_enabled", True, "turbo", NOTE, "on"),
        ("turbo_enabled", False, "turbo", OK, "off"),
        ("virtualisation", "none", "virtualisation", OK, "none"),
        ("virtualisation", "kvm", "virtualisation", NOTE, "kvm"),
        ("loopback_mtu", 65536, "loopback mtu", OK, "65536"),
        ("loopback_mtu", 1500, "loopback mtu", NOTE, "1500"),
        ("file_limits", (1024, 524288), "open files", WARNING, "1024 (at most 524288)"),
        ("file_limits", (65536, 65536), "open files", OK, "65536"),
        ("allowed_cpus", {0}, "cpus", WARNING, "usable here: 0"),
        ("allowed_cpus", {0, 1}, "cpus", NOTE, "usable here: 0-1"),
        ("allowed_cpus", set(range(8)), "cpus", OK, "usable here: 0-7"),
        ("clock_source", "hpet", "clock source", WARNING, "hpet"),
        ("clock_source", "tsc", "clock source", OK, "tsc"),
        ("cpu_quota", 1.5, "cpu quota", WARNING, "1.5 CPUs"),
        ("has_schedstat", False, "schedstat", NOTE, "not in this kernel"),
        ("may_make_cgroups", None, "cgroups", NOTE, "none that this user may write"),
        ("busy_processes", ([machine.BusyProcess(77, "make", 93.0)], 0.0), "busy processes", WARNING, "make (77) 93 %"),
        ("busy_processes", ([], 12.0), "steal", WARNING, "12.0 %"),
        ("mitigations", {"a": "Mitigation: x", "b": "Vulnerable"}, "mitigations", NOTE, "1 active (a); open: b"),
    ],
)
def test_verdicts(
    monkeypatch: pytest.MonkeyPatch, function: str, value: object, topic: str, verdict: str, text: str
) -> None:
    monkeypatch.setattr(machine, function, lambda: value)
    found = line(topic)
    assert found.verdict == verdict
    assert text in found.value


def test_a_load_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.os, "getloadavg", lambda: (5.0, 5.0, 5.0))
    assert line("load") == Line("load", WARNING, "5.00 over the last minute", "wait until the machine is quiet")


def test_tools_present_and_missing(tmp_path: Path) -> None:
    tools = (
        '[[requires]]\ncommand = "sh"\npackages = ["dash"]\n'
        '[[requires]]\ncommand = "/no/such/header.h"\npackages = ["libnothing-dev"]\n'
        '[[requires]]\ncommand = "no-such-tool"\npackages = []\nhint = "install it from its site"'
    )
    subject = contestant.load(write_contestant(tmp_path, "mine", ["x", "{port}"], tools))
    lines = {entry.topic: entry for entry in doctor.examine([subject])}
    assert lines["tool sh"].verdict == OK
    assert lines["tool sh"].value.endswith("sh (for mine)")
    missing = lines["tool libnothing-dev"]
    assert (missing.verdict, missing.advice) == (NOTE, "apt-get install libnothing-dev")
    assert missing.value == "/no/such/header.h is missing; without it: no mine"
    assert lines["tool no-such-tool"].advice == "install it from its site"


def test_the_sample_of_busy_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from restmark_rig.host.supervised import ProcessSpec, SupervisedProcess

    monkeypatch.undo()
    (tmp_path / "log").touch()
    spin = ProcessSpec("spin", ["sh", "-c", "while :; do :; done", str(tmp_path)], {}, tmp_path, tmp_path / "log")
    with SupervisedProcess(spin) as process:
        busy, steal = machine.busy_processes()
        assert process.pid in {entry.pid for entry in busy}
        assert all(entry.percent >= 5 for entry in busy)
        assert 0 <= steal <= 100
    assert not psutil.pid_exists(process.pid)


def test_the_command(tmp_path: Path) -> None:
    shown = run_rig(tmp_path / "cache", "doctor")
    assert shown.returncode == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert shown.stdout.splitlines()[-1].endswith(("no warnings", "figures from this machine need care"))
    entries = json.loads(run_rig(tmp_path / "cache", "doctor", "--json").stdout)
    assert {entry["topic"] for entry in entries} >= TOPICS
    assert not (tmp_path / "cache").exists()  # read-only


def test_a_shared_core_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a virtual machine with one core of two threads."""
    both = frozenset({0, 1})
    monkeypatch.setattr(topology, "read", lambda: (Cpu(0, both), Cpu(1, both)))
    found = line("cpu sides")
    assert (found.verdict, found.value) == (WARNING, "server 1, client 0")
    assert "server and client share a core (CPUs 1 and 0)" in found.advice
    monkeypatch.setattr(topology, "read", lambda: (Cpu(0, frozenset({0})), Cpu(1, frozenset({1}))))
    assert line("cpu sides").verdict == OK


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"v2/a/b/cpu.max": "max 100000"}, None),
        ({"v2/a/b/cpu.max": "150000 100000"}, 1.5),
        ({"v2/a/b/cpu.max": "max 100000", "v2/a/cpu.max": "50000 100000"}, 0.5),
        ({"v2/a/b/cpu.max": "50000 100000", "v2/a/cpu.max": "200000 100000"}, 0.5),
        ({"v1/a/cpu.cfs_quota_us": "-1", "v1/a/cpu.cfs_period_us": "100000"}, None),
        ({"v1/cpu.cfs_quota_us": "120000", "v1/cpu.cfs_period_us": "100000"}, 1.2),
        ({"v1/a/cpu.cfs_quota_us": "40000", "v1/a/cpu.cfs_period_us": "20000", "v2/a/cpu.max": "300000 100000"}, 2.0),
    ],
)
def test_the_quota_is_the_least_of_all_groups_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: float | None
) -> None:
    mounts = [Mount(2, tmp_path / "v2", tmp_path / "v2/a/b"), Mount(1, tmp_path / "v1", tmp_path / "v1/a")]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    monkeypatch.setattr(cgroup, "hierarchies", lambda controller: mounts if controller == "cpu" else [])
    assert machine.cpu_quota() == expected
