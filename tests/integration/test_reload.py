"""Reload: a new generation replaces the old one without a client noticing, or nothing changes and it is said why."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import BUILD, RESTMARKCTL, Daemon, run, wait_for
from http_client import Connection, Load

from processes import children

Start = Callable[..., Daemon]
SANITIZED = os.environ.get("RESTMARK_SANITIZED") == "1"
WRONG_ANSWER = BUILD / "tests" / "integration" / "libwrong_answer.so"


def ctl(daemon: Daemon, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(RESTMARKCTL), "-s", str(daemon.control), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def reload(daemon: Daemon) -> str:
    """A reload that must succeed."""
    result = ctl(daemon, "reload")
    assert result.returncode == 0, (result.stdout, result.stderr, daemon.log())
    assert result.stderr == ""
    return result.stdout


def refuse(daemon: Daemon) -> str:
    """A reload that must fail and change nothing."""
    before = generations(daemon), workers(daemon)
    result = ctl(daemon, "reload")
    assert result.returncode == 1, (result.stdout, result.stderr)
    assert result.stdout == ""
    assert (generations(daemon), workers(daemon)) == before
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").body == b"Welcome!\n"
    assert "nothing has changed" in result.stderr
    return result.stderr


def generations(daemon: Daemon) -> list[int]:
    return [w["generation"] for w in daemon.status()["workers"]]


def workers(daemon: Daemon) -> list[int]:
    return [w["pid"] for w in daemon.status()["workers"]]


def write_config(daemon: Daemon, text: str) -> None:
    (daemon.folder / "restmarkd.ini").write_text(text)


def test_a_reload_reads_what_was_put_beside_the_file(start: Start) -> None:
    daemon = start(config="[server]\nprocesses = 1\ninclude = conf.d/*.ini\n")
    drop_in = daemon.folder / "conf.d" / "10-mine.ini"
    drop_in.parent.mkdir()
    drop_in.write_text("[server]\nprocesses = 2\n")
    reload(daemon)
    assert len([pid for pid in workers(daemon) if pid]) == 2
    drop_in.write_text("[server]\n\nproceses = 3\n")
    assert f"{daemon.folder}/restmarkd.ini:3: {drop_in}:3: unknown key" in refuse(daemon)
    drop_in.unlink()
    reload(daemon)
    wait_for("the second worker has left", lambda: len([pid for pid in workers(daemon) if pid]) == 1)


def test_all_workers_are_replaced(start: Start) -> None:
    daemon = start("server.processes=3", "server.listen=127.0.0.2:0")
    before, accepted = workers(daemon), 5
    for _ in range(accepted):
        with Connection((daemon.host, daemon.port)) as connection:
            assert connection.request("/").status == 200
    reply = reload(daemon)
    assert re.search(r"^generation 2 serves with 3 workers, after [\d.]+ s\ngeneration 1 has ended: 3 workers, ", reply), reply
    assert f"{accepted} connections accepted, {accepted} requests completed, 0 connections reset, 0 workers killed" in reply
    status = daemon.status()
    assert status["generation"] == 2
    assert generations(daemon) == [2, 2, 2]
    assert not set(before) & set(workers(daemon))
    assert sorted(daemon.workers()) == sorted(workers(daemon))
    assert [w["restarts"] for w in status["workers"]] == [0, 0, 0]
    assert [w["beside"] for w in status["workers"]] == [None] * 3
    assert status["routes"]["welcome"]["requests"] == accepted  # neither lost with the old workers, nor are the canary's counted
    assert sum(w["accepted"] for w in status["workers"]) == accepted
    for host, port in daemon.addresses:
        with Connection((host, int(port))) as connection:
            assert connection.request("/parse-msgpack").body == b"1000"


def test_hup_reloads(start: Start) -> None:
    daemon = start("server.processes=2")
    daemon.signal(signal.SIGHUP)
    daemon.wait_log(r"reloaded: generation 2 has replaced 1")
    assert generations(daemon) == [2, 2]


def test_two_requests_make_two_reloads(start: Start) -> None:
    """One that comes while another runs is not for that one, which may have read an older file."""
    daemon = start("server.processes=2")
    replies: list[str] = []
    threads = [threading.Thread(target=lambda: replies.append(reload(daemon))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(replies) == 2
    assert 2 <= daemon.status()["generation"] <= 3
    assert {int(re.search(r"generation (\d+) serves", r)[1]) for r in replies} <= {2, 3}  # type: ignore[index]


def test_the_new_configuration_is_used(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    daemon = start(config="[server]\nprocesses = 2\n[workloads]\nrecords = 1000\n[log]\nlevel = info\n")
    write_config(daemon, f"[server]\nprocesses = 2\n[workloads]\nrecords = 7\ncodec = tree\n[log]\nlevel = debug\naccess-log = {log}\n")
    assert "not applied" not in reload(daemon)
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/parse-msgpack").body == b"7"
    wait_for("the access log has the line", lambda: log.exists() and "/parse-msgpack" in log.read_text())
    assert len(log.read_text().splitlines()) == 1  # the canary's requests are not in it
    reload(daemon)
    daemon.wait_log("debug: worker 0 .* is forked")


def test_what_takes_a_restart_is_named(start: Start) -> None:
    daemon = start(config="[server]\nprocesses = 2\n")
    write_config(daemon, "[server]\nprocesses = 2\nbalance = shared\nbacklog = 7\n")
    assert "not applied, as it takes a restart: [server] backlog, [server] balance" in reload(daemon)
    assert len([pid for pid in workers(daemon) if pid]) == 2
    write_config(daemon, "[server]\nprocesses = 2\n")
    assert "not applied" not in reload(daemon)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[server]\nproceses = 2\n", r'restmarkd\.ini:2: .*did you mean "processes"'),
        ("[server]\n[workloads]\nrecords = 0x10\n", r"restmarkd\.ini:3: \[workloads\] records: "),
        ("[workloads]\ndataset = /nowhere/at/all\n", r"restmarkd\.ini:2: \[workloads\] dataset: /nowhere/at/all"),
        ("[server]\nuser = nobody-of-that-name\n", r"restmarkd\.ini:2: \[server\] user: "),
        ("[log]\naccess-log = /nowhere/access.log\n", r"restmarkd\.ini:2: \[log\] access-log: /nowhere/access.log"),
    ],
)
def test_a_broken_configuration_changes_nothing(start: Start, text: str, message: str) -> None:
    good = "[server]\nprocesses = 2\n"
    daemon = start(config=good)
    write_config(daemon, text)
    assert re.search(message, refuse(daemon))
    assert re.search(r"error: reload failed: .*" + message, daemon.log())
    write_config(daemon, good)
    assert "generation 2 serves" in reload(daemon)


def test_a_broken_dataset_changes_nothing(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data.msgpack"
    assert run("--write-dataset", str(data)).returncode == 0
    daemon = start("server.processes=2", f"workloads.dataset={data}")
    data.write_bytes(data.read_bytes()[:-1])
    assert str(data) in refuse(daemon)
    assert run("-o", "workloads.records=12", "--write-dataset", str(data)).returncode == 0
    reload(daemon)
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/parse-msgpack").body == b"12"


def canary_of(daemon: Daemon, known: list[int]) -> int:
    return wait_for("the canary", lambda: next((pid for pid in children(daemon.pid) if pid not in known), 0))


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (signal.SIGKILL, r"the first worker of the new generation (was killed by signal 9 \(Killed\)|fails: .* (closed|broke) its connection)"),
        (signal.SIGABRT, r"the first worker of the new generation ((fails: .*|was not ready in time .*); it )?was killed by signal 6 \(Aborted\)"),
        (signal.SIGSTOP, r"the first worker of the new generation (fails: asked for \S+ it did not answer|was not ready) in time"),
    ],
)
def test_a_canary_that_dies_or_hangs_changes_nothing(start: Start, number: int, message: str) -> None:
    """So many records that the canary is still busy when the signal comes."""
    config = f"[server]\nprocesses = 2\n[workers]\ncanary-timeout = {'1500ms' if number == signal.SIGSTOP else '20s'}\n"
    daemon = start(config=config)
    write_config(daemon, config + "[workloads]\nrecords = 300000\n")
    before = workers(daemon)
    with Load((daemon.host, daemon.port), "/parse-msgpack", clients=4, expected=b"1000") as load:
        load.wait_answered(10)
        with subprocess.Popen([str(RESTMARKCTL), "-s", str(daemon.control), "reload"], stderr=subprocess.PIPE, text=True) as process:
            os.kill(canary_of(daemon, before), number)
            _, stderr = process.communicate(timeout=300)
        load.wait_answered(10)
    assert process.returncode == 1
    assert re.search(message, stderr), stderr
    assert workers(daemon) == before
    assert sorted(daemon.workers()) == sorted(before)
    assert not load.failures


def test_a_canary_that_answers_wrongly_changes_nothing(start: Start, tmp_path: Path) -> None:
    """The file makes workers send a wrong last byte, on the canary's private connection only."""
    flag = tmp_path / "wrong"
    preload = {"LD_PRELOAD": str(WRONG_ANSWER), "RESTMARK_WRONG_ANSWER": str(flag)}
    if SANITIZED:
        preload["ASAN_OPTIONS"] = f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0"
    daemon = start("server.processes=2", environment=preload)
    assert "generation 2 serves" in reload(daemon)
    flag.touch()
    with Load((daemon.host, daemon.port), clients=4, expected=b"Welcome!\n") as load:
        load.wait_answered(10)
        assert 'fails: asked for / it answered "Welcome!' in refuse(daemon)
        load.wait_answered(10)
    assert not load.failures
    flag.unlink()
    assert "generation 3 serves" in reload(daemon)


def test_a_worker_that_dies_during_a_reload_is_replaced(start: Start) -> None:
    daemon = start("server.processes=4")
    with Load((daemon.host, daemon.port), clients=8) as load:
        load.wait_answered(50)
        for victim in workers(daemon)[1:]:
            os.kill(victim, signal.SIGKILL)
        reload(daemon)
        wait_for("all are of generation 2", lambda: generations(daemon) == [2] * 4)
        load.wait_answered(50)
    assert sum(load.failures.values()) <= load.clients


def test_a_stop_ends_a_reload(start: Start) -> None:
    daemon = start("server.processes=2", "workers.worker-reload-mercy=10s")
    with Connection((daemon.host, daemon.port)) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n")  # holds an old worker for as long as we like
        wait_for("it is connected", lambda: sum(w["connections"] for w in daemon.status()["workers"]) == 1)
        with subprocess.Popen([str(RESTMARKCTL), "-s", str(daemon.control), "reload"], stderr=subprocess.PIPE, text=True) as process:
            wait_for("an old worker is beside a new one", lambda: any(w["beside"] for w in daemon.status()["workers"]))
            daemon.signal(signal.SIGTERM)
            connection.send(b"\r\n")
            assert connection.read().body == b"Welcome!\n"
            assert daemon.wait_exit() == 0
            _, stderr = process.communicate(timeout=300)
    assert process.returncode in (1, 69)
    assert "stop" in stderr or "closed" in stderr or "no reply" in stderr


def test_mercy_ends_for_old_workers_too(start: Start) -> None:
    daemon = start("server.processes=1", "workers.worker-reload-mercy=300ms")
    with Connection((daemon.host, daemon.port)) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        wait_for("it is connected", lambda: daemon.status()["workers"][0]["connections"] == 1)
        assert "1 connections reset, 1 worker killed" in reload(daemon)


def test_old_connections_are_served_by_old_workers(start: Start) -> None:
    """With `Connection: close` on their next answer, while new ones go to new workers."""
    daemon = start("server.processes=1")
    with Connection((daemon.host, daemon.port)) as old:
        assert not old.request("/").closes
        daemon.signal(signal.SIGHUP)
        daemon.wait_log("answers every route")
        # Between that line and the old worker's hearing of it there may be a request or two.
        answer = wait_for("the old worker says that it closes", lambda: (a := old.request("/")).closes and a)
        assert (answer.status, answer.body) == (200, b"Welcome!\n")
    daemon.wait_log("reloaded")


def test_control_clients_that_leave_or_talk_do_not_disturb_a_reload(start: Start) -> None:
    daemon = start("server.processes=2")
    for line in (b"reload\n", b"reload\nstatus\n", b"reload"):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(daemon.control))
            client.sendall(line)
    reload(daemon)
    assert ctl(daemon, "reload", "now").returncode == 64
    assert daemon.status()["state"] == "running"


def test_systemd_hears_of_a_reload(start: Start, tmp_path: Path) -> None:
    """Whether it succeeds or fails: systemd waits for READY=1 either way."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        daemon = start(config="[server]\nprocesses = 2\n", environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert systemd.recv(4096).startswith(b"READY=1\n")

        def next_but_status() -> bytes:
            while re.fullmatch(rb"STATUS=[012] of 2 workers ready, generation [12], \d+ requests/s", message := systemd.recv(4096)):
                pass
            return message

        for text, code in (("[server]\nprocesses = 2\n", 0), ("broken", 1)):
            write_config(daemon, text)
            assert ctl(daemon, "reload").returncode == code
            assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+\nSTATUS=Reloading", next_but_status())
            assert re.fullmatch(rb"READY=1\nSTATUS=2 of 2 workers ready, generation 2, \d+ requests/s", next_but_status())
