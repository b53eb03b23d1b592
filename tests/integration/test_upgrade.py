"""Upgrade: another program goes on in the same process, without a client noticing, or nothing changes and it is said why."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import BUILD, RESTMARKCTL, RESTMARKD, Daemon, children, run, wait_for
from http_client import Connection, Load

Start = Callable[..., Daemon]
SANITIZED = os.environ.get("RESTMARK_SANITIZED") == "1"
FEW_CPUS = BUILD / "tests" / "integration" / "libfew_cpus.so"
TIMES = 4 if SANITIZED else 50


def ctl(daemon: Daemon, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(RESTMARKCTL), "-s", str(daemon.control), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def upgrade(daemon: Daemon) -> str:
    """An upgrade that must succeed."""
    result = ctl(daemon, "upgrade")
    assert result.returncode == 0, (result.stdout, result.stderr, daemon.log())
    assert result.stderr == ""
    return result.stdout


def workers(daemon: Daemon) -> list[int]:
    return [w["pid"] for w in daemon.status()["workers"]]


def install(path: Path, source: Path = RESTMARKD) -> None:
    """As a package manager does: the old file goes on to exist for those who run it."""
    new = path.with_name(path.name + ".new")
    shutil.copy(source, new)
    os.replace(new, path)


def install_script(path: Path, text: str) -> None:
    """A shell script in place of the program. `real` in it is a working restmarkd."""
    real = path.with_name("real")
    install(real)
    new = path.with_name(path.name + ".new")
    new.write_text("#!/bin/sh\n" + text.replace("real", str(real)))
    new.chmod(0o755)
    os.replace(new, path)


def runs(daemon: Daemon, path: Path) -> bool:
    return os.path.samestat(os.stat(f"/proc/{daemon.pid}/exe"), path.stat())


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "restmarkd"
    path.parent.mkdir()
    install(path)
    return path


def refuse(daemon: Daemon) -> str:
    """An upgrade that must fail and change nothing."""
    before, executable = workers(daemon), os.stat(f"/proc/{daemon.pid}/exe").st_ino
    result = ctl(daemon, "upgrade")
    assert result.returncode == 1, (result.stdout, result.stderr)
    assert result.stdout == ""
    assert "nothing has changed: restmarkd " in result.stderr
    assert os.stat(f"/proc/{daemon.pid}/exe").st_ino == executable
    assert Path(f"/proc/{daemon.pid}/comm").read_text() == "restmarkd\n"
    assert workers(daemon) == before
    wait_for("nothing is left of the new program", lambda: sorted(daemon.workers()) == sorted(before))
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").body == b"Welcome!\n"
    return result.stderr


def test_the_process_stays_and_the_program_changes(start: Start, program: Path) -> None:
    daemon = start("server.processes=3", "server.listen=127.0.0.2:0", program=str(program))
    before, started = workers(daemon), daemon.status()["started_unix_ms"]
    for _ in range(5):
        with Connection((daemon.host, daemon.port)) as connection:
            assert connection.request("/").status == 200
    install(program)
    assert not runs(daemon, program)
    reply = upgrade(daemon)
    assert re.search(r"^restmarkd \S+ has taken over from \S+\ngeneration 2 serves with 3 workers, after [\d.]+ s\n", reply), reply
    assert "5 connections accepted, 5 requests completed, 0 connections reset, 0 workers killed" in reply
    assert daemon.process.poll() is None
    assert runs(daemon, program)
    status = daemon.status()
    assert status["master_pid"] == daemon.pid
    assert status["generation"] == 2
    assert [w["generation"] for w in status["workers"]] == [2, 2, 2]
    assert not set(before) & set(workers(daemon))
    assert sorted(daemon.workers()) == sorted(workers(daemon))
    assert status["routes"]["welcome"]["requests"] == 5  # neither lost with the old program, nor are the self-test's counted
    assert status["started_unix_ms"] == started
    for host, port in daemon.addresses:
        with Connection((host, int(port))) as connection:
            assert connection.request("/parse-msgpack").body == b"1000"
    assert Path(f"/proc/{daemon.pid}/cmdline").read_bytes().startswith(b"restmarkd: master\0")
    assert "RESTMARK_HANDOVER" not in Path(f"/proc/{daemon.pid}/environ").read_text()


def test_usr2_upgrades_again_and_again(start: Start, program: Path) -> None:
    daemon = start("server.processes=2", program=str(program))
    descriptors = 0
    for generation in range(2, 5):
        install(program)
        daemon.signal(signal.SIGUSR2)
        daemon.wait_log(f"reloaded: generation {generation} has replaced {generation - 1}")
        assert runs(daemon, program)
        wait_for("only the workers are left", lambda: sorted(daemon.workers()) == sorted(workers(daemon)))
        now = len(os.listdir(f"/proc/{daemon.pid}/fd"))
        assert now == (descriptors or now)  # nothing is left over from a handover
        descriptors = now
    assert ctl(daemon, "reload").returncode == 0
    daemon.signal(signal.SIGTERM)
    assert daemon.wait_exit() == 0
    assert not daemon.control.exists()


def test_upgrades_under_load_lose_nothing(start: Start, program: Path) -> None:
    daemon = start("server.processes=2", program=str(program))
    address = (daemon.host, daemon.port)
    with Load(address, clients=4, keep_alive=False) as fresh, Load(address, "/encode-json", clients=4, expected=b"133622") as kept:
        for _ in range(TIMES):
            assert ", 0 connections reset, 0 workers killed" in upgrade(daemon)
        fresh.wait_answered(20)
        kept.wait_answered(20)
    assert not fresh.failures and not kept.failures, (fresh.failures, kept.failures)
    assert not fresh.refused and not kept.refused
    status = daemon.status()
    assert status["generation"] == TIMES + 1
    assert sum(w["restarts"] for w in status["workers"]) == 0
    assert status["routes"]["welcome"]["requests"] == fresh.answered
    assert status["routes"]["encode-json"]["requests"] == kept.answered


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
            'printf "restmark-handover 4\\nend\\n" > /proc/self/fd/$RESTMARK_HANDOVER; exec real "$@"',
            r"fails its self-test: the handover has version 4, this program knows 3 \(exited with code 64\)",
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
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert re.search(r"fails its self-test: .*was not done within 2\.0 s", stderr)


def test_a_program_installed_while_an_upgrade_waits_is_tried_too(start: Start, program: Path) -> None:
    daemon = start("server.processes=1", "workers.worker-reload-mercy=20s", program=str(program))
    with Connection((daemon.host, daemon.port)) as half:
        half.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        wait_for("it is accepted", lambda: daemon.status()["workers"][0]["connections"] == 1)
        with subprocess.Popen([str(RESTMARKCTL), "-s", str(daemon.control), "drain", "0"], stdout=subprocess.DEVNULL) as drain:
            wait_for("the old one is beside", lambda: (daemon.status()["workers"][0]["beside"] or {}).get("state") == "draining")
            with subprocess.Popen([str(RESTMARKCTL), "-s", str(daemon.control), "upgrade"], stderr=subprocess.PIPE, text=True) as waiting:
                daemon.wait_log("waiting until no worker is being replaced")
                install_script(program, "exit 1\n")
                half.send(b"\r\n")
                assert half.read().body == b"Welcome!\n"
                _, stderr = waiting.communicate(timeout=60)
            assert drain.wait(30) == 0
    assert waiting.returncode == 1
    assert "fails its self-test: it exited with code 1" in stderr
    assert "is not the program any more that passed its self-test" in daemon.log()


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
        _, stderr = process.communicate(timeout=60)
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


def test_what_happens_during_the_exec_is_not_lost(start: Start, program: Path, tmp_path: Path) -> None:
    """A worker that dies, clients and a signal, while the process is a shell that waits and knows nothing of them."""
    daemon = start("server.processes=2", program=str(program))
    fifo, there = tmp_path / "fifo", tmp_path / "there"
    os.mkfifo(fifo)
    install_script(
        program, f'case "$*" in *--self-test*) ;; *) : > {there}; read line < {fifo};; esac\nexec real "$@"\n'
    )
    with subprocess.Popen([str(RESTMARKCTL), "-s", str(daemon.control), "upgrade"], stdout=subprocess.PIPE, text=True) as process:
        wait_for("the shell waits", there.exists)
        victim = daemon.workers()[0]
        os.kill(victim, signal.SIGKILL)
        connections = [daemon.connect() for _ in range(20)]
        for connection in connections:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        daemon.signal(signal.SIGHUP)
        fifo.write_text("go\n")
        stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 0, (stdout, daemon.log())
    for connection in connections:
        with connection:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    daemon.wait_log("SIGHUP from process")
    daemon.wait_log("reloaded: generation 3 has replaced 2")
    assert victim not in daemon.workers()
    assert len(daemon.workers()) == 2


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
            _, stderr = process.communicate(timeout=60)
    finally:
        os.kill(victim, signal.SIGCONT)
    assert "cannot take over" in stderr
    assert workers(daemon)[0] == victim
    wait_for("it is known to respond", lambda: since() is None)


def test_clients_of_the_control_socket_that_have_not_spoken_yet_are_kept(start: Start, program: Path, tmp_path: Path) -> None:
    """Connected, and perhaps in the middle of their line, when the program changes."""
    daemon = start("server.processes=1", program=str(program))
    fifo, there = tmp_path / "fifo", tmp_path / "there"
    os.mkfifo(fifo)
    install_script(
        program,
        f'case "$*" in *--self-test*) real "$@" || exit; : > {there}; read line < {fifo}; exit 0;; esac\nexec real "$@"\n',
    )
    with subprocess.Popen([str(RESTMARKCTL), "-s", str(daemon.control), "upgrade"], stdout=subprocess.PIPE, text=True) as process:
        wait_for("the self-test is over but for its end", there.exists)
        with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as hesitant:
            for client in (silent, hesitant):
                client.settimeout(60)
                client.connect(str(daemon.control))
            hesitant.sendall(b"sta")
            assert "restmarkd " in ctl(daemon, "status").stdout  # whoever has come before has been accepted, then
            fifo.write_text("go\n")
            stdout, _ = process.communicate(timeout=60)
            assert process.returncode == 0, (stdout, daemon.log())
            silent.sendall(b"status\n")
            hesitant.sendall(b"tus\n")
            for client in (silent, hesitant):
                assert b"".join(iter(lambda: client.recv(4096), b"")).startswith(b"ok\nrestmarkd ")


def test_a_reload_and_an_upgrade_wait_for_each_other(start: Start, program: Path) -> None:
    daemon = start("server.processes=2", program=str(program))
    install(program)
    results: list[subprocess.CompletedProcess[str]] = []
    threads = [
        threading.Thread(target=lambda command=command: results.append(ctl(daemon, command)))  # type: ignore[misc]
        for command in ("upgrade", "reload", "upgrade", "reload")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [r.returncode for r in results] == [0] * 4, (results, daemon.log())
    assert runs(daemon, program)
    assert 3 <= daemon.status()["generation"] <= 5


def test_a_stop_ends_a_self_test(start: Start, program: Path) -> None:
    daemon = start("server.processes=1", program=str(program))
    install_script(program, "exec sleep 60\n")
    with subprocess.Popen([str(RESTMARKCTL), "-s", str(daemon.control), "upgrade"], stderr=subprocess.PIPE, text=True) as process:
        wait_for("the self-test runs", lambda: len(children(daemon.pid)) == 2)
        tried = children(daemon.pid)[1]
        daemon.signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=20)
    assert daemon.wait_exit() == 0
    assert process.returncode == 1
    assert "the daemon stops" in stderr
    wait_for("the self-test is gone", lambda: not Path(f"/proc/{tried}").exists())


def test_relative_paths_mean_what_they_meant_at_the_start(start: Start, program: Path) -> None:
    folder = program.parent
    (folder / "a.ini").write_text("[server]\nprocesses = 1\n[workloads]\nrecords = 3\n")
    daemon = start(program="./restmarkd", cwd=folder, more=("-c", "a.ini"))
    install(program)
    upgrade(daemon)
    assert runs(daemon, program)
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/parse-msgpack").body == b"3"


def test_a_symbolic_link_may_be_turned(start: Start, program: Path) -> None:
    """Versions side by side, and a link that says which is current."""
    current, other = program.with_name("current"), program.with_name("other")
    install(other)
    current.symlink_to(program)
    daemon = start("server.processes=1", program=str(current))
    assert runs(daemon, program)
    turned = program.with_name("turned")
    turned.symlink_to(other)
    os.replace(turned, current)
    upgrade(daemon)
    assert runs(daemon, other)


def test_what_takes_a_restart_is_named(start: Start, program: Path) -> None:
    daemon = start(config="[server]\nprocesses = 2\nbacklog = 100\n", program=str(program))
    (daemon.folder / "restmarkd.ini").write_text("[server]\nprocesses = 2\nbacklog = 7\n")
    for _ in range(2):  # the second program knows what the first was started with
        assert "not applied, as it takes a restart: [server] backlog" in upgrade(daemon)
    assert "not applied, as it takes a restart: [server] backlog" in ctl(daemon, "reload").stdout


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
    os.write(fd, b"restmark-handover 3\nend\n")
    result = run("-o", "server.listen=127.0.0.1:0", env={**os.environ, "RESTMARK_HANDOVER": str(fd)}, pass_fds=(fd,))
    os.close(fd)
    assert result.returncode == 64
    assert "the handover has no pid" in result.stderr


ODD_BYTES = bytes(b for b in range(1, 256) if b != ord("/"))


@pytest.mark.parametrize(
    "name",
    [b"x" * 250, b"a ; b", b"a;b", b"trailing ", b" leading", b"line\nend", b"\r\ttab\\ \"quoted\"", ODD_BYTES[:127], ODD_BYTES[127:]],
    ids=["long", "comment", "semicolon", "trailing", "leading", "newline", "escapes", "control", "8-bit"],
)
def test_what_is_handed_over_survives_any_value(start: Start, program: Path, tmp_path: Path, name: bytes) -> None:
    """The configuration of the start, and that of a program that has the daemon back, are handed over."""
    folder = os.fsencode(tmp_path) + b"/" + name
    os.mkdir(folder)
    dataset = folder + b"/records"
    assert run("--write-dataset", os.fsdecode(dataset), "-o", "workloads.records=7").returncode == 0
    control = tmp_path / os.fsdecode(name[:10])
    daemon = start(
        "server.processes=1", f"workloads.dataset={os.fsdecode(dataset)}", f"log.access-log={os.fsdecode(folder)}/log ", f"admin.control={control}/s ",
        program=str(program),
    )  # fmt: skip
    daemon.control = Path(f"{control}/s ")
    for number in (2, 3):
        reply = upgrade(daemon)
        assert f"generation {number} serves" in reply
        assert "takes a restart" not in reply
        with Connection((daemon.host, daemon.port)) as connection:
            assert connection.request("/parse-msgpack").body == b"7"
    install_script(program, 'case "$*" in *--self-test*) exec real "$@";; *) exec real "$@" -o server.nonsense=1;; esac\n')
    assert "cannot take over" in refuse(daemon)
    assert daemon.status()["generation"] == 3
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/parse-msgpack").body == b"7"
    wait_for("the access log", lambda: os.path.exists(folder + b"/log "))


@pytest.mark.parametrize("affinity", ["off", "auto"])
def test_cpu_0_need_not_be_allowed(start: Start, program: Path, affinity: str) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        pytest.skip("there is one CPU only")
    preload = ["env", f"LD_PRELOAD={FEW_CPUS}"]
    if SANITIZED:
        preload.append(f"ASAN_OPTIONS={os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0")
    prefix = ("taskset", "-c", str(allowed[-1]), *preload)
    daemon = start("server.processes=1", f"server.cpu-affinity={affinity}", program=str(program), prefix=prefix)
    for _ in range(2):
        upgrade(daemon)
        assert os.sched_getaffinity(workers(daemon)[0]) == {allowed[-1]}


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
