"""The soak's judgement, on cases that are made up."""

from __future__ import annotations

import random
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from restmark_proof.clients import Failure, Outcome

from soak_rig import hostile, proc
from soak_rig.answers import any_request, loop, records_json
from soak_rig.judge import (
    Rest,
    Victim,
    judge_access_log,
    judge_deaths,
    judge_growth,
    judge_log,
    judge_requests,
    judge_torn,
    judge_workers,
)
from soak_rig.proc import Usage
from soak_rig.run import Deck

KILLED = Victim(pid=50, at_s=100.0, ports=frozenset({4000, 4001}), causes=frozenset({"crash"}))


def failure(outcome: Outcome, port: int, at_s: float) -> Failure:
    return Failure(at_s, outcome, "kept", port, 1, 1.0, "")


@pytest.mark.parametrize(
    ("outcome", "port", "at_s", "allowed"),
    [
        (Outcome.RESET, 4000, 100.1, True),
        (Outcome.EOF, 4001, 100.1, True),
        (Outcome.TRUNCATED, 4001, 110.0, True),
        (Outcome.RESET, 4002, 100.1, False),  # another worker's connection
        (Outcome.RESET, 4000, 99.9, False),  # before the kill
        (Outcome.RESET, 4000, 120.0, False),  # long after it: the port is another connection's
        (Outcome.BODY, 4000, 100.1, False),  # no death does this
        (Outcome.STATUS, 4000, 100.1, False),
        (Outcome.TIMEOUT, 4000, 100.1, False),
        (Outcome.REFUSED, 0, 100.1, False),
    ],
)
def test_only_what_a_killed_worker_held_may_fail(outcome: Outcome, port: int, at_s: float, allowed: bool) -> None:
    verdict = judge_requests([failure(outcome, port, at_s)], [KILLED])
    assert (len(verdict.allowed), len(verdict.not_allowed)) == (allowed, not allowed)


def death(pid: int, cause: str) -> dict[str, Any]:
    return {"kind": "death", "slot": 0, "text": f"pid {pid} was killed by signal 9 (SIGKILL, Killed) after 1.0 s; cause: {cause}; peak RSS 2 MiB"}


@pytest.mark.parametrize(
    ("event", "wrong"),
    [
        (death(50, "crash"), 0),
        (death(51, "crash"), 1),  # nobody has killed that one
        (death(50, "wedged"), 1),  # it was not stopped
        (death(51, "reload"), 0),
        (death(51, "stop"), 0),
        (death(51, "start"), 1),
        ({"kind": "death", "slot": 1, "text": "something else"}, 1),
        ({"kind": "reload", "slot": None, "text": ""}, 0),
    ],
)
def test_deaths_that_nobody_has_caused_are_found(event: dict[str, Any], wrong: int) -> None:
    assert len(judge_deaths([event], [KILLED])) == wrong


def status(*states: str, daemon: str = "running", beside: object = None) -> dict[str, Any]:
    return {"state": daemon, "workers": [{"state": state, "beside": beside} for state in states]}


def test_workers_have_to_be_as_many_as_asked_for_and_ready() -> None:
    assert judge_workers(status("ready", "ready"), 2) == ""
    assert "there are 1 ready" in judge_workers(status("ready"), 2)
    assert "1 backoff" in judge_workers(status("ready", "backoff"), 2)
    assert "3 ready" in judge_workers(status("ready", "ready", "ready"), 2)
    assert "none" in judge_workers(status(), 2)
    assert "stopping" in judge_workers(status("ready", daemon="stopping"), 1)
    assert "replaced" in judge_workers(status("ready", beside={}), 1)


def rests(master: list[Usage], worker: list[Usage] | None = None, pids: tuple[int, ...] = ()) -> list[Rest]:
    flat = Usage(1000, 4000, 9)
    return [
        Rest(60.0 * i, usage, {pids[i] if pids else 7: (worker or [flat] * len(master))[i]}) for i, usage in enumerate(master)
    ]


FLAT = Usage(2000, 7000, 19)


def test_flat_memory_is_no_finding() -> None:
    noise = random.Random(1)
    assert judge_growth(rests([Usage(2000 + noise.randrange(600), 7000 + noise.randrange(900), 19 + noise.randrange(2)) for _ in range(60)])) == []


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (Usage(4000, 7000, 19), "PSS grew from 2000 to 4000"),
        (Usage(2000, 9000, 19), "RSS grew from 7000 to 9000"),
        (Usage(2000, 7000, 22), "descriptors grew from 19 to 22"),
    ],
)
def test_growth_of_the_master_is_found(last: Usage, message: str) -> None:
    assert any(message in wrong for wrong in judge_growth(rests([FLAT, FLAT, last])))


def test_a_trend_is_found_even_if_the_last_rest_is_low() -> None:
    points = [Usage(2000 + 100 * i, 7000, 19) for i in range(40)]
    found = judge_growth(rests([*points, Usage(2000, 7000, 19)]))
    assert len(found) == 1
    assert "pss_kib rises" in found[0]


def test_growth_of_one_worker_between_two_rests_is_found() -> None:
    worker = [Usage(1000, 4000, 9), Usage(1000, 4000, 13), Usage(1000, 4000, 9)]
    found = judge_growth(rests([FLAT] * 3, worker, (7, 7, 8)))
    assert found == ["worker 7, from one rest to the next: descriptors grew from 9 to 13, more than 2"]
    assert judge_growth(rests([FLAT] * 3, worker, (7, 8, 9))) == []  # other workers: nothing to compare


def test_largest_worker_is_compared_even_if_it_is_another_one() -> None:
    found = judge_growth(rests([FLAT] * 2, [Usage(1000, 4000, 9), Usage(1000, 4000, 30)], (7, 8)))
    assert found == ["largest worker, first to last rest: descriptors grew from 9 to 30, more than 2"]


def test_one_rest_says_nothing() -> None:
    assert "nothing can be said" in judge_growth(rests([FLAT]))[0]


LINE = '127.0.0.1 - - [29/Nov/2026:03:14:27 +0000] "GET /a\\"b" 200 9 41us w0'


def test_torn_and_glued_lines_are_found() -> None:
    assert judge_access_log(f"{LINE}\n{LINE}\n") == []
    assert "1 of 2 lines" in judge_access_log(f"{LINE}\n127.0.0{LINE}\n")[0]
    assert "1 of 2 lines" in judge_access_log(f"{LINE[:30]}\n{LINE}\n")[0]
    assert "not ended" in judge_access_log(LINE)[0]
    assert judge_torn(f"{LINE[:30]}\n{LINE}\n") == []  # a torn line that was ended
    assert "behind a torn one" in judge_torn(f"{LINE[:30]}{LINE}\n")[0]


def test_errors_in_the_log_are_found_but_those_about_victims() -> None:
    line = "2026-11-29 03:03:54 restmarkd[9] error: worker 0 (pid 50) is killed: no sign of life"
    assert judge_log([line], [KILLED]) == []
    assert len(judge_log([line], [])) == 1
    assert len(judge_log(["restmarkd[9] error: nobody watches"], [KILLED])) == 1
    assert judge_log(["2026-11-29 restmarkd[9] warning: clients speak TLS"], []) == []


def test_a_deck_has_every_kind_before_any_again_and_comes_from_the_seed() -> None:
    kinds = tuple("abcdef")
    first, again = (Deck(kinds, random.Random("7 schedule")) for _ in range(2))
    drawn = [first.draw() for _ in range(18)]
    assert drawn == [again.draw() for _ in range(18)]
    assert all(sorted(drawn[i : i + 6]) == list(kinds) for i in (0, 6, 12))
    assert drawn[:6] != drawn[6:12] or drawn[:6] != drawn[12:]


def test_answers_are_those_of_the_specification() -> None:
    assert len(records_json(1000)) == 133622
    assert loop(10, 3) == 1000018
    assert any_request("/", random.Random(1)) == ("/", b"Welcome!\n")
    target, body = any_request("/parse-msgpack", random.Random(1))
    assert target == f"/parse-msgpack?count={body.decode()}"


def served_once(answer: bytes) -> tuple[str, int]:
    """A server that gives one connection this answer, whatever it says."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener, listener.accept()[0] as connection:
            while connection.recv(65536):
                pass
            connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    address: tuple[str, int] = listener.getsockname()
    return address


def test_success_for_what_is_malformed_is_a_misdeed() -> None:
    for act in (hostile.malformed, hostile.oversized):
        bad = hostile.Place(served_once(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), ("", 0), Path())
        with pytest.raises(hostile.Misdeed, match="was answered with"):
            act(bad, random.Random(1))
        good = hostile.Place(served_once(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), ("", 0), Path())
        act(good, random.Random(1))


def test_a_free_descriptor_is_the_next_one() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:
        assert cat.stdin and cat.stdout
        cat.stdin.write(b"x")
        cat.stdin.flush()
        assert cat.stdout.read(1) == b"x"  # it runs, with 0, 1 and 2
        assert proc.free_descriptor(cat.pid) == 3
