"""Where the groups of servers are made: below whatever limits the rig, and with it the client."""

from __future__ import annotations

from pathlib import Path

import pytest
from restmark_rig.host import cgroup
from restmark_rig.host.cgroup import Cgroup, Mount


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, [".", "slice", "slice/rig.service"]),
        ({"slice/cpu.max": "max 100000", "slice/cpuset.cpus": "\n", "slice/cpu.weight": "100"}, [".", "slice", "slice/rig.service"]),
        ({"slice/rig.service/cpu.max": "50000 100000"}, ["slice/rig.service"]),
        ({"slice/cpu.max": "50000 100000"}, ["slice", "slice/rig.service"]),
        ({"cpu.max": "50000 100000"}, [".", "slice", "slice/rig.service"]),
        ({"slice/rig.service/cpuset.cpus": "0-1"}, ["slice/rig.service"]),
        ({"slice/rig.service/memory.max": "1000000"}, ["slice/rig.service"]),
        ({"slice/rig.service/cpu.weight": "10"}, ["slice/rig.service"]),
        ({"slice/cpu.cfs_quota_us": "-1", "slice/cpu.shares": "1024"}, [".", "slice", "slice/rig.service"]),
        ({"slice/cpu.cfs_quota_us": "20000"}, ["slice", "slice/rig.service"]),
    ],
)
def test_no_server_escapes_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: list[str]
) -> None:
    own = tmp_path / "slice" / "rig.service"
    own.mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    mount = Mount(2, tmp_path, own)
    assert mount.parents() == [tmp_path / name for name in expected]
    monkeypatch.setattr(cgroup, "mounts", lambda: [mount])
    monkeypatch.setattr(cgroup, "_usable", lambda _group: True)
    assert cgroup.create("restmark-x") == Cgroup(2, tmp_path / expected[0] / "restmark-x")


def test_the_own_group_is_taken_where_those_above_may_not_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "slice" / "rig.service"
    own.mkdir(parents=True)
    monkeypatch.setattr(cgroup, "mounts", lambda: [Mount(2, tmp_path, own)])
    monkeypatch.setattr(cgroup, "_usable", lambda group: group.path.parent == own)
    assert cgroup.create("restmark-x") == Cgroup(2, own / "restmark-x")
    assert not (tmp_path / "restmark-x").exists()
