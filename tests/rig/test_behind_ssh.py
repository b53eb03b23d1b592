"""A run whose servers are behind ssh, in a network namespace of their own; what is left of one on a bad day, and that it can be gone on with."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from restmark_rig.host import proctree

from processes import children, name

from .helpers import ROOT, processes_mentioning, wait_until
from .run_support import environment

SCRIPT = ROOT / "bench" / "distributed" / "behind-ssh.sh"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="root alone may make a network namespace"),
]
FAR_CACHE = Path("/var/cache/restmark-far")
LOST = "the connection to ssh://root@198.18."
# Slices so long that it is not decided before it is ended: that takes 8 rounds at least.
LONG = ("--rounds", "400", "--duration", "2")


def start(tmp_path: Path, *options: str, output: str = "out") -> subprocess.Popen[str]:
    """The script on one small server; its far side builds into a cache below tmp_path."""
    small = ["-C", "epoll-limit", "--workload", "/", "--connections", "4", "--warmup", "0.1", "--output", str(tmp_path / output)]
    return call(environment(tmp_path / "near", RESTMARK_FAR_CACHE=str(tmp_path / "far")), *small, *options)


def call(surroundings: dict[str, str], *options: str) -> subprocess.Popen[str]:
    words = [str(SCRIPT), *options]
    return subprocess.Popen(words, env=surroundings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def measured(output: Path, visits: int = 1) -> None:
    """Returns when so many visits are saved."""
    results = output / "results.json"
    made = lambda: sum(len(cell["rounds"]) for cell in json.loads(results.read_text())["cells"])  # noqa: E731
    assert wait_until(lambda: results.exists() and made() >= visits, timeout_s=500.0)


def rig_of(script: subprocess.Popen[str]) -> int:
    (rig,) = [pid for pid in children(script.pid) if b"restmark\0run" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return rig


def namespaces() -> set[str]:
    folder = Path("/run/netns")
    return {path.name for path in folder.iterdir() if path.name.startswith("restmark-far-")} if folder.is_dir() else set()


class Far:
    """The far side of a script while it is there; left() is what is still there of it later. Others may have namespaces and sshd of their own."""

    def __init__(self, script: subprocess.Popen[str]) -> None:
        self.pid = script.pid
        self.space = f"restmark-far-{script.pid}"
        self.net = os.stat(f"/run/netns/{self.space}")
        self.pids = self._pids()
        assert any(name(pid).startswith("sshd") for pid in self.pids)
        assert wait_until(self._groups), "there is a server, but for moments between two starts"

    def _pids(self) -> list[int]:
        found = []
        for pid in proctree.all_pids():
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                if os.path.samestat(self.net, os.stat(f"/proc/{pid}/ns/net")):
                    found.append(pid)
        return found

    def _groups(self) -> list[str]:
        made = re.compile(rf"restmark-epoll-limit-({'|'.join(map(str, self.pids))})-[0-9a-f]{{6}}")
        return [folder for folder, _, _ in os.walk("/sys/fs/cgroup") if made.fullmatch(os.path.basename(folder))]

    def left(self) -> list[str]:
        return [
            *(name for name in namespaces() if name == self.space),
            *(name for name in os.listdir("/sys/class/net") if name == f"rm-near{self.pid}"),
            *(str(path) for path in Path("/tmp").glob(f"{self.space}-*")),
            *(f"{pid} {name(pid)}" for pid in self._pids()),
            *(f"{pid} {line}" for pid, line in processes_mentioning(f"{self.space}-").items()),
            *self._groups(),
        ]


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
    script = start(tmp_path, *LONG)
    measured(tmp_path / "out")
    far = Far(script)
    (ssh,) = [pid for pid in children(rig_of(script)) if name(pid) == "ssh"]
    os.kill(ssh, signal.SIGKILL)
    said, _ = script.communicate(timeout=200)
    assert script.returncode == 3, said
    assert LOST in said and f"{SCRIPT} --resume" in said
    assert json.loads((tmp_path / "out" / "results.json").read_text())["interrupted"].startswith(LOST)
    assert "still running" not in said, "its agent has ended it"
    assert LOST in (tmp_path / "out" / "index.html").read_text()
    assert not far.left()


def test_a_line_that_goes_dead_leaves_nothing_and_the_run_goes_on_by_another(tmp_path: Path) -> None:
    """Nothing tells the far side of it, so that agent and server run there when the rig has given up. What the advice names, works: also where the script's
    own folders, keys and addresses are others, and so what the far side has built has to be built again."""
    surroundings = environment(tmp_path / "near")
    surroundings.pop("RESTMARK_FAR_CACHE", None)
    out = tmp_path / "out"
    small = ("-C", "epoll-limit", "--workload", "/", "--connections", "4", "--warmup", "0.1", "--rounds", "8", "--duration", "1")
    script = call(surroundings, *small, "--output", str(out))
    measured(out, 3)
    far = Far(script)
    subprocess.run(["ip", "link", "set", f"rm-near{script.pid}", "down"], check=True)
    said, _ = script.communicate(timeout=300)
    assert script.returncode == 3, said
    assert LOST in said and "Traceback" not in said and "No such" not in said
    assert f"go on with: {SCRIPT} --resume {out}" in said
    assert "still running" not in said, "its agent has ended it, once its input had ended"
    assert not far.left()
    was = json.loads((out / "results.json").read_text())

    assert not FAR_CACHE.exists()
    script = call(surroundings, "--resume", str(out))
    said, _ = script.communicate(timeout=500)
    assert script.returncode == 0, said
    now = json.loads((out / "results.json").read_text())
    assert now["complete"] and now["order"] == was["order"] and now["server_place"] != was["server_place"]
    assert f"restmark-far-{script.pid}" not in namespaces() and not FAR_CACHE.exists()


def test_an_agent_that_does_not_end_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    """Stopped, as on a machine that is out of memory, agent and supervisor can not clean up."""
    script = start(tmp_path, *LONG)
    measured(tmp_path / "out")
    far = Far(script)
    pythons = [pid for pid in far.pids if name(pid).startswith("python")]
    for pid in pythons:
        os.kill(pid, signal.SIGSTOP)
    os.kill(rig_of(script), signal.SIGKILL)
    said, _ = script.communicate(timeout=300)
    assert script.returncode == 137, said
    assert f"still running in restmark-far-{script.pid}, and killed: " in said and "import sys" not in said.replace("-c import sys", "", 1)
    assert all(proctree.is_zombie(pid) for pid in pythons)
    assert not far.left()


def test_what_a_killed_one_leaves_is_cleaned(tmp_path: Path) -> None:
    script = start(tmp_path, *LONG)
    measured(tmp_path / "out")
    far, rig = Far(script), rig_of(script)
    script.kill()
    script.communicate(timeout=200)
    assert wait_until(lambda: proctree.is_zombie(rig), 120), "it ends with the script"
    assert f"restmark-far-{script.pid}" in namespaces()
    done = subprocess.run([SCRIPT.with_name("namespaces"), "clean"], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0 and f"removed restmark-far-{script.pid}" in done.stderr, done.stderr
    assert not far.left()


def test_two_at_once_leave_each_other_alone(tmp_path: Path) -> None:
    """The one that has made what both use ends first; the other has to go on, with new connections."""
    longer = (*LONG, "--duration", "10")  # so that the first one still measures when the second one does
    first = start(tmp_path, *longer)
    measured(tmp_path / "out")
    fars = [Far(first)]
    second = start(tmp_path, *longer, output="second")
    measured(tmp_path / "second")
    fars.append(Far(second))
    first.send_signal(signal.SIGINT)
    said, _ = first.communicate(timeout=200)
    assert first.returncode == 130 and "interrupted" in said and "terminated" not in said, said
    (config,) = Path("/tmp").glob(f"restmark-far-{second.pid}-*/ssh_config")
    place = json.loads((tmp_path / "second" / "results.json").read_text())["server_place"]
    host, _, port = place.removeprefix("ssh://").rpartition(":")
    done = subprocess.run(["ssh", "-F", config, "-o", "BatchMode=yes", "-p", port, host, "true"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    second.terminate()
    said, _ = second.communicate(timeout=200)
    assert second.returncode == 143, said
    assert not [far.left() for far in fars if far.left()]
