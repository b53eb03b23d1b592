"""Going on with a run: whatever would make its new rounds differ from its old ones is listed and refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from restmark_rig.contestants import contestant
from restmark_rig.contestants.cache import Cache
from restmark_rig.model.errors import ExitCode, UsageFault
from restmark_rig.model.load_machines import LoadMachine
from restmark_rig.model.results import ContestantRecord, Machine, Results, Rig, RunSettings
from restmark_rig.run import contestant_record, resume
from restmark_rig.run.participants import Participant
from restmark_rig.server.launcher import StartOptions
from restmark_rig.server.placement import Local

from . import synthetic_results
from .helpers import cheater_argv, write_contestant

RIG = Rig("a" * 64, "b" * 40, False)


@pytest.fixture()
def results() -> Results:
    run = synthetic_results.build(rounds=2, names=("restmarkd", "python-uwsgi"))
    run.rig = RIG
    for index, record in enumerate(run.contestants):
        run.contestants[index] = dataclasses.replace(
            record,
            build_fingerprint="1" * 64,
            manifest_sha256="2" * 64,
            start_argv=["server", "--port", "{port}"],
            start_env={"MODE": "fast"},
        )
    return run


def changed(record: Any, **values: Any) -> Any:
    return dataclasses.replace(record, **values)


def require_ground(
    results: Results,
    machine: Machine | None = None,
    settings: RunSettings | None = None,
    rig: Rig = RIG,
    tools: dict[str, str] | None = None,
) -> None:
    resume.require_same_ground(
        results, machine or results.machine, settings or results.settings, rig, tools or results.tools
    )


def test_the_same_may_go_on(results: Results) -> None:
    require_ground(results)
    resume.require_same_contestants(results, results.contestants)
    # The rig looks at what a run is shown against, and --quick at the time that was left: neither is a difference.
    shown = changed(results.settings, rounds=1, duration_ms=1, warmup_ms=1, baseline="restmarkd", mix={"/": 1.0})
    require_ground(results, settings=shown, tools={**results.tools, "restmark": "9"})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"hostname": "other"}, "the machine: "),
        ({"kernel": "Linux 7"}, "now Linux 7"),
        ({"cpus_allowed": [0]}, "CPUs that may be used: 0-1, now 0"),
    ],
)
def test_another_machine_is_refused(results: Results, values: dict[str, Any], told: str) -> None:
    results.machine = changed(results.machine, cpus_allowed=[0, 1])
    with pytest.raises(UsageFault, match=told) as caught:
        require_ground(results, machine=changed(results.machine, **values))
    results.server_machine = results.machine
    there = changed(results.machine, **values)
    with pytest.raises(UsageFault, match=f"of the servers, .*{told}"):
        resume.require_same_ground(results, results.machine, results.settings, RIG, results.tools, there)
    assert caught.value.exit_code == ExitCode.USAGE
    assert "start a new run" in caught.value.remedy


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"server_cpus": None}, "server cpus: 1, now not pinned"),
        ({"server_cpus": [2, 3]}, "server cpus: 1, now 2-3"),
        ({"client_cpus": [5]}, "client cpus: 0, now 5"),
        ({"workers": 9}, "workers: 1, now 9"),
        ({"client_threads": 7}, "client threads: 1, now 7"),
        ({"timeout_ms": 1}, "timeout ms: "),
        ({"dataset_sha256": "0" * 64}, "dataset sha256: 8f7fa66a"),
    ],
)
def test_other_settings_are_refused(results: Results, values: dict[str, Any], told: str) -> None:
    results.settings = changed(results.settings, server_cpus=[1], client_cpus=[0], workers=1, client_threads=1)
    with pytest.raises(UsageFault, match=told):
        require_ground(results, settings=changed(results.settings, **values))


@pytest.mark.parametrize(
    ("rig", "told"),
    [
        (changed(RIG, commit="c" * 40), "the rig's commit: bbbbbbbbbbbb, now cccccccccccc"),
        (changed(RIG, commit=None, dirty=None), "the rig's commit: bbbbbbbbbbbb, now none"),
        (changed(RIG, sha256="d" * 64, dirty=True), "the rig's sources: aaaaaaaaaaaa, now dddddddddddd"),
    ],
)
def test_another_rig_is_refused(results: Results, rig: Rig, told: str) -> None:
    with pytest.raises(UsageFault, match=told):
        require_ground(results, rig=rig)


def test_a_run_of_a_rig_that_did_not_say_which_it_was_is_refused(results: Results) -> None:
    results.rig = None
    with pytest.raises(UsageFault, match="the rig: an older one"):
        require_ground(results)


def test_another_load_generator_is_refused(results: Results) -> None:
    with pytest.raises(UsageFault, match=r"restmark-load: restmark-load 0\.1\.0, now restmark-load 0\.2\.0"):
        require_ground(results, tools={**results.tools, "restmark-load": "restmark-load 0.2.0"})


def test_all_differences_are_listed_at_once(results: Results) -> None:
    with pytest.raises(UsageFault) as caught:
        require_ground(
            results, machine=changed(results.machine, kernel="x", hostname="y"), rig=changed(RIG, commit=None)
        )
    assert caught.value.message.count("\n  ") == 3


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"versions": {"Python": "2.7"}}, "python-uwsgi was .* and is Python 2.7"),
        ({"build_fingerprint": "9" * 64}, "python-uwsgi: its build was 111111111111 and is 999999999999"),
        ({"build_fingerprint": None}, "python-uwsgi: its build was 111111111111 and is none"),
        ({"manifest_sha256": "9" * 64}, "python-uwsgi: its manifest was 222222222222 and is 999999999999"),
        ({"start_env": {"MODE": "slow"}}, "started by MODE=fast server --port {port} and is by MODE=slow server"),
        ({"start_argv": ["other"]}, "and is by MODE=fast other"),
        ({"accounting": "process tree"}, "its CPU time came from .* and comes from process tree"),
    ],
)
def test_other_contestants_are_refused(results: Results, values: dict[str, Any], told: str) -> None:
    def today(record: ContestantRecord) -> ContestantRecord:
        return changed(record, **values) if record.name == "python-uwsgi" else record

    with pytest.raises(UsageFault, match=told):
        resume.require_same_contestants(results, [today(record) for record in results.contestants])


def test_a_contestant_that_is_gone_is_refused(results: Results) -> None:
    with pytest.raises(UsageFault, match="python-uwsgi took part and can not now"):
        resume.require_same_contestants(results, [r for r in results.contestants if r.name != "python-uwsgi"])


def test_before_verification_the_accounting_is_not_known(results: Results) -> None:
    resume.require_same_contestants(results, [changed(record, accounting="") for record in results.contestants])


RECORDED = ("restmark", "run", "--load-from", "/gone/hosts", "--seed", "7", "--server", "ssh://old:22", "--ssh-config", "/gone/config", "--quick")


def test_machines_may_be_reached_by_other_ways(tmp_path: Path) -> None:
    hosts, config = tmp_path / "hosts", tmp_path / "config"
    hosts.touch()
    config.touch()
    ways = {"--load-from": str(hosts), "--ssh-config": str(config), "--server": "ssh://new:22", "--server-address": "192.0.2.1", "--listen": "192.0.2.2"}
    assert resume.ways_that_change(RECORDED, ways) == []
    told = ["--load-from", str(hosts), "--seed", "7", "--server", "ssh://new:22", "--ssh-config", str(config), "--quick"]
    assert resume.by_other_ways(RECORDED, ways) == ["restmark", "run", *told, "--server-address", "192.0.2.1", "--listen", "192.0.2.2"]


@pytest.mark.parametrize("option", ["--server", "--server-address", "--ssh-config", "--load-from", "--listen", "--rounds", "--server-agent"])
def test_a_way_to_a_machine_that_took_no_part_changes_the_run(option: str) -> None:
    assert resume.ways_that_change(["restmark", "run", "--seed", "7"], [option]) == [option]


def test_a_way_that_leads_nowhere_any_more_is_named() -> None:
    with pytest.raises(UsageFault, match="this run had --load-from /gone/hosts, which is not there any more") as caught:
        resume.by_other_ways(RECORDED, {})
    assert "--load-from FILE" in caught.value.remedy


def test_the_load_has_to_come_from_machines_of_the_same_names(results: Results) -> None:
    results.load_machines = [LoadMachine(name, "h", "k", "x86_64", 2, "t", 0, 0) for name in ("load2", "load1")]
    resume.require_same_load_machines(results, ["load1", "load2"])
    with pytest.raises(UsageFault, match="the load came from load1, load2, now from load1, load2, load3"):
        resume.require_same_load_machines(results, ["load1", "load2", "load3"])


@pytest.mark.parametrize(("host", "recorded"), [("127.0.0.1", "127.0.0.1"), ("198.18.7.1", "{host}")])
def test_an_address_that_other_machines_reach_is_not_a_part_of_the_command(tmp_path: Path, host: str, recorded: str) -> None:
    subject = contestant.load(write_contestant(tmp_path, "small", cheater_argv("none")))
    cache = Cache(tmp_path / "cache")
    told = contestant_record.describe(Participant("small", subject), StartOptions(tmp_path / "data", host), "", Local(cache))
    assert told.start_argv[told.start_argv.index("--host") + 1] == recorded
