"""Fixtures of the rig's tests. Run with: /usr/bin/python3 -m pytest tests/rig"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

from restmark_rig.contestants.cache import Cache, default_directory  # noqa: E402
from restmark_rig.load import load_program  # noqa: E402  (the path had to be set first)
from restmark_rig.store import dataset  # noqa: E402  (the path had to be set first)
from restmark_rig.store.dataset import Dataset  # noqa: E402

from .helpers import Silent, processes_mentioning, wait_until  # noqa: E402


@pytest.fixture()
def cache(tmp_path: Path) -> Cache:
    """An empty cache."""
    return Cache(tmp_path / "cache")


@pytest.fixture(scope="session")
def default_dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The default dataset, written once."""
    return dataset.write_default(tmp_path_factory.mktemp("dataset") / "default.msgpack")


@pytest.fixture(autouse=True, scope="session")
def load_generator() -> None:
    """One restmark-load for all tests, whatever their caches: the one that is named, or the checkout's, built once."""
    program = load_program.provide(Cache(default_directory()), Silent())
    os.environ[load_program.VARIABLE] = str(program)


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """After each test no process and no control group of it may be left: the rig stops all that it starts."""
    yield
    assert wait_until(lambda: not processes_mentioning(str(tmp_path))), processes_mentioning(str(tmp_path))
