"""The RPC port: the same answers as HTTP's, by id and out of order, and what happens to calls when workers come and go."""

from __future__ import annotations

import importlib
import os
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from daemon import RESTMARKCTL, Daemon, wait_for
from http_client import Connection
from rpc_client import RpcClient, addresses

from processes import is_alive, is_stopped

Start = Callable[..., Daemon]

PUBLIC_CLIENT = "pynvim==0.5.0"  # its msgpack_rpc package is the client that most people have


@pytest.fixture
def calls(start: Start, tmp_path: Path) -> Callable[..., Daemon]:
    def start_one(*options: str, **keywords: object) -> Daemon:
        return start("rpc.listen=127.0.0.1:0", f"rpc.listen=unix:{tmp_path}/rpc.sock", "workloads.wait=yes", *options, **keywords)

    return start_one


@pytest.fixture(scope="session")
def msgpack_rpc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("public_client")
    try:
        module = importlib.import_module("pynvim.msgpack_rpc")
    except ImportError:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--target", str(folder), PUBLIC_CLIENT]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            pytest.skip(f"cannot be had from PyPI: {PUBLIC_CLIENT}: {done.stderr.strip()[-300:]}")
        sys.path.insert(0, str(folder))
        module = importlib.import_module("pynvim.msgpack_rpc")
    yield module
    if str(folder) in sys.path:
        sys.path.remove(str(folder))


SAME: list[tuple[str, dict[str, int], str]] = [
    ("welcome", {}, "/"),
    ("parse-msgpack", {}, "/parse-msgpack"),
    ("parse-msgpack", {"count": 3, "digest": 2, "seed": 9}, "/parse-msgpack?count=3&digest=2&seed=9"),
    ("encode-json", {"count": 100}, "/encode-json?count=100"),
    ("transfer-data", {}, "/transfer-data"),
    ("transfer-data", {"count": 77}, "/transfer-data?count=77"),
    ("million-loop", {"n": 5, "seed": 7}, "/million-loop?n=5&seed=7"),
    ("million-loop", {}, "/million-loop"),
    ("record", {"id": 17}, "/record/17"),
    ("wait", {"ms": 3}, "/wait?ms=3"),
]


@pytest.mark.parametrize("codec", ["struct", "tree"])
def test_a_call_has_the_result_that_the_request_has_as_its_body(calls: Start, codec: str) -> None:
    daemon = calls("server.processes=1", f"workloads.codec={codec}")
    assert len(addresses(daemon)) == 2
    for address in addresses(daemon):
        with RpcClient(address) as client, Connection((daemon.host, daemon.port)) as connection:
            for method, parameters, target in SAME:
                assert client.ask(method, **parameters).encode() == connection.request(target).body, (method, parameters)
            body = connection.request("/record/1").body.decode()
            assert client.ask("validate", body=body) == client.ask("validate", body=body.encode()) == body
    status = daemon.status()
    assert status["rpc"]["calls"] == 2 * (len(SAME) + 2)
    assert status["routes"]["welcome"]["requests"] == 4
    metrics = subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "status"], capture_output=True, text=True, timeout=30, check=True).stdout
    assert "record" in metrics


@pytest.mark.parametrize(
    ("method", "params", "status", "words"),
    [
        ("nothing", [], 404, "no such method"),
        ("sibling", [], 404, "no such method"),
        (7, [], 400, "has to be a str"),
        ("welcome", 7, 400, "[] or [{name: number}]"),
        ("welcome", [{"n": 1}], 400, "Unknown parameter"),
        ("million-loop", [{"n": -1}], 400, "whole number"),
        ("million-loop", [{"n": 100_000_001}], 400, "from 0 to 100000000"),
        ("encode-json", [{"seed": 1}], 400, "digest"),
        ("record", [{"id": 1000}], 404, "no record"),
        ("validate", [{"body": "{"}], 400, "JSON"),
        ("validate", [{"body": "{}"}], 422, "id"),
    ],
)
def test_an_error_is_answered_and_the_connection_goes_on(calls: Start, method: object, params: object, status: int, words: str) -> None:
    daemon = calls("server.processes=1")
    with RpcClient(addresses(daemon)[0]) as client:
        client.send([0, 5, method, params])
        answer = client.read()
        assert answer is not None
        assert (answer[0], answer[1][0], answer[2]) == (5, status, None)
        assert words in answer[1][1]
        assert client.ask("welcome") == "Welcome!\n"


@pytest.mark.parametrize("balance", ["shared", "cpu"])
def test_every_balance_serves_both_ports(calls: Start, balance: str) -> None:
    daemon = calls("server.processes=2", f"server.balance={balance}")
    for address in addresses(daemon):
        clients = [RpcClient(address) for _ in range(8)]
        for client in clients:
            assert client.ask("record", id=3).startswith('{"id":3,')
            client.socket.close()
    with Connection((daemon.host, daemon.port)) as connection:
        assert connection.request("/").status == 200


def test_wait_is_off_where_it_is_off(start: Start) -> None:
    daemon = start("server.processes=1", "rpc.listen=127.0.0.1:0")
    with RpcClient(addresses(daemon)[0]) as client:
        client.call(1, "wait")
        answer = client.read()
        assert answer is not None and answer[1][0] == 404 and "wait = yes" in answer[1][1]


def test_answers_come_when_they_are_ready(calls: Start) -> None:
    """One worker, one packet: what computes is begun after all that is cheap, and what waits holds up nobody."""
    daemon = calls("server.processes=1")
    with RpcClient(addresses(daemon)[0]) as client, RpcClient(addresses(daemon)[1]) as other:
        client.send(
            [0, 1, "million-loop", [{"n": 20_000_000}]],
            [0, 2, "wait", [{"ms": 30_000}]],
            [0, 3, "million-loop", [{"n": 5_000_000}]],
            [0, 4, "welcome", []],
            [0, 4, "record", [{"id": 1}]],
            [0, 0xFFFFFFFF, "welcome", []],
        )
        order = [client.read() for _ in range(5)]
        assert [a[0] for a in order if a] == [4, 4, 0xFFFFFFFF, 1, 3]
        assert daemon.status()["workers"][0]["waiting"] == 1
        assert other.ask("welcome") == "Welcome!\n"


def test_dear_calls_of_one_client_let_those_of_others_through(calls: Start, tmp_path: Path) -> None:
    """The log has them in the order in which they were answered."""
    daemon = calls("server.processes=1", f"log.access-log={tmp_path}/access.log")
    with RpcClient(addresses(daemon)[0]) as greedy, RpcClient(addresses(daemon)[1]) as modest:
        greedy.send(*([0, i, "million-loop", [{"n": 10_000_000}]] for i in range(100)))
        assert greedy.read() is not None  # they are being worked on
        assert modest.ask("million-loop", n=100_000)
        for _ in range(99):
            assert greedy.read() is not None
    lines = wait_for("the lines", lambda: (text := (tmp_path / "access.log").read_text()).count("\n") == 101 and text).splitlines()
    (place,) = [i for i, line in enumerate(lines) if "?n=100000\"" in line]
    assert place < 100


def test_notifications_are_done_and_not_answered(calls: Start) -> None:
    daemon = calls("server.processes=1")
    with RpcClient(addresses(daemon)[0]) as client:
        client.send([2, "million-loop", [{"n": 1_000_000}]], [2, "nothing", []], [2, "wait", [{"ms": 50_000}]], [2, "transfer-data", [{"count": 50}]])
        assert client.ask("million-loop", n=30_000)
    routes = daemon.status()["routes"]
    assert (routes["million-loop"]["requests"], routes["other"]["errors_4xx"], routes["wait"]["requests"]) == (2, 1, 1)
    assert routes["transfer-data"]["body_bytes"] == 0


def test_a_public_client_is_understood(calls: Start, msgpack_rpc: ModuleType) -> None:
    daemon = calls("server.processes=2")
    host, port = addresses(daemon)[0].rsplit(":", 1)
    for session in (msgpack_rpc.tcp_session(host, int(port)), msgpack_rpc.socket_session(addresses(daemon)[1].removeprefix("unix:"))):
        assert session.request("welcome") == "Welcome!\n"
        assert session.request("million-loop", {"n": 5, "seed": 7}) == session.request("million-loop", {"seed": 7, "n": 5})
        assert len(session.request("transfer-data")) == 133622
        with pytest.raises(Exception, match="no such method"):
            session.request("nothing")
        session.close()


def test_calls_are_logged_like_requests(calls: Start, tmp_path: Path) -> None:
    daemon = calls("server.processes=1", f"log.access-log={tmp_path}/access.log")
    with RpcClient(addresses(daemon)[0]) as client:
        client.ask("million-loop", n=5, seed=7)
        client.send([0, 1, 'bad"\n', []], [2, "welcome", []])
        assert client.read() is not None
        client.ask("welcome")
    lines = wait_for("the lines", lambda: (text := (tmp_path / "access.log").read_text()).count("\n") == 4 and text).splitlines()
    assert [line.split('"', 1)[1].rsplit(" ", 2)[0] for line in lines] == [
        'CALL million-loop?n=5&seed=7" 200 ' + lines[0].split()[-3],
        'CALL bad\\x22\\x0a" 404 0',
        'NOTIFY welcome" 200 0',
        'CALL welcome" 200 9',
    ]


def test_a_reload_and_an_upgrade_answer_all_that_has_come(calls: Start) -> None:
    daemon = calls("server.processes=2")
    for command in ("reload", "upgrade"):
        clients = [RpcClient(address) for address in addresses(daemon) for _ in range(4)]
        old = daemon.workers()
        for i, client in enumerate(clients):
            assert client.ask("welcome")
            client.send([0, i, "wait", [{"ms": 300}]], [0, 100 + i, "million-loop", [{"n": 3_000_000}]], [0, 200 + i, "welcome", []])
            answer = client.read()
            assert answer is not None and answer[0] == 200 + i  # those before it have come, too
        done = subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), command], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        for i, client in enumerate(clients):
            answers = [client.read(), client.read()]
            assert {a[0] for a in answers if a and a[1] is None} == {i, 100 + i}, (command, answers)
            assert client.read() is None
            client.socket.close()
        assert not set(old) & set(daemon.workers())
        for address in addresses(daemon):
            with RpcClient(address) as client:
                assert client.ask("welcome") == "Welcome!\n"


def test_a_stop_answers_what_has_come_and_takes_the_socket_away(calls: Start, tmp_path: Path) -> None:
    daemon = calls("server.processes=2")
    with RpcClient(addresses(daemon)[0]) as busy, RpcClient(addresses(daemon)[1]) as idle:
        assert idle.ask("welcome")
        busy.send([0, 1, "wait", [{"ms": 700}]], [0, 2, "welcome", []])
        assert busy.read() == (2, None, "Welcome!\n")  # what is before it has come, too
        daemon.signal(signal.SIGTERM)
        assert busy.read() == (1, None, "700")
        assert busy.read() is None
        assert idle.read() is None
    assert daemon.wait_exit() == 0
    assert not (tmp_path / "rpc.sock").exists()


def test_clients_in_the_queue_of_a_dead_worker_are_served_by_others(calls: Start) -> None:
    """Over TCP each worker has a queue of its own, which the master serves while there is no worker: it passes these on as callers."""
    daemon = calls("server.processes=2")
    for pid in daemon.workers():
        os.kill(pid, signal.SIGKILL)
        wait_for("it is gone", lambda pid=pid: not is_alive(pid))  # what it takes in its last moment goes with it
    clients = [RpcClient(addresses(daemon)[0]) for _ in range(20)]
    for client in clients:
        assert client.ask("welcome") == "Welcome!\n"
        client.socket.close()
    victim = daemon.workers()[0]
    os.kill(victim, signal.SIGSTOP)
    try:
        clients = [RpcClient(address) for address in addresses(daemon) for _ in range(10)]
        for client in clients:
            assert client.ask("record", id=1).startswith('{"id":1,')
            client.socket.close()
    finally:
        if is_alive(victim):
            os.kill(victim, signal.SIGCONT)


def test_harakiri_ends_a_call_that_takes_too_long(calls: Start) -> None:
    daemon = calls("server.processes=1", "workers.harakiri=300ms")
    (worker,) = daemon.workers()
    with RpcClient(addresses(daemon)[0]) as client:
        for i in range(100):  # none takes longer than some tenths of a second, so it is made to stand still in one
            client.call(i, "million-loop", n=100_000_000)
            wait_for("it is worked on", lambda i=i: daemon.status()["workers"][0]["working"] or client.socket in select.select([client.socket], [], [], 0)[0])
            os.kill(worker, signal.SIGSTOP)
            wait_for("it stands still", lambda: is_stopped(worker))
            if (daemon.status()["workers"][0]["working"] or {}).get("query", "").startswith("?n=100000000"):
                break
            os.kill(worker, signal.SIGCONT)
            assert client.read() is not None
        assert client.read() is None
    daemon.wait_log(r"/million-loop\?n=100000000")
    with RpcClient(addresses(daemon)[0]) as client:
        assert client.ask("welcome") == "Welcome!\n"


def test_the_socket_has_its_mode_and_a_stale_one_is_replaced(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "rpc.sock"
    options = (f"rpc.listen=unix:{path}", "rpc.mode=0600", "server.processes=1")
    first = start(*options)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    second = Daemon(tmp_path / "second", options)
    assert second.wait_exit() != 0
    assert f"{path} is in use by process {first.pid}" in second.log()
    os.kill(first.pid, signal.SIGKILL)
    first.wait_exit()
    assert path.exists()
    third = start(*options[:1], "rpc.mode=0666")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    with RpcClient(addresses(third)[0]) as client:
        assert client.ask("welcome") == "Welcome!\n"
    path.unlink()
    path.write_text("not a socket")
    fourth = Daemon(tmp_path / "fourth", options)
    assert fourth.wait_exit() != 0
    assert "is not a socket: it will not be replaced" in fourth.log()
    assert path.read_text() == "not a socket"


def test_scaling_up_and_down_loses_no_call(calls: Start) -> None:
    daemon = calls("server.processes=1")
    stop = threading.Event()
    lost: list[str] = []
    done = [0]

    def ask() -> None:
        while not stop.is_set():
            try:
                with RpcClient(addresses(daemon)[1]) as client:
                    for i in range(20):
                        client.call(i, "record", id=i)
                        if client.read() is None:
                            break  # the worker has left: the call was not begun
                        done[0] += 1
            except OSError as error:
                lost.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    for n in (3, 1, 2, 1):
        subprocess.run([str(RESTMARKCTL), "-s", str(daemon.control), "scale", str(n)], check=True, capture_output=True, timeout=60)
        before = done[0]
        wait_for("more answers", lambda before=before: done[0] > before + 50)
    stop.set()
    thread.join()
    assert not lost


def test_idle_connections_end_and_those_that_wait_do_not(calls: Start) -> None:
    daemon = calls("server.processes=1", "limits.idle-timeout=300ms")
    begun = time.monotonic()
    with RpcClient(addresses(daemon)[0]) as idle, RpcClient(addresses(daemon)[0]) as waits:
        waits.call(1, "wait", ms=1200)
        assert idle.read() is None
        assert time.monotonic() - begun >= 0.299  # it counts in whole milliseconds
        assert waits.read() == (1, None, "1200")
    assert daemon.status()["closes"]["idle"] >= 1
