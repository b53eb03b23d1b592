"""Fixtures of the tests of upgrades; a pytest plugin that they name in `pytest_plugins`."""

from __future__ import annotations

from pathlib import Path

import pytest
from upgrade_support import install


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "bin" / "restmarkd"
    path.parent.mkdir()
    install(path)
    return path
