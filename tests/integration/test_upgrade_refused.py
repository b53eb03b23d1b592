"""Upgrades that can not be: whatever is wrong with the new program, the old one serves on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from daemon import RESTMARKCTL, Daemon, run, wait_for
from http_client import Connection, Load
from upgrade_support import SANITIZED, Start, ctl, install, install_script, refuse, runs, upgrade, workers

from processes import children

pytest_plugins = ["upgrade_fixtures"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 1", r"fails its self-test: it exited with code 1"),
        ("echo 'libfoo.so.1: cannot open' >&2; exit 127", r"fails its self-test: libfoo\.so\.1: cannot open \(exited with code 127\)"),
        ("exit 0", r"fails its self-test: it is no restmarkd: it does not say that it passes"),
        ("kill -SEGV $$", r"fails its self-test: it was killed by signal 11, Segmentation fault"),
        ("exec sleep 60", r"fails its self-test: it was not done within 4\.0 s"),
        ('exec real "$@" -o server.nonsense=1', r'fails its self-test: .*unknown key "nonsense" in \[server\].* \(exited with code 78\)'),
        (
            'printf "restmark-handover 5\\nend\\n" > /proc/self/fd/$RESTMARK_HANDOVER; exec real "$@"',
            r"fails its self-test: the handover has version 5, this program knows 4 \(exited with code 64\)",
        ),
        (
            'text=$(sed -e "s/^board_version .*/board_version 1/" /proc/self/fd/$RESTMARK_HANDOVER); '
            'echo "$text" > /proc/self/fd/$RESTMARK_HANDOVER; exec real "$@"',
            r"fails its self-test: the workers' scoreboard has version 1 .*takes a restart",
        ),
    ],
    ids=["exit", "library", "true", "crash", "hang", "option", "format", "layout"],
)
def test_a_program_that_fails_its_self_test_changes_nothing(start: Start, program: Path, script: str, message: str) -> None:
    timeout = "2s" if "sleep" in script else "10s"  # only one that hangs is to run into it, not one on a busy machine
    daemon = start("server.processes=2", f"workers.canary-timeout={timeout}", program=str(program))
    install_script(program, script + "\n")
    with Load((daemon.host, daemon.port), clients=2) as load:
        load.wait_answered(10)
        stderr = refuse(daemon)
        load.wait_answered(10)
    assert not load.failures
    assert re.search(message, stderr), stderr
    assert re.search("error: upgrade failed: the new restmarkd " + message, daemon.log())
    install(program)
    assert "generation 2 serves" in upgrade(daemon)


def test_a_program_that_never_stops_writing_does_not_hold_the_master(start: Start, program: Path) -> None:
    daemon = start("server.processes=1", "workers.canary-timeout=1s", program=str(program))
    writer = "import os\nwhile True:\n try: os.write(2, b'y' * 65536)\n except BlockingIOError: pass\n"
    install_script(program, f'exec /usr/bin/python3 -c "{writer}"\n')
    with subprocess.Popen([str(RESTMARKCTL), "-s", str(daemon.control), "upgrade"], stderr=subprocess.PIPE, text=True) as process:
        wait_for("it writes", lambda: [pid for pid in children(daemon.pid) if Path(f"/proc/{pid}/comm").read_text() == "python3\n"])
        assert len(daemon.status()["workers"]) == 1
        _, stderr = process.communicate(timeout=300)
    assert process.returncode == 1
    assert re.search(r"fails its self-test: .*was not done within 2\.0 s", stderr)


def test_what_cannot_be_executed_changes_nothing(start: Start, program: Path) -> None:
    daemon = start("server.processes=1", program=str(program))
    program.unlink()
    assert f"{program}: cannot be executed: No such file or directory" in refuse(daemon)
    program.mkdir()
    assert f"{program}: cannot be executed: Permission denied" in refuse(daemon)
    program.rmdir()
    program.write_bytes(os.urandom(4096))
    assert f"{program}: cannot be executed: Permission denied" in refuse(daemon)
    program.chmod(0o755)
    assert f"{program}: cannot be executed: Exec format error" in refuse(daemon)
    install(program)
    upgrade(daemon)


def grandchildren(daemon: Daemon) -> list[int]:
    return [pid for child in children(daemon.pid) for pid in children(child)]


def test_a_crash_of_the_new_programs_worker_changes_nothing(start: Start, program: Path) -> None:
    """So many records that it is still busy when the signal comes."""
    daemon = start("server.processes=1", f"workloads.records={30000 if SANITIZED else 300000}", program=str(program))
    before = workers(daemon)
    with subprocess.Popen([str(RESTMARKCTL), "-s", str(daemon.control), "upgrade"], stderr=subprocess.PIPE, text=True) as process:
        os.kill(wait_for("the worker", lambda: grandchildren(daemon))[0], signal.SIGABRT)
        _, stderr = process.communicate(timeout=300)
    assert process.returncode == 1
    assert re.search(r"fails its self-test: a worker was killed by signal 6 \(Aborted\)|the worker fails: .*(closed|broke) its connection", stderr)
    assert workers(daemon) == before


def test_a_program_that_cannot_take_over_gives_back(start: Start, program: Path) -> None:
    """It passes its self-test; then its configuration is broken. The old program, deleted by now, goes on with the same workers."""
    good = "[server]\nprocesses = 2\n[workloads]\nrecords = 7\n"
    daemon = start(config=good, program=str(program))
    config = daemon.folder / "restmarkd.ini"
    install_script(program, f'case "$*" in *--self-test*) ;; *) echo nonsense >> {config};; esac\nexec real "$@"\n')
    with Load((daemon.host, daemon.port), "/parse-msgpack", clients=4, expected=b"7") as load:
        load.wait_answered(10)
        stderr = refuse(daemon)
        load.wait_answered(10)
    assert not load.failures and not load.refused
    assert re.search(r"restmarkd \S+ cannot take over: .*restmarkd\.ini:5", stderr), stderr
    victim = workers(daemon)[0]
    os.kill(victim, signal.SIGKILL)  # its successor is of the old program and the old configuration
    wait_for("the worker is replaced", lambda: daemon.status()["workers"][0]["state"] == "ready" and workers(daemon)[0] != victim)
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/parse-msgpack").body == b"7"
    config.write_text(good)
    install(program)
    upgrade(daemon)
    assert runs(daemon, program)
    assert ctl(daemon, "reload").returncode == 0


def test_new_workers_that_cannot_serve_bring_the_old_program_back(start: Start, program: Path) -> None:
    """After the exec, up to the canary's last right answer: here it gets less time than so many records take."""
    config = "[server]\nprocesses = 2\n[workloads]\nrecords = {}\n"
    daemon = start(config=config.format(7), program=str(program))
    (daemon.folder / "restmarkd.ini").write_text(config.format(30000))
    install_script(
        program,
        'case "$*" in *--self-test*) exec real "$@";; esac\nexec real "$@" -o workers.canary-timeout=1ms\n',
    )
    with Load((daemon.host, daemon.port), "/parse-msgpack", clients=4, expected=b"7") as load:
        load.wait_answered(10)
        stderr = refuse(daemon)
        load.wait_answered(10)
    assert re.search("the first worker of the new generation (fails: asked for .* did not answer|was not ready) in time", stderr), stderr
    assert "has taken over from" in daemon.log()
    assert not load.failures and not load.refused
    assert daemon.status()["generation"] == 1


def test_a_worker_that_responds_again_during_an_upgrade_that_fails_is_known_to(start: Start, program: Path, tmp_path: Path) -> None:
    daemon = start(config="[server]\nprocesses = 2\n", program=str(program))
    fifo, there = tmp_path / "fifo", tmp_path / "there"
    os.mkfifo(fifo)
    config = daemon.folder / "restmarkd.ini"
    install_script(
        program,
        f'case "$*" in *--self-test*) ;; *) [ -e {there} ] || {{ : > {there}; read line < {fifo}; echo nonsense >> {config}; }};; esac\nexec real "$@"\n',
    )

    def since() -> int | None:
        return daemon.status()["workers"][0]["unresponsive_since_unix_ms"]  # type: ignore[no-any-return]

    victim = workers(daemon)[0]
    os.kill(victim, signal.SIGSTOP)
    try:
        wait_for("it is missed", since)
        with subprocess.Popen([str(RESTMARKCTL), "-s", str(daemon.control), "upgrade"], stderr=subprocess.PIPE, text=True) as process:
            wait_for("the shell waits", there.exists)
            os.kill(victim, signal.SIGCONT)
            fifo.write_text("go\n")
            _, stderr = process.communicate(timeout=300)
    finally:
        os.kill(victim, signal.SIGCONT)
    assert "cannot take over" in stderr
    assert workers(daemon)[0] == victim
    wait_for("it is known to respond", lambda: since() is None)


def test_the_self_test_is_not_for_people() -> None:
    result = run("--self-test")
    assert result.returncode == 64
    assert "for people there is -t" in result.stderr
    for value in ("", "x", "3", "999"):
        result = run("-o", "server.listen=127.0.0.1:0", env={**os.environ, "RESTMARK_HANDOVER": value})
        assert result.returncode == 64, (value, result.stderr)
        assert "RESTMARK_HANDOVER" in result.stderr or "handover" in result.stderr


def test_a_handover_that_is_cut_off_is_refused() -> None:
    fd = os.memfd_create("handover", 0)
    os.write(fd, b"restmark-handover 4\nend\n")
    result = run("-o", "server.listen=127.0.0.1:0", env={**os.environ, "RESTMARK_HANDOVER": str(fd)}, pass_fds=(fd,))
    os.close(fd)
    assert result.returncode == 64
    assert "the handover has no pid" in result.stderr


def test_the_first_error_of_a_self_test_is_told(start: Start, program: Path) -> None:
    daemon = start("server.processes=1", program=str(program))
    install_script(program, "echo 'restmarkd: error: the cause' >&2; echo 'restmarkd: error: what follows' >&2; exit 70\n")
    assert "fails its self-test: the cause; what follows (exited with code 70)" in refuse(daemon)


def test_there_has_to_be_a_way_back(start: Start, tmp_path: Path) -> None:
    """What serves now has to be there still, should the new program fail; after a reload that is another dataset."""
    old, new = tmp_path / "old", tmp_path / "new"
    for path, n in ((old, 7), (new, 9)):
        assert run("--write-dataset", str(path), "-o", f"workloads.records={n}").returncode == 0
    daemon = start("server.processes=1", config=f"[workloads]\ndataset = {old}\n")
    (tmp_path / "daemon0" / "restmarkd.ini").write_text(f"[workloads]\ndataset = {new}\n")
    old.unlink()
    before = workers(daemon)
    result = ctl(daemon, "upgrade")
    assert result.returncode == 1
    assert re.search(rf"there would be no way back to what serves now \(a reload .*\): .*\[workloads\] dataset: {old}", result.stderr), result.stderr
    assert workers(daemon) == before
    assert ctl(daemon, "reload").returncode == 0
    assert "generation 3 serves" in upgrade(daemon)
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/parse-msgpack").body == b"9"
