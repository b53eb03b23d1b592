"""Whatever ends the study of pipelining, at whatever moment: no process, no port, no file is left."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from restmark_rig.contestants import requirements
from restmark_rig.contestants.contestant import load
from restmark_rig.studies import proxy
from restmark_rig.studies.costs import image
from restmark_rig.studies.pipelining import browser, h2load, natives

from processes import sockets

from .helpers import ROOT, cheater, processes_mentioning, rig_command, wait_until

ROUTES = ["/", "/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop", "/wait"]
GO_LACKS = bool(requirements.missing(load(natives.GO)))
H2LOAD_LACKS = requirements.locate(h2load.REQUIREMENT) is None
BROWSER_LACKS = requirements.locate(browser.REQUIREMENT) is None or not proxy.HTTP2_FRONT.is_installed()

NOBODY_LISTENS = ("native-go", "strace --follow-forks")  # yet: the one is built then, the other starts a server then


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where programs are built once for all moments."""
    return tmp_path_factory.mktemp("stopped")


_streams = pytest.mark.skipif(GO_LACKS or H2LOAD_LACKS, reason="Go or h2load is not installed: restmark setup pipelining")
_quic = pytest.mark.skipif(GO_LACKS, reason="Go is not installed: restmark setup pipelining")
_browsers = pytest.mark.skipif(BROWSER_LACKS, reason="chromium or nginx is not installed: restmark setup pipelining")
_traced = pytest.mark.skipif(requirements.locate(image.TRACER) is None, reason="strace is not installed: restmark setup costs")
_long = pytest.mark.long


@pytest.mark.parametrize(
    ("study", "claim", "moment", "number"),
    [
        pytest.param("costs", 1, "restmark-load --json --hold", signal.SIGINT),
        pytest.param("costs", 3, "strace --follow-forks", signal.SIGTERM, marks=_traced),
        pytest.param("costs", 7, "--rate=200", signal.SIGTERM, marks=_long),
        pytest.param("pipelining", 13, "h2load -c", signal.SIGINT, marks=_streams),
        pytest.param("pipelining", 10, "/client --url", signal.SIGTERM, marks=_quic),
        pytest.param("pipelining", 5, "--type=renderer", signal.SIGTERM, marks=_browsers),
        pytest.param("pipelining", 13, "native-go", signal.SIGTERM, marks=[_streams, _long]),
        pytest.param("pipelining", 10, "lossy --loss-ppm 50000", signal.SIGKILL, marks=[_quic, _long]),
        pytest.param("pipelining", 5, "worker process", signal.SIGKILL, marks=[_browsers, _long]),
        pytest.param("pipelining", 6, "haproxy", signal.SIGTERM, marks=[_quic, _long]),
    ],
)
def test_a_study_that_is_stopped_leaves_nothing(tmp_path: Path, shared_cache: Path, study: str, claim: int, moment: str, number: signal.Signals) -> None:
    folder = cheater(tmp_path / "peers", "none-of-eight", routes=ROUTES).directory
    out = tmp_path / "out" / "results"
    argv = rig_command("-C", folder, "study", study, "--quick", "--claim", str(claim), "--output", out)
    environment = {**os.environ, "RESTMARK_CACHE": str(shared_cache)}
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as rig:
        try:
            assert wait_until(lambda: any(moment in line for line in descendants(rig.pid)), 600), f"{moment} was never there"  # builds come first
            theirs = set(descendants(rig.pid, pids=True))
            ports = listeners({str(rig.pid), *theirs})
            rig.send_signal(number)
            rig.communicate(timeout=300)
        finally:
            rig.kill()
    assert rig.returncode in (130, 143, -signal.SIGKILL)
    assert wait_until(lambda: not processes_mentioning(str(tmp_path)) and not processes_mentioning(f"{shared_cache}/"))
    assert wait_until(lambda: not any(Path("/proc", pid).exists() for pid in theirs))
    assert ports or moment in NOBODY_LISTENS, "nothing listened: the moment tells nothing of ports"
    assert wait_until(lambda: not ports.keys() & listening().keys())
    if number != signal.SIGKILL:
        assert not out.exists()
        assert list(shared_cache.glob("study/*")) == []


def listening() -> dict[str, str]:
    """Addresses on which somebody listens here, by the inodes of their sockets: a port alone could be another one's by now."""
    tables = [Path("/proc/net", name).read_text(encoding="ascii").splitlines()[1:] for name in ("tcp", "tcp6", "unix")]
    inet = {words[9]: words[1] for line in tables[0] + tables[1] if (words := line.split())[3] == "0A"}
    return inet | {words[6]: words[-1] for line in tables[2] if (words := line.split())[3] == "00010000"}


def listeners(pids: set[str]) -> dict[str, str]:
    """Those of them that these processes hold."""
    held: set[str] = set()
    for pid in pids:
        with suppress(FileNotFoundError):  # it has ended
            held |= sockets(int(pid))
    return {inode: address for inode, address in listening().items() if inode in held}


def descendants(root: int, pids: bool = False) -> list[str]:
    """Command lines of all processes below one, or their pids."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents[int(entry)] = int(Path("/proc", entry, "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    below, found = {root}, []
    while grown := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= grown
    for pid in below - {root}:
        try:
            line = Path("/proc", str(pid), "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        found.append(str(pid) if pids else line)
    return found
