"""bench/micro/go-codecs and rust-codecs: that every case runs and is told of. Figures are not a test's business."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest
from peer_process import BUILD_TIMEOUT_S, REPO, Peer

pytestmark = pytest.mark.long  # Rust compiles for minutes
WORKS = {
    "go-codecs": {"parse MessagePack": 4, "encode JSON": 11, "write a double": 1},
    "rust-codecs": {"parse MessagePack": 10, "encode JSON": 10, "write a double": 4},
}
COMPARED = {
    "go-codecs": {"Go", "bytedance/sonic", "go-json-experiment/json", "goccy/go-json", "segmentio/encoding", "tinylib/msgp", "vmihailenco/msgpack/v5"},
    "rust-codecs": {"Rust", "rmp-serde", "rmp", "serde_json", "simd-json", "sonic-rs", "ryu", "zmij", "mimalloc"},
}
FIRST_CASES = {"go-codecs": ("vmihailenco/msgpack, owned", "encoding/json", "strconv.AppendFloat"), "rust-codecs": ("rmp-serde, owned", "serde_json", "ryu")}
# Work -> what all others are compared with, and the languages that have cases of it.
TABLE = {
    "parse MessagePack": ("C: restmarkd, structs", {"C", "Rust", "Go", "Python"}),
    "encode JSON": ("C: restmarkd, structs", {"C", "Rust", "Go", "Python"}),
    "write a double": ("C: restmarkd, double_text", {"C", "Rust", "Go"}),
}


@pytest.fixture(params=WORKS)
def program(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "go-codecs" and (reason := Peer("go-fasthttp").missing()):
        pytest.skip(reason)
    if name == "rust-codecs" and shutil.which("cargo") is None:
        pytest.skip("cargo not found; the manifests of the Rust peers say how to get it")
    return name


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [str(REPO / "bench" / "micro" / program), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False)


def test_every_case_has_a_figure_of_every_round(program: str) -> None:
    done = run(program, "--rounds", "3", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == f"restmark-{program}/1"
    assert set(document["versions"]) == COMPARED[program]
    assert {work: len(cases) for work, cases in document["rounds"].items()} == WORKS[program]
    for cases in document["rounds"].values():
        for name, values in cases.items():
            assert len(values) == 3 and all(value > 0 for value in values), name


def test_the_table_compares_with_the_first_case(program: str) -> None:
    done = run(program, "--rounds", "3")
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    for first in FIRST_CASES[program]:
        (line,) = [line for line in lines if line.startswith(first + "  ")]
        assert " 1.000x" in line


def test_one_table_of_all_languages() -> None:
    if (reason := Peer("go-fasthttp").missing()) or shutil.which("cargo") is None or "RESTMARK_BUILD" not in os.environ:
        pytest.skip(reason or "cargo or $RESTMARK_BUILD is not there")
    done = run("codecs", "--rounds", "3", "--json", "--build", os.environ["RESTMARK_BUILD"])
    assert done.returncode == 0, done.stderr
    rounds = json.loads(done.stdout)["rounds"]
    assert {work: (next(iter(cases)), {case.partition(":")[0] for case in cases}) for work, cases in rounds.items()} == TABLE
    for cases in rounds.values():
        assert {len(values) for values in cases.values()} == {12}


def test_too_few_rounds_are_refused() -> None:
    for name in WORKS:
        done = run(name, "--rounds", "2")
        assert done.returncode == 2 and "--rounds has to be 3 or more" in done.stderr, name
