"""Workloads, mixes and baselines as users write them, and what is said when there is no such thing."""

from __future__ import annotations

from pathlib import Path

import pytest
from restmark_rig.model import traffic
from restmark_rig.model.errors import UsageFault
from restmark_rig.model.workloads import ROUTE_ENCODE, ROUTE_PARSE, ROUTE_ROOT, ROUTES
from restmark_rig.store import results_file
from restmark_rig.ui import cli

from . import synthetic_results


@pytest.mark.parametrize("route", ROUTES)
def test_a_workload_is_understood_with_and_without_its_slash(route: str) -> None:
    assert traffic.parse_route(route) == route
    if route != ROUTE_ROOT:
        assert traffic.parse_route(route[1:]) == route


@pytest.mark.parametrize(
    ("text", "meant"), [("pars-msgpack", ROUTE_PARSE), ("/encode_json", ROUTE_ENCODE), ("encode", ROUTE_ENCODE)]
)
def test_a_workload_that_is_not_there_gets_the_one_that_was_meant(text: str, meant: str) -> None:
    with pytest.raises(UsageFault, match="there is no workload") as caught:
        traffic.parse_route(text)
    assert f"did you mean {meant}?" in caught.value.remedy
    assert all(route in caught.value.remedy for route in ROUTES)


@pytest.mark.parametrize("text", ["", " ", "/nope/at/all"])
def test_what_is_like_nothing_gets_the_list_alone(text: str) -> None:
    with pytest.raises(UsageFault) as caught:
        traffic.parse_route(text)
    assert "did you mean" not in caught.value.remedy


def test_a_mix_is_put_in_order_and_keeps_its_weights() -> None:
    mix = traffic.parse_mix(" encode-json = 0.5, /=3")
    assert mix == {ROUTE_ROOT: 3.0, ROUTE_ENCODE: 0.5}
    assert list(mix) == [ROUTE_ROOT, ROUTE_ENCODE]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no ROUTE=WEIGHT"),
        ("/", "is no ROUTE=WEIGHT"),
        ("=3", "is no ROUTE=WEIGHT"),
        ("/=1,", "is no ROUTE=WEIGHT"),
        ("/=x", "is no number"),
        ("/=0", "is not above 0"),
        ("/=-1", "is not above 0"),
        ("/=nan", "is not above 0"),
        ("/=inf", "is not above 0"),
        ("/=1,/=2", "has two weights"),
        ("/encod-json=1", "there is no workload"),
    ],
)
def test_a_faulty_mix_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageFault, match=told):
        traffic.parse_mix(text)


def test_a_baseline_is_a_name_or_the_folder_that_bears_it(tmp_path: Path) -> None:
    names = ["restmarkd", "rust-axum"]
    assert traffic.baseline_name("rust-axum", names, "") == "rust-axum"
    assert traffic.baseline_name(str(tmp_path / "rust-axum"), names, "") == "rust-axum"
    with pytest.raises(UsageFault, match="not among the contestants restmarkd, rust-axum") as caught:
        traffic.baseline_name("rust-axom", names, "add it")
    assert caught.value.remedy == "did you mean rust-axum? add it"


def test_report_takes_a_baseline_and_a_mix_of_what_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = synthetic_results.build(rounds=2, names=("restmarkd", "restmarkd-again", "python-uwsgi"))
    results.cells = [cell for cell in results.cells if cell.route != ROUTE_PARSE]
    results_file.write(results, tmp_path)
    assert cli.main(["report", str(tmp_path), "--baseline", "python-uwsgi", "--mix", "/=2,encode-json=1"]) == 0
    for arguments, told in (
        (("--baseline", "python-uwsg"), "did you mean python-uwsgi?"),
        (("--baseline", "restmarkd-again"), "not among the contestants"),
        (("--mix", "/=2,parse-msgpack=1"), "--mix names /parse-msgpack, which the run does not measure"),
    ):
        assert cli.main(["report", str(tmp_path), *arguments]) == 1
        assert told in capsys.readouterr().err


def test_choices_of_a_report_stand_in_place_of_the_runs_own() -> None:
    from restmark_rig import report

    results = synthetic_results.build(rounds=1, names=("restmarkd", "python-uwsgi"))
    chosen = report.choosing(results, "python-uwsgi", None)
    assert (chosen.settings.baseline, chosen.settings.mix) == ("python-uwsgi", None)
    again = report.choosing(chosen, None, {ROUTE_ROOT: 1.0})
    assert (again.settings.baseline, again.settings.mix) == ("python-uwsgi", {ROUTE_ROOT: 1.0})
    assert results.settings.baseline is None
