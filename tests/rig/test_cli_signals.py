"""What signals leave behind of a command, of its servers and its builds: nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .helpers import (
    CHEATER,
    ROOT,
    cheater_argv,
    groups_of,
    processes_mentioning,
    rig_command,
    run_rig,
    wait_until,
    write_contestant,
)


@pytest.fixture()
def cache_dir(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def start_verify(cache_dir: Path, contestant: Path) -> subprocess.Popen[str]:
    """A verify in the background, in a process group of its own as from a shell, once its server runs."""
    rig = subprocess.Popen(
        rig_command("verify", "-C", contestant, "--cache-dir", cache_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    if not wait_until(lambda: processes_mentioning(f"{CHEATER} --label {contestant}")):
        rig.kill()
        raise AssertionError(f"its server was not started: {rig.communicate()}")
    return rig


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (signal.SIGINT, 130, "restmark: interrupted; what it had started is stopped"),
        (signal.SIGTERM, 143, "restmark: terminated; what it had started is stopped"),
        (signal.SIGKILL, -9, ""),
        (signal.SIGHUP, -1, ""),
    ],
)
@pytest.mark.parametrize("cheat", ["none", "leaves-child"])
def test_signals_leave_nothing_behind(
    cache_dir: Path, tmp_path: Path, number: signal.Signals, code: int, message: str, cheat: str
) -> None:
    contestant = write_contestant(tmp_path, "held", cheater_argv(cheat))
    rig = start_verify(cache_dir, contestant)
    os.killpg(rig.pid, number)
    _, errors = rig.communicate(timeout=300)
    assert rig.returncode == code
    assert message in errors
    assert "Traceback" not in errors
    if message:  # it claims that all is stopped already
        assert not processes_mentioning(str(contestant))
        assert groups_of("held", rig.pid) == []
    assert wait_until(lambda: not processes_mentioning(str(contestant)))
    assert wait_until(lambda: groups_of("held", rig.pid) == [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_at_any_moment_leaves_nothing_behind(cache_dir: Path, tmp_path: Path, number: signal.Signals) -> None:
    contestant = write_contestant(tmp_path, "swept", cheater_argv("none"))
    for step in range(10):
        command = rig_command("verify", "-C", contestant, "--cache-dir", cache_dir)
        rig = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0)
        with contextlib.suppress(subprocess.TimeoutExpired):
            rig.wait(0.05 + 0.06 * step)  # from before its first line to the midst of the checks
        os.killpg(rig.pid, number)
        rig.wait(300)
        assert wait_until(lambda: not processes_mentioning(str(contestant)))
        assert wait_until(lambda pid=rig.pid: groups_of("swept", pid) == [])  # type: ignore[misc]


def test_an_interrupted_build_leaves_nothing_behind(cache_dir: Path, tmp_path: Path) -> None:
    step = ["sh", "-c", "sleep 60 & echo compiling; wait", "{source}"]
    build = f'[build]\nsteps = [{json.dumps(step)}]\ninputs = ["*.toml"]'
    contestant = write_contestant(tmp_path, "long", cheater_argv("none"), build)
    rig = subprocess.Popen(
        rig_command("build", "-C", contestant, "--cache-dir", cache_dir),
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    log = cache_dir / "logs" / "long.build.log"
    assert wait_until(lambda: log.is_file() and log.read_text().endswith("compiling\n"))
    os.killpg(rig.pid, signal.SIGINT)
    _, errors = rig.communicate(timeout=300)
    assert rig.returncode == 130
    assert "interrupted" in errors
    assert not processes_mentioning(str(contestant))
    assert "unbuilt" in run_rig(cache_dir, "list", "-C", contestant, "--json").stdout


_SWALLOWED = """
import os, signal, sys
from restmark_rig.model.errors import Terminated
from restmark_rig.host import ending

def told():
    os.kill(os.getpid(), int(sys.argv[1]))
    sum(range(100000))  # so that the handler runs in here

ending.heed()
os.register_at_fork(after_in_parent=told)
try:
    if os.fork() == 0:
        os._exit(0)
    signal.sigtimedwait([signal.SIGUSR1], 60)
except (Terminated, KeyboardInterrupt) as error:
    sys.exit(f"ended by {type(error).__name__}")
sys.exit("nobody noticed")
"""


@pytest.mark.parametrize(("number", "error"), [(signal.SIGTERM, "Terminated"), (signal.SIGINT, "KeyboardInterrupt")])
def test_a_signal_is_heard_where_exceptions_are_ignored(number: signal.Signals, error: str) -> None:
    """In a hook of fork, which logging has, and which a study met once in some five times when it was stopped."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bench")}
    done = subprocess.run([sys.executable, "-c", _SWALLOWED, str(int(number))], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr.strip() == f"ended by {error}"
