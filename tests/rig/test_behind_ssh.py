"""A run whose servers are behind ssh, in a network namespace of their own; and what is left of one whose ssh was killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from processes import children, name

from .helpers import ROOT, wait_until
from .run_support import environment

SCRIPT = ROOT / "bench" / "distributed" / "behind-ssh.sh"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="root alone may make a network namespace"),
]
LOST = "the connection to ssh://root@198.18."


def start(tmp_path: Path, *options: str) -> subprocess.Popen[str]:
    """The script on one small server; its far side builds into a cache below tmp_path."""
    words = [str(SCRIPT), "-C", "epoll-limit", "--workload", "/", "--connections", "4", "--warmup", "0.1", "--output", str(tmp_path / "out"), *options]
    surroundings = environment(tmp_path / "near", RESTMARK_FAR_CACHE=str(tmp_path / "far"))
    return subprocess.Popen(words, env=surroundings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def namespaces() -> set[str]:
    folder = Path("/run/netns")
    return {path.name for path in folder.iterdir() if path.name.startswith("restmark-far-")} if folder.is_dir() else set()


def test_a_run_with_its_servers_behind_ssh(tmp_path: Path) -> None:
    before = namespaces()
    script = start(tmp_path, "--rounds", "2", "--cpus", "0.8")
    said, _ = script.communicate(timeout=500)
    assert script.returncode == 0, said
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert re.fullmatch(r"ssh://root@198\.18\.\d+\.\d+:2222", results["server_place"])
    assert results["complete"] and results["server_machine"]["kernel"] == results["machine"]["kernel"]
    assert {record["accounting"] for record in results["contestants"]} <= {"cgroup v1", "cgroup v2"}
    assert any(remark.startswith("each server could use 0.8 CPUs at most, by cgroup v") for remark in results["remarks"])
    assert all(entry["server_cpu_ns"] and not entry["errors"]["connect"] for cell in results["cells"] for entry in cell["rounds"])
    assert str(tmp_path / "far") in " ".join(results["contestants"][0]["start_argv"])
    page = (tmp_path / "out" / "index.html").read_text()
    assert "the network, from" in page and results["server_place"] in page
    assert namespaces() == before and "still running" not in said
    assert not any("rm-near" in name for name in os.listdir("/sys/class/net"))


def test_a_run_whose_ssh_is_killed(tmp_path: Path) -> None:
    """It is named, what was measured is saved, and the far side ends what it has started by itself."""
    script = start(tmp_path, "--rounds", "400", "--duration", "0.05")
    results = tmp_path / "out" / "results.json"
    assert wait_until(lambda: results.exists() and json.loads(results.read_text())["cells"], timeout_s=500.0)
    (rig,) = [pid for pid in children(script.pid) if b"restmark\0run" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    (ssh,) = [pid for pid in children(rig) if name(pid) == "ssh"]
    os.kill(ssh, signal.SIGKILL)
    said, _ = script.communicate(timeout=200)
    assert script.returncode == 3, said
    assert LOST in said and "restmark run --resume" in said
    assert json.loads(results.read_text())["interrupted"].startswith(LOST)
    assert "still running" not in said, "its agent has ended it"
    assert LOST in (tmp_path / "out" / "index.html").read_text()
