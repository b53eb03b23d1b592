"""Going on with a run: whatever would make its new rounds differ from its old ones is listed and refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from restmark_rig.model.errors import ExitCode, UsageFault
from restmark_rig.model.results import ContestantRecord, Machine, Results, Rig, RunSettings
from restmark_rig.run import resume

from . import synthetic_results

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
