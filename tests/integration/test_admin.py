"""The admin endpoint: what it shows, and that nobody can keep the master from its work through it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from admin_client import address, ask, samples
from daemon import RESTMARKCTL, Daemon, run, wait_for
from http_client import Closed, Connection, Response, exchange

from processes import sockets

Start = Callable[..., Daemon]
SANITIZED = os.environ.get("RESTMARK_SANITIZED") == "1"


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path_factory.mktemp("admin") / "d", ("server.processes=2", "admin.listen=127.0.0.1:0"))
    daemon.wait_ready()
    yield daemon
    daemon.finish()


# ---- what is there, and what is not ----


def test_off_unless_asked_for(start: Start) -> None:
    daemon = start("server.processes=1")
    assert "admin endpoint" not in daemon.log()
    inodes = sockets(daemon.pid)
    listening = [line.split() for line in Path(f"/proc/{daemon.pid}/net/tcp").read_text().splitlines()[1:]]
    assert [fields[1] for fields in listening if fields[3] == "0A" and fields[9] in inodes] == [f"0100007F:{daemon.port:04X}"]


def test_the_two_ports_share_no_route(admin: Daemon) -> None:
    for target in ("/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop", "//", "/metrics/", "/../etc/passwd", "/page.js.map"):
        assert ask(admin, target).status == 404, target
    assert b"<!DOCTYPE html>" in ask(admin, "/").body
    with Connection((admin.host, admin.port)) as connection:
        for target in ("/metrics", "/status", "/events", "/healthz", "/readyz", "/page.js", "/page.css"):
            assert connection.request(target).status == 404, target
        assert connection.request("/").body == b"Welcome!\n"


def test_the_master_answers(admin: Daemon) -> None:
    owners = subprocess.run(["ss", "-Hltnp", f"sport = :{address(admin)[1]}"], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"pid=(\d+)", owners) == [str(admin.pid)], owners


@pytest.mark.parametrize("target", ["/", "/page.css", "/page.js", "/metrics", "/status", "/events", "/healthz", "/readyz", "/nope"])
def test_head_and_headers(admin: Daemon, target: str) -> None:
    full, head = ask(admin, target), ask(admin, target, "HEAD")
    assert (head.status, head.body) == (full.status, b"")
    assert head.headers["content-type"] == full.headers["content-type"]
    assert full.headers["cache-control"] == "no-store"
    assert full.headers["x-content-type-options"] == "nosniff"
    assert full.headers["cross-origin-resource-policy"] == "same-origin"
    assert "default-src 'none'" in full.headers["content-security-policy"]
    assert "access-control-allow-origin" not in full.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_it_only_shows(admin: Daemon, method: str) -> None:
    response = ask(admin, "/status", method)
    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")


def test_a_body_is_passed_over_up_to_a_limit(admin: Daemon) -> None:
    def post(n: int) -> Response:
        return exchange(address(admin), b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % n + b"x" * n)

    assert post(60_000).status == 405
    assert post(70_000).status == 413
    with pytest.raises((ConnectionResetError, BrokenPipeError)):  # nobody reads all of that
        post(100_000_000)
    assert ask(admin, "/healthz").status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:9180", "localhost", "LOCALHOST:1", "[::1]", "[::1]:9180", "10.1.2.3:80"])
def test_addresses_and_localhost_are_good_hosts(admin: Daemon, host: str) -> None:
    assert ask(admin, "/status", host=host).status == 200


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org", "localhost.example.org", "localhost.", "1", ""])
def test_a_page_of_another_site_cannot_read_it_by_a_name_of_its_own(admin: Daemon, host: str) -> None:
    for target in ("/", "/status", "/metrics", "/events"):
        response = ask(admin, target, host=host)
        assert response.status == 403, host
        assert b"localhost" in response.body


@pytest.mark.parametrize("host", ["localhost:x", "[::1", "[::1]x", "127.0.0.1:80@evil"])
def test_hosts_that_are_none_are_refused(admin: Daemon, host: str) -> None:
    assert ask(admin, "/status", host=host).status == 400


def test_two_hosts_are_refused(admin: Daemon) -> None:
    assert ask(admin, "/status", headers="Host: localhost\r\n").status == 400


def test_remote_addresses_take_a_decision(start: Start) -> None:
    for wanted in ("0.0.0.0:0", "*:0", "[::]:0", "192.0.2.1:9180"):
        refused = run("-o", "server.listen=127.0.0.1:0", "-o", "admin.control=none", "-o", f"admin.listen={wanted}")
        assert refused.returncode == 78
        assert "[admin] listen: other machines may reach" in refused.stderr and "[admin] allow-remote = yes" in refused.stderr
    daemon = start("server.processes=1", "admin.listen=127.0.0.1:0", "admin.listen=*:0", "admin.allow-remote=yes")
    remote = int(daemon.wait_log(r"admin endpoint http://0\.0\.0\.0:(\d+)/\n")[1])
    response = exchange(("127.0.0.1", remote), b"GET /status HTTP/1.1\r\nHost: server.example.org:9180\r\n\r\n")
    assert response.status == 200
    assert ask(daemon, "/status").status == 200


def test_an_address_in_use(admin: Daemon) -> None:
    host, port = address(admin)
    options = ("-o", "server.listen=127.0.0.1:0", "-o", "admin.control=none", "-o", f"admin.listen={host}:{port}")
    second = run(*options)
    assert second.returncode == 71
    assert f"-o admin.listen={host}:{port}: [admin] listen: {host}:{port} is in use by restmarkd (pid {admin.pid}): stop that" in second.stderr
    tested = run("-t", *options)
    assert tested.returncode == 0
    assert f"{host}:{port} is in use by" in tested.stderr


# ---- what it says ----


def test_status_is_restmarkctl_s(admin: Daemon) -> None:
    def stable(status: dict[str, object]) -> object:
        workers = status["workers"]
        assert isinstance(workers, list)
        return status["master_pid"], status["listen"], status["generation"], [(w["slot"], w["pid"], w["state"]) for w in workers], sorted(status)

    response = ask(admin, "/status")
    assert response.headers["content-type"] == "application/json"
    status = json.loads(response.body)
    assert stable(status) == stable(admin.status())
    for seat in (status, *status["workers"]):
        memory = seat["memory"]
        assert 0 < memory["uss_bytes"] <= memory["pss_bytes"] <= memory["rss_bytes"] == memory["uss_bytes"] + memory["shared_bytes"]


def test_memory_is_what_proc_says(admin: Daemon) -> None:
    def agree() -> bool:
        worker = json.loads(ask(admin, "/status").body)["workers"][0]
        rollup = Path(f"/proc/{worker['pid']}/smaps_rollup").read_text()
        rss = int(re.search(r"^Rss: +(\d+) kB", rollup, re.MULTILINE)[1]) * 1024  # type: ignore[index]
        return bool(abs(worker["memory"]["rss_bytes"] - rss) < 0.1 * rss + (1 << 20))

    wait_for("both say the same", agree)  # not where a worker gives back what its start has needed between the two


def test_health_and_readiness(start: Start) -> None:
    daemon = start("server.processes=2", "admin.listen=127.0.0.1:0", "workers.worker-reload-mercy=60s")
    assert (ask(daemon, "/healthz").status, ask(daemon, "/healthz").body) == (200, b"ok\n")
    assert (ask(daemon, "/readyz").status, ask(daemon, "/readyz").body) == (200, b"2 of 2 workers ready\n")
    with Connection((daemon.host, daemon.port)) as held:
        held.send(b"GET / HTTP/1.1\r\nHost: test\r\n")  # half a request keeps its worker from leaving
        wait_for("the connection is seen", lambda: sum(w["connections"] for w in json.loads(ask(daemon, "/status").body)["workers"]) == 1)
        daemon.signal(signal.SIGTERM)
        stopping = wait_for("the stop", lambda: (r := ask(daemon, "/readyz")).status == 503 and r)
        assert stopping.body.startswith(b"stopping: ")
        assert ask(daemon, "/healthz").status == 503
        assert samples(daemon)["restmark_up"] == 0
    assert daemon.wait_exit() == 0


def test_not_ready_without_a_worker(start: Start) -> None:
    daemon = start("server.processes=1", "admin.listen=127.0.0.1:0")

    # A worker needs some milliseconds to get ready, and the moment may pass unseen: once more then.
    def dip() -> bool:
        for pid in daemon.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return ask(daemon, "/readyz").status == 503

    wait_for("not ready", dip)
    wait_for("ready again", lambda: ask(daemon, "/readyz").body == b"1 of 1 workers ready\n")
    assert ask(daemon, "/healthz").status == 200


def test_events(start: Start) -> None:
    daemon = start("server.processes=1", "admin.listen=127.0.0.1:0")
    first = json.loads(ask(daemon, "/events").body)
    assert first["last"] == len(first["events"]) >= 1
    os.kill(daemon.workers()[0], signal.SIGKILL)
    death = wait_for("the death", lambda: [e for e in json.loads(ask(daemon, f"/events?since={first['last']}").body)["events"] if e["kind"] == "death"])
    assert death[0]["slot"] == 0
    assert ask(daemon, "/events?since=x").status == 400


def test_it_outlives_an_upgrade(start: Start) -> None:
    """Asked without a pause: no connection is refused while one program follows another in the process."""
    daemon = start("server.processes=1", "admin.listen=127.0.0.1:0")
    where = address(daemon)
    before = samples(daemon)["restmark_generation"]
    with subprocess.Popen([str(RESTMARKCTL), "-s", str(daemon.control), "upgrade"], stdout=subprocess.DEVNULL) as upgrade:
        while upgrade.poll() is None:
            # One that is accepted by the program that leaves may end with it, but the next is served.
            with contextlib.suppress(Closed, ConnectionResetError), Connection(where) as connection:
                connection.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert connection.read().status == 200
    assert upgrade.returncode == 0
    assert samples(daemon)["restmark_generation"] == before + 1
    assert address(daemon) == where


# ---- clients that are no clients ----


def test_it_answers_at_once_when_every_worker_is_stuck(start: Start) -> None:
    daemon = start("server.processes=2", "admin.listen=127.0.0.1:0")
    loopers = [Connection((daemon.host, daemon.port)) for _ in range(4)]
    for looper in loopers:
        looper.send(b"GET /million-loop?n=100000000&seed=1 HTTP/1.1\r\nHost: test\r\n\r\n")
    workers = daemon.workers()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        for target in ("/metrics", "/status", "/", "/healthz", "/events"):
            took = []
            for _ in range(5):
                begin = time.monotonic()
                assert ask(daemon, target).status == 200
                took.append(time.monotonic() - begin)
            # The best of five, as this machine may be busy with other things than the daemon.
            assert min(took) < (1.0 if SANITIZED else 0.1), (target, took)
        assert samples(daemon)['restmark_worker_heartbeat_age_seconds{process="worker",slot="0",role="primary"}'] >= 0
    finally:
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):  # the master ends workers that are stuck for long
                os.kill(pid, signal.SIGCONT)
        for looper in loopers:
            looper.close()


GARBAGE = [
    b"\r\n\r\n", b"nonsense\r\n\r\n", b"\0" * 5000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01\x02\x00" * 99,
    b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n", b"GET / HTTP/1.1\r\n\r\n",
]  # fmt: skip


def test_garbage_gets_an_error_or_the_door(admin: Daemon) -> None:
    clients = []
    for garbage in GARBAGE:
        client = socket.create_connection(address(admin), timeout=15)
        clients.append(client)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            client.sendall(garbage)
    assert ask(admin, "/healthz").status == 200
    for client in clients:
        with client:
            try:
                reply = client.recv(65536)
            except ConnectionResetError:
                reply = b""
            assert reply == b"" or re.match(rb"HTTP/1\.[01] [45]", reply), reply[:80]
    assert ask(admin, "/healthz").status == 200


def test_silent_clients_disturb_nobody(start: Start) -> None:
    """More of them than the endpoint serves at once: who asks something is still answered at once."""
    daemon = start("server.processes=1", "admin.listen=127.0.0.1:0")
    clients = []
    for i in range(50):
        client = socket.create_connection(address(daemon), timeout=20)
        if i % 2:
            client.send(b"GET /status HTT")
        clients.append(client)
    begin = time.monotonic()
    assert ask(daemon, "/status").status == 200
    assert time.monotonic() - begin < 5
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200
    # Their time is limited: the last one, too, is thrown out.
    begin = time.monotonic()
    assert clients[-1].recv(100) == b""
    assert time.monotonic() - begin < 60
    for client in clients:
        client.close()


def test_a_slow_drip_has_no_more_time_than_silence(start: Start) -> None:
    daemon = start("server.processes=1", "admin.listen=127.0.0.1:0")
    begin = time.monotonic()
    with socket.create_connection(address(daemon), timeout=1) as client:
        try:
            while time.monotonic() - begin < 60:
                client.send(b"G")
                client.settimeout(0.3)
                try:
                    if client.recv(100) == b"":
                        break
                except TimeoutError:
                    continue
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert 3 < time.monotonic() - begin < 60


def test_a_client_that_does_not_read_disturbs_nobody(start: Start) -> None:
    daemon = start("server.processes=32", "admin.listen=127.0.0.1:0")
    lazy = []
    for _ in range(20):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.connect(address(daemon))
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        lazy.append(client)
    assert len(json.loads(ask(daemon, "/status").body)["workers"]) == 32
    for client in lazy:
        client.close()


def test_pipelined_requests_get_one_answer(admin: Daemon) -> None:
    with socket.create_connection(address(admin), timeout=10) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        reply = b""
        try:
            while chunk := client.recv(65536):
                reply += chunk
        except ConnectionResetError:
            pass
    assert reply.count(b"HTTP/1.1 200 OK") == 1


def test_an_endpoint_that_nobody_asks_costs_nothing(start: Start) -> None:
    daemon = start("server.processes=2", "admin.listen=127.0.0.1:0")
    ask(daemon, "/metrics")

    def switches() -> int:
        found = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", Path(f"/proc/{daemon.pid}/status").read_text(), re.MULTILINE)
        assert found
        return int(found[1])

    before, end = switches(), time.monotonic() + 2
    wait_for("two seconds", lambda: time.monotonic() > end)
    assert switches() - before <= 10  # it is woken for nothing but its own once-a-second duties
