"""What bench/distributed/namespaces and behind-ssh.sh have in common: exit codes, signals, folders that several use, what is a leftover, a full disk."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from restmark_rig.host.installation import BENCH

from .helpers import wait_until

DISTRIBUTED = BENCH / "distributed"
sys.path.append(str(DISTRIBUTED))

import shared_folder  # noqa: E402  (the path had to be set first)
import stopping  # noqa: E402
import taking_away  # noqa: E402
from shared_folder import SharedFolder  # noqa: E402

PYTHON = "/usr/bin/python3"
PATIENCE_S = 120
ROOT_ALONE = pytest.mark.skipif(os.geteuid() != 0, reason="root alone may mount")
# A script that makes something, runs a command, and takes a while to take away what it has made: until its standard input ends.
SCRIPT = f"""\
import sys
sys.path[:0] = [{str(BENCH)!r}, {str(DISTRIBUTED)!r}]
import stopping
signals = stopping.Signals()
def take_away():
    print("taking away", flush=True)
    sys.stdin.read()
    print("taken away", flush=True)
def body(stack):
    stack.callback(take_away)
    return stopping.call(sys.argv[1:], signals)
sys.exit(stopping.concluded(body, signals))
"""


def start(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [PYTHON, "-B", "-c", SCRIPT, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0, start_new_session=True
    )


def read_until(process: subprocess.Popen[bytes], text: bytes, times: int = 1) -> bytes:
    """What it says, until it has said this so often."""
    assert process.stdout is not None
    seen = b""
    while seen.count(text) < times:
        assert select.select([process.stdout], [], [], PATIENCE_S)[0], seen
        piece = os.read(process.stdout.fileno(), 4096)
        assert piece, seen
        seen += piece
    return seen


@pytest.mark.parametrize(("command", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -KILL $$", 137), ("kill -TERM $$", 143)])
def test_the_exit_code_is_that_of_the_command(command: str, code: int) -> None:
    with start("sh", "-c", command) as process:
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code


@pytest.mark.parametrize(("number", "word", "told"), [(signal.SIGINT, b"interrupted", b"INT"), (signal.SIGTERM, b"terminated", b"TERM"), (signal.SIGHUP, b"terminated", b"TERM")])
def test_the_command_gets_the_first_signal_and_the_clean_up_none(number: signal.Signals, word: bytes, told: bytes) -> None:
    """However often it comes, and to the whole process group, as from a terminal."""
    command = "trap 'echo got INT; exit 9' INT; trap 'echo got TERM; exit 9' TERM; echo ready; while :; do read -r _ <&9; done 9<>\"$0\""
    fifo = f"/tmp/restmark-test-{os.getpid()}"
    os.mkfifo(fifo)
    try:
        with start("sh", "-c", command, fifo) as process:
            assert process.stdin is not None
            read_until(process, b"ready")
            os.killpg(process.pid, number)
            seen = read_until(process, b"taking away")
            for times in (1, 2):
                os.killpg(process.pid, number)
                seen += read_until(process, "stopping…".encode(), 1)
                assert seen.count("stopping…".encode()) == times
            process.stdin.close()
            seen += read_until(process, word)
        assert process.returncode == 128 + number
        assert seen.count(b"got " + told) == 1 and b"taken away" in seen, seen
    finally:
        os.unlink(fifo)


def test_a_command_ends_with_a_script_that_is_killed(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    command = f"trap 'echo >{ended}; exit' TERM; echo ready; while :; do read -r _; done"
    with start("sh", "-c", command) as process:
        read_until(process, b"ready")
        process.kill()
    assert wait_until(ended.exists)


def test_what_can_not_be_taken_away_is_said_and_changes_no_exit_code(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise stopping.Fault("it stays")

    def body(stack: ExitStack, code: int) -> int:
        stack.callback(fail)
        return code

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    signals = stopping.Signals()
    assert [stopping.concluded(lambda stack, code=code: body(stack, code), signals) for code in (0, 1, 3, 137)] == [3, 1, 3, 137]  # type: ignore[misc]
    assert capfd.readouterr().err.count("it stays") == 4


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("restmark-{gone}-3", True),
        ("restmark-far-{gone}", True),
        ("restmark-{gone}-a1b2_c3d", True),
        ("restmark-far-{gone}-a1b2_c3d", True),
        ("restmark-{other}-1", True),
        ("restmark-far-other", False),
        ("restmark-load", False),
        ("another-{gone}", False),
    ],
)
def test_what_a_script_that_is_gone_has_made_is_a_leftover(name: str, is_one: bool) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    text = name.format(gone=gone.pid, other=os.getpid())  # another process has that number now
    assert taking_away.is_leftover(taking_away._NAME, text) == is_one


@pytest.mark.parametrize(("name", "is_one"), [("rm{gone}n12", True), ("rm-near{gone}", True), ("rm0", True), ("eth0", False), ("rmnet{gone}", False)])
def test_links_are_known_by_their_names(name: str, is_one: bool) -> None:
    assert bool(taking_away._LINK.fullmatch(name.format(gone=2**22 - 1))) == is_one


def test_a_space_has_one_link() -> None:
    assert taking_away._device("restmark-far-17") == "rm-near17"
    assert taking_away._device("restmark-17-4") == "rm17n4"


def test_what_lives_is_no_leftover() -> None:
    with subprocess.Popen([PYTHON, "-c", "input()", "namespaces"], stdin=subprocess.PIPE) as living:
        assert wait_until(lambda: b"namespaces" in Path(f"/proc/{living.pid}/cmdline").read_bytes())
        assert not taking_away.is_leftover(taking_away._NAME, f"restmark-{living.pid}-1")
        living.communicate()


def test_a_program_that_stands_in_a_command_line_is_not_told_whole() -> None:
    with subprocess.Popen([PYTHON, "-c", "import sys\n# a line\n" * 20 + "sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        assert wait_until(lambda: b"a line" in Path(f"/proc/{process.pid}/cmdline").read_bytes())
        told = taking_away.command(process.pid)
        process.communicate()
    assert told.startswith(f"{PYTHON} -c import sys # a line") and told.endswith("…")
    assert len(told) <= 60 and "\n" not in told


@pytest.fixture()
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SharedFolder:
    monkeypatch.setattr(shared_folder, "_LOCKS", tmp_path)
    return SharedFolder(tmp_path / "shared")


def test_a_shared_folder_goes_with_its_last_user(shared: SharedFolder) -> None:
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(shared.used())
        second.enter_context(shared.used())
        (shared.path / "file").touch()
        first.close()
        assert (shared.path / "file").exists() and shared.lock.exists()
        second.close()
        assert not shared.path.exists() and not shared.lock.exists()
    with shared.used():
        assert shared.path.is_dir()
    assert not shared.path.exists()


def test_a_shared_folder_that_was_there_stays(shared: SharedFolder) -> None:
    shared.path.mkdir()
    with shared.used(), shared.used():
        pass
    assert shared.path.is_dir() and not shared.lock.exists()


def test_a_shared_folder_whose_user_was_killed_goes_with_the_next(shared: SharedFolder) -> None:
    program = (
        f"import sys, os, signal; sys.path[:0] = [{str(BENCH)!r}, {str(DISTRIBUTED)!r}]; import shared_folder; from pathlib import Path; "
        f"shared_folder._LOCKS = Path({str(shared.lock.parent)!r}); use = shared_folder.SharedFolder(Path({str(shared.path)!r})).used(); use.__enter__(); os.kill(0, signal.SIGKILL)"
    )
    subprocess.run([PYTHON, "-B", "-c", program], start_new_session=True, check=False, timeout=PATIENCE_S)
    assert shared.path.is_dir()
    with shared.used():
        pass
    assert not shared.path.exists() and not shared.lock.exists()


@ROOT_ALONE
def test_the_administrators_sshd_keeps_its_folder(shared: SharedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_folder, "SSHD_RUN", shared)
    monkeypatch.setattr(shared_folder, "_other_sshd", lambda: True)
    with shared.used():
        pass
    assert shared.path.is_dir() and not shared.lock.exists()


@ROOT_ALONE
@pytest.mark.parametrize("command", [["need-packages.sh", "coreutils"], ["distributed/namespaces", "run"], ["distributed/namespaces", "exec", "true"], ["distributed/behind-ssh.sh"]])
def test_a_full_disk_is_named(tmp_path: Path, command: list[str]) -> None:
    full = tmp_path / "full"
    full.mkdir()
    words = [str(BENCH / command[0]), *command[1:]]
    fill = 'mount -t tmpfs -o size=4k tmpfs "$0" && head -c 4096 /dev/zero >"$0/filled" && TMPDIR=$0 && export TMPDIR && "$@"; code=$?; ls "$0"; exit "$code"'
    done = subprocess.run(["unshare", "-m", "sh", "-c", fill, str(full), *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 3, (done.stdout, done.stderr)
    (line,) = done.stderr.splitlines()
    assert re.search(rf"{re.escape(str(full))}\b.*make room there, or name another folder with TMPDIR", line)
    assert done.stdout == "filled\n", "nothing is left there"
