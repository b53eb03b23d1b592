"""Servers by an agent: the same answers as on one machine, faults as they are, and nothing left when the connection is gone."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from restmark_rig.agent import bootstrap, connect, link, protocol, trees
from restmark_rig.agent.connect import ServerPlace
from restmark_rig.agent.link import ConnectionLost
from restmark_rig.agent.remote import Remote
from restmark_rig.contestants import contestant
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import Contestant
from restmark_rig.host import pinning
from restmark_rig.host.topology import Cpu
from restmark_rig.model.errors import BuildFailed, EnvironmentFault, StartFailed, UsageFault
from restmark_rig.server import launcher
from restmark_rig.server.http_probe import ProbeError
from restmark_rig.server.launcher import StartOptions
from restmark_rig.store import record_codec
from restmark_rig.store.dataset import Dataset

from processes import children, name

from .helpers import (
    PYTHON,
    RESTMARK,
    ROOT,
    Silent,
    cheater_argv,
    processes_mentioning,
    wait_until,
    write_contestant,
)
from .run_support import command, environment, fault_folder

# Without the packages that are installed: a machine that has Python alone.
AGENT = [PYTHON, "-I", "-S", "-c", bootstrap.PROGRAM]


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., object]]:
    """Opens an agent with a cache of its own."""
    monkeypatch.setenv("RESTMARK_CACHE", str(tmp_path / "far"))

    @contextmanager
    def opened(argv: list[str] = AGENT, address: str | None = "127.0.0.1") -> Iterator[Remote]:
        first = bootstrap.first_bytes() if argv == AGENT else b""
        with connect.speaking("ssh://far", argv, first, address, Cache(tmp_path / "near")) as remote:
            yield remote

    yield opened


def cheater(parent: Path, cheat: str = "none", **extra: object) -> Contestant:
    return contestant.load(write_contestant(parent, "far-server", cheater_argv(cheat), **extra))  # type: ignore[arg-type]


def options(data: Dataset) -> StartOptions:
    return StartOptions(data.path, workers=1)


def test_a_server_there_is_started_sampled_and_stopped(far: Callable[..., object], tmp_path: Path, default_dataset: Dataset) -> None:
    subject = cheater(tmp_path)
    with far() as remote:  # type: ignore[attr-defined]
        assert not remote.apart, "it is this very machine, whose CPUs have to be halved"
        assert remote.identity().hostname == socket.gethostname()
        assert remote.missing(subject) == [] and remote.build_state(subject) == "ready"
        with remote.launch(subject, options(default_dataset)) as server:
            with server.connect() as connection:
                assert connection.get("/").body == b"Welcome!\n"
            before = server.counters(None)
            with server.connect() as connection:
                connection.get("/encode-json")
            after = server.counters(None)
            assert before.server_cpu_ns < after.server_cpu_ns <= server.cpu_ns()
            assert before.at_ns < after.at_ns
            memory = server.memory()
            assert {process.pid for process in memory.processes} == set(server.pids()) and memory.processes[0].pss_kib
            assert server.death() == "" and server.abandoned().open == 0
            pids = server.pids()
        assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
        record = remote.record(subject, options(default_dataset))
        assert str(tmp_path / "far") in " ".join(record.argv), "it is started from what was copied"
        assert record.versions["CPython"].startswith("Python 3")


def test_only_what_has_changed_is_copied_again(far: Callable[..., object], tmp_path: Path) -> None:
    subject = cheater(tmp_path)
    (subject.directory / "old").write_text("1")
    with far() as remote:  # type: ignore[attr-defined]
        remote.versions(subject)
    (subject.directory / "old").unlink()
    (subject.directory / "new").write_text("2")
    states = trees.states(subject.directory)
    assert set(states) == {"contestant.toml", "new"}
    (root,) = (path for path in (tmp_path / "far" / "trees").iterdir() if path.name.startswith("far-server"))
    assert trees.lacking(root, states) == ["new"]
    assert not (root / "old").exists(), "what is not here any more goes there, too"
    with pytest.raises(EnvironmentFault, match=r"'\.\./x' is no file below"):
        trees.lacking(root, {"../x": states["new"]})


def test_a_build_there_tells_of_its_progress_and_of_its_failure(far: Callable[..., object], tmp_path: Path) -> None:
    folder = write_contestant(tmp_path, "built", ["{build}/x", "{port}"], '[build]\nsteps = [["cp", "{source}/x", "{build}/x"]]\ninputs = ["x"]\n')
    (folder / "x").write_text("1")
    subject, said = contestant.load(folder), Silent()
    with far() as remote:  # type: ignore[attr-defined]
        assert remote.build_state(subject) == "unbuilt"
        assert not remote.build(subject, said).fresh
        assert remote.build(subject, said).fresh
        (folder / "contestant.toml").write_text((folder / "contestant.toml").read_text().replace('"cp"', '"false"'))
    with far() as remote, pytest.raises(BuildFailed, match=r"built: build step 1 of 1 failed"):  # type: ignore[attr-defined]
        remote.build(contestant.load(folder), said)


def test_a_server_that_does_not_start_there_says_why(far: Callable[..., object], tmp_path: Path, default_dataset: Dataset) -> None:
    broken = contestant.load(write_contestant(tmp_path, "broken", [PYTHON, "-c", "exit('no {port}')"]))
    with far() as remote:  # type: ignore[attr-defined]
        with pytest.raises(StartFailed, match=r"(?s)broken: the server ended with exit code 1.*no \d+"):
            with remote.launch(broken, options(default_dataset)):
                pass
        assert remote.work_ns([min(os.sched_getaffinity(0))], False) > 0, "the agent goes on"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_the_connection_is_cut(far: Callable[..., object], tmp_path: Path, default_dataset: Dataset, number: int) -> None:
    """What is killed is what stands for ssh: a cat on the way of each direction would be the same."""
    subject = cheater(tmp_path)
    pipe = ["sh", "-c", 'echo $$ >"$0"; exec 3<&0; { cat <&3; } | "$@"', str(tmp_path / "pid"), *AGENT]
    with pytest.raises(ConnectionLost, match="the connection to ssh://far is lost") as caught:
        with connect.speaking("ssh://far", pipe, bootstrap.first_bytes(), "127.0.0.1", Cache(tmp_path / "near")) as remote:
            with remote.launch(subject, options(default_dataset)) as server:
                pids = server.pids()
                # The shell's children are a cat and the agent; without its cat the agent's input ends.
                shell = int((tmp_path / "pid").read_text())
                (cat,) = (pid for pid in children(shell) if name(pid) == "cat")
                os.kill(cat, number)
                assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids)), "its agent ended it"
                server.cpu_ns()
    assert "restmark run --resume" in caught.value.remedy
    assert not isinstance(caught.value, EnvironmentFault), "or it would be taken for a contestant's fault"
    assert not processes_mentioning(str(tmp_path / "far"))


def test_an_agent_that_hears_nothing_ends(far: Callable[..., object], tmp_path: Path, default_dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine of the rig has vanished, and no end of a connection tells of it."""
    quick = [PYTHON, "-I", "-S", "-c", bootstrap.PROGRAM.replace("import main\n", "import main\nfrom restmark_rig.agent import program\nprogram.SILENCE_S = 1.0\n")]
    monkeypatch.setattr(protocol, "ALIVE_EVERY_S", 1000.0)
    with pytest.raises(ConnectionLost):
        with connect.speaking("ssh://far", quick, bootstrap.first_bytes(), "127.0.0.1", Cache(tmp_path / "near")) as remote:
            with remote.launch(cheater(tmp_path), options(default_dataset)) as server:
                pids = server.pids()
                assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
                server.pids()


def test_an_agent_that_is_told_nonsense_ends(tmp_path: Path) -> None:
    done = subprocess.run(
        [PYTHON, str(RESTMARK), "agent"], input="no line of the rig\n", env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    assert '"hello"' in done.stdout and "what comes is no line of the rig: Expecting value" in done.stderr


def test_an_installed_agent_is_as_good(far: Callable[..., object]) -> None:
    with far([PYTHON, str(RESTMARK), "agent"]) as remote:  # type: ignore[attr-defined]
        assert [cpu.number for cpu in remote.topology()] == sorted(os.sched_getaffinity(0))


# Takes what ssh takes, and runs the command here.
STAND_IN_FOR_SSH = """#!/bin/sh
while [ "$1" != -- ]; do shift; done
[ "$2" = far.example ] && shift 2 && exec sh -c "$*"
"""
# The agent of the checkout, on what it takes for another machine.
ELSEWHERE = (
    "import sys; sys.path.insert(0, {bench!r}); from restmark_rig.agent import program; program.boot_id = lambda: 'another'; sys.exit(program.main())"
)


def test_a_run_on_another_machine(tmp_path: Path) -> None:
    """All of it but for the network: ssh is a stand-in, and the agent says that its kernel is another one."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ssh").write_text(STAND_IN_FOR_SSH)
    (tmp_path / "bin" / "ssh").chmod(0o755)
    agent = shlex.join([PYTHON, "-c", ELSEWHERE.format(bench=str(ROOT / "bench"))])
    words = command(
        "run", "-C", fault_folder(tmp_path, "none"), "--workload", "/", "--connections", "4", "--rounds", "1", "--duration", "0.1", "--warmup", "0.1",
        "--server", "ssh://far.example", "--server-agent", agent, "--server-address", "127.0.0.1", "--output", tmp_path / "out",
    )  # fmt: skip
    surroundings = environment(tmp_path / "cache", PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    done = subprocess.run(words, env=surroundings, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["server_place"] == "ssh://far.example" and results["complete"]
    assert results["server_machine"] == {**results["machine"], "findings": []}
    everything = sorted(os.sched_getaffinity(0))
    assert results["settings"]["server_cpus"] == results["settings"]["client_cpus"] == everything, "neither takes time from the other"
    assert results["handover_ns"] is None and results["reference_ns"]
    assert {"--server", "--server-agent", "--server-address"} <= set(results["argv"])
    assert "of its machine, client on CPU" in done.stderr
    assert "Servers on: ssh://far.example" in (tmp_path / "out" / "summary.md").read_text().replace("\\", "")
    assert not processes_mentioning(str(tmp_path / "out")) and not processes_mentioning("program.boot_id")


@pytest.mark.parametrize(
    ("command", "says", "advises"),
    [
        (["echo", "motd"], r"what answers there is no agent; it says b'motd'", "print nothing by itself"),
        (["sh", "-c", "echo no such host >&2; exit 7"], "sh ended with exit code 7: no such host", "has to be a restmark agent"),
        (["sh", "-c", "exec no-python3"], "sh ended with exit code 127: .*not found", "install Python 3.11 or newer there"),
        (["sh", "-c", "echo Connection refused >&2; exit 255"], "sh ended with exit code 255: Connection refused", "try: ssh -p 22 far.example true"),
        (["sh", "-c", "echo 'mkdir: ~/.cache: Read-only file system' >&2; exit 1"], "Read-only file system", "make it writable"),
        (["cat"], "nothing has come from there for 1 s", "has to be a restmark agent"),
    ],
)
def test_where_no_agent_answers_nothing_is_called_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], says: str, advises: str
) -> None:
    """There is nothing to go on with, either."""
    monkeypatch.setattr(link, "HELLO_S", 1.0)
    words = connect.speaking("ssh://far.example:22", command, b"", None, Cache(tmp_path / "near"), "ssh -p 22 far.example true")
    with pytest.raises(EnvironmentFault, match=f"no agent answers on ssh://far.example:22: .*{says}") as caught, words:
        pass
    assert advises in caught.value.remedy and "--resume" not in caught.value.remedy
    assert not isinstance(caught.value, ConnectionLost)


def test_without_ssh_it_is_said_what_brings_it(far: Callable[..., object]) -> None:
    with pytest.raises(EnvironmentFault, match="no-ssh is not installed") as caught, far(["no-ssh", "host"]):  # type: ignore[attr-defined]
        pass
    assert caught.value.remedy == "apt-get install openssh-client"


def test_an_agent_of_another_rig_is_refused(far: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("restmark_rig.store.rig_identity.digest", lambda _: "f" * 64)
    with pytest.raises(EnvironmentFault, match="is of another restmark"), far():  # type: ignore[attr-defined]
        pass


def test_an_agent_that_can_not_tell_its_address_asks_for_it(far: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    with pytest.raises(EnvironmentFault, match="can not tell its address") as caught, far(address=None):  # type: ignore[attr-defined]
        pass
    assert "--server-address" in caught.value.remedy
    monkeypatch.setenv("SSH_CONNECTION", "198.18.0.1 5000 198.18.0.2 22")
    with far(address=None) as remote:  # type: ignore[attr-defined]
        assert remote.address == "198.18.0.2"


def test_a_server_that_can_not_be_reached_from_here_is_named(
    far: Callable[..., object], tmp_path: Path, default_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a firewall: it is ready on its own machine, where the agent asked it."""

    def refused(*_: object) -> None:
        raise ProbeError("refused")

    monkeypatch.setattr(launcher.RunningServer, "connect", refused)
    with far() as remote:  # type: ignore[attr-defined]
        with pytest.raises(StartFailed, match=r"ready on ssh://far, but can not be reached from here at 127\.0\.0\.1:\d+: refused") as caught:
            with remote.launch(cheater(tmp_path), options(default_dataset)):
                pass
    assert "--server-address" in caught.value.remedy
    assert not processes_mentioning(str(tmp_path / "far"))


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (ServerPlace(agent="restmark agent"), "--server-agent without --server"),
        (ServerPlace(address="::1", ssh_config=Path("x")), "--server-address and --ssh-config without --server"),
        (ServerPlace("host"), "servers are reached by ssh"),
        (ServerPlace("ssh://a b"), "names no machine"),
    ],
)
def test_a_place_that_is_none(place: ServerPlace, message: str) -> None:
    with pytest.raises(UsageFault, match=message):
        place.check()


def test_a_place_says_its_options_again() -> None:
    place = ServerPlace("ssh://a", "restmark agent", "::1", Path("/x"))
    place.check()
    assert place.argv() == ["--server", "ssh://a", "--server-agent", "restmark agent", "--server-address", "::1", "--ssh-config", "/x"]
    assert ServerPlace().argv() == []
    assert ServerPlace("ssh://a", ssh_config=Path("x")).argv()[-1] == str(Path.cwd() / "x"), "it means the same from any folder"


def test_two_machines_share_no_cpu() -> None:
    """Equal numbers there and here are no shared CPUs."""
    there = tuple(Cpu(number, frozenset({number}), node=number // 8) for number in range(12))
    pins = pinning.two_machines(there, None, frozenset({0, 1}))
    assert pins.server == frozenset(range(8)), "one node's, the larger one's"
    assert not pins.shared and pins.workers == 8
    assert pinning.remarks(pins, there) == []
    both = pinning.two_machines(there, frozenset({7, 8}), None)
    assert "several memory nodes" in pinning.remarks(both, there)[0]


def test_the_codec_takes_what_placements_answer_with() -> None:
    cpus = (Cpu(1, frozenset({0, 1}), 1, "x"),)
    assert record_codec.decode(tuple[Cpu, ...], record_codec.encode(cpus)) == cpus
    assert record_codec.decode(list[Path], record_codec.encode([Path("/a")])) == [Path("/a")]
