"""What the study of pipelining knows of HTTP/2, HTTP/3 and browsers: its servers, its client, its lossy way, and what their logs say."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from restmark_rig.contestants import requirements
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant, load
from restmark_rig.model.errors import EnvironmentFault
from restmark_rig.setup import needs
from restmark_rig.store.dataset import Dataset
from restmark_rig.studies import neighbour, registry
from restmark_rig.studies.pipelining import (
    browser,
    browsers,
    h2load,
    head_of_line,
    http2,
    in_one_order,
    native_client,
    natives,
    picture,
    quic,
    recorder,
    streams,
)
from restmark_rig.studies.record import HOLDS, HOLDS_NOT, OPEN, Cell
from restmark_rig.studies.study import CannotTell

from .helpers import Silent
from .test_study_pipelining import honest, lab_of, rounds  # noqa: F401  (a fixture)

STUDY = registry.find("pipelining")
needs_h2load = pytest.mark.skipif(requirements.locate(h2load.REQUIREMENT) is None, reason="nghttp2-client is not installed: restmark setup pipelining")
needs_go = pytest.mark.skipif(bool(requirements.missing(load(natives.GO))), reason="Go is not installed: restmark setup pipelining")


def test_setup_brings_what_programs_of_claims_need() -> None:
    programs = registry.programs(STUDY.claims)
    assert {one.directory for one in programs} == set(natives.ALL)
    lacking = [replace(one, requires=tuple(replace(need, command="/nonexistent/x") for need in one.requires)) for one in programs]
    wanted = {word for line in needs.lines(needs.unmet(lacking)) for word in line.split("\t")[3].split()}
    assert {"golang-go", "gcc", "python3-venv"} < wanted
    assert {browser.REQUIREMENT, browser.FIREFOX, quic.ENTER, h2load.REQUIREMENT} < set(registry.recipe(STUDY).requires)


def test_a_program_that_can_not_be_built_is_named(cache: Cache, default_dataset: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "native-go"
    folder.mkdir()
    text = (natives.GO / "contestant.toml").read_text(encoding="utf-8").replace('command = "go"', 'command = "/nonexistent/go"')
    (folder / "contestant.toml").write_text(text.replace('pip_requirements = "toolchain-requirements.txt"\n', ""), encoding="utf-8")
    with lab_of([], cache, default_dataset) as lab, pytest.raises(CannotTell, match="nonexistent/go"):
        natives.built(lab, folder)
    (folder / "contestant.toml").write_text(BROKEN, encoding="utf-8")
    with lab_of([], cache, default_dataset) as lab, pytest.raises(CannotTell, match="Broken can not be built"):
        natives.built(lab, folder)


BROKEN = """
name = "native-go"
title = "Broken"
language = "none"
model = "none"
routes = ["/"]
description = "A program that can not be built."

[build]
steps = [["/bin/false"]]
inputs = ["contestant.toml"]

[start]
argv = ["/bin/false", "{port}"]

[versions]
none = ["/bin/true"]
"""


@needs_go
@needs_h2load
def test_native_go_answers_by_all_and_in_one_order(cache: Cache, default_dataset: Dataset) -> None:
    with lab_of([], cache, default_dataset) as lab:
        with natives.running(lab, natives.GO, natives.IN_THE_CLEAR) as free, natives.running(lab, natives.GO, natives.IN_ORDER) as ordered:
            assert streams.wrong(free.port, clear=True) == streams.wrong(ordered.port, clear=True) == ""
            assert streams.place_of_dear(free.port, clear=True) == streams.ASKED_AT_ONCE
            assert streams.place_of_dear(ordered.port, clear=True) == 1
            assert "no body" in streams.wrong(free.port)  # it is not to be had over TLS
            with pytest.raises(EnvironmentFault, match="of 2 requests by HTTP/2"):
                h2load.order_of(free.port, ["/", "/no-such-path"], clear=True)
        with natives.running(lab, natives.GO) as server:
            assert streams.wrong(server.port) == ""
            program = natives.client(lab)
            for http3 in (False, True):
                plan = streams.plan(lab, server.port, "/", 2, 50)
                result = native_client.NativeClient(program, http3, 4, "Welcome!\n").run(plan)
                assert (result.requests, result.errors) == (50, 0) and result.latency_quantiles_us["50"] > 0 and result.client_cpu_ns > 0
                large = native_client.NativeClient(program, http3, 2, None).run(replace(plan, target="/large", requests=4))
                assert (large.requests, large.errors) == (4, 0)
                assert "9 bytes" in quic._wrong(native_client.NativeClient(program, http3, 1, "Well come\n"), plan)
        assert list(lab.cache.folder("study").iterdir()) == []


@pytest.mark.long
@needs_h2load
@pytest.mark.parametrize("folder", [natives.RUST, natives.PYTHON], ids=lambda folder: folder.name)
def test_other_natives_answer_as_streams_out_of_order(folder: Path, cache: Cache, default_dataset: Dataset) -> None:
    with lab_of([], cache, default_dataset) as lab, natives.running(lab, folder) as server:
        assert streams.wrong(server.port) == ""
        assert streams.place_of_dear(server.port) == streams.ASKED_AT_ONCE
        assert h2load.body_of(server.port, "/million-loop?n=10&seed=3") == b"1000018"


@needs_go
def test_what_is_lost_on_the_way_is_lost_to_both_protocols(cache: Cache, default_dataset: Dataset) -> None:
    with lab_of([], cache, default_dataset) as lab:
        program = natives.client(lab)
        try:
            with quic._way(lab, 5) as device:
                within = quic._entering(device)
                with natives.running(lab, natives.GO, within=within, host=quic.SERVER_ADDRESS) as server:
                    plan = replace(streams.plan(lab, server.port, "/", 1, 60), host=quic.CLIENT_SEES)
                    for http3 in (False, True):
                        result = native_client.NativeClient(program, http3, 4, "Welcome!\n", within).run(plan)
                        assert (result.requests, result.errors) == (60, 0)
                        assert result.latency_min_us >= quic.ROUND_TRIP_MS * 1000
                (note,) = quic._told_devices([quic._device(5, device)])
        except (CannotTell, quic.StartFailed) as fault:
            pytest.skip(f"no network namespace here: {fault}")
        assert note.startswith("Set to 5 % loss, the way lost ") and " 0 of " not in note


@pytest.mark.parametrize("arguments", [["--loss-ppm", "1000001"], ["--delay-us", "x"], ["surplus"]])
def test_wrong_arguments_of_the_lossy_way_are_refused(arguments: list[str], cache: Cache) -> None:
    path = neighbour.compiled(Path(quic.__file__).with_name("lossy.c"), cache, Silent())
    done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1 and done.stderr.startswith("lossy: ")


def test_cheap_requests_are_told_from_dear_ones_and_never_too_short() -> None:
    cheap, dear = h2load.apart([1, 2, 3, 50, 60, 70], 2, 50)
    assert (cheap.answered, cheap.latency_max_us, dear.answered, dear.latency_max_us) == (4, 70, 2, 60)
    cheap, dear = h2load.apart([1, 2, 3, 4], 1, 50)  # none took that long, by whatever clock
    assert (cheap.latency_max_us, dear.latency_max_us) == (3, 4)


@pytest.mark.parametrize("connections", [1, picture.BROWSERS, picture.FILES + 1])
def test_the_page_of_a_slow_picture(connections: int, cache: Cache, default_dataset: Dataset, honest: Contestant) -> None:  # noqa: F811
    with lab_of([honest], cache, default_dataset) as lab:
        result = picture.ByHttp1(connections).run(picture.plan(lab.server(honest, 4).port, None))
        files, shown = result.targets
        assert (files.answered, shown.answered, result.requests) == (picture.FILES, 1, picture.FILES + 1)
        assert shown.latency_max_us >= picture.WAIT_MS * 1000
        assert (files.latency_quantiles_us["50"] >= picture.WAIT_MS * 1000) == (connections == 1)


# ---- browsers ----


def net_log(streams_at_once: bool, pipelined: bool) -> dict[str, object]:
    """Two requests on a connection each way, as Chromium writes them down."""
    kinds = [
        "REQUEST_ALIVE", "HTTP_STREAM_REQUEST_BOUND_TO_JOB", "SOCKET_POOL_BOUND_TO_SOCKET", "HTTP_TRANSACTION_SEND_REQUEST_HEADERS",
        "HTTP_TRANSACTION_READ_BODY", "HTTP2_SESSION", "HTTP2_SESSION_SEND_HEADERS", "HTTP2_SESSION_RECV_DATA",
    ]  # fmt: skip
    events = []

    def add(kind: str, source: int, phase: int = 0, **parameters: object) -> None:
        events.append({"type": kinds.index(kind), "phase": phase, "source": {"id": source}, "params": parameters})

    if streams_at_once:
        add("HTTP2_SESSION", 9, 1, host="127.0.0.1:1")
        add("HTTP2_SESSION", 8, 1, host="elsewhere:1")
        for stream in (1, 3):
            add("HTTP2_SESSION_SEND_HEADERS", 9, stream_id=stream)
            add("HTTP2_SESSION_SEND_HEADERS", 8, stream_id=stream)
        add("HTTP2_SESSION_RECV_DATA", 9, stream_id=1, fin=True)
    for request in (1, 2):
        add("REQUEST_ALIVE", request, 1, url="http://127.0.0.1:1/")
        add("HTTP_STREAM_REQUEST_BOUND_TO_JOB", request, source_dependency={"id": 10 + request})
        add("SOCKET_POOL_BOUND_TO_SOCKET", 10 + request, source_dependency={"id": 20})
    for request in (1, 2):
        add("HTTP_TRANSACTION_SEND_REQUEST_HEADERS", request)
        if not pipelined:
            add("HTTP_TRANSACTION_READ_BODY", request, 2)
    return {"constants": {"logEventTypes": {kind: number for number, kind in enumerate(kinds)}}, "events": events}


def test_what_a_browsers_log_says() -> None:
    assert browser.traffic(net_log(False, False)) == browser.Traffic(2, 1, 1)
    assert browser.traffic(net_log(False, True)) == browser.Traffic(2, 1, 2)
    assert browser.traffic(net_log(True, False)) == browser.Traffic(4, 2, 2)
    with pytest.raises(KeyError):
        browser.traffic({"events": []})


def test_what_overlaps_in_the_fronts_log() -> None:
    assert browsers.overlaps("1 10.010 0.010\n1 10.012 0.010\n2 10.012 0.001\n") == {"requests": 3, "connections": 2, "outstanding_max": 2}
    assert browsers.overlaps("1 10.010 0.010\n1 10.020 0.010\n")["outstanding_max"] == 1


@pytest.mark.skipif(requirements.locate(browser.REQUIREMENT) is None, reason="chromium is not installed: restmark setup pipelining")
def test_a_browser_is_seen_from_both_sides(cache: Cache, default_dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsers, "QUICK_LOADS", 1)
    monkeypatch.setattr(browsers, "FIREFOX_LOADS", 1)
    with lab_of([], cache, default_dataset) as lab:
        cells = browsers.measure(lab)
        plain = next(cell for cell in cells if cell.labels["way"] == browsers.PLAIN)
        assert plain.lost == "" and len(plain.rounds) == browsers.QUICK_LOADS
        for cell in cells:
            assert not cell.lost or "not installed" in cell.lost, cell
        for entry in plain.rounds:
            assert entry["browser_requests"] == entry["server_requests"] == recorder.RESOURCES + 1
            assert 1 <= entry["browser_connections"] == entry["server_connections"] <= 6
        assert list(lab.cache.folder("study").iterdir()) == []


# ---- rules ----


def seen_by_browser(plain: float, multiplexed: float) -> list[Cell]:
    return [
        Cell({"way": way, "browser": "B"}, [{f"{by}_{what}": most for by in ("browser", "server") for what in ("requests", "connections", "outstanding_max")}])
        for way, most in ((browsers.PLAIN, plain), (browsers.MULTIPLEXED, multiplexed))
    ]


@pytest.mark.parametrize(("plain", "multiplexed", "verdict"), [(1, 30, HOLDS), (2, 30, HOLDS_NOT), (1, 1, OPEN)])
def test_browsers(plain: float, multiplexed: float, verdict: str) -> None:
    assert browsers.judge(seen_by_browser(plain, multiplexed)).verdict == verdict
    assert browsers.judge(seen_by_browser(plain, multiplexed)[1:]).verdict == OPEN
    other = Cell({"way": browsers.PLAIN, "browser": "F"}, [{f"server_{what}": 3.0 for what in ("requests", "connections", "outstanding_max")}])
    assert browsers.judge([*seen_by_browser(plain, multiplexed), other]).verdict == HOLDS_NOT


@pytest.mark.parametrize(
    ("times", "waits_ms", "place", "verdict"),
    [(2.0, 2.0, 16, HOLDS), (2.0, 60.0, 16, HOLDS_NOT), (0.8, 2.0, 16, HOLDS_NOT), (1.05, 2.0, 16, OPEN), (2.0, 30.0, 16, OPEN), (2.0, 2.0, 1, OPEN)],
)
def test_http2(times: float, waits_ms: float, place: int, verdict: str) -> None:
    costs = {http2.PIPELINED: 10.0, http2.TLS: 30.0, http2.DECIDES: 10.0 * times, http2.MIX: 30.0}
    cells = [
        Cell(
            {"server": http2.OWN, "way": way, "connections": "4"},
            rounds(
                {"front_cpu_us": cost, "server_cpu_us": 1.0, "client_cpu_us": 1.0, "requests_per_s": 1e5 / cost, "p50_us": 9.0, "p99_us": 9.0}
                | {f"target_0_{which}_us": waits_ms * 1000 for which in ("p50", "p99", "max")},
                0.01,
            ),
        )
        for way, cost in costs.items()
    ]
    order = Cell({"server": http2.OWN, "way": http2.ORDER}, [{"place": float(place)}])
    assert http2.judge([*cells, order]).verdict == verdict
    assert http2.judge([*cells[:2], order]).verdict == OPEN


@pytest.mark.parametrize(("times", "place", "verdict"), [(50.0, 1, HOLDS), (1.1, 1, HOLDS_NOT), (5.0, 1, OPEN), (50.0, 7, OPEN)])
def test_in_one_order(times: float, place: int, verdict: str) -> None:
    cells = []
    for order, us, where in ((in_one_order.FREE, 1000.0, 16), (in_one_order.ORDERED, 1000.0 * times, place)):
        labels = {"order": order, "streams": "16", "asked": in_one_order.MIXED}
        cells.append(Cell(labels, rounds({"target_0_p50_us": us, "target_0_p99_us": us, "server_cpu_us": 9.0, "requests_per_s": 9.0})))
        cells.append(Cell({"order": order, "asked": in_one_order.ORDER}, [{"place": float(where)}]))
    assert in_one_order.judge(cells).verdict == verdict
    assert in_one_order.judge(cells[:2]).verdict == OPEN


@pytest.mark.parametrize(("times", "verdict"), [((2.0, 2.0, 3.0), HOLDS), ((0.7, 1.5, 3.0), HOLDS_NOT), ((1.1, 2.0, 3.0), OPEN)])
def test_quic(times: tuple[float, ...], verdict: str) -> None:
    cells = [
        Cell(
            {"way": quic.NEAR, "asked": asked, "protocol": protocol},
            rounds(dict.fromkeys(("requests_per_s", "client_cpu_us", "p50_us", "p99_us", "max_us"), 9.0) | {"native_cpu_us": 20.0 * factor}, 0.01),
        )
        for asked, dearer in zip(quic.KINDS, times, strict=True)
        for protocol, factor in ((quic.TCP, 1.0), (quic.QUIC, dearer))
    ]
    finding = quic.judge(cells)
    assert finding.verdict == verdict
    assert f"{min(times):.2f}× to {max(times):.2f}×" in finding.charts[0].title
    assert quic.judge(cells[:4]).verdict == OPEN


@pytest.mark.parametrize(("shared", "as_streams", "verdict"), [(500.0, 1.0, HOLDS), (500.0, 500.0, OPEN), (1.1, 1.0, HOLDS_NOT)])
def test_head_of_line_and_streams(shared: float, as_streams: float, verdict: str) -> None:
    cells = [
        Cell(
            {"contestant": name, "dear": head_of_line.WAITS, "connections": shape},
            rounds({f"target_0_{which}_us": us for which in ("p50", "p99", "max")} | {"requests_per_s": 9.0}, 0.01),
        )
        for name, times in (("a", shared), (head_of_line.BEHIND.format("a"), as_streams))
        for shape, us in ((head_of_line.EACH, 100.0), (head_of_line.SHARED, 100.0 * times))
    ]
    assert head_of_line.judge(cells).verdict == verdict


def test_the_native_clients_line_is_understood() -> None:
    line = json.dumps({"requests": 3, "failed": 1, "first_error": "x", "length_us": 10, "cpu_ns": 7, "latencies_us": [1, 2, 3]})
    found = native_client.figures(line)
    assert (found.requests, found.errors, found.client_cpu_ns, found.latency_max_us) == (3, 1, 7, 3)
