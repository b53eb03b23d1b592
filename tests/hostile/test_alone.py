"""Every row against restmarkd itself: each answer, how the connection ends, and what is counted. Then some of them cut at every byte, and all of
them on the admin endpoint."""

from __future__ import annotations

import re
import socket

import pytest
from admin_client import address as admin_address
from case import Case, End
from conftest import Target
from daemon import wait_for
from table import ROWS, TOPICS, WHERE_OTHERS_WAIT, row_id
from wire import PROBE, Wire, send_in_pieces

SPLIT_BYTES_MAX = 160


def converse(target: Target, case: Case, pieces: list[bytes]) -> None:
    """Sends the row and requires its answers and its end."""
    with Wire(target.address) as wire:
        send_in_pieces(wire, pieces, target.turn)
        if case.end is End.WAITS and not case.interim:
            wire.socket.shutdown(socket.SHUT_WR)
        interim = 0
        for i, status in enumerate(case.answers):
            answer, n = wire.read_final(i in case.bodiless)
            interim += n
            assert answer.status == status, answer
            is_last = i + 1 == len(case.answers)
            assert answer.closes == (is_last and case.end is End.CLOSED and not case.unanswered), answer
            if status >= 400:
                assert answer.fields["content-type"] == "application/problem+json"
        if case.end is End.OPEN:
            wire.send(PROBE)
            answer, n = wire.read_final()
            interim += n
            assert (answer.status, answer.body) == (200, b"7"), f"out of step: {answer}"
        elif case.interim > interim:
            assert wire.read().status == 100
            interim += 1
            wire.socket.shutdown(socket.SHUT_WR)
        if case.end is not End.OPEN:
            wire.require_end()
        assert interim <= 1 and interim >= case.interim


def counts_of(case: Case) -> dict[str, int]:
    counts = {
        "requests": len(case.answers) + case.aborted + (case.end is End.OPEN),
        "errors_4xx": sum(400 <= s < 500 for s in case.answers),
        "errors_5xx": sum(s >= 500 for s in case.answers),
        "aborted": case.aborted,
        "other": case.n_other,
    }
    return {**counts, f"close {case.unanswered}": 1} if case.unanswered else counts


def test_there_are_enough_rows_and_each_has_a_name_of_its_own() -> None:
    assert len(ROWS) >= 300
    for topic, cases in TOPICS.items():
        names = [case.name for case in cases]
        assert len(names) == len(set(names)), [topic, *(n for n in names if names.count(n) > 1)]


@pytest.mark.parametrize(("topic", "case"), ROWS, ids=[row_id(*row) for row in ROWS])
def test_row(target: Target, topic: str, case: Case) -> None:
    converse(target, case, [case.data])
    target.require_counted(counts_of(case))


@pytest.mark.parametrize(("topic", "case"), WHERE_OTHERS_WAIT, ids=[row_id(*row) for row in WHERE_OTHERS_WAIT])
def test_row_where_requests_can_wait(waiting_target: Target, topic: str, case: Case) -> None:
    converse(waiting_target, case, [case.data])
    waiting_target.require_counted(counts_of(case))


SPLIT = [row for i, row in enumerate(ROWS) if len(row[1].data) <= SPLIT_BYTES_MAX and i % 8 == 0]


@pytest.mark.parametrize(("topic", "case"), SPLIT, ids=[row_id(*row) for row in SPLIT])
def test_row_in_two_pieces_at_every_byte(target: Target, topic: str, case: Case) -> None:
    """What comes of it does not depend on how it comes. The first piece may be refused before the second is sent."""
    n = 0
    for split in range(1, len(case.data)):
        try:
            converse(target, case, [case.data[:split], case.data[split:]])
        except (ConnectionResetError, BrokenPipeError):
            raise AssertionError(f"reset when cut at {split}") from None
        n += 1
    wanted = {name: n * count for name, count in counts_of(case).items()}
    wanted["requests"] = wanted.get("requests", 0) + n  # the turns between
    target.require_counted(wanted)


@pytest.mark.parametrize(("topic", "case"), ROWS, ids=[row_id(*row) for row in ROWS])
def test_row_on_the_admin_endpoint(target: Target, topic: str, case: Case) -> None:
    """One request, one answer, an end: what the gate refuses is refused there in the same way."""
    where = admin_address(target.daemon)
    with Wire(where) as wire:
        wire.send(case.data)
        if case.end is End.WAITS and not case.interim:
            wire.socket.shutdown(socket.SHUT_WR)
        is_refused_at_once = case.end is End.CLOSED and case.answers[:1] in ((400,), (413,), (414,), (431,), (501,), (505,))
        if case.answers or case.interim:
            answer, _ = wire.read_final(0 in case.bodiless) if case.answers else (wire.read(), 0)
            if case.limit:
                assert answer.status in (200, 400, 403, 404, 405, 413, 414, 431, 501), answer
            elif is_refused_at_once:
                assert answer.status == case.answers[0], answer
            elif case.answers:
                assert answer.status in (200, 403, 404, 405), answer
            assert answer.closes or answer.status == 100, answer
        if case.interim:
            wire.socket.shutdown(socket.SHUT_WR)
        wire.require_end()


def test_the_admin_endpoint_serves_on(target: Target) -> None:
    with Wire(admin_address(target.daemon)) as wire:
        wire.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert wire.read().body == b"ok\n"
        wire.require_end()


def test_metrics_count_what_the_status_does(target: Target) -> None:
    status = target.daemon.status()
    with Wire(admin_address(target.daemon)) as wire:
        wire.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        text = wire.read().body.decode()
    closes = {why: int(n) for why, n in re.findall(r'^restmark_connections_closed_unanswered_total\{reason="(\w+)"\} (\d+)$', text, re.M)}
    assert closes == status["closes"]
    assert closes["tls"] and closes["binary"] and closes["gone"]


def test_each_request_has_one_line_in_the_access_log(target: Target) -> None:
    """Whatever bytes came, a line is a line."""
    wanted = target.look().numbers["requests"]
    wait_for("all lines are written", lambda: target.access_log.read_bytes().count(b"\n") >= wanted)
    lines = target.access_log.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == wanted
    line = re.compile(rb'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [-+]\d{4}\] "[ !#-\[\]-~\\]* [!#-\[\]-~\\]+" \d{1,3} \d+ \d+us w0.*')
    assert [text for text in lines if not line.fullmatch(text)] == []
