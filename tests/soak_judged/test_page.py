"""docs/SECURITY.md names tests that there are, and faults that the soak has."""

from __future__ import annotations

import re
from pathlib import Path

from soak_rig.faults import FAULTS
from soak_rig.hostile import ACTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "SECURITY.md").read_text(encoding="utf-8")


def test_faults_that_the_page_names_exist() -> None:
    lists = re.findall(r"`tests/soak` \((`[^)]+)\)", PAGE)
    named = {name for text in lists for name in re.findall(r"`([a-z-]+)`", text)}
    assert len(named) >= 10
    assert named <= set(FAULTS) | set(ACTS)


def test_tests_that_the_page_names_exist() -> None:
    files = set(re.findall(r"`((?:integration|unit)/[^`]+)`", PAGE))
    assert len(files) >= 20
    assert not [name for name in files if not list((ROOT / "tests").glob(name))]
    fuzzers = set(re.findall(r"`fuzz_(\w+)`", PAGE))
    assert len(fuzzers) >= 7
    assert not [name for name in fuzzers if not list((ROOT / "tests" / "fuzz").glob(f"fuzz_{name}.c"))]


def test_each_promise_names_a_test() -> None:
    rows = re.findall(r"^\| (.+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
    promises = [tested for promised, _, tested in rows if promised != "Promised"]
    assert len(promises) >= 20
    assert all(re.search(r"`(?:integration|unit|tests)/[^`]+`", tested) for tested in promises)
