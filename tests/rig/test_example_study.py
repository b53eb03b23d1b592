"""A contestant and a study are added without touching the rig: a folder anywhere, and a module that imports the rig's packages."""

from __future__ import annotations

import json
from pathlib import Path

from restmark_rig.contestants.cache import Cache
from restmark_rig.store.dataset import Dataset

from . import example_study
from .helpers import call_rig, cheater_argv, write_contestant


def test_a_study_of_two_contestants_from_anywhere(tmp_path: Path, default_dataset: Dataset, cache: Cache) -> None:
    folders = [write_contestant(tmp_path, name, cheater_argv("none")) for name in ("one", "another")]
    found = example_study.ratio(folders, default_dataset.path, cache, rounds=3)
    assert found.low is not None and found.high is not None
    assert 0 < found.low < found.value < found.high


def test_a_contestant_from_anywhere_is_listed_beside_the_others(tmp_path: Path) -> None:
    folder = write_contestant(tmp_path, "of-my-own", cheater_argv("none"))
    done = call_rig(tmp_path / "cache", "-C", folder, "--all", "list", "--json")
    names = [entry["name"] for entry in json.loads(done.stdout)]
    assert "of-my-own" in names and "restmarkd" in names
