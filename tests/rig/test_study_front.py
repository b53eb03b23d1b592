"""The study of front servers, and what a decision makes of it: one route at a time."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from restmark_rig.contestants.cache import Cache
from restmark_rig.decide import decision, facts, one_route
from restmark_rig.decide.facts import Sources, Stacks
from restmark_rig.decide.turning import Stance
from restmark_rig.host.pinning import Pinning
from restmark_rig.load import load
from restmark_rig.model.stats import Estimate
from restmark_rig.store import results_file
from restmark_rig.store.dataset import Dataset
from restmark_rig.studies import driver, files, registry
from restmark_rig.studies.front import hop
from restmark_rig.studies.front import one_route as claim
from restmark_rig.studies.front.hop import BEHIND, DIRECT
from restmark_rig.studies.lab import QUICK, Lab
from restmark_rig.studies.record import FORMAT, HOLDS, HOLDS_NOT, OPEN, VERSION, Cell, StudyResults, Subject

from . import synthetic_results
from .decide_example import GO, PYTHON, C
from .front_example import cells
from .helpers import Silent, call_rig, cheater, processes_mentioning

MIX = {"/": 6.0, "/parse-msgpack": 3.0, "/encode-json": 1.0}


SLOW = {"/": 50.0, "/parse-msgpack": 1600.0, "/encode-json": 2900.0}
FAST = {"/": 10.0, "/parse-msgpack": 900.0, "/encode-json": 700.0}


def test_most_of_the_gain_is_that_of_the_dearest_route_if_the_hop_is_cheap() -> None:
    cheap = claim.judge([*cells("slow", SLOW, 15.0), *cells("fast", FAST, 15.0)])
    assert cheap.verdict == HOLDS, cheap.why
    part = claim.part([*cells("slow", SLOW, 15.0, 0.0), *cells("fast", FAST, 15.0, 0.0)], "slow", "fast")
    assert part is not None
    assert part.value == pytest.approx((4550 - 1650 - 700 - 3 * 15) / (4550 - 1610))
    dear = claim.judge([*cells("slow", SLOW, 600.0), *cells("fast", FAST, 600.0)])
    assert dear.verdict == HOLDS_NOT, dear.why
    assert claim.judge(cells("slow", SLOW, 15.0)).verdict == OPEN
    noisy = claim.judge([*cells("slow", SLOW, 230.0, 0.1), *cells("fast", FAST, 230.0, 0.1)])
    assert noisy.verdict == OPEN, noisy.why


def test_a_move_that_saves_nothing_has_no_part() -> None:
    assert claim.part([*cells("slow", FAST, 15.0, 0.0), *cells("fast", SLOW, 15.0, 0.0)], "slow", "fast") is None


def test_the_hop_is_what_both_take_less_what_the_server_takes_alone() -> None:
    found = hop.of(cells("slow", SLOW, 15.0, 0.0), "slow", "/")
    assert found is not None
    assert (found.direct.value, found.behind.value, found.front.value, found.more.value) == (50.0, 65.0, 15.0, 15.0)
    assert hop.of(cells("slow", SLOW, 15.0), "slow", "/million-loop") is None
    around = hop.difference([-1.0, 1.0, -2.0, 2.0])
    assert around.low is not None and around.high is not None
    assert around.low < 0 < around.high


def gathered(mix: dict[str, float] = MIX) -> Stacks:
    results = synthetic_results.build()
    return facts.gather(results, results.contestant(PYTHON), mix, [], Sources("run", "", "front"))


def fronts(us: float) -> list[Cell]:
    return [*cells(PYTHON, SLOW, us), *cells(GO, FAST, us)]


def test_the_route_that_brings_most_is_named_and_its_threshold_turns_it() -> None:
    stacks = gathered()
    for us in (10.0, 150.0, 900.0):
        made, table = one_route.told(stacks, GO, fronts(us))
        assert table is not None
        assert [row[0].text for row in table.rows] == ["/parse-msgpack", "/encode-json", "/"]
        assert made.stance is (Stance.GAIN if us < 200 else Stance.LOSS)
        assert made.probe is not None
        assert len(made.turns) == 1
        for turn in made.turns:
            assert made.probe("front_us", turn.held) is made.stance
            assert made.probe("front_us", turn.turned) is turn.into is not made.stance
            assert turn.turned == pytest.approx(turn.held, rel=1e-8)
    found = {part.route: part for part in one_route.parts(stacks, GO)}
    free = one_route.saved(found["/parse-msgpack"], Estimate(0.0, 0.0, 0.0, 7))
    assert free.value == pytest.approx(0.3 * (1650 - 905), rel=0.02)
    paid = one_route.saved(found["/parse-msgpack"], Estimate(100.0, 90.0, 110.0, 7))
    assert paid.value == pytest.approx(free.value - 100)
    assert paid.low is not None and free.low is not None
    assert paid.low == pytest.approx(free.low - 110)


def test_without_a_front_or_with_a_single_route_it_is_not_told() -> None:
    single, none = one_route.told(gathered({"/encode-json": 1.0}), GO, fronts(10.0))
    assert (single.stance, none) == (Stance.UNKNOWN, None)
    lacking, none = one_route.told(gathered(), GO, [])
    assert (lacking.stance, none) == (Stance.UNKNOWN, None)
    made = decision.make(gathered(), C)
    assert any("restmark study front" in line for line in made.lacking)


def test_the_page_has_a_section_for_it(tmp_path: Path) -> None:
    results_file.write(synthetic_results.build(), tmp_path / "run")
    about = registry.find("front")
    made = driver.record_of(claim.CLAIM, claim.judge(fronts(12.0)), fronts(12.0), 1.0)
    subjects = [Subject(PYTHON, PYTHON, {}), Subject(GO, GO, {})]
    study = StudyResults(FORMAT, VERSION, "front", about.title, about.notice, about.lead, "0", "2026-11-30", 1.0, True, {}, subjects, [], [made])
    files.write(study, tmp_path / "front")
    mix = ",".join(f"{route}={weight:g}" for route, weight in MIX.items())
    words = ("--run", tmp_path / "run", "--from", PYTHON, "--to", GO, "--mix", mix)
    done = call_rig(tmp_path, "decide", *words, "--front", tmp_path / "front")
    assert done.returncode == 0, done.stderr
    assert "One route at a time [gain]: Moving /parse-msgpack alone to Go, net/http" in done.stdout
    assert 'id="one-route"' in (tmp_path / "run" / "decision.html").read_text(encoding="utf-8")
    files.write(dataclasses.replace(study, study="costs"), tmp_path / "front")
    refused = call_rig(tmp_path, "decide", *words, "--front", tmp_path / "front")
    assert refused.returncode == 1
    assert "a study of costs" in refused.stderr


@pytest.mark.skipif(shutil.which("nginx", path="/usr/sbin:/usr/bin") is None, reason="nginx is not installed: restmark setup front")
def test_a_server_is_measured_alone_and_behind_nginx(tmp_path: Path, cache: Cache, default_dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    peers = tmp_path / "peers"
    with Lab([cheater(peers, "none")], True, cache, default_dataset, Pinning(None, None), load, Silent()) as lab:
        monkeypatch.setattr(lab, "pace", dataclasses.replace(QUICK, rounds=2))
        found = claim.measure(lab)
    assert [cell.lost for cell in found] == [""] * 6
    assert {cell.labels["way"] for cell in found} == {DIRECT, BEHIND}
    for cell in found:
        assert len(cell.rounds) == 2
        assert all(entry["server_cpu_us"] > 0 for entry in cell.rounds)
        assert all((entry.get(hop.FRONT_CPU, 0.0) > 0) == (cell.labels["way"] == BEHIND) for entry in cell.rounds)
    assert not processes_mentioning(str(peers))
