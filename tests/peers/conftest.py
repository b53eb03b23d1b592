"""Which contestants are tested when. RESTMARK_LONG=1, which tests/run.sh --long sets, tests all of them; else two kinds are left out, by name:

- those that are optional (contestant.toml), which take part in a run by --all or by name alone;
- those that cargo compiles, in minutes, until `restmark build` or an earlier test has done so on this machine.
"""

from __future__ import annotations

import os
import tomllib

import pytest
from peer_process import PEERS
from restmark_rig.contestants import contestant
from restmark_rig.contestants.cache import Cache, default_directory

LONG = bool(os.environ.get("RESTMARK_LONG"))
TAKES_MINUTES = "cargo"
REMEDY = "RESTMARK_LONG=1 tests it"


def left_out(name: str) -> str | None:
    """Why a contestant is not tested now; None if it is."""
    folder = PEERS / name
    manifest = tomllib.loads((folder / "contestant.toml").read_text(encoding="utf-8"))
    if manifest.get("optional"):
        return f"{name} is optional: {REMEDY}"
    if TAKES_MINUTES not in {required["command"] for required in manifest.get("requires", [])}:
        return None
    if Cache(default_directory()).build_dir(contestant.load(folder)).is_dir():
        return None
    return f"{name} takes minutes to compile: {REMEDY}"


def pytest_configure(config: pytest.Config) -> None:
    """Names the mark of these tests."""
    config.addinivalue_line("markers", "long: compiles for minutes: runs with RESTMARK_LONG=1 alone")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out what is not tested now."""
    if LONG:
        return
    for item in items:
        name = item.callspec.params.get("peer") if isinstance(item, pytest.Function) and hasattr(item, "callspec") else None
        reason = left_out(name) if name else None
        if item.get_closest_marker("long"):
            reason = f"it compiles for minutes: {REMEDY}"
        if reason:
            item.add_marker(pytest.mark.skip(reason))
