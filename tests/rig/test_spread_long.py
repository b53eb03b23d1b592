"""Load from network namespaces, as root: bad days over a real ssh, a stopped server, and another program's opinion. With RESTMARK_LONG=1."""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from restmark_rig.contestants.cache import Cache, default_directory
from restmark_rig.host import ports
from restmark_rig.host.installation import BENCH
from restmark_rig.load import host_file, load, locust
from restmark_rig.load.cluster import ClusterEngine
from restmark_rig.load.engine import LoadEngine
from restmark_rig.load.host_file import LoadHost
from restmark_rig.load.load import LoadPlan, LoadResult
from restmark_rig.model import histogram
from restmark_rig.run import machine_verdicts

from processes import children  # isort: skip
from timed import undisturbed  # isort: skip

from .helpers import PYTHON, RESTMARK, cheater_argv, processes_mentioning, wait_until, write_contestant  # isort: skip
from .run_support import environment  # isort: skip
from .test_spread_run import CLOCK_ERROR_S, _wrapped, locust_program_path, with_locust  # isort: skip

__all__ = ["locust_program_path", "with_locust"]  # fixtures

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("spread"),
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces take root"),
    pytest.mark.skipif("RESTMARK_BUILD" not in os.environ, reason="RESTMARK_BUILD names no build of restmarkd"),
]
NAMESPACES = BENCH / "distributed" / "namespaces"
VEGETA = "github.com/tsenart/vegeta/v12@v12.13.0"
LATE_US = 50_000  # no request is that late while the server runs
PAUSE_S = 1.0
_PATIENCE_S = 300


@dataclass(frozen=True)
class Namespaces:
    """Machines that are there. prefix: of all that belongs to them."""

    hosts_file: Path
    ssh_config: Path
    listen: str
    prefix: str

    @property
    def hosts(self) -> list[LoadHost]:
        return host_file.read(self.hosts_file, self.ssh_config)

    def space(self, number: int) -> str:
        return f"{self.prefix}-{number}"

    def beside_sshd(self, number: int) -> list[str]:
        """What runs in one, but for its sshd and what sshd keeps for a connection."""
        pids = subprocess.run(["ip", "netns", "pids", self.space(number)], capture_output=True, text=True, check=True).stdout.split()
        names = [Path("/proc", pid, "comm") for pid in pids]
        return [name for path in names if path.exists() and not (name := path.read_text().strip()).startswith("sshd")]


@contextmanager
def namespaces(count: int, *, folder: Path) -> Iterator[Namespaces]:
    """They are made, and taken away again: nothing of them may be left."""
    tell = 'echo "$RESTMARK_HOSTS $RESTMARK_SSH_CONFIG $RESTMARK_LISTEN"; read -r _'
    words = [str(NAMESPACES), "-n", str(count), "exec", "sh", "-c", tell]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdin is not None and process.stdout is not None
        line = process.stdout.readline().split()
        assert len(line) == 3, "the namespaces were not made"
        prefix = f"restmark-{process.pid}"
        try:
            yield Namespaces(Path(line[0]), Path(line[1]), line[2], prefix)
        finally:
            process.stdin.close()
            assert process.wait(_PATIENCE_S) == 1  # read's, at the end of its input
    _nothing_left(prefix, process.pid)


def _nothing_left(prefix: str, pid: int) -> None:
    told = [subprocess.run(argv, capture_output=True, text=True, check=True).stdout for argv in (["ip", "netns", "list"], ["ip", "-brief", "link"])]
    assert prefix not in told[0] and f"rm{pid}n" not in told[1]
    groups = [path for parent in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/cpu")) for path in parent.glob(f"{prefix}-*")]
    assert not groups and not list(Path("/tmp").glob(f"{prefix}-*"))
    assert not processes_mentioning(f"{prefix}-")


@dataclass
class Server:
    """restmarkd with one worker."""

    host: str
    port: int
    process: subprocess.Popen[bytes]

    def workers(self) -> list[int]:
        children = Path("/proc", str(self.process.pid), "task", str(self.process.pid), "children")
        return [int(pid) for pid in children.read_text().split()]


@contextmanager
def restmarkd(host: str, folder: Path) -> Iterator[Server]:
    port = ports.choose(host)
    program = Path(os.environ["RESTMARK_BUILD"]) / "src" / "restmarkd"
    words = [program, "-o", f"server.listen={host}:{port}", "-o", "server.processes=1", "-o", "workloads.wait=yes", "-o", "admin.control=none"]
    with (folder / "restmarkd.log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        try:
            assert wait_until(lambda: b"ready" in (folder / "restmarkd.log").read_bytes(), 120), (folder / "restmarkd.log").read_text()
            yield Server(host, port, process)
        finally:
            process.terminate()
            process.wait(_PATIENCE_S)


def _plan(server: Server, **keys: object) -> LoadPlan:
    return LoadPlan(server.host, server.port, "/", **{"connections": 8, "duration_s": 3.0, "timeout_s": 20.0, **keys})  # type: ignore[arg-type]


@contextmanager
def _machines(count: int, cache: Cache, folder: Path) -> Iterator[tuple[Namespaces, ClusterEngine]]:
    with namespaces(count, folder=folder) as made, locust.running(made.hosts, made.listen, cache, lambda _: None) as engine:
        yield made, engine


def _lost(result: LoadResult) -> dict[str, str]:
    return {machine.name: machine.lost for machine in result.machines if machine.lost}


def test_bad_days_of_machines_behind_ssh(with_locust: Cache, tmp_path: Path, locust_program_path: str) -> None:
    """A clock that is off, an ssh connection that is cut, a line that goes dead, one after the other, of four; each is named, and nothing is left."""
    off = _wrapped(tmp_path, "locust-with-a-clock-that-is-off", f"export RESTMARK_CLOCK_ERROR_S=-{CLOCK_ERROR_S}", locust_program_path)
    with namespaces(4, folder=tmp_path) as made, restmarkd(made.listen, tmp_path) as server:
        hosts = [replace(host, locust=off if host.name == "load2" else locust_program_path) for host in made.hosts]
        with locust.running(hosts, made.listen, with_locust, lambda _: None) as engine:
            result = engine.run(_plan(server, rate_per_s=400.0))
            assert not _lost(result) and result.requests + result.unsent == 1200
            evidence = " ".join(verdict.evidence for verdict in machine_verdicts.of(result.machines, False))
            assert "the clock of load2 is 5.0 s behind" in evidence and "clock of load1" not in evidence
            begun = [machine.start_late_us or 0 for machine in result.machines]
            assert max(begun) < CLOCK_ERROR_S * 1e6 / 2
            address = hosts[2].target.host if hosts[2].target else ""
            (client,) = [pid for pid, line in processes_mentioning(f"-- {address} ").items() if line.startswith("ssh ")]
            result = engine.run(_plan(server, rate_per_s=400.0, duration_s=8.0), lambda: os.kill(client, signal.SIGKILL))
            assert set(_lost(result)) == {"load3"}
            assert wait_until(lambda: not made.beside_sshd(3), 60), made.beside_sshd(3)
            dead = ["ip", "-netns", made.space(4), "link", "set", "eth0", "down"]
            result = engine.run(_plan(server, rate_per_s=400.0, duration_s=8.0), lambda: subprocess.run(dead, check=True) and None)
            assert set(_lost(result)) == {"load3", "load4"}
            result = engine.run(_plan(server, rate_per_s=400.0))
            assert set(_lost(result)) == {"load3", "load4"} and result.requests + result.unsent == 1200
        # sshd on the far side of the dead line notices by itself, and ends what it has started.
        assert wait_until(lambda: not any(made.beside_sshd(number) for number in range(1, 5)), 120)


def _loads_of(made: Namespaces, number: int) -> list[int]:
    """The pids of restmark-load in a namespace."""
    pids = subprocess.run(["ip", "netns", "pids", made.space(number)], capture_output=True, text=True, check=True).stdout.split()
    paths = [Path("/proc", pid, "comm") for pid in pids]
    return [int(path.parent.name) for path in paths if path.exists() and path.read_text().startswith("restmark-load")]


def test_a_node_whose_restmark_load_is_killed_is_lost_and_the_others_go_on(with_locust: Cache, tmp_path: Path) -> None:
    """Whenever it is killed: as soon as it is there, which is before the load mostly, and in the middle of one."""
    with _machines(3, with_locust, tmp_path) as (made, engine), restmarkd(made.listen, tmp_path) as server:
        killer = threading.Thread(target=lambda: wait_until(lambda: [os.kill(pid, signal.SIGKILL) for pid in _loads_of(made, 2)]))
        killer.start()
        result = engine.run(_plan(server, rate_per_s=400.0))
        killer.join()
        assert _lost(result) == {"load2": "restmark-load was killed by signal 9, out of memory there perhaps"}
        result = engine.run(_plan(server, rate_per_s=400.0), lambda: [os.kill(pid, signal.SIGKILL) for pid in _loads_of(made, 3)] and None)
        assert set(_lost(result)) == {"load2", "load3"}
        result = engine.run(_plan(server, rate_per_s=400.0))
        assert set(_lost(result)) == {"load2", "load3"} and result.requests + result.unsent == 1200


def _ssh_to(made: Namespaces, number: int) -> int:
    (pid,) = [pid for pid, line in processes_mentioning(f"RESTMARK_MACHINE=load{number} ").items() if line.startswith("ssh ") and str(made.ssh_config) in line]
    return pid


def _guard_in(made: Namespaces, number: int) -> int:
    """The shell that sshd has started for the worker; what it forked to wait for the end of input has the same words."""
    pids = subprocess.run(["ip", "netns", "pids", made.space(number)], capture_output=True, text=True, check=True).stdout.split()
    guards = [pid for pid in processes_mentioning(f"RESTMARK_MACHINE=load{number} ") if str(pid) in pids and _comm(pid) in ("sh", "dash")]
    return min(pid for pid in guards if _parent(pid) not in guards)


def _comm(pid: int) -> str:
    return Path("/proc", str(pid), "comm").read_text().strip()


def _parent(pid: int) -> int:
    return int(Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("whose", ["ssh", "guard"])
def test_a_node_that_goes_between_loads_is_lost(with_locust: Cache, tmp_path: Path, whose: str) -> None:
    """The rig's own ssh, or the shell around the worker there, is killed: the worker is told to end, and mostly says goodbye as if it were done."""
    with _machines(3, with_locust, tmp_path) as (made, engine), restmarkd(made.listen, tmp_path) as server:
        assert not _lost(engine.run(_plan(server, rate_per_s=400.0)))
        os.kill(_ssh_to(made, 2) if whose == "ssh" else _guard_in(made, 2), signal.SIGKILL)
        assert wait_until(lambda: len(engine.master.ask("/restmark/machines")) == 2), "it is there still"
        result = engine.run(_plan(server, rate_per_s=400.0))
        # A worker that is slow to end is killed before it has said goodbye, and is missed instead.
        assert _lost(result)["load2"].startswith(("its worker ended", "its heartbeats ended")) and set(_lost(result)) == {"load2"}
        assert result.requests + result.unsent == 1200, "the others make the whole load"
        found = {verdict.name: verdict.evidence for verdict in machine_verdicts.of(result.machines, False)}
        assert "load2 was lost" in found["lost_client"] and "2 of 3 load machines" in found["lost_client"]


def test_a_run_names_a_node_that_goes_between_rounds(with_locust: Cache, tmp_path: Path) -> None:
    subject, output = write_contestant(tmp_path, "small", cheater_argv("none")), tmp_path / "output"
    short = ("--workload", "/", "--rounds", "20", "--warmup", "0.1", "--connections", "4")
    words = [NAMESPACES, "-n", "2", "run", "-C", subject, *short, "--output", output]
    with subprocess.Popen(list(map(str, words)), env=environment(default_directory()), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert wait_until(lambda: (output / "results.json").exists() and _rounds(output), 300)
            ours = f"restmark-{process.pid}-"
            (pid,) = [pid for pid, line in processes_mentioning("RESTMARK_MACHINE=load2").items() if line.startswith("ssh ") and ours in line]
            os.kill(pid, signal.SIGKILL)
            out, err = process.communicate(timeout=_PATIENCE_S)
        finally:
            process.terminate()
    assert process.returncode == 0, (out, err)
    assert "the load machine load2 was lost" in out + err
    lost = [entry for entry in _rounds(output) if any(machine["name"] == "load2" and machine["lost"] for machine in entry["machines"])]
    assert lost and lost[-1] == _rounds(output)[-1] and len(lost) < len(_rounds(output))
    assert all("lost_client" in [verdict["name"] for verdict in entry["verdicts"]] for entry in lost)
    assert "Lost on the way: load2." in (output / "summary.md").read_text()
    _nothing_left(f"restmark-{process.pid}", process.pid)
    assert with_locust.root


def test_servers_on_one_machine_are_loaded_from_others(with_locust: Cache, tmp_path: Path) -> None:
    subject, output, loaders = write_contestant(tmp_path, "small", cheater_argv("none")), tmp_path / "output", tmp_path / "loaders"
    with namespaces(3, folder=tmp_path) as made:
        servers, *lines = made.hosts_file.read_text().splitlines(keepends=True)
        loaders.write_text("".join(lines))
        far = ("--server", f"ssh://root@{servers.split()[0]}", "--ssh-config", made.ssh_config, "--load-from", loaders, "--listen", made.listen)
        short = ("--workload", "/", "--rounds", "2", "--warmup", "0.2", "--duration", "0.5", "--connections", "4")
        words = [PYTHON, RESTMARK, "run", "-C", subject, *far, *short, "--output", output]
        done = subprocess.run(list(map(str, words)), env=environment(default_directory()), capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert wait_until(lambda: not any(made.beside_sshd(number) for number in range(1, 4)), 60)
    results = json.loads((output / "results.json").read_text())
    address = servers.split(":")[0]
    assert address in results["server_place"] and results["server_machine"]
    assert [[machine["name"] for machine in entry["machines"]] for entry in _rounds(output)] == [["load2", "load3"]] * 4, "its own twin takes part"
    assert all(entry["requests"] > 0 and not any(entry["errors"].values()) for entry in _rounds(output))
    page = (output / "index.html").read_text()
    assert "load2" in page and "load3" in page and address in page
    assert with_locust.root


def test_ctrl_c_ends_a_run_and_takes_the_machines_away(with_locust: Cache, tmp_path: Path) -> None:
    subject, output = write_contestant(tmp_path, "small", cheater_argv("none")), tmp_path / "output"
    words = [NAMESPACES, "-n", "2", "run", "-C", subject, "--workload", "/", "--rounds", "500", "--warmup", "0.1", "--connections", "4", "--output", output]
    with subprocess.Popen(
        list(map(str, words)), env=environment(default_directory()), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert wait_until(lambda: (output / "results.json").exists() and _rounds(output), 300)
            os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=_PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 130, (out, err)
    assert "interrupted" in err and "terminated" not in err
    assert _rounds(output)[0]["machines"][0]["name"] == "load1"
    _nothing_left(f"restmark-{process.pid}", process.pid)
    assert with_locust.root


def test_impatience_leaves_nothing_either(with_locust: Cache, tmp_path: Path) -> None:
    """Ctrl-C again and again, while what the first one has begun to take away is being taken away; and the run goes on from there, with machines made anew."""
    subject, output = write_contestant(tmp_path, "small", cheater_argv("none")), tmp_path / "output"
    short = ["--workload", "/", "--rounds", "8", "--warmup", "0.1", "--duration", "1", "--connections", "4", "--output", output]
    words = [NAMESPACES, "-n", "2", "run", "-C", subject, *short]
    surroundings = environment(default_directory())
    with subprocess.Popen(
        list(map(str, words)), env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert wait_until(lambda: (output / "results.json").exists() and _rounds(output), 300)
            for _ in range(3):
                os.killpg(process.pid, signal.SIGINT)
                time.sleep(0.4)  # the subject
            out, err = process.communicate(timeout=_PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 130, (out, err)
    assert "stopping…" in err and "interrupted" in err and "terminated" not in err and "Traceback" not in err
    assert f"go on with: {NAMESPACES} -n 2 run --resume {output}" in err
    _nothing_left(f"restmark-{process.pid}", process.pid)
    for count, code in ((3, 1), (2, 0)):
        again = subprocess.Popen([NAMESPACES, "-n", str(count), "run", "--resume", output], env=surroundings, stderr=subprocess.PIPE, text=True)
        _, err = again.communicate(timeout=_PATIENCE_S)
        assert again.returncode == code, err
        assert ("the load came from load1, load2, now from load1, load2, load3" in err) == (count == 3)
        _nothing_left(f"restmark-{again.pid}", again.pid)
    assert json.loads((output / "results.json").read_text())["complete"]
    assert with_locust.root


def test_a_run_that_is_killed_has_the_shells_exit_code(with_locust: Cache, tmp_path: Path) -> None:
    subject, output = write_contestant(tmp_path, "small", cheater_argv("none")), tmp_path / "output"
    words = [NAMESPACES, "-n", "2", "run", "-C", subject, "--workload", "/", "--rounds", "500", "--warmup", "0.1", "--connections", "4", "--output", output]
    with subprocess.Popen(list(map(str, words)), env=environment(default_directory()), stderr=subprocess.PIPE, text=True) as process:
        assert wait_until(lambda: (output / "results.json").exists() and _rounds(output), 300)
        (rig,) = [pid for pid in children(process.pid) if b"restmark\0run" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(rig, signal.SIGKILL)
        _, err = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 128 + signal.SIGKILL, err
    _nothing_left(f"restmark-{process.pid}", process.pid)
    assert with_locust.root


def _rounds(output: Path) -> list[dict[str, list[dict[str, str]]]]:
    results = json.loads((output / "results.json").read_text())
    return [entry for cell in results["cells"] for entry in cell["rounds"]]


def _late(result: LoadResult) -> int:
    assert result.hdr_v2_base64 is not None
    counts = histogram.decode(result.hdr_v2_base64)
    return counts.count - round(sum(counts.counts[: histogram._cell(LATE_US)]))


def _stopped(engine: LoadEngine, server: Server, plan: LoadPlan) -> tuple[LoadResult, float]:
    """A load during which the server is stopped once, and for how long it was."""
    stopped: list[float] = []

    def stop() -> None:
        workers = server.workers()
        began = time.monotonic()
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(PAUSE_S)  # the subject
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        stopped.append(time.monotonic() - began)

    timer = threading.Timer(1.0, stop)
    result = engine.run(plan, timer.start)
    timer.join()
    return result, stopped[0]


@pytest.mark.parametrize("count", [1, 4])
def test_a_stopped_server_makes_late_what_is_due_meanwhile(with_locust: Cache, tmp_path: Path, count: int) -> None:
    """At rate R about R × the pause, from one machine as from four; in a closed loop only as many as there are connections, which is why there is a rate."""
    rate = 500.0
    with namespaces(count, folder=tmp_path) as made, restmarkd(made.listen, tmp_path) as server:
        with locust.running(made.hosts, made.listen, with_locust, lambda _: None) as engine:

            def look() -> None:
                result, pause_s = _stopped(engine, server, _plan(server, rate_per_s=rate))
                due = rate * (pause_s - LATE_US / 1e6)
                assert due * 0.9 <= _late(result) <= due * 1.1, (due, _late(result))
                assert len(result.machines) == count and result.latency_max_us >= PAUSE_S * 0.95e6

            undisturbed(look)
            closed, _ = _stopped(engine, server, _plan(server))
            assert 0 < _late(closed) <= 8 * 4, "connections, and what a busy machine adds"


def _vegeta(cache: Cache) -> Path:
    """Built by Go's own client from the module proxy; kept in the cache of whoever runs the tests."""
    program = cache.folder("tools") / "vegeta"
    if not program.exists():
        go = shutil.which("go", path=f"{os.environ['PATH']}:{cache.root / 'toolchains' / 'go' / 'bin'}")
        if go is None:
            pytest.skip("vegeta takes Go to build: restmark setup go-nethttp")
        done = subprocess.run([go, "install", VEGETA], env={**os.environ, "GOBIN": str(program.parent)}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return program


def _vegeta_p50_us(program: Path, server: Server, target: str, rate: int) -> float:
    attack = [program, "attack", f"-rate={rate}/s", "-duration=4s", "-workers=32", "-max-workers=32", "-connections=32"]
    given = f"GET http://{server.host}:{server.port}{target}\n"
    hits = subprocess.run(attack, input=given.encode(), capture_output=True, check=True, timeout=_PATIENCE_S).stdout
    told = subprocess.run([program, "report", "-type=json"], input=hits, capture_output=True, check=True, timeout=_PATIENCE_S).stdout
    report = json.loads(told)
    assert report["success"] == 1
    return float(report["latencies"]["50th"]) / 1e3


def test_vegeta_sees_the_same_median(with_locust: Cache, tmp_path: Path) -> None:
    """At a low rate, of a server that waits for 20 ms: four machines here, one process there, turn by turn."""
    vegeta, target, rate = _vegeta(Cache(default_directory())), "/wait?ms=20", 100
    with namespaces(4, folder=tmp_path) as made, restmarkd(made.listen, tmp_path) as server:
        with locust.running(made.hosts, made.listen, with_locust, lambda _: None) as engine:
            plan = replace(_plan(server, rate_per_s=float(rate), connections=32, duration_s=4.0), target=target)

            def look() -> None:
                ours, theirs = [], []
                for _ in range(3):
                    ours.append(engine.run(plan).latency_quantiles_us["50"])
                    theirs.append(_vegeta_p50_us(vegeta, server, target, rate))
                mine, other = statistics.median(ours), statistics.median(theirs)
                assert mine >= 20_000 and abs(mine / other - 1) <= 0.05, (mine, other)

            undisturbed(look, 3)
            alone = load.run(plan)
            assert abs(alone.latency_quantiles_us["50"] / engine.run(plan).latency_quantiles_us["50"] - 1) < 0.5
