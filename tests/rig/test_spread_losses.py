"""Load machines that are lost, fail or stand still, without any: what is made of what the master tells, and what is said of it."""

from __future__ import annotations

import resource
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from restmark_rig.load import cluster, locust, machine_failures, master
from restmark_rig.load.cluster import ClusterEngine
from restmark_rig.load.load import LoadPlan, NotAnswered
from restmark_rig.load.master import Master, MasterGone
from restmark_rig.model import stalls
from restmark_rig.model.errors import EnvironmentFault, UsageFault
from restmark_rig.model.load_machines import LoadMachine, MachineRound
from restmark_rig.model.results import CLIENT_BOUND, LOST_CLIENT, Verdict
from restmark_rig.report import load_machines as rows
from restmark_rig.report import texts
from restmark_rig.run import load_machines, machine_verdicts, verdict
from restmark_rig.run.runner import Run

from .synthetic_results import build  # isort: skip
from .test_spread import _WELL, _document  # isort: skip

PLAN = LoadPlan("127.0.0.1", 1, "/", connections=4, duration_s=1.0)
KILLED = "restmark-load was killed by signal 9, out of memory there perhaps"


class FakeMaster:
    """Answers what a master would, in order: of each load that is asked for who fails, and of each load that is made who is lost."""

    logs = "/cache/logs/locust-*.log"

    def __init__(self, failing: list[dict[str, tuple[str, int | None]]], losing: dict[str, str] | None = None) -> None:
        self._failing, self._losing = failing, losing or {}
        self.asked: list[list[str]] = []

    def ask(self, path: str, document: Any = None, _: float = 0) -> Any:
        if path == "/restmark/load":
            clients = list(document["clients"])
            self.asked.append(clients)
            failed = self._failing.pop(0) if self._failing else {}
            return {"load": 1, "failed": [{"client": c, "name": c, "why": why, "code": code} for c, (why, code) in failed.items()]}
        assert path == "/restmark/go"
        return {"machines": [self._outcome(client) for client in self.asked[-1]]}

    def _outcome(self, client: str) -> dict[str, Any]:
        lost = self._losing.get(client, "")
        result = None if lost else _document([5] * 9, 1, 1)
        return {"name": client, "client": client, "lost": lost, "result": result, "start_late_ns": None if lost else 0, "clock_offset_ns": 0, "clock_error_ns": 0}


def _engine(fake: FakeMaster, ending: Callable[[str], str] = lambda _: "") -> ClusterEngine:
    machines = {name: LoadMachine(name, "h", "k", "x86_64", 1, "restmark-load 1", 0, 0) for name in ("a", "b", "c")}
    return ClusterEngine(fake, machines, ending=ending)  # type: ignore[arg-type]


@pytest.mark.parametrize("failure", [("its worker ended", None), ("its heartbeats ended", None), (KILLED, -9), ("no memory", 71)])
def test_who_can_not_begin_is_lost_and_the_others_make_the_whole_load(failure: tuple[str, int | None]) -> None:
    fake = FakeMaster([{"b": failure}])
    engine = _engine(fake, lambda name: f"ssh to it was killed by signal 9, {name}")
    result = engine.run(PLAN)
    assert fake.asked == [["a", "b", "c"], ["a", "c"]], "asked again, for the whole load"
    lost = MachineRound("b", f"{failure[0]} (ssh to it was killed by signal 9, b)")
    assert lost in result.machines and len(result.machines) == 3
    (found,) = [one for one in machine_verdicts.of(result.machines, False) if one.name == LOST_CLIENT]
    assert failure[0] in found.evidence and "2 of 3 load machines" in found.evidence
    assert lost in engine.run(PLAN).machines, "it stays so"


def test_who_is_lost_on_the_way_is_named_with_how_its_process_ended() -> None:
    result = _engine(FakeMaster([], {"c": KILLED}), lambda _: "ssh to it ended with exit code 255").run(PLAN)
    assert MachineRound("c", f"{KILLED} (ssh to it ended with exit code 255)") in result.machines


def test_all_lost_says_where_the_logs_are() -> None:
    everybody = dict.fromkeys(("a", "b", "c"), (KILLED, -9))
    with pytest.raises(EnvironmentFault, match="all load machines are lost: a: restmark-load was killed by signal 9") as caught:
        _engine(FakeMaster([everybody])).run(PLAN)
    assert "/cache/logs/locust-*.log" in caught.value.remedy
    with pytest.raises(EnvironmentFault, match="were lost during") as caught:
        _engine(FakeMaster([], dict.fromkeys(everybody, KILLED))).run(PLAN)
    assert "/cache/logs/locust-*.log" in caught.value.remedy


@pytest.mark.parametrize(
    ("failures", "kind", "told"),
    [
        ({"b": ("unknown option --hold", 64)}, EnvironmentFault, "the load machine b can not make the load: unknown option"),
        ({"b": ("can not run restmark-load: Exec format error", 126)}, EnvironmentFault, "machine b can not make the load: can not run"),
        ({"a": ("restmark-load: 127.0.0.1:1: refused", 69)}, NotAnswered, "127.0.0.1:1: refused (asked by a)"),
        ({"a": (KILLED, -9), "b": ("refused", 69)}, NotAnswered, "refused (asked by b)"),
    ],
)
def test_what_befalls_every_machine_or_is_the_servers_ends_the_load(failures: dict[str, tuple[str, int]], kind: type[Exception], told: str) -> None:
    with pytest.raises(kind) as caught:
        _engine(FakeMaster([failures])).run(PLAN)
    assert type(caught.value) is kind and told in caught.value.message  # type: ignore[attr-defined]


def test_a_master_of_another_version_is_told_so() -> None:
    fake = SimpleNamespace(logs="", ask=lambda *_: {"load": 1, "shares": []})
    with pytest.raises(EnvironmentFault, match="another version"):
        _engine(fake).run(PLAN)  # type: ignore[arg-type]


def test_failures_are_read_as_told() -> None:
    (found,) = machine_failures.read([{"client": "x", "name": "b", "why": "restmark-load: so", "code": 71}])
    assert found == machine_failures.Failure("x", "b", "so", 71)


@contextmanager
def _listening(say: bytes | None) -> Iterator[int]:
    """A port that takes connections. say: to each of them; None: nothing, ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        if say is not None:
            threading.Thread(target=_say, args=(server, say), daemon=True).start()
        yield server.getsockname()[1]


def _say(server: socket.socket, text: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(text)


@pytest.mark.parametrize(("say", "told"), [(None, "nothing was said in 0 s"), (b"\xff\0\0\0\0\0\0\0\x01\x7f\n", "speaks no HTTP")])
def test_a_port_that_is_no_masters_page_is_found_in_seconds(monkeypatch: pytest.MonkeyPatch, say: bytes | None, told: str) -> None:
    assert master._PAGE_S <= 15
    monkeypatch.setattr(master, "_PAGE_S", 0.2)
    with _listening(say) as port, pytest.raises(MasterGone, match=told) as caught:
        cluster.join(Master("127.0.0.1", port))
    assert "8089" in caught.value.remedy and "5557" in caught.value.remedy


def test_a_closed_port_is_told_as_such() -> None:
    with _listening(None) as port:
        pass
    with pytest.raises(MasterGone, match=f"127.0.0.1:{port} does not answer: nothing listens there"):
        cluster.join(Master("127.0.0.1", port))
    # One that the run itself has started is not doubted: its log says why.
    with pytest.raises(MasterGone) as caught:
        Master("127.0.0.1", port, "/cache/logs/locust-*.log").ask("/restmark/machines")
    assert "see /cache/logs/locust-*.log" in caught.value.remedy and "port" not in caught.value.remedy


def test_an_address_that_is_not_of_this_machine_is_named_with_its_option() -> None:
    load_machines.require_own(None)
    load_machines.require_own("127.0.0.1")
    with pytest.raises(UsageFault, match="--listen 192.0.2.1: can not bind") as caught:
        load_machines.require_own("192.0.2.1")
    assert "ip -brief address" in caught.value.remedy


STOPPED = replace(_WELL, total_us=11_000_000)


@pytest.mark.parametrize(
    ("change", "told", "late_us"),
    [
        ({"start_late_us": 10_000_000}, "m began 10.0 s behind the common start", 10_000_000),
        ({"start_late_us": 30_000}, "m began 30 ms behind", 30_000),
        ({"total_us": 11_000_000}, "m had its last answer 10.0 s after all others: it stood still", 10_000_000),
    ],
)
def test_a_machine_that_stood_still_is_named_first(change: dict[str, Any], told: str, late_us: int) -> None:
    machines = [replace(_WELL, name="other"), replace(_WELL, **change)]
    (stall,) = stalls.of(machines)
    assert told in stall.text and (stall.name, stall.late_us) == ("m", late_us)
    (found,) = machine_verdicts.of(machines, False, server_idle=True)
    assert found.name == CLIENT_BOUND and found.evidence.startswith("m ")
    said: list[str] = []
    run = SimpleNamespace(_lost_machines=set(), _stalled={}, _say=said.append)
    for _ in range(2):
        Run._say_of_machines(run, machines, "round 3, x, /")  # type: ignore[arg-type]
    assert said == [f"round 3, x, /: of the load machines {stall.text}"], "once"
    results = build()
    results.load_machines = [LoadMachine(name, "host", "6.1", "x86_64", 4, "restmark-load 1", 120, 30) for name in ("other", "m")]
    results.cells[0].rounds[0] = replace(results.cells[0].rounds[0], machines=machines)
    table = rows.table(results)
    assert table is not None
    assert [row[-1].text for row in table.rows] == ["", f"late 1 time, by {late_us / 1e3:,.0f} ms at most"]


def test_who_did_not_stand_still_is_not_said_to() -> None:
    alone = stalls.of([STOPPED])
    assert not alone, "all of it may be the server's"
    assert not stalls.of([STOPPED, replace(STOPPED, name="other")])
    assert not stalls.of([replace(_WELL, name="other"), replace(_WELL, total_us=1_900_000)])
    # A server that worked meanwhile may have let one of them wait.
    assert not list(machine_verdicts.of([replace(_WELL, name="other"), STOPPED], False))


def test_waiting_for_a_cpu_is_no_time_that_a_machine_had() -> None:
    waiting = replace(_WELL, wait_ns=380_000_000)
    (found,) = machine_verdicts.of([waiting, replace(_WELL, name="other")], False, server_idle=True)
    assert "waited for a CPU that others had (m for 38% of the time)" in found.evidence and "other for" not in found.evidence
    assert "network" not in found.evidence and "no load machine was busy" not in found.evidence


def test_of_several_rounds_that_one_speaks_which_names_a_machine() -> None:
    (nobody,) = machine_verdicts.of([_WELL], False, server_idle=True)
    (somebody,) = machine_verdicts.of([replace(_WELL, start_late_us=10_000_000)], False, server_idle=True)
    assert "no load machine was busy either" in nobody.evidence
    entries = build().cells[0].rounds[:3]
    for place, found in enumerate((nobody, somebody, nobody)):
        entries[place] = replace(entries[place], verdicts=[Verdict(CLIENT_BOUND, found.evidence)])
    (told,) = [found for found in verdict.of_cell(entries) if found.name == CLIENT_BOUND]
    assert "in 3 of 3 rounds, e.g.: m began 10.0 s" in told.evidence


def test_the_legend_of_client_bound_says_what_its_evidence_may() -> None:
    legend = texts.VERDICTS[CLIENT_BOUND][1]
    assert "others had them" in legend and "network" in legend and "stood still" in legend
    assert "full before the server's" not in legend


def test_a_worker_without_room_for_its_own_folder_does_not_start(tmp_path: Path) -> None:
    """Python would fall back to /tmp, and leave there what Locust writes."""

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    words = ["sh", "-c", locust._WORKER, "sh", "touch", str(tmp_path / "started")]
    full = tmp_path / "full"
    full.mkdir()
    done = subprocess.run(words, env={"PATH": "/usr/bin:/bin", "HOME": "/", "TMPDIR": str(full)}, capture_output=True, text=True, check=False, preexec_fn=no_room)
    assert done.returncode == locust._NO_ROOM and f"no room for a folder of the worker's own in {full}" in done.stderr
    assert not list(full.iterdir()) and not (tmp_path / "started").exists()
    done = subprocess.run(words, env={"PATH": "/usr/bin:/bin", "HOME": "/", "TMPDIR": str(full)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and (tmp_path / "started").exists() and not list(full.iterdir())
    gone = subprocess.run(words, env={"PATH": "/usr/bin:/bin", "HOME": "/", "TMPDIR": "/nowhere"}, capture_output=True, text=True, check=False)
    assert gone.returncode == locust._NO_ROOM and "in /nowhere" in gone.stderr
