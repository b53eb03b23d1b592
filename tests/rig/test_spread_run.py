"""Load by Locust's workers on this machine, without ssh: together, one with a clock that is off, one killed; a whole run; and Locust's own command."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from restmark_rig.contestants.cache import Cache, default_directory
from restmark_rig.host import ports
from restmark_rig.load import load, load_program, locust, locust_program
from restmark_rig.load.cluster import ClusterEngine
from restmark_rig.load.host_file import LoadHost
from restmark_rig.load.load import LoadPlan, LoadResult, NotAnswered
from restmark_rig.load.master import Master
from restmark_rig.model import histogram
from restmark_rig.model.errors import EnvironmentFault
from restmark_rig.run import load_machines, machine_verdicts
from restmark_rig.server.launcher import StartOptions, launch
from restmark_rig.setup import environment
from restmark_rig.store.dataset import Dataset

from .helpers import Silent, processes_mentioning, wait_until, write_contestant, cheater_argv  # isort: skip
from .run_support import faulty, rig  # isort: skip

pytestmark = pytest.mark.xdist_group("spread")
CLOCK_ERROR_S = 5.0


@pytest.fixture(scope="module")
def locust_program_path() -> str:
    """Locust as 'restmark setup distributed' brings it, in the cache of whoever runs the tests, where it stays."""
    kept = Cache(default_directory())
    try:
        return locust_program.path(kept)
    except EnvironmentFault:
        requirement = next(one for one in locust_program.recipe().requires if one.pip_requirements)
        environment.install(requirement, kept, Silent())
        return locust_program.path(kept)


@pytest.fixture()
def with_locust(cache: Cache, locust_program_path: str, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """A cache of the test's own, and Locust on PATH."""
    monkeypatch.setenv("PATH", f"{Path(locust_program_path).parent}:{os.environ['PATH']}")
    return cache


def _wrapped(folder: Path, name: str, lines: str, program: str) -> str:
    """A Locust that is started in a way of its own."""
    path = folder / name
    path.write_text(f'#!/bin/sh\n{lines}\nexec "{program}" "$@"\n')
    path.chmod(0o755)
    return str(path)


def _plan(port: int, **keys: object) -> LoadPlan:
    return LoadPlan("127.0.0.1", port, "/", **{"connections": 5, "duration_s": 1.0, "timeout_s": 20.0, **keys})  # type: ignore[arg-type]


def _worker_pid(name: str) -> int:
    """The process that is the worker: Locust's own, and neither the shell that guards it nor a load."""
    for pid, line in processes_mentioning("--worker").items():
        words = Path("/proc", str(pid), "environ").read_bytes().split(b"\0")
        if f"RESTMARK_MACHINE={name}".encode() in words and "setsid" not in line and line.split()[0].endswith(("python3", "python")):
            return pid
    raise AssertionError(f"no worker {name}")


def test_machines_make_a_load_together_and_are_missed(with_locust: Cache, tmp_path: Path, locust_program_path: str, default_dataset: Dataset) -> None:
    off = _wrapped(tmp_path, "locust-with-a-clock-that-is-off", f"export RESTMARK_CLOCK_ERROR_S={CLOCK_ERROR_S}", locust_program_path)
    hosts = [LoadHost("one", None, cpus="0"), LoadHost("two", None, locust=off), LoadHost("three", None)]
    options = StartOptions(default_dataset.path, workers=1)
    with launch(faulty(tmp_path, "none"), options, with_locust) as server:
        with locust.running(hosts, "127.0.0.1", with_locust, lambda _: None) as engine:
            _together(engine, server.port)
            _with_files(engine, server.port, with_locust)
            _refused(engine)
            _one_is_killed(engine, server.port)
        assert wait_until(lambda: not processes_mentioning(f"--master-port {_port(engine)}"))
    assert not processes_mentioning(str(with_locust.root))


def _port(engine: ClusterEngine) -> int:
    return engine.master.port


def _together(engine: ClusterEngine, port: int) -> None:
    begun: list[bool] = []
    result = engine.run(_plan(port, rate_per_s=300.0), lambda: begun.append(True))
    machines = {machine.name: machine for machine in result.machines}
    assert begun == [True] and set(machines) == {"one", "two", "three"}
    assert sorted(machine.connections for machine in result.machines) == [1, 2, 2]
    assert machines["one"].threads == 1
    assert {machine.rate_per_s for machine in result.machines} == {100.0}
    # Every request of the schedule is one of somebody's: sent, or counted as never sent.
    assert result.requests + result.errors + result.unsent == 300
    assert result.requests == sum(machine.requests + machine.drained_requests for machine in result.machines) > 0
    assert result.hdr_v2_base64 is not None
    assert histogram.decode(result.hdr_v2_base64).count == result.requests + result.timeouts + result.unsent
    _clock_is_named(engine, result)


def _clock_is_named(engine: ClusterEngine, result: LoadResult) -> None:
    records = {machine.name: machine for machine in engine.machines.values()}
    assert abs(records["two"].clock_offset_us - CLOCK_ERROR_S * 1e6) < 1e6 and abs(records["one"].clock_offset_us) < 1e6
    assert "two is 5.0 s ahead" in " ".join(machine_verdicts.clock_remarks([records["two"]]))
    # It began with the others all the same, as it was told when by its own clock.
    two = next(machine for machine in result.machines if machine.name == "two")
    assert (two.start_late_us or 0) < CLOCK_ERROR_S * 1e6 / 2
    evidence = " ".join(verdict.evidence for verdict in machine_verdicts.of(result.machines, False))
    assert "the clock of two is 5.0 s ahead" in evidence and "clock of one" not in evidence


def _with_files(engine: ClusterEngine, port: int, cache: Cache) -> None:
    """What is expected comes to each machine once; the second load finds it there."""
    wrong = load.kept(cache, b"not what is answered")
    for _ in range(2):
        result = engine.run(_plan(port, requests=9, expect=wrong))
        assert (result.requests, result.body_errors) == (0, 9)


def _refused(engine: ClusterEngine) -> None:
    with pytest.raises(NotAnswered, match="127.0.0.1"):
        engine.run(_plan(ports.choose("127.0.0.1"), timeout_s=2.0))


def _one_is_killed(engine: ClusterEngine, port: int) -> None:
    pid = _worker_pid("three")
    result = engine.run(_plan(port, rate_per_s=50.0, duration_s=2.0), lambda: os.kill(pid, signal.SIGKILL))
    lost = {machine.name: machine.lost for machine in result.machines if machine.lost}
    assert lost == {"three": "its heartbeats ended during the load (its process here ended with exit code 137)"}
    assert "three was lost" in next(verdict.evidence for verdict in machine_verdicts.of(result.machines, False) if verdict.name == "lost_client")
    # It stays lost, and is said to be in every load from then on; the whole is made by the others.
    again = engine.run(_plan(port, requests=10))
    assert {machine.name for machine in again.machines if machine.lost} == {"three"} and again.requests == 10


def test_machines_that_go_in_any_way_are_lost(with_locust: Cache, tmp_path: Path, default_dataset: Dataset) -> None:
    """A restmark-load that is killed before and in a load, and a worker that is told to end between two and says goodbye: the others go on."""
    flag = tmp_path / "to-be-killed"
    fragile = _wrapped(tmp_path, "restmark-load-that-is-killed", f'[ -e "{flag}" ] && kill -9 "$$"', str(load_program.path()))
    hosts = [LoadHost("one", None), LoadHost("two", None, load=fragile), LoadHost("three", None), LoadHost("four", None)]
    with launch(faulty(tmp_path, "none"), StartOptions(default_dataset.path, workers=1), with_locust) as server:
        with locust.running(hosts, "127.0.0.1", with_locust, lambda _: None) as engine:
            assert not _lost(engine.run(_plan(server.port, requests=20)))
            flag.touch()
            whole = engine.run(_plan(server.port, rate_per_s=100.0))
            assert _lost(whole) == {"two": "restmark-load was killed by signal 9, out of memory there perhaps"}
            assert whole.requests + whole.errors + whole.unsent == 100, "the others make all of it"
            pid = _worker_pid("three")
            os.kill(pid, signal.SIGTERM)
            assert wait_until(lambda: not Path("/proc", str(pid)).exists())
            assert wait_until(lambda: len(engine.master.ask("/restmark/machines")) == 3)
            after = engine.run(_plan(server.port, requests=10))
            assert set(_lost(after)) == {"two", "three"} and after.requests == 10
            assert _lost(after)["three"].startswith("its worker ended")
            in_load = engine.run(_plan(server.port, rate_per_s=50.0, duration_s=2.0), lambda: _kill_load_of("four"))
            assert _lost(in_load)["four"] == "restmark-load was killed by signal 9, out of memory there perhaps"
            assert engine.run(_plan(server.port, requests=10)).requests == 10


def _lost(result: LoadResult) -> dict[str, str]:
    return {machine.name: machine.lost for machine in result.machines if machine.lost}


def _kill_load_of(name: str) -> None:
    worker = _worker_pid(name)
    (load_pid,) = [pid for pid, _ in processes_mentioning("--hold").items() if f"PPid:\t{worker}\n" in Path("/proc", str(pid), "status").read_text()]
    os.kill(load_pid, signal.SIGKILL)


def test_all_lost_is_an_error(with_locust: Cache, tmp_path: Path, default_dataset: Dataset) -> None:
    with launch(faulty(tmp_path, "none"), StartOptions(default_dataset.path, workers=1), with_locust) as server:
        with locust.running([LoadHost("only", None)], "127.0.0.1", with_locust, lambda _: None) as engine:
            pid = _worker_pid("only")
            with pytest.raises(EnvironmentFault, match="all load machines were lost"):
                engine.run(_plan(server.port, duration_s=1.0), lambda: os.kill(pid, signal.SIGKILL))
            with pytest.raises(EnvironmentFault, match="all load machines are lost") as caught:
                engine.run(_plan(server.port))
            assert str(with_locust.root / "logs" / "locust-*.log") in caught.value.remedy


@pytest.mark.parametrize(("host", "told"), [(LoadHost("x", None, load="/nowhere"), "x has no restmark-load"), (LoadHost("y", None, locust="/nowhere"), "y ended")])
def test_a_machine_that_can_not_take_part_is_named(with_locust: Cache, host: LoadHost, told: str) -> None:
    with pytest.raises(EnvironmentFault) as caught, locust.running([host], "127.0.0.1", with_locust, lambda _: None):
        pass
    assert told in caught.value.message


def test_a_whole_run_by_two_machines(with_locust: Cache, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("local name=load1\nlocal name=load2\n")
    subject = write_contestant(tmp_path, "small", cheater_argv("none"))
    output = tmp_path / "output"
    words = ["--workload", "/", "--rounds", "1", "--warmup", "0.1", "--connections", "4", "--load-from", hosts, "--output", output]
    done = rig(with_locust.root, "run", "-C", subject, *words)
    assert done.returncode in (0, 3), done.stderr
    results = json.loads((output / "results.json").read_text())
    assert [machine["name"] for machine in results["load_machines"]] == ["load1", "load2"]
    rounds = [entry for cell in results["cells"] for entry in cell["rounds"]]
    assert rounds
    for entry in rounds:
        assert [machine["connections"] for machine in entry["machines"]] == [2, 2]
        assert entry["requests"] == sum(machine["requests"] for machine in entry["machines"])
        assert entry["client_cpu_ns"] == sum(machine["cpu_ns"] for machine in entry["machines"])
    summary = (output / "summary.md").read_text()
    assert "## Load machines" in summary and "| load1 |" in summary and "| load2 |" in summary
    assert "load2" in done.stdout
    assert "load2" in (output / "index.html").read_text()


def test_a_cluster_that_is_there_already(with_locust: Cache, tmp_path: Path, default_dataset: Dataset, locust_program_path: str) -> None:
    """--load-cluster: master and workers are somebody else's, and go on when the run is over."""
    port, page = ports.choose("127.0.0.1"), ports.choose("127.0.0.1")
    master = [locust_program_path, "-f", str(locust_program.LOCUSTFILE), "--master", "--master-bind-port", str(port), "--web-host", "127.0.0.1", "--web-port", str(page)]
    worker = [locust_program_path, "-f", "-", "--worker", "--master-port", str(port)]
    own = _environments(tmp_path)
    wishes = load_machines.wished(None, f"127.0.0.1:{page}", "127.0.0.1", None)
    running = [subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for argv, env in zip((master, worker, worker), own, strict=True)]
    try:
        assert wait_until(lambda: _has_workers(wishes.master, 2), 120)
        with launch(faulty(tmp_path, "none"), StartOptions(default_dataset.path, workers=1), with_locust) as server:
            with load_machines.running(wishes, with_locust, lambda _: None) as loaders:
                assert len({record.name for record in loaders.records}) == 2, "two of one name are told apart"
                assert loaders.engine.run(_plan(server.port, requests=31)).requests == 31
        assert [process.poll() for process in running] == [None] * 3
    finally:
        for process in running:
            process.kill()
            process.wait()
    with pytest.raises(EnvironmentFault, match="does not answer"), load_machines.running(wishes, with_locust, lambda _: None):
        pass


def _environments(folder: Path) -> list[dict[str, str]]:
    """Of a master and two workers that are started by hand, each with a folder of its own for what it is sent: as two machines have."""
    found = []
    for name in ("master", "one", "two"):
        (folder / name).mkdir()
        found.append({**os.environ, "RESTMARK_LOAD": str(load_program.path()), "RESTMARK_MACHINE": "same", "TMPDIR": str(folder / name)})
    return found


def _has_results(kept: Path) -> bool:
    """Of a load for which all six users had come."""
    documents = map(json.loads, kept.read_text().split("\n")[:-1]) if kept.exists() else ()
    return [document["plan"]["connections"] for document in documents][-2:] == [3, 3]


def _has_workers(master: Master | None, count: int) -> bool:
    assert master is not None
    try:
        return len(master.ask("/restmark/machines")) == count
    except EnvironmentFault:
        return False


def test_locusts_own_command_line_makes_the_same_load(with_locust: Cache, tmp_path: Path, default_dataset: Dataset, locust_program_path: str) -> None:
    """`locust -f locustfile.py --master`, as its users know it: users are connections, its figures are filled, and results are kept whole."""
    port, kept = ports.choose("127.0.0.1"), tmp_path / "results.json"
    with launch(faulty(tmp_path, "none"), StartOptions(default_dataset.path, workers=1), with_locust) as server:
        master = [locust_program_path, "-f", str(locust_program.LOCUSTFILE), "--master", "--master-bind-port", str(port), "--headless"]
        master += ["--expect-workers", "2", "-u", "6", "-r", "6", "-H", f"http://127.0.0.1:{server.port}", "--csv", str(tmp_path / "csv")]
        master += ["--restmark-rate", "100", "--restmark-output", str(kept)]
        words = [locust_program_path, "-f", "-", "--worker", "--master-port", str(port)]
        running = [
            subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            for argv, env in zip((master, words, words), _environments(tmp_path), strict=True)
        ]
        try:
            has_results = wait_until(lambda: running[0].poll() is not None or _has_results(kept), 300)
            running[0].terminate()
            told = running[0].communicate(timeout=120)[1]
            assert has_results, told
            assert running[0].returncode == 0, told
            assert [process.wait(300) for process in running[1:]] == [0, 0]
        finally:
            for process in running:
                process.kill()
                process.wait()
                assert process.stderr is not None
                process.stderr.close()
    found = list(map(json.loads, kept.read_text().splitlines()))
    assert len(found) >= 2 and [document["plan"]["connections"] for document in found[-2:]] == [3, 3]
    assert {document["plan"]["part"] for document in found} == {1, 2}
    answered = sum(document["requests"]["answered"] for document in found)
    with (tmp_path / "csv_stats.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if row["Name"] == "Aggregated")
    assert int(row["Request Count"]) == answered > 0
    done = subprocess.run([load_program.path(), "--merge", "--json", kept], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0 and json.loads(done.stdout)["latency"]["count"] >= answered
