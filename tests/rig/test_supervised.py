"""What the rig starts it also ends: politely, by force, with all it forked, and when the rig or the keeper is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from restmark_rig.host import cgroup, machine, proctree, supervised
from restmark_rig.host.proctree import ProcessTree
from restmark_rig.host.supervised import ProcessSpec, SupervisedProcess
from restmark_rig.model.errors import StartFailed

from .helpers import PYTHON, groups_of, processes_mentioning, wait_until

# Says that it is up, then waits for a signal. Its argv names the test's folder, by which leaks are found.
WAITS = "import pathlib, signal, sys; pathlib.Path(sys.argv[1], 'up').touch(); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAITS
# A worker that leaves the session, the way a daemon does.
DAEMON = f"import os\nif os.fork() == 0:\n  os.setsid()\n  if os.fork():\n    os._exit(0)\n  {STUBBORN}\n{WAITS}"


def spec(tmp_path: Path, code: str, **options: object) -> ProcessSpec:
    log = tmp_path / "log"
    log.touch()
    argv = [PYTHON, "-c", code, str(tmp_path)]
    return ProcessSpec("job", argv, {"MARK": "7"}, tmp_path, log, **options)  # type: ignore[arg-type]


def started(tmp_path: Path, process: SupervisedProcess) -> int:
    assert wait_until((tmp_path / "up").exists), (tmp_path / "log").read_text()
    return process.pid


@pytest.fixture(params=["cgroup", "process tree"])
def _accounting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "process tree":
        monkeypatch.setattr(supervised, "CGROUP_VERSIONS", ())


def test_ends_on_its_own(tmp_path: Path) -> None:
    with SupervisedProcess(spec(tmp_path, "import os; print(os.environ['MARK'], os.getcwd(), flush=True); os._exit(5)")) as process:
        assert process.wait(300) == 5
        assert process.stop().status == 5
    assert (tmp_path / "log").read_text() == f"7 {tmp_path}\n"


@pytest.mark.usefixtures("_accounting")
def test_stops_on_sigterm(tmp_path: Path) -> None:
    with SupervisedProcess(spec(tmp_path, WAITS)) as process:
        pid = started(tmp_path, process)
        assert pid in process.scope.pids()
        assert os.getsid(pid) == pid
        report = process.stop()
    assert report.status == -signal.SIGTERM
    assert (report.forced, report.leftovers) == (False, ())
    assert groups_of("job") == []


@pytest.mark.usefixtures("_accounting")
def test_kills_what_does_not_heed_sigterm(tmp_path: Path) -> None:
    with SupervisedProcess(spec(tmp_path, STUBBORN)) as process:
        started(tmp_path, process)
        assert process.stop(grace_s=0.2).forced
    assert not processes_mentioning(str(tmp_path))
    assert groups_of("job") == []


@pytest.mark.usefixtures("_accounting")
def test_a_daemon_can_not_slip_away(tmp_path: Path) -> None:
    with SupervisedProcess(spec(tmp_path, DAEMON)) as process:
        started(tmp_path, process)
        assert wait_until(lambda: len(process.scope.pids()) == 2)
        report = process.stop()
    assert not report.forced
    assert len(report.leftovers) == 1
    assert "python3" in report.leftovers[0]
    assert not processes_mentioning(str(tmp_path))


# Has a child of a child, a child of another thread, and one that has ended and is not collected; says so once they are there.
FAMILY = f"""
import os, subprocess, sys, threading
WAITS = {WAITS!r}
def waiting(name):
    folder = os.path.join(sys.argv[1], name)
    os.mkdir(folder)
    return [{PYTHON!r}, "-c", WAITS, folder]
subprocess.Popen([{PYTHON!r}, "-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))", *waiting("grandchild")])
threading.Thread(target=subprocess.call, args=(waiting("of-thread"),)).start()
if os.fork() == 0:
    os._exit(0)
{WAITS}
"""


@pytest.mark.parametrize("lists", [True, False])
def test_a_family_is_known_with_and_without_the_kernels_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lists: bool
) -> None:
    with SupervisedProcess(spec(tmp_path, FAMILY)) as process:
        started(tmp_path, process)
        assert wait_until(lambda: all((tmp_path / name / "up").exists() for name in ("grandchild", "of-thread")), 60)
        if not lists:
            read = Path.read_bytes

            def without(path: Path) -> bytes:
                if path.name == "children":
                    raise FileNotFoundError(path)
                return read(path)

            monkeypatch.setattr(Path, "read_bytes", without)
        everybody = proctree._found_among_all(os.getpid())
        assert sorted(proctree.descendants(os.getpid())) == sorted(everybody)
        assert len(everybody) == 5, "the supervisor, the job, its child and grandchild, and that of its thread"


def test_only_processes_of_the_tree_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading happens thousands of times; the machine may have thousands of other processes."""
    monkeypatch.setattr(proctree, "_found_among_all", None)
    with subprocess.Popen([PYTHON, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as child:
        assert proctree.descendants(os.getpid()) == [child.pid]
        child.communicate()


def test_an_exception_stops_it(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), SupervisedProcess(spec(tmp_path, WAITS)) as process:
        started(tmp_path, process)
        raise KeyboardInterrupt
    assert not processes_mentioning(str(tmp_path))


def test_what_can_not_be_executed(tmp_path: Path) -> None:
    job = ProcessSpec("job", ["/no/such/server"], {}, tmp_path, tmp_path / "log")
    with pytest.raises(StartFailed, match="job: can not execute /no/such/server: No such file or directory"):
        SupervisedProcess(job)
    job = ProcessSpec("job", [PYTHON], {}, tmp_path / "gone", tmp_path / "log")
    with pytest.raises(StartFailed, match="can not change to the folder"):
        SupervisedProcess(job)
    assert groups_of("job") == []


def test_pinning(tmp_path: Path) -> None:
    cpu = max(machine.allowed_cpus())
    with SupervisedProcess(spec(tmp_path, WAITS, cpus=frozenset({cpu}))) as process:
        assert os.sched_getaffinity(started(tmp_path, process)) == {cpu}


def test_no_descriptor_of_the_rig_reaches_it(tmp_path: Path) -> None:
    code = "import os; print(sorted(os.listdir('/proc/self/fd'), key=int))"
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        with SupervisedProcess(spec(tmp_path, code)) as process:
            assert process.wait(300) == 0
    # 3 is the descriptor with which the list itself is read.
    assert (tmp_path / "log").read_text() == "['0', '1', '2', '3']\n"


def test_signals_have_their_defaults(tmp_path: Path) -> None:
    code = "print([line for line in open('/proc/self/status') if line.startswith(('SigBlk', 'SigIgn'))])"
    with SupervisedProcess(spec(tmp_path, code)) as process:
        assert process.wait(300) == 0
    # Python itself ignores SIGPIPE and SIGXFSZ, nothing else may be ignored or blocked.
    ignored = (1 << (signal.SIGPIPE - 1)) | (1 << (signal.SIGXFSZ - 1))
    assert (tmp_path / "log").read_text() == f"['SigBlk:\\t{0:016x}\\n', 'SigIgn:\\t{ignored:016x}\\n']\n"


@pytest.mark.usefixtures("_accounting")
def test_the_keeper_is_killed(tmp_path: Path) -> None:
    with SupervisedProcess(spec(tmp_path, STUBBORN)) as process:
        pid = started(tmp_path, process)
        keeper = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[1])
        os.kill(keeper, signal.SIGKILL)
        assert wait_until(lambda: proctree.is_zombie(pid))
        assert process.wait(300) == -signal.SIGKILL
        assert process.stop().forced
    assert groups_of("job") == []


# A rig that starts a job and then hangs, in the cgroup or the process tree flavour.
RIG = """
import pathlib, signal, sys
sys.path.insert(0, sys.argv[1])
from restmark_rig.host import supervised
from restmark_rig.host.supervised import ProcessSpec, SupervisedProcess
folder, code, flavour = pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
if flavour == "tree":
    supervised.CGROUP_VERSIONS = ()
SupervisedProcess(ProcessSpec("orphan", [sys.executable, "-c", code, str(folder)], {}, folder, folder / "log"))
signal.pause()
"""


@pytest.mark.parametrize("flavour", ["cgroup", "tree"])
@pytest.mark.parametrize("code", [WAITS, STUBBORN, DAEMON], ids=["waits", "stubborn", "daemon"])
def test_the_rig_is_killed(tmp_path: Path, flavour: str, code: str) -> None:
    bench = str(Path(supervised.__file__).parents[2])
    rig = subprocess.Popen([sys.executable, "-c", RIG, bench, str(tmp_path), code, flavour])
    try:
        assert wait_until((tmp_path / "up").exists)
    finally:
        rig.kill()
        rig.wait()
    assert wait_until(lambda: not processes_mentioning(str(tmp_path)))
    assert wait_until(lambda: not groups_of("orphan", rig.pid))


@pytest.mark.parametrize("code", [WAITS, DAEMON], ids=["waits", "daemon"])
def test_the_rig_is_gone_before_the_server_runs(tmp_path: Path, code: str) -> None:
    specification = {
        "argv": [PYTHON, "-c", code, str(tmp_path)],
        "env": {},
        "cwd": str(tmp_path),
        "log": str(tmp_path / "log"),
        "cpus": [],
        "cgroup": {"name": f"restmark-early-{os.getpid()}-0", "versions": [2, 1]},
    }
    keeper = [sys.executable, "-I", "-S", str(Path(supervised.__file__).with_name("supervisor.py"))]
    line = json.dumps(specification).encode() + b"\n"
    done = subprocess.run(keeper, input=line, capture_output=True, timeout=300, check=True)
    assert [json.loads(answer)["event"] for answer in done.stdout.splitlines()] == ["started", "exited", "stopped"]
    assert not processes_mentioning(str(tmp_path))
    assert groups_of("early") == []
    assert subprocess.run(keeper, input=b"", capture_output=True, timeout=300, check=True).stdout == b""


# What the process uses between fork and joining its group (some milliseconds) is the keeper's, hence 0.28 below.
BUSY = "import time, pathlib, sys\nwhile time.process_time() < 0.3: pass\n" + WAITS


@pytest.mark.usefixtures("_accounting")
def test_cpu_time_is_counted(tmp_path: Path) -> None:
    with SupervisedProcess(spec(tmp_path, BUSY)) as process:
        started(tmp_path, process)
        used_s = process.scope.cpu_ns() / 1e9
    assert 0.28 <= used_s < 0.6


@pytest.mark.parametrize("version", [1, 2])
def test_each_cgroup_version(tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervised, "CGROUP_VERSIONS", (version,))
    possible = any(mount.version == version and os.access(mount.root, os.W_OK) for mount in cgroup.mounts())
    with SupervisedProcess(spec(tmp_path, BUSY)) as process:
        pid = started(tmp_path, process)
        assert isinstance(process.scope, ProcessTree) == (not possible)
        if possible:
            assert process.scope.kind == f"cgroup v{version}"
            assert process.scope.pids() == [pid]
        assert 0.28 <= process.scope.cpu_ns() / 1e9 < 0.6
    assert groups_of("job") == []


def test_cpu_time_of_ended_children_stays_counted_in_a_cgroup(tmp_path: Path) -> None:
    forks = f"import os, subprocess, sys\nsubprocess.run([sys.executable, '-c', {BUSY.split('import pathlib')[0]!r}])\n"
    with SupervisedProcess(spec(tmp_path, forks + WAITS)) as process:
        started(tmp_path, process)
        if not isinstance(process.scope, ProcessTree):
            assert process.scope.cpu_ns() / 1e9 >= 0.28


def test_runqueue_wait_grows_when_two_share_a_cpu(tmp_path: Path) -> None:
    cpu = frozenset({min(machine.allowed_cpus())})
    spin = "import time, pathlib, sys\npathlib.Path(sys.argv[1], 'up').touch()\nwhile time.process_time() < 0.3: pass"
    with (
        SupervisedProcess(spec(tmp_path, spin, cpus=cpu)) as one,
        SupervisedProcess(spec(tmp_path, spin, cpus=cpu)) as two,
    ):
        waited = 0
        while one.status() is None and two.status() is None:
            waited = max(waited, proctree.runqueue_wait_ns([one.pid]))
    assert waited > 50_000_000


def test_who_ends_leaves_his_wait_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a server that forks for each request, and starves, the sum over those that live would fall."""

    def be(threads: dict[tuple[int, int], int]) -> None:
        shutil.rmtree(tmp_path / "proc", ignore_errors=True)
        for (pid, thread), wait_ns in threads.items():
            folder = tmp_path / "proc" / str(pid) / "task" / str(thread)
            folder.mkdir(parents=True)
            (folder / "schedstat").write_text(f"99 {wait_ns} 1\n")

    monkeypatch.setattr(proctree, "PROC", tmp_path / "proc")
    wait = proctree.RunqueueWait()
    be({(1, 1): 5, (1, 2): 10, (7, 7): 100})
    assert wait.read_ns([1, 7]) == proctree.runqueue_wait_ns([1, 7]) == 115
    be({(1, 1): 6, (1, 2): 10})
    assert wait.read_ns([1, 7]) == 116
    be({(1, 1): 6, (7, 7): 3})  # another process has the number
    assert wait.read_ns([1, 7]) == 119
    be({})
    assert wait.read_ns([1]) == wait.read_ns([]) == 119


def test_who_runs_or_waits_for_a_cpu_wants_one(tmp_path: Path) -> None:
    spin = "import time, pathlib, sys\npathlib.Path(sys.argv[1], 'up').touch()\nwhile time.process_time() < 30: pass"
    with SupervisedProcess(spec(tmp_path, spin)) as process:
        pid = started(tmp_path, process)
        assert proctree.n_runnable([pid]) == 1
        os.kill(pid, signal.SIGSTOP)
        assert wait_until(lambda: proctree.n_runnable([pid]) == 0)
    assert proctree.n_runnable([pid]) == 0
