"""Files of older rigs are read: with the keys that came while their version was current, and without them."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from restmark_rig.model.results import Rig
from restmark_rig.store import results_file, results_upgrade, rig_identity
from restmark_rig.store.results_file import ResultsError

# As `restmark run` of version 1 wrote them, shortened: the first one, before the machine's speed was looked at, and the last.
FIRST = Path(__file__).with_name("old_results") / "version-1-first.json"
LAST = Path(__file__).with_name("old_results") / "version-1-last.json"


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def test_the_files_are_what_they_stand_for() -> None:
    first, last = load(FIRST), load(LAST)
    later = {"reference_ns", "handover_ns", "idle_latency_us"}
    assert not later & set(first) and later <= set(last)
    assert first["version"] == last["version"] == 1
    assert "attempts" not in first["cells"][0]["rounds"][0]


@pytest.mark.parametrize("path", [FIRST, LAST], ids=["first", "last"])
def test_an_old_file_is_read_and_its_figures_stay(path: Path) -> None:
    old, results = load(path), results_file.read(path)
    assert [len(cell.rounds) for cell in results.cells] == [len(cell["rounds"]) for cell in old["cells"]]
    for cell, before in zip(results.cells, old["cells"], strict=True):
        assert [entry.requests for entry in cell.rounds] == [entry["requests"] for entry in before["rounds"]]
        assert [entry.server_cpu_ns for entry in cell.rounds] == [entry["server_cpu_ns"] for entry in before["rounds"]]
    assert results.settings.mix is None and results.settings.baseline is None
    assert results.rig is None and results.contestants[0].build_fingerprint is None
    assert results.reference_ns == old.get("reference_ns")
    assert results.handover_ns == old.get("handover_ns")


def test_what_was_not_recorded_is_not_invented() -> None:
    results = results_file.read(FIRST)
    assert {record.level for record in results.contestants} == {None}
    entry = results.cells[0].rounds[0]
    assert entry.slowdown_permille is None and entry.attempts == 1
    assert entry.errors.body is None and entry.errors.malformed is None


def test_complete_rounds_follow_from_the_visits() -> None:
    document = load(LAST)
    assert results_upgrade.upgrade(document)["complete_rounds"] == [1, 2]
    document["cells"][0]["rounds"].pop()
    document["complete"] = False
    upgraded = results_upgrade.upgrade(document)
    assert upgraded["complete_rounds"] == [1]
    assert upgraded["interrupted"] == "by what, its rig did not record"


def test_the_old_document_is_left_alone_and_the_new_one_stays_as_it_is() -> None:
    document = load(FIRST)
    before = copy.deepcopy(document)
    upgraded = results_upgrade.upgrade(document)
    assert document == before
    assert results_upgrade.upgrade(upgraded) == upgraded


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("cells", None, "cells: None is not of type 'array'"),
        ("cells", [3], r"cells\[0\]: 3 is not of type 'object'"),
        ("contestants", "x", "contestants: 'x' is not of type 'array'"),
        ("order", [{"round": [1], "contestant": {}}], r"order\[0\]"),
        ("settings", [], r"settings: \[\] is not of type 'object'"),
        ("invented", 1, "Additional properties are not allowed"),
    ],
)
def test_a_faulty_old_file_is_refused_with_its_key(key: str, value: Any, told: str) -> None:
    with pytest.raises(ResultsError, match=told):
        results_file.from_document({**load(LAST), key: value}, "old.json")


def test_an_old_file_that_lost_a_key_it_always_had_is_refused() -> None:
    document = load(FIRST)
    del document["seed"]
    with pytest.raises(ResultsError, match="'seed' is a required property"):
        results_file.from_document(document, "old.json")


def _git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@b")
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


def test_the_rig_knows_its_commit_and_whether_something_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "bench" / "restmark_rig"
    package.mkdir(parents=True)
    (tmp_path / "bench" / "peers").mkdir()
    (package / "a.py").write_text("1")
    monkeypatch.setattr(rig_identity, "PACKAGE", package)
    monkeypatch.setattr(rig_identity, "_CHECKOUT", tmp_path)

    def look() -> Rig:
        rig_identity.describe.cache_clear()
        return rig_identity.describe()

    outside = look()
    assert (outside.commit, outside.dirty) == (None, None)
    _git(tmp_path, "init", "-q")
    assert look().commit is None, "no commit yet"
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-qm", "one")
    clean = look()
    assert clean.commit is not None and len(clean.commit) == 40 and clean.dirty is False
    assert clean.sha256 == outside.sha256
    (package / "a.py").write_text("2")
    changed = look()
    assert (changed.commit, changed.dirty) == (clean.commit, True)
    assert changed.sha256 != clean.sha256
    rig_identity.describe.cache_clear()
