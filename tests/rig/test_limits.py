"""Limits of CPU time and memory for servers: they hold, and who is killed by them is named."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from restmark_rig.contestants.cache import Cache
from restmark_rig.host import cgroup, cgroup_limits
from restmark_rig.host.cgroup import Cgroup, Mount
from restmark_rig.host.supervised import ProcessSpec, SupervisedProcess
from restmark_rig.model.errors import StartFailed, UsageFault
from restmark_rig.model.limits import Limits, parse_memory
from restmark_rig.run import verdict
from restmark_rig.server.launcher import StartOptions
from restmark_rig.server.server_process import OUT_OF_MEMORY
from restmark_rig.verify import verifier
from restmark_rig.verify.checks.base import Check, Finding, Verdict

from .helpers import PYTHON, Silent, processes_mentioning
from .run_support import fault_folder, rig
from .test_run_verdict import GOOD

MIB = 1 << 20
# What of a greedy server goes beyond this does so soon, and what of CPython and a connection is within.
MEMORY = 48 * MIB


@pytest.mark.parametrize(
    ("text", "size"), [("512M", 512 * MIB), ("2G", 2048 * MIB), ("1.5gib", 1536 * MIB), ("2048KB", 2 * MIB), ("1048576", MIB), (" 1 M ", MIB)]
)
def test_amounts_of_memory(text: str, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "M", "-1M", "0", "1048575", "12 parsecs", "1e9", "512MM", "half"])
def test_what_is_no_amount_of_memory(text: str) -> None:
    with pytest.raises(UsageFault, match="no amount of memory"):
        parse_memory(text)


def test_limits_in_words() -> None:
    assert Limits(1.0, 512 * MIB).text == "1 CPU and 512 MiB"
    assert Limits(0.5).text == "0.5 CPUs" and not Limits()
    assert StartOptions(Path("x"), limits=Limits(2, MIB)).at_full_speed().limits == Limits(None, MIB)


def process(folder: Path, program: str, limits: Limits) -> SupervisedProcess:
    return SupervisedProcess(ProcessSpec("limited", [PYTHON, "-c", program], {}, folder, folder / "log", limits=limits))


def test_memory_is_limited_and_who_is_killed_for_it_is_known(tmp_path: Path) -> None:
    with process(tmp_path, f"x = b'x' * {4 * MEMORY}", Limits(memory_bytes=MEMORY)) as server:
        assert server.wait(60) == -9
        assert server.oom_kills() == 1
        assert server.limited_by in ("cgroup v1", "cgroup v2")
    with process(tmp_path, f"x = b'x' * {MEMORY // 4}", Limits(memory_bytes=MEMORY)) as server:
        assert (server.wait(60), server.oom_kills()) == (0, 0)


def test_cpu_time_is_limited(tmp_path: Path) -> None:
    """A tenth of a second of work takes a second, or longer where others are at work, too."""
    spin = "import time\nwhile time.process_time() < 0.1: pass"
    with process(tmp_path, spin, Limits(cpus=0.1)) as server:
        started = time.monotonic()
        assert server.wait(60) == 0
        assert time.monotonic() - started > 0.5
    assert not processes_mentioning(str(tmp_path))


def test_limits_that_can_not_be_had_are_no_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("restmark_rig.host.supervised.CGROUP_VERSIONS", ())
    with pytest.raises(StartFailed, match="can not limit it by a control group") as caught:
        process(tmp_path, "pass", Limits(cpus=1))
    assert "Delegate=yes" in caught.value.remedy


def group_2(parent: Path, **files: str) -> Cgroup:
    """A group of version 2 as the kernel shows it."""
    path = parent / "restmark-x"
    path.mkdir(parents=True)
    (parent / "cgroup.controllers").write_text("cpuset cpu memory\n")
    (parent / "cgroup.subtree_control").write_text("memory\n")
    for name, text in files.items():
        (path / name.replace("_", ".")).write_text(text)
    return Cgroup(2, path)


def test_version_2_limits_by_the_group_that_accounts(tmp_path: Path) -> None:
    group = group_2(tmp_path, cpu_max="max 100000\n", memory_max="max\n", memory_swap_max="max\n", memory_events="low 0\nmax 9\noom 3\noom_kill 2\n")
    groups = [group]
    assert not cgroup_limits.has_limit(group)
    cgroup_limits.limit(groups, "restmark-x", 1.5, None)
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu", "which was not passed on"
    cgroup_limits.limit(groups, "restmark-x", None, MEMORY)
    assert groups == [group], "no other one is made"
    assert (group.path / "cpu.max").read_text() == "150000 100000"
    assert (group.path / "memory.max").read_text() == str(MEMORY)
    assert (group.path / "memory.swap.max").read_text() == "0"
    assert cgroup_limits.has_limit(group) and cgroup_limits.oom_kills(groups) == 2


def test_version_1_limits_where_it_has_the_controllers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a hybrid host, where version 2 accounts and has none."""
    group = group_2(tmp_path / "unified")
    places = {name: Mount(1, tmp_path / name, tmp_path / name) for name in ("cpu", "memory")}
    for name, files in {"cpu": ("cpu.cfs_period_us", "cpu.cfs_quota_us"), "memory": ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")}.items():
        (tmp_path / name / "restmark-x").mkdir(parents=True)
        for file in files:
            (tmp_path / name / "restmark-x" / file).write_text("")
    monkeypatch.setattr(cgroup, "hierarchies", lambda controller: [Mount(2, group.path.parent, group.path.parent), places[controller]])
    groups = [group]
    cgroup_limits.limit(groups, "restmark-x", 0.25, MEMORY)
    assert [one.version for one in groups] == [2, 1, 1]
    assert (tmp_path / "cpu" / "restmark-x" / "cpu.cfs_quota_us").read_text() == "25000"
    for file in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"):
        assert (tmp_path / "memory" / "restmark-x" / file).read_text() == str(MEMORY)
    monkeypatch.setattr(cgroup, "hierarchies", lambda _: [])
    with pytest.raises(OSError, match="no control group here has the controller cpu"):
        cgroup_limits.limit([group], "restmark-x", 1, None)


def test_a_round_in_which_a_worker_was_killed_for_its_memory_is_no_round() -> None:
    """Its server goes on with another worker, and may have answered everything else."""
    (found,) = verdict.of_round(replace(GOOD, sample=replace(GOOD.sample, oom_kills=2)))
    assert found.name == "errors"
    assert found.evidence == f"the kernel killed 2 of the server's processes, {OUT_OF_MEMORY}, under the load"


def test_capacity_is_the_limit() -> None:
    """Who may use half a CPU and does is not starved."""
    half = replace(GOOD, sample=replace(GOOD.sample, server_cpu_ns=GOOD.sample.server_cpu_ns // 2))
    assert "starved" in [found.name for found in verdict.of_round(half)]
    assert "starved" not in [found.name for found in verdict.of_round(replace(half, server_capacity=0.5))]


def test_a_check_in_which_a_worker_was_killed_for_its_memory_fails() -> None:
    kills = iter([0, 1, 1])
    server = SimpleNamespace(oom_kills=lambda: next(kills), death=lambda _: "")
    subject = SimpleNamespace(server=server, contestant=SimpleNamespace(name="x"))
    checks = [Check(name, "", lambda _: iter([Finding("x", None, Verdict.OK)])) for name in ("one", "two", "three")]
    found = verifier.run_checks(subject, checks, Silent())  # type: ignore[arg-type]
    assert [(finding.check, finding.message) for finding in found if finding.verdict is Verdict.FAIL] == [
        ("two", f"the kernel killed 1 of its processes, {OUT_OF_MEMORY}")
    ]


def test_a_server_out_of_memory_by_its_limit_is_named_in_a_run(tmp_path: Path) -> None:
    """It passes verification, which opens few connections, and keeps a mebibyte for each answer from four on."""
    cache = Cache(tmp_path / "cache")
    good = fault_folder(tmp_path, "none")
    greedy = fault_folder(tmp_path, "greedy", at=4)
    done = rig(
        cache.root, "run", "-C", greedy, "-C", good, "--workload", "/", "--connections", "8", "--rounds", "1", "--duration", "0.1",
        "--warmup", "0.1", "--memory", "48M", "--cpus", "0.9", "--output", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode in (0, 3), done.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["settings"]["limits"] == {"cpus": 0.9, "memory_bytes": MEMORY}
    assert any(remark.startswith("each server could use 0.9 CPUs and 48 MiB at most, by cgroup v") for remark in results["remarks"])
    told = [verdict["evidence"] for cell in results["cells"] if cell["contestant"].startswith("fault-greedy") for verdict in cell["verdicts"]]
    assert any(OUT_OF_MEMORY in text for text in told), told
    assert "within 0.9 CPUs and 48 MiB" in (tmp_path / "out" / "index.html").read_text()
    assert OUT_OF_MEMORY in (tmp_path / "out" / "summary.md").read_text().replace("\\", "")
    assert not [v for cell in results["cells"] if cell["contestant"] == "fault-none" for v in cell["verdicts"] if v["name"] == "errors"]
    assert not processes_mentioning(str(tmp_path))
    assert not list(Path("/sys/fs/cgroup").glob("**/restmark-fault-greedy-*"))
