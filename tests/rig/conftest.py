"""Fixtures of the rig's tests. Run with: /usr/bin/python3 -m pytest tests/rig"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path[:0] = [str(BENCH), str(Path(__file__).resolve().parents[1])]
# As for a user, so that of some hundred starts of a command the first alone compiles it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
if build := os.environ.get("RESTMARK_BUILD"):
    # What Python compiles is kept as what C is, for the next run and the other processes of this one.
    sys.pycache_prefix, sys.dont_write_bytecode = str(Path(build) / "pycache"), False

from restmark_rig.contestants.cache import Cache, default_directory  # noqa: E402
from restmark_rig.load import load_program  # noqa: E402  (the path had to be set first)
from restmark_rig.store import dataset  # noqa: E402  (the path had to be set first)
from restmark_rig.store.dataset import Dataset  # noqa: E402

from timed import before_others  # noqa: E402

from . import guide  # noqa: E402
from .helpers import Silent, processes_mentioning, run_rig, wait_until  # noqa: E402

# Modules whose tests take longest, most of them as they start servers and load them. They begin first, so that none of them is what
# all others have to be waited for, and are marked slow.
LONGEST_FIRST = (
    "test_simulated_runs",
    "test_docs",
    "test_run_command",
    "test_run_faults",
    "test_run_memory",
    "test_agent",
    "test_behind_ssh",
    "test_limits",
    "test_scaling",
    "test_quick",
    "test_verify",
    "test_spread_run",
    "test_back_ends_run",
    "test_back_ends_verify",
    "test_back_ends",
    "test_cheaters",
    "test_dev_commands",
    "test_run_rate",
    "test_templates",
    "test_bad_surroundings",
    "test_report_browser",
    "test_supervised",
    "test_cross_check",
    "test_attach",
    "test_study_front",
    "test_setup",
    "test_pip_install",
    "test_others",
    "test_rest",
    "test_cli",
    "test_cli_signals",
)



def pytest_configure(config: pytest.Config) -> None:
    """Names the marks of these tests."""
    config.addinivalue_line("markers", "timed: its subject is time, and other work beside it would be in the figures: runs alone")
    config.addinivalue_line("markers", "slow: of a module whose tests take long: not in tests/run.sh --quick")
    config.addinivalue_line("markers", "long: takes a minute or more of CPU time: runs with RESTMARK_LONG=1 alone")
    config.addinivalue_line("markers", "xdist_group: these tests share what is dear to make, and run in one process")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many tests -n auto runs at a time: three for each CPU, as they wait for servers for most of their time."""
    return 3 * len(os.sched_getaffinity(0))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the long ones and puts them first; all processes of pytest-xdist have to come to the same order."""
    for item in items:
        if item.path.stem in LONGEST_FIRST:
            item.add_marker("slow")
        if item.get_closest_marker("long") and not os.environ.get("RESTMARK_LONG"):
            item.add_marker(pytest.mark.skip("it takes long: RESTMARK_LONG=1 runs it"))
    rank = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


@pytest.fixture()
def cache(tmp_path: Path) -> Cache:
    """An empty cache."""
    return Cache(tmp_path / "cache")


@pytest.fixture(scope="session")
def default_dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The default dataset, written once."""
    return dataset.write_default(tmp_path_factory.mktemp("dataset") / "default.msgpack")


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the guide's first command was typed, with a cache: my-api, of the template asgi, is built in it but once.

    Who uses it is of the xdist_group "workshop"."""
    folder = tmp_path_factory.mktemp("workshop")
    done = run_rig(folder / "cache", *guide.commands()[0], cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(autouse=True, scope="session")
def load_generator() -> None:
    """One restmark-load for all tests, whatever their caches: the one that is named, or the checkout's, built once."""
    program = load_program.provide(Cache(default_directory()), Silent())
    os.environ[load_program.VARIABLE] = str(program)


@pytest.fixture(autouse=True)
def timed_before_others(request: pytest.FixtureRequest) -> Iterator[None]:
    """A timed test and what it starts go before other work on the machine."""
    with before_others() if request.node.get_closest_marker("timed") else nullcontext():
        yield


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """After each test no process and no control group of it may be left: the rig stops all that it starts."""
    yield
    assert wait_until(lambda: not processes_mentioning(str(tmp_path))), processes_mentioning(str(tmp_path))
