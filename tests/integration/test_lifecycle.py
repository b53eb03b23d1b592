"""Birth, death and replacement of workers; the end of the daemon; under load."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import resource
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import RESTMARKCTL, RESTMARKD, Daemon, run, wait_for
from http_client import Connection, Load

from processes import children, is_alive, open_files

Start = Callable[..., Daemon]
SANITIZED = os.environ.get("RESTMARK_SANITIZED") == "1"


def listeners(port: int) -> int:
    """What `ss -ltn` shows."""
    out = subprocess.run(["ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    return len(out.splitlines())


def title(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()


def wait_workers(daemon: Daemon, n: int, without: set[int] = frozenset()) -> set[int]:  # type: ignore[assignment]
    """Until n workers are ready, none of them one of the pids `without`."""

    def ready() -> set[int] | None:
        pids = {w["pid"] for w in daemon.status()["workers"] if w["state"] == "ready"}
        return pids if len(pids) == n and not pids & without else None

    return wait_for(f"{n} ready workers", ready)  # type: ignore[return-value]


@pytest.mark.parametrize("n", [1, 3])
def test_one_listener_per_worker(start: Start, n: int) -> None:
    daemon = start(f"server.processes={n}", "server.listen=127.0.0.1:0", listen=False)
    assert listeners(daemon.port) == n
    assert len(daemon.workers()) == n


def test_several_addresses(start: Start) -> None:
    daemon = start("server.processes=2", "server.listen=[::1]:0", "server.listen=127.0.0.2:0")
    assert len(daemon.addresses) == 3
    for host, port in daemon.addresses:
        assert listeners(int(port)) == 2
        with Connection((host.strip("[]"), int(port))) as connection:
            assert connection.request("/").body == b"Welcome!\n"


def test_titles_name_role_and_slot(start: Start) -> None:
    daemon = start("server.processes=2")
    assert title(daemon.pid) == "restmarkd: master"
    assert sorted(title(pid) for pid in daemon.workers()) == ["restmarkd: worker 0", "restmarkd: worker 1"]


def test_workers_have_only_what_is_theirs(start: Start) -> None:
    """Listeners of its own slot, its link, its event descriptors: nothing of other slots, no control socket, no leaked descriptor."""
    inherited = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(inherited, True)
    try:
        arguments = [str(RESTMARKD), "-o", "server.listen=127.0.0.1:0", "-o", "server.processes=3", "-o", "admin.control=none"]
        process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, close_fds=False)
    finally:
        os.close(inherited)
    try:
        assert process.stderr is not None
        while "ready" not in process.stderr.readline():
            assert process.poll() is None
        for worker in children(process.pid):
            targets = [target for fd, target in open_files(worker).items() if fd > 2]
            sockets = [t for t in targets if t.startswith("socket:")]
            assert len(sockets) == 2, targets  # listener and link
            assert not [t for t in targets if t == "/dev/null"]
            assert len(targets) <= 8, targets
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 0
        assert process.stderr is not None
        process.stderr.close()


def test_a_killed_worker_is_replaced_and_the_others_go_on(start: Start) -> None:
    daemon = start("server.processes=3")
    with Load((daemon.host, daemon.port), "/encode-json", clients=9, expected=b"133622") as load:
        load.wait_answered(50)
        for _ in range(10):
            before = wait_workers(daemon, 3)
            victim = random.choice(sorted(before))
            os.kill(victim, signal.SIGKILL)
            assert len(before & wait_workers(daemon, 3, without={victim})) == 2
            load.wait_answered(20)
    # Only what the victims had in hand may have failed: each client has one request at a time, and three clients or so per worker.
    assert sum(load.failures.values()) <= 10 * load.clients
    assert set(load.failures) <= {"end of stream", "ConnectionResetError", "BrokenPipeError"}
    log = daemon.log()
    assert len(re.findall(r"worker \d \(pid \d+\) was killed by signal 9 \(SIGKILL, Killed\) after [\d.]+ s and \d+ requests", log)) == 10
    assert sum(w["restarts"] for w in daemon.status()["workers"]) == 10


def test_a_worker_that_dies_under_a_debugger_is_replaced(start: Start, tmp_path: Path) -> None:
    """The tracer sees the death first; the master has to see it after that."""
    if SANITIZED:
        pytest.skip("the leak sanitizer does not run under strace")
    daemon = start("server.processes=1")
    (worker,) = wait_workers(daemon, 1)
    trace = tmp_path / "trace"
    with subprocess.Popen(["strace", "-o", str(trace), "-p", str(worker)], stderr=subprocess.DEVNULL):
        wait_for("strace has it", lambda: "TracerPid:\t0" not in Path(f"/proc/{worker}/status").read_text())
        os.kill(worker, signal.SIGKILL)
        wait_workers(daemon, 1, without={worker})


def test_connections_queued_while_a_worker_is_away_are_served(start: Start) -> None:
    """Five deaths each, as a worker that dies soon after its start is replaced ever later."""
    daemons = [start("server.processes=1") for _ in range(4)]
    for daemon in daemons * 5:
        (worker,) = wait_workers(daemon, 1)
        os.kill(worker, signal.SIGSTOP)  # it accepts nothing any more …
        connections = [Connection((daemon.host, daemon.port)) for _ in range(10)]
        for connection in connections:
            connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        os.kill(worker, signal.SIGKILL)  # … and its successor finds them in the queue
        for connection in connections:
            assert connection.read().body == b"Welcome!\n"
            connection.close()


def test_no_worker_outlives_a_killed_master(start: Start) -> None:
    daemon = start("server.processes=4")
    workers = daemon.workers()
    with Load((daemon.host, daemon.port), clients=4) as load:
        load.wait_answered(10)
        os.kill(workers[0], signal.SIGSTOP)  # even one that is stuck
        daemon.process.kill()
        daemon.process.wait()
        for pid in workers:
            wait_for(f"worker {pid} gone", lambda pid=pid: not is_alive(pid))  # type: ignore[misc]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_graceful_stop_answers_all_that_was_accepted(start: Start, number: int, keep_alive: bool) -> None:
    for target in ("/", "/encode-json", "/transfer-data", "/million-loop"):
        daemon = start("server.processes=2", "workers.worker-reload-mercy=10s")
        with Load((daemon.host, daemon.port), target, clients=16, keep_alive=keep_alive) as load:
            load.wait_answered(100)
            daemon.signal(number)
            assert daemon.wait_exit() == 0, daemon.log()
        assert not load.failures, (target, load.failures, daemon.log())
        assert "killed" not in daemon.log()


def test_a_graceful_stop_waits_for_a_slow_request(start: Start) -> None:
    daemon = start("server.processes=1")
    with Connection((daemon.host, daemon.port), 60) as connection, Connection((daemon.host, daemon.port)) as half:
        half.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        connection.send(b"GET /million-loop?n=50000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for("both are connected", lambda: daemon.status()["workers"][0]["accepted"] == 2)
        daemon.signal(signal.SIGTERM)
        wait_for("it drains", lambda: daemon.status()["workers"][0]["state"] == "draining")
        assert connection.read().status == 200
        half.send(b"\r\n")
        assert half.read().body == b"Welcome!\n"
        assert daemon.wait_exit() == 0


def test_mercy_ends(start: Start) -> None:
    daemon = start("server.processes=1", "workers.worker-reload-mercy=300ms")
    with Connection((daemon.host, daemon.port)) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n")  # and never the rest
        wait_for("it is connected", lambda: daemon.status()["workers"][0]["connections"] == 1)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_exit() == 0
    assert "is killed: it has to stop at once or its time is over" in daemon.log()


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM, signal.SIGTERM], [signal.SIGQUIT, signal.SIGINT]])
def test_a_fast_stop_waits_for_nothing(start: Start, signals: list[int]) -> None:
    daemon = start("server.processes=2", "workers.worker-reload-mercy=10min")
    with Connection((daemon.host, daemon.port)) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        wait_for("it is connected", lambda: sum(w["connections"] for w in daemon.status()["workers"]) == 1)
        for i, number in enumerate(signals):
            daemon.signal(number)
            daemon.wait_log(rf"SIG{signal.Signals(number).name[3:]} from process {os.getpid()}: stopping" + (" at once" if i else ""))
        assert daemon.wait_exit() == 0


def test_an_idle_keep_alive_connection_does_not_hold_up_a_stop(start: Start) -> None:
    daemon = start("server.processes=1", "workers.worker-reload-mercy=10min", "limits.idle-timeout=10min")
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200
        daemon.signal(signal.SIGTERM)
        assert connection.at_end()
    assert daemon.wait_exit() == 0


def test_a_request_on_an_idle_connection_is_still_answered_during_a_stop(start: Start) -> None:
    daemon = start("server.processes=1")
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200
        daemon.signal(signal.SIGTERM)
        daemon.wait_log("SIGTERM from")
        response = connection.request("/")
        assert (response.status, response.closes) == (200, True)
    assert daemon.wait_exit() == 0


def test_a_stop_sent_to_the_whole_group_loses_nothing(start: Start) -> None:
    """As timeout(1) and systemctl kill do. Many connections wait in the queues of busy workers."""
    daemon = start("server.processes=2", prefix=("setsid",))
    group = os.getpgid(daemon.workers()[0])
    assert group == daemon.pid
    busy = [Connection((daemon.host, daemon.port), 60) for _ in range(6)]
    for connection in busy:
        connection.send(b"GET /million-loop?n=30000000 HTTP/1.1\r\nHost: x\r\n\r\n")
    waiting = [Connection((daemon.host, daemon.port), 60) for _ in range(100)]
    for connection in waiting:
        connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    os.killpg(group, signal.SIGTERM)
    for connection in busy + waiting:
        assert connection.read().status == 200
        connection.close()
    assert daemon.wait_exit() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try this as another user")
def test_a_graceful_stop_needs_no_privilege(start: Start) -> None:
    fd = os.open(RESTMARKD, os.O_RDONLY)
    try:
        daemon = start("server.processes=2", "admin.control=none", binary=fd, user=65534)
    finally:
        os.close(fd)
    with Load((daemon.host, daemon.port), clients=24, keep_alive=False) as load:
        load.wait_answered(200)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_exit() == 0
    assert not load.failures, (load.failures, daemon.log())
    assert "cannot keep new connections" not in daemon.log()


def test_closed_standard_descriptors_are_filled(start: Start) -> None:
    daemon = start("server.processes=2", prefix=("sh", "-c", 'exec "$@" <&- >&-', "sh"))
    for pid in (daemon.pid, *daemon.workers()):
        for fd in (0, 1):
            assert os.readlink(f"/proc/{pid}/fd/{fd}") == "/dev/null"
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200


def test_a_full_stderr_stops_nobody(tmp_path: Path) -> None:
    """A pipe whose reader has stopped reading: messages are lost, and counted, but the master goes on."""
    socket_path = tmp_path / "control.sock"
    arguments = [str(RESTMARKD), "-o", "server.listen=127.0.0.1:0", "-o", "server.processes=1", "-o", f"admin.control={socket_path}"]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        size = fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4096)  # the least; usually it holds 64 KiB
        while "ready" not in process.stderr.readline():
            assert process.poll() is None

        def status() -> list[int]:
            reply = subprocess.run([str(RESTMARKCTL), "-s", str(socket_path), "status", "-j"], capture_output=True, text=True, timeout=300, check=True)
            return [w["pid"] for w in json.loads(reply.stdout)["workers"] if w["state"] == "ready"]

        for _ in range(1200 * size // 65536):  # a line each
            process.send_signal(signal.SIGUSR1)
            status()
        assert status()
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0
        assert size - 200 < len(process.stderr.read()) <= size, "it was full"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        assert process.stderr is not None
        process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGPIPE])
def test_workers_ignore_what_may_be_sent_to_the_whole_group(start: Start, number: int) -> None:
    daemon = start("server.processes=1")
    (worker,) = daemon.workers()
    os.kill(worker, number)
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200
    assert daemon.workers() == [worker]


def test_a_thousand_respawns_leak_nothing(start: Start) -> None:
    """Five of each slot, as a worker that dies as soon as it is ready is replaced ever later."""
    deaths, workers = 5, 40 if SANITIZED else 200
    daemon = start(f"server.processes={workers}")

    def descriptors() -> int:
        return len(os.listdir(f"/proc/{daemon.pid}/fd"))

    known = wait_workers(daemon, workers, without=set())
    before = descriptors()
    for pid in known:
        os.kill(pid, signal.SIGKILL)
    for _ in range(deaths - 1):
        known = wait_workers(daemon, workers, without=known)
        for pid in known:
            os.kill(pid, signal.SIGKILL)
    wait_workers(daemon, workers, without=known)
    # What is open for a moment only, as while one is forked, is no leak; one descriptor for each respawn would stay.
    wait_for("no more descriptors than before", lambda: descriptors() <= before)
    assert sum(w["restarts"] for w in daemon.status()["workers"]) >= deaths * workers
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200


def test_a_worker_that_cannot_start_backs_off_and_ends_the_daemon(tmp_path: Path) -> None:
    """A limit on memory that the master fits in and a worker's buffers do not."""
    arguments = ["-o", "server.listen=127.0.0.1:0", "-o", "server.processes=1", "-o", "admin.control=none", "-o", "workloads.records=200000"]
    if SANITIZED:
        pytest.skip("the address sanitizer reserves terabytes of address space, so RLIMIT_AS cannot be used")

    def limit(n_bytes: int) -> Callable[[], None]:
        return lambda: resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))

    # The smallest limit under which the dataset can be made: a little more than that is too little for the worker's own copy.
    low, high = 40 << 20, 400 << 20
    while high - low > 1 << 20:
        middle = (low + high) // 2
        code = run("-t", *arguments, preexec_fn=limit(middle)).returncode
        low, high = (low, middle) if code == 0 else (middle, high)
    result = run(*arguments, preexec_fn=limit(high + (2 << 20)), timeout=60)
    assert result.returncode == 71, result.stderr
    waits = [int(w) for w in re.findall(r"will be started again in (\d+) ms", result.stderr)]
    assert len(waits) == 9
    assert all(abs(wait - due) <= 2 for wait, due in zip(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000], strict=True)), waits
    assert "failed to start 10 times in a row, and no other serves; stopping" in result.stderr


def test_a_sibling_cannot_share_the_port_unnoticed(start: Start) -> None:
    daemon = start("server.processes=2")
    result = run("-o", f"server.listen=127.0.0.1:{daemon.port}", "-o", "admin.control=none")
    assert result.returncode == 71
    assert f"127.0.0.1:{daemon.port} is in use by restmarkd (pid {daemon.pid})" in result.stderr
    assert listeners(daemon.port) == 2


def test_other_programs_on_the_port_are_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for arguments in ([], ["-t"]):
            result = run("-o", f"server.listen=127.0.0.1:{port}", "-o", "admin.control=none", *arguments)
            assert result.returncode == 71
            assert re.search(rf"\[server\] listen: 127.0.0.1:{port} is in use by \S+ \(pid {os.getpid()}\)", result.stderr)


def test_valgrind_finds_nothing(start: Start) -> None:
    if SANITIZED:
        pytest.skip("valgrind and the address sanitizer do not go together")
    codecs = ("struct", "tree")
    for codec in codecs:
        prefix = ("valgrind", "-q", "--leak-check=full", "--show-leak-kinds=definite,indirect", "--track-fds=no", "--error-exitcode=99")
        daemon = start("server.processes=1", f"workloads.codec={codec}", "workloads.records=50", "workers.worker-reload-mercy=10min", prefix=prefix)
        for target in ("/", "/parse-msgpack", "/encode-json", "/transfer-data", "/transfer-data?count=3", "/million-loop?n=9", "/nope"):
            with Connection((daemon.host, daemon.port), 60) as connection:
                assert connection.request(target).status in (200, 404)
        daemon.status()
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_exit() == 0, daemon.log()
        assert "==" not in daemon.log(), daemon.log()
        assert re.search(r"worker 0 \(pid \d+\) exited with code 0", daemon.log()), daemon.log()


