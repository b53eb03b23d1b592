"""Makes bench/ importable, and gives a server that misbehaves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from bad_server import BadServer


@pytest.fixture
def bad() -> Iterator[BadServer]:
    with BadServer() as server:
        yield server
