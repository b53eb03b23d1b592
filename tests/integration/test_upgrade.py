"""Upgrade: another program goes on in the same process, without a client noticing, or nothing changes and it is said why."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from functools import partial
from pathlib import Path

import pytest
from daemon import BUILD, RESTMARKCTL, run, wait_for
from http_client import Connection, Load
from upgrade_support import SANITIZED, Start, ctl, install, install_script, refuse, runs, upgrade, workers

from processes import children

pytest_plugins = ["upgrade_fixtures"]

FEW_CPUS = BUILD / "tests" / "integration" / "libfew_cpus.so"
TIMES = 4 if SANITIZED else 50


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
                _, stderr = waiting.communicate(timeout=300)
            assert drain.wait(30) == 0
    assert waiting.returncode == 1
    assert "fails its self-test: it exited with code 1" in stderr
    assert "is not the program any more that passed its self-test" in daemon.log()


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
        stdout, _ = process.communicate(timeout=300)
    assert process.returncode == 0, (stdout, daemon.log())
    for connection in connections:
        with connection:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    daemon.wait_log("SIGHUP from process")
    daemon.wait_log("reloaded: generation 3 has replaced 2")
    assert victim not in daemon.workers()
    assert len(daemon.workers()) == 2


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
            stdout, _ = process.communicate(timeout=300)
            assert process.returncode == 0, (stdout, daemon.log())
            silent.sendall(b"status\n")
            hesitant.sendall(b"tus\n")
            for client in (silent, hesitant):
                assert b"".join(iter(partial(client.recv, 4096), b"")).startswith(b"ok\nrestmarkd ")


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
        _, stderr = process.communicate(timeout=300)
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
