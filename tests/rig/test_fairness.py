"""The fairness table: what manifests say, what builds have, and that docs/BIAS.md has it as it is."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from restmark_rig.contestants import contestant, fairness, registry
from restmark_rig.contestants.cache import Cache
from restmark_rig.contestants.contestant import BuildPlan, Contestant
from restmark_rig.model.errors import ManifestError
from restmark_rig.model.results import TUNED
from restmark_rig.store.dataset import Dataset
from restmark_rig.verify.checks import Verdict

from .helpers import ROOT, write_contestant
from .test_cheaters import verify

PEERS = ROOT / "bench" / "peers"
SAID = 'strings = "owned"\nbuffers = "new"\nallocator = "glibc"\ncollector = "none"\nhttp_parser = "own"\ndate = {date}\nskips = "nothing"'


def manifest(parent: Path, extra: str = "", name: str = "one") -> Contestant:
    return contestant.load(write_contestant(parent, name, ["x", "{port}"], extra))


def built(subject: Contestant, *steps: tuple[str, ...], **env: str) -> Contestant:
    return replace(subject, build=BuildPlan(steps, ("*",), env))


def test_the_page_has_the_table_of_the_manifests() -> None:
    done = subprocess.run([ROOT / "docs" / "draw-fairness", "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", registry.built_in_names(PEERS))
def test_each_compiled_contestant_is_built_for_the_target_of_all(name: str) -> None:
    plan = contestant.load(PEERS / name).build
    compilers = {
        "cargo": "-Ctarget-cpu={target_rust}", "go": "{target_go}", "cmake": "-DCMAKE_C_FLAGS={target_cc}", "cc": "{target_cc}", "g++": "{target_cc}"
    }  # fmt: skip
    for step in plan.steps if plan else ():
        if (compiler := Path(step[0]).name) in compilers and "--build" not in step:
            assert plan is not None
            assert compilers[compiler] in {*step, *plan.env.values()}


@pytest.mark.parametrize("name", registry.built_in_names(PEERS))
def test_each_built_in_contestant_says_what_makes_it_comparable(name: str) -> None:
    subject = contestant.load(PEERS / name)
    assert subject.fairness is not None
    assert (subject.fairness.strings == "none") == (subject.model == "none")


def test_flags_are_read_from_the_builds() -> None:
    flags = {name: fairness.built_with(contestant.load(PEERS / name)) for name in registry.built_in_names(PEERS)}
    assert flags["rust-axum"] == "opt-level=3, lto=fat, codegen-units=1"
    assert flags["restmarkd"] == "-O2, -g, LTO"
    assert flags["epoll-limit"] == "-O2"
    assert flags["go-nethttp"] == "go build"
    assert flags["python-granian"] == flags["nginx"] == "–"


def test_what_aims_at_a_cpu_or_uses_a_profile_is_named(tmp_path: Path) -> None:
    subject = manifest(tmp_path)
    step = ("/usr/bin/gcc", "-O3", "-march=native", "-Wall", "-flto", "-std=gnu17", "-lm", "-o", "{build}/x", "x.c")
    assert fairness.built_with(built(subject, step)) == "-O3, -march=native, -flto"
    go = built(subject, ("go", "build", "-trimpath", "-pgo=off", "-o", "{build}/x", "."), GOAMD64="v3", GOFLAGS="-mod=readonly")
    assert fairness.built_with(go) == "go build, -pgo=off, GOAMD64=v3"
    (subject.directory / "default.pgo").touch()
    assert fairness.built_with(go) == "go build, -pgo=off, PGO, GOAMD64=v3"


def test_the_table_says_who_does_not_say(tmp_path: Path) -> None:
    said = replace(manifest(tmp_path, "[fairness]\n" + SAID.format(date="true"), "said"), level=TUNED)
    rows = fairness.table([said, manifest(tmp_path)]).splitlines()
    assert rows[2] == "| `said` * | Python | owned | new | glibc | none | – | own | yes | nothing |"
    assert rows[3].count("not said") == 7
    assert len({row.count("|") for row in rows}) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SAID.format(date='"yes"'), "key 'fairness.date' has the wrong value \"yes\""),
        (SAID.format(date="true").replace("owned", "borrowed"), "key 'fairness.strings' has the wrong value \"borrowed\""),
        (SAID.format(date="true").replace('skips = "nothing"', ""), "key 'fairness.skips' is missing"),
        (SAID.format(date="true") + "\nlto = true", "key 'fairness.lto' is unknown"),
        (SAID.format(date="true").replace("glibc", "a | b"), "key 'fairness.allocator' has the wrong value"),
    ],
)
def test_a_faulty_table_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ManifestError) as caught:
        manifest(tmp_path, "[fairness]\n" + text)
    assert told in str(caught.value)


@pytest.mark.parametrize(("date", "verdict"), [("true", Verdict.NOTE), ("false", Verdict.OK)])
def test_verify_notes_a_date_that_is_not_as_the_manifest_says(
    tmp_path: Path, cache: Cache, default_dataset: Dataset, date: str, verdict: Verdict
) -> None:
    report = verify(tmp_path, cache, default_dataset, "none", ("type",), extra="[fairness]\n" + SAID.format(date=date))
    assert {finding.verdict for finding in report.findings} == {verdict}
    if verdict is Verdict.NOTE:
        assert report.findings[0].message == "the manifest says fairness.date = true, but answers have no Date"
