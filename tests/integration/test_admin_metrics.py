"""The admin endpoint's /metrics: that the figures are right, and their text is what Prometheus reads."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from admin_client import ask, samples
from daemon import RESTMARKCTL, Daemon, run, wait_for
from http_client import Connection, Load
from strace import tampered, under_strace

from processes import is_stopped

Start = Callable[..., Daemon]
OPEN_METRICS = "Accept: application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n"


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
            assert check_histograms(now, "restmark_request_duration_seconds") == len(daemon.status()["routes"])
            assert check_histograms(now, "restmark_worker_request_duration_seconds") == 2
    now = samples(daemon)
    assert now['restmark_request_duration_seconds_count{route="welcome"}'] == now['restmark_requests_total{route="welcome"}'] >= load.answered


def restarts(now: dict[str, float]) -> float:
    return sum(v for name, v in now.items() if name.startswith("restmark_worker_restarts_total"))


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
            # The master may not have heard of the death yet, and count it as ready: only one that has been started again is another.
            wait_for("another worker", lambda n=life + 1: restarts(samples(daemon)) == n)
            wait_for("two workers", lambda: samples(daemon)['restmark_workers{state="ready"}'] == 2)
    now = samples(daemon)
    assert restarts(now) == 6
    assert now['restmark_worker_ends_total{cause="crash"}'] + now['restmark_worker_ends_total{cause="start"}'] == 6


def test_slots_that_go_leave_their_counts(start: Start) -> None:
    daemon = start("server.processes=3", "admin.listen=127.0.0.1:0")
    for _ in range(12):
        with Connection((daemon.host, daemon.port)) as connection:
            connection.request("/")
    wait_for("counted", lambda: samples(daemon)['restmark_requests_total{route="welcome"}'] == 12)
    subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "scale", "1"], check=True, timeout=300, stdout=subprocess.DEVNULL)
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
    wait_for("stopped", lambda: is_stopped(worker))
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
    lint = subprocess.run(["promtool", "check", "metrics"], input=response.body, capture_output=True, timeout=300)
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, b"", b"")


@under_strace
def test_whoever_is_ready_has_a_heartbeat(start: Start, tmp_path: Path) -> None:
    """Also while it has only just said so: a worker that hangs from then on is missed by its beat."""
    daemon = start("server.processes=1")
    with tampered(daemon, tmp_path, "sendmsg", "delay_exit=1s"):
        os.kill(daemon.workers()[0], signal.SIGKILL)
        worker = wait_for("ready again", lambda: (w := daemon.status()["workers"][0])["restarts"] == 1 and w["state"] == "ready" and w)
        assert worker["beat_age_ms"] is not None


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
