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
from daemon import RESTMARKCTL, Daemon, run, wait_for
from http_client import Closed, Connection, Load, Response, exchange

Start = Callable[..., Daemon]
SANITIZED = os.environ.get("RESTMARK_SANITIZED") == "1"
OPEN_METRICS = "Accept: application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n"


def address(daemon: Daemon) -> tuple[str, int]:
    found = daemon.wait_log(r"admin endpoint http://(127\.0\.0\.1):(\d+)/\n")
    return found[1], int(found[2])


def ask(daemon: Daemon, target: str, method: str = "GET", headers: str = "", host: str = "127.0.0.1") -> Response:
    with Connection(address(daemon)) as connection:
        connection.send(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode("latin-1"))
        response = connection.read(head=method == "HEAD")
        assert response.closes and connection.at_end()
        return response


def samples(daemon: Daemon) -> dict[str, float]:
    """The metrics as {'name{labels}': value}."""
    lines = ask(daemon, "/metrics").body.decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


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
    sockets = [os.readlink(entry) for entry in Path(f"/proc/{daemon.pid}/fd").iterdir() if entry.is_symlink()]
    inodes = {link[8:-1] for link in sockets if link.startswith("socket:")}
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


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
def test_it_only_shows(admin: Daemon, method: str) -> None:
    response = ask(admin, "/status", method)
    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")


def test_a_body_is_passed_over_up_to_a_limit(admin: Daemon) -> None:
    def post(n: int) -> Response:
        return exchange(address(admin), b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % n + b"x" * n)

    assert post(60_000).status == 405
    with pytest.raises((Closed, ConnectionResetError, BrokenPipeError)):
        post(10_000_000)
    assert ask(admin, "/healthz").status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:9180", "localhost", "LOCALHOST:1", "[::1]", "[::1]:9180", "10.1.2.3:80"])
def test_addresses_and_localhost_are_good_hosts(admin: Daemon, host: str) -> None:
    assert ask(admin, "/status", host=host).status == 200


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org", "localhost.example.org", "localhost:x", "[::1", "[::1]x", "127.0.0.1:80@evil", "1", ""])
def test_a_page_of_another_site_cannot_read_it_by_a_name_of_its_own(admin: Daemon, host: str) -> None:
    for target in ("/", "/status", "/metrics", "/events"):
        response = ask(admin, target, host=host)
        assert response.status == 403, host
        assert b"localhost" in response.body


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
    assert f"-o admin.listen={host}:{port}: [admin] listen" in second.stderr and "cannot listen" in second.stderr
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
    worker = json.loads(ask(admin, "/status").body)["workers"][0]
    rollup = Path(f"/proc/{worker['pid']}/smaps_rollup").read_text()
    rss = int(re.search(r"^Rss: +(\d+) kB", rollup, re.MULTILINE)[1]) * 1024  # type: ignore[index]
    assert abs(worker["memory"]["rss_bytes"] - rss) < 0.1 * rss + (1 << 20)


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


# ---- metrics ----


def test_the_counts_are_right(start: Start) -> None:
    daemon = start("server.processes=2", "admin.listen=127.0.0.1:0")
    with Connection((daemon.host, daemon.port)) as connection:
        for target, times in (("/", 3), ("/encode-json", 2), ("/transfer-data", 1), ("/nope", 1), ("/?x", 1)):
            for _ in range(times):
                connection.request(target)
        now = wait_for("counted", lambda: (s := samples(daemon))['restmark_requests_total{route="welcome"}'] == 4 and s)
        assert now['restmark_requests_total{route="encode-json"}'] == 2
        assert now['restmark_requests_total{route="other"}'] == 1
        assert now['restmark_request_errors_total{route="welcome",class="4xx"}'] == 1
        assert now['restmark_request_errors_total{route="welcome",class="5xx"}'] == 0
        assert now['restmark_response_body_bytes_total{route="transfer-data"}'] == 133622
        assert now['restmark_work_seconds_total{route="encode-json"}'] > 1e-5
        assert sum(v for name, v in now.items() if name.startswith("restmark_worker_requests_total{")) == 8
        assert sum(v for name, v in now.items() if name.startswith("restmark_connections{")) == 1
        assert sum(v for name, v in now.items() if name.startswith("restmark_connections_accepted_total{")) == 1
        assert now['restmark_workers{state="ready"}'] == 2
        assert now["restmark_generation"] == now["restmark_up"] == 1
        assert abs(now["restmark_start_time_seconds"] - time.time()) < 300
        for process in ('process="master"', 'process="worker",slot="0",role="primary"', 'process="worker",slot="1",role="primary"'):
            assert 1e4 < now[f"restmark_process_uss_bytes{{{process}}}"] <= now[f"restmark_process_rss_bytes{{{process}}}"]


def check_histograms(now: dict[str, float], family: str) -> int:
    """Buckets do not shrink from one to the next, and the last is the count. Returns how many histograms there are."""
    found: dict[str, list[tuple[float, float]]] = {}
    for name, value in now.items():
        match = re.fullmatch(family + r'_bucket\{(.*),le="(.*)"\}', name)
        if match:
            found.setdefault(match[1], []).append((float(match[2]), value))
    for labels, buckets in found.items():
        limits, counts = zip(*buckets, strict=True)
        assert list(limits) == sorted(limits) and limits[-1] == float("inf"), labels
        assert list(counts) == sorted(counts), labels
        assert counts[-1] == now[f"{family}_count{{{labels}}}"], labels
        assert (now[f"{family}_sum{{{labels}}}"] > 0) == (counts[-1] > 0), labels
    return len(found)


def test_histograms_are_consistent_under_load(start: Start) -> None:
    daemon = start("server.processes=2", "admin.listen=127.0.0.1:0")
    with Load((daemon.host, daemon.port), clients=4) as load:
        for _ in range(10):
            load.wait_answered(20)
            now = samples(daemon)
            assert check_histograms(now, "restmark_request_duration_seconds") == 6
            assert check_histograms(now, "restmark_worker_request_duration_seconds") == 2
    now = samples(daemon)
    assert now['restmark_request_duration_seconds_count{route="welcome"}'] == now['restmark_requests_total{route="welcome"}'] >= load.answered


def test_counters_never_go_down(start: Start) -> None:
    daemon = start("server.processes=2", "admin.listen=127.0.0.1:0")
    before: dict[str, float] = {}
    with Load((daemon.host, daemon.port), clients=2) as load:
        for life in range(6):
            load.wait_answered(20)
            # A load that loses its connection to a killed worker counts a failure and connects again.
            os.kill(daemon.workers()[life % 2], signal.SIGKILL)
            for _ in range(5):
                now = samples(daemon)
                for name, value in before.items():
                    if re.search(r"_(total|count|sum|bucket)(\{|$)", name):
                        assert now[name] >= value, name
                before = now
            wait_for("two workers", lambda: samples(daemon)['restmark_workers{state="ready"}'] == 2)
    now = samples(daemon)
    assert sum(v for name, v in now.items() if name.startswith("restmark_worker_restarts_total")) == 6
    assert now['restmark_worker_ends_total{cause="crash"}'] + now['restmark_worker_ends_total{cause="start"}'] == 6


def test_slots_that_go_leave_their_counts(start: Start) -> None:
    daemon = start("server.processes=3", "admin.listen=127.0.0.1:0")
    for _ in range(12):
        with Connection((daemon.host, daemon.port)) as connection:
            connection.request("/")
    wait_for("counted", lambda: samples(daemon)['restmark_requests_total{route="welcome"}'] == 12)
    subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "scale", "1"], check=True, timeout=60, stdout=subprocess.DEVNULL)
    now = samples(daemon)
    assert now['restmark_requests_total{route="welcome"}'] == 12
    assert [name for name in now if name.startswith("restmark_worker_requests_total")] == ['restmark_worker_requests_total{slot="0"}']
    assert daemon.status()["routes"]["welcome"]["requests"] == 12


def test_reloads_are_counted(start: Start) -> None:
    daemon = start(config="[server]\nprocesses = 1\nlisten = 127.0.0.1:0\n[admin]\nlisten = 127.0.0.1:0\n", listen=False)
    daemon.signal(signal.SIGHUP)
    wait_for("a good one", lambda: samples(daemon)['restmark_reloads_total{result="ok"}'] == 1)
    assert samples(daemon)["restmark_generation"] == 2
    (daemon.folder / "restmarkd.ini").write_text("[server]\nprocesses = nonsense\n")
    daemon.signal(signal.SIGHUP)
    wait_for("a bad one", lambda: samples(daemon)['restmark_reloads_total{result="failed"}'] == 1)
    assert samples(daemon)["restmark_generation"] == 2


def test_listen_queues(start: Start) -> None:
    daemon = start("server.processes=1", "admin.listen=127.0.0.1:0", "server.backlog=3")
    labels = f'{{address="127.0.0.1:{daemon.port}",slot="0"}}'
    assert samples(daemon)["restmark_listen_queue_limit_connections" + labels] == 3
    (worker,) = daemon.workers()
    os.kill(worker, signal.SIGSTOP)
    wait_for("stopped", lambda: Path(f"/proc/{worker}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T")
    clients = [socket.create_connection((daemon.host, daemon.port), timeout=10) for _ in range(2)]
    wait_for("two wait", lambda: samples(daemon)["restmark_listen_queue_connections" + labels] == 2)
    for _ in range(4):  # more than fit: the kernel drops what would end the handshake
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex((daemon.host, daemon.port))
        clients.append(client)
    wait_for("drops", lambda: samples(daemon)["restmark_listen_drops_total" + labels] > 0)
    with contextlib.suppress(ProcessLookupError):  # the master ends workers that are stuck for long
        os.kill(worker, signal.SIGCONT)
    for client in clients:
        client.close()
    wait_for("served", lambda: samples(daemon)["restmark_listen_queue_connections" + labels] == 0)


def test_a_queue_that_all_share_is_there_once(start: Start) -> None:
    daemon = start("server.processes=3", "admin.listen=127.0.0.1:0", "server.balance=shared")
    queues = [name for name in samples(daemon) if name.startswith("restmark_listen_queue_connections")]
    assert queues == [f'restmark_listen_queue_connections{{address="127.0.0.1:{daemon.port}",slot="0"}}']


def test_promtool_finds_nothing_to_say(start: Start) -> None:
    daemon = start("server.processes=2", "admin.listen=127.0.0.1:0")
    with Connection((daemon.host, daemon.port)) as connection:
        connection.request("/encode-json")
    response = ask(daemon, "/metrics", headers="Accept: */*\r\n")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lint = subprocess.run(["promtool", "check", "metrics"], input=response.body, capture_output=True, timeout=60)
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, b"", b"")


def test_open_metrics(start: Start) -> None:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    daemon = start("server.processes=2", "admin.listen=127.0.0.1:0")
    response = ask(daemon, "/metrics", headers=OPEN_METRICS)
    assert response.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    text = response.body.decode()
    assert text.endswith("\n# EOF\n")
    families = {f.name: f for f in text_string_to_metric_families(text)}  # strict: raises on whatever the standard forbids
    assert families["restmark_requests"].type == "counter"
    assert families["restmark_request_duration_seconds"].type == "histogram"
    assert families["restmark_build"].samples[0].labels["version"] == run("--version").stdout.split()[1]
    older = ask(daemon, "/metrics").body.decode().splitlines()
    names = [line.split(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert names == [line.split(" ")[0] for line in older if not line.startswith("#")]
    documented = (Path(__file__).resolve().parents[2] / "docs" / "OBSERVING.md").read_text()
    for name in {re.sub(r"_(bucket|sum|count)$", "", name.split("{")[0]) for name in names}:
        assert f"`{name}" in documented, f"{name} is not in docs/OBSERVING.md"


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
    assert time.monotonic() - begin < 12
    for client in clients:
        client.close()


def test_a_slow_drip_has_no_more_time_than_silence(start: Start) -> None:
    daemon = start("server.processes=1", "admin.listen=127.0.0.1:0")
    begin = time.monotonic()
    with socket.create_connection(address(daemon), timeout=1) as client:
        try:
            while time.monotonic() - begin < 30:
                client.send(b"G")
                client.settimeout(0.3)
                try:
                    if client.recv(100) == b"":
                        break
                except TimeoutError:
                    continue
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert 3 < time.monotonic() - begin < 15


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
