"""The claim about calls: its rule, and that a server which gives the answer of one call to another is found."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import msgpack
import pytest
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.load.load import LoadPlan, _argv
from restmark_rig.store.dataset import Dataset
from restmark_rig.studies.lab import Lab
from restmark_rig.studies.pipelining import calls, rpc
from restmark_rig.studies.pipelining.calls import CallServer
from restmark_rig.studies.record import HOLDS, HOLDS_NOT, OPEN, Cell
from restmark_rig.studies.study import CannotTell
from restmark_rig.verify.oracle import WELCOME

from .test_study_pipelining import honest, lab_of, rounds  # noqa: F401  (a fixture)

DEPTH = 8
Answers = list[list[Any]]


def measured(times: float, calls_ms: float, pipelined_ms: float) -> list[Cell]:
    def cell(way: str, asked: str, cpu_us: float, ms: float) -> Cell:
        times_us = {f"target_0_{which}_us": ms * 1000 for which in ("p50", "p99", "max")} if asked != rpc.CHEAP_ONLY else {}
        figures = {"server_cpu_us": cpu_us, "client_cpu_us": 1.0, "requests_per_s": 1e4, "p50_us": 9.0, "p99_us": 9.0, "max_us": 9.0}
        return Cell({"way": way, "asked": asked}, rounds(figures | times_us, 0.01))

    front = Cell({"way": rpc.STREAMS, "asked": rpc.CHEAP_ONLY}, lost="nginx is not installed")
    return [
        cell(rpc.PIPELINED, rpc.CHEAP_ONLY, 10.0, 0.1),
        cell(rpc.CALLS, rpc.CHEAP_ONLY, 10.0 * times, 0.1),
        cell(rpc.PIPELINED, rpc.WAITS, 20.0, pipelined_ms),
        cell(rpc.CALLS, rpc.WAITS, 20.0, calls_ms),
        front,
    ]


@pytest.mark.parametrize(
    ("times", "calls_ms", "pipelined_ms", "verdict"),
    [
        (0.3, 1, 150, HOLDS),
        (1.0, 1, 150, HOLDS),
        (1.3, 1, 150, OPEN),
        (1.8, 1, 150, HOLDS_NOT),
        (0.3, 30, 150, OPEN),
        (0.3, 60, 150, HOLDS_NOT),
        (0.3, 1, 5, HOLDS_NOT),
        (0.3, 1, 30, OPEN),
    ],
)
def test_the_rule(times: float, calls_ms: float, pipelined_ms: float, verdict: str) -> None:
    cells = measured(times, calls_ms, pipelined_ms)
    finding = rpc.judge(cells)
    assert finding.verdict == verdict
    assert any("nginx is not installed" in note for note in finding.notes)
    for lacking in range(4):
        assert rpc.judge(cells[:lacking] + cells[lacking + 1 :]).verdict == OPEN


def test_without_restmarkd_it_can_not_be_told(cache: Cache, default_dataset: Dataset, honest: Contestant) -> None:  # noqa: F811
    with lab_of([honest], cache, default_dataset) as lab, pytest.raises(CannotTell, match="does not take part"), calls.running(lab, 2):
        pass


def test_calls_go_to_another_scheme() -> None:
    plan = LoadPlan("127.0.0.1", 8081, "/", 2, 1.0, depth=16, calls=True, more_targets=("/wait?ms=5",), weights=(7, 1))
    assert _argv(plan)[-3:] == ["rpc://127.0.0.1:8081", "/=7", "/wait?ms=5=1"]


@contextmanager
def planted(lab: Lab, contestant: Contestant, spoil: Callable[[Answers], Answers]) -> Iterator[CallServer]:
    """Knows the answers, and does to them what it is told."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener.accept()[0] as client:
            unpacker = msgpack.Unpacker(raw=False)
            asked: Answers = []
            while len(asked) < DEPTH:
                unpacker.feed(client.recv(65536))
                asked += list(unpacker)
            answers = [[1, number, None, answer_of(lab, method, params)] for _, number, method, params in asked]
            client.sendall(b"".join(msgpack.packb(answer) for answer in spoil(answers)))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield CallServer(cast(Any, SimpleNamespace(contestant=contestant)), listener.getsockname()[1])
    finally:
        thread.join()
        listener.close()


def answer_of(lab: Lab, method: str, params: list[dict[str, int]]) -> bytes:
    for request in calls.order.distinct(("/", "/parse-msgpack", "/encode-json", "/million-loop"), DEPTH, lab.oracle.records):
        if request.route == f"/{method}" and params and request.params == params[0]:
            return lab.oracle.answer(request).body
    assert method == "welcome"
    return WELCOME


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda answers: answers, ""),
        (lambda answers: list(reversed(answers)), ""),
        (lambda answers: [[1, n, None, answers[n ^ 1][3]] for n in range(DEPTH)], "is not that of the definition"),
        (lambda answers: [*answers[:-1], answers[0]], "not all were answered"),
        (lambda answers: [*answers[:-1], [1, DEPTH - 1, [503, "no"], None]], "not all were answered"),
        (lambda answers: answers[:-1], "the connection ended"),
    ],
)
def test_a_server_that_mixes_up_answers_is_found(
    cache: Cache,
    default_dataset: Dataset,
    honest: Contestant,  # noqa: F811
    spoil: Callable[[Answers], Answers],
    told: str,
) -> None:
    with lab_of([honest], cache, default_dataset) as lab, planted(lab, honest, spoil) as called:
        found = calls.wrong(lab, called, DEPTH)
        assert told in found and bool(found) == bool(told), found
