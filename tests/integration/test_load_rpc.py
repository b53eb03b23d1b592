"""restmark-load drives calls: every answer is found by its id, measured from its own sending, and compared; what is wrong is caught."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import pytest
from daemon import Daemon
from load_support import LOAD, PROBES
from rpc_client import addresses

Start = Callable[..., Daemon]
Reply = Callable[[socket.socket, list[list[Any]]], None]
DEPTH = 8


def load(*arguments: str, code: int = 0) -> dict[str, Any]:
    done = subprocess.run([str(LOAD), "--json", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr + done.stdout
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@contextmanager
def planted(reply: Reply, probes: int = PROBES) -> Iterator[str]:
    """A server that answers the probes rightly, and the load as `reply` does with the calls that have come together."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket, number: int) -> None:
        unpacker = msgpack.Unpacker(raw=False)
        with client:
            try:
                while more := client.recv(65536):
                    unpacker.feed(more)
                    calls = list(unpacker)
                    if number < probes:
                        client.sendall(b"".join(msgpack.packb([1, c[1], None, "Welcome!\n"]) for c in calls))
                    else:
                        reply(client, calls)
            except OSError:
                return

    def accept() -> None:
        number = 0
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client, number), daemon=True).start()
            number += 1

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"rpc://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_the_daemon_s_calls_are_loaded_and_verified(start: Start, tmp_path: Path) -> None:
    daemon = start("server.processes=2", "rpc.listen=127.0.0.1:0", f"rpc.listen=unix:{tmp_path}/rpc.sock", "workloads.wait=yes")
    tcp, local = addresses(daemon)
    targets = ["/=8", "/record/{id:0-999}=2", "/million-loop?n={n:0-30000}&seed=3=1", "/wait?ms={ms:1-5}=1", "/transfer-data=1", "/encode-json?count=9=1"]
    for url in (f"rpc://{tcp}", f"rpc+{local}"):
        for depth in (1, 16, 200):
            result = load("-c", "3", "-n", "3000", "--pipeline", str(depth), url, *targets)
            assert (result["requests"]["answered"], result["requests"]["failed"]) == (3000, 0)
    assert daemon.status()["rpc"]["calls"] >= 6 * 3000


def test_an_answer_in_any_order_is_right() -> None:
    def backwards(client: socket.socket, calls: list[list[Any]]) -> None:
        client.sendall(b"".join(msgpack.packb([1, c[1], None, "Welcome!\n"]) for c in reversed(calls)))

    with planted(backwards) as url:
        result = load("-c", "1", "-n", "400", "--pipeline", str(DEPTH), url)
        assert (result["requests"]["answered"], result["requests"]["failed"]) == (400, 0)


@pytest.mark.parametrize("wrong", ["body", "status", "unknown", "twice", "no-answer"])
def test_what_is_wrong_is_caught(wrong: str) -> None:
    def reply(client: socket.socket, calls: list[list[Any]]) -> None:
        for call in calls:
            answers = {
                "body": [[1, call[1], None, "Wel*ome!\n"]],
                "status": [[1, call[1], [503, "no"], None]],
                "unknown": [[1, call[1] + DEPTH, None, "Welcome!\n"]],
                "twice": [[1, call[1], None, "Welcome!\n"]] * 2,
                "no-answer": [[0, call[1], "welcome", []]],
            }[wrong]
            client.sendall(b"".join(msgpack.packb(a) for a in answers))

    with planted(reply) as url:
        result = load("-c", "1", "-n", "40", "--pipeline", str(DEPTH), url, code=1)
        assert result["requests"]["failed"] + sum(result["troubles"].values()) > 0
        kinds = {"body": "body", "status": "status", "no-answer": "malformed-header"}
        if wrong in kinds:
            assert result["failures"][kinds[wrong]] > 0, result["failures"]
        else:
            assert result["troubles"]["unasked-bytes"] > 0, result


def test_each_call_counts_from_its_own_sending() -> None:
    """Two kinds of calls on one connection, one of which waits: the other's latency does not have that in it, whichever comes first."""

    def reply(client: socket.socket, calls: list[list[Any]]) -> None:
        def late(call: list[Any]) -> None:
            time.sleep(0.2)
            client.sendall(msgpack.packb([1, call[1], None, "Welcome!\n"]))

        for call in calls:
            if call[2] == "wait":
                threading.Thread(target=late, args=(call,), daemon=True).start()
            else:
                client.sendall(msgpack.packb([1, call[1], None, "Welcome!\n"]))

    with planted(reply, probes=0) as url:
        result = load("-c", "1", "-d", "1s", "--pipeline", "4", "--no-check", url, "/=3", "/wait=1")
    by_target = {t["target"]: t for t in result["targets"]}
    assert by_target["/wait"]["latency"]["min_us"] >= 199_000
    assert by_target["/"]["latency"]["quantiles_us"]["p50"] < 150_000


@pytest.mark.parametrize("arguments", [("--header", "A: b"), ("--method", "POST")])
def test_what_calls_do_not_have_is_refused(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([str(LOAD), *arguments, "rpc://127.0.0.1:1/"], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 64
    assert "calls have neither" in done.stderr
