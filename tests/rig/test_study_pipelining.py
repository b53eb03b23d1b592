"""What the study of pipelining is made of beside its rules: its programs, proxies and users, each tried with a server that is known."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from restmark_rig.contestants import requirements
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant, Requirement
from restmark_rig.host.pinning import Pinning
from restmark_rig.load import load
from restmark_rig.model.errors import EnvironmentFault, StartFailed
from restmark_rig.server.http_probe import Connection, ProbeError, request_bytes
from restmark_rig.setup import needs
from restmark_rig.store.dataset import Dataset
from restmark_rig.studies import document, judging, neighbour, proxy, registry, scratch
from restmark_rig.studies.lab import Lab, Pace, Setting, WrongAnswers
from restmark_rig.studies.pipelining import (
    behind_proxies,
    distance,
    freeze,
    h2load,
    http2,
    parallel,
    recorder,
    recording,
    round_trips,
    streams,
    users,
)
from restmark_rig.studies.record import HOLDS, HOLDS_NOT, OPEN, Cell

from .helpers import ROOT, Silent, cheater

STUDY = registry.find("pipelining")


@contextmanager
def lab_of(contestants: list[Contestant], cache: Cache, dataset: Dataset) -> Iterator[Lab]:
    with Lab(contestants, True, cache, dataset, Pinning(None, None), load, Silent()) as lab:
        lab.pace = Pace(rounds=2, visit_s=0.05, budget_s=60.0)
        yield lab


@pytest.fixture()
def honest(tmp_path: Path) -> Contestant:
    return cheater(tmp_path / "peers", "none-of-eight", routes=["/", "/parse-msgpack", "/encode-json", "/transfer-data", "/million-loop", "/wait"])


def test_the_document_has_the_claims_as_they_are() -> None:
    assert document.render(STUDY) in (ROOT / "docs" / "STUDIES.md").read_text(encoding="utf-8"), "docs/update-studies"


def test_claims_have_numbers_of_their_own_and_all_texts() -> None:
    numbers = [claim.number for claim in STUDY.claims]
    assert numbers == sorted(set(numbers))
    assert len({claim.key for claim in STUDY.claims}) == len(numbers)
    for claim in STUDY.claims:
        assert all(text.endswith((".", "”")) for text in (claim.sentence, claim.source, claim.method, claim.rule, claim.misleads)), claim.key
        assert all(words in claim.rule.lower() for words in ("holds if", "does not hold if", "cannot be told")), claim.key


def test_setup_brings_what_a_study_needs_beside_its_contestants() -> None:
    lacking = replace(STUDY, requires=(Requirement("/nonexistent/haproxy", ("haproxy",)),))
    unmet = needs.unmet([registry.recipe(lacking)])
    assert [line.split("\t")[3:5] for line in needs.lines(unmet)] == [["haproxy", "pipelining"]]
    assert {one.requirement for one in proxy.PROXIES} < set(registry.recipe(STUDY).requires)


def asked(port: int, *targets: str) -> list[bytes]:
    """The answers to requests that were sent at once on one connection."""
    with Connection("127.0.0.1", port) as connection:
        connection.send(b"".join(map(request_bytes, targets)))
        return [connection.read().body for _ in targets]


def test_the_recorder_sees_what_is_outstanding(cache: Cache, default_dataset: Dataset) -> None:
    with lab_of([], cache, default_dataset) as lab, recording.recorder(lab) as running:
        assert asked(running.port, "/", "/", "/") == [b"Welcome!\n"] * 3
        assert json.loads(asked(running.port, recorder.TOLD)[0]) == {"requests": 3, "outstanding_max": 3, "connections": 1}
        for _ in range(2):
            asked(running.port, "/")
        assert json.loads(asked(running.port, recorder.TOLD)[0]) == {"requests": 2, "outstanding_max": 1, "connections": 2}


def test_far_away_a_request_takes_a_round_trip_and_the_first_one_two(cache: Cache, default_dataset: Dataset, honest: Contestant) -> None:
    with lab_of([honest], cache, default_dataset) as lab, distance.far(lab, lab.server(honest), 40.0) as far:
        assert lab.order_fault(lab.server(honest), "127.0.0.1", far.port, 32) == ""
        times, began = [], time.monotonic()
        with Connection("127.0.0.1", far.port) as connection:
            for _ in range(3):
                assert connection.get("/").body == b"Welcome!\n"
                times.append(time.monotonic() - began)
                began = time.monotonic()
        assert times[0] >= 0.0799 and min(times[1:]) >= 0.0399
        large = asked(far.port, *["/transfer-data"] * 4)
        assert len(set(large)) == 1 and len(large[0]) > 100_000
        told = json.loads(far.stop().splitlines()[-1])
        assert told["pieces"] > 8 and 0 < told["late_p50_us"] <= told["late_p99_us"] <= told["late_max_us"]


def test_far_away_both_sides_may_end(cache: Cache, default_dataset: Dataset, honest: Contestant) -> None:
    with lab_of([honest], cache, default_dataset) as lab, distance.far(lab, lab.server(honest), 1.0) as far:
        with socket.create_connection(("127.0.0.1", far.port), 10) as connection:
            connection.sendall(request_bytes("/"))
            connection.shutdown(socket.SHUT_WR)  # what it has asked for still comes, and then the end
            received = b"".join(iter(lambda: connection.recv(4096), b""))
        assert received.endswith(b"Welcome!\n")


@pytest.mark.parametrize("program", ["far", "funnel"])
@pytest.mark.parametrize("arguments", [[], ["--listen", "x", "--to", "1"], ["--listen", "1", "--to", "2", "surplus"]])
def test_wrong_arguments_are_refused(program: str, arguments: list[str], cache: Cache) -> None:
    path = neighbour.compiled(Path(distance.__file__).with_name(f"{program}.c"), cache, Silent())
    done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1 and done.stderr.startswith(f"{program}: ")


def test_the_funnel_answers_in_order_and_outlives_clients_that_leave(cache: Cache, default_dataset: Dataset, honest: Contestant) -> None:
    with lab_of([honest], cache, default_dataset) as lab, freeze.funnel(lab, lab.server(honest).port) as front:
        assert lab.order_fault(lab.server(honest), "127.0.0.1", front.port, 32) == ""
        with socket.create_connection(("127.0.0.1", front.port), 10) as leaving:
            leaving.sendall(request_bytes("/wait?ms=50") * 2)
        assert asked(front.port, "/million-loop?n=0&seed=7", "/") == [b"7", b"Welcome!\n"]


def test_one_dear_request_holds_all_up_behind_the_funnel(cache: Cache, default_dataset: Dataset, honest: Contestant) -> None:
    with lab_of([honest], cache, default_dataset) as lab, freeze.funnel(lab, lab.server(honest).port) as front:
        with Connection("127.0.0.1", front.port) as dear, Connection("127.0.0.1", front.port) as innocent:
            for connection in (dear, innocent):
                assert connection.get("/").body == b"Welcome!\n"
            began = time.monotonic()
            dear.send(request_bytes("/wait?ms=200"))
            assert innocent.get("/").body == b"Welcome!\n"
            assert time.monotonic() - began >= 0.2
            assert dear.read().body == b"200"


def test_users_ask_until_they_are_stopped(cache: Cache, default_dataset: Dataset) -> None:
    with lab_of([], cache, default_dataset) as lab, recording.recorder(lab) as running:
        with users.asking(running.port, "/", 3):
            pass
        seen = json.loads(asked(running.port, recorder.TOLD)[0])
        assert seen["connections"] == 3 and seen["requests"] >= 3 and seen["outstanding_max"] == 1
        assert json.loads(asked(running.port, recorder.TOLD)[0])["requests"] == 0


def test_users_who_are_not_answered_cost_the_visit(cache: Cache, default_dataset: Dataset, honest: Contestant) -> None:
    dead = neighbour.free_port()
    with pytest.raises(ProbeError), users.asking(dead, "/", 1):
        pass
    with lab_of([honest], cache, default_dataset) as lab:
        server = lab.server(honest)
        setting = Setting({}, server, lab.plan(server, "/", 1), company=lambda: users.asking(dead, "/", 1))
        with pytest.raises(WrongAnswers, match="company"):
            lab.visit(setting)


@pytest.mark.parametrize("one", proxy.PROXIES, ids=lambda one: one.name)
def test_each_proxy_that_is_installed_answers_in_order_and_leaves_nothing(one: proxy.Proxy, cache: Cache, default_dataset: Dataset, honest: Contestant) -> None:
    if not one.is_installed():
        pytest.skip(f"{one.title} is not installed: restmark setup pipelining")
    with lab_of([honest], cache, default_dataset) as lab:
        server = lab.server(honest)
        with proxy.before(lab, one, server.port) as front:
            assert lab.order_fault(server, "127.0.0.1", front.port, 16) == ""
            assert front.cpu_ns() > 0
        assert list(lab.cache.folder("study").iterdir()) == []
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", front.port), 5)


def test_what_a_killed_study_left_is_swept_away(cache: Cache, default_dataset: Dataset, honest: Contestant) -> None:
    installed = next((one for one in proxy.PROXIES if one.is_installed()), None)
    if installed is None:
        pytest.skip("no proxy is installed: restmark setup pipelining")
    left = cache.folder("study") / "nginx-4194305"  # more than any pid
    left.mkdir()
    with lab_of([honest], cache, default_dataset) as lab, proxy.before(lab, installed, lab.server(honest).port):
        assert not left.exists()


def test_a_program_that_ends_at_once_is_told_with_what_it_said(cache: Cache, default_dataset: Dataset) -> None:
    with lab_of([], cache, default_dataset) as lab, pytest.raises(StartFailed, match="no such luck"):
        with neighbour.running(lab, "unlucky", ["/bin/sh", "-c", "echo no such luck; exit 3"], neighbour.free_port(), None):
            pass


H2LOAD_PRINTS = """starting benchmark...
finished in 313.81ms, 3236.67 req/s, 238.34KB/s
requests: 971 total, 971 started, 971 done, {succeeded} succeeded, {failed} failed, 0 errored, 0 timeout
status codes: {succeeded} 2xx, 0 3xx, {failed} 4xx, 0 5xx
traffic: 71.50KB (73217) total, 45.52KB (46608) headers (space savings 51.02%), 8.53KB ({data}) data
"""
H2LOAD_LOGS = "".join(f"{1000 + n}\t200\t{100 * (n + 1)}\n" for n in range(100))


def test_what_h2load_prints_is_understood() -> None:
    text = H2LOAD_PRINTS.format(succeeded=971, failed=0, data=8739)
    found = h2load.figures(text, H2LOAD_LOGS, 9, client_cpu_ns=5, threads=1)
    assert (found.requests, found.errors, found.duration_us, found.bytes) == (971, 0, 10099, 73217)
    assert h2load.figures(text, "", 9, client_cpu_ns=5, threads=1).duration_us == 313810  # where nothing was logged
    assert (found.latency_min_us, found.latency_quantiles_us["50"], found.latency_max_us) == (100, 5100, 10000)
    assert h2load.figures(text, H2LOAD_LOGS, None, 5, 1).errors == 0
    assert h2load.figures(text, H2LOAD_LOGS, 10, 5, 1).body_errors == 971
    assert h2load.figures(H2LOAD_PRINTS.format(succeeded=970, failed=1, data=8730), H2LOAD_LOGS, 9, 5, 1).errors_by_kind.status == 1
    with pytest.raises(EnvironmentFault, match="not understood"):
        h2load.figures("finished early", "", 9, 5, 1)


def test_a_front_speaks_http2_with_a_certificate_of_its_own(cache: Cache, default_dataset: Dataset, honest: Contestant) -> None:
    needed = (proxy.HTTP2_FRONT.requirement, h2load.REQUIREMENT, h2load.ASKER, scratch.CERTIFIER)
    if any(requirements.locate(one) is None for one in needed):
        pytest.skip("nginx, nghttp2-client or openssl is not installed: restmark setup pipelining")
    plain = neighbour.free_port()
    with lab_of([honest], cache, default_dataset) as lab:
        port = lab.server(honest).port
        with proxy.before(lab, proxy.HTTP2_FRONT, port, None, {"PLAIN_PORT": plain}) as front:
            assert h2load.body_of(front.port, "/million-loop?n=0&seed=5") == b"5"
            assert http2._in_order(plain, 16) == "" and streams.wrong(front.port, "/own") == ""
            assert "answered b'7'" in streams.wrong(front.port, "/million-loop?n=0&seed=7")
            assert streams.place_of_dear(front.port) == streams.ASKED_AT_ONCE
            mixed = streams.mix_engine(16).run(streams.mix(lab, front.port, 2))
            assert [one.answered for one in mixed.targets] == [280, 40] and mixed.errors == 0
            assert mixed.targets[0].latency_quantiles_us["50"] < 50_000 <= mixed.targets[1].latency_quantiles_us["50"]
            for engine in (h2load.H2Load(8, False, 9), h2load.H2Load(1, True, 9)):
                plan = load.LoadPlan("127.0.0.1", front.port, "/own", 2, 1, requests=200)
                result = engine.run(plan)
                assert (result.requests, result.errors) == (200, 0) and result.latency_quantiles_us["50"] > 0
            assert h2load.H2Load(8, False, 10).run(plan).body_errors == 200
        with pytest.raises(EnvironmentFault):
            h2load.body_of(front.port, "/")


# ---- rules ----


def rounds(figures: dict[str, float], blur: float = 0.02) -> list[dict[str, float]]:
    return [{name: value * (1 + blur * (number - 2)) for name, value in figures.items()} for number in range(5)]


def recorded(seen: dict[str, int]) -> list[Cell]:
    return [
        Cell({"proxy": name, "what": behind_proxies.RECORDED, "depth": "16", "version": "1"}, [{"outstanding_max": float(n), "connections": 4.0, "requests": 1000.0}])
        for name, n in seen.items()
    ]


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        ({behind_proxies.DIRECT: 16, "a": 1, "b": 1}, HOLDS),
        ({behind_proxies.DIRECT: 16, "a": 1, "b": 2}, HOLDS_NOT),
        ({behind_proxies.DIRECT: 16, "a": 1}, OPEN),
        ({behind_proxies.DIRECT: 1, "a": 1, "b": 1}, OPEN),
    ],
)
def test_behind_proxies(seen: dict[str, int], verdict: str) -> None:
    assert behind_proxies.judge(recorded(seen)).verdict == verdict


def test_behind_proxies_title_and_table_say_the_same() -> None:
    """Ratios round by round, which those of two medians need not be."""
    gains = {behind_proxies.DIRECT: [2.0, 2.0, 8.0], "a": [0.5, 1.0, 1.5]}
    cells = [
        Cell({"proxy": name, "what": behind_proxies.SPEED, "depth": depth, "contestant": "c"}, [
            {"requests_per_s": base * (gain if depth == "16" else 1.0), "server_cpu_us": 1.0} for base, gain in zip((1000.0, 4000.0, 100.0), by_round, strict=True)
        ])
        for name, by_round in gains.items()
        for depth in ("1", "16")
    ]  # fmt: skip
    finding = behind_proxies.judge([*cells, *recorded({behind_proxies.DIRECT: 16, "a": 1, "b": 1})])
    assert finding.charts[0].title == "Pipelining multiplies requests/s by 2.00 without a proxy, by 1.00 through one"
    (speeds,) = (table for table in finding.tables if table.key == "behind-speeds")
    assert [row[3].split(" ")[0] for row in speeds.rows] == ["", "2.00×", "", "1.00×"]


@pytest.mark.parametrize(("funnel", "pool", "verdict"), [(300.0, 1.05, HOLDS), (1.1, 1.05, HOLDS_NOT), (300.0, 20.0, OPEN), (5.0, 1.0, OPEN)])
def test_freeze(funnel: float, pool: float, verdict: str) -> None:
    cells = [
        Cell({"proxy": name, "dear_users": count}, rounds({"p50_us": us, "p99_us": us, "max_us": us, "requests_per_s": 1e6 / us}))
        for name, times in ((freeze.FUNNEL, funnel), ("nginx, a pool", pool))
        for count, us in (("0", 300.0), ("1", 300.0 * times), ("5", 300.0 * times))
    ]
    assert freeze.judge(cells).verdict == verdict
    assert freeze.judge(cells[:3]).verdict == OPEN


def at_distance(effective: Callable[[float, int], float], shapes: tuple[tuple[int, int], ...], trips: tuple[float, ...]) -> list[Cell]:
    return [
        Cell(
            {"contestant": "a", "round_trip_ms": f"{ms:g}", "shape": round_trips.shape(c, d), "in_flight": str(c * d), "depth": str(d)},
            rounds({"effective_us": effective(ms, c), "requests": 1000.0}),
        )
        for ms in trips
        for c, d in shapes
    ]


@pytest.mark.parametrize(("penalty", "verdict"), [(1.05, HOLDS), (4.0, HOLDS_NOT), (1.7, OPEN)])
def test_round_trips(penalty: float, verdict: str) -> None:
    cells = at_distance(lambda ms, c: ms * 10 * (penalty if c > 1 else 1) + 1, ((1, 1), (1, 100), (100, 1)), (1.0, 100.0))
    late = Cell({"what": distance.BY_FORWARDER}, [{f"late_{which}_us_at_{ms}_ms": 50.0 for which in ("p50", "p99", "max") for ms in ("1", "100")}])
    finding = round_trips.judge([*cells, late])
    assert finding.verdict == verdict
    assert any("0.0500 ms (half of them)" in note for note in finding.notes)


@pytest.mark.parametrize(("far_gain", "verdict"), [(1.0, HOLDS), (10.0, HOLDS_NOT), (1.6, OPEN)])
def test_parallel(far_gain: float, verdict: str) -> None:
    cells = at_distance(
        lambda ms, c: 40.0 * (far_gain if ms and c <= parallel.ENOUGH else 1), tuple((n, 1) for n in parallel.IN_FLIGHT), parallel.ROUND_TRIPS_MS
    )
    finding = parallel.judge(cells)
    assert finding.verdict == verdict
    told = [part.split(" ")[0] for part in finding.why.split(": ")[1].split("; ")]
    assert [part.split(" ")[0] for part in finding.charts[0].title.split(": ")[1].split(", ")] == told


def test_a_lost_cell_is_told_once() -> None:
    cell = Cell({"a": "b"}, lost="gone")
    assert judging.lost([cell, cell]) == ["b: gone"]
